//! What Twilio says of a provider, and what is in the way of receipts.

use domain::endpoint_url::UrlRules;
use serde_json::{Value, json};

use crate::provider::{gateway, twilio};
use crate::support::{Api, Deployment};
use crate::twilio::{ACCOUNT, API_KEY, API_KEY_SECRET, SERVICE, SHORT_CODE};

const PATH: &str = "/sms/provider";
const CHECKED: &str = "/sms/provider?check=true";

fn codes(check: &Value) -> Vec<&str> {
    let warnings = check["warnings"].as_array().unwrap().iter();
    warnings
        .map(|warning| warning["code"].as_str().unwrap())
        .collect()
}

async fn deployed_at(public_base_url: Option<&'static str>) -> Api {
    Api::deployed(Deployment {
        public_base_url,
        ..Deployment::default()
    })
    .await
}

#[tokio::test(start_paused = true)]
async fn a_good_account_is_saved_with_the_word_that_it_is_good() {
    let api = Api::new().await;
    let key = json!({ "api_key_sid": API_KEY, "api_key_secret": API_KEY_SECRET });
    for fields in [
        json!({}),
        json!({ "from_number": SHORT_CODE }),
        json!({ "from_number": null, "messaging_service_sid": SERVICE }),
        key,
    ] {
        let answer = api.put(CHECKED, twilio(fields)).await;
        assert!(answer.status < 300, "{}", answer.text());
        assert_eq!(
            answer.json()["check"],
            json!({ "ok": true, "warnings": [] })
        );
    }
    let shown = api.get(CHECKED).await.json();
    assert_eq!(shown["check"], json!({ "ok": true, "warnings": [] }));
    assert_eq!(api.get(PATH).await.json().get("check"), None);
}

#[tokio::test(start_paused = true)]
async fn nobody_is_asked_unless_a_check_is_wanted() {
    let api = Api::new().await;
    for path in [PATH, "/sms/provider?check=false"] {
        api.put(path, twilio(json!({}))).await;
        assert_eq!(api.get(path).await.status, 200);
    }
    assert_eq!(api.twilio.asked(), Vec::<String>::new());
    let answer = api.get("/sms/provider?check=yes").await;
    assert_eq!(
        (answer.status, answer.blamed()),
        (422, vec!["check".to_owned()])
    );
    let answer = api.put("/sms/provider?chek=true", twilio(json!({}))).await;
    assert_eq!(
        (answer.status, answer.blamed()),
        (422, vec!["chek".to_owned()])
    );
}

#[tokio::test(start_paused = true)]
async fn what_stops_messages_is_refused_by_field_and_not_saved() {
    let api = Api::new().await;
    let other_account = "ACffffffffffffffffffffffffffffffff";
    let other_service = "MGffffffffffffffffffffffffffffffff";
    for (fields, field) in [
        (json!({ "auth_token": "wrong" }), "auth_token"),
        (json!({ "account_sid": other_account }), "auth_token"),
        (json!({ "from_number": "+14155550101" }), "from_number"),
        // Twilio's list finds numbers by a part of them.
        (json!({ "from_number": "+1415555010" }), "from_number"),
        (json!({ "from_number": "72346" }), "from_number"),
        (
            json!({ "from_number": null, "messaging_service_sid": other_service }),
            "messaging_service_sid",
        ),
        (
            json!({ "api_key_sid": API_KEY, "api_key_secret": "wrong" }),
            "api_key_secret",
        ),
    ] {
        let answer = api.put(CHECKED, twilio(fields.clone())).await;
        assert_eq!(
            (answer.status, answer.blamed()),
            (422, vec![field.to_owned()]),
            "{fields}"
        );
        assert_eq!(api.get(PATH).await.status, 404);
    }
    for status in ["suspended", "closed"] {
        api.twilio.change(|twilio| twilio.status = status);
        let answer = api.put(CHECKED, twilio(json!({}))).await;
        assert_eq!(
            (answer.status, answer.blamed()),
            (422, vec!["account_sid".to_owned()])
        );
    }
    assert_eq!(api.get(PATH).await.status, 404);
}

