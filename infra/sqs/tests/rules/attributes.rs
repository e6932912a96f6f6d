//! The attributes of queues: their defaults and ranges, and how they are asked for and changed.

use serde_json::{Value, json};

use crate::support::World;

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
        for value in [least, most] {
            queue.set(name, &value.to_string()).unwrap();
            assert_eq!(queue.attributes()[name], value.to_string());
        }
        for value in [
            (least - 1).to_string(),
            (most + 1).to_string(),
            "soon".into(),
        ] {
            let refusal = queue.set(name, &value).unwrap_err();
            assert_eq!(refusal.shape, "InvalidAttributeValue", "{name} {value}");
        }
        assert_eq!(queue.attributes()[name], most.to_string());
    }
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html>:
/// `InvalidAttributeName`.
#[test]
fn an_unknown_attribute_is_refused() {
    let world = World::new();
    let queue = world.plain_queue();
    assert_eq!(
        queue.set("Colour", "red").unwrap_err().shape,
        "InvalidAttributeName"
    );
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
    queue.send_delayed("a", 100);
    let attributes = queue.attributes();
    assert_eq!(attributes["ApproximateNumberOfMessages"], "3");
    assert_eq!(attributes["ApproximateNumberOfMessagesNotVisible"], "2");
    assert_eq!(attributes["ApproximateNumberOfMessagesDelayed"], "1");
    assert_eq!(queue.counts(), (3, 2, 1));
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html>: one bad attribute
/// refuses the request.
#[test]
fn a_refused_change_changes_nothing() {
    let world = World::new();
    let queue = world.plain_queue();
    for (name, value) in [("VisibilityTimeout", "-1"), ("Colour", "red")] {
        let attributes = json!({"DelaySeconds": "5", name: value});
        queue.refusal("SetQueueAttributes", json!({"Attributes": attributes}));
        assert_eq!(queue.attributes()["DelaySeconds"], "0", "{name}");
    }
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueAttributes.html>:
/// `LastModifiedTimestamp`.
#[test]
fn a_change_moves_the_time_of_the_last_one() {
    let world = World::new();
    let queue = world.plain_queue();
    let created = world.now().as_second().to_string();
    world.pass_seconds(10);
    queue.set("DelaySeconds", "5").unwrap();
    let attributes = queue.attributes();
    assert_eq!(attributes["CreatedTimestamp"], created);
    let changed = world.now().as_second().to_string();
    assert_eq!(attributes["LastModifiedTimestamp"], changed);
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html>: "Only one
/// server-side encryption option is supported per queue".
#[test]
fn a_queue_has_one_kind_of_encryption() {
    let world = World::new();
    let queue = world.plain_queue();
    let encryption = || {
        let names = json!({"AttributeNames": ["KmsMasterKeyId", "SqsManagedSseEnabled"]});
        queue.ok("GetQueueAttributes", names)["Attributes"].clone()
    };
    queue.set("KmsMasterKeyId", "alias/aws/sqs").unwrap();
    assert_eq!(
        encryption(),
        json!({"KmsMasterKeyId": "alias/aws/sqs", "SqsManagedSseEnabled": "false"})
    );
    queue.set("SqsManagedSseEnabled", "true").unwrap();
    assert_eq!(encryption(), json!({"SqsManagedSseEnabled": "true"}));
    let both = json!({"KmsMasterKeyId": "k", "SqsManagedSseEnabled": "true"});
    let refusal = queue.refusal("SetQueueAttributes", json!({"Attributes": both}));
    assert_eq!(refusal.query_code, "InvalidAttributeName");
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html>: `Policy`;
/// an empty one takes the old one away.
#[test]
fn a_policy_is_given_back_until_it_is_taken_away() {
    let world = World::new();
    let queue = world.plain_queue();
    let policy = || {
        let names = json!({"AttributeNames": ["Policy"]});
        queue.ok("GetQueueAttributes", names)["Attributes"].clone()
    };
    queue.set("Policy", "{}").unwrap();
    assert_eq!(policy(), json!({"Policy": "{}"}));
    queue.set("Policy", "").unwrap();
    assert_eq!(policy(), Value::Null);
}
