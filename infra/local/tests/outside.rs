//! Inboxes over HTTP.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use local::outside::Outside;
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};

struct World {
    _outside: Outside,
    client: Client,
    url: String,
}

async fn world() -> World {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let clock = Arc::new(|| "2026-03-29T14:30:00Z".parse::<Timestamp>().unwrap());
    World {
        _outside: Outside::start(listener, clock),
        client: Client::new(),
        url,
    }
}

impl World {
    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    async fn post(&self, path: &str, body: impl Into<reqwest::Body>) -> (StatusCode, String) {
        let response = self
            .client
            .post(self.at(path))
            .body(body)
            .send()
            .await
            .unwrap();
        (response.status(), response.text().await.unwrap())
    }

    async fn behave(&self, name: &str, behaviour: &Value) -> (StatusCode, String) {
        let url = self.at(&format!("/inbox/{name}/behaviour"));
        let response = self
            .client
            .put(url)
            .body(behaviour.to_string())
            .send()
            .await
            .unwrap();
        (response.status(), response.text().await.unwrap())
    }

    async fn requests(&self, name: &str) -> Vec<Value> {
        let list = self
            .client
            .get(self.at(&format!("/inbox/{name}/requests")))
            .send()
            .await
            .unwrap();
        serde_json::from_str(&list.text().await.unwrap()).unwrap()
    }
}

#[tokio::test]
async fn an_inbox_keeps_what_it_receives_as_it_came() {
    let world = world().await;
    let request = world
        .client
        .post(world.at("/inbox/a/below?x=%20&y"))
        .header("X-SetGet-Event", "label.created");
    request.body("{\"a\": 1}").send().await.unwrap();
    world.client.get(world.at("/inbox/a")).send().await.unwrap();
    let requests = world.requests("a").await;
    assert_eq!(requests.len(), 2);
    assert_eq!(requests[0]["method"], "POST");
    assert_eq!(requests[0]["path"], "/inbox/a/below");
    assert_eq!(requests[0]["query"], "x=%20&y");
    assert_eq!(requests[0]["headers"]["x-setget-event"], "label.created");
    assert_eq!(requests[0]["body"], "{\"a\": 1}");
    assert_eq!(requests[0]["arrived_at"], "2026-03-29T14:30:00Z");
    assert!(requests[0].get("body_base64").is_none());
    assert_eq!(
        (&requests[1]["method"], &requests[1]["path"]),
        (&json!("GET"), &json!("/inbox/a"))
    );
    assert!(world.requests("b").await.is_empty());
}

#[tokio::test]
async fn a_body_that_is_not_text_is_kept_in_base64() {
    let world = world().await;
    world.post("/inbox/a", vec![0xff, 0x00]).await;
    assert_eq!(world.requests("a").await[0]["body_base64"], "/wA=");
}

#[tokio::test]
async fn an_inbox_answers_as_it_is_told() {
    let world = world().await;
    assert_eq!(
        world.post("/inbox/a", "").await,
        (StatusCode::OK, String::new())
    );
    let behaviour = json!({ "status": 202, "body": "thanks", "fail_first": 1, "headers": { "Retry-After": "120" } });
    assert_eq!(
        world.behave("a", &behaviour).await.0,
        StatusCode::NO_CONTENT
    );
    assert_eq!(
        world.post("/inbox/a", "").await.0,
        StatusCode::INTERNAL_SERVER_ERROR
    );
    let response = world
        .client
        .post(world.at("/inbox/a"))
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::ACCEPTED);
    assert_eq!(response.headers()["retry-after"], "120");
    assert_eq!(response.text().await.unwrap(), "thanks");
    assert_eq!(world.requests("a").await.len(), 3);
}

#[tokio::test]
async fn a_delayed_answer_takes_its_time_and_the_arrival_is_there_before_it() {
    let world = world().await;
    world.behave("a", &json!({ "delay_ms": 400 })).await;
    let start = Instant::now();
    let listed = async {
        while world.requests("a").await.is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        start.elapsed()
    };
    let (_, listed) = tokio::join!(world.post("/inbox/a", ""), listed);
    assert!(
        start.elapsed() >= Duration::from_millis(400) && listed < Duration::from_millis(400),
        "{listed:?}"
    );
}

#[tokio::test]
async fn a_mistaken_behaviour_is_refused_by_name_and_changes_nothing() {
    let world = world().await;
    let (status, words) = world
        .behave("a", &json!({ "statsu": 500, "status": 500 }))
        .await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(words.contains("statsu"), "{words}");
    assert_eq!(world.post("/inbox/a", "").await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_list_can_be_emptied() {
    let world = world().await;
    world.post("/inbox/a", "x").await;
    world
        .client
        .delete(world.at("/inbox/a/requests"))
        .send()
        .await
        .unwrap();
    assert!(world.requests("a").await.is_empty());
}

#[tokio::test]
async fn elsewhere_is_nothing() {
    let world = world().await;
    for path in ["/", "/inbox", "/inbox/", "/other/a"] {
        assert_eq!(
            world.post(path, "").await.0,
            StatusCode::NOT_FOUND,
            "{path}"
        );
    }
    let large = vec![b'x'; local::outside::MAX_BODY_BYTES + 1];
    assert_eq!(
        world.post("/inbox/a", large).await.0,
        StatusCode::PAYLOAD_TOO_LARGE
    );
}
