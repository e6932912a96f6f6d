//! The HTTP API with a real function behind it.

mod support;

use std::time::Duration;

use local::gateway::Gateway;
use local::stack::Stack;
use serde_json::{Value, json};
use support::start;

fn url(stack: &Stack, path: &str) -> String {
    format!("{}{path}", stack.addresses().api_url())
}

async fn get(stack: &Stack, path: &str) -> (u16, Value) {
    let response = reqwest::get(url(stack, path)).await.unwrap();
    (
        response.status().as_u16(),
        serde_json::from_str(&response.text().await.unwrap()).unwrap(),
    )
}

#[tokio::test]
async fn a_request_reaches_the_function_and_its_answer_comes_back() {
    let output = tempfile::tempdir().unwrap();
    let stack = start(output.path(), &[]).await;
    let request = reqwest::Client::new()
        .post(url(&stack, "/v1/a%20b/c?x=1&x=2"))
        .header("X-Two", "yes");
    let response = request.body("hello").send().await.unwrap();
    assert_eq!(response.status(), 201);
    assert_eq!(response.headers()["x-answer"], "yes");
    let event: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
    assert_eq!(event["rawPath"], "/v1/a b/c");
    assert_eq!(event["pathParameters"]["proxy"], "a b/c");
    assert_eq!(event["queryStringParameters"]["x"], "1,2");
    assert_eq!(event["headers"]["x-two"], "yes");
    assert_eq!(event["body"], "hello");
    stack.stop().await;
}

#[tokio::test]
async fn errors_answer_as_api_gateway_does() {
    let output = tempfile::tempdir().unwrap();
    let stack = start(output.path(), &[]).await;
    assert_eq!(
        get(&stack, "/elsewhere").await,
        (404, json!({ "message": "Not Found" }))
    );
    assert_eq!(
        get(&stack, "/v1/fail").await,
        (500, json!({ "message": "Internal Server Error" }))
    );
    assert_eq!(
        get(&stack, "/v1/exit").await,
        (500, json!({ "message": "Internal Server Error" }))
    );
    let large = vec![b'x'; local::gateway::MAX_BODY_BYTES + 1];
    let response = reqwest::Client::new()
        .post(url(&stack, "/v1/x"))
        .body(large)
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 413);
    stack.stop().await;
}

#[tokio::test]
async fn a_function_that_takes_longer_than_the_integration_may_is_503() {
    let output = tempfile::tempdir().unwrap();
    let stack = start(output.path(), &[]).await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (lambda, functions) = (stack.lambda().clone(), &stack.template().functions);
    let _gateway = Gateway::start(listener, lambda, functions, Duration::from_millis(300));
    let response = reqwest::get(format!("http://{address}/v1/hang"))
        .await
        .unwrap();
    assert_eq!(response.status(), 503);
    assert_eq!(
        response.text().await.unwrap(),
        r#"{"message":"Service Unavailable"}"#
    );
    stack.stop().await;
}

#[tokio::test]
async fn a_parameter_changes_what_the_function_sees() {
    let output = tempfile::tempdir().unwrap();
    let stack = start(output.path(), &[]).await;
    assert_eq!(
        get(&stack, "/v1/setting").await,
        (200, json!({ "setting": "of the template" }))
    );
    stack.stop().await;
    let stack = start(output.path(), &[("Setting", "changed")]).await;
    assert_eq!(
        get(&stack, "/v1/setting").await,
        (200, json!({ "setting": "changed" }))
    );
    stack.stop().await;
}
