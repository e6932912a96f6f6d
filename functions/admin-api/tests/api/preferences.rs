//! What members want to be told by SMS.

use serde_json::{Value, json};

use crate::support::{Api, WORKSPACE};

const PATH: &str = "/members/user_1/preferences";

fn on(preferences: &Value) -> Vec<&str> {
    let types = preferences["sms"].as_object().unwrap();
    assert_eq!(types.len(), 16);
    types
        .iter()
        .filter(|(_, on)| **on == json!(true))
        .map(|(name, _)| name.as_str())
        .collect()
}

async fn with_member() -> Api {
    let api = Api::new().await;
    api.member("user_1", None).await;
    api
}

#[tokio::test(start_paused = true)]
async fn everything_is_off_until_it_is_switched_on() {
    let api = with_member().await;
    assert_eq!(on(&api.get(PATH).await.json()), Vec::<&str>::new());
}

#[tokio::test(start_paused = true)]
async fn putting_replaces_them_all() {
    let api = with_member().await;
    let body =
        json!({ "sms": { "priority_changed": true, "mentioned": true, "state_changed": false } });
    let put = api.put(PATH, body).await;
    assert_eq!(put.status, 200, "{}", put.text());
    assert_eq!(on(&put.json()), ["mentioned", "priority_changed"]);
    assert_eq!(api.get(PATH).await.json(), put.json());
    api.put(PATH, json!({ "sms": { "comment_added": true } }))
        .await;
    assert_eq!(on(&api.get(PATH).await.json()), ["comment_added"]);
    api.put(PATH, json!({ "sms": {} })).await;
    assert_eq!(on(&api.get(PATH).await.json()), Vec::<&str>::new());
}

#[tokio::test(start_paused = true)]
async fn an_unknown_type_is_met_with_the_near_ones() {
    let api = with_member().await;
    let body =
        json!({ "sms": { "priority_chagned": true, "mentioned": "yes", "link_changed": true } });
    let answer = api.put(PATH, body).await;
    assert_eq!(answer.status, 422);
    let mut blamed = answer.blamed();
    blamed.sort_unstable();
    assert_eq!(blamed, ["sms.mentioned", "sms.priority_chagned"]);
    assert!(
        answer.text().contains("near ones: priority_changed"),
        "{}",
        answer.text()
    );
    assert_eq!(on(&api.get(PATH).await.json()), Vec::<&str>::new());
}

#[tokio::test(start_paused = true)]
async fn what_is_not_an_object_of_flags_is_refused_by_name() {
    let api = with_member().await;
    for (text, field) in [
        ("{}", "sms"),
        (r#"{"sms":null}"#, "sms"),
        (r#"{"sms":["mentioned"]}"#, "sms"),
        (r#"{"sms":{},"email":{}}"#, "email"),
        (
            r#"{"sms":{"mentioned":true,"mentioned":false}}"#,
            "sms.mentioned",
        ),
        (r#"{"sms":{"mentioned":null}}"#, "sms.mentioned"),
    ] {
        let answer = api.send_bytes("PUT", PATH, Some(text.into()), None).await;
        assert_eq!(
            (answer.status, answer.blamed()),
            (422, vec![field.to_owned()]),
            "{text}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_administrator_sees_others_preferences_and_changes_only_their_own() {
    let api = with_member().await;
    let body = || json!({ "sms": { "mentioned": true } });
    for user in [None, Some("user_2")] {
        let key = api.key_of(WORKSPACE, "admin", user).await;
        let admin = api.with_key(Some(&key));
        assert_eq!(admin.get(PATH).await.status, 200);
        assert_eq!(admin.put(PATH, body()).await.status, 403, "{user:?}");
    }
    assert_eq!(on(&api.get(PATH).await.json()), Vec::<&str>::new());
    let key = api.key_of(WORKSPACE, "admin", Some("user_1")).await;
    assert_eq!(api.with_key(Some(&key)).put(PATH, body()).await.status, 200);
    assert_eq!(
        api.put(PATH, json!({ "sms": {} })).await.status,
        200,
        "the operator may"
    );
}

#[tokio::test(start_paused = true)]
async fn nobody_has_preferences_who_is_no_member() {
    let api = Api::new().await;
    assert_eq!(api.get(PATH).await.status, 404);
    assert_eq!(api.put(PATH, json!({ "sms": {} })).await.status, 404);
}
