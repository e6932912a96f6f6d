//! Whatever comes in, the answer is the caller's fault or a success, never ours.

use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use serde_json::{Map, Value, json};

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

#[test]
fn any_bytes_to_any_route_are_refused_without_a_mistake_of_ours() {
    let routes = select(vec![
        "/webhooks",
        "/webhooks/{id}/test",
        "/webhooks/{id}/rotate-secret",
        "/webhooks/{id}/recover",
        "/events",
        "/api-keys",
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
    let lists = select(vec!["/webhooks", "/api-keys", "/webhooks/{id}/deliveries"]);
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
