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
