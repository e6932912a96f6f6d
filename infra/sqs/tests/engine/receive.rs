//! Receiving
//! (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html>).

use serde_json::{Value, json};

use crate::support::{QUEUE, World, to_queue};

fn first(world: &World, request: Value) -> Value {
    let mut request = to_queue(request);
    request["VisibilityTimeout"] = 0.into();
    world.ok("ReceiveMessage", request)["Messages"][0].clone()
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
