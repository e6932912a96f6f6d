//! The attributes of queues: their defaults and ranges, and how they are asked for and changed.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{QUEUEIMPORTS};

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
