//! Whatever comes in, the answer is the caller's fault or a success, never ours.

use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use serde_json::{Map, Value, json};

use crate::provider::{gateway, twilio};
use crate::support::Api;

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,40}".prop_map(Value::from),
        select(vec![
            "*",
            "label.created",
            "https://example.com/",
            "https://127.1/",
            "whsec_",
            "2026-03-29T00:00:00Z"
        ])
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map(".{0,10}", inner, 0..5)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Bodies of any JSON, most of them objects with the fields that a webhook has.
fn any_body() -> impl Strategy<Value = Value> {
    let field = select(vec![
        "url",
        "events",
        "project_id",
        "description",
        "active",
        "secret",
        "generate_secret",
    ]);
    let fields = prop::collection::vec((field, any_json()), 0..5).prop_map(|fields| {
        let mut object: Map<String, Value> = Map::new();
        object.extend(
            fields
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value)),
        );
        Value::Object(object)
    });
    let almost = (
        any_json(),
        select(vec!["description", "project_id", "secret", "events"]),
    )
        .prop_map(|(value, field)| {
            let mut body = json!({ "url": "https://example.com/", "events": ["*"] });
            body[field] = value;
            body
        });
    prop_oneof![1 => any_json(), 3 => fields, 3 => almost]
}

fn with_api<S: Strategy>(
    cases: u32,
    strategy: S,
    check: impl AsyncFn(&Api, &Value, S::Value) -> Result<(), TestCaseError>,
) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let (api, webhook) = runtime.block_on(async {
        let api = Api::new().await;
        let webhook = api.webhook(json!({})).await;
        (api, webhook)
    });
    let config = Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    };
    TestRunner::new(config)
        .run(&strategy, |value| {
            runtime.block_on(check(&api, &webhook, value))
        })
        .unwrap();
}

#[test]
fn any_json_to_create_or_change_a_webhook_is_taken_or_refused() {
    with_api(300, any_body(), async |api, webhook, body| {
        let created = api.post("/webhooks", body.clone()).await;
        prop_assert!(
            [201, 422].contains(&created.status),
            "{body}: {}",
            created.text()
        );
        let changed = api
            .patch(
                &format!("/webhooks/{}", webhook["id"].as_str().unwrap()),
                body.clone(),
            )
            .await;
        prop_assert!(
            [200, 422].contains(&changed.status),
            "{body}: {}",
            changed.text()
        );
        if created.status == 201 {
            let id = created.json()["id"].as_str().unwrap().to_owned();
            prop_assert_eq!(api.delete(&format!("/webhooks/{id}")).await.status, 204);
        }
        Ok(())
    });
}

/// Bodies for the routes of SMS: good ones with one field changed, inside the nested objects too.
fn almost_any_sms_body() -> impl Strategy<Value = (&'static str, Value)> {
    let good = select(vec![
        ("/sms/provider", twilio(json!({}))),
        ("/sms/provider", gateway(json!({}))),
        (
            "/members/user_1",
            json!({ "name": "A", "phone": "+14155551234" }),
        ),
        (
            "/members/user_1/preferences",
            json!({ "sms": { "mentioned": true } }),
        ),
        (
            "/sms/preview",
            json!({
                "event_type": "mentioned", "summary": "mentions you",
                "item": { "identifier": "ENG-1", "title": "", "url": "https://example.com" }
            }),
        ),
    ]);
    let pointer = select(vec![
        "/type",
        "/account_sid",
        "/auth_token",
        "/from_number",
        "/url",
        "/name",
        "/phone",
        "/sms",
        "/sms/mentioned",
        "/event_type",
        "/summary",
        "/item",
        "/item/identifier",
        "/item/title",
        "/item/url",
    ]);
    let phone = "\\+[0-9]{0,17}".prop_map(Value::from);
    let value = prop_oneof![3 => any_json(), 1 => phone];
    (good, pointer, value).prop_map(|((path, mut body), pointer, value)| {
        if let Some(field) = body.pointer_mut(pointer) {
            *field = value;
        }
        (path, body)
    })
}

#[test]
fn any_json_about_sms_and_members_is_taken_or_refused() {
    with_api(500, almost_any_sms_body(), async |api, _, (path, body)| {
        let method = if path == "/sms/preview" {
            "POST"
        } else {
            "PUT"
        };
        let answer = api.send(method, path, Some(body.clone())).await;
        // Preferences need a member, which an earlier body may have made.
        let expected = answer.status == 404 && path.ends_with("preferences");
        prop_assert!(
            expected || [200, 201, 422].contains(&answer.status),
            "{path} {body}: {}",
            answer.text()
        );
        Ok(())
    });
}

#[test]
fn any_bytes_to_any_route_are_refused_without_a_mistake_of_ours() {
    let routes = select(vec![
        "/webhooks",
        "/webhooks/{id}/test",
        "/webhooks/{id}/rotate-secret",
        "/webhooks/{id}/recover",
        "/events",
        "/api-keys",
        "/sms/preview",
        "/sms/test",
    ]);
    let bytes = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..200),
        "[\\[\\]{}\",:a-z0-9 ]{0,60}".prop_map(String::into_bytes)
    ];
    with_api(
        300,
        (routes, bytes),
        async |api, webhook, (route, bytes)| {
            let path = route.replace("{id}", webhook["id"].as_str().unwrap());
            let answer = api.send_bytes("POST", &path, Some(bytes), None).await;
            prop_assert!(answer.status < 500, "{path}: {}", answer.text());
            Ok(())
        },
    );
}

#[test]
fn any_query_is_taken_or_refused() {
    let lists = select(vec![
        "/webhooks",
        "/api-keys",
        "/members",
        "/webhooks/{id}/deliveries",
    ]);
    let query = prop_oneof![
        "[a-z=&%0-9A-F+_-]{0,40}",
        "(limit|cursor|status|event)=[A-Za-z0-9_%-]{0,60}",
    ];
    with_api(300, (lists, query), async |api, webhook, (list, query)| {
        let path = list.replace("{id}", webhook["id"].as_str().unwrap());
        let answer = api.get(&format!("{path}?{query}")).await;
        prop_assert!(
            [200, 422].contains(&answer.status),
            "{path}?{query}: {}",
            answer.text()
        );
        Ok(())
    });
}
