//! What a client is told when a call cannot be served.

use serde_json::{Value, json};

use crate::support::World;

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
