//! Queues themselves: making, finding, describing, emptying and deleting them, and the shape of errors.

mod support;

use serde_json::{Value, json};
use support::{World, text};

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

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-json-faqs.html>: the error's shape is
/// `com.amazonaws.sqs#QueueDoesNotExist`, the header `x-amzn-query-error` carries the older code and whose fault it is.
#[test]
fn a_missing_queue_is_refused_by_every_action() {
    let world = World::new();
    let entries =
        json!([{"Id": "a", "MessageBody": "a", "ReceiptHandle": "a", "VisibilityTimeout": 0}]);
    let request = json!({
        "QueueUrl": "http://127.0.0.1:4566/000000000000/missing", "QueueName": "missing",
        "MessageBody": "a", "ReceiptHandle": "a", "VisibilityTimeout": 0, "Entries": entries,
        "Attributes": {"DelaySeconds": "0"}, "Tags": {"a": "b"}, "TagKeys": ["a"],
    });
    for action in [
        "GetQueueUrl",
        "GetQueueAttributes",
        "SetQueueAttributes",
        "DeleteQueue",
        "PurgeQueue",
        "SendMessage",
        "SendMessageBatch",
        "ReceiveMessage",
        "DeleteMessage",
        "DeleteMessageBatch",
        "ChangeMessageVisibility",
        "ChangeMessageVisibilityBatch",
        "TagQueue",
        "UntagQueue",
        "ListQueueTags",
    ] {
        let refusal = world.call(action, &request).unwrap_err();
        assert_eq!(refusal.status, 400, "{action}");
        assert_eq!(refusal.shape, "QueueDoesNotExist", "{action}");
        assert_eq!(
            refusal.query_code, "AWS.SimpleQueueService.NonExistentQueue",
            "{action}"
        );
    }
    assert!(world.sqs.counts("missing").is_none());
    assert!(world.sqs.next_visible_at("missing").is_none());
}