#[tokio::test(start_paused = true)]
async fn the_secrets_that_are_kept_are_checked() {
    let api = Api::new().await;
    api.put(PATH, twilio(json!({ "auth_token": "wrong" })))
        .await;
    let edit = json!({ "type": "twilio", "account_sid": ACCOUNT, "from_number": SHORT_CODE });
    let answer = api.put(CHECKED, edit).await;
    assert_eq!(
        (answer.status, answer.blamed()),
        (422, vec!["auth_token".to_owned()])
    );
    let shown = api.get(CHECKED).await;
    assert_eq!(shown.status, 200);
    let check = &shown.json()["check"];
    assert_eq!(
        (&check["ok"], &check["problems"][0]["field"]),
        (&json!(false), &json!("auth_token"))
    );
}

#[tokio::test(start_paused = true)]
async fn where_twilio_does_not_answer_nothing_is_saved() {
    let api = Api::new().await;
    let changes: [fn(&mut crate::twilio::Behaviour); 3] = [
        |twilio| twilio.refuses_with = Some(429),
        |twilio| twilio.refuses_with = Some(500),
        |twilio| twilio.silent = true,
    ];
    for change in changes {
        api.twilio.change(change);
        let answer = api.put(CHECKED, twilio(json!({}))).await;
        assert_eq!(
            (answer.status, answer.header("retry-after")),
            (503, Some("1"))
        );
        assert!(
            answer.text().contains("Twilio does not answer"),
            "{}",
            answer.text()
        );
        assert_eq!(api.get(PATH).await.status, 404);
    }
    assert_eq!(api.put(PATH, twilio(json!({}))).await.status, 201);
    assert_eq!(api.get(CHECKED).await.status, 503);
}

#[tokio::test(start_paused = true)]
async fn a_trial_account_is_saved_and_said_to_be_one() {
    let api = Api::new().await;
    api.twilio.change(|twilio| twilio.kind = "Trial");
    let answer = api.put(CHECKED, twilio(json!({}))).await;
    assert_eq!(
        (answer.status, codes(&answer.json()["check"])),
        (201, vec!["trial_account"])
    );
    assert_eq!(api.get(PATH).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn a_base_url_that_twilio_cannot_reach_is_saved_and_said_to_be_one() {
    for (base, code) in [
        (None, "public_base_url_missing"),
        (Some("http://127.0.0.1:3000"), "public_base_url_not_https"),
        (Some("http://example.com"), "public_base_url_not_https"),
        (Some("https://localhost"), "public_base_url_not_public"),
        (Some("https://10.0.0.1"), "public_base_url_not_public"),
        (Some("https://93.184.215.14"), "public_base_url_not_public"),
        (
            Some("https://private.example.com"),
            "public_base_url_not_public",
        ),
        (
            Some("https://mixed.example.com"),
            "public_base_url_not_public",
        ),
        (
            Some("https://nowhere.example.com"),
            "public_base_url_not_resolved",
        ),
        (
            Some("https://silent.example.com"),
            "public_base_url_not_resolved",
        ),
        (Some("nonsense"), "public_base_url_invalid"),
    ] {
        let api = deployed_at(base).await;
        let answer = api.put(CHECKED, twilio(json!({}))).await;
        assert_eq!(answer.status, 201, "{base:?}: {}", answer.text());
        let check = &answer.json()["check"];
        assert_eq!(
            (&check["ok"], codes(check)),
            (&json!(true), vec![code]),
            "{base:?}"
        );
        let shown = api.get(CHECKED).await.json();
        assert_eq!(shown["check"], *check);
    }
}

#[tokio::test(start_paused = true)]
async fn a_deployment_that_allows_private_networks_is_told_all_the_same() {
    let api = Api::deployed(Deployment {
        url_rules: UrlRules {
            allow_plain_http: true,
            allow_private_networks: true,
        },
        public_base_url: Some("https://private.example.com"),
        ..Deployment::default()
    })
    .await;
    let check = api.put(CHECKED, twilio(json!({}))).await.json()["check"].clone();
    assert_eq!(codes(&check), ["public_base_url_not_public"]);
}

#[tokio::test(start_paused = true)]
async fn of_a_gateway_the_host_is_checked_and_nothing_is_sent() {
    let api = deployed_at(None).await;
    let saved = api.put(CHECKED, gateway(json!({}))).await;
    let good = json!({ "ok": true, "warnings": [] });
    assert_eq!((saved.status, &saved.json()["check"]), (201, &good));
    assert_eq!(api.get(CHECKED).await.json()["check"], good);
    assert_eq!(api.twilio.asked(), Vec::<String>::new());
}
