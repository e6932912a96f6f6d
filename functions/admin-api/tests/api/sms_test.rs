//! Sending a test message.

use std::time::Duration;

use domain::secret::SealedSecret;
use domain::sms::member::{Member, Preferences};
use domain::sms::provider::{Carrier, Gateway, Provider, ProviderConfig, TwilioAccount};
use domain::sms::segments::MaxSegments;
use domain::sms::sender::TwilioSender;
use platform::store::Versioned;
use serde_json::{Value, json};

use crate::support::{Answer, Api, WORKSPACE};

const PHONE: &str = "+14155551234";

fn sealed() -> SealedSecret {
    SealedSecret {
        ciphertext: vec![1],
        hint: None,
    }
}

/// Puts a provider into the workspace, as if it had been configured.
async fn provide(api: &Api, carrier: Carrier) {
    let current = Provider {
        carrier,
        max_segments: MaxSegments::default(),
        created_at: api.now(),
        updated_at: api.now(),
    };
    let config = Versioned {
        value: ProviderConfig {
            current: Some(current),
            retired: Vec::new(),
        },
        rev: 0,
    };
    let workspace = WORKSPACE.parse().unwrap();
    api.store.save_provider(&workspace, &config).await.unwrap();
}

async fn provide_twilio(api: &Api) {
    let account = TwilioAccount {
        account: "AC00000000000000000000000000000001".parse().unwrap(),
        sender: TwilioSender::Number("+14155550100".parse().unwrap()),
        auth_token: sealed(),
        api_key: None,
    };
    provide(api, Carrier::Twilio(account)).await;
}

/// `user_1`, whom the keys of the tests stand for.
async fn register(api: &Api, phone: Option<&str>) {
    register_as(api, "user_1", phone).await;
}

async fn register_as(api: &Api, user: &str, phone: Option<&str>) {
    let member = Member {
        workspace: WORKSPACE.parse().unwrap(),
        id: user.parse().unwrap(),
        name: "Carol".to_owned(),
        phone: phone.map(|phone| phone.parse().unwrap()),
        preferences: Preferences::default(),
        created_at: api.now(),
        updated_at: api.now(),
    };
    api.store.create_member(&member).await.unwrap();
}

async fn as_role(api: &Api, role: &str) -> Api {
    api.with_key(Some(&api.key(WORKSPACE, role).await))
}

async fn test(api: &Api, body: Value) -> Answer {
    api.post("/sms/test", body).await
}

async fn history(api: &Api) -> Vec<Value> {
    let page = api.get("/history").await.json();
    page["items"].as_array().unwrap().clone()
}

#[tokio::test(start_paused = true)]
async fn a_test_to_a_number_is_queued_and_its_wake_up_follows_in_two_seconds() {
    let api = Api::new().await;
    provide_twilio(&api).await;
    let answer = test(&api, json!({ "to": PHONE })).await;
    assert_eq!(answer.status, 202, "{}", answer.text());
    let id = answer.json()["delivery_id"].as_str().unwrap().to_owned();
    let entry = api.get(&format!("/history/{id}")).await.json();
    let text = "SetGet Alert: [Test] Work item ENG-42 \"Fix login redirect\" priority changed to Urgent.\n\
                View: https://app.setget.io/engineering/issues/ENG-42";
    let expected = json!({
        "id": id, "channel": "sms", "provider": "twilio", "sender": "+14155550100",
        "recipient": { "user_id": null, "name": null, "phone": PHONE },
        "type": "priority_changed", "entity": "ENG-42: Fix login redirect", "status": "queued", "test": true,
        "provider_message_id": null, "encoding": "GSM-7", "segments": 1, "error": null,
        "created_at": "2026-03-29T14:30:00Z", "text": text,
        "timeline": [{ "at": "2026-03-29T14:30:00Z", "status": "queued", "source": "service", "code": null }]
    });
    assert_eq!(entry, expected);
    assert_eq!(api.receive_json("SmsQueue").await, Vec::<Value>::new());
    tokio::time::advance(Duration::from_secs(2)).await;
    let wake_up = json!({ "workspace": WORKSPACE, "delivery": id });
    assert_eq!(api.receive_json("SmsQueue").await, [wake_up]);
}

