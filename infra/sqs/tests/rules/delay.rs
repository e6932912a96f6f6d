//! Delayed messages: a queue's own delay, a message's, and how they are counted.

use std::time::Duration;

use serde_json::json;

use crate::support::{World, all};

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-timers.html>: a message with a
/// delay "isn't visible to consumers" before it is over.
#[test]
fn a_delayed_message_is_received_when_its_delay_is_over() {
    let world = World::new();
    let queue = world.plain_queue();
    queue.send_delayed("a", 900);
    world.pass(Duration::from_millis(899_999));
    queue.receive_nothing();
    world.pass(Duration::from_millis(1));
    assert_eq!(queue.receive_one()["Body"], "a");
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html>: `DelaySeconds`, "valid
/// values: 0 to 900".
#[test]
fn a_delay_out_of_range_is_refused() {
    let world = World::new();
    let queue = world.plain_queue();
    for delay in [-1, 901] {
        let refusal = queue.refusal(
            "SendMessage",
            json!({"MessageBody": "a", "DelaySeconds": delay}),
        );
        assert_eq!(refusal.shape, "InvalidParameterValueException", "{delay}");
    }
    assert_eq!(queue.counts(), (0, 0, 0));
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-delay-queues.html>: a queue's delay holds
/// for every message; one of its own comes first, zero as well.
#[test]
fn a_queues_delay_holds_for_messages_without_their_own() {
    let world = World::new();
    let queue = world.queue("delayed", &json!({"DelaySeconds": "60"}));
    queue.send("the queue's");
    queue.send_delayed("none", 0);
    queue.send_delayed("longer", 90);
    assert_eq!(queue.receive_one()["Body"], "none");
    world.pass_seconds(60);
    let received = queue.receive(json!({"MaxNumberOfMessages": 10, "VisibilityTimeout": 600}));
    assert_eq!(all(&received, "Body"), ["none", "the queue's"]);
    world.pass_seconds(30);
    assert_eq!(queue.receive_one()["Body"], "longer");
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueAttributes.html>: delayed messages are
/// `ApproximateNumberOfMessagesDelayed`, neither visible nor in flight.
#[test]
fn a_delayed_message_is_not_in_flight() {
    let world = World::new();
    let queue = world.plain_queue();
    queue.send_delayed("a", 10);
    assert_eq!(queue.counts(), (0, 0, 1));
    let attributes = queue.attributes();
    assert_eq!(attributes["ApproximateNumberOfMessages"], "0");
    assert_eq!(attributes["ApproximateNumberOfMessagesNotVisible"], "0");
    assert_eq!(attributes["ApproximateNumberOfMessagesDelayed"], "1");
    assert_eq!(
        world.sqs.next_visible_at("plain"),
        Some(world.now() + Duration::from_secs(10))
    );
    world.pass_seconds(10);
    assert_eq!(queue.counts(), (1, 0, 0));
    assert_eq!(world.sqs.next_visible_at("plain"), None);
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-delay-queues.html>: for standard queues a
/// changed delay does not reach the messages that are already there.
#[test]
fn a_changed_queue_delay_holds_for_later_messages() {
    let world = World::new();
    let queue = world.queue("changing", &json!({"DelaySeconds": "60"}));
    queue.send("before");
    queue.set("DelaySeconds", "0").unwrap();
    queue.send("after");
    assert_eq!(queue.receive_one()["Body"], "after");
    assert_eq!(queue.counts(), (0, 1, 1));
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-delay-queues.html>: the delay hides a
/// message before its first receive alone; it takes nothing from the time-out after it.
#[test]
fn after_its_delay_a_message_is_hidden_by_the_receive_as_any_other() {
    let world = World::new();
    let queue = world.plain_queue();
    queue.send_delayed("a", 900);
    world.pass_seconds(900);
    let handle = queue.receive_handle();
    queue.change_visibility(&handle, 43_199).unwrap();
    assert_eq!(queue.receive(json!({})).len(), 0);
    queue.change_visibility(&handle, 0).unwrap();
    let again = queue.receive_one();
    assert_eq!(again["Attributes"]["ApproximateReceiveCount"], "2");
}
