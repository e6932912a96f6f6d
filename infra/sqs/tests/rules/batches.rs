//! Batches: what refuses the whole call, and what fails one entry while the others go through.
//!
//! <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-batch-api-actions.html>

use serde_json::{Value, json};

use crate::support::{Queue, World, all, handle};

const ACTIONS: [&str; 3] = [
    "SendMessageBatch",
    "DeleteMessageBatch",
    "ChangeMessageVisibilityBatch",
];

/// An entry that serves for any of the three actions.
fn entry(id: &str, handle: &str) -> Value {
    json!({"Id": id, "MessageBody": id, "ReceiptHandle": handle, "VisibilityTimeout": 10})
}

fn entries(ids: &[&str]) -> Value {
    let entries: Vec<_> = ids.iter().map(|id| entry(id, "none")).collect();
    json!({ "Entries": entries })
}

fn list(answer: &Value, name: &str) -> Vec<Value> {
    answer[name].as_array().unwrap().clone()
}

/// Each of the three actions refuses the call, and with the same error.
fn assert_all_refuse(ids: &[&str], shape: &str) {
    let world = World::new();
    let queue = world.plain_queue();
    for action in ACTIONS {
        let refusal = queue.refusal(action, entries(ids));
        assert_eq!(refusal.status, 400, "{action}");
        assert_eq!(refusal.shape, shape, "{action}");
        let query_code = format!("AWS.SimpleQueueService.{shape}");
        assert_eq!(refusal.query_code, query_code, "{action}");
    }
    assert_eq!(queue.counts(), (0, 0, 0));
}