#[tokio::test(start_paused = true)]
async fn each_test_is_a_message_of_its_own() {
    let api = Api::new().await;
    provide_twilio(&api).await;
    let first = test(&api, json!({ "to": PHONE })).await.json();
    let second = test(&api, json!({ "to": PHONE })).await.json();
    assert_ne!(first, second);
    assert_eq!(history(&api).await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn without_a_number_it_goes_to_the_callers_own() {
    let api = Api::new().await;
    provide_twilio(&api).await;
    register(&api, Some(PHONE)).await;
    for role in ["admin", "member"] {
        let api = as_role(&api, role).await;
        let no_body = api.send("POST", "/sms/test", None).await;
        for answer in [
            no_body,
            test(&api, json!({})).await,
            test(&api, json!({ "to": PHONE })).await,
        ] {
            assert_eq!(answer.status, 202, "{role}: {}", answer.text());
        }
    }
    let own = json!({ "user_id": "user_1", "name": "Carol", "phone": PHONE });
    let recipients: Vec<_> = history(&api)
        .await
        .iter()
        .map(|row| row["recipient"].clone())
        .collect();
    assert_eq!(recipients, vec![own; 6]);
}

#[tokio::test(start_paused = true)]
async fn members_test_their_own_number_only() {
    let api = Api::new().await;
    provide_twilio(&api).await;
    let member = as_role(&api, "member").await;
    assert_eq!(test(&member, json!({ "to": PHONE })).await.status, 403);
    register(&api, Some(PHONE)).await;
    assert_eq!(
        test(&member, json!({ "to": "+14155552671" })).await.status,
        403
    );
    let publisher = as_role(&api, "publisher").await;
    assert_eq!(test(&publisher, json!({ "to": PHONE })).await.status, 403);
    assert_eq!(history(&api).await, Vec::<Value>::new());
}

#[tokio::test(start_paused = true)]
async fn where_there_is_no_own_number_the_answer_says_what_to_do() {
    let api = Api::new().await;
    provide_twilio(&api).await;
    let (admin, member) = (as_role(&api, "admin").await, as_role(&api, "member").await);
    let of_nobody = test(&api, json!({})).await;
    assert!(of_nobody.text().contains("stands for no member"));
    let unknown = [
        test(&admin, json!({})).await,
        test(&member, json!({})).await,
    ];
    register(&api, None).await;
    let without_phone = [
        test(&admin, json!({})).await,
        test(&member, json!({})).await,
    ];
    for answer in unknown.iter().chain(&without_phone) {
        assert!(
            answer.text().contains("PUT …/members/{user_id}"),
            "{}",
            answer.text()
        );
    }
    for answer in unknown.iter().chain(&without_phone).chain([&of_nobody]) {
        assert_eq!(
            (answer.status, answer.blamed()),
            (422, vec!["to".to_owned()])
        );
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_provider_the_answer_says_what_to_do() {
    let api = Api::new().await;
    let answer = test(&api, json!({ "to": PHONE })).await;
    assert_eq!(answer.status, 409);
    assert!(
        answer.text().contains("PUT …/sms/provider"),
        "{}",
        answer.text()
    );
    assert!(api.receive("SmsQueue").await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_number_in_another_form_is_refused_and_not_repeated() {
    let api = Api::new().await;
    provide_twilio(&api).await;
    for to in [
        "14155551234",
        "(415) 555-1234",
        "+1 415 555 1234",
        "",
        "+0155551234",
    ] {
        let answer = test(&api, json!({ "to": to })).await;
        assert_eq!(
            (answer.status, answer.blamed()),
            (422, vec!["to".to_owned()]),
            "{to}"
        );
        assert!(
            answer.text().contains("such as +14155551234"),
            "{}",
            answer.text()
        );
        assert!(to.is_empty() || !answer.text().contains(&format!(" {to} ")));
    }
    assert_eq!(test(&api, json!({ "to": null })).await.status, 422);
    assert_eq!(
        test(&api, json!({ "to": PHONE, "text": "x" }))
            .await
            .blamed(),
        ["text"]
    );
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_woken_is_not_written() {
    let api = Api::new().await;
    provide_twilio(&api).await;
    let queue = api.aws.queue_url("SmsQueue");
    api.sqs
        .delete_queue()
        .queue_url(queue)
        .send()
        .await
        .unwrap();
    assert_eq!(test(&api, json!({ "to": PHONE })).await.status, 503);
    assert_eq!(history(&api).await, Vec::<Value>::new());
}

#[tokio::test(start_paused = true)]
async fn a_gateways_test_shows_its_url_without_the_secret() {
    let api = Api::new().await;
    let gateway = Gateway {
        url: sealed(),
        shown_url: "https://gw.example.com/send?***".to_owned(),
        idempotent: false,
        signing_secret: None,
    };
    provide(&api, Carrier::Http(gateway)).await;
    assert_eq!(test(&api, json!({ "to": PHONE })).await.status, 202);
    let row = &history(&api).await[0];
    assert_eq!(
        (&row["provider"], &row["sender"]),
        (&json!("http"), &json!("https://gw.example.com/send?***"))
    );
}

#[tokio::test(start_paused = true)]
async fn who_tests_too_often_is_told_when_to_try_again_and_keeps_nobody_else_from_it() {
    let api = Api::new().await;
    provide_twilio(&api).await;
    register(&api, Some(PHONE)).await;
    let (admin, member) = (as_role(&api, "admin").await, as_role(&api, "member").await);
    for (key, at_once, every) in [(&member, 5, 600), (&admin, 20, 60)] {
        for _ in 0..at_once {
            assert_eq!(test(key, json!({})).await.status, 202);
        }
        let before = wake_ups(&api);
        let refused = test(key, json!({})).await;
        assert_eq!(refused.status, 429, "{}", refused.text());
        assert!(refused.text().contains("Retry-After"), "{}", refused.text());
        let wait = every.to_string();
        assert_eq!(refused.header("retry-after"), Some(wait.as_str()));
        assert_eq!(wake_ups(&api), before, "nothing is sent");
        tokio::time::advance(Duration::from_secs(every)).await;
        assert_eq!(test(key, json!({})).await.status, 202);
        assert_eq!(test(key, json!({})).await.status, 429);
    }
    // The operator is one of those who administer; another member is nobody else.
    assert_eq!(test(&api, json!({ "to": PHONE })).await.status, 429);
    register_as(&api, "user_2", Some("+14155552671")).await;
    let other = api.key_of(WORKSPACE, "member", Some("user_2")).await;
    let of_another_member = test(&api.with_key(Some(&other)), json!({})).await;
    assert_eq!(of_another_member.status, 202);
}

/// The wake-ups that were sent, whether delayed or not.
fn wake_ups(api: &Api) -> usize {
    let counts = api
        .aws
        .sqs()
        .counts(&api.aws.queue_url("SmsQueue"))
        .unwrap();
    counts.visible + counts.in_flight + counts.delayed
}

#[tokio::test(start_paused = true)]
async fn of_tests_at_the_same_time_each_is_counted_and_none_is_an_error() {
    let api = Api::new().await;
    provide_twilio(&api).await;
    register(&api, Some(PHONE)).await;
    let member = as_role(&api, "member").await;
    let tests = (0..12).map(|_| test(&member, json!({})));
    let mut answers: Vec<_> = futures::future::join_all(tests).await;
    answers.sort_unstable_by_key(|answer| answer.status);
    let statuses: Vec<_> = answers.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses, [[202; 5].as_slice(), &[429; 7]].concat());
}
