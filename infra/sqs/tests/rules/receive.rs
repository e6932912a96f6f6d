//! How many messages a receive gives, and in which order.

use serde_json::json;

use crate::support::{World, all};

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html>: `MaxNumberOfMessages`,
/// 1 to 10, 1 by default.
#[test]
fn a_receive_gives_one_message_unless_told_otherwise_and_ten_at_most() {
    let world = World::new();
    let queue = world.plain_queue();
    queue.send_many(20, None);
    assert_eq!(queue.receive(json!({})).len(), 1);
    assert_eq!(queue.receive(json!({"MaxNumberOfMessages": 3})).len(), 3);
    assert_eq!(queue.receive(json!({"MaxNumberOfMessages": 10})).len(), 10);
    for number in [0, 11] {
        let refusal = queue.refusal("ReceiveMessage", json!({"MaxNumberOfMessages": number}));
        assert_eq!(refusal.shape, "InvalidParameterValueException", "{number}");
    }
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-visibility-timeout.html>: a message
/// received with a time-out of zero stays visible, but one answer never holds it twice.
#[test]
fn a_receive_that_hides_nothing_gives_each_message_once() {
    let world = World::new();
    let queue = world.plain_queue();
    queue.send_many(3, None);
    let messages = queue.receive(json!({"MaxNumberOfMessages": 10, "VisibilityTimeout": 0}));
    assert_eq!(all(&messages, "Body"), ["0", "1", "2"]);
    assert_eq!(world.sqs.next_visible_at(&queue.url), None);
    assert_eq!(queue.counts(), (3, 0, 0));
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/standard-queues-message-order.html>:
/// best-effort ordering.
#[test]
fn messages_come_in_the_order_in_which_they_became_visible() {
    let world = World::new();
    let queue = world.plain_queue();
    for body in ["a", "b", "c"] {
        queue.send(body);
        world.pass_seconds(1);
    }
    assert_eq!(world.sqs.receive(&queue.url, 1, None)[0].body, "a");
    queue.send_delayed("d", 1);
    world.pass_seconds(30);
    let received = world.sqs.receive(&queue.url, 10, None);
    let bodies: Vec<_> = received.iter().map(|message| &message.body).collect();
    assert_eq!(bodies, ["b", "c", "d", "a"]);
}
