"""The three queue services that the same tests run against, each a process of its own on a free port."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[4]
START_TIMEOUT_SECONDS = 30


class Backend:
    """A running service: where it is and how it answers."""

    def __init__(self, name, port):
        self.name = name
        self.url = f"http://127.0.0.1:{port}"

    def post(self, target, body):
        """One call with no client in between: status, headers, body."""
        headers = {
            "content-type": "application/x-amz-json-1.0",
            "x-amz-target": target,
            # moto tells services and accounts apart by the signature's scope; nobody checks the signature.
            "authorization": "AWS4-HMAC-SHA256 Credential=test/20260329/us-east-1/sqs/aws4_request, "
            "SignedHeaders=host, Signature=0",
        }
        request = urllib.request.Request(self.url + "/", body, headers, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=10) as response:
                return response.status, response.headers, response.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.headers, error.read()


@contextmanager
def engine():
    """Our engine, built and served by the crate's example."""
    process = subprocess.Popen(
        [build_example(), "--port", "0"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        line = process.stdout.readline().strip()
        prefix = "listening on "
        if not line.startswith(prefix):
            raise RuntimeError(f"the example did not start: {line!r}")
        yield ready(Backend("engine", int(line.removeprefix(prefix))), process)
    finally:
        process.stdin.close()
        end(process)


def build_example():
    command = ["cargo", "build", "-p", "sqs", "--example", "serve", "--message-format", "json"]
    build = subprocess.run(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True, check=True)
    messages = (json.loads(line) for line in build.stdout.splitlines() if line.startswith("{"))
    built = [
        message["executable"]
        for message in messages
        if message["reason"] == "compiler-artifact" and message["target"]["kind"] == ["example"]
    ]
    return built[-1]


@contextmanager
def moto():
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with process_of(command, {}) as process:
        yield ready(Backend("moto", port), process)


@contextmanager
def ministack():
    port = free_port()
    environment = {
        "GATEWAY_PORT": str(port),
        "BIND_HOST": "127.0.0.1",
        "SERVICES": "sqs,dynamodb,kms,s3,lambda,apigateway,cloudformation,iam,sts,logs",
    }
    with process_of([sys.executable, "-m", "ministack"], environment) as process:
        yield ready(Backend("ministack", port), process)


@contextmanager
def process_of(command, environment):
    process = subprocess.Popen(
        command,
        env=os.environ | environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.terminate()
        end(process)


def end(process):
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def ready(backend, process):
    """The backend, as soon as it answers; an error if it ends or does not answer in time."""
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"{backend.name} ended with status {process.returncode}")
        try:
            status, _, _ = backend.post("AmazonSQS.ListQueues", b"{}")
            if status == 200:
                return backend
        except OSError:
            pass
        time.sleep(0.05)
    raise RuntimeError(f"{backend.name} did not answer within {START_TIMEOUT_SECONDS} s")


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


ALL = {"engine": engine, "moto": moto, "ministack": ministack}
