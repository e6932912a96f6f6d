//! Functions as real processes: deadlines, deaths, limits, environment.

mod support;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use local::lambda::{Endpoints, FunctionConfig, FunctionError, Lambda, Logs};
use serde_json::{Value, json};
use support::{fixture_binary, is_running, kill_hard, until};

fn config(timeout: Duration, max_processes: u32) -> FunctionConfig {
    FunctionConfig {
        name: "Fixture".into(),
        binary: fixture_binary(),
        access_key_id: "KEY_OF_THE_FIXTURE".into(),
        environment: BTreeMap::from([("SETTING".into(), "of the test".into())]),
        memory_mib: 256,
        timeout,
        max_processes,
    }
}

fn functions(config: FunctionConfig, logs: &Path) -> Lambda {
    let endpoints = Endpoints {
        aws: "http://127.0.0.1:4566".into(),
    };
    Lambda::new(vec![config], &endpoints, &Logs::Directory(logs.to_owned())).unwrap()
}

async fn invoke(lambda: &Lambda, event: Value) -> Result<Value, FunctionError> {
    let answer = lambda.invoke("Fixture", event.to_string().into()).await?;
    Ok(serde_json::from_slice(&answer).unwrap())
}

async fn pid(lambda: &Lambda) -> u64 {
    invoke(lambda, json!({ "do": "pid" }))
        .await
        .unwrap()
        .as_u64()
        .unwrap()
}

const LONG: Duration = Duration::from_secs(60);

#[tokio::test]
async fn an_idle_process_is_used_again() {
    let logs = tempfile::tempdir().unwrap();
    let lambda = functions(config(LONG, 4), logs.path());
    assert_eq!(pid(&lambda).await, pid(&lambda).await);
    assert_eq!(lambda.pids("Fixture").len(), 1);
    let log = std::fs::read_to_string(logs.path().join("Fixture.log")).unwrap();
    assert_eq!(log.matches("fixture started").count(), 1);
    lambda.stop().await;
}

#[tokio::test]
async fn a_function_past_its_deadline_is_killed_and_the_next_invocation_gets_a_new_process() {
    let logs = tempfile::tempdir().unwrap();
    let lambda = functions(config(Duration::from_secs(1), 1), logs.path());
    let first = pid(&lambda).await;
    let error = invoke(&lambda, json!({ "do": "hang" })).await.unwrap_err();
    assert_eq!(error, FunctionError::TimedOut(Duration::from_secs(1)));
    assert_eq!(error.to_string(), "Task timed out after 1.00 seconds");
    assert!(!is_running(u32::try_from(first).unwrap()));
    assert_ne!(pid(&lambda).await, first);
    lambda.stop().await;
}

#[tokio::test]
async fn a_process_that_dies_during_an_invocation_is_a_function_error_and_is_replaced() {
    let logs = tempfile::tempdir().unwrap();
    let lambda = functions(config(LONG, 1), logs.path());
    let first = pid(&lambda).await;
    assert!(matches!(
        invoke(&lambda, json!({ "do": "exit" })).await,
        Err(FunctionError::Exited(_))
    ));
    assert_ne!(pid(&lambda).await, first);
    lambda.stop().await;
}

#[tokio::test]
async fn an_idle_process_that_was_killed_costs_no_invocation() {
    let logs = tempfile::tempdir().unwrap();
    let lambda = functions(config(LONG, 1), logs.path());
    for _ in 0..5 {
        let before = u32::try_from(pid(&lambda).await).unwrap();
        assert_eq!(lambda.pids("Fixture"), [before]);
        assert!(kill_hard(before));
        until("the process is gone", || async { !is_running(before) }).await;
        assert_ne!(u32::try_from(pid(&lambda).await).unwrap(), before);
    }
    lambda.stop().await;
}

#[tokio::test]
async fn a_busy_process_that_is_killed_fails_its_invocation() {
    let logs = tempfile::tempdir().unwrap();
    let lambda = functions(config(LONG, 1), logs.path());
    let busy = u32::try_from(pid(&lambda).await).unwrap();
    let hanging = tokio::spawn({
        let lambda = lambda.clone();
        async move { invoke(&lambda, json!({ "do": "hang" })).await }
    });
    let log = logs.path().join("Fixture.log");
    until("it hangs", || async {
        std::fs::read_to_string(&log).unwrap().contains("hanging")
    })
    .await;
    assert!(kill_hard(busy));
    assert!(matches!(
        hanging.await.unwrap(),
        Err(FunctionError::Exited(_))
    ));
    lambda.stop().await;
}

#[tokio::test]
async fn an_error_that_the_function_reports_comes_with_its_kind_and_the_process_goes_on() {
    let logs = tempfile::tempdir().unwrap();
    let lambda = functions(config(LONG, 1), logs.path());
    let before = pid(&lambda).await;
    let error = invoke(&lambda, json!({ "do": "fail" })).await.unwrap_err();
    let FunctionError::Reported { message, .. } = &error else {
        panic!("{error:?}")
    };
    assert_eq!(message, "as told");
    assert!(!error.to_string().contains("as told"));
    assert_eq!(pid(&lambda).await, before);
    lambda.stop().await;
}

