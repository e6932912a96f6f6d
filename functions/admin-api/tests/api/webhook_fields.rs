//! Every field of a webhook and every rule of it.

use domain::endpoint_url::UrlRules;
use serde_json::{Value, json};

use crate::support::Api;

/// Field, a value that it refuses, and a part of the rule that is told.
fn refused() -> Vec<(&'static str, Value, &'static str)> {
    vec![
        ("url", json!(null), "must not be null"),
        ("url", json!(7), "must be a string"),
        ("url", json!(["https://example.com"]), "must be a string"),
        ("url", json!(""), "complete URL"),
        ("url", json!("example.com/hook"), "complete URL"),
        (
            "url",
            json!("http://example.com"),
            "must start with https://",
        ),
        (
            "url",
            json!("ftp://example.com"),
            "must start with https://",
        ),
        (
            "url",
            json!("javascript:alert(1)"),
            "must start with https://",
        ),
        ("url", json!("https://user:pw@example.com"), "user name"),
        ("url", json!("https://user@example.com"), "user name"),
        ("url", json!("https://example.com/#x"), "fragment"),
        (
            "url",
            json!(format!("https://example.com/{}", "x".repeat(2_048))),
            "2,048",
        ),
        ("url", json!("https://localhost/"), "public host"),
        ("url", json!("https://127.0.0.1/"), "public host"),
        ("url", json!("https://2130706433/"), "public host"),
        ("url", json!("https://[::1]/"), "public host"),
        (
            "url",
            json!("https://[::ffff:169.254.169.254]/"),
            "public host",
        ),
        ("url", json!("https://private.example.com/"), "public host"),
        ("url", json!("https://mixed.example.com/"), "public host"),
        ("url", json!("https://unknown.example.com/"), "resolves"),
        ("url", json!("https://silent.example.com/"), "resolves"),
        ("events", json!(null), "must not be null"),
        ("events", json!([]), "at least one"),
        ("events", json!("work_item.created"), "list"),
        ("events", json!([7]), "list"),
        ("events", json!(["work_item.craeted"]), "work_item.created"),
        (
            "events",
            json!(["*", "nothing.like.it"]),
            "not an event type",
        ),
        ("project_id", json!(""), "1 to 128"),
        ("project_id", json!("a b"), "visible ASCII"),
        ("project_id", json!("x".repeat(129)), "1 to 128"),
        ("project_id", json!({}), "must be a string"),
        ("description", json!("é".repeat(501)), "500 characters"),
        ("description", json!(1), "must be a string"),
        ("active", json!("true"), "true or false"),
        ("active", json!(1), "true or false"),
        ("active", json!(null), "must not be null"),
        ("secret", json!(""), "1 to 256"),
        ("secret", json!("é".repeat(257)), "1 to 256"),
        ("secret", json!(123_456_789_012_u64), "must be a string"),
        ("generate_secret", json!("yes"), "true or false"),
        ("generate_secret", json!(null), "must not be null"),
        ("url_", json!("https://example.com"), "url, events"),
        ("id", json!("wh_00000000000000000000000000"), "not known"),
        ("secret_hint", json!("x"), "not known"),
    ]
}

fn rule_of(answer: &crate::support::Answer) -> String {
    answer.json()["errors"][0]["rule"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[tokio::test(start_paused = true)]
async fn creating_names_the_field_and_the_rule_that_it_breaks() {
    let api = Api::new().await;
    for (field, value, rule) in refused() {
        let mut body = json!({ "url": "https://example.com/hook", "events": ["*"] });
        body[field] = value.clone();
        let answer = api.post("/webhooks", body).await;
        assert_eq!(
            (answer.status, answer.blamed()),
            (422, vec![field.to_owned()]),
            "{field} = {value}"
        );
        assert!(
            rule_of(&answer).contains(rule),
            "{field} = {value}: {}",
            rule_of(&answer)
        );
        assert!(answer.json()["detail"].as_str().unwrap().contains(rule));
    }
    assert_eq!(api.get("/webhooks").await.json()["items"], json!([]));
}

#[tokio::test(start_paused = true)]
async fn changing_names_the_field_and_the_rule_that_it_breaks() {
    let api = Api::new().await;
    let webhook = api.webhook(json!({})).await;
    let path = format!("/webhooks/{}", webhook["id"].as_str().unwrap());
    for (field, value, rule) in refused() {
        let answer = api.patch(&path, json!({ field: value })).await;
        assert_eq!(
            (answer.status, answer.blamed()),
            (422, vec![field.to_owned()]),
            "{field} = {value}"
        );
        assert!(
            rule_of(&answer).contains(rule),
            "{field} = {value}: {}",
            rule_of(&answer)
        );
    }
    assert_eq!(api.get(&path).await.json(), webhook);
}

#[tokio::test(start_paused = true)]
async fn url_and_events_are_required_and_everything_wrong_is_told_at_once() {
    let api = Api::new().await;
    let answer = api
        .post("/webhooks", json!({ "active": 1, "urll": "x" }))
        .await;
    assert_eq!(answer.status, 422);
    assert_eq!(answer.blamed(), ["url", "events", "active", "urll"]);
}

#[tokio::test(start_paused = true)]
async fn a_field_that_is_given_twice_is_refused() {
    let api = Api::new().await;
    let body = br#"{"url":"https://example.com","url":"https://other.example.com","events":["*"]}"#;
    let answer = api
        .send_bytes("POST", "/webhooks", Some(body.to_vec()), None)
        .await;
    assert_eq!(
        (answer.status, answer.blamed()),
        (422, vec!["url".to_owned()])
    );
}

#[tokio::test(start_paused = true)]
async fn values_at_the_bounds_are_taken() {
    let api = Api::new().await;
    let path = "x".repeat(2_048 - "https://example.com/".len());
    let body = json!({
        "url": format!("https://example.com/{path}"),
        "events": ["label.created", "label.created", "comment.deleted"],
        "project_id": "p".repeat(128),
        "description": "é".repeat(500),
        "secret": "é".repeat(256),
        "active": false,
        "generate_secret": false,
    });
    let answer = api.post("/webhooks", body.clone()).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let webhook = answer.json();
    assert_eq!(webhook["url"], body["url"]);
    assert_eq!(
        webhook["events"],
        json!(["comment.deleted", "label.created"]),
        "once each, in the catalogue's order"
    );
    assert_eq!(webhook["project_id"], body["project_id"]);
    assert_eq!(webhook["description"], body["description"]);
    assert_eq!(webhook["active"], json!(false));
}

#[tokio::test(start_paused = true)]
async fn null_counts_as_absent_where_a_field_may_be_without_a_value() {
    let api = Api::new().await;
    let webhook = api
        .webhook(json!({ "project_id": null, "description": null, "secret": null }))
        .await;
    for field in ["project_id", "description", "secret_hint"] {
        assert_eq!(webhook[field], Value::Null);
    }
}

#[tokio::test(start_paused = true)]
async fn a_deployment_may_allow_plain_http_and_private_networks() {
    let rules = UrlRules {
        allow_plain_http: true,
        allow_private_networks: true,
    };
    let api = Api::with_rules(rules).await;
    for url in [
        "http://127.0.0.1:4600/inbox/a",
        "http://private.example.com/",
        "https://example.com/",
    ] {
        assert_eq!(api.webhook(json!({ "url": url })).await["url"], url);
    }
    let answer = api
        .post(
            "/webhooks",
            json!({ "url": "ftp://127.0.0.1/", "events": ["*"] }),
        )
        .await;
    assert!(rule_of(&answer).contains("http://"), "{}", rule_of(&answer));
}
