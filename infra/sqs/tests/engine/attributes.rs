//! Attributes of queues
//! (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html>).

use serde_json::{Value, json};

use crate::support::{QUEUE, World, arn, to_queue};

fn set(name: &str, value: &str) -> Value {
    to_queue(json!({ "Attributes": { name: value } }))
}

fn get(world: &World, names: &[&str]) -> Value {
    world.ok(
        "GetQueueAttributes",
        to_queue(json!({ "AttributeNames": names })),
    )["Attributes"]
        .clone()
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueAttributes.html>
#[test]
fn a_new_queue_has_the_documented_defaults() {
    let world = World::with_queue(json!({}));
    let created = world.now().as_second().to_string();
    let expected = json!({
        "ApproximateNumberOfMessages": "0",
        "ApproximateNumberOfMessagesDelayed": "0",
        "ApproximateNumberOfMessagesNotVisible": "0",
        "CreatedTimestamp": created,
        "DelaySeconds": "0",
        "LastModifiedTimestamp": created,
        "MaximumMessageSize": "1048576",
        "MessageRetentionPeriod": "345600",
        "QueueArn": arn(QUEUE),
        "ReceiveMessageWaitTimeSeconds": "0",
        "SqsManagedSseEnabled": "true",
        "VisibilityTimeout": "30",
    });
    assert_eq!(get(&world, &["All"]), expected);
    assert_eq!(json!(world.sqs.queue_attributes(QUEUE).unwrap()), expected);
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html>
#[test]
fn each_number_has_its_bounds() {
    let world = World::with_queue(json!({}));
    let bounds = [
        ("VisibilityTimeout", 0, 43_200),
        ("DelaySeconds", 0, 900),
        ("MaximumMessageSize", 1_024, 1_048_576),
        ("MessageRetentionPeriod", 60, 1_209_600),
        ("ReceiveMessageWaitTimeSeconds", 0, 20),
    ];
    for (name, least, most) in bounds {
        for value in [least, most] {
            world.ok("SetQueueAttributes", set(name, &value.to_string()));
            assert_eq!(get(&world, &[name]), json!({ name: value.to_string() }));
        }
        for value in [
            (least - 1).to_string(),
            (most + 1).to_string(),
            "x".into(),
            String::new(),
            "1.5".into(),
        ] {
            let refusal = world.refused("SetQueueAttributes", set(name, &value));
            assert_eq!(refusal.code, "InvalidAttributeValue", "{name} {value}");
            assert_eq!(
                refusal.message,
                format!("Invalid value for the parameter {name}.")
            );
            assert_eq!(get(&world, &[name]), json!({ name: most.to_string() }));
        }
    }
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html>
/// (`InvalidAttributeName`).
#[test]
fn unknown_and_read_only_attributes_cannot_be_set() {
    let world = World::with_queue(json!({}));
    for name in [
        "Nonsense",
        "QueueArn",
        "ApproximateNumberOfMessages",
        "CreatedTimestamp",
        "All",
    ] {
        let refusal = world.refused("SetQueueAttributes", set(name, "1"));
        assert_eq!(refusal.code, "InvalidAttributeName", "{name}");
    }
    let request = to_queue(json!({ "AttributeNames": ["Nonsense"] }));
    assert_eq!(
        world.refused("GetQueueAttributes", request).code,
        "InvalidAttributeName"
    );
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html>: one bad attribute
/// refuses the request.
#[test]
fn a_refused_change_changes_nothing() {
    let world = World::with_queue(json!({}));
    let request = json!({ "Attributes": { "DelaySeconds": "5", "VisibilityTimeout": "-1" } });
    world.refused("SetQueueAttributes", to_queue(request));
    assert_eq!(
        get(&world, &["DelaySeconds"]),
        json!({ "DelaySeconds": "0" })
    );
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueAttributes.html>
/// (`LastModifiedTimestamp`).
#[test]
fn a_change_moves_the_time_of_the_last_one() {
    let world = World::with_queue(json!({}));
    let created = world.now().as_second().to_string();
    world.pass_seconds(10);
    world.ok("SetQueueAttributes", set("DelaySeconds", "5"));
    let times = get(&world, &["CreatedTimestamp", "LastModifiedTimestamp"]);
    assert_eq!(times["CreatedTimestamp"], created);
    assert_eq!(
        times["LastModifiedTimestamp"],
        world.now().as_second().to_string()
    );
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html>: "Only one
/// server-side encryption option is supported per queue".
#[test]
fn encryption_and_policies_are_accepted_and_given_back() {
    let world = World::with_queue(json!({}));
    world.ok("SetQueueAttributes", set("KmsMasterKeyId", "alias/aws/sqs"));
    let names = ["KmsMasterKeyId", "SqsManagedSseEnabled"];
    let encryption = json!({ "KmsMasterKeyId": "alias/aws/sqs", "SqsManagedSseEnabled": "false" });
    assert_eq!(get(&world, &names), encryption);
    world.ok("SetQueueAttributes", set("SqsManagedSseEnabled", "true"));
    assert_eq!(
        get(&world, &names),
        json!({ "SqsManagedSseEnabled": "true" })
    );
    let both = json!({ "Attributes": { "KmsMasterKeyId": "k", "SqsManagedSseEnabled": "true" } });
    assert_eq!(
        world.refused("SetQueueAttributes", to_queue(both)).code,
        "InvalidAttributeName"
    );
    world.ok("SetQueueAttributes", set("Policy", "{}"));
    assert_eq!(get(&world, &["Policy"]), json!({ "Policy": "{}" }));
    world.ok("SetQueueAttributes", set("Policy", ""));
    assert_eq!(get(&world, &["Policy"]), Value::Null);
}
