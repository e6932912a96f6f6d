"""The visibility time-out
(https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-visibility-timeout.html,
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibility.html)."""

import time

import pytest

TWELVE_HOURS = 43_200
deviates = pytest.mark.deviates


def receive_count(message):
    return message["Attributes"]["ApproximateReceiveCount"]


def test_a_received_message_is_hidden_until_its_time_out(aws):
    queue = aws.queue(VisibilityTimeout="1")
    queue.send()
    first = queue.receive_one()
    received_at = time.monotonic()
    assert queue.receive() == []
    again = queue.receive_one(WaitTimeSeconds=5)
    assert time.monotonic() - received_at > 0.9
    assert (receive_count(first), receive_count(again)) == ("1", "2")
    assert first["ReceiptHandle"] != again["ReceiptHandle"]


def test_a_receives_own_time_out_comes_before_the_queues(queue):
    queue.send()
    queue.receive_one(VisibilityTimeout=1)
    assert queue.receive() == []
    queue.receive_one(WaitTimeSeconds=5)


def test_a_receive_with_a_time_out_of_zero_hides_nothing(queue):
    queue.send()
    queue.receive_one(VisibilityTimeout=0)
    queue.receive_one()


def test_a_time_out_changed_to_zero_releases_the_message_at_once(queue):
    handle = queue.received()
    queue.change(handle, 0)
    queue.receive_one()


def test_a_changed_time_out_counts_from_the_change(queue):
    handle = queue.received()
    changed_at = time.monotonic()
    queue.change(handle, 1)
    assert queue.receive() == []
    queue.receive_one(WaitTimeSeconds=5)
    assert time.monotonic() - changed_at > 0.9


@deviates("ministack", "has no limit of 12 hours in all")
def test_a_change_to_the_full_12_hours_is_refused(queue, refused):
    handle = queue.received()
    message = refused("InvalidParameterValue", queue.change, handle, TWELVE_HOURS)
    assert "Total VisibilityTimeout for the message is beyond the limit" in message


@deviates("ministack", "has no limit of 12 hours in all")
def test_one_second_less_than_12_hours_is_allowed_early_and_refused_later(queue, refused):
    handle = queue.received()
    received_at = time.monotonic()
    queue.change(handle, TWELVE_HOURS - 1)
    # The rule is about time that has passed: there is no other condition to wait on.
    time.sleep(max(0, received_at + 1.1 - time.monotonic()))
    refused("InvalidParameterValue", queue.change, handle, TWELVE_HOURS - 1)
    queue.change(handle, TWELVE_HOURS - 60)


@deviates("ministack", "has no limit of 12 hours in all")
def test_a_refused_visibility_change_leaves_the_message_alone(aws, refused):
    queue = aws.queue(VisibilityTimeout="1")
    handle = queue.received()
    refused("InvalidParameterValue", queue.change, handle, TWELVE_HOURS)
    queue.receive_one(WaitTimeSeconds=5)


@deviates("ministack", "does not check the range")
@pytest.mark.parametrize(
    "timeout",
    [pytest.param(-1, marks=deviates("moto", "takes negative time-outs")), TWELVE_HOURS + 1],
)
def test_a_time_out_out_of_range_is_refused(queue, refused, timeout):
    handle = queue.received()
    refused("InvalidParameterValue", queue.change, handle, timeout)


@deviates("moto", "hides a visible message")
@deviates("ministack", "hides a visible message")
def test_changing_a_visible_message_is_refused_as_not_in_flight(queue, refused):
    handle = queue.received()
    queue.change(handle, 0)
    refused("MessageNotInflight", queue.change, handle, 10)


@deviates("moto", "answers ReceiptHandleIsInvalid for a handle that it gave")
@deviates("ministack", "answers ReceiptHandleIsInvalid for a handle that it gave")
def test_a_deleted_messages_time_out_cannot_be_changed(queue, refused):
    handle = queue.received()
    queue.delete(handle)
    refused("InvalidParameterValue", queue.change, handle, 10)


@deviates("ministack", "refuses the second deletion")
def test_deleting_is_for_good_and_can_be_repeated(queue):
    handle = queue.received()
    queue.delete(handle)
    queue.delete(handle)
    assert queue.counts() == (0, 0, 0)


def test_a_message_that_is_visible_again_can_be_deleted_with_its_latest_handle(queue):
    handle = queue.received()
    queue.change(handle, 0)
    queue.delete(handle)
    assert queue.receive() == []


@deviates("moto", "deletes the message")
@deviates("ministack", "refuses the deletion")
def test_deleting_with_a_stale_handle_succeeds_and_deletes_nothing(queue):
    stale = queue.received()
    queue.change(stale, 0)
    queue.receive_one()
    queue.delete(stale)
    assert queue.counts() == (0, 1, 0)


@deviates("moto", "takes a stale handle")
@deviates("ministack", "answers ReceiptHandleIsInvalid for a handle that it gave")
def test_a_stale_handle_changes_nothing(queue, refused):
    stale = queue.received()
    queue.change(stale, 0)
    queue.receive_one()
    refused("InvalidParameterValue", queue.change, stale, 0)
    assert queue.counts() == (0, 1, 0)


def test_what_is_no_handle_is_refused(queue, refused):
    refused("ReceiptHandleIsInvalid", queue.change, "nonsense", 10)
    refused("ReceiptHandleIsInvalid", queue.delete, "nonsense")
