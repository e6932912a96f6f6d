//! What long polls are built on
//! (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-short-and-long-polling.html>).

use jiff::SignedDuration;
use serde_json::json;

use crate::support::{QUEUE, World, counts, to_queue};

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html> (`WaitTimeSeconds`,
/// at most 20 seconds).
#[test]
fn a_wait_is_not_waited_for_and_must_be_at_most_twenty_seconds() {
    let world = World::with_queue(json!({}));
    assert_eq!(
        world.ok("ReceiveMessage", to_queue(json!({ "WaitTimeSeconds": 20 }))),
        json!({})
    );
    for wait in [-1, 21] {
        let refusal = world.refused(
            "ReceiveMessage",
            to_queue(json!({ "WaitTimeSeconds": wait })),
        );
        assert_eq!(refusal.code, "InvalidParameterValue");
    }
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-short-and-long-polling.html>: who
/// looks when to ask again must not thereby miss the message.
#[test]
fn a_wake_up_that_is_due_stays_the_next_one_until_a_call_takes_note_of_it() {
    let world = World::with_queue(json!({}));
    world.send_with(json!({ "MessageBody": "a", "DelaySeconds": 40 }));
    let due = world.now() + SignedDuration::from_secs(40);
    world.pass_seconds(45);
    assert_eq!(world.sqs.next_visible_at(QUEUE), Some(due));
    assert_eq!(world.sqs.next_visible_at(QUEUE), Some(due));
    assert_eq!(world.counts(), counts(1, 0, 0));
    assert_eq!(world.sqs.next_visible_at(QUEUE), None);
}
