//! A webhook's secret: written, rotated, and never read.

use std::time::Duration;

use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::support::{Answer, Api, WORKSPACE};

const CANARY: &str = "canary-7f3a-do-not-show";

fn path(webhook: &Value) -> String {
    format!("/webhooks/{}", webhook["id"].as_str().unwrap())
}

/// The secrets that sign at this moment plus some seconds: the current one and those before it.
async fn signing(api: &Api, webhook: &Value, later: i64) -> Vec<String> {
    let id = webhook["id"].as_str().unwrap().parse().unwrap();
    let webhook = api
        .store
        .webhook(&WORKSPACE.parse().unwrap(), &id)
        .await
        .unwrap()
        .unwrap()
        .value;
    let keys = api
        .secrets
        .signing_keys(&webhook, api.now() + SignedDuration::from_secs(later))
        .await
        .unwrap();
    let exposed = |secret: domain::secret::WebhookSecret| secret.expose().to_owned();
    let secrets = keys.map(|keys| std::iter::once(keys.current).chain(keys.retiring));
    secrets.into_iter().flatten().map(exposed).collect()
}

#[tokio::test(start_paused = true)]
async fn no_answer_ever_holds_a_secret_that_the_caller_chose() {
    let api = Api::new().await;
    let body = json!({ "url": "https://example.com/", "events": ["*"], "secret": CANARY });
    let created = api.post("/webhooks", body.clone()).await;
    let path = path(&created.json());
    let mut twice = body.clone();
    twice["generate_secret"] = json!(true);
    let mut broken = body.clone();
    broken["url"] = json!(7);
    let mut of_wrong_type = body.clone();
    of_wrong_type["secret"] = json!([CANARY]);
    let mut as_flag = body;
    as_flag["generate_secret"] = json!(CANARY);
    let test = api.post(&format!("{path}/test"), json!({})).await;
    let delivery = test.json()["delivery_id"].as_str().unwrap().to_owned();
    let answers: Vec<Answer> = vec![
        created,
        api.post("/webhooks", twice).await,
        api.post("/webhooks", broken).await,
        api.post("/webhooks", of_wrong_type).await,
        api.post("/webhooks", as_flag).await,
        api.get(&path).await,
        api.get("/webhooks").await,
        api.patch(&path, json!({ "secret": format!("{CANARY}-2") }))
            .await,
        api.post(
            &format!("{path}/rotate-secret"),
            json!({ "secret": format!("{CANARY}-3") }),
        )
        .await,
        api.post(
            &format!("{path}/rotate-secret"),
            json!({ "secret": [CANARY] }),
        )
        .await,
        api.get(&format!("{path}/deliveries")).await,
        api.get(&format!("{path}/deliveries/{delivery}")).await,
    ];
    for answer in answers {
        assert!(!answer.text().contains("canary"), "{}", answer.text());
    }
}

#[tokio::test(start_paused = true)]
async fn the_table_holds_no_secret_in_clear() {
    let api = Api::new().await;
    api.webhook(json!({ "secret": CANARY })).await;
    let key = api.key(WORKSPACE, "admin").await;
    let items = api.db.scan().table_name("Table").send().await.unwrap();
    let all = format!("{:?}", items.items());
    assert!(all.contains("ciphertext") && !all.contains("canary") && !all.contains(&key));
}

