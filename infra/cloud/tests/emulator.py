"""AWS as ministack plays it, an emulator that we did not write, and the translated template deployed on it.

It enforces IAM (`AUTH`): each function calls with its own role, and what the role's policies, the queues' policies or
the key's policy do not allow is denied. The functions are the real binaries, run as processes; nothing needs Docker.

What it cannot do is listed in `gaps.py`, with the reasons. Everything else of the template is deployed as it stands.
"""

import contextlib
import http.client
import http.server
import io
import json
import os
import pathlib
import platform
import signal
import socket
import subprocess
import sys
import threading
import zipfile

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from running_stack import ROOT, wait_for
from translate import BUCKET, REGION

SERVICES = "acm,apigateway,cloudformation,dynamodb,events,iam,kms,lambda,logs,monitoring,route53,s3,sns,sqs,sts"
STACK = "delivery"
ACCOUNT_KEY = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
ARCHITECTURE = {"x86_64": "x86_64", "aarch64": "arm64"}[platform.machine()]
# Made by `sam build`, as `infra/cloud/check` calls it: <LogicalId>/bootstrap.
ARTIFACTS = pathlib.Path(os.environ.get("ARTIFACTS", ROOT / "target" / "check" / "artifacts" / ARCHITECTURE))


# Processes ----------------------------------------------------------------------------------------------------------


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Emulator:
    """A running ministack."""

    def __init__(self, port, log):
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.log = log

    def aws(self, service, **credentials):
        """A client with the account's own key, which may do everything, or with another one."""
        return boto3.client(service, endpoint_url=self.url, region_name=REGION, **(credentials or ACCOUNT_KEY))

    def answers(self):
        try:
            return self.aws("sts").get_caller_identity()
        except (BotoCoreError, ClientError):
            return None


@contextlib.contextmanager
def emulator(directory):
    """Ministack on a free port. Its files are below `directory`, and it ends with everything that it has started."""
    port = free_port()
    found = Emulator(port, directory / "ministack.log")
    # Nothing but this: the functions get the whole environment of the emulator.
    environment = {
        "PATH": os.environ["PATH"],
        "TMPDIR": str(directory),
        "SERVICES": SERVICES,
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "AUTH": "true",
        "AWS_ENDPOINT_URL": found.url,
    }
    with found.log.open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "ministack"],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def ready():
        assert process.poll() is None, f"ministack did not start:\n{found.log.read_text()}"
        return found.answers()

    try:
        wait_for(ready, 60, "ministack answers")
        yield found
    finally:
        end_group(process)


def end_group(process):
    """Ends a process that leads a group, and what is left of the group."""
    process.terminate()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        pass
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@contextlib.contextmanager
def outside_world():
    """The address of the local stack's outside world, served alone: inboxes, and Twilio's simulator."""
    process = subprocess.Popen([build_outside()], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        line = process.stdout.readline().strip()
        assert line.startswith("listening on "), f"the outside world did not start: {line!r}"
        yield f"http://127.0.0.1:{line.removeprefix('listening on ')}"
    finally:
        process.stdin.close()
        process.wait(timeout=10)


def build_outside():
    # With the features of the whole workspace, as `infra/check` has built it: nothing is compiled twice.
    workspace = ["--workspace", "--all-features"]
    command = ["cargo", "build", *workspace, "--example", "outside", "--message-format", "json"]
    build = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    messages = (json.loads(line) for line in build.stdout.splitlines() if line.startswith("{"))
    return [message["executable"] for message in messages if message.get("executable")][-1]


class Forward(http.server.BaseHTTPRequestHandler):
    """Hands on what comes to the server's `port_behind`, as called for at its `domain`."""

    protocol_version = "HTTP/1.1"

    def forward(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port_behind, timeout=30)
        with contextlib.closing(connection):
            connection.request(self.command, self.path, body, {**headers, "Host": self.server.domain})
            answer = connection.getresponse()
            content = answer.read()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = forward

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def public_address(emulator, domain):
    """An address on this machine for the API at `domain`, known before there is an API."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Forward)
    server.port_behind, server.domain = emulator.port, domain
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


# Deployment ---------------------------------------------------------------------------------------------------------


def upload(emulator, template):
    """Puts the template, and each function's binary as it is built, where the template says."""
    s3 = emulator.aws("s3")
    s3.create_bucket(Bucket=BUCKET)
    for name, resource in template["Resources"].items():
        if resource["Type"] == "AWS::Lambda::Function":
            code = resource["Properties"]["Code"]
            s3.put_object(Bucket=code["S3Bucket"], Key=code["S3Key"], Body=zipped(ARTIFACTS / name / "bootstrap"))
    s3.put_object(Bucket=BUCKET, Key="template.json", Body=json.dumps(template).encode())


def zipped(binary):
    assert binary.is_file(), f"{binary} is missing: run infra/cloud/check, or name in ARTIFACTS what `sam build` made"
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.write(binary, "bootstrap")
    return archive.getvalue()


def deploy(emulator, parameters):
    """Deploys the uploaded template; returns its outputs."""
    cloudformation = emulator.aws("cloudformation")
    cloudformation.create_stack(
        StackName=STACK,
        TemplateURL=f"{emulator.url}/{BUCKET}/template.json",
        Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()],
        Capabilities=["CAPABILITY_IAM"],
    )

    def settled():
        (stack,) = cloudformation.describe_stacks(StackName=STACK)["Stacks"]
        return None if stack["StackStatus"].endswith("_IN_PROGRESS") else stack

    stack = wait_for(settled, 60, "the stack is deployed")
    assert stack["StackStatus"] == "CREATE_COMPLETE", failures(cloudformation)
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


def failures(cloudformation):
    events = cloudformation.describe_stack_events(StackName=STACK)["StackEvents"]
    failed = [event for event in events if event["ResourceStatus"].endswith("FAILED")]
    return [(event["LogicalResourceId"], event.get("ResourceStatusReason")) for event in failed]
