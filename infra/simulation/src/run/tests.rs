//! Faults do what they say.

use serde_json::{Value, json};

use super::*;
use crate::flows;

async fn empty_run() -> Arc<Run> {
    let flow = flows::named("success").unwrap();
    let run = Run::new(flow.scenario, &[], false, None);
    context::enter(Arc::clone(&run));
    world::resources(&run.aws).await;
    run
}

fn request(value: &Value) -> Bytes {
    Bytes::from(value.to_string())
}

#[tokio::test(start_paused = true)]
async fn a_stale_read_misses_the_latest_write() {
    let run = empty_run().await;
    let table = &world::template().tables[0].name;
    let put = json!({ "TableName": table, "Item": { "pk": { "S": "p" }, "sk": { "S": "s" } } });
    run.aws_call("DynamoDB_20120810.PutItem", request(&put))
        .await;
    let query = json!({
        "TableName": table,
        "KeyConditionExpression": "pk = :p",
        "ExpressionAttributeValues": { ":p": { "S": "p" } },
    });
    let target = "DynamoDB_20120810.Query";
    let now = run.aws_call(target, request(&query)).await;
    let stale = run.stale(target, request(&query)).await;
    assert!(contains(now.body(), r#""Count":1"#));
    assert!(contains(stale.body(), r#""Count":0"#));
}

#[tokio::test(start_paused = true)]
async fn of_a_partial_batch_just_what_is_told_to_be_done_is_done() {
    let run = empty_run().await;
    let entries: Vec<_> = (0..8)
        .map(|id| json!({ "Id": id.to_string(), "MessageBody": "x" }))
        .collect();
    let send = json!({ "QueueUrl": world::queue_url("EventsQueue"), "Entries": entries });
    let target = "AmazonSQS.SendMessageBatch";
    let call = Call::of_aws(target, b"");
    let answer = partial::queue_batch(&run, call, target, &request(&send)).await;
    let answer: Value = serde_json::from_slice(answer.body()).unwrap();
    let count = |name: &str| answer[name].as_array().map_or(0, Vec::len);
    assert_eq!(count("Successful") + count("Failed"), 8);
    assert!(count("Failed") > 0);
    let held = crate::scheduler::held(&run, "EventsQueue");
    assert_eq!(held, count("Successful"));
}

#[tokio::test(start_paused = true)]
async fn what_is_left_of_a_batch_of_writes_is_not_written() {
    let run = empty_run().await;
    let table = &world::template().tables[0].name;
    let puts: Vec<_> = (0..8)
        .map(|sk| {
            json!({ "PutRequest": { "Item": {
            "pk": { "S": "p" }, "sk": { "S": sk.to_string() },
        } } })
        })
        .collect();
    let write = json!({ "RequestItems": { table: puts } });
    let target = "DynamoDB_20120810.BatchWriteItem";
    let call = Call::of_aws(target, b"");
    let answer = partial::table_batch(&run, call, target, &request(&write)).await;
    let answer: Value = serde_json::from_slice(answer.body()).unwrap();
    let left = answer["UnprocessedItems"][table].as_array().unwrap().len();
    let scan = json!({ "TableName": table });
    let scanned = run.aws.call("DynamoDB_20120810.Scan", request(&scan)).await;
    let scanned: Value = serde_json::from_slice(scanned.body()).unwrap();
    assert!(left > 0);
    assert_eq!(scanned["Items"].as_array().unwrap().len() + left, 8);
}
