"""The whole product as a user starts it, for tests that come to it from outside: boto3 and plain HTTP."""

import contextlib
import dataclasses
import json
import os
import pathlib
import signal
import subprocess
import time
import urllib.error
import urllib.request

import boto3

ROOT = pathlib.Path(__file__).resolve().parents[4]

def wait_for(condition, seconds, what):
    """The condition's first true value; fails when there is none in time."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.1)


class Stack:
    """A running local stack."""

    def __init__(self, process, env, directory, output):
        self.process = process
        self.env = env
        self.logs = directory / "logs"
        self.permissions = directory / "permissions.jsonl"
        self.output = output
        self.answers = []
        self.sqs = self.aws("sqs")
        self.events_queue = env["EVENTS_QUEUE_URL"]

    def aws(self, service):
        return boto3.client(
            service,
            endpoint_url=self.env["AWS_ENDPOINT_URL"],
            region_name=self.env["AWS_REGION"],
            aws_access_key_id=self.env["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.env["AWS_SECRET_ACCESS_KEY"],
        )

    def request(self, method, path, body=None, key=None):
        """One call of the HTTP API: status and JSON. The whole answer is kept in `answers`."""
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(self.env["API_URL"] + path, data=data, method=method)
        request.add_header("Authorization", f"Bearer {key or self.env['API_KEY']}")
        if data is not None:
            request.add_header("Content-Type", "application/json")
        status, headers, answer = exchange(request)
        self.answers.append(Answer(method, path, status, headers, answer))
        return status, json.loads(answer) if answer else None

    def api(self, method, path, body=None, expect=200, key=None):
        status, answer = self.request(method, path, body, key)
        allowed = expect if isinstance(expect, tuple) else (expect,)
        assert status in allowed, (method, path, status, answer)
        return answer

    def outside(self, method, path, body=None):
        """One call of the outside world's own controls."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.env["OUTSIDE_URL"] + path, data=data, method=method)
        request.add_header("Content-Type", "application/json")
        status, answer = call(request)
        assert status < 300, (status, answer)
        return answer

    def create_webhook(self, workspace, inbox, **fields):
        body = {"url": f"{self.env['OUTSIDE_URL']}/inbox/{inbox}", "events": ["*"], **fields}
        return self.api("POST", f"/v1/workspaces/{workspace}/webhooks", body, expect=201)

    def behave(self, inbox, **behaviour):
        """Sets how an inbox answers."""
        self.outside("PUT", f"/inbox/{inbox}/behaviour", behaviour)

    def arrivals(self, inbox):
        """What an inbox received, oldest first."""
        return self.outside("GET", f"/inbox/{inbox}/requests")

    def deliveries(self, workspace, webhook, query=""):
        """The whole delivery log of a webhook, page after page."""
        found, cursor = [], ""
        while True:
            path = f"/v1/workspaces/{workspace}/webhooks/{webhook}/deliveries?limit=100{query}{cursor}"
            page = self.api("GET", path)
            found += page["items"]
            if page["next_cursor"] is None:
                return found
            cursor = f"&cursor={page['next_cursor']}"

    def publish(self, *messages):
        """Puts messages on the events queue, as they are."""
        for start in range(0, len(messages), 10):
            entries = [{"Id": str(i), "MessageBody": body} for i, body in enumerate(messages[start : start + 10])]
            answer = self.sqs.send_message_batch(QueueUrl=self.events_queue, Entries=entries)
            assert not answer.get("Failed"), answer

    def queue(self, name_part):
        (url,) = [url for url in self.sqs.list_queues()["QueueUrls"] if name_part in url]
        return url

    def waiting(self, queue):
        """Messages on a queue: visible, in flight, delayed."""
        names = ["", "NotVisible", "Delayed"]
        names = [f"ApproximateNumberOfMessages{name}" for name in names]
        attributes = self.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=names)["Attributes"]
        return sum(int(attributes[name]) for name in names)

    def function_pids(self, name):
        """The processes of a function: children of the stack that bear its name (the kernel cuts it to 15)."""
        pids = []
        for entry in pathlib.Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                stat = (entry / "stat").read_text()
            except OSError:
                continue
            command, rest = stat[stat.index("(") + 1 :].rsplit(")", 1)
            if command == name[:15] and int(rest.split()[1]) == self.process.pid:
                pids.append(int(entry.name))
        return pids


@dataclasses.dataclass(frozen=True)
class Answer:
    """What the HTTP API said."""

    method: str
    path: str
    status: int
    headers: str
    body: bytes


def exchange(request):
    """Status, headers and raw body."""
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.status, str(response.headers), response.read()
    except urllib.error.HTTPError as error:
        return error.code, str(error.headers), error.read()


def call(request):
    status, _, body = exchange(request)
    return status, json.loads(body) if body else None


@contextlib.contextmanager
def running(offset, output, settings, template=None):
    """A stack at a port offset, with these parameters of the template; what it prints goes to the file `output`.

    Needs `cargo build --workspace --all-targets --all-features` before it, as `infra/check` does.
    """
    directory = ROOT / "target" / f"local-{offset}"
    env_file = directory / "env"
    env_file.unlink(missing_ok=True)
    binaries = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "debug"
    command = [binaries / "local", "--bin-dir", binaries, "--port-offset", str(offset)]
    command += [] if template is None else ["--template", template]
    for name, value in settings.items():
        command += ["--set", f"{name}={value}"]
    with output.open("w") as file:
        process = subprocess.Popen(command, cwd=ROOT, stdout=file, stderr=subprocess.STDOUT)

    def ready():
        assert process.poll() is None, f"the stack did not start:\n{output.read_text()}"
        return any(line.startswith("ready") for line in output.read_text().splitlines())

    try:
        wait_for(ready, 60, "the stack is ready")
        env = dict(line.split("=", 1) for line in env_file.read_text().splitlines())
        yield Stack(process, env, directory, output)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    assert process.returncode == 0
    assert not env_file.exists()
    assert not os.path.exists(f"/proc/{process.pid}")
