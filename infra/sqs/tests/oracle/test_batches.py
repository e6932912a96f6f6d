"""Batches
(https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-batch-api-actions.html,
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html)."""

import pytest

SEND = "send_message_batch"
DELETE = "delete_message_batch"
CHANGE = "change_message_visibility_batch"
deviates = pytest.mark.deviates
UNCHECKED_CHANGE = pytest.param(
    CHANGE, marks=deviates("moto", "does not check a batch of visibility changes")
)


def entries(action, ids, handle="none"):
    rest = {
        SEND: {"MessageBody": "a"},
        DELETE: {"ReceiptHandle": handle},
        CHANGE: {"ReceiptHandle": handle, "VisibilityTimeout": 10},
    }
    return [{"Id": id, **rest[action]} for id in ids]


def sorted_ids(entries):
    return sorted(entry["Id"] for entry in entries)


def ten_received(queue):
    queue.send_message_batch(Entries=entries(SEND, "abcdefghij"))
    return [message["ReceiptHandle"] for message in queue.receive()]


def test_ten_messages_go_in_one_batch(queue):
    answer = queue.send_message_batch(Entries=entries(SEND, "abcdefghij"))
    assert sorted_ids(answer["Successful"]) == list("abcdefghij")
    assert len(queue.receive()) == 10


@pytest.mark.parametrize(
    "action",
    [SEND, pytest.param(DELETE, marks=deviates("moto", "has no limit")), UNCHECKED_CHANGE],
)
def test_eleven_entries_are_refused(queue, refused, action):
    batch = entries(action, "abcdefghijk")
    refused("TooManyEntriesInBatchRequest", getattr(queue, action), Entries=batch)
    assert queue.counts() == (0, 0, 0)


@pytest.mark.parametrize("action", [SEND, DELETE, UNCHECKED_CHANGE])
def test_an_empty_batch_is_refused(queue, refused, action):
    refused("EmptyBatchRequest", getattr(queue, action), Entries=[])


@pytest.mark.parametrize("action", [SEND, DELETE, UNCHECKED_CHANGE])
def test_repeated_ids_are_refused(queue, refused, action):
    refused("BatchEntryIdsNotDistinct", getattr(queue, action), Entries=entries(action, "aba"))
    assert queue.counts() == (0, 0, 0)


@pytest.mark.parametrize(
    "id",
    [
        "",
        "a b",
        "a.b",
        pytest.param("ä", marks=deviates("moto", "takes letters that are not ASCII")),
        "a" * 81,
    ],
    ids=ascii,
)
def test_an_id_has_at_most_80_letters_digits_hyphens_and_underscores(queue, refused, id):
    batch = entries(SEND, ["fine", id])
    refused("InvalidBatchEntryId", queue.send_message_batch, Entries=batch)
    assert queue.counts() == (0, 0, 0)


def test_the_longest_id_is_taken(queue):
    batch = entries(SEND, ["a" * 80, "-_Aa0"])
    assert len(queue.send_message_batch(Entries=batch)["Successful"]) == 2


@deviates("moto", "takes all characters")
def test_a_bad_message_fails_alone(queue):
    answer = queue.send_message_batch(
        Entries=[
            {"Id": "good", "MessageBody": "a"},
            {"Id": "bell", "MessageBody": "\a"},
            {"Id": "also-good", "MessageBody": "b"},
        ]
    )
    assert sorted_ids(answer["Successful"]) == ["also-good", "good"]
    (failure,) = answer["Failed"]
    assert (failure["Id"], failure["SenderFault"]) == ("bell", True)
    assert failure["Code"] == "InvalidMessageContents"
    assert queue.counts() == (2, 0, 0)


def test_a_bad_handle_fails_alone_when_deleting(queue):
    handles = ten_received(queue)
    batch = entries(DELETE, ["x"], "nonsense")
    batch += entries(DELETE, ["y"], handles[3])
    answer = queue.delete_message_batch(Entries=batch)
    assert sorted_ids(answer["Successful"]) == ["y"]
    (failure,) = answer["Failed"]
    assert (failure["Id"], failure["Code"]) == ("x", "ReceiptHandleIsInvalid")
    assert queue.counts() == (0, 9, 0)


@deviates("moto", "refuses the whole batch for one entry")
@deviates("ministack", "has no limit of 12 hours in all")
def test_each_visibility_change_of_a_batch_stands_for_itself(queue):
    handles = ten_received(queue)
    queue.delete(handles[2])
    changes = [
        ("released", handles[0], 0),
        ("whole-day", handles[1], 43_200),
        ("deleted", handles[2], 10),
        ("longest", handles[3], 43_199),
    ]
    answer = queue.change_message_visibility_batch(
        Entries=[
            {"Id": id, "ReceiptHandle": handle, "VisibilityTimeout": timeout}
            for id, handle, timeout in changes
        ]
    )
    assert sorted_ids(answer["Successful"]) == ["longest", "released"]
    assert sorted_ids(answer["Failed"]) == ["deleted", "whole-day"]
    assert {failure["Code"] for failure in answer["Failed"]} == {"InvalidParameterValue"}
    assert queue.counts() == (1, 8, 0)


@pytest.mark.parametrize("number", [0, 11])
def test_a_receive_gives_one_to_ten_messages(queue, refused, number):
    refused("InvalidParameterValue", queue.receive, MaxNumberOfMessages=number)
