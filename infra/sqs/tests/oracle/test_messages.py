"""What fits into a message, and how it comes back
(https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html,
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html)."""

import hashlib
import struct

import pytest

MIB = 1_048_576
BODY = "Grüße, 世界 🌍\t\r\n"
ATTRIBUTES = {
    "event": {"DataType": "String", "StringValue": "work_item.created"},
    "attempt": {"DataType": "Number.int", "StringValue": "3"},
    "sig": {"DataType": "Binary", "BinaryValue": bytes([0, 1, 254, 255])},
    "Zed": {"DataType": "String.custom", "StringValue": "Grüße 🌍"},
}
STRING = {"DataType": "String", "StringValue": "x"}
deviates = pytest.mark.deviates


def md5_of_attributes(names):
    """The digest as AWS describes it ("Calculating the MD5 message digest for message attributes")."""
    digest = hashlib.md5()
    for name in sorted(names):
        attribute = ATTRIBUTES[name]
        binary = attribute.get("BinaryValue")
        value = binary or attribute["StringValue"].encode()
        for part in (name.encode(), attribute["DataType"].encode()):
            digest.update(struct.pack(">I", len(part)) + part)
        digest.update(b"\2" if binary else b"\1")
        digest.update(struct.pack(">I", len(value)) + value)
    return digest.hexdigest()


def attribute_of(length):
    """An attribute that counts 5 + 6 + `length` bytes."""
    return {"extra": {"DataType": "String", "StringValue": "x" * length}}


def test_what_was_sent_is_received_with_the_digests_that_clients_verify(queue):
    sent = queue.send(BODY, MessageAttributes=ATTRIBUTES)
    received = queue.receive_one()
    assert received["Body"] == BODY
    assert received["MessageAttributes"] == ATTRIBUTES
    assert received["MessageId"] == sent["MessageId"]
    of_body = hashlib.md5(BODY.encode()).hexdigest()
    assert (sent["MD5OfMessageBody"], received["MD5OfBody"]) == (of_body, of_body)
    of_attributes = md5_of_attributes(ATTRIBUTES)
    assert sent["MD5OfMessageAttributes"] == of_attributes
    assert received["MD5OfMessageAttributes"] == of_attributes


def test_the_digest_is_of_the_chosen_attributes(queue):
    queue.send(MessageAttributes=ATTRIBUTES)
    received = queue.receive_one(MessageAttributeNames=["event", "attempt"])
    assert received["MD5OfMessageAttributes"] == md5_of_attributes(["event", "attempt"])


@pytest.mark.parametrize(
    "wanted, expected",
    [
        (["All"], {"bar.one", "bar.two", "foo"}),
        ([".*"], {"bar.one", "bar.two", "foo"}),
        (["bar.*"], {"bar.one", "bar.two"}),
        (["foo", "nothing"], {"foo"}),
        (["FOO"], set()),
        ([], set()),
    ],
    ids=str,
)
def test_message_attributes_are_chosen_by_name_and_by_prefix(queue, wanted, expected):
    queue.send(MessageAttributes={"bar.one": STRING, "bar.two": STRING, "foo": STRING})
    received = queue.receive_one(MessageAttributeNames=wanted)
    assert set(received.get("MessageAttributes", {})) == expected


def test_system_attributes_are_chosen_by_name(queue):
    queue.send()
    received = queue.receive_one(MessageSystemAttributeNames=["SentTimestamp"])
    assert set(received["Attributes"]) == {"SentTimestamp"}


def test_a_message_has_at_most_one_mebibyte(queue, refused):
    queue.send("x" * MIB)
    refused("InvalidParameterValue", queue.send, "x" * (MIB + 1))


