//! What messages look like.

use serde_json::{Value, json};

use crate::support::{Api, WORKSPACE};
use crate::twilio::{ACCOUNT, NUMBER, TOKEN};

fn alert() -> Value {
    json!({
        "event_type": "priority_changed", "summary": "priority changed to Urgent",
        "item": {
            "identifier": "ENG-42", "title": "Fix login redirect",
            "url": "https://app.setget.io/engineering/issues/ENG-42"
        }
    })
}

#[tokio::test(start_paused = true)]
async fn the_text_is_the_one_that_would_be_sent() {
    let api = Api::new().await;
    let answer = api.post("/sms/preview", alert()).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let text = "SetGet Alert: Work item ENG-42 \"Fix login redirect\" priority changed to Urgent.\n\
                View: https://app.setget.io/engineering/issues/ENG-42";
    assert_eq!(
        answer.json(),
        json!({ "text": text, "encoding": "GSM-7", "segments": 1, "forced_by": null })
    );
}

#[tokio::test(start_paused = true)]
async fn the_character_that_forces_ucs_2_is_named() {
    let api = Api::new().await;
    let mut body = alert();
    body["item"]["title"] = json!("Fix the “login” 🚀");
    let preview = api.post("/sms/preview", body).await.json();
    assert_eq!(
        (
            &preview["encoding"],
            &preview["segments"],
            &preview["forced_by"]
        ),
        (&json!("UCS-2"), &json!(2), &json!("“"))
    );
}

#[tokio::test(start_paused = true)]
async fn the_limit_is_the_requests_else_the_providers_else_2() {
    let api = Api::new().await;
    let segments = |most: Option<u32>| {
        let api = api.clone();
        async move {
            let mut body = alert();
            body["item"]["title"] = json!("long ".repeat(400));
            if let Some(most) = most {
                body["max_segments"] = json!(most);
            }
            api.post("/sms/preview", body).await.json()["segments"].clone()
        }
    };
    assert_eq!(segments(None).await, 2);
    let provider = json!({
        "type": "twilio", "account_sid": ACCOUNT, "auth_token": TOKEN, "from_number": NUMBER, "max_segments": 3
    });
    assert_eq!(api.put("/sms/provider", provider).await.status, 201);
    assert_eq!(
        (segments(None).await, segments(Some(5)).await),
        (3.into(), 5.into())
    );
}

#[tokio::test(start_paused = true)]
async fn every_rule_that_is_broken_is_named_inside_the_item_too() {
    let api = Api::new().await;
    let refused = |change: fn(&mut Value)| {
        let mut body = alert();
        change(&mut body);
        let api = api.clone();
        async move {
            let answer = api.post("/sms/preview", body).await;
            assert_eq!(answer.status, 422, "{}", answer.text());
            answer.blamed()
        }
    };
    assert_eq!(
        refused(|body| body["event_type"] = json!("priority")).await,
        ["event_type"]
    );
    assert_eq!(
        refused(|body| body["summary"] = json!(" ")).await,
        ["summary"]
    );
    assert_eq!(refused(|body| body["item"] = json!([])).await, ["item"]);
    assert_eq!(
        refused(|body| body["max_segments"] = json!(11)).await,
        ["max_segments"]
    );
    let several = refused(|body| {
        body["item"] = json!({ "identifier": "", "title": 7, "link": "https://example.com" });
    });
    assert_eq!(
        several.await,
        ["item.identifier", "item.title", "item.url", "item.link"]
    );
    assert_eq!(
        refused(|body| body["item"]["url"] = json!("javascript:alert(1)")).await,
        ["item.url"]
    );
    let twice = alert()
        .to_string()
        .replace(r#""title""#, r#""title":"","title""#);
    let answer = api
        .send_bytes("POST", "/sms/preview", Some(twice.into()), None)
        .await;
    assert_eq!(
        (answer.status, answer.blamed()),
        (422, vec!["item.title".to_owned()])
    );
}

#[tokio::test(start_paused = true)]
async fn members_may_look_too() {
    let api = Api::new().await;
    let member = api.with_key(Some(&api.key(WORKSPACE, "member").await));
    assert_eq!(member.post("/sms/preview", alert()).await.status, 200);
}
