//! What long polls are built on: the engine does not wait, it tells who waits when to look again.

use std::time::Duration;

use serde_json::json;

use crate::support::{World, handle};

/// The waiting of a long poll is done by whoever serves the engine: it must be told when to look again
/// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-short-and-long-polling.html>).
#[test]
fn a_waiting_receiver_is_told_of_what_arrives_and_of_what_is_due() {
    let world = World::new();
    let queue = world.plain_queue();
    let mut arrivals = world.sqs.arrivals();
    assert_eq!(world.sqs.next_visible_at(&queue.url), None);

    arrivals.mark_unchanged();
    queue.send("a");
    assert!(arrivals.has_changed().unwrap(), "sent");

    let handle = handle(&queue.receive_one());
    let due = world.now() + Duration::from_secs(30);
    assert_eq!(world.sqs.next_visible_at(&queue.url), Some(due));
    arrivals.mark_unchanged();
    queue.receive_nothing();
    assert!(!arrivals.has_changed().unwrap(), "nothing happened");

    queue.change_visibility(&handle, 10).unwrap();
    let due = world.now() + Duration::from_secs(10);
    assert_eq!(world.sqs.next_visible_at("plain"), Some(due));
    assert!(arrivals.has_changed().unwrap(), "due earlier");

    arrivals.mark_unchanged();
    queue.change_visibility(&handle, 0).unwrap();
    assert!(arrivals.has_changed().unwrap(), "released");
    assert_eq!(world.sqs.next_visible_at(&queue.url), None);

    queue.receive_one();
    world.pass_seconds(30);
    arrivals.mark_unchanged();
    assert_eq!(queue.counts(), (1, 0, 0));
    assert!(arrivals.has_changed().unwrap(), "found visible again");
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html>: `WaitTimeSeconds`, 0
/// to 20.
#[test]
fn a_wait_is_not_waited_for_and_must_be_at_most_twenty_seconds() {
    let world = World::new();
    let queue = world.plain_queue();
    let answer = queue.ok("ReceiveMessage", json!({"WaitTimeSeconds": 20}));
    assert_eq!(answer, json!({}));
    for wait in [-1, 21] {
        let refusal = queue.refusal("ReceiveMessage", json!({"WaitTimeSeconds": wait}));
        assert_eq!(refusal.query_code, "InvalidParameterValue", "{wait}");
    }
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-short-and-long-polling.html>: who
/// looks when to ask again must not thereby miss the message.
#[test]
fn a_wake_up_that_is_due_stays_the_next_one_until_a_call_takes_note_of_it() {
    let world = World::new();
    let queue = world.plain_queue();
    queue.send_delayed("a", 40);
    let due = world.now() + Duration::from_secs(40);
    world.pass_seconds(45);
    assert_eq!(world.sqs.next_visible_at(&queue.url), Some(due));
    assert_eq!(world.sqs.next_visible_at(&queue.url), Some(due));
    assert_eq!(queue.counts(), (1, 0, 0));
    assert_eq!(world.sqs.next_visible_at(&queue.url), None);
}
