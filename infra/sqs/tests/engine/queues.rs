//! Making, finding and deleting queues
//! (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html>).

use serde_json::json;

use crate::support::{QUEUE, World, to_queue, url};

/// FIFO queues are what the engine leaves out
/// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html>).
#[test]
fn a_fifo_queue_is_refused_in_clear_words() {
    let world = World::empty();
    let request = json!({ "QueueName": "a.fifo", "Attributes": { "FifoQueue": "true" } });
    let refusal = world.refused("CreateQueue", request);
    assert_eq!(refusal.code, "AWS.SimpleQueueService.UnsupportedOperation");
    assert!(refusal.message.contains("FIFO queues are not supported"));
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ListQueues.html>
#[test]
fn queues_are_listed_by_prefix_and_page_by_page() {
    let world = World::empty();
    for name in ["b-2", "a", "b-1", "b-3"] {
        world.ok("CreateQueue", json!({ "QueueName": name }));
    }
    assert_eq!(world.sqs.queue_names(), ["a", "b-1", "b-2", "b-3"]);
    assert_eq!(
        world.ok("ListQueues", json!({}))["QueueUrls"]
            .as_array()
            .unwrap()
            .len(),
        4
    );
    let page = world.ok(
        "ListQueues",
        json!({ "QueueNamePrefix": "b-", "MaxResults": 2 }),
    );
    assert_eq!(page["QueueUrls"], json!([url("b-1"), url("b-2")]));
    let request =
        json!({ "QueueNamePrefix": "b-", "MaxResults": 2, "NextToken": page["NextToken"] });
    assert_eq!(
        world.ok("ListQueues", request),
        json!({ "QueueUrls": [url("b-3")] })
    );
    world.refused("ListQueues", json!({ "MaxResults": 0 }));
    world.refused(
        "ListQueues",
        json!({ "NextToken": "nonsense", "MaxResults": 2 }),
    );
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteQueue.html>: "you must wait at least
/// 60 seconds before creating a queue with the same name".
#[test]
fn a_deleted_queue_is_gone_with_its_messages_and_its_name_taken_for_a_minute() {
    let world = World::with_queue(json!({}));
    world.send("a");
    let handle = world.receive_one().receipt_handle;
    world.ok("DeleteQueue", to_queue(json!({})));
    assert_eq!(world.sqs.counts(QUEUE), None);
    assert_eq!(
        world.refused("DeleteQueue", to_queue(json!({}))).code,
        "AWS.SimpleQueueService.NonExistentQueue"
    );
    world.pass_seconds(59);
    let refusal = world.refused("CreateQueue", json!({ "QueueName": QUEUE }));
    assert_eq!(refusal.code, "AWS.SimpleQueueService.QueueDeletedRecently");
    world.pass_seconds(1);
    world.ok("CreateQueue", json!({ "QueueName": QUEUE }));
    assert!(world.receive().is_empty());
    let stale = to_queue(json!({ "ReceiptHandle": handle }));
    assert_eq!(
        world.refused("DeleteMessage", stale).code,
        "ReceiptHandleIsInvalid"
    );
}
