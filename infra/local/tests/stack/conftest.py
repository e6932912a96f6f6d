"""The whole product as a user starts it, for tests that come to it from outside: boto3 and plain HTTP."""

import json
import os
import pathlib
import signal
import subprocess
import time
import urllib.error
import urllib.request

import boto3
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[4]
OFFSET = 1200


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

    def __init__(self, process, env):
        self.process = process
        self.env = env
        self.sqs = boto3.client(
            "sqs",
            endpoint_url=env["AWS_ENDPOINT_URL"],
            region_name=env["AWS_REGION"],
            aws_access_key_id=env["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=env["AWS_SECRET_ACCESS_KEY"],
        )
        self.events_queue = env["EVENTS_QUEUE_URL"]

    def request(self, method, path, body=None, key=None):
        """One call of the HTTP API: status and JSON."""
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(self.env["API_URL"] + path, data=data, method=method)
        request.add_header("Authorization", f"Bearer {key or self.env['API_KEY']}")
        if data is not None:
            request.add_header("Content-Type", "application/json")
        return call(request)

    def api(self, method, path, body=None, expect=200):
        status, answer = self.request(method, path, body)
        assert status == expect, (status, answer)
        return answer

    def create_webhook(self, workspace, inbox, **fields):
        body = {"url": f"{self.env['OUTSIDE_URL']}/inbox/{inbox}", "events": ["*"], **fields}
        return self.api("POST", f"/v1/workspaces/{workspace}/webhooks", body, expect=201)

    def behave(self, inbox, **behaviour):
        """Sets how an inbox answers."""
        request = urllib.request.Request(
            f"{self.env['OUTSIDE_URL']}/inbox/{inbox}/behaviour",
            data=json.dumps(behaviour).encode(),
            method="PUT",
            headers={"Content-Type": "application/json"},
        )
        status, answer = call(request)
        assert status < 300, answer

    def arrivals(self, inbox):
        """What an inbox received, oldest first."""
        _, answer = call(urllib.request.Request(f"{self.env['OUTSIDE_URL']}/inbox/{inbox}/requests"))
        return answer["items"] if isinstance(answer, dict) else answer

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


def call(request):
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            status, body = response.status, response.read()
    except urllib.error.HTTPError as error:
        status, body = error.code, error.read()
    return status, json.loads(body) if body else None


@pytest.fixture(scope="session")
def stack():
    """One stack for all tests, with retries that follow within seconds; the real schedule has a test of its own.

    Needs `cargo build --workspace --all-targets --all-features` before it, as `infra/check` does.
    """
    env_file = ROOT / "target" / f"local-{OFFSET}" / "env"
    env_file.unlink(missing_ok=True)
    binaries = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "debug"
    command = [binaries / "local", "--bin-dir", binaries, "--port-offset", str(OFFSET)]
    command += ["--set", "RetrySchedule=2s,2s,2s,2s,2s"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        for line in process.stdout:
            if line.startswith("ready"):
                break
        assert process.poll() is None, "the stack did not start"
        env = dict(line.split("=", 1) for line in env_file.read_text().splitlines())
        yield Stack(process, env)
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
