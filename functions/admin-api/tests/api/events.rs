//! Events over HTTP.

use aws_sdk_sqs::types::MessageSystemAttributeName;
use domain::event::IngestEvent;
use serde_json::{Value, json};

use crate::support::{Answer, Api, WORKSPACE};

/// An event that no serialiser would write like this.
fn raw_event() -> String {
    format!(
        "{{ \"id\" : \"evt_1\",\n\t\"event\":\"label.created\", \"timestamp\":\"2026-03-29T14:30:00.000Z\",\
         \"workspace\":{{\"id\":\"{WORKSPACE}\" , \"slug\":\"one\"}}, \"data\":{{ \"n\": 1.0e2, \"t\":\"caf\\u00e9 \\/ naïve 🎉\" }} }}"
    )
}

fn event() -> Value {
    serde_json::from_str(&raw_event()).unwrap()
}

async fn post(api: &Api, body: impl Into<Vec<u8>>) -> Answer {
    api.send_bytes(
        "POST",
        "/events",
        Some(body.into()),
        Some("application/json"),
    )
    .await
}

#[tokio::test(start_paused = true)]
async fn an_event_goes_onto_the_queue_byte_for_byte() {
    let api = Api::new().await;
    let publisher = api.with_key(Some(&api.key(WORKSPACE, "publisher").await));
    let answer = post(&publisher, raw_event()).await;
    assert_eq!(
        (answer.status, answer.json()),
        (202, json!({ "id": "evt_1" }))
    );
    let messages = api.receive("EventsQueue").await;
    assert_eq!(messages.len(), 1);
    assert_eq!(messages[0].body(), Some(raw_event().as_str()));
    let attributes = messages[0].attributes().unwrap();
    let group = &attributes[&MessageSystemAttributeName::MessageGroupId];
    assert_eq!(group, WORKSPACE, "no workspace holds up another");
}

#[test]
fn the_event_in_the_documentation_is_a_webhooks_event_with_an_alert() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/api.md");
    let page = std::fs::read_to_string(path).unwrap();
    let example = page
        .split("```json\n")
        .find(|part| part.starts_with(r#"{"id":"evt_"#))
        .and_then(|part| part.split("```").next())
        .unwrap();
    let now = "2026-03-29T15:00:00Z".parse().unwrap();
    let event = IngestEvent::parse(example.as_bytes(), now).unwrap();
    assert!(event.webhook.is_some());
    assert_eq!(event.alert.unwrap().recipients.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_event_that_breaks_a_rule_is_refused_with_its_field_and_does_not_reach_the_queue() {
    let api = Api::new().await;
    let refused = |field: &'static str, value: Value| {
        let mut body = event();
        match field.split_once('.') {
            Some((object, field)) => body[object][field] = value,
            None => body[field] = value,
        }
        (field, body)
    };
    for (field, body) in [
        refused("id", json!(null)),
        refused("id", json!("")),
        refused("event", json!("label.craeted")),
        refused("timestamp", json!("yesterday")),
        refused("timestamp", json!("2026-03-31T14:30:00Z")),
        refused("data", json!([])),
        refused("workspace", json!(null)),
        refused("workspace.id", json!("a b")),
        refused("workspace.id", json!("ws_2")),
        refused("alert", json!("text")),
    ] {
        let answer = post(&api, body.to_string()).await;
        assert_eq!(
            (answer.status, answer.blamed()),
            (422, vec![field.to_owned()]),
            "{body}"
        );
    }
    for (body, status) in [("", 400), ("{", 400), ("[]", 422), ("7", 422)] {
        assert_eq!(post(&api, body).await.status, status, "{body}");
    }
    let not_utf8 = raw_event()
        .into_bytes()
        .into_iter()
        .map(|byte| if byte == b'1' { 0xff } else { byte });
    assert_eq!(post(&api, not_utf8.collect::<Vec<u8>>()).await.status, 400);
    assert!(api.receive("EventsQueue").await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_alert_alone_needs_no_data_and_nobody_reads_what_is_there() {
    let api = Api::new().await;
    let mut body = event();
    body["event"] = json!(null);
    body["alert"] = json!({
        "event_type": "mentioned", "summary": "mentions you", "recipients": [],
        "item": { "identifier": "ENG-1", "title": "", "url": "https://example.com" }
    });
    for data in [json!({}), json!(null), json!([null])] {
        body["data"] = data;
        assert_eq!(post(&api, body.to_string()).await.status, 202, "{body}");
    }
    body["event"] = json!("label.created");
    assert_eq!(post(&api, body.to_string()).await.blamed(), ["data"]);
}

#[tokio::test(start_paused = true)]
async fn near_types_are_told() {
    let api = Api::new().await;
    let mut body = event();
    body["event"] = json!("label.craeted");
    assert!(
        post(&api, body.to_string())
            .await
            .text()
            .contains("label.created")
    );
}

#[tokio::test(start_paused = true)]
async fn a_character_that_no_queue_carries_is_refused_wherever_it_stands() {
    let api = Api::new().await;
    let with = |text: &str| raw_event().replace("naïve", text);
    let answer = post(&api, with("\u{ffff}")).await;
    assert_eq!(answer.status, 422);
    assert!(answer.text().contains("U+FFFF"), "{}", answer.text());
    assert_eq!(
        post(&api, with("\\uffff")).await.status,
        202,
        "escaped it is taken"
    );
}

#[tokio::test(start_paused = true)]
async fn an_event_is_taken_up_to_256_kib_and_no_further() {
    let api = Api::new().await;
    let mut body = raw_event().into_bytes();
    body.resize(256 * 1024, b' ');
    assert_eq!(post(&api, body.clone()).await.status, 202);
    body.push(b' ');
    assert_eq!(post(&api, body).await.status, 413);
    assert_eq!(api.receive("EventsQueue").await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_event_that_claims_to_be_something_else_than_json_is_refused() {
    let api = Api::new().await;
    let answer = api
        .send_bytes(
            "POST",
            "/events",
            Some(raw_event().into()),
            Some("text/plain"),
        )
        .await;
    assert_eq!(answer.status, 415);
}

#[tokio::test(start_paused = true)]
async fn the_event_types_are_listed_for_anybody() {
    let api = Api::new().await;
    let list = api.with_key(None).get("/v1/event-types").await.json();
    assert_eq!(
        list["items"].as_array().unwrap().len(),
        domain::catalogue::EventType::ALL.len()
    );
    assert_eq!(
        (&list["items"][0], &list["next_cursor"]),
        (&json!("work_item.created"), &Value::Null)
    );
}
