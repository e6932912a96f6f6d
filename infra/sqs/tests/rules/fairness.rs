//! `MessageGroupId` on standard queues: tenants, and a quiet one that does not wait for a noisy one.
//!
//! <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html>

use serde_json::{Value, json};
use crate::support::{World, everything, text};

fn group(message: &Value) -> String {
    text(&message["Attributes"]["MessageGroupId"])
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html>: `MessageGroupId` is taken
/// on standard queues and given back on receive.
#[test]
fn a_group_id_travels_with_its_message() {
    let world = World::new();
    let queue = world.plain_queue();
    let longest = "g".repeat(128);
    for id in ["ws_1", "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", &longest] {
        queue.ok(
            "SendMessage",
            json!({"MessageBody": "a", "MessageGroupId": id}),
        );
        assert_eq!(group(&queue.receive_one()), id);
    }
    queue.send("no group");
    let message = queue.receive_one();
    assert_eq!(message["Attributes"]["MessageGroupId"], Value::Null);
}

/// As above: 1 to 128 letters, digits and punctuation marks.
#[test]
fn a_group_id_against_the_rules_is_refused() {
    let world = World::new();
    let queue = world.plain_queue();
    for id in ["", " ", "ä", "a b", &"g".repeat(129)] {
        let refusal = queue.refusal(
            "SendMessage",
            json!({"MessageBody": "a", "MessageGroupId": id}),
        );
        assert_eq!(refusal.query_code, "InvalidParameterValue", "{id}");
    }
}

/// As above: unlike in FIFO queues, "messages with the same `MessageGroupId` can be processed in parallel".
#[test]
fn one_groups_messages_are_in_flight_together() {
    let world = World::new();
    let queue = world.plain_queue();
    queue.send_many(100, Some("ws_1"));
    queue.receive_many(100);
    assert_eq!(queue.counts(), (0, 100, 0));
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html>: `MessageDeduplicationId` is
/// for FIFO queues alone.
#[test]
fn a_deduplication_id_is_refused() {
    let world = World::new();
    let queue = world.plain_queue();
    let request = json!({"MessageBody": "a", "MessageDeduplicationId": "x"});
    let refusal = queue.refusal("SendMessage", request);
    assert_eq!(refusal.query_code, "InvalidParameterValue");
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html>: while one tenant has
/// most messages in flight, other tenants' messages are handed out before its backlog.
#[test]
fn a_quiet_group_does_not_wait_behind_a_noisy_one() {
    let world = World::new();
    let queue = world.plain_queue();
    queue.send_many(10_000, Some("noisy"));
    queue.receive_many(1_000);
    world.pass_seconds(1);
    queue.send_many(5, Some("quiet"));
    let received = queue.receive(everything());
    let groups: Vec<_> = received.iter().map(group).collect();
    assert_eq!(groups[..5], ["quiet"; 5]);
    assert_eq!(groups[5..], ["noisy"; 5], "the rest is the noisy group's");
}

/// As above: a message without a group is a tenant of its own.
#[test]
fn a_message_without_a_group_does_not_wait_behind_a_noisy_group() {
    let world = World::new();
    let queue = world.plain_queue();
    queue.send_many(1_000, Some("noisy"));
    queue.receive_many(100);
    world.pass_seconds(1);
    queue.send("alone");
    assert_eq!(queue.receive(everything())[0]["Body"], "alone");
}

/// As above: fairness is for waiting times alone: a noisy tenant with the queue to itself is not held back.
#[test]
fn a_noisy_group_gets_everything_while_nobody_else_waits() {
    let world = World::new();
    let queue = world.plain_queue();
    queue.send_many(2_000, Some("noisy"));
    queue.receive_many(2_000);
    queue.receive_nothing();
}

/// As above: when its messages in flight are done, a tenant is as good as any other again.
#[test]
fn a_group_that_was_noisy_takes_its_turn_when_its_messages_are_done() {
    let world = World::new();
    let queue = world.plain_queue();
    queue.send_many(100, Some("was-noisy"));
    for _ in 0..10 {
        for message in queue.receive(json!({"MaxNumberOfMessages": 10})) {
            queue.delete(&handle(&message)).unwrap();
        }
    }
    queue.send_many(1, Some("was-noisy"));
    world.pass_seconds(1);
    queue.send_many(1, Some("other"));
    let received = queue.receive(everything());
    let groups: Vec<_> = received.iter().map(group).collect();
    assert_eq!(groups, ["was-noisy", "other"]);
}

/// As above: no tenant, however noisy, is starved for good: all messages come out.
#[test]
fn every_groups_messages_come_out_in_the_end() {
    let world = World::new();
    let queue = world.plain_queue();
    for (group, count) in [("a", 500), ("b", 50), ("c", 5)] {
        queue.send_many(count, Some(group));
    }
    queue.send_many(45, None);
    let received: usize = (0..60).map(|_| queue.receive(everything()).len()).sum();
    assert_eq!(received, 600);
    assert_eq!(queue.counts(), (0, 600, 0));
}
