//! `MessageGroupId` on standard queues: tenants, and a quiet one that does not wait for a noisy one.
//!
//! <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html>

use serde_json::{Value, json};

use crate::support::{Queue, World, everything, handle, text};

/// The next message's group, empty if it has none.
fn next(queue: &Queue<'_>) -> String {
    let request = json!({"MessageSystemAttributeNames": ["MessageGroupId"]});
    let message = queue.receive(request).remove(0);
    let group = message["Attributes"]["MessageGroupId"].as_str();
    group.unwrap_or_default().to_owned()
}

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

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html>: 1 to 128 letters,
/// digits and punctuation marks.
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

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html>: unlike in FIFO queues,
/// "messages with the same `MessageGroupId` can be processed in parallel".
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
/// most messages in flight, other tenants' messages are handed out before its backlog; a message without a group is a
/// tenant of its own.
#[test]
fn quiet_groups_and_messages_of_no_group_do_not_wait_behind_a_noisy_group() {
    let world = World::new();
    let queue = world.plain_queue();
    queue.send_many(10_000, Some("noisy"));
    queue.receive_many(1_000);
    world.pass_seconds(1);
    queue.send("alone");
    queue.send_many(5, Some("quiet"));
    let received = queue.receive(everything());
    assert_eq!(received[0]["Body"], "alone");
    let groups: Vec<_> = received[1..].iter().map(group).collect();
    assert_eq!(groups[..5], ["quiet"; 5]);
    assert_eq!(groups[5..], ["noisy"; 4], "the rest is the noisy group's");
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html>: fairness is for
/// waiting times alone: a noisy tenant with the queue to itself is not held back.
#[test]
fn a_noisy_group_gets_everything_while_nobody_else_waits() {
    let world = World::new();
    let queue = world.plain_queue();
    queue.send_many(2_000, Some("noisy"));
    queue.receive_many(2_000);
    queue.receive_nothing();
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html>: when its messages
/// in flight are done, a tenant is as good as any other again.
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

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html>: no tenant,
/// however noisy, is starved for good: all messages come out.
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

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues-detailed.html>: noisy is
/// who has "more than 10% of in-flight messages in the queue and … at least 30 of its own messages in flight".
#[test]
fn with_thirty_messages_and_more_than_a_tenth_of_all_in_flight_a_group_lets_the_others_go_first() {
    let world = World::new();
    let queue = world.plain_queue();
    queue.send_many(100, Some("noisy"));
    queue.receive_many(30);
    queue.send_many(2, Some("quiet"));
    queue.send("of no group");
    let order = [next(&queue), next(&queue), next(&queue), next(&queue)];
    assert_eq!(order, ["quiet", "quiet", "", "noisy"]);
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues-detailed.html>: fewer than
/// 30 in flight are not noise.
#[test]
fn with_fewer_than_thirty_in_flight_the_longest_waiting_goes_first() {
    let world = World::new();
    let queue = world.plain_queue();
    queue.send_many(100, Some("many"));
    queue.send_many(1, Some("few"));
    queue.receive_many(29);
    assert_eq!(next(&queue), "many");
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues-detailed.html>: 30 of 300
/// are not more than a tenth.
#[test]
fn with_a_tenth_in_flight_a_group_is_not_noisy() {
    let world = World::new();
    let queue = world.plain_queue();
    queue.send_many(270, None);
    queue.receive_many(270);
    queue.send_many(60, Some("tenth"));
    queue.receive_many(30);
    queue.send_many(1, Some("later"));
    assert_eq!([next(&queue), next(&queue)], ["tenth", "later"]);
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues-detailed.html>: of several
/// noisy tenants, the one with the fewest messages in flight goes first.
#[test]
fn among_noisy_groups_the_one_with_the_fewest_in_flight_goes_first() {
    let world = World::new();
    let queue = world.plain_queue();
    for (group, count) in [("a", 40), ("b", 30)] {
        queue.send_many(count, Some(group));
        queue.receive_many(count);
    }
    queue.send_many(5, Some("a"));
    queue.send_many(5, Some("b"));
    assert_eq!(next(&queue), "b");
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues-detailed.html>, "When a
/// noisy neighbor becomes quiet": after five minutes without a message sent.
#[test]
fn a_group_that_sends_nothing_for_five_minutes_is_quiet_again() {
    let world = World::new();
    let queue = world.queue("slow", &json!({"VisibilityTimeout": "3600"}));
    queue.send_many(40, Some("noisy"));
    queue.receive_many(30);
    world.pass_seconds(299);
    queue.send_many(2, Some("quiet"));
    assert_eq!(next(&queue), "quiet");
    world.pass_seconds(1);
    assert_eq!(next(&queue), "noisy");
}
