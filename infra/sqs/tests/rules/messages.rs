//! What a receiver is given: bodies, attributes and their digests, and the choice among them.

use serde_json::{Value, json};

use crate::support::{Queue, World, everything, text};

const BODY: &str = "Grüße, 世界 🌍\t\r\n";

fn attributes() -> Value {
    json!({
        "event": {"DataType": "String", "StringValue": "work_item.created"},
        "attempt": {"DataType": "Number.int", "StringValue": "3"},
        "sig": {"DataType": "Binary", "BinaryValue": "AAH+/w=="},
        "Zed": {"DataType": "String.custom", "StringValue": "Grüße 🌍"},
    })
}

fn names(message: &Value, kind: &str) -> Vec<String> {
    match message[kind].as_object() {
        Some(attributes) => attributes.keys().cloned().collect(),
        None => Vec::new(),
    }
}

/// One message at a time, always the same: released again at once.
fn receive(queue: &Queue<'_>, mut request: Value) -> Value {
    request["VisibilityTimeout"] = json!(0);
    let mut messages = queue.receive(request);
    assert_eq!(messages.len(), 1);
    messages.remove(0)
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html>, "Calculating the
/// MD5 message digest for message attributes"; the expected digests were worked out apart from this engine, with Python's
/// `hashlib`. SDKs refuse answers whose digests are wrong.
#[test]
fn digests_are_those_that_clients_verify() {
    let world = World::new();
    let queue = world.plain_queue();
    let request = json!({"MessageBody": BODY, "MessageAttributes": attributes()});
    let sent = queue.ok("SendMessage", request);
    assert_eq!(sent["MD5OfMessageBody"], "1da7b4498e1e9a61e15b641133f1966c");
    let all = "ef70fcc233d5158ce22a63ea4487f9f4";
    assert_eq!(sent["MD5OfMessageAttributes"], all);
    let received = receive(&queue, everything());
    assert_eq!(received["MD5OfBody"], "1da7b4498e1e9a61e15b641133f1966c");
    assert_eq!(received["MD5OfMessageAttributes"], all);
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html>: on receive,
/// the digest is of the attributes that were asked for.
#[test]
fn the_digest_is_of_the_chosen_attributes() {
    let world = World::new();
    let queue = world.plain_queue();
    queue.ok(
        "SendMessage",
        json!({"MessageBody": "a", "MessageAttributes": attributes()}),
    );
    for (wanted, digest) in [
        (json!(["event"]), json!("54a62e7ad4c639d1a1334c8fa8a610b4")),
        (
            json!(["event", "attempt"]),
            json!("3ddfddb0b873b41fdf7bcf7f7ab87642"),
        ),
        (json!([]), Value::Null),
    ] {
        let received = receive(&queue, json!({"MessageAttributeNames": wanted}));
        assert_eq!(received["MD5OfMessageAttributes"], digest, "{wanted}");
    }
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html>: `AWSTraceHeader` is the one
/// system attribute that can be sent; its digest is worked out as that of other attributes.
#[test]
fn the_trace_header_travels_with_its_own_digest() {
    let world = World::new();
    let queue = world.plain_queue();
    let trace = "Root=1-5759e988-bd862e3fe1be46a994272793";
    let header = json!({"DataType": "String", "StringValue": trace});
    let request =
        json!({"MessageBody": "a", "MessageSystemAttributes": {"AWSTraceHeader": header}});
    let sent = queue.ok("SendMessage", request);
    assert_eq!(
        sent["MD5OfMessageSystemAttributes"],
        "62a56dd927315f2b2e12832b84617ea5"
    );
    let attributes = receive(&queue, everything())["Attributes"].clone();
    assert_eq!(attributes["AWSTraceHeader"], trace);
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html>: what was sent is what is
/// received, byte for byte.
#[test]
fn body_and_attributes_come_back_as_they_were_sent() {
    let world = World::new();
    let queue = world.plain_queue();
    let request = json!({"MessageBody": BODY, "MessageAttributes": attributes()});
    let sent = queue.ok("SendMessage", request);
    let received = receive(&queue, everything());
    assert_eq!(received["Body"], BODY);
    assert_eq!(received["MessageAttributes"], attributes());
    assert_eq!(received["MessageId"], sent["MessageId"]);
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html>: `MessageAttributeNames`:
/// names, `All`, `.*`, prefixes such as `bar.*`; names are case-sensitive; none unless asked for.
#[test]
fn message_attributes_are_chosen_by_name_and_by_prefix() {
    let world = World::new();
    let queue = world.plain_queue();
    let value = json!({"DataType": "String", "StringValue": "x"});
    let attributes = json!({"bar": value, "bar.one": value, "bar.two": value, "foo": value});
    queue.ok(
        "SendMessage",
        json!({"MessageBody": "a", "MessageAttributes": attributes}),
    );
    let all = ["bar", "bar.one", "bar.two", "foo"];
    for (wanted, expected) in [
        (json!(["All"]), &all[..]),
        (json!([".*"]), &all),
        (json!(["foo"]), &["foo"]),
        (json!(["FOO", "nothing"]), &[]),
        (json!(["bar.one", "foo"]), &["bar.one", "foo"]),
        (json!([]), &[]),
    ] {
        let message = receive(&queue, json!({"MessageAttributeNames": wanted}));
        assert_eq!(names(&message, "MessageAttributes"), expected, "{wanted}");
    }
    let message = receive(&queue, json!({"MessageAttributeNames": ["bar.*"]}));
    let chosen = names(&message, "MessageAttributes");
    assert!(chosen.contains(&"bar.one".to_owned()) && chosen.contains(&"bar.two".to_owned()));
    assert!(!chosen.contains(&"foo".to_owned()));
    let message = receive(&queue, json!({}));
    assert_eq!(names(&message, "MessageAttributes"), [""; 0]);
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html>:
/// `MessageSystemAttributeNames`, and `AttributeNames`, its older name.
#[test]
fn system_attributes_are_chosen_by_name() {
    let world = World::new();
    let queue = world.plain_queue();
    queue.ok(
        "SendMessage",
        json!({"MessageBody": "a", "MessageGroupId": "ws_1"}),
    );
    let all = [
        "ApproximateFirstReceiveTimestamp",
        "ApproximateReceiveCount",
        "MessageGroupId",
        "SenderId",
        "SentTimestamp",
    ];
    for parameter in ["MessageSystemAttributeNames", "AttributeNames"] {
        for (wanted, expected) in [
            (json!(["All"]), &all[..]),
            (json!(["SentTimestamp"]), &["SentTimestamp"]),
            (json!([]), &[]),
        ] {
            let message = receive(&queue, json!({ parameter: wanted }));
            assert_eq!(names(&message, "Attributes"), expected, "{wanted}");
        }
        let refusal = queue.refusal("ReceiveMessage", json!({ parameter: ["Colour"] }));
        assert_eq!(refusal.status, 400);
    }
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-queue-message-identifiers.html>: every
/// message has an id of its own, every receive a handle of its own.
#[test]
fn ids_and_handles_are_never_given_twice() {
    let world = World::new();
    let queue = world.plain_queue();
    queue.send_many(10, None);
    let mut ids = Vec::new();
    let mut handles = Vec::new();
    for _ in 0..5 {
        for message in queue.receive(json!({"MaxNumberOfMessages": 10, "VisibilityTimeout": 0})) {
            ids.push(text(&message["MessageId"]));
            handles.push(text(&message["ReceiptHandle"]));
        }
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 10);
    assert_eq!(handles.len(), 50);
    handles.sort();
    handles.dedup();
    assert_eq!(handles.len(), 50);
}

/// The same seed and the same calls on the same clock give the same answers: simulations can be repeated.
#[test]
fn a_run_can_be_repeated_to_the_byte() {
    let run = || {
        let world = World::new();
        let queue = world.plain_queue();
        queue.send_many(30, Some("ws_1"));
        queue.send_many(30, None);
        let mut all = Vec::new();
        for _ in 0..6 {
            all.extend(queue.receive(everything()));
            world.pass_seconds(11);
        }
        all
    };
    let first = run();
    assert_eq!(first.len(), 60);
    assert_eq!(first, run());
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_MessageAttributeValue.html>: binary
/// values are base64 on the wire.
#[test]
fn binary_attributes_are_bytes_in_the_program_and_base64_on_the_wire() {
    let world = World::new();
    let queue = world.plain_queue();
    let attributes = json!({"b": {"DataType": "Binary.png", "BinaryValue": "AAEC/w=="}});
    queue.ok(
        "SendMessage",
        json!({"MessageBody": "a", "MessageAttributes": attributes}),
    );
    let message = receive(&queue, json!({"MessageAttributeNames": ["All"]}));
    assert_eq!(message["MessageAttributes"], attributes);
    let received = world.sqs.receive(&queue.url, 10, None);
    assert_eq!(received.len(), 1);
    let attribute = &received[0].message_attributes["b"];
    assert_eq!(attribute.data_type, "Binary.png");
    assert_eq!(
        attribute.value,
        sqs::AttributeValue::Binary(vec![0, 1, 2, 255])
    );
}
