//! Who carries messages: the resource, its rules, its secrets.

use domain::sms::provider::{Carrier, ProviderConfig};
use futures::future::join_all;
use platform::secrets::Purpose;
use serde_json::{Value, json};

use crate::boundary::{logged, start_log};
use crate::support::{Answer, Api, WORKSPACE};
use crate::twilio::{ACCOUNT, API_KEY, API_KEY_SECRET, NUMBER, SERVICE, TOKEN};

const PATH: &str = "/sms/provider";
const OTHER_ACCOUNT: &str = "ACffffffffffffffffffffffffffffffff";
const GATEWAY: &str = "https://example.com/send?token=canary-in-the-query";
const SIGNING_SECRET: &str = "canary-signing-secret";

/// A Twilio provider with these fields besides, `null` ones left out.
pub(crate) fn twilio(fields: Value) -> Value {
    let body = json!({
        "type": "twilio", "account_sid": ACCOUNT, "auth_token": TOKEN, "from_number": NUMBER
    });
    with(body, fields)
}

pub(crate) fn gateway(fields: Value) -> Value {
    with(json!({ "type": "http", "url": GATEWAY }), fields)
}

fn with(mut body: Value, fields: Value) -> Value {
    body.as_object_mut()
        .unwrap()
        .extend(fields.as_object().unwrap().clone());
    body
}

fn without(mut body: Value, fields: &[&str]) -> Value {
    for field in fields {
        body.as_object_mut().unwrap().remove(*field);
    }
    body
}

async fn put(api: &Api, body: Value) -> Value {
    let answer = api.put(PATH, body).await;
    assert!(answer.status < 300, "{}", answer.text());
    answer.json()
}

async fn stored(api: &Api) -> ProviderConfig {
    let workspace = WORKSPACE.parse().unwrap();
    api.store.provider(&workspace).await.unwrap().value
}

/// The auth tokens that receipts of the account are taken with now, in clear.
async fn tokens(api: &Api, account: &str) -> Vec<String> {
    let (config, account) = (stored(api).await, account.parse().unwrap());
    let mut tokens = Vec::new();
    for sealed in config.auth_tokens(&account, api.now()) {
        let purpose = Purpose::TwilioAuthToken;
        let workspace = WORKSPACE.parse().unwrap();
        let token = api.secrets.open_text(&workspace, purpose, sealed).await;
        tokens.push(token.unwrap().expose().to_owned());
    }
    tokens
}

/// The gateway's URL and signing secret in clear.
async fn gateway_secrets(api: &Api) -> (String, Option<String>) {
    let Some(Carrier::Http(gateway)) = stored(api).await.current.map(|provider| provider.carrier)
    else {
        panic!("no gateway");
    };
    let open = |purpose, sealed| {
        let api = api.clone();
        async move {
            let workspace = WORKSPACE.parse().unwrap();
            let text = api.secrets.open_text(&workspace, purpose, &sealed).await;
            text.unwrap().expose().to_owned()
        }
    };
    let url = open(Purpose::GatewayUrl, gateway.url).await;
    let secret = match gateway.signing_secret {
        Some(sealed) => Some(open(Purpose::GatewaySecret, sealed).await),
        None => None,
    };
    (url, secret)
}

#[tokio::test(start_paused = true)]
async fn there_is_none_until_one_is_put_and_none_once_it_is_deleted() {
    let api = Api::new().await;
    assert_eq!(api.get(PATH).await.status, 404);
    assert_eq!(api.delete(PATH).await.status, 404);
    let created = api.put(PATH, twilio(json!({}))).await;
    assert_eq!(created.status, 201);
    assert_eq!(
        created.json(),
        json!({
            "type": "twilio", "account_sid": ACCOUNT, "from_number": NUMBER, "messaging_service_sid": null,
            "auth_token_set": true, "api_key_sid": null, "api_key_secret_set": false, "max_segments": 2,
            "created_at": "2026-03-29T14:30:00Z", "updated_at": "2026-03-29T14:30:00Z"
        })
    );
    assert_eq!(api.get(PATH).await.json(), created.json());
    assert_eq!(api.put(PATH, gateway(json!({}))).await.status, 200);
    assert_eq!(
        api.get(PATH).await.json(),
        json!({
            "type": "http", "url": "https://example.com/send?***", "idempotent": false, "signing_secret_set": false,
            "max_segments": 2, "created_at": "2026-03-29T14:30:00Z", "updated_at": "2026-03-29T14:30:00Z"
        })
    );
    assert_eq!(api.delete(PATH).await.status, 204);
    assert_eq!(api.get(PATH).await.status, 404);
    assert_eq!(api.delete(PATH).await.status, 404);
}

