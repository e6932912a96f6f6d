//! Whatever comes, an event or an error is made of it.

use domain::event::IngestEvent;
use proptest::{collection::vec, prelude::*};
use serde_json::{Value, json};

use super::{body_of, created, now, parse, with, with_data};

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from)
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z]{1,6}", inner, 0..4).prop_map(|map| json!(map))
        ]
    })
}

proptest! {
    #[test]
    fn any_bytes_give_an_event_or_an_error(raw in vec(any::<u8>(), 0..400)) {
        prop_assert!(IngestEvent::parse(&raw, now()).is_err());
    }

    #[test]
    fn any_value_anywhere_gives_an_event_or_an_error(
        pointer in prop::sample::select(vec![
            "/id", "/event", "/timestamp", "/workspace", "/workspace/id", "/project", "/project/id", "/data", "/actor",
            "/actor/id", "/alert", "/alert/event_type", "/alert/item", "/alert/item/url", "/alert/recipients", "/unknown",
        ]),
        value in any_json(),
    ) {
        if let Ok(event) = parse(&with(pointer, value)) {
            prop_assert!(event.webhook.is_some() || event.alert.is_some());
        }
    }

    #[test]
    fn data_goes_out_byte_for_byte(data in prop::collection::btree_map("\\PC{0,8}", any_json(), 0..5), pretty: bool) {
        let data = if pretty { serde_json::to_string_pretty(&data) } else { serde_json::to_string(&data) }.unwrap();
        let body = body_of(&with_data(&data));
        let expected = format!("\"data\":{data},\"actor\":null}}");
        prop_assert!(body.ends_with(&expected));
    }

    #[test]
    fn a_body_with_the_ingest_fields_added_makes_the_same_body(data in any_json(), slug in ".{0,20}", name in ".{0,20}") {
        let mut event = created();
        event["data"] = json!({ "value": data });
        event["workspace"]["slug"] = slug.into();
        event["actor"]["display_name"] = name.into();
        let body = body_of(&event.to_string());
        let again = body.replacen('{', r#"{"id":"evt_1","#, 1);
        prop_assert_eq!(body_of(&again), body);
    }

    #[test]
    fn a_cut_or_changed_event_never_panics(place: prop::sample::Index, byte: u8, cut: bool) {
        let mut raw = with("/later", json!(1)).into_bytes();
        let place = place.index(raw.len());
        if cut { raw.truncate(place) } else { raw[place] = byte }
        let taken = IngestEvent::parse(&raw, now()).is_ok();
        prop_assert!(!(cut && taken), "a cut object is no object");
    }
}
