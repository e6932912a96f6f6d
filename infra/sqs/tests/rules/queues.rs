//! Queues themselves: making, finding, tagging and deleting them.

use serde_json::json;

use crate::support::{World, text};

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html>: the same name with the same
/// attributes gives the existing queue.
#[test]
fn creating_a_queue_again_gives_the_one_that_is_there() {
    let world = World::new();
    let queue = world.queue("again", &json!({"VisibilityTimeout": "60"}));
    queue.send("a");
    for attributes in [json!({}), json!({"VisibilityTimeout": "60"})] {
        assert_eq!(world.queue("again", &attributes).url, queue.url);
    }
    assert_eq!(queue.url, "http://127.0.0.1:4566/000000000000/again");
    assert_eq!(queue.counts(), (1, 0, 0));
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html>: `QueueNameExists`,
/// "only if the request includes attributes whose values differ".
#[test]
fn creating_a_queue_again_with_other_attributes_is_refused() {
    let world = World::new();
    let queue = world.queue("again", &json!({"VisibilityTimeout": "60"}));
    let request = json!({"QueueName": "again", "Attributes": {"VisibilityTimeout": "61"}});
    let refusal = world.call("CreateQueue", &request).unwrap_err();
    assert_eq!(refusal.status, 400);
    assert_eq!(refusal.shape, "QueueNameExists");
    assert_eq!(refusal.query_code, "QueueAlreadyExists");
    assert_eq!(queue.attributes()["VisibilityTimeout"], "60");
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-queues.html>: up to 80 letters, digits,
/// hyphens and underscores; names are case-sensitive.
#[test]
fn a_queues_name_follows_the_rules() {
    let world = World::new();
    let longest = "q".repeat(80);
    for name in ["a", "A-b_9", &longest] {
        world.queue(name, &json!({}));
    }
    for name in ["", "a b", "a.b", "ä", "a/b", "a.fifo", &"q".repeat(81)] {
        let request = json!({"QueueName": name});
        let refusal = world.call("CreateQueue", &request).unwrap_err();
        assert_eq!(refusal.status, 400, "{name}");
    }
    assert_eq!(world.sqs.queue_names(), ["A-b_9", "a", &longest]);
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteQueue.html>: its messages are gone,
/// and "you must wait at least 60 seconds before creating a queue with the same name"; handles of old say nothing to the
/// new queue.
#[test]
fn a_deleted_queue_is_gone_with_its_messages_and_its_name_taken_for_a_minute() {
    let world = World::new();
    let queue = world.plain_queue();
    let handle = queue.send_and_receive();
    queue.ok("DeleteQueue", json!({}));
    assert_eq!(world.sqs.counts(&queue.url), None);
    for action in ["ReceiveMessage", "DeleteQueue"] {
        let refusal = queue.refusal(action, json!({}));
        assert_eq!(refusal.shape, "QueueDoesNotExist", "{action}");
        let code = "AWS.SimpleQueueService.NonExistentQueue";
        assert_eq!(refusal.query_code, code, "{action}");
    }
    world.pass_seconds(59);
    let again = json!({"QueueName": "plain"});
    let refusal = world.call("CreateQueue", &again).unwrap_err();
    assert_eq!(refusal.shape, "QueueDeletedRecently");
    assert_eq!(
        refusal.query_code,
        "AWS.SimpleQueueService.QueueDeletedRecently"
    );
    world.pass_seconds(1);
    let queue = world.plain_queue();
    assert_eq!(queue.counts(), (0, 0, 0));
    queue.receive_nothing();
    let refusal = queue.delete(&handle).unwrap_err();
    assert_eq!(refusal.shape, "ReceiptHandleIsInvalid");
    assert_eq!(refusal.query_code, "ReceiptHandleIsInvalid");
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueUrl.html>.
#[test]
fn a_queue_is_found_by_name() {
    let world = World::new();
    let queue = world.queue("a-2", &json!({}));
    world.queue("a-1", &json!({}));
    let found = world.call("GetQueueUrl", &json!({"QueueName": "a-2"}));
    assert_eq!(text(&found.unwrap()["QueueUrl"]), queue.url);
    assert_eq!(queue.url, "http://127.0.0.1:4566/000000000000/a-2");
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ListQueues.html>: `QueueNamePrefix`,
/// `MaxResults`, 1 to 1,000, and `NextToken` while there is more.
#[test]
fn queues_are_listed_by_prefix_and_page_by_page() {
    let world = World::new();
    for name in ["b-2", "a", "b-1", "b-3"] {
        world.queue(name, &json!({}));
    }
    assert_eq!(world.sqs.queue_names(), ["a", "b-1", "b-2", "b-3"]);
    let list = |request| world.call("ListQueues", &request).unwrap();
    let urls = |names: &[&str]| {
        let url = |name| format!("http://127.0.0.1:4566/000000000000/{name}");
        json!(names.iter().map(url).collect::<Vec<_>>())
    };
    let whole = |names| json!({"QueueUrls": urls(names)});
    assert_eq!(list(json!({})), whole(&["a", "b-1", "b-2", "b-3"]));
    let by_prefix = list(json!({"QueueNamePrefix": "b-"}));
    assert_eq!(by_prefix, whole(&["b-1", "b-2", "b-3"]));

    let page = list(json!({"MaxResults": 3}));
    assert_eq!(page["QueueUrls"], urls(&["a", "b-1", "b-2"]));
    let last = list(json!({"MaxResults": 3, "NextToken": page["NextToken"]}));
    assert_eq!(last, whole(&["b-3"]));
    let page = list(json!({"QueueNamePrefix": "b-", "MaxResults": 2}));
    assert_eq!(page["QueueUrls"], urls(&["b-1", "b-2"]));
    let next = json!({"QueueNamePrefix": "b-", "MaxResults": 2, "NextToken": page["NextToken"]});
    assert_eq!(list(next), whole(&["b-3"]));

    for request in [
        json!({"MaxResults": 0}),
        json!({"NextToken": "nonsense", "MaxResults": 2}),
    ] {
        world.call("ListQueues", &request).unwrap_err();
    }
}

/// FIFO queues are what the engine leaves out
/// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html>).
#[test]
fn a_fifo_queue_is_refused_in_clear_words() {
    let world = World::new();
    let request = json!({"QueueName": "a.fifo", "Attributes": {"FifoQueue": "true"}});
    let refusal = world.call("CreateQueue", &request).unwrap_err();
    assert_eq!(
        refusal.query_code,
        "AWS.SimpleQueueService.UnsupportedOperation"
    );
    assert!(refusal.message.contains("FIFO queues are not supported"));
}

/// Clients reach one service under several host names; what names a queue is the path
/// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-queue-message-identifiers.html>).
#[test]
fn a_queues_url_works_under_any_host_and_no_other_account() {
    let world = World::new();
    let queue = world.plain_queue();
    queue.send("a");
    let receive = |url: &str| world.call("ReceiveMessage", &json!({"QueueUrl": url}));
    let answer = receive("http://localhost:1/000000000000/plain").unwrap();
    assert_eq!(answer["Messages"][0]["Body"], "a");
    let refusal = receive("http://127.0.0.1:4566/111111111111/plain").unwrap_err();
    assert_eq!(refusal.shape, "QueueDoesNotExist");
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_TagQueue.html>.
#[test]
fn tags_are_kept_replaced_and_taken_away() {
    let world = World::new();
    let queue = world.plain_queue();
    queue.ok("TagQueue", json!({"Tags": {"team": "a", "env": "test"}}));
    queue.ok("TagQueue", json!({"Tags": {"team": "b"}}));
    let tags = queue.ok("ListQueueTags", json!({}));
    assert_eq!(tags["Tags"], json!({"team": "b", "env": "test"}));
    queue.ok("UntagQueue", json!({"TagKeys": ["team", "none"]}));
    let tags = queue.ok("ListQueueTags", json!({}));
    assert_eq!(tags["Tags"], json!({"env": "test"}));
}
