//! The HTTP API with a real function behind it.

mod support;

use std::time::Duration;

use local::gateway::{Gateway, MAX_BODY_BYTES, MAX_HEAD_BYTES};
use local::lambda::MAX_PAYLOAD_BYTES;
use local::stack::Stack;
use serde_json::{Value, json};
use support::start;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

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
    stack.stop().await;
}

/// What the gateway answers to a request as it stands, on a connection of its own: the status and the message.
async fn answer_to(stack: &Stack, request: &[u8]) -> (u16, String) {
    let address = stack.addresses().api_url().replace("http://", "");
    let mut connection = tokio::net::TcpStream::connect(address).await.unwrap();
    // A refusal may come, and the connection end, before all of it is sent.
    _ = connection.write_all(request).await;
    let (mut answer, mut part) = (Vec::new(), [0; 1024]);
    while !String::from_utf8_lossy(&answer).contains('}') {
        let read = connection.read(&mut part).await.unwrap();
        assert_ne!(read, 0, "no answer but {answer:?}");
        answer.extend_from_slice(&part[..read]);
    }
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let body: Value = serde_json::from_str(body).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, body["message"].as_str().unwrap_or_default().into())
}

#[tokio::test]
async fn what_api_gateway_refuses_never_reaches_the_function() {
    let output = tempfile::tempdir().unwrap();
    let stack = start(output.path(), &[]).await;
    let get = |target: &str, headers: &str| format!("GET {target} HTTP/1.1\r\n{headers}\r\n");
    let host = "Host: localhost\r\n";
    let value = |bytes: usize| format!("{host}X-Large: {}\r\n", "x".repeat(bytes));
    let many = format!(
        "{host}{}",
        format!("X-A: {}\r\n", "x".repeat(1_000)).repeat(20)
    );
    let over = MAX_HEAD_BYTES + 1;
    for (request, status, message) in [
        (get("/v1/x", ""), 400, "Bad Request"),
        (get("/v1/x", "Host:\r\n"), 400, "Bad Request"),
        (get("/v1/x", "Host: a b\r\n"), 400, "Bad Request"),
        (get("/v1/x", "Host: a/v1/y?\r\n"), 400, "Bad Request"),
        (get("/v1/x", "Host: [::1\r\n"), 400, "Bad Request"),
        (get("/v1/x", "Host: a:99999\r\n"), 400, "Bad Request"),
        (get("/v1/x", "Host: \u{e9}\r\n"), 400, "Bad Request"),
        (get("/v1/x", "Host: a\r\nHost: b\r\n"), 400, "Bad Request"),
        (
            get(&format!("/v1/{}", "x".repeat(over)), host),
            414,
            "URI Too Long",
        ),
        (
            get(&format!("/v1/{}", "x".repeat(40_000)), host),
            414,
            "URI Too Long",
        ),
        (
            get(&format!("/v1/x?{}", "y".repeat(over)), host),
            414,
            "URI Too Long",
        ),
        (
            get("/v1/x", &value(over)),
            431,
            "Request Header Fields Too Large",
        ),
        (
            get("/v1/x", &value(100_000)),
            431,
            "Request Header Fields Too Large",
        ),
        (get("/v1/x", &many), 431, "Request Header Fields Too Large"),
    ] {
        let start = &request[..request.len().min(60)];
        let answer = answer_to(&stack, request.as_bytes()).await;
        assert_eq!(answer, (status, message.to_owned()), "{start}");
    }
    assert!(
        stack.lambda().pids("Function").is_empty(),
        "no function was started"
    );
    let (status, _) = answer_to(&stack, get("/v1/x", &value(9_000)).as_bytes()).await;
    assert_eq!(status, 201);
    stack.stop().await;
}

#[tokio::test]
async fn a_body_over_what_api_gateway_or_lambda_takes_is_413() {
    let output = tempfile::tempdir().unwrap();
    let stack = start(output.path(), &[]).await;
    for bytes in [MAX_BODY_BYTES + 1, MAX_BODY_BYTES, MAX_PAYLOAD_BYTES] {
        let response = reqwest::Client::new()
            .post(url(&stack, "/v1/x"))
            .body(vec![b'x'; bytes])
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), 413, "{bytes}");
        assert_eq!(
            response.text().await.unwrap(),
            r#"{"message":"Request Entity Too Large"}"#
        );
    }
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
