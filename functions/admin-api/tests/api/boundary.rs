//! What surrounds every request: panics and the log.

use std::cell::RefCell;
use std::io;
use std::sync::Once;

use platform::entropy::Entropy;
use serde_json::{Value, json};

use crate::support::{Api, Deployment, WORKSPACE};

thread_local! {
    /// What was logged on this thread; a test's requests are served on the test's own.
    static LOGGED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

struct Log;

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LOGGED.with_borrow_mut(|logged| logged.extend_from_slice(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Starts the log, or forgets what is in it.
pub(crate) fn start_log() {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| {
        tracing_subscriber::fmt()
            .json()
            .flatten_event(true)
            .with_writer(|| Log)
            .init();
    });
    LOGGED.with_borrow_mut(Vec::clear);
}

pub(crate) fn logged() -> Vec<Value> {
    let text = LOGGED.with_borrow(|logged| String::from_utf8(logged.clone()).unwrap());
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[tokio::test(start_paused = true)]
async fn each_request_is_one_line_with_its_route_and_neither_body_nor_key() {
    let api = Api::new().await;
    let key = api.key(WORKSPACE, "admin").await;
    let id = api.get("/api-keys").await.json()["items"][0]["id"].clone();
    start_log();
    let holder = api.with_key(Some(&key));
    let body = json!({ "url": "https://example.com/canary?token=canary", "events": ["*"], "secret": "canary" });
    holder.post("/webhooks", body).await;
    holder.get("/webhooks?cursor=canary").await;
    api.with_key(Some("canary")).get("/webhooks").await;
    api.get("/v1/canary").await;

    let lines = logged();
    let shown = |line: &Value| {
        json!([
            line["method"],
            line["route"],
            line["status"],
            line["workspace_id"],
            line["key_id"]
        ])
    };
    let route = "/v1/workspaces/{workspace_id}/webhooks";
    let expected = [
        json!(["POST", route, 201, WORKSPACE, id]),
        json!(["GET", route, 422, WORKSPACE, id]),
        json!(["GET", route, 401, null, null]),
        json!(["GET", null, 404, null, null]),
    ];
    assert_eq!(lines.iter().map(shown).collect::<Vec<_>>(), expected);
    for line in &lines {
        let text = line.to_string();
        assert!(line["duration_ms"].is_number(), "{text}");
        assert!(!text.contains("canary") && !text.contains(&key), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_failed_inside_is_in_the_log_and_not_in_the_answer() {
    let api = Api::new().await;
    api.db
        .delete_table()
        .table_name("Table")
        .send()
        .await
        .unwrap();
    start_log();
    let answer = api.get("/webhooks").await;
    assert_eq!(answer.status, 503);
    let lines = logged();
    assert!(
        lines[0]["cause"]
            .as_str()
            .unwrap()
            .contains("ResourceNotFoundException"),
        "{lines:?}"
    );
    assert!(!answer.text().contains("ResourceNotFoundException"));
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_a_problem_document_and_the_next_request_is_served() {
    let api = Api::deployed(Deployment {
        entropy: Entropy::new(|_| panic!("no randomness left")),
        ..Deployment::default()
    })
    .await;
    let answer = api
        .post(
            "/webhooks",
            json!({ "url": "https://example.com", "events": ["*"] }),
        )
        .await;
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (500, Some("application/problem+json"))
    );
    assert_eq!(
        (
            &answer.json()["status"],
            answer.text().contains("randomness")
        ),
        (&json!(500), false)
    );
    assert_eq!(api.get("/webhooks").await.status, 200);
}
