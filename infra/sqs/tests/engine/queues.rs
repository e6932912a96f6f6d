//! Making, finding and deleting queues
//! (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html>).

use serde_json::{Value, json};

use crate::support::{QUEUE, World, to_queue, url};

fn create(attributes: Value) -> Value {
    json!({ "QueueName": QUEUE, "Attributes": attributes })
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html>: with the same attributes
/// "the CreateQueue action will return the URL of the existing queue".
#[test]
fn creating_a_queue_again_with_equal_attributes_finds_it() {
    let world = World::empty();
    let request = create(json!({ "VisibilityTimeout": "45", "DelaySeconds": "0" }));
    assert_eq!(
        world.ok("CreateQueue", request.clone())["QueueUrl"],
        url(QUEUE)
    );
    world.send("a");
    assert_eq!(world.ok("CreateQueue", request)["QueueUrl"], url(QUEUE));
    assert_eq!(world.receive_one().body, "a");
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html> (`QueueNameExists`).
#[test]
fn creating_a_queue_again_with_other_attributes_is_refused() {
    let world = World::with_queue(json!({ "DelaySeconds": "1" }));
    let refusal = world.refused("CreateQueue", create(json!({ "DelaySeconds": "2" })));
    assert_eq!(refusal.code, "QueueAlreadyExists");
    let reason = "A queue already exists with the same name and a different value for attribute DelaySeconds";
    assert_eq!(refusal.message, reason);
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-queues.html> ("Queue name").
#[test]
fn a_name_is_1_to_80_letters_digits_hyphens_and_underscores() {
    let world = World::empty();
    for name in ["a", "A-z_0", &"a".repeat(80)] {
        world.ok("CreateQueue", json!({ "QueueName": name }));
    }
    for name in ["a b", "a.b", "a/b", "ä", "a.fifo", &"a".repeat(81)] {
        let refusal = world.refused("CreateQueue", json!({ "QueueName": name }));
        assert_eq!(refusal.code, "InvalidParameterValue", "{name}");
    }
    assert_eq!(
        world.refused("CreateQueue", json!({})).code,
        "MissingParameter"
    );
}

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

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueUrl.html>
#[test]
fn a_queue_is_found_by_its_name_and_under_any_host() {
    let world = World::with_queue(json!({}));
    assert_eq!(
        world.ok("GetQueueUrl", json!({ "QueueName": QUEUE }))["QueueUrl"],
        url(QUEUE)
    );
    let elsewhere = "http://localhost:9999/000000000000/jobs";
    world.ok(
        "SendMessage",
        json!({ "QueueUrl": elsewhere, "MessageBody": "a" }),
    );
    for request in [
        json!({ "QueueName": "other" }),
        json!({ "QueueName": "JOBS" }),
    ] {
        assert_eq!(
            world.refused("GetQueueUrl", request).code,
            "AWS.SimpleQueueService.NonExistentQueue"
        );
    }
    let foreign =
        json!({ "QueueUrl": "http://127.0.0.1:4566/111111111111/jobs", "MessageBody": "a" });
    assert_eq!(
        world.refused("SendMessage", foreign).code,
        "AWS.SimpleQueueService.NonExistentQueue"
    );
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

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_TagQueue.html>
#[test]
fn tags_are_added_listed_and_removed() {
    let world = World::empty();
    world.ok(
        "CreateQueue",
        json!({ "QueueName": QUEUE, "tags": { "a": "1" } }),
    );
    world.ok(
        "TagQueue",
        to_queue(json!({ "Tags": { "a": "2", "b": "3" } })),
    );
    assert_eq!(
        world.ok("ListQueueTags", to_queue(json!({}))),
        json!({ "Tags": { "a": "2", "b": "3" } })
    );
    world.ok("UntagQueue", to_queue(json!({ "TagKeys": ["a"] })));
    assert_eq!(
        world.ok("ListQueueTags", to_queue(json!({}))),
        json!({ "Tags": { "b": "3" } })
    );
}
