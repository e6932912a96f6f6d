//! Deleting messages
//! (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteMessage.html>).

use serde_json::json;

use crate::support::{QUEUE, World, counts, to_queue};

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteMessage.html>
/// (`ReceiptHandleIsInvalid`).
#[test]
fn a_handle_of_another_queue_is_refused() {
    let world = World::with_queue(json!({}));
    world.ok("CreateQueue", json!({ "QueueName": "other" }));
    world.ok(
        "SendMessage",
        json!({ "QueueUrl": "other", "MessageBody": "a" }),
    );
    let handle = world.sqs.receive("other", 1, None).remove(0).receipt_handle;
    let refusal = world.refused(
        "DeleteMessage",
        to_queue(json!({ "ReceiptHandle": handle })),
    );
    assert_eq!(refusal.code, "ReceiptHandleIsInvalid");
    assert!(world.sqs.delete("other", &handle));
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_PurgeQueue.html>: a handle of a purged
/// message must not reach one that was sent later.
#[test]
fn handles_from_before_a_purge_do_not_touch_messages_from_after_it() {
    let world = World::with_queue(json!({}));
    world.send("before");
    let handle = world.receive_one().receipt_handle;
    world.ok("PurgeQueue", to_queue(json!({})));
    world.send("after");
    world.receive_one();
    assert!(!world.sqs.delete(QUEUE, &handle));
    assert_eq!(world.counts(), counts(0, 1, 0));
}
