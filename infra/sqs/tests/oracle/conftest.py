"""Every test runs against every backend, unless it names one as deviating from AWS's documentation."""

import itertools

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

import backends

CODE_PREFIX = "AWS.SimpleQueueService."


def pytest_configure(config):
    config.addinivalue_line(
        "markers", "deviates(backend, reason): this backend does not do here what AWS documents"
    )


@pytest.fixture(scope="session", params=backends.ALL)
def running(request):
    with backends.ALL[request.param]() as backend:
        yield backend


@pytest.fixture
def backend(running, request):
    for marker in request.node.iter_markers("deviates"):
        name, reason = marker.args
        assert name in backends.ALL and name != "engine"
        if name == running.name:
            pytest.skip(f"{name}: {reason}")
    return running


@pytest.fixture
def aws(backend):
    return Aws(backend)


@pytest.fixture
def queue(aws):
    return aws.queue()


class Aws:
    """The client, as the product's users have it."""

    names = (f"queue-{number}" for number in itertools.count())

    def __init__(self, backend):
        self.backend = backend
        self.client = boto3.client(
            "sqs",
            endpoint_url=backend.url,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(retries={"total_max_attempts": 1}),
        )

    def queue(self, **attributes):
        return self.named_queue(next(self.names), **attributes)

    def named_queue(self, name, **attributes):
        answer = self.client.create_queue(QueueName=name, Attributes=attributes)
        return Queue(self.client, name, answer["QueueUrl"])


class Queue:
    """A queue and the calls on it."""

    def __init__(self, client, name, url):
        self.client = client
        self.name = name
        self.url = url

    def __getattr__(self, action):
        call = getattr(self.client, action)
        return lambda **request: call(QueueUrl=self.url, **request)

    def send(self, body="a", **request):
        return self.send_message(MessageBody=body, **request)

    def receive(self, **request):
        """Up to ten messages with all that belongs to them."""
        request = {
            "MaxNumberOfMessages": 10,
            "MessageSystemAttributeNames": ["All"],
            "MessageAttributeNames": ["All"],
        } | request
        return self.receive_message(**request).get("Messages", [])

    def receive_one(self, **request):
        (message,) = self.receive(**request)
        return message

    def received(self):
        """The handle of a message just sent and received."""
        self.send()
        return self.receive_one()["ReceiptHandle"]

    def change(self, handle, timeout):
        return self.change_message_visibility(ReceiptHandle=handle, VisibilityTimeout=timeout)

    def release(self, message):
        self.change(message["ReceiptHandle"], 0)

    def delete(self, handle):
        return self.delete_message(ReceiptHandle=handle)

    def attributes(self):
        return self.get_queue_attributes(AttributeNames=["All"])["Attributes"]

    def counts(self):
        """Visible, in flight, delayed."""
        attributes = self.attributes()
        names = ("", "NotVisible", "Delayed")
        return tuple(int(attributes["ApproximateNumberOfMessages" + name]) for name in names)


@pytest.fixture
def refused():
    """A check that a call is refused with an error code (or one of several), in the older protocol's spelling, which is
    the one that clients show; the prefix that some codes have there does not matter."""

    def check(codes, call, *args, **request):
        with pytest.raises(ClientError) as refusal:
            call(*args, **request)
        answer = refusal.value.response
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 400
        code = answer["Error"]["Code"].removeprefix(CODE_PREFIX)
        assert code in ((codes,) if isinstance(codes, str) else codes)
        return answer["Error"]["Message"]

    return check