fn ten_received(queue: &Queue<'_>) -> Vec<String> {
    queue.send_many(10, None);
    let messages = queue.receive(json!({"MaxNumberOfMessages": 10}));
    messages.iter().map(handle).collect()
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html>: up to ten entries,
/// each answered under its own id.
#[test]
fn ten_messages_go_in_one_batch() {
    let world = World::new();
    let queue = world.plain_queue();
    let ids = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "J-1_x"];
    let answer = queue.ok("SendMessageBatch", entries(&ids));
    assert_eq!(answer["Failed"], json!([]));
    let sent = list(&answer, "Successful");
    assert_eq!(
        all(&sent, "Id"),
        ["J-1_x", "a", "b", "c", "d", "e", "f", "g", "h", "i"]
    );
    let received = queue.receive(json!({"MaxNumberOfMessages": 10}));
    assert_eq!(all(&sent, "MessageId"), all(&received, "MessageId"));
    assert_eq!(all(&sent, "MD5OfMessageBody"), all(&received, "MD5OfBody"));
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html>:
/// `TooManyEntriesInBatchRequest`.
#[test]
fn eleven_entries_are_refused() {
    let ids = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"];
    assert_all_refuse(&ids, "TooManyEntriesInBatchRequest");
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html>:
/// `EmptyBatchRequest`.
#[test]
fn an_empty_batch_is_refused() {
    assert_all_refuse(&[], "EmptyBatchRequest");
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html>:
/// `BatchEntryIdsNotDistinct`.
#[test]
fn repeated_ids_are_refused() {
    assert_all_refuse(&["a", "b", "a"], "BatchEntryIdsNotDistinct");
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatchRequestEntry.html>: an id
/// has up to 80 letters, digits, hyphens and underscores.
#[test]
fn an_id_has_at_most_80_letters_digits_hyphens_and_underscores() {
    let too_long = "a".repeat(81);
    for id in ["", " ", "a.b", "a b", "ä", "a/b", &too_long] {
        assert_all_refuse(&["fine", id], "InvalidBatchEntryId");
    }
    let world = World::new();
    let queue = world.plain_queue();
    let answer = queue.ok("SendMessageBatch", entries(&["-_Aa0", &"a".repeat(80)]));
    assert_eq!(list(&answer, "Successful").len(), 2);
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html>: "because the batch
/// request can result in a combination of successful and unsuccessful actions, you should check for batch errors even
/// when the call returns an HTTP status code of 200".
#[test]
fn a_bad_message_fails_alone() {
    let world = World::new();
    let queue = world.plain_queue();
    let request = json!({"Entries": [
        {"Id": "good", "MessageBody": "a"},
        {"Id": "bell", "MessageBody": "\u{7}"},
        {"Id": "late", "MessageBody": "a", "DelaySeconds": 901},
        {"Id": "attribute", "MessageBody": "a",
         "MessageAttributes": {"a": {"DataType": "Colour", "StringValue": "red"}}},
        {"Id": "empty", "MessageBody": ""},
        {"Id": "also-good", "MessageBody": "b"},
    ]});
    let answer = queue.ok("SendMessageBatch", request);
    assert_eq!(
        all(&list(&answer, "Successful"), "Id"),
        ["also-good", "good"]
    );
    let failed = list(&answer, "Failed");
    assert_eq!(all(&failed, "Id"), ["attribute", "bell", "empty", "late"]);
    assert!(
        failed
            .iter()
            .all(|failure| failure["SenderFault"] == json!(true)
                && failure["Code"].is_string()
                && failure["Message"].is_string()),
        "{failed:?}"
    );
    let bell = failed.iter().find(|failure| failure["Id"] == "bell");
    assert_eq!(bell.unwrap()["Code"], "InvalidMessageContents");
    assert_eq!(queue.counts(), (2, 0, 0));
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteMessageBatch.html>: reported one by
/// one.
#[test]
fn a_bad_handle_fails_alone_when_deleting() {
    let world = World::new();
    let queue = world.plain_queue();
    let handles = ten_received(&queue);
    let request = json!({"Entries": [entry("x", "nonsense"), entry("y", &handles[3])]});
    let answer = queue.ok("DeleteMessageBatch", request);
    assert_eq!(answer["Successful"], json!([{"Id": "y"}]));
    let failed = list(&answer, "Failed");
    assert_eq!(all(&failed, "Id"), ["x"]);
    assert_eq!(failed[0]["Code"], "ReceiptHandleIsInvalid");
    assert_eq!(queue.counts(), (0, 9, 0));
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibilityBatch.html>: reported
/// one by one; the others take effect.
#[test]
fn each_visibility_change_of_a_batch_stands_for_itself() {
    let world = World::new();
    let queue = world.plain_queue();
    let handles = ten_received(&queue);
    queue.delete(&handles[2]).unwrap();
    let change = |id: &str, handle: &str, timeout: i64| json!({"Id": id, "ReceiptHandle": handle, "VisibilityTimeout": timeout});
    let request = json!({"Entries": [
        change("released", &handles[0], 0),
        change("whole-day", &handles[1], 43_200),
        change("deleted", &handles[2], 10),
        change("out-of-range", &handles[3], 43_201),
        change("nonsense", "nonsense", 10),
        change("longest", &handles[4], 43_199),
    ]});
    let answer = queue.ok("ChangeMessageVisibilityBatch", request);
    assert_eq!(
        answer["Successful"],
        json!([{"Id": "released"}, {"Id": "longest"}])
    );
    let failures: Vec<_> = list(&answer, "Failed")
        .iter()
        .map(|failure| (failure["Id"].clone(), failure["Code"].clone()))
        .collect();
    let expected = [
        ("whole-day", "InvalidParameterValue"),
        ("deleted", "InvalidParameterValue"),
        ("out-of-range", "InvalidParameterValue"),
        ("nonsense", "ReceiptHandleIsInvalid"),
    ];
    assert_eq!(
        failures,
        expected.map(|(id, code)| (json!(id), json!(code)))
    );
    assert_eq!(queue.counts(), (1, 8, 0));
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibility.html>:
/// in a batch, the codes of one entry are those of the single call.
#[test]
fn a_visible_message_in_a_batch_of_changes_is_not_in_flight() {
    let world = World::new();
    let queue = world.plain_queue();
    queue.send("a");
    let handle = queue.receive_handle();
    world.pass_seconds(30);
    let answer = queue.ok(
        "ChangeMessageVisibilityBatch",
        json!({"Entries": [entry("a", &handle)]}),
    );
    assert_eq!(answer["Successful"], json!([]));
    assert_eq!(
        answer["Failed"][0]["Code"],
        "AWS.SimpleQueueService.MessageNotInflight"
    );
}
