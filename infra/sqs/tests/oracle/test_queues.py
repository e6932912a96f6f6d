"""Queues, errors, dead letters, groups and long polls."""

import json
import threading
import time

import pytest

deviates = pytest.mark.deviates


def test_creating_a_queue_again_gives_the_one_that_is_there(aws):
    """https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html"""
    queue = aws.queue(VisibilityTimeout="60")
    assert aws.named_queue(queue.name, VisibilityTimeout="60").url == queue.url
    assert aws.client.get_queue_url(QueueName=queue.name)["QueueUrl"] == queue.url


def test_creating_a_queue_again_with_other_attributes_is_refused(aws, refused):
    """As above: `QueueNameExists`, in the older protocol `QueueAlreadyExists`."""
    queue = aws.queue(VisibilityTimeout="60")
    refused("QueueAlreadyExists", aws.named_queue, queue.name, VisibilityTimeout="61")


@deviates("ministack", "takes any name")
@pytest.mark.parametrize("name", ["a b", "a.b", "ä", "q" * 81], ids=ascii)
def test_a_queues_name_follows_the_rules(aws, refused, name):
    """https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-queues.html"""
    refused("InvalidParameterValue", aws.named_queue, name)


def test_a_missing_queue_has_an_error_in_both_protocols_words(aws):
    """https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-json-faqs.html: the shape in
    `__type`, the older code in the header `x-amzn-query-error`."""
    body = json.dumps({"QueueUrl": aws.backend.url + "/000000000000/missing"}).encode()
    status, headers, answer = aws.backend.post("AmazonSQS.ReceiveMessage", body)
    assert status == 400
    assert json.loads(answer)["__type"].split("#")[-1] == "QueueDoesNotExist"
    assert headers["x-amzn-query-error"] == "AWS.SimpleQueueService.NonExistentQueue;Sender"
    assert headers["content-type"] == "application/x-amz-json-1.0"


@deviates("moto", "fails with a status of 500")
def test_an_unknown_action_is_refused(backend):
    """https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html"""
    status, _, _ = backend.post("AmazonSQS.MakeTea", b"{}")
    assert 400 <= status < 500


def test_a_malformed_request_is_refused(backend):
    """https://smithy.io/2.0/aws/protocols/aws-json-1_0-protocol.html"""
    status, _, _ = backend.post("AmazonSQS.ReceiveMessage", b'{"QueueUrl"')
    assert status == 400


def test_a_queue_counts_its_messages_by_state(queue):
    """https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueAttributes.html"""
    for _ in range(3):
        queue.send()
    queue.receive(MaxNumberOfMessages=2)
    queue.send(DelaySeconds=900)
    assert queue.counts() == (1, 2, 1)


@deviates("moto", "does not check the ranges")
@pytest.mark.parametrize(
    "name, value",
    [
        ("VisibilityTimeout", "43201"),
        ("DelaySeconds", "901"),
        ("MessageRetentionPeriod", "59"),
        ("MessageRetentionPeriod", "1209601"),
        ("MaximumMessageSize", "1023"),
        ("MaximumMessageSize", "1048577"),
        ("ReceiveMessageWaitTimeSeconds", "21"),
    ],
)
def test_an_attribute_out_of_range_is_refused(queue, refused, name, value):
    """https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html"""
    refused("InvalidAttributeValue", queue.set_queue_attributes, Attributes={name: value})


def test_a_purge_empties_the_queue(queue):
    """https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_PurgeQueue.html"""
    queue.send()
    queue.send()
    queue.receive(MaxNumberOfMessages=1)
    queue.send(DelaySeconds=900)
    queue.purge_queue()
    assert queue.counts() == (0, 0, 0)


@deviates("moto", "answers with a status of 403")
@deviates("ministack", "takes a second purge")
def test_a_second_purge_within_60_seconds_is_refused(queue, refused):
    """As above."""
    queue.purge_queue()
    refused("PurgeQueueInProgress", queue.purge_queue)


def test_a_group_id_travels_with_its_message(queue):
    """https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html: `MessageGroupId` on
    standard queues."""
    queue.send(MessageGroupId="ws_1")
    assert queue.receive_one()["Attributes"]["MessageGroupId"] == "ws_1"


