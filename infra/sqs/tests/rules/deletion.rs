//! Deleting messages, one by one and all at once.

use serde_json::json;

use crate::support::World;

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteMessage.html>: a deleted message does
/// not come back; deleting again succeeds and does nothing.
#[test]
fn deleting_is_for_good_and_can_be_repeated() {
    let world = World::new();
    let queue = world.plain_queue();
    let handle = queue.send_and_receive();
    queue.delete(&handle).unwrap();
    queue.delete(&handle).unwrap();
    assert_eq!(queue.counts(), (0, 0, 0));
    world.pass_seconds(60);
    queue.receive_nothing();
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteMessage.html>: what counts is the handle
/// of the most recent receive, not the visibility time-out.
#[test]
fn a_message_that_is_visible_again_can_still_be_deleted_with_its_latest_handle() {
    let world = World::new();
    let queue = world.plain_queue();
    let handle = queue.send_and_receive();
    world.pass_seconds(31);
    queue.delete(&handle).unwrap();
    assert_eq!(queue.counts(), (0, 0, 0));
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteMessage.html>: "if you use an
/// old `ReceiptHandle`, the request will succeed, but the message might not be deleted"; here it never is.
#[test]
fn deleting_with_a_stale_handle_succeeds_and_deletes_nothing() {
    let world = World::new();
    let queue = world.plain_queue();
    let stale = queue.send_and_receive();
    world.pass_seconds(30);
    queue.receive_one();
    queue.delete(&stale).unwrap();
    assert_eq!(queue.counts(), (0, 1, 0));
    world.pass_seconds(30);
    queue.receive_one();
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibility.html>:
/// `ReceiptHandleIsInvalid`. A handle belongs to its queue alone.
#[test]
fn what_is_no_handle_of_the_queue_is_refused() {
    let world = World::new();
    let queue = world.plain_queue();
    let other = world.queue("other", &json!({}));
    let others_handle = other.send_and_receive();
    for handle in ["nonsense", "ü", "AQEB", &others_handle] {
        let refusal = queue.change_visibility(handle, 10).unwrap_err();
        assert_eq!(refusal.shape, "ReceiptHandleIsInvalid", "{handle}");
        let refusal = queue.delete(handle).unwrap_err();
        assert_eq!(refusal.shape, "ReceiptHandleIsInvalid", "{handle}");
        assert_eq!(refusal.query_code, "ReceiptHandleIsInvalid", "{handle}");
    }
    assert_eq!(other.counts(), (0, 1, 0));
    assert!(world.sqs.delete("other", &others_handle));
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_PurgeQueue.html>: all messages, "including
/// in-flight messages"; `PurgeQueueInProgress` within 60 seconds.
#[test]
fn a_purge_empties_the_queue_once_in_60_seconds() {
    let world = World::new();
    let queue = world.plain_queue();
    queue.send_many(3, None);
    queue.receive(json!({}));
    queue.send_delayed("a", 100);
    queue.ok("PurgeQueue", json!({}));
    assert_eq!(queue.counts(), (0, 0, 0));
    queue.send("after");
    world.pass_seconds(59);
    let refusal = queue.refusal("PurgeQueue", json!({}));
    assert_eq!(refusal.shape, "PurgeQueueInProgress");
    assert_eq!(
        refusal.query_code,
        "AWS.SimpleQueueService.PurgeQueueInProgress"
    );
    assert_eq!(queue.counts(), (1, 0, 0));
    world.pass_seconds(1);
    queue.ok("PurgeQueue", json!({}));
    assert_eq!(queue.counts(), (0, 0, 0));
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_PurgeQueue.html>: a handle of a
/// purged message must not reach one that was sent later.
#[test]
fn handles_from_before_a_purge_do_not_touch_messages_from_after_it() {
    let world = World::new();
    let queue = world.plain_queue();
    let handle = queue.send_and_receive();
    queue.ok("PurgeQueue", json!({}));
    queue.send_and_receive();
    assert!(!world.sqs.delete(&queue.url, &handle));
    assert_eq!(queue.counts(), (0, 1, 0));
}
