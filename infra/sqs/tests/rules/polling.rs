//! What long polls are built on: the engine does not wait, it tells who waits when to look again.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{QUEUEIMPORTS};

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