@deviates("moto", "counts characters")
def test_size_is_counted_in_bytes(queue, refused):
    queue.send("é" * (MIB // 2))
    refused("InvalidParameterValue", queue.send, "é" * (MIB // 2 + 1))


@deviates("moto", "counts the body alone")
@deviates("ministack", "counts the body alone")
def test_attributes_count_towards_the_messages_size(queue, refused):
    body = "x" * (MIB - 111)
    queue.send(body, MessageAttributes=attribute_of(100))
    refused("InvalidParameterValue", queue.send, body, MessageAttributes=attribute_of(101))


def halves(second):
    return [{"Id": "a", "MessageBody": "x" * (MIB // 2)}, {"Id": "b", **second}]


def test_a_batch_has_at_most_one_mebibyte(queue, refused):
    too_long = halves({"MessageBody": "x" * (MIB // 2 + 1)})
    refused("BatchRequestTooLong", queue.send_message_batch, Entries=too_long)
    assert queue.counts() == (0, 0, 0)
    queue.send_message_batch(Entries=halves({"MessageBody": "x" * (MIB // 2)}))
    assert queue.counts() == (2, 0, 0)


@deviates("moto", "counts bodies alone")
@deviates("ministack", "counts bodies alone")
def test_attributes_count_towards_the_batchs_size(queue, refused):
    body = "x" * (MIB // 2 - 111)
    too_long = halves({"MessageBody": body, "MessageAttributes": attribute_of(101)})
    refused("BatchRequestTooLong", queue.send_message_batch, Entries=too_long)
    queue.send_message_batch(
        Entries=halves({"MessageBody": body, "MessageAttributes": attribute_of(100)})
    )


def test_a_queue_can_take_smaller_messages_only(aws, refused):
    queue = aws.queue(MaximumMessageSize="1024")
    queue.send("x" * 1_024)
    refused("InvalidParameterValue", queue.send, "x" * 1_025)


@deviates("moto", "takes all characters")
@pytest.mark.parametrize("character", ["\0", "\b", "\v", "\x1f", "\ufffe", "\uffff"], ids=ascii)
def test_a_body_holds_only_the_characters_of_xml(queue, refused, character):
    refused("InvalidMessageContents", queue.send, f"a{character}b")


def test_a_body_may_hold_all_the_characters_of_xml(queue):
    body = "\t\n\r \x7f\ud7ff\ue000\ufffd\U00010000\U0010ffff"
    queue.send(body)
    assert queue.receive_one()["Body"] == body


@deviates("moto", "takes an empty body")
def test_a_body_has_at_least_one_character(queue, refused):
    refused("MissingParameter", queue.send, "")


@deviates("moto", "has no limit")
@deviates("ministack", "has no limit")
def test_a_message_has_at_most_ten_attributes(queue, refused):
    attributes = {f"a{number}": STRING for number in range(11)}
    refused("InvalidParameterValue", queue.send, MessageAttributes=attributes)
    del attributes["a10"]
    queue.send(MessageAttributes=attributes)
    assert queue.receive_one()["MessageAttributes"] == attributes


@deviates("ministack", "does not check the range")
@pytest.mark.parametrize(
    "delay", [pytest.param(-1, marks=deviates("moto", "takes negative delays")), 901]
)
def test_a_delay_out_of_range_is_refused(queue, refused, delay):
    refused("InvalidParameterValue", queue.send, DelaySeconds=delay)


def test_a_delayed_message_is_counted_as_such_and_received_later(queue):
    queue.send("later", DelaySeconds=1)
    assert queue.counts() == (0, 0, 1)
    assert queue.receive() == []
    assert queue.receive_one(WaitTimeSeconds=5)["Body"] == "later"
    assert queue.counts() == (0, 1, 0)


def test_a_queues_delay_holds_for_messages_without_their_own(aws):
    queue = aws.queue(DelaySeconds="1")
    queue.send("the queue's")
    queue.send("none", DelaySeconds=0)
    assert queue.receive_one()["Body"] == "none"
    assert queue.receive_one(WaitTimeSeconds=5)["Body"] == "the queue's"