#[tokio::test]
async fn an_answer_over_six_megabytes_is_refused() {
    let logs = tempfile::tempdir().unwrap();
    let lambda = functions(config(LONG, 1), logs.path());
    assert_eq!(
        invoke(&lambda, json!({ "do": "big" })).await,
        Err(FunctionError::ResponseTooLarge)
    );
    let request = vec![b' '; local::lambda::MAX_PAYLOAD_BYTES + 1];
    assert_eq!(
        lambda.invoke("Fixture", request.into()).await,
        Err(FunctionError::RequestTooLarge)
    );
    lambda.stop().await;
}

#[tokio::test]
async fn invocations_run_side_by_side_up_to_the_limit() {
    let logs = tempfile::tempdir().unwrap();
    let lambda = functions(config(Duration::from_secs(2), 2), logs.path());
    let hang = || invoke(&lambda, json!({ "do": "hang" }));
    let watch = async {
        until("two processes are up", || async {
            lambda.pids("Fixture").len() == 2
        })
        .await;
    };
    let (first, second, third, ()) = tokio::join!(hang(), hang(), pid(&lambda), watch);
    assert!(matches!(
        (first, second),
        (
            Err(FunctionError::TimedOut(_)),
            Err(FunctionError::TimedOut(_))
        )
    ));
    assert!(third > 0, "the third waits for its turn");
    lambda.stop().await;
}

#[tokio::test]
async fn a_function_that_does_not_start_says_so() {
    let logs = tempfile::tempdir().unwrap();
    let mut exits = config(LONG, 1);
    exits
        .environment
        .insert("FIXTURE_EXITS_AT_START".into(), "1".into());
    let lambda = functions(exits, logs.path());
    assert!(matches!(
        invoke(&lambda, json!({ "do": "pid" })).await,
        Err(FunctionError::Init(_))
    ));
    let mut missing = config(LONG, 1);
    missing.binary = "/nowhere/function".into();
    let lambda = functions(missing, logs.path());
    assert!(matches!(
        invoke(&lambda, json!({ "do": "pid" })).await,
        Err(FunctionError::Init(_))
    ));
    assert!(matches!(
        lambda.invoke("Other", "{}".into()).await,
        Err(FunctionError::Unknown(_))
    ));
}

#[tokio::test]
async fn a_process_sees_lambdas_environment_and_nothing_of_the_stacks() {
    let logs = tempfile::tempdir().unwrap();
    let lambda = functions(config(LONG, 1), logs.path());
    let environment = invoke(&lambda, json!({ "do": "environment" }))
        .await
        .unwrap();
    assert_eq!(environment["AWS_LAMBDA_FUNCTION_NAME"], "Fixture");
    assert_eq!(environment["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"], "256");
    assert_eq!(environment["AWS_LAMBDA_FUNCTION_VERSION"], "$LATEST");
    assert_eq!(
        environment["AWS_LAMBDA_LOG_GROUP_NAME"],
        "/aws/lambda/Fixture"
    );
    assert_eq!(environment["AWS_REGION"], "us-east-1");
    assert_eq!(environment["AWS_ACCESS_KEY_ID"], "KEY_OF_THE_FIXTURE");
    for service in ["SQS", "DYNAMODB", "KMS"] {
        assert_eq!(
            environment[format!("AWS_ENDPOINT_URL_{service}")],
            "http://127.0.0.1:4566"
        );
    }
    assert_eq!(environment["SETTING"], "of the test");
    assert!(environment.get("CARGO_MANIFEST_DIR").is_none() && environment.get("HOME").is_none());
    let context = invoke(&lambda, json!({ "do": "context" })).await.unwrap();
    assert_eq!(
        context["arn"],
        "arn:aws:lambda:us-east-1:000000000000:function:Fixture"
    );
    assert!(context["trace"].as_str().unwrap().starts_with("Root=1-"));
    let remaining = context["remaining_ms"].as_u64().unwrap();
    assert!((50_000..=60_000).contains(&remaining), "{remaining}");
    lambda.stop().await;
}

#[tokio::test]
async fn stopping_kills_idle_and_busy_processes_and_refuses_what_comes_after() {
    let logs = tempfile::tempdir().unwrap();
    let lambda = functions(config(LONG, 3), logs.path());
    let hang = tokio::spawn({
        let lambda = lambda.clone();
        async move { invoke(&lambda, json!({ "do": "hang" })).await }
    });
    until("the busy process is up", || async {
        lambda.pids("Fixture").len() == 1
    })
    .await;
    pid(&lambda).await;
    let pids = lambda.pids("Fixture");
    assert_eq!(pids.len(), 2);
    lambda.stop().await;
    assert_eq!(hang.await.unwrap(), Err(FunctionError::Stopped));
    assert!(pids.into_iter().all(|pid| !is_running(pid)));
    assert!(lambda.pids("Fixture").is_empty());
    assert_eq!(
        invoke(&lambda, json!({ "do": "pid" })).await,
        Err(FunctionError::Stopped)
    );
}