def send_many(queue, count, group):
    for _ in range(count // 10):
        queue.send_message_batch(
            Entries=[
                {"Id": str(id), "MessageBody": "a", "MessageGroupId": group} for id in range(10)
            ]
        )


def test_one_groups_messages_are_in_flight_together(queue):
    """As above: unlike in FIFO queues, one group's messages can be processed in parallel."""
    send_many(queue, 20, "ws_1")
    assert len(queue.receive()) == 10
    assert len(queue.receive()) == 10


@deviates("moto", "has no fair queues")
@deviates("ministack", "has no fair queues")
def test_a_quiet_group_does_not_wait_behind_a_noisy_one(queue):
    """https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html"""
    send_many(queue, 200, "noisy")
    for _ in range(10):
        assert len(queue.receive()) == 10
    queue.send(MessageGroupId="quiet")
    assert queue.receive()[0]["Attributes"]["MessageGroupId"] == "quiet"


def with_dead_letters(aws, max_receive_count):
    dead = aws.queue()
    policy = {
        "deadLetterTargetArn": dead.attributes()["QueueArn"],
        "maxReceiveCount": max_receive_count,
    }
    return aws.queue(RedrivePolicy=json.dumps(policy)), dead


def test_a_message_is_received_max_receive_count_times_and_then_moved(aws):
    """https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html"""
    queue, dead = with_dead_letters(aws, 2)
    queue.send()
    for count in ("1", "2"):
        message = queue.receive_one()
        assert message["Attributes"]["ApproximateReceiveCount"] == count
        queue.release(message)
    assert queue.receive() == []
    assert (queue.counts(), dead.counts()) == ((0, 0, 0), (1, 0, 0))


def moved(aws):
    queue, dead = with_dead_letters(aws, 1)
    attribute = {"DataType": "String", "StringValue": "work_item.created"}
    queue.send("body", MessageAttributes={"event": attribute})
    original = queue.receive_one()
    queue.release(original)
    assert queue.receive() == []
    return queue, original, dead.receive_one()


def test_a_moved_message_keeps_its_id_body_attributes_and_date(aws):
    """https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/setting-up-dead-letter-queue-retention.html:
    "the enqueue timestamp is unchanged"."""
    _, original, received = moved(aws)
    for kept in ("MessageId", "Body", "MD5OfBody", "MessageAttributes"):
        assert received[kept] == original[kept]
    assert received["Attributes"]["SentTimestamp"] == original["Attributes"]["SentTimestamp"]


def test_a_moved_messages_receives_are_counted_across_all_queues(aws):
    """https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html:
    `ApproximateReceiveCount`."""
    _, _, received = moved(aws)
    assert received["Attributes"]["ApproximateReceiveCount"] == "2"


@deviates("moto", "does not tell the source")
def test_a_moved_message_says_where_it_came_from(aws):
    """https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_Message.html:
    `DeadLetterQueueSourceArn`."""
    queue, _, received = moved(aws)
    arn = queue.attributes()["QueueArn"]
    assert received["Attributes"]["DeadLetterQueueSourceArn"] == arn


@deviates("moto", "does not check the range")
@pytest.mark.parametrize("count", [0, 1001])
def test_a_redrive_policys_count_is_1_to_1000(aws, refused, count):
    """https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html, which documents
    the second of the codes; the service has been seen to send the first."""
    codes = ("InvalidParameterValue", "InvalidAttributeValue")
    refused(codes, with_dead_letters, aws, count)


def test_a_long_poll_gives_what_arrives_meanwhile(aws, queue):
    """https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-short-and-long-polling.html"""
    sender = threading.Timer(0.5, queue.send, ["meanwhile"])
    sender.start()
    started_at = time.monotonic()
    message = queue.receive_one(WaitTimeSeconds=10)
    assert message["Body"] == "meanwhile"
    assert 0.4 < time.monotonic() - started_at < 5
    sender.join()


def test_a_long_poll_of_an_empty_queue_ends_with_nothing_after_its_wait(queue):
    """As above."""
    started_at = time.monotonic()
    assert queue.receive(WaitTimeSeconds=1) == []
    assert time.monotonic() - started_at > 0.9


@deviates("ministack", "does not check the range")
@pytest.mark.parametrize("wait", [-1, 21])
def test_a_wait_out_of_range_is_refused(queue, refused, wait):
    """https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html"""
    refused("InvalidParameterValue", queue.receive, WaitTimeSeconds=wait)
