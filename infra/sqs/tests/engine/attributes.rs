//! Attributes of queues
//! (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html>).

use serde_json::{Value, json};

use crate::support::{World, to_queue};

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