#[tokio::test(start_paused = true)]
async fn the_hint_tells_whether_a_secret_is_set_and_from_12_characters_on_its_end() {
    let api = Api::new().await;
    for (secret, hint) in [
        (json!(null), json!(null)),
        (json!("elevenchars"), json!("••••")),
        (json!("twelve chars"), json!("••••hars")),
    ] {
        assert_eq!(
            api.webhook(json!({ "secret": secret })).await["secret_hint"],
            hint
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_generated_secret_is_shown_once_and_signs() {
    let api = Api::new().await;
    let webhook = api.webhook(json!({ "generate_secret": true })).await;
    let secret = webhook["secret"].as_str().unwrap();
    assert!(
        secret.starts_with("whsec_") && secret.len() == "whsec_".len() + 44,
        "{secret}"
    );
    assert_eq!(
        webhook["secret_hint"],
        format!("••••{}", &secret[secret.len() - 4..])
    );
    assert_eq!(signing(&api, &webhook, 0).await, [secret]);
    assert_eq!(api.get(&path(&webhook)).await.json().get("secret"), None);
    let again = api
        .patch(&path(&webhook), json!({ "generate_secret": true }))
        .await
        .json();
    assert_ne!(again["secret"], webhook["secret"]);
    assert_eq!(
        signing(&api, &webhook, 0).await,
        [again["secret"].as_str().unwrap()]
    );
}

#[tokio::test(start_paused = true)]
async fn a_secret_is_chosen_or_generated_but_not_both() {
    let api = Api::new().await;
    let webhook = api.webhook(json!({ "secret": "old" })).await;
    for secret in [json!("mine"), json!(null)] {
        let both = json!({ "secret": secret, "generate_secret": true });
        let answer = api.patch(&path(&webhook), both.clone()).await;
        assert_eq!(
            (answer.status, answer.blamed()),
            (422, vec!["generate_secret".to_owned()])
        );
        let mut body = both;
        body["url"] = json!("https://example.com");
        body["events"] = json!(["*"]);
        assert_eq!(api.post("/webhooks", body).await.status, 422);
    }
    assert_eq!(signing(&api, &webhook, 0).await, ["old"]);
}

#[tokio::test(start_paused = true)]
async fn patching_replaces_the_secret_at_once_and_drops_the_one_before() {
    let api = Api::new().await;
    let webhook = api.webhook(json!({ "secret": "first" })).await;
    api.post(
        &format!("{}/rotate-secret", path(&webhook)),
        json!({ "secret": "second" }),
    )
    .await;
    assert_eq!(signing(&api, &webhook, 0).await, ["second", "first"]);
    api.patch(&path(&webhook), json!({ "description": "another field" }))
        .await;
    assert_eq!(signing(&api, &webhook, 0).await, ["second", "first"]);
    api.patch(&path(&webhook), json!({ "secret": "third" }))
        .await;
    assert_eq!(signing(&api, &webhook, 0).await, ["third"]);
    api.post(
        &format!("{}/rotate-secret", path(&webhook)),
        json!({ "secret": "fourth" }),
    )
    .await;
    api.patch(&path(&webhook), json!({ "secret": null })).await;
    assert_eq!(signing(&api, &webhook, 0).await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn after_a_rotation_both_sign_until_the_overlap_ends() {
    let api = Api::new().await;
    let webhook = api.webhook(json!({ "secret": "old" })).await;
    let rotate = format!("{}/rotate-secret", path(&webhook));
    let day = 24 * 60 * 60;
    let answer = api.post(&rotate, json!({})).await;
    assert_eq!(answer.status, 200);
    let new = answer.json()["secret"].as_str().unwrap().to_owned();
    assert_eq!(
        signing(&api, &webhook, day - 1).await,
        [new.as_str(), "old"]
    );
    assert_eq!(signing(&api, &webhook, day).await, [new.as_str()]);

    let answer = api
        .post(
            &rotate,
            json!({ "secret": "chosen", "overlap_seconds": 60.0 }),
        )
        .await;
    assert_eq!(
        answer.json().get("secret"),
        None,
        "a chosen one is not repeated"
    );
    assert_eq!(
        signing(&api, &webhook, 59).await,
        ["chosen", new.as_str(), "old"]
    );
    assert_eq!(signing(&api, &webhook, 60).await, ["chosen", "old"]);

    api.post(
        &rotate,
        json!({ "secret": "at once", "overlap_seconds": 0 }),
    )
    .await;
    assert_eq!(signing(&api, &webhook, 0).await, ["at once"]);
}

#[tokio::test(start_paused = true)]
async fn rotating_takes_no_body_and_where_none_was_set_sets_one() {
    let api = Api::new().await;
    let webhook = api.webhook(json!({})).await;
    tokio::time::advance(Duration::from_secs(60)).await;
    let answer = api
        .send("POST", &format!("{}/rotate-secret", path(&webhook)), None)
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let secret = answer.json()["secret"].as_str().unwrap().to_owned();
    assert_eq!(answer.json()["updated_at"], "2026-03-29T14:31:00Z");
    assert_eq!(signing(&api, &webhook, 0).await, [secret]);
}

#[tokio::test(start_paused = true)]
async fn a_rotation_that_breaks_a_rule_names_the_field() {
    let api = Api::new().await;
    let webhook = api.webhook(json!({ "secret": "old" })).await;
    let rotate = format!("{}/rotate-secret", path(&webhook));
    for (field, value) in [
        ("overlap_seconds", json!(604_801)),
        ("overlap_seconds", json!(-1)),
        ("overlap_seconds", json!(1.5)),
        ("overlap_seconds", json!("60")),
        ("overlap_seconds", json!(1e300)),
        ("overlap_seconds", json!(null)),
        ("secret", json!("")),
        ("secret", json!(null)),
        ("generate_secret", json!(true)),
    ] {
        let answer = api.post(&rotate, json!({ field: value })).await;
        assert_eq!(
            (answer.status, answer.blamed()),
            (422, vec![field.to_owned()]),
            "{field} = {value}"
        );
    }
    assert_eq!(signing(&api, &webhook, 0).await, ["old"]);
    assert_eq!(
        api.post(&rotate, json!({ "overlap_seconds": 604_800 }))
            .await
            .status,
        200
    );
}

/// An answer that was lost is the usual reason to rotate again: nobody knows the secret that was made then.
#[tokio::test(start_paused = true)]
async fn rotating_again_within_the_overlap_ends_nobodys() {
    let api = Api::new().await;
    let webhook = api.webhook(json!({ "secret": "one" })).await;
    let rotate = format!("{}/rotate-secret", path(&webhook));
    for (secret, overlap) in [("two", 1_000), ("three", 10)] {
        let body = json!({ "secret": secret, "overlap_seconds": overlap });
        assert_eq!(api.post(&rotate, body).await.status, 200);
    }
    assert_eq!(signing(&api, &webhook, 9).await, ["three", "two", "one"]);
    assert_eq!(signing(&api, &webhook, 999).await, ["three", "one"]);
    assert_eq!(signing(&api, &webhook, 1_000).await, ["three"]);
    for number in 0..6 {
        let body = json!({ "secret": format!("more {number}") });
        assert_eq!(api.post(&rotate, body).await.status, 200);
    }
    let latest = ["more 5", "more 4", "more 3", "more 2", "more 1"];
    assert_eq!(
        signing(&api, &webhook, 0).await,
        latest,
        "so many sign at most"
    );
    let body = json!({ "secret": "at once", "overlap_seconds": 0 });
    assert_eq!(api.post(&rotate, body).await.status, 200);
    assert_eq!(signing(&api, &webhook, 0).await, ["at once"]);
}
