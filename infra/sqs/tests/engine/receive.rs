//! Receiving
//! (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html>).

use serde_json::{Value, json};

use crate::support::{QUEUE, World, to_queue};

const THREE: &str = r#"{"General":{"DataType":"String","StringValue":"Kenobi"},
    "Hello":{"DataType":"String","StringValue":"There"},"Help.Me":{"DataType":"Number.int","StringValue":"1"}}"#;

fn first(world: &World, request: Value) -> Value {
    let mut request = to_queue(request);
    request["VisibilityTimeout"] = 0.into();
    world.ok("ReceiveMessage", request)["Messages"][0].clone()
}

fn keys(object: &Value) -> Vec<&str> {
    object
        .as_object()
        .map(|object| object.keys().map(String::as_str).collect())
        .unwrap_or_default()
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html>: "Valid values: 1 to
/// 10. Default: 1."
#[test]
fn a_receive_gives_one_message_or_up_to_ten_if_asked() {
    let world = World::with_queue(json!({}));
    for _ in 0..12 {
        world.send("a");
    }
    assert_eq!(
        world.ok("ReceiveMessage", to_queue(json!({})))["Messages"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    let ten = to_queue(json!({ "MaxNumberOfMessages": 10 }));
    assert_eq!(
        world.ok("ReceiveMessage", ten)["Messages"]
            .as_array()
            .unwrap()
            .len(),
        10
    );
    for count in [0, 11, -1] {
        let refusal = world.refused(
            "ReceiveMessage",
            to_queue(json!({ "MaxNumberOfMessages": count })),
        );
        let reason = "is invalid. Reason: Must be between 1 and 10, if provided.";
        assert_eq!(
            refusal.message,
            format!("Value {count} for parameter MaxNumberOfMessages {reason}")
        );
    }
    assert_eq!(world.sqs.receive(QUEUE, 100, None).len(), 1);
    assert_eq!(
        world.ok("ReceiveMessage", to_queue(json!({}))),
        json!({}),
        "no list when there is nothing"
    );
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html>
/// (`MessageSystemAttributeNames` and its older name).
#[test]
fn system_attributes_come_as_asked_for() {
    let world = World::with_queue(json!({}));
    world.send_with(json!({ "MessageBody": "a", "MessageGroupId": "g" }));
    assert!(first(&world, json!({})).get("Attributes").is_none());
    for name in ["AttributeNames", "MessageSystemAttributeNames"] {
        let message = first(&world, json!({ name: ["SenderId", "SentTimestamp"] }));
        assert_eq!(keys(&message["Attributes"]), ["SenderId", "SentTimestamp"]);
        let message = first(&world, json!({ name: ["All"] }));
        let all = [
            "ApproximateFirstReceiveTimestamp",
            "ApproximateReceiveCount",
            "MessageGroupId",
            "SenderId",
            "SentTimestamp",
        ];
        assert_eq!(keys(&message["Attributes"]), all);
        let refusal = world.refused("ReceiveMessage", to_queue(json!({ name: ["Nonsense"] })));
        assert_eq!(refusal.code, "InvalidAttributeName");
    }
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html>
/// (`MessageAttributeNames`: names, `All`, `.*`, `bar.*`). The digest is of what is returned.
#[test]
fn message_attributes_come_as_asked_for_with_a_digest_of_what_comes() {
    let world = World::with_queue(json!({}));
    let attributes: Value = serde_json::from_str(THREE).unwrap();
    world.send_with(json!({ "MessageBody": "msg", "MessageAttributes": attributes }));
    let cases: [(&[&str], &[&str]); 7] = [
        (&[], &[]),
        (&["All"], &["General", "Hello", "Help.Me"]),
        (&[".*"], &["General", "Hello", "Help.Me"]),
        (&["Hel.*"], &["Hello", "Help.Me"]),
        (&["Hello", "Nothing"], &["Hello"]),
        (&["Nothing"], &[]),
        (&["hello"], &[]),
    ];
    for (asked, expected) in cases {
        let message = first(&world, json!({ "MessageAttributeNames": asked }));
        assert_eq!(keys(&message["MessageAttributes"]), expected, "{asked:?}");
        assert_eq!(
            message.get("MD5OfMessageAttributes").is_some(),
            !expected.is_empty(),
            "{asked:?}"
        );
    }
    let message = first(&world, json!({ "MessageAttributeNames": ["Hello"] }));
    assert_eq!(
        message["MD5OfMessageAttributes"],
        "a311262e065454b75da111d535b8dacd"
    );
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_Message.html>
#[test]
fn receive_counts_and_times_are_told() {
    let world = World::with_queue(json!({}));
    world.send("a");
    let sent_at = world.now().as_millisecond().to_string();
    world.pass_seconds(7);
    let received_at = world.now().as_millisecond().to_string();
    for count in 1..=3 {
        let message = world.receive_one();
        assert_eq!(
            message.attributes["ApproximateReceiveCount"],
            count.to_string()
        );
        assert_eq!(message.attributes["SentTimestamp"], sent_at);
        assert_eq!(
            message.attributes["ApproximateFirstReceiveTimestamp"],
            received_at
        );
        world.pass_seconds(30);
    }
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_MessageAttributeValue.html>: binary values
/// are base64 on the wire.
#[test]
fn binary_attributes_survive_the_journey() {
    let world = World::with_queue(json!({}));
    let attributes = json!({ "b": { "DataType": "Binary.png", "BinaryValue": "AAEC/w==" } });
    world.send_with(json!({ "MessageBody": "a", "MessageAttributes": attributes }));
    assert_eq!(
        first(&world, json!({ "MessageAttributeNames": ["All"] }))["MessageAttributes"],
        attributes
    );
    let attribute = &world.receive_one().message_attributes["b"];
    assert_eq!(attribute.data_type, "Binary.png");
    assert_eq!(
        attribute.value,
        sqs::AttributeValue::Binary(vec![0, 1, 2, 255])
    );
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/standard-queues-message-order.html>:
/// best-effort ordering.
#[test]
fn messages_come_in_the_order_in_which_they_became_visible() {
    let world = World::with_queue(json!({}));
    for body in ["a", "b", "c"] {
        world.send(body);
        world.pass_seconds(1);
    }
    assert_eq!(world.sqs.receive(QUEUE, 1, None)[0].body, "a");
    world.send_with(json!({ "MessageBody": "d", "DelaySeconds": 1 }));
    world.pass_seconds(30);
    assert_eq!(world.bodies(), ["b", "c", "d", "a"]);
}
