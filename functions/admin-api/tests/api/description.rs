//! The OpenAPI description.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use crate::support::Api;

fn description() -> Value {
    serde_json::to_value(admin_api::description()).unwrap()
}

/// Method and path of every described operation.
pub(crate) fn operations() -> BTreeSet<(String, String)> {
    let description = description();
    let mut operations = BTreeSet::new();
    for (path, item) in description["paths"].as_object().unwrap() {
        let methods = item.as_object().unwrap().keys();
        operations.extend(methods.map(|method| (method.to_uppercase(), path.clone())));
    }
    operations
}

#[test]
fn the_description_is_the_one_that_was_reviewed() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.json");
    let current = serde_json::to_string_pretty(&description()).unwrap() + "\n";
    if std::env::var_os("UPDATE_SNAPSHOT").is_some() {
        std::fs::write(&path, &current).unwrap();
    }
    let reviewed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        current == reviewed,
        "the description has changed: review it, then run the test with UPDATE_SNAPSHOT=1"
    );
}

#[tokio::test(start_paused = true)]
async fn the_description_is_served_to_anybody() {
    let api = Api::new().await;
    let answer = api.with_key(None).get("/v1/openapi.json").await;
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (200, Some("application/json"))
    );
    assert_eq!(answer.json(), description());
}

#[tokio::test(start_paused = true)]
async fn every_described_route_is_one_and_its_path_takes_no_other_method() {
    let api = Api::new().await.with_key(None);
    let operations = operations();
    for (_, path) in &operations {
        let real = path
            .replace("{webhook_id}", "wh_00000000000000000000000000")
            .replace("{delivery_id}", "dlv_000000000000000000000000000000")
            .replace("{key_id}", "key_00000000000000000000000000")
            .replace("{user_id}", "user_1")
            .replace("{workspace_id}", "ws_1");
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
            let described = operations.contains(&(method.to_owned(), path.clone()));
            let answer = api.send(method, &real, None).await;
            assert_eq!(
                answer.status != 405,
                described,
                "{method} {path}: {}",
                answer.status
            );
            assert_ne!(answer.status, 404, "{method} {path}");
        }
    }
}

#[test]
fn every_operation_behind_a_key_says_so_and_describes_its_refusals() {
    for (method, path) in operations() {
        let operation = &description()["paths"][&path][method.to_lowercase()];
        let behind_a_key = path.contains("{workspace_id}");
        assert_eq!(
            operation["security"].is_array(),
            behind_a_key,
            "{method} {path}"
        );
        let answers: BTreeSet<&str> = operation["responses"]
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        let mut expected = Vec::new();
        if behind_a_key {
            expected.extend(["401", "403", "404", "503"]);
        }
        if operation.get("requestBody").is_some() {
            expected.extend(["400", "413", "415", "422"]);
        }
        assert!(
            expected.iter().all(|status| answers.contains(status)),
            "{method} {path}: {answers:?}"
        );
    }
}

#[test]
fn every_reference_leads_to_a_schema() {
    let description = description();
    let mut references = Vec::new();
    collect(&description, &mut references);
    assert!(!references.is_empty());
    for reference in references {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(description.pointer(pointer).is_some(), "{reference}");
    }
}

/// Every object below a schema, references followed.
fn objects<'a>(schema: &'a Value, description: &'a Value, found: &mut Vec<&'a Value>) {
    if let Some(reference) = schema["$ref"].as_str() {
        let referred = description.pointer(reference.strip_prefix('#').unwrap());
        return objects(referred.unwrap(), description, found);
    }
    if schema["properties"].is_object() {
        found.push(schema);
    }
    let properties = schema["properties"].as_object().into_iter().flatten();
    let either = schema["oneOf"].as_array().into_iter().flatten();
    for inner in properties.map(|(_, property)| property).chain(either) {
        objects(inner, description, found);
    }
}

#[test]
fn every_body_that_is_read_strictly_says_so() {
    let description = description();
    let mut found = Vec::new();
    for (method, path) in operations() {
        let operation = &description["paths"][&path][method.to_lowercase()];
        let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
        if !path.ends_with("/events") {
            objects(schema, &description, &mut found);
        }
    }
    assert!(found.len() > 10);
    for schema in found {
        assert_eq!(schema["additionalProperties"], false, "{schema}");
    }
}

#[test]
fn an_event_is_described_with_data_for_webhooks_alone() {
    let event = &description()["components"]["schemas"]["Event"]["allOf"];
    let (to_webhooks, to_people_alone) = (&event[1]["anyOf"][0], &event[1]["anyOf"][1]);
    assert_eq!(to_webhooks["properties"]["data"]["type"], "object");
    assert_eq!(to_people_alone["properties"]["event"]["type"], "null");
    for field in ["data", "actor"] {
        assert!(event[0]["properties"][field].is_null(), "{field}");
        assert!(to_people_alone["properties"][field].is_null(), "{field}");
    }
}

fn collect(value: &Value, references: &mut Vec<String>) {
    if let Some(reference) = value.get("$ref").and_then(Value::as_str) {
        references.push(reference.to_owned());
    }
    match value {
        Value::Object(object) => object.values().for_each(|value| collect(value, references)),
        Value::Array(array) => array.iter().for_each(|value| collect(value, references)),
        _ => {}
    }
}
