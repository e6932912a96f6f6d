//! Queues themselves: making, finding, describing, emptying and deleting them, and the shape of errors.

use serde_json::{Value, json};
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

/// As above: `QueueNameExists`, "only if the request includes attributes whose values differ".
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

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteQueue.html>: its messages are gone, and
/// the name is free after 60 seconds; handles of old say nothing to the new queue.
#[test]
fn a_deleted_queue_is_gone_with_its_messages() {
    let world = World::new();
    let queue = world.plain_queue();
    queue.send("a");
    let handle = queue.receive_handle();
    queue.ok("DeleteQueue", json!({}));
    assert_eq!(
        queue.refusal("ReceiveMessage", json!({})).shape,
        "QueueDoesNotExist"
    );
    world.pass_seconds(59);
    let again = json!({"QueueName": "plain"});
    let refusal = world.call("CreateQueue", &again).unwrap_err();
    assert_eq!(refusal.shape, "QueueDeletedRecently");
    world.pass_seconds(1);
    let queue = world.plain_queue();
    assert_eq!(queue.counts(), (0, 0, 0));
    assert_eq!(
        queue.delete(&handle).unwrap_err().shape,
        "ReceiptHandleIsInvalid"
    );
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ListQueues.html> and
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueUrl.html>.
#[test]
fn queues_are_found_by_name_and_by_prefix() {
    let world = World::new();
    for name in ["b-1", "a-1", "a-2"] {
        world.queue(name, &json!({}));
    }
    let found = world.call("GetQueueUrl", &json!({"QueueName": "a-2"}));
    assert_eq!(
        text(&found.unwrap()["QueueUrl"]),
        "http://127.0.0.1:4566/000000000000/a-2"
    );
    let names = |request| {
        let answer = world.call("ListQueues", &request).unwrap();
        let urls = answer["QueueUrls"].as_array().unwrap().iter();
        let names = urls.map(|url| text(url).rsplit('/').next().unwrap().to_owned());
        (names.collect::<Vec<_>>(), answer["NextToken"].clone())
    };
    let (all, token) = names(json!({}));
    assert_eq!(all, ["a-1", "a-2", "b-1"]);
    assert_eq!(token, Value::Null);
    assert_eq!(names(json!({"QueueNamePrefix": "a-"})).0, ["a-1", "a-2"]);
    let (page, token) = names(json!({"MaxResults": 2}));
    assert_eq!(page, ["a-1", "a-2"]);
    let (page, token) = names(json!({"MaxResults": 2, "NextToken": token}));
    assert_eq!(page, ["b-1"]);
    assert_eq!(token, Value::Null);
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