#[tokio::test(start_paused = true)]
async fn every_part_of_a_twilio_account_has_its_rule() {
    let api = Api::new().await;
    for (fields, blamed) in [
        (json!({ "account_sid": "AC1" }), "account_sid"),
        (json!({ "account_sid": SERVICE }), "account_sid"),
        (json!({ "auth_token": "" }), "auth_token"),
        (json!({ "auth_token": "with space" }), "auth_token"),
        (json!({ "auth_token": "é" }), "auth_token"),
        (json!({ "auth_token": "a".repeat(129) }), "auth_token"),
        (json!({ "auth_token": null }), "auth_token"),
        (json!({ "from_number": null }), "from_number"),
        (json!({ "from_number": "14155551234" }), "from_number"),
        (json!({ "from_number": "(415) 555-1234" }), "from_number"),
        (json!({ "from_number": "12" }), "from_number"),
        (
            json!({ "messaging_service_sid": SERVICE }),
            "messaging_service_sid",
        ),
        (
            json!({ "from_number": null, "messaging_service_sid": "MG1" }),
            "messaging_service_sid",
        ),
        (json!({ "api_key_sid": API_KEY }), "api_key_secret"),
        (json!({ "api_key_secret": API_KEY_SECRET }), "api_key_sid"),
        (
            json!({ "api_key_sid": null, "api_key_secret": API_KEY_SECRET }),
            "api_key_sid",
        ),
        (
            json!({ "api_key_sid": API_KEY, "api_key_secret": null }),
            "api_key_secret",
        ),
        (
            json!({ "api_key_sid": "SK1", "api_key_secret": API_KEY_SECRET }),
            "api_key_sid",
        ),
        (json!({ "max_segments": 0 }), "max_segments"),
        (json!({ "max_segments": 11 }), "max_segments"),
        (json!({ "max_segments": 1.5 }), "max_segments"),
        (json!({ "url": GATEWAY }), "url"),
        (json!({ "signing_secret": "s" }), "signing_secret"),
        (json!({ "idempotent": true }), "idempotent"),
        (json!({ "type": "vonage" }), "type"),
    ] {
        let answer = api.put(PATH, twilio(fields.clone())).await;
        assert_eq!(
            (answer.status, answer.blamed()),
            (422, vec![blamed.to_owned()]),
            "{fields}"
        );
    }
    assert_eq!(api.get(PATH).await.status, 404, "nothing was saved");
    for fields in [
        json!({ "from_number": "72345", "max_segments": 10, "auth_token": "~".repeat(128) }),
        json!({ "from_number": null, "messaging_service_sid": SERVICE }),
        json!({ "api_key_sid": API_KEY, "api_key_secret": API_KEY_SECRET }),
    ] {
        put(&api, twilio(fields)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_number_in_another_form_is_refused_with_the_right_form() {
    let api = Api::new().await;
    for number in ["14155559876", "(415) 555-9876"] {
        let answer = api
            .put(PATH, twilio(json!({ "from_number": number })))
            .await;
        assert!(
            answer.text().contains("such as +14155551234"),
            "{}",
            answer.text()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn every_part_of_a_gateway_has_its_rule() {
    let api = Api::new().await;
    for (fields, blamed) in [
        (json!({ "url": "http://example.com/" }), "url"),
        (json!({ "url": "https://user@example.com/" }), "url"),
        (json!({ "url": "https://127.0.0.1/" }), "url"),
        (json!({ "url": "https://private.example.com/" }), "url"),
        (json!({ "url": "https://nowhere.example.com/" }), "url"),
        (json!({ "url": "https://silent.example.com/" }), "url"),
        (json!({ "url": null }), "url"),
        (json!({ "idempotent": null }), "idempotent"),
        (json!({ "signing_secret": "" }), "signing_secret"),
        (
            json!({ "signing_secret": "é".repeat(257) }),
            "signing_secret",
        ),
        (json!({ "auth_token": TOKEN }), "auth_token"),
        (json!({ "from_number": NUMBER }), "from_number"),
    ] {
        let answer = api.put(PATH, gateway(fields.clone())).await;
        assert_eq!(
            (answer.status, answer.blamed()),
            (422, vec![blamed.to_owned()]),
            "{fields}"
        );
    }
    let answer = api.put(PATH, json!({ "type": "http" })).await;
    assert_eq!(
        (answer.status, answer.blamed()),
        (422, vec!["url".to_owned()])
    );
    let all = json!({ "signing_secret": SIGNING_SECRET, "idempotent": true, "max_segments": 1 });
    let view = put(&api, gateway(all)).await;
    assert_eq!(
        (
            &view["idempotent"],
            &view["signing_secret_set"],
            &view["max_segments"]
        ),
        (&json!(true), &json!(true), &json!(1))
    );
    let secrets = (GATEWAY.to_owned(), Some(SIGNING_SECRET.to_owned()));
    assert_eq!(gateway_secrets(&api).await, secrets);
}

#[tokio::test(start_paused = true)]
async fn secrets_of_the_same_account_may_be_left_out_and_stay() {
    let api = Api::new().await;
    let key = json!({ "api_key_sid": API_KEY, "api_key_secret": API_KEY_SECRET });
    put(&api, twilio(key)).await;
    tokio::time::advance(std::time::Duration::from_secs(60)).await;
    let edit = without(twilio(json!({ "max_segments": 5 })), &["auth_token"]);
    let view = put(&api, edit.clone()).await;
    assert_eq!(
        (
            &view["max_segments"],
            &view["api_key_sid"],
            &view["updated_at"],
            &view["created_at"]
        ),
        (
            &json!(5),
            &json!(API_KEY),
            &json!("2026-03-29T14:31:00Z"),
            &json!("2026-03-29T14:30:00Z")
        )
    );
    assert_eq!(tokens(&api, ACCOUNT).await, [TOKEN]);

    let same_key = with(edit.clone(), json!({ "api_key_sid": API_KEY }));
    assert_eq!(put(&api, same_key).await["api_key_secret_set"], true);
    let other_key = format!("SK{}", "e".repeat(32));
    let answer = api
        .put(
            PATH,
            with(edit.clone(), json!({ "api_key_sid": other_key })),
        )
        .await;
    assert_eq!(
        (answer.status, answer.blamed()),
        (422, vec!["api_key_secret".to_owned()])
    );
    let removed = put(&api, with(edit.clone(), json!({ "api_key_sid": null }))).await;
    assert_eq!(
        (&removed["api_key_sid"], &removed["api_key_secret_set"]),
        (&json!(null), &json!(false))
    );

    let other = with(edit, json!({ "account_sid": OTHER_ACCOUNT }));
    let answer = api.put(PATH, other).await;
    assert_eq!(
        (answer.status, answer.blamed()),
        (422, vec!["auth_token".to_owned()])
    );
}

#[tokio::test(start_paused = true)]
async fn a_gateways_secrets_may_be_left_out_and_stay() {
    let api = Api::new().await;
    put(&api, gateway(json!({ "signing_secret": SIGNING_SECRET }))).await;
    put(&api, json!({ "type": "http", "max_segments": 3 })).await;
    let kept = (GATEWAY.to_owned(), Some(SIGNING_SECRET.to_owned()));
    assert_eq!(gateway_secrets(&api).await, kept);
    let moved = json!({ "type": "http", "url": "https://other.example.com/?a" });
    assert_eq!(
        put(&api, moved).await["url"],
        "https://other.example.com/?***"
    );
    put(&api, json!({ "type": "http", "signing_secret": null })).await;
    let bare = ("https://other.example.com/?a".to_owned(), None);
    assert_eq!(gateway_secrets(&api).await, bare);

    put(&api, twilio(json!({}))).await;
    let answer = api.put(PATH, json!({ "type": "http" })).await;
    assert_eq!(
        (answer.status, answer.blamed()),
        (422, vec!["url".to_owned()])
    );
}

#[tokio::test(start_paused = true)]
async fn a_token_that_is_given_up_stays_good_for_receipts_for_72_hours() {
    let api = Api::new().await;
    put(&api, twilio(json!({}))).await;
    put(&api, twilio(json!({ "auth_token": "second" }))).await;
    assert_eq!(tokens(&api, ACCOUNT).await, ["second", TOKEN]);
    let other = json!({ "account_sid": OTHER_ACCOUNT, "auth_token": "other" });
    put(&api, twilio(other)).await;
    assert_eq!(tokens(&api, ACCOUNT).await, ["second", TOKEN]);
    assert_eq!(api.delete(PATH).await.status, 204);
    assert_eq!(tokens(&api, OTHER_ACCOUNT).await, ["other"]);
    tokio::time::advance(std::time::Duration::from_secs(72 * 60 * 60)).await;
    assert!(tokens(&api, ACCOUNT).await.is_empty() && tokens(&api, OTHER_ACCOUNT).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_same_request_again_changes_nothing_and_retires_no_token() {
    let api = Api::new().await;
    let key = json!({ "api_key_sid": API_KEY, "api_key_secret": API_KEY_SECRET });
    let signed = json!({ "signing_secret": SIGNING_SECRET });
    for body in [twilio(key), gateway(signed)] {
        let first = put(&api, body.clone()).await;
        let config = stored(&api).await;
        tokio::time::advance(std::time::Duration::from_secs(60)).await;
        assert_eq!(put(&api, body).await, first);
        assert_eq!(stored(&api).await, config);
    }
}

#[tokio::test(start_paused = true)]
async fn providers_put_at_the_same_time_end_as_one_of_them_and_no_token_is_lost() {
    let api = Api::new().await;
    let put = |number: u32| {
        let api = api.clone();
        let body =
            twilio(json!({ "auth_token": format!("token-{number}"), "max_segments": number }));
        async move { api.put(PATH, body).await.status }
    };
    let mut statuses = join_all((1..=6).map(put)).await;
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 200, 200, 200, 200, 201]);
    let segments = api.get(PATH).await.json()["max_segments"].clone();
    let mut tokens = tokens(&api, ACCOUNT).await;
    assert_eq!(tokens[0], format!("token-{segments}"));
    tokens.sort_unstable();
    let all: Vec<_> = (1..=6).map(|number| format!("token-{number}")).collect();
    assert_eq!(tokens, all);
}

#[tokio::test(start_paused = true)]
async fn no_answer_no_log_and_no_item_shows_a_secret() {
    let api = Api::new().await;
    start_log();
    let key = json!({ "api_key_sid": API_KEY, "api_key_secret": API_KEY_SECRET });
    let signed = json!({ "signing_secret": SIGNING_SECRET, "max_segments": 1 });
    let checked = format!("{PATH}?check=true");
    let mut answers: Vec<Answer> = vec![api.put(&checked, twilio(key.clone())).await];
    api.twilio.change(|twilio| twilio.refuses_with = Some(401));
    answers.push(api.put(&checked, twilio(key.clone())).await);
    answers.push(api.get(&checked).await);
    api.twilio.change(|twilio| twilio.silent = true);
    answers.push(api.put(&checked, twilio(key.clone())).await);
    answers.push(
        api.put(PATH, with(twilio(key), json!({ "url": GATEWAY })))
            .await,
    );
    for field in [
        "auth_token",
        "api_key_secret",
        "account_sid",
        "from_number",
        "type",
    ] {
        answers.push(api.put(PATH, twilio(json!({ field: [TOKEN] }))).await);
        answers.push(
            api.put(PATH, twilio(json!({ field: format!("{TOKEN} ") })))
                .await,
        );
    }
    for field in ["url", "signing_secret", "idempotent"] {
        answers.push(
            api.put(
                PATH,
                gateway(json!({ field: format!("ftp://canary {SIGNING_SECRET}").repeat(20) })),
            )
            .await,
        );
    }
    let private = json!({ "url": "https://private.example.com/?token=canary" });
    answers.push(api.put(PATH, gateway(private)).await);
    let items = format!(
        "{:?}",
        api.db
            .scan()
            .table_name("Table")
            .send()
            .await
            .unwrap()
            .items()
    );
    answers.push(api.put(&checked, gateway(signed)).await);
    answers.push(api.get(&checked).await);
    answers.push(api.get(PATH).await);
    let more = format!(
        "{:?}",
        api.db
            .scan()
            .table_name("Table")
            .send()
            .await
            .unwrap()
            .items()
    );
    for answer in &answers {
        assert!(!answer.text().contains("canary"), "{}", answer.text());
    }
    assert!(items.contains("auth_token") && more.contains("signing_secret"));
    let log = logged();
    assert_eq!(log.len(), answers.len());
    for text in [items, more, format!("{log:?}")] {
        assert!(!text.contains("canary"), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn another_workspaces_provider_is_not_there() {
    let api = Api::new().await;
    put(&api, twilio(json!({}))).await;
    let foreign = api.with_key(Some(&api.key("ws_2", "admin").await));
    assert_eq!(foreign.get(PATH).await.status, 404);
    assert_eq!(foreign.put(PATH, twilio(json!({}))).await.status, 404);
    assert_eq!(foreign.delete(PATH).await.status, 404);
    assert_eq!(api.get(PATH).await.status, 200);
    assert_eq!(
        foreign.get("/v1/workspaces/ws_2/sms/provider").await.status,
        404
    );
}
