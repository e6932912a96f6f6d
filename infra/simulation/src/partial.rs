//! Batches of which only a part is done: the part is really done, and the answer names the rest as AWS does.

use bytes::Bytes;
use http::Response;
use serde_json::{Map, Value, json};

use crate::call::Call;
use crate::dice::Dice;
use crate::run::Run;

/// Carries out some of a batch's entries; the others are told to have failed.
/// Source: [SendMessageBatch](https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html).
pub async fn queue_batch(run: &Run, call: Call, target: &str, body: &[u8]) -> Response<Bytes> {
    let mut request: Value = serde_json::from_slice(body).unwrap_or_default();
    let entries = request["Entries"].as_array().cloned().unwrap_or_default();
    let (failing, done) = split(entries, &run.dice.fault);
    let failed: Vec<Value> = failing
        .iter()
        .map(|entry| json!({ "Id": entry["Id"], "Code": "InternalError", "SenderFault": false }))
        .collect();
    if done.is_empty() {
        return crate::fault::respond(200, &json!({ "Successful": [], "Failed": failed }));
    }
    request["Entries"] = Value::Array(done);
    let answer = run
        .perform(call, target, Bytes::from(request.to_string()))
        .await;
    with(answer, |answer| {
        let mut all = answer["Failed"].as_array().cloned().unwrap_or_default();
        all.extend(failed);
        answer["Failed"] = Value::Array(all);
    })
}

/// Carries out some of a batch of reads or writes; the others are named as unprocessed.
/// Source: [BatchGetItem](https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html).
pub async fn table_batch(run: &Run, call: Call, target: &str, body: &[u8]) -> Response<Bytes> {
    let mut request: Value = serde_json::from_slice(body).unwrap_or_default();
    let get = target.ends_with("BatchGetItem");
    let mut left = Map::new();
    let mut done_any = false;
    let tables = request["RequestItems"].as_object_mut();
    for (table, asked) in tables.into_iter().flatten() {
        let list = if get { &mut asked["Keys"] } else { &mut *asked };
        let entries = list.as_array().cloned().unwrap_or_default();
        let (undone, done) = split(entries, &run.dice.fault);
        done_any |= !done.is_empty();
        *list = Value::Array(done);
        let mut rest = asked.clone();
        if get {
            rest["Keys"] = Value::Array(undone);
        } else {
            rest = Value::Array(undone);
        }
        left.insert(table.clone(), rest);
    }
    let name = if get {
        "UnprocessedKeys"
    } else {
        "UnprocessedItems"
    };
    if !done_any {
        return crate::fault::respond(200, &json!({ "Responses": {}, name: left }));
    }
    let answer = run
        .perform(call, target, Bytes::from(request.to_string()))
        .await;
    with(answer, |answer| answer[name] = Value::Object(left))
}

/// The entries that fail, at least one, and the others, in order.
fn split(entries: Vec<Value>, dice: &Dice) -> (Vec<Value>, Vec<Value>) {
    let certain = dice.below(entries.len() as u64);
    let (mut failing, mut done) = (Vec::new(), Vec::new());
    for (place, entry) in entries.into_iter().enumerate() {
        if place as u64 == certain || dice.percent(50) {
            failing.push(entry);
        } else {
            done.push(entry);
        }
    }
    (failing, done)
}

fn with(answer: Response<Bytes>, change: impl FnOnce(&mut Value)) -> Response<Bytes> {
    if !answer.status().is_success() {
        return answer;
    }
    let (parts, body) = answer.into_parts();
    let mut value: Value = serde_json::from_slice(&body).unwrap_or_default();
    change(&mut value);
    Response::from_parts(parts, Bytes::from(value.to_string()))
}
