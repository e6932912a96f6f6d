//! What may be in a message
//! (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html>).

use serde_json::{Value, json};

use crate::support::{World, to_queue};

fn text(value: &str) -> Value {
    json!({ "DataType": "String", "StringValue": value })
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html> (the MD5
/// digest); this digest is the real service's for these attributes.
#[test]
fn the_digests_are_the_ones_that_clients_check() {
    let world = World::with_queue(json!({}));
    let attributes =
        json!({ "Help.Me": text("Me"), "Hello": text("There"), "General": text("Kenobi") });
    let sent = world.ok(
        "SendMessage",
        to_queue(json!({ "MessageBody": "msg", "MessageAttributes": attributes })),
    );
    assert_eq!(sent["MD5OfMessageBody"], "6e2baaf3b97dbeef01c0043275f9a0e7");
    assert_eq!(
        sent["MD5OfMessageAttributes"],
        "4c360f3fdafd970e05fae2f149d997f5"
    );
    assert!(sent.get("MD5OfMessageSystemAttributes").is_none());
    let received = world.receive_one();
    assert_eq!(received.md5_of_body, "6e2baaf3b97dbeef01c0043275f9a0e7");
    assert_eq!(
        received.md5_of_message_attributes.as_deref(),
        Some("4c360f3fdafd970e05fae2f149d997f5")
    );
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html>: "the only supported
/// message system attribute is AWSTraceHeader", and it "doesn't count towards the total size".
#[test]
fn the_trace_header_is_the_only_system_attribute_and_takes_no_room() {
    let world = World::with_queue(json!({ "MaximumMessageSize": "1024" }));
    let body = "x".repeat(1_024);
    let header = "Root=1-5759e988-bd862e3fe1be46a994272793";
    let message = json!({ "MessageBody": body, "MessageSystemAttributes": { "AWSTraceHeader": text(header) } });
    let sent = world.ok("SendMessage", to_queue(message));
    assert_eq!(
        sent["MD5OfMessageSystemAttributes"].as_str().unwrap().len(),
        32
    );
    assert_eq!(world.receive_one().attributes["AWSTraceHeader"], header);
    let other = json!({ "MessageBody": "a", "MessageSystemAttributes": { "Other": text("v") } });
    world.refused("SendMessage", to_queue(other));
}
