//! A function for the tests of the stack: does what each event, or each record's body, tells it to.

use std::time::Duration;

use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    if std::env::var_os("FIXTURE_EXITS_AT_START").is_some() {
        std::process::exit(4);
    }
    println!("fixture started");
    lambda_runtime::run(service_fn(handle)).await
}

async fn handle(event: LambdaEvent<Value>) -> Result<Value, Error> {
    let (event, context) = event.into_parts();
    if let Some(records) = event["Records"].as_array() {
        return batch(records).await;
    }
    if event["requestContext"].is_object() {
        return http(&event).await;
    }
    match event["do"].as_str().unwrap_or_default() {
        "environment" => Ok(json!(
            std::env::vars().collect::<std::collections::BTreeMap<_, _>>()
        )),
        "context" => Ok(json!({
            "arn": context.invoked_function_arn,
            "request_id": context.request_id,
            "trace": context.xray_trace_id,
            "remaining_ms": context.deadline().duration_since(std::time::SystemTime::now())?.as_millis() as u64,
        })),
        command => obey(command, &event).await,
    }
}

async fn obey(command: &str, event: &Value) -> Result<Value, Error> {
    match command {
        "echo" => Ok(event.clone()),
        "pid" => Ok(json!(std::process::id())),
        "exit" => std::process::exit(3),
        "fail" => Err("as told".into()),
        "big" => Ok(json!("x".repeat(7 * 1024 * 1024))),
        "slow" => {
            tokio::time::sleep(Duration::from_millis(20)).await;
            Ok(Value::Null)
        }
        "hang" => {
            println!("hanging");
            tokio::time::sleep(Duration::from_secs(3_600)).await;
            Ok(Value::Null)
        }
        other => Err(format!("unknown command {other}").into()),
    }
}

/// Bodies: `ok`, `fail` (named as failed), `unknown` (another id is named), and the commands.
async fn batch(records: &[Value]) -> Result<Value, Error> {
    let mut failures = Vec::new();
    for record in records {
        match record["body"].as_str().unwrap_or_default() {
            "ok" => {}
            "fail" => failures.push(json!({ "itemIdentifier": record["messageId"] })),
            "unknown" => failures.push(json!({ "itemIdentifier": "nobody" })),
            command => drop(obey(command, &Value::Null).await?),
        }
    }
    println!("batch of {}", records.len());
    Ok(json!({ "batchItemFailures": failures }))
}

/// The command is the path's last part; any other path is answered with the event.
async fn http(event: &Value) -> Result<Value, Error> {
    let path = event["rawPath"].as_str().unwrap_or_default();
    match path.rsplit('/').next().unwrap_or_default() {
        command @ ("fail" | "exit" | "hang" | "pid") => obey(command, event).await,
        "setting" => Ok(json!({ "setting": std::env::var("SETTING").unwrap_or_default() })),
        _ => Ok(
            json!({ "statusCode": 201, "headers": { "x-answer": "yes" }, "body": event.to_string() }),
        ),
    }
}
