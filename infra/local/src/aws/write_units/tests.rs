use serde_json::json;

use super::*;

fn item(value: Value) -> Item {
    let Value::Object(item) = value else {
        panic!("an object")
    };
    item
}

fn counter() -> WriteUnits {
    let keys = |partition: &str, sort: &str| {
        json!([
            { "AttributeName": partition, "KeyType": "HASH" },
            { "AttributeName": sort, "KeyType": "RANGE" }
        ])
    };
    let definition = json!({
        "KeySchema": keys("pk", "sk"),
        "GlobalSecondaryIndexes": [{
            "IndexName": "due",
            "KeySchema": keys("shard", "at"),
            "Projection": { "ProjectionType": "INCLUDE", "NonKeyAttributes": ["who"] },
        }],
    });
    WriteUnits::of(&Table {
        id: "Table".to_owned(),
        name: "t".to_owned(),
        definition: item(definition),
        expires_at: None,
    })
}

/// The units of one operation, by partition, where an item stood so before and stands so after.
fn counted(
    operation: &str,
    request: &Value,
    before: Option<Value>,
    after: Option<Value>,
) -> Vec<(String, u64)> {
    let counter = counter();
    let stands = std::cell::Cell::new(false);
    let get = |_: &Item| {
        let item_then = if stands.get() { &after } else { &before };
        item_then.clone().map(item)
    };
    let body = request.to_string();
    counter.counting(7, (operation, body.as_bytes()), get, || stands.set(true));
    let counted = counter.counted();
    counted
        .iter()
        .map(|((_, key), units)| (key.clone(), *units))
        .collect()
}

fn waiting(at: &str, who: &str) -> Value {
    json!({
        "pk": { "S": "LOG#wh_1#0" }, "sk": { "S": "dlv_1" },
        "shard": { "S": "WEBHOOK#1" }, "at": { "N": at }, "who": { "S": who },
        "doc": { "B": BASE64.encode([0; 1_500]) },
    })
}

fn put() -> Value {
    json!({ "TableName": "t", "Item": waiting("1", "a") })
}

#[test]
fn a_write_costs_the_larger_of_what_was_and_what_is() {
    let small = json!({ "pk": { "S": "LOG#wh_1#0" }, "sk": { "S": "dlv_1" } });
    let units = counted("PutItem", &put(), Some(waiting("1", "a")), Some(small));
    assert_eq!(units[0], ("LOG#wh_1#0".to_owned(), 2));
    assert_eq!(units[1], ("due: WEBHOOK#1".to_owned(), 1), "its entry goes");
}

#[test]
fn a_write_that_is_refused_costs_a_unit() {
    assert_eq!(
        counted("PutItem", &put(), None, None),
        [("LOG#wh_1#0".to_owned(), 1)]
    );
}

#[test]
fn an_index_is_written_to_where_its_entry_changes() {
    let of_index = |before, after| {
        let units = counted("PutItem", &put(), before, after);
        let index = units.iter().find(|(key, _)| key.starts_with("due"));
        index.map_or(0, |(_, units)| *units)
    };
    let with_doc = |doc: &str| {
        let mut item = waiting("1", "a");
        item["doc"] = json!({ "S": doc });
        item
    };
    assert_eq!(of_index(None, Some(waiting("1", "a"))), 1, "it comes");
    assert_eq!(
        of_index(Some(waiting("1", "a")), Some(waiting("2", "a"))),
        2,
        "it moves"
    );
    assert_eq!(
        of_index(Some(waiting("1", "a")), Some(waiting("1", "b"))),
        1,
        "it changes"
    );
    assert_eq!(
        of_index(Some(with_doc("a")), Some(with_doc("b"))),
        0,
        "it is as it was"
    );
}

#[test]
fn a_transaction_costs_twice_and_a_read_nothing() {
    let both = json!({ "TransactItems": [{ "Put": put() }, { "Put": put() }] });
    let units = counted("TransactWriteItems", &both, None, Some(waiting("1", "a")));
    assert_eq!(units[0], ("LOG#wh_1#0".to_owned(), 8));
    let query = json!({ "TableName": "t", "Key": waiting("1", "a") });
    assert_eq!(
        counted("GetItem", &query, Some(waiting("1", "a")), None),
        []
    );
}

#[test]
fn partitions_are_of_a_kind() {
    assert_eq!(kind("LOG#wh_1#0"), "LOG");
    assert_eq!(kind("due: PARKED#WEBHOOK#1"), "due: PARKED");
    assert_eq!(kind("unsettled: wh_1#failed#3"), "unsettled: failed");
}
