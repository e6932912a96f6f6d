//! The wire (<https://smithy.io/2.0/aws/protocols/aws-json-1_0-protocol.html>).

use serde_json::{Value, json};
use sqs::Response;

use crate::support::{World, to_queue, url};

fn header<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    response
        .headers
        .iter()
        .find(|(header, _)| *header == name)
        .map(|(_, value)| value.as_str())
}

fn body(response: &Response) -> Value {
    serde_json::from_slice(&response.body).unwrap()
}

/// <https://smithy.io/2.0/aws/protocols/aws-query-protocol.html#aws-protocols-awsquerycompatible-trait>
#[test]
fn an_error_names_its_shape_and_its_query_code() {
    let request = json!({ "QueueUrl": url("nowhere") }).to_string();
    let response = World::empty()
        .sqs
        .handle("AmazonSQS.ReceiveMessage", request.as_bytes());
    assert_eq!(response.status, 400);
    let query_error = header(&response, "x-amzn-query-error");
    assert_eq!(
        query_error,
        Some("AWS.SimpleQueueService.NonExistentQueue;Sender")
    );
    let expected = json!({
        "__type": "com.amazonaws.sqs#QueueDoesNotExist",
        "message": "The specified queue does not exist.",
    });
    assert_eq!(body(&response), expected);
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-making-api-requests-json.html>
#[test]
fn an_answer_has_its_content_type_and_a_request_id_of_its_own() {
    let world = World::empty();
    let first = world.sqs.handle("AmazonSQS.ListQueues", b"{}");
    let second = world.sqs.handle("AmazonSQS.ListQueues", b"{}");
    assert_eq!(first.status, 200);
    assert_eq!(
        header(&first, "content-type"),
        Some("application/x-amz-json-1.0")
    );
    assert_eq!(header(&first, "x-amzn-query-error"), None);
    assert_ne!(
        header(&first, "x-amzn-requestid").unwrap(),
        header(&second, "x-amzn-requestid").unwrap()
    );
}

/// <https://smithy.io/2.0/aws/protocols/aws-json-1_0-protocol.html>
#[test]
fn an_unknown_action_is_an_unknown_operation() {
    let world = World::empty();
    for target in [
        "AmazonSQS.Nonsense",
        "AmazonSQS.",
        "Other.SendMessage",
        "SendMessage",
        "",
    ] {
        let response = world.sqs.handle(target, b"{}");
        assert_eq!(response.status, 404, "{target}");
        assert_eq!(
            body(&response)["__type"],
            "com.amazon.coral.service#UnknownOperationException"
        );
    }
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html>. The answer never quotes
/// what it could not read.
#[test]
fn what_is_not_json_of_the_right_shape_is_a_serialization_exception() {
    let world = World::with_queue(json!({}));
    let secret = "hunter2";
    let bodies = [
        String::new(),
        "{".to_owned(),
        "[]".to_owned(),
        format!("\"{secret}\""),
        to_queue(json!({ "MessageBody": 5 })).to_string(),
        to_queue(json!({ "MessageBody": "a", "DelaySeconds": secret })).to_string(),
        to_queue(json!({ "MessageBody": "a", "MessageAttributes": secret })).to_string(),
        "{\"MessageBody\":\"\\ud800\"}".to_owned(),
    ];
    for request in bodies {
        let response = world
            .sqs
            .handle("AmazonSQS.SendMessage", request.as_bytes());
        assert_eq!(response.status, 400, "{request}");
        assert_eq!(
            body(&response)["__type"],
            "com.amazon.coral.service#SerializationException",
            "{request}"
        );
        assert!(!String::from_utf8(response.body).unwrap().contains(secret));
    }
    let response = world
        .sqs
        .handle("AmazonSQS.SendMessage", b"{\"MessageBody\":\"\xff\"}");
    assert_eq!(
        body(&response)["__type"],
        "com.amazon.coral.service#SerializationException"
    );
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html> (`MissingParameter`).
#[test]
fn a_missing_parameter_is_named() {
    let world = World::with_queue(json!({}));
    let cases = [
        ("SendMessage", json!({ "MessageBody": "a" }), "QueueUrl"),
        ("ReceiveMessage", json!({}), "QueueUrl"),
        ("DeleteMessage", to_queue(json!({})), "ReceiptHandle"),
        (
            "ChangeMessageVisibility",
            to_queue(json!({ "ReceiptHandle": "x" })),
            "VisibilityTimeout",
        ),
        ("SetQueueAttributes", to_queue(json!({})), "Attributes"),
        (
            "SendMessageBatch",
            to_queue(json!({ "Entries": [{ "MessageBody": "a" }] })),
            "Id",
        ),
    ];
    for (action, request, parameter) in cases {
        let refusal = world.refused(action, request);
        assert_eq!(refusal.code, "MissingParameter", "{action}");
        assert_eq!(
            refusal.message,
            format!("The request must contain the parameter {parameter}.")
        );
    }
}
