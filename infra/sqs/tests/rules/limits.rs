//! What fits: sizes, characters, message attributes, and 120,000 messages in flight.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Queue, World, everything, handle, text};

const MIB: usize = 1_048_576;

/// An attribute that counts 5 + 6 + `length` bytes.
fn attribute_of(length: usize) -> Value {
    json!({"extra": {"DataType": "String", "StringValue": "x".repeat(length)}})
}

fn assert_too_long(queue: &Queue<'_>, request: Value) {
    let refusal = queue.refusal("SendMessage", request);
    assert_eq!(refusal.status, 400);
    assert_eq!(refusal.shape, "InvalidParameterValueException");
    assert!(
        refusal.message.contains("must be shorter than"),
        "{}",
        refusal.message
    );
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html>: "the maximum size is 1 MiB
/// or 1,048,576 bytes".
#[test]
fn a_message_has_at_most_one_mebibyte() {
    let world = World::new();
    let queue = world.plain_queue();
    queue.send(&"x".repeat(MIB));
    assert_too_long(&queue, json!({"MessageBody": "x".repeat(MIB + 1)}));
    assert_eq!(text(&queue.receive_one()["Body"]).len(), MIB);
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html>: bytes in UTF-8, not
/// characters.
#[test]
fn size_is_counted_in_bytes() {
    let world = World::new();
    let queue = world.plain_queue();
    queue.send(&"é".repeat(MIB / 2));
    assert_too_long(&queue, json!({"MessageBody": "é".repeat(MIB / 2 + 1)}));
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html>: name, type and
/// value of an attribute are part of the message's size.
#[test]
fn attributes_count_towards_the_messages_size() {
    let world = World::new();
    let queue = world.plain_queue();
    let message = |length| json!({"MessageBody": "x".repeat(MIB - 111), "MessageAttributes": attribute_of(length)});
    queue.ok("SendMessage", message(100));
    assert_too_long(&queue, message(101));
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html>: "the maximum total
/// payload size (the sum of the individual lengths of all of the batched messages)" is 1 MiB; `BatchRequestTooLong`.
#[test]
fn a_batch_has_at_most_one_mebibyte_with_all_attributes() {
    let world = World::new();
    let queue = world.plain_queue();
    let batch = |length| {
        json!({"Entries": [
            {"Id": "a", "MessageBody": "x".repeat(MIB / 2)},
            {"Id": "b", "MessageBody": "x".repeat(MIB / 2 - 111), "MessageAttributes": attribute_of(length)},
        ]})
    };
    let refusal = queue.refusal("SendMessageBatch", batch(101));
    assert_eq!(refusal.shape, "BatchRequestTooLong");
    assert_eq!(
        refusal.query_code,
        "AWS.SimpleQueueService.BatchRequestTooLong"
    );
    assert_eq!(queue.counts(), (0, 0, 0), "none of a refused batch is sent");
    queue.ok("SendMessageBatch", batch(100));
    assert_eq!(queue.counts(), (2, 0, 0));
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html>:
/// `MaximumMessageSize`, 1,024 to 1,048,576 bytes.
#[test]
fn a_queue_can_take_smaller_messages_only() {
    let world = World::new();
    let queue = world.queue("small", &json!({"MaximumMessageSize": "1024"}));
    queue.send(&"x".repeat(1_024));
    assert_too_long(&queue, json!({"MessageBody": "x".repeat(1_025)}));
    let entries = json!({"Entries": [
        {"Id": "fits", "MessageBody": "x".repeat(1_024)},
        {"Id": "does-not", "MessageBody": "x".repeat(1_025)},
    ]});
    let answer = queue.ok("SendMessageBatch", entries);
    assert_eq!(answer["Failed"][0]["Id"], "does-not");
    assert_eq!(queue.counts(), (2, 0, 0));
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html>: `#x9 | #xA | #xD | #x20 to
/// #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF`; `InvalidMessageContents`.
#[test]
fn a_body_holds_only_the_characters_of_xml() {
    let world = World::new();
    let queue = world.plain_queue();
    for refused in [
        "\0", "\u{8}", "\u{b}", "\u{c}", "\u{1f}", "\u{fffe}", "\u{ffff}",
    ] {
        let refusal = queue.refusal(
            "SendMessage",
            json!({"MessageBody": format!("a{refused}b")}),
        );
        assert_eq!(refusal.shape, "InvalidMessageContents", "{refused:?}");
        assert_eq!(refusal.query_code, "InvalidMessageContents", "{refused:?}");
    }
    let allowed = "\t\n\r \u{7f}\u{d7ff}\u{e000}\u{fffd}\u{10000}\u{10ffff}";
    queue.send(allowed);
    assert_eq!(queue.receive_one()["Body"], allowed);
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html>: "the minimum size is one
/// character".
#[test]
fn a_body_has_at_least_one_character() {
    let world = World::new();
    let queue = world.plain_queue();
    for request in [json!({"MessageBody": ""}), json!({})] {
        let refusal = queue.refusal("SendMessage", request);
        assert_eq!(refusal.status, 400);
        assert_eq!(refusal.query_code, "MissingParameter");
    }
    queue.send(" ");
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html>: "a message can contain
/// up to 10 metadata attributes".
#[test]
fn a_message_has_at_most_ten_attributes() {
    let world = World::new();
    let queue = world.plain_queue();
    let message = |count: usize| {
        let attributes: serde_json::Map<_, _> = (0..count)
            .map(|number| {
                (
                    format!("a{number}"),
                    json!({"DataType": "String", "StringValue": "x"}),
                )
            })
            .collect();
        json!({"MessageBody": "a", "MessageAttributes": attributes})
    };
    queue.ok("SendMessage", message(10));
    let refusal = queue.refusal("SendMessage", message(11));
    assert_eq!(refusal.shape, "InvalidParameterValueException");
    let received = queue.receive_one();
    assert_eq!(received["MessageAttributes"].as_object().unwrap().len(), 10);
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html>: the rules for
/// names, types and values.
#[test]
fn an_attribute_against_the_rules_is_refused() {
    let world = World::new();
    let queue = world.plain_queue();
    let too_long = "a".repeat(257);
    let string = json!({"DataType": "String", "StringValue": "x"});
    let names = [".a", "a.", "a..b", "AWS.a", "amazon.a", "a b", &too_long];
    let attributes = [
        json!({"StringValue": "x"}),
        json!({"DataType": "", "StringValue": "x"}),
        json!({"DataType": "Colour", "StringValue": "x"}),
        json!({"DataType": "String"}),
        json!({"DataType": "String", "StringValue": ""}),
        json!({"DataType": "String", "StringValue": "\u{1}"}),
        json!({"DataType": "String", "BinaryValue": "AAH+/w=="}),
        json!({"DataType": "Number", "StringValue": "three"}),
        json!({"DataType": "Binary", "StringValue": "x"}),
    ];
    let by_name = names.map(|name| json!({ name: string }));
    let by_value = attributes.map(|attribute| json!({ "a": attribute }));
    for attributes in by_name.into_iter().chain(by_value) {
        let request = json!({"MessageBody": "a", "MessageAttributes": attributes});
        let refusal = queue.refusal("SendMessage", request);
        assert_eq!(
            refusal.shape, "InvalidParameterValueException",
            "{attributes}: {}",
            refusal.message
        );
    }
    assert_eq!(queue.counts(), (0, 0, 0));
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-queues.html>, messages per queue (in
/// flight): at 120,000 short polling gets `OverLimit`, long polling "no error messages".
#[test]
fn at_120_000_in_flight_a_short_poll_is_refused_and_a_long_poll_empty() {
    let world = World::new();
    let queue = world.queue("full", &json!({"VisibilityTimeout": "600"}));
    queue.send_many(120_010, None);
    queue.receive_many(119_990);
    assert_eq!(queue.receive(json!({"MaxNumberOfMessages": 5})).len(), 5);
    let last = queue.receive(json!({"MaxNumberOfMessages": 10}));
    assert_eq!(last.len(), 5, "no more than fit under the limit");
    assert_eq!(queue.counts(), (10, 120_000, 0));

    let refusal = queue.refusal("ReceiveMessage", json!({}));
    assert_eq!((refusal.status, refusal.shape.as_str()), (400, "OverLimit"));
    let refusal = queue.refusal("ReceiveMessage", json!({"WaitTimeSeconds": 0}));
    assert_eq!(refusal.shape, "OverLimit");
    assert_eq!(queue.receive(json!({"WaitTimeSeconds": 1})).len(), 0);
    let attributes = json!({"ReceiveMessageWaitTimeSeconds": "20"});
    queue.ok("SetQueueAttributes", json!({"Attributes": attributes}));
    assert_eq!(queue.receive(json!({})).len(), 0, "polled long by default");

    let mut arrivals = world.sqs.arrivals();
    arrivals.mark_unchanged();
    queue.delete(&handle(&last[0])).unwrap();
    assert!(arrivals.has_changed().unwrap(), "there is room again");
    assert_eq!(queue.receive(everything()).len(), 1);
    queue.refusal("ReceiveMessage", json!({"WaitTimeSeconds": 0}));

    world.pass_seconds(600);
    assert_eq!(queue.counts(), (120_009, 0, 0));
    assert_eq!(queue.receive(everything()).len(), 10);
}

#[test]
fn another_in_flight_limit_holds_for_its_queue_alone() {
    let world = World::new();
    let (narrow, wide) = (
        world.queue("narrow", &json!({})),
        world.queue("wide", &json!({})),
    );
    assert!(world.sqs.limit_in_flight(&narrow.url, 3));
    assert!(!world.sqs.limit_in_flight("none", 3));
    narrow.send_many(10, None);
    wide.send_many(10, None);
    assert_eq!(narrow.receive(everything()).len(), 3);
    let refusal = narrow.refusal("ReceiveMessage", json!({}));
    assert!(
        refusal.message.contains("limit of 3"),
        "{}",
        refusal.message
    );
    assert_eq!(wide.receive(everything()).len(), 10);

    let mut arrivals = world.sqs.arrivals();
    arrivals.mark_unchanged();
    assert!(world.sqs.limit_in_flight(&narrow.url, 5));
    assert!(arrivals.has_changed().unwrap(), "there is room");
    assert_eq!(narrow.receive(everything()).len(), 2);
}

#[test]
fn counts_are_told_late_where_that_is_asked_for() {
    let world = World::new();
    let queue = world.plain_queue();
    queue.send_many(3, None);
    assert!(world.sqs.lag_counts(&queue.url, Duration::from_secs(60)));
    assert!(!world.sqs.lag_counts("none", Duration::from_secs(60)));
    let told = || {
        let attributes = queue.attributes();
        let number = |state| text(&attributes[&format!("ApproximateNumberOfMessages{state}")]);
        [number(""), number("NotVisible"), number("Delayed")]
    };
    world.pass_seconds(2);
    let hidden = json!({"MaxNumberOfMessages": 2, "VisibilityTimeout": 6_000});
    assert_eq!(queue.receive(hidden).len(), 2);
    world.pass_seconds(57);
    assert_eq!(told(), ["3", "0", "0"], "as they were when it began to lag");
    assert_eq!(queue.counts(), (1, 2, 0));
    world.pass_seconds(4);
    assert_eq!(told(), ["1", "2", "0"]);
    queue.send_many(1, None);
    world.pass_seconds(600);
    assert_eq!(told(), ["2", "2", "0"], "whoever did not ask meanwhile");
    assert!(world.sqs.lag_counts(&queue.url, Duration::ZERO));
    queue.send_many(1, None);
    assert_eq!(told(), ["3", "2", "0"], "at once again");
}
