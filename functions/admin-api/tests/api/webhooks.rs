//! Webhooks: create, read, list, change.

use std::collections::BTreeSet;

use domain::catalogue::EventFilter;
use domain::endpoint_url::{EndpointUrl, UrlRules};
use domain::ids::WebhookId;
use domain::webhook::{Activity, DisabledReason, FailureStreak, Lane, Webhook};
use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use platform::store::webhooks::ConfigVersion;
use serde_json::{Value, json};

use crate::support::{Api, WORKSPACE};

fn path(webhook: &Value) -> String {
    format!("/webhooks/{}", webhook["id"].as_str().unwrap())
}

fn stored(number: u128, at: Timestamp) -> Webhook {
    Webhook {
        id: WebhookId::from_random(number.to_be_bytes()),
        workspace: WORKSPACE.parse().unwrap(),
        url: EndpointUrl::parse("https://example.com/hook", UrlRules::default()).unwrap(),
        events: EventFilter::All,
        project_id: None,
        description: None,
        activity: Activity::Active,
        secret: None,
        retiring_secrets: Vec::new(),
        streak: FailureStreak::default(),
        lane: Lane::Slow,
        lane_since: at,
        created_at: at,
        updated_at: at,
    }
}

/// Writes this many webhooks past the API.
async fn store_webhooks(api: &Api, count: u64) {
    for number in 0..count {
        let webhook = stored(u128::from(number), api.now());
        api.store
            .create_webhook(&webhook, ConfigVersion(number))
            .await
            .unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_webhook_has_exactly_the_fields_of_the_interface() {
    let api = Api::new().await;
    let created = api.webhook(json!({})).await;
    let expected = json!({
        "id": created["id"], "url": "https://example.com/hook", "events": ["*"], "project_id": null, "description": null,
        "active": true, "secret_hint": null, "disabled_reason": null, "disabled_at": null, "consecutive_failures": 0,
        "created_at": "2026-03-29T14:30:00Z", "updated_at": "2026-03-29T14:30:00Z"
    });
    assert_eq!(created, expected);
    assert_eq!(api.get(&path(&created)).await.json(), expected);
    assert_eq!(
        api.get("/webhooks").await.json(),
        json!({ "items": [expected], "next_cursor": null })
    );
}

#[tokio::test(start_paused = true)]
async fn a_new_webhook_goes_through_the_slow_lane() {
    let api = Api::new().await;
    let created = api.webhook(json!({})).await;
    let id = created["id"].as_str().unwrap().parse().unwrap();
    let webhook = api
        .store
        .webhook(&WORKSPACE.parse().unwrap(), &id)
        .await
        .unwrap()
        .unwrap()
        .value;
    assert_eq!(
        (webhook.lane, webhook.lane_since),
        (Lane::Slow, webhook.created_at)
    );
}

#[tokio::test(start_paused = true)]
async fn a_patch_changes_what_it_names_and_nothing_else() {
    let api = Api::new().await;
    let webhook = api.webhook(json!({ "project_id": "proj_1", "description": "ours", "secret": "a long enough secret" })).await;
    tokio::time::advance(std::time::Duration::from_secs(60)).await;
    for (patch, field) in [
        (json!({ "url": "https://other.example.com/x" }), "url"),
        (json!({ "events": ["label.created"] }), "events"),
        (json!({ "project_id": "proj_2" }), "project_id"),
        (json!({ "description": "theirs" }), "description"),
        (json!({ "active": false }), "active"),
    ] {
        let before = api.get(&path(&webhook)).await.json();
        let answer = api.patch(&path(&webhook), patch.clone()).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let mut expected = before;
        expected[field] = patch[field].clone();
        expected["updated_at"] = json!("2026-03-29T14:31:00Z");
        assert_eq!(answer.json(), expected, "{field}");
        assert_eq!(api.get(&path(&webhook)).await.json(), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn null_removes_and_an_empty_patch_changes_nothing() {
    let api = Api::new().await;
    let webhook = api
        .webhook(json!({ "project_id": "proj_1", "description": "ours", "secret": "s" }))
        .await;
    tokio::time::advance(std::time::Duration::from_secs(60)).await;
    assert_eq!(api.patch(&path(&webhook), json!({})).await.json(), webhook);
    let nothing = json!({ "project_id": null, "description": null, "secret": null });
    let after = api.patch(&path(&webhook), nothing).await.json();
    for field in ["project_id", "description", "secret_hint"] {
        assert_ne!(webhook[field], Value::Null, "{field}");
        assert_eq!(after[field], Value::Null, "{field}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_product_switched_off_says_why_and_an_edit_switches_it_on() {
    let api = Api::new().await;
    let at = api.now() - SignedDuration::from_hours(1);
    let mut webhook = stored(1, at);
    for number in 1..=3 {
        webhook.count_failed_event(&format!("evt_{number}").parse().unwrap(), at);
    }
    assert!(matches!(
        webhook.activity,
        Activity::Disabled {
            reason: DisabledReason::EventsFailedInARow,
            ..
        }
    ));
    api.store
        .create_webhook(&webhook, ConfigVersion(0))
        .await
        .unwrap();
    let path = format!("/webhooks/{}", webhook.id);
    let shown = api.get(&path).await.json();
    assert_eq!(shown["active"], json!(false));
    assert_eq!(
        shown["disabled_reason"],
        "3 events in a row failed all their attempts"
    );
    assert_eq!(shown["disabled_at"], "2026-03-29T13:30:00Z");
    assert_eq!(shown["consecutive_failures"], 3);
    let on = api.patch(&path, json!({ "active": true })).await.json();
    assert_eq!(
        (&on["active"], &on["disabled_reason"], &on["disabled_at"]),
        (&json!(true), &Value::Null, &Value::Null)
    );
    assert_eq!(on["consecutive_failures"], 0);
}

#[tokio::test(start_paused = true)]
async fn the_1001st_webhook_is_refused_and_the_1000th_is_not() {
    let api = Api::new().await;
    store_webhooks(&api, 999).await;
    api.webhook(json!({})).await;
    let answer = api
        .post(
            "/webhooks",
            json!({ "url": "https://example.com", "events": ["*"] }),
        )
        .await;
    assert_eq!(answer.status, 422);
    assert!(
        answer.text().contains("at most 1000 webhooks"),
        "{}",
        answer.text()
    );
    let other = "/v1/workspaces/ws_2/webhooks";
    assert_eq!(
        api.post(
            other,
            json!({ "url": "https://example.com", "events": ["*"] })
        )
        .await
        .status,
        201
    );
}

#[tokio::test(start_paused = true)]
async fn the_limit_holds_when_many_are_created_at_once() {
    let api = Api::new().await;
    store_webhooks(&api, 997).await;
    let create = || {
        api.post(
            "/webhooks",
            json!({ "url": "https://example.com", "events": ["*"] }),
        )
    };
    let answers = join_all((0..8).map(|_| create())).await;
    let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 201, 201, 422, 422, 422, 422, 422]);
}

#[tokio::test(start_paused = true)]
async fn pages_of_webhooks_follow_each_other_without_gap_or_repetition() {
    let api = Api::new().await;
    store_webhooks(&api, 27).await;
    let first = api.get("/webhooks").await.json();
    assert_eq!(first["items"].as_array().unwrap().len(), 25, "the default");
    let (mut seen, mut pages, mut query) = (BTreeSet::new(), 0, String::new());
    loop {
        let page = api.get(&format!("/webhooks?limit=10{query}")).await.json();
        pages += 1;
        for item in page["items"].as_array().unwrap() {
            assert!(seen.insert(item["id"].as_str().unwrap().to_owned()));
        }
        // An entry that goes meanwhile does not disturb the pages that follow.
        let last = page["items"].as_array().unwrap().last().unwrap();
        assert_eq!(api.delete(&path(last)).await.status, 204);
        match page["next_cursor"].as_str() {
            Some(cursor) => query = format!("&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!((seen.len(), pages), (27, 3));
}

#[tokio::test(start_paused = true)]
async fn a_page_that_is_just_full_ends_the_list() {
    let api = Api::new().await;
    store_webhooks(&api, 10).await;
    let page = api.get("/webhooks?limit=10").await.json();
    assert_eq!(
        (
            page["items"].as_array().unwrap().len(),
            &page["next_cursor"]
        ),
        (10, &Value::Null)
    );
}

#[tokio::test(start_paused = true)]
async fn a_damaged_cursor_is_refused() {
    let api = Api::new().await;
    let webhook = api.webhook(json!({})).await;
    let log = format!("{}/deliveries", path(&webhook));
    for list in ["/webhooks", "/api-keys", &log] {
        for cursor in ["x", "%00", "", "bm9uc2Vuc2U", "====", "ZGx2X3g"] {
            let answer = api.get(&format!("{list}?cursor={cursor}")).await;
            assert_eq!(
                (answer.status, answer.blamed()),
                (422, vec!["cursor".to_owned()]),
                "{list} {cursor}"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn edits_at_the_same_moment_all_take_effect() {
    let api = Api::new().await;
    let webhook = api.webhook(json!({})).await;
    let path = path(&webhook);
    let edits = [
        json!({ "description": "d" }),
        json!({ "project_id": "p" }),
        json!({ "events": ["label.created"] }),
        json!({ "url": "https://other.example.com/" }),
        json!({ "secret": "0123456789ab" }),
    ];
    let answers = join_all(edits.into_iter().map(|edit| api.patch(&path, edit))).await;
    assert!(answers.iter().all(|answer| answer.status == 200));
    let after = api.get(&path).await.json();
    assert_eq!(
        (
            &after["description"],
            &after["project_id"],
            &after["events"],
            &after["url"],
            &after["secret_hint"]
        ),
        (
            &json!("d"),
            &json!("p"),
            &json!(["label.created"]),
            &json!("https://other.example.com/"),
            &json!("••••89ab")
        )
    );
}

#[tokio::test(start_paused = true)]
async fn a_webhook_that_does_not_exist_can_not_be_read_changed_or_deleted() {
    let api = Api::new().await;
    let path = "/webhooks/wh_00000000000000000000000000";
    for (method, path, body) in [
        ("GET", path.to_owned(), None),
        ("PATCH", path.to_owned(), Some(json!({ "active": false }))),
        ("DELETE", path.to_owned(), None),
        ("POST", format!("{path}/test"), Some(json!({}))),
        ("POST", format!("{path}/rotate-secret"), Some(json!({}))),
        (
            "POST",
            format!("{path}/recover"),
            Some(json!({ "since": "2026-03-29T00:00:00Z" })),
        ),
        ("GET", format!("{path}/deliveries"), None),
        (
            "GET",
            format!("{path}/deliveries/dlv_000000000000000000000000000000"),
            None,
        ),
        (
            "POST",
            format!("{path}/deliveries/dlv_000000000000000000000000000000/resend"),
            None,
        ),
    ] {
        assert_eq!(
            api.send(method, &path, body).await.status,
            404,
            "{method} {path}"
        );
    }
    assert!(api.jobs().await.is_empty(), "no job is asked for either");
}