/// <https://smithy.io/2.0/aws/protocols/aws-json-1_0-protocol.html>: content type, and `__type` with its namespace; clients of
/// the JSON protocol find the error by it.
#[test]
fn an_error_has_its_type_message_and_headers() {
    let world = World::new();
    let body = br#"{"QueueUrl": "http://127.0.0.1:4566/000000000000/missing"}"#;
    let response = world.sqs.handle("AmazonSQS.ReceiveMessage", body);
    assert_eq!(response.status, 400);
    let answer: Value = serde_json::from_slice(&response.body).unwrap();
    assert_eq!(answer["__type"], "com.amazonaws.sqs#QueueDoesNotExist");
    assert_eq!(answer["message"], "The specified queue does not exist.");
    let header = |name| {
        let header = response.headers.iter().find(|(header, _)| *header == name);
        header.map(|(_, value)| value.as_str())
    };
    assert_eq!(header("content-type"), Some("application/x-amz-json-1.0"));
    assert_eq!(
        header("x-amzn-query-error"),
        Some("AWS.SimpleQueueService.NonExistentQueue;Sender")
    );
    assert!(header("x-amzn-requestid").is_some_and(|id| id.len() == 36));
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html>: an action that there is not.
#[test]
fn an_unknown_action_is_refused() {
    let world = World::new();
    for target in [
        "AmazonSQS.MakeTea",
        "AmazonSNS.SendMessage",
        "SendMessage",
        "AmazonSQS.",
        "",
    ] {
        let refusal = world.call_raw(target, b"{}").unwrap_err();
        assert_eq!(refusal.shape, "UnknownOperationException", "{target}");
        assert!((400..500).contains(&refusal.status), "{target}");
    }
}

/// <https://smithy.io/2.0/aws/protocols/aws-json-1_0-protocol.html>: what cannot be read is a `SerializationException`; the
/// answer must not give the body away.
#[test]
fn what_is_not_json_or_not_of_the_shape_is_refused() {
    let world = World::new();
    let queue = world.plain_queue();
    let number = json!({"QueueUrl": queue.url, "MessageBody": 7_654_321}).to_string();
    let text = json!({"QueueUrl": queue.url, "MessageBody": "a", "DelaySeconds": "7654321"});
    let text = text.to_string();
    let bodies = [
        "",
        "{",
        "[]",
        "\"7654321\"",
        "{\"a\": 7654321",
        &number,
        &text,
    ];
    for body in bodies {
        let refusal = world
            .call_raw("AmazonSQS.SendMessage", body.as_bytes())
            .unwrap_err();
        assert_eq!(refusal.status, 400, "{body}");
        assert!(!refusal.message.contains("7654321"), "{}", refusal.message);
    }
    let not_unicode = b"{\"QueueUrl\": \"\xff\"}";
    let refusal = world
        .call_raw("AmazonSQS.SendMessage", not_unicode)
        .unwrap_err();
    assert_eq!(refusal.shape, "SerializationException");
    assert_eq!(queue.counts(), (0, 0, 0));
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html>: `MissingParameter`.
#[test]
fn what_must_be_there_and_is_not_is_named() {
    let world = World::new();
    let queue = world.plain_queue();
    for (action, missing) in [
        ("SendMessage", "MessageBody"),
        ("DeleteMessage", "ReceiptHandle"),
        ("ChangeMessageVisibility", "ReceiptHandle"),
    ] {
        let refusal = queue.refusal(action, json!({}));
        assert_eq!(refusal.query_code, "MissingParameter", "{action}");
        assert!(refusal.message.contains(missing), "{}", refusal.message);
    }
    let refusal = world.call("ReceiveMessage", &json!({})).unwrap_err();
    assert_eq!(refusal.query_code, "MissingParameter");
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html>: the defaults, and
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueAttributes.html>: what is told.
#[test]
fn a_new_queue_has_the_defaults() {
    let world = World::new();
    let attributes = world.plain_queue().attributes();
    let expected = [
        ("VisibilityTimeout", "30"),
        ("DelaySeconds", "0"),
        ("ReceiveMessageWaitTimeSeconds", "0"),
        ("MessageRetentionPeriod", "345600"),
        ("MaximumMessageSize", "1048576"),
        ("ApproximateNumberOfMessages", "0"),
        ("QueueArn", "arn:aws:sqs:us-east-1:000000000000:plain"),
        ("CreatedTimestamp", "1774794600"),
    ];
    for (name, value) in expected {
        assert_eq!(attributes[name], value, "{name}");
    }
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html>: the range of each.
#[test]
fn attributes_are_taken_within_their_ranges_alone() {
    let world = World::new();
    let queue = world.plain_queue();
    for (name, least, most) in [
        ("VisibilityTimeout", 0, 43_200),
        ("DelaySeconds", 0, 900),
        ("ReceiveMessageWaitTimeSeconds", 0, 20),
        ("MessageRetentionPeriod", 60, 1_209_600),
        ("MaximumMessageSize", 1_024, 1_048_576),
    ] {
        let set = |value: String| {
            queue.call("SetQueueAttributes", json!({"Attributes": { name: value }}))
        };
        for value in [least, most] {
            set(value.to_string()).unwrap();
            assert_eq!(queue.attributes()[name], value.to_string());
        }
        for value in [
            (least - 1).to_string(),
            (most + 1).to_string(),
            "soon".into(),
        ] {
            let refusal = set(value.clone()).unwrap_err();
            assert_eq!(refusal.shape, "InvalidAttributeValue", "{name} {value}");
        }
        assert_eq!(queue.attributes()[name], most.to_string());
    }
}

/// As above: `InvalidAttributeName`; nothing of a refused change is made.
#[test]
fn an_unknown_attribute_is_refused() {
    let world = World::new();
    let queue = world.plain_queue();
    let attributes = json!({"DelaySeconds": "5", "Colour": "red"});
    let refusal = queue.refusal("SetQueueAttributes", json!({"Attributes": attributes}));
    assert_eq!(refusal.shape, "InvalidAttributeName");
    assert_eq!(queue.attributes()["DelaySeconds"], "0");
    let refusal = queue.refusal("GetQueueAttributes", json!({"AttributeNames": ["Colour"]}));
    assert_eq!(refusal.shape, "InvalidAttributeName");
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueAttributes.html>: those that are asked
/// for; none without a question.
#[test]
fn a_queue_tells_the_attributes_that_are_asked_for() {
    let world = World::new();
    let queue = world.plain_queue();
    let names = json!({"AttributeNames": ["DelaySeconds", "QueueArn"]});
    let answer = queue.ok("GetQueueAttributes", names);
    let names: Vec<_> = answer["Attributes"].as_object().unwrap().keys().collect();
    assert_eq!(names, ["DelaySeconds", "QueueArn"]);
    let answer = queue.ok("GetQueueAttributes", json!({}));
    assert_eq!(answer["Attributes"], Value::Null);
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueAttributes.html>: messages by state; a
/// message hidden is not counted as visible.
#[test]
fn a_queue_counts_its_messages_by_state() {
    let world = World::new();
    let queue = world.plain_queue();
    queue.send_many(5, None);
    queue.receive(json!({"MaxNumberOfMessages": 2}));
    queue.ok(
        "SendMessage",
        json!({"MessageBody": "a", "DelaySeconds": 100}),
    );
    let attributes = queue.attributes();
    assert_eq!(attributes["ApproximateNumberOfMessages"], "3");
    assert_eq!(attributes["ApproximateNumberOfMessagesNotVisible"], "2");
    assert_eq!(attributes["ApproximateNumberOfMessagesDelayed"], "1");
    assert_eq!(queue.counts(), (3, 2, 1));
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_PurgeQueue.html>: all messages, "including
/// in-flight messages"; `PurgeQueueInProgress` within 60 seconds.
#[test]
fn a_purge_empties_the_queue_once_in_60_seconds() {
    let world = World::new();
    let queue = world.plain_queue();
    queue.send_many(3, None);
    queue.receive(json!({}));
    queue.ok(
        "SendMessage",
        json!({"MessageBody": "a", "DelaySeconds": 100}),
    );
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
