//! The visibility time-out: how long a received message is hidden, who may change that, and the 12 hours in all.

use std::time::Duration;

use serde_json::json;

use crate::support::{Refusal, World};

const TWELVE_HOURS: i64 = 43_200;

/// The refusal of a time-out that makes more than 12 hours since the receive.
fn assert_beyond_limit(refusal: &Refusal) {
    assert_eq!(refusal.status, 400);
    assert_eq!(refusal.shape, "InvalidParameterValueException");
    assert_eq!(refusal.query_code, "InvalidParameterValue");
    assert!(
        refusal
            .message
            .contains("Total VisibilityTimeout for the message is beyond the limit"),
        "{}",
        refusal.message
    );
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-visibility-timeout.html>: 30 seconds
/// by default, counted from the receive.
#[test]
fn a_received_message_is_hidden_for_the_queues_default_of_30_seconds() {
    let world = World::new();
    let queue = world.plain_queue();
    queue.send_and_receive();
    world.pass(Duration::from_millis(29_999));
    queue.receive_nothing();
    world.pass(Duration::from_millis(1));
    queue.receive_one();
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html>:
/// `VisibilityTimeout`, 0 to 43,200 seconds.
#[test]
fn the_queues_own_time_out_holds_where_the_receive_names_none() {
    let world = World::new();
    let queue = world.queue("slow", &json!({"VisibilityTimeout": "120"}));
    queue.send_and_receive();
    world.pass_seconds(119);
    queue.receive_nothing();
    world.pass_seconds(1);
    queue.receive_one();
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html>: `VisibilityTimeout`;
/// the queue's holds only where the parameter is left out.
#[test]
fn a_receives_own_time_out_comes_before_the_queues() {
    let world = World::new();
    let queue = world.plain_queue();
    queue.send("a");
    assert_eq!(queue.receive(json!({"VisibilityTimeout": 5})).len(), 1);
    world.pass_seconds(5);
    assert_eq!(queue.receive(json!({"VisibilityTimeout": 0})).len(), 1);
    assert_eq!(queue.receive(json!({"VisibilityTimeout": 43_200})).len(), 1);
    world.pass_seconds(43_199);
    queue.receive_nothing();
    world.pass_seconds(1);
    queue.receive_one();
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html>: `VisibilityTimeout`,
/// 0 to 43,200.
#[test]
fn a_receive_with_a_time_out_out_of_range_is_refused() {
    let world = World::new();
    let queue = world.plain_queue();
    queue.send("a");
    for timeout in [-1, 43_201] {
        let refusal = queue.refusal("ReceiveMessage", json!({"VisibilityTimeout": timeout}));
        assert_eq!(
            refusal.shape, "InvalidParameterValueException",
            "{timeout}: {}",
            refusal.message
        );
    }
    assert_eq!(queue.counts(), (1, 0, 0));
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-visibility-timeout.html>, terminating
/// the visibility time-out: a value of 0 makes the message available to other consumers at once.
#[test]
fn a_time_out_changed_to_zero_releases_the_message_at_once() {
    let world = World::new();
    let queue = world.plain_queue();
    let handle = queue.send_and_receive();
    queue.change_visibility(&handle, 0).unwrap();
    assert_eq!(queue.counts(), (1, 0, 0));
    queue.receive_one();
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibility.html>: "the 10
/// seconds begin to count from the time that you make the `ChangeMessageVisibility` call" (15 seconds after the
/// receive, 25 in all).
#[test]
fn a_changed_time_out_counts_from_the_change() {
    let world = World::new();
    let queue = world.queue("minute", &json!({"VisibilityTimeout": "60"}));
    let handle = queue.send_and_receive();
    world.pass_seconds(15);
    queue.change_visibility(&handle, 10).unwrap();
    world.pass(Duration::from_millis(9_999));
    queue.receive_nothing();
    world.pass(Duration::from_millis(1));
    queue.receive_one();
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibility.html>: a message
/// can be extended again and again.
#[test]
fn a_time_out_can_be_extended_again_and_again() {
    let world = World::new();
    let queue = world.plain_queue();
    let handle = queue.send_and_receive();
    for _ in 0..100 {
        world.pass_seconds(29);
        queue.change_visibility(&handle, 30).unwrap();
        queue.receive_nothing();
    }
    world.pass_seconds(30);
    queue.receive_one();
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibility.html>: the changed
/// time-out "isn't saved in memory for that message": the next receive hides it for the queue's again.
#[test]
fn the_next_receive_goes_back_to_the_queues_time_out() {
    let world = World::new();
    let queue = world.plain_queue();
    let handle = queue.send_and_receive();
    queue.change_visibility(&handle, 1_000).unwrap();
    world.pass_seconds(1_000);
    queue.receive_one();
    world.pass_seconds(30);
    queue.receive_one();
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-visibility-timeout.html>: 12 hours
/// are counted from the receive and cannot be set anew; some time has always passed since it, so that 43,200 is refused
/// at any moment.
#[test]
fn a_change_to_the_full_12_hours_is_always_refused() {
    let world = World::new();
    let queue = world.plain_queue();
    let handle = queue.send_and_receive();
    assert_beyond_limit(&queue.change_visibility(&handle, TWELVE_HOURS).unwrap_err());
    world.pass_seconds(10);
    assert_beyond_limit(&queue.change_visibility(&handle, TWELVE_HOURS).unwrap_err());
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibility.html>: "if you try
/// to extend the visibility timeout beyond the maximum, your request is rejected".
#[test]
fn one_second_less_than_12_hours_is_allowed_within_the_first_second_only() {
    let world = World::new();
    let queue = world.plain_queue();
    let handle = queue.send_and_receive();
    queue.change_visibility(&handle, TWELVE_HOURS - 1).unwrap();
    world.pass(Duration::from_millis(1_000));
    queue.change_visibility(&handle, TWELVE_HOURS - 1).unwrap();
    world.pass(Duration::from_millis(1));
    assert_beyond_limit(
        &queue
            .change_visibility(&handle, TWELVE_HOURS - 1)
            .unwrap_err(),
    );
    queue.change_visibility(&handle, TWELVE_HOURS - 2).unwrap();
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-visibility-timeout.html>: extending
/// does not begin the 12 hours anew: the time since the receive and the new time-out together count.
#[test]
fn the_total_since_the_receive_is_what_is_limited() {
    let world = World::new();
    let queue = world.plain_queue();
    let handle = queue.send_and_receive();
    for _ in 0..11 {
        queue.change_visibility(&handle, 3_601).unwrap();
        world.pass_seconds(3_600);
    }
    assert_beyond_limit(&queue.change_visibility(&handle, 3_601).unwrap_err());
    queue.change_visibility(&handle, 3_600).unwrap();
    world.pass_seconds(3_600);
    queue.receive_one();
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibility.html>: SQS
/// "doesn't automatically recalculate and increase the timeout to the maximum remaining time".
#[test]
fn a_refused_visibility_change_leaves_the_message_alone() {
    let world = World::new();
    let queue = world.plain_queue();
    let handle = queue.send_and_receive();
    world.pass_seconds(10);
    for timeout in [TWELVE_HOURS, TWELVE_HOURS + 1, -1] {
        queue.change_visibility(&handle, timeout).unwrap_err();
    }
    world.pass_seconds(19);
    queue.receive_nothing();
    world.pass_seconds(1);
    queue.receive_one();
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-visibility-timeout.html>: the 12 hours
/// run from the receive, and another receive begins them anew.
#[test]
fn every_receive_has_12_hours_of_its_own() {
    let world = World::new();
    let queue = world.plain_queue();
    let first = queue.send_and_receive();
    world.pass_seconds(20);
    queue.change_visibility(&first, 0).unwrap();
    let second = queue.receive_handle();
    queue.change_visibility(&second, TWELVE_HOURS - 1).unwrap();
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibility.html>: 0 to 43,200;
/// a number out of range is refused before anything else is looked at.
#[test]
fn a_time_out_out_of_range_is_refused() {
    let world = World::new();
    let queue = world.plain_queue();
    let handle = queue.send_and_receive();
    for timeout in [-1, TWELVE_HOURS + 1] {
        let refusal = queue.change_visibility(&handle, timeout).unwrap_err();
        assert_eq!(
            refusal.shape, "InvalidParameterValueException",
            "{timeout}: {}",
            refusal.message
        );
        assert!(
            refusal.message.contains("VisibilityTimeout"),
            "{}",
            refusal.message
        );
    }
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibility.html>:
/// `MessageNotInflight`, "the specified message isn't in flight".
#[test]
fn changing_a_visible_message_is_refused_as_not_in_flight() {
    let world = World::new();
    let queue = world.plain_queue();
    let handle = queue.send_and_receive();
    world.pass_seconds(30);
    let refusal = queue.change_visibility(&handle, 10).unwrap_err();
    assert_eq!(refusal.shape, "MessageNotInflight");
    assert_eq!(
        refusal.query_code,
        "AWS.SimpleQueueService.MessageNotInflight"
    );
    assert_eq!(queue.counts(), (1, 0, 0));
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibility.html>: a message
/// released with zero is visible, and a second release finds it so.
#[test]
fn releasing_twice_is_refused_the_second_time() {
    let world = World::new();
    let queue = world.plain_queue();
    let handle = queue.send_and_receive();
    queue.change_visibility(&handle, 0).unwrap();
    assert_eq!(
        queue.change_visibility(&handle, 0).unwrap_err().shape,
        "MessageNotInflight"
    );
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-queue-message-identifiers.html>: every
/// receive of a message gives another receipt handle; the old one no longer speaks for the
/// message, so that whoever let the time-out pass cannot take it from the next receiver.
#[test]
fn a_stale_handle_changes_nothing() {
    let world = World::new();
    let queue = world.plain_queue();
    let stale = queue.send_and_receive();
    world.pass_seconds(30);
    let latest = queue.receive_handle();
    assert_ne!(stale, latest);
    assert_eq!(queue.change_visibility(&stale, 0).unwrap_err().status, 400);
    assert_eq!(queue.counts(), (0, 1, 0));
    queue.change_visibility(&latest, 0).unwrap();
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibility.html> and
/// <https://repost.aws/knowledge-center/sqs-receipt-handle-error>: a deleted message's time-out cannot be changed
/// ("message does not exist or is not available for visibility timeout change").
#[test]
fn a_deleted_messages_time_out_cannot_be_changed() {
    let world = World::new();
    let queue = world.plain_queue();
    let handle = queue.send_and_receive();
    queue.delete(&handle).unwrap();
    let refusal = queue.change_visibility(&handle, 10).unwrap_err();
    assert_eq!(refusal.shape, "InvalidParameterValueException");
    assert!(
        refusal.message.contains("Message does not exist"),
        "{}",
        refusal.message
    );
}
