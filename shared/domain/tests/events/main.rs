//! What ingest takes and refuses.

mod properties;

use domain::{
    catalogue::{AlertType, EventType},
    event::{EventError, IngestEvent, MAX_BODY_BYTES, MAX_EVENT_BYTES, MAX_RECIPIENTS},
};
use jiff::Timestamp;
use serde_json::{Value, json};

fn now() -> Timestamp {
    "2026-03-29T15:00:00Z".parse().unwrap()
}

fn parse(event: &str) -> Result<IngestEvent, EventError> {
    IngestEvent::parse(event.as_bytes(), now())
}

fn created() -> Value {
    json!({
        "id": "evt_1",
        "event": "work_item.created",
        "timestamp": "2026-03-29T14:30:00Z",
        "workspace": {"id": "ws_abc123", "slug": "my-workspace"},
        "project": {"id": "proj_def456", "name": "Web App", "identifier": "WEB"},
        "data": {"id": "wi_ghi789"},
        "actor": {"id": "user_jkl012", "email": "bob@example.com", "display_name": "Bob"},
    })
}

fn alert() -> Value {
    json!({
        "event_type": "priority_changed",
        "summary": "priority changed to Urgent",
        "item": {"identifier": "ENG-42", "title": "Fix login redirect", "url": "https://app.setget.io/engineering/issues/ENG-42"},
        "recipients": ["user_1", "user_2"],
    })
}

/// The event with one field (a JSON pointer) set to `value`.
fn with(pointer: &str, value: Value) -> String {
    let mut event = created();
    event["alert"] = alert();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    event.pointer_mut(parent).unwrap()[name] = value;
    event.to_string()
}

fn without(name: &str) -> String {
    let mut event = created();
    event.as_object_mut().unwrap().remove(name);
    event.to_string()
}

fn body_of(event: &str) -> String {
    parse(event)
        .unwrap()
        .webhook
        .unwrap()
        .body
        .as_str()
        .to_owned()
}

fn with_data(data: &str) -> String {
    format!(
        r#"{{"id":"e","event":"label.created","timestamp":"2026-03-29T14:30:00Z","workspace":{{"id":"w","slug":"s"}},"data":{data}}}"#
    )
}

#[test]
fn the_body_holds_the_six_fields_in_order_and_data_as_it_came() {
    let event = r#"{ "alert": null, "actor": {"display_name": "Zoë \u00e9", "email": "bob@example.com", "id": "u_1", "age": 7},
        "data": { "b" : 1.50,  "a":"\u00e9/é\/" , "b":1e400},
        "workspace":{"slug":"s","id":"w"}, "project": {"identifier":"WEB","name":"Web","id":"p"}, "later": [1, 2],
        "timestamp":"2026-03-29T16:30:00.250+02:00","event":"label.created","id":"evt_1" }"#;
    let expected = concat!(
        r#"{"event":"label.created","timestamp":"2026-03-29T14:30:00.25Z","workspace":{"id":"w","slug":"s"},"#,
        r#""project":{"id":"p","name":"Web","identifier":"WEB"},"data":{ "b" : 1.50,  "a":"\u00e9/é\/" , "b":1e400},"#,
        r#""actor":{"id":"u_1","email":"bob@example.com","display_name":"Zoë é"}}"#,
    );
    assert_eq!(body_of(event), expected);
}

#[test]
fn what_is_absent_or_null_goes_out_as_null() {
    let body = body_of(&with_data("{}"));
    assert!(
        body.contains(r#""project":null,"data":{},"actor":null}"#),
        "{body}"
    );
    let mut event = created();
    event["project"] = Value::Null;
    assert_eq!(parse(&event.to_string()).unwrap().project_id, None);
}

#[test]
fn the_routing_fields_are_read() {
    let event = parse(&created().to_string()).unwrap();
    assert_eq!(event.id.as_str(), "evt_1");
    assert_eq!(event.occurred_at, "2026-03-29T14:30:00Z".parse().unwrap());
    assert_eq!(
        (event.workspace.id.as_str(), event.workspace.slug.as_str()),
        ("ws_abc123", "my-workspace")
    );
    assert_eq!(event.project_id.unwrap().as_str(), "proj_def456");
    assert_eq!(
        event.webhook.unwrap().event_type,
        EventType::WorkItemCreated
    );
    assert_eq!(event.alert, None);
}

#[test]
fn an_alert_may_come_alone_and_its_data_does_not_matter() {
    let mut event = created();
    event["alert"] = alert();
    event["event"] = Value::Null;
    event["data"] = json!("anything");
    let event = parse(&event.to_string()).unwrap();
    assert_eq!(event.webhook, None);
    let alert = event.alert.unwrap();
    assert_eq!(alert.event_type, AlertType::PriorityChanged);
    assert_eq!(alert.item.identifier, "ENG-42");
    assert_eq!(alert.recipients.len(), 2);
}

#[test]
fn recipients_count_once_each_in_their_order() {
    let many: Vec<String> = (0..MAX_RECIPIENTS)
        .map(|number| format!("u{number}"))
        .collect();
    let twice = [many.clone(), many.clone()].concat();
    let recipients = parse(&with("/alert/recipients", json!(twice)))
        .unwrap()
        .alert
        .unwrap()
        .recipients;
    assert_eq!(
        recipients
            .iter()
            .map(|user| user.as_str())
            .collect::<Vec<_>>(),
        many
    );

    let one_more = [many, vec!["u500".to_owned()]].concat();
    let error = parse(&with("/alert/recipients", json!(one_more))).unwrap_err();
    assert_eq!(
        error.to_string(),
        "alert.recipients: must name at most 500 users"
    );
}

#[test]
fn an_identifier_that_messages_could_not_carry_is_refused() {
    let named = |characters: usize| {
        let identifier = "é".repeat(characters);
        parse(&with("/alert/item/identifier", json!(identifier)))
    };
    assert!(named(128).is_ok());
    assert_eq!(
        named(129).unwrap_err().to_string(),
        "alert.item.identifier: must have at most 128 characters"
    );
}

#[test]
fn each_broken_field_is_named_with_its_rule() {
    let object = "must be an object";
    let cases = [
        ("/id", json!(7), "id: must be a string"),
        (
            "/id",
            json!(""),
            "id: an event id must be 1 to 256 characters without control characters",
        ),
        ("/event", json!(["x"]), "event: must be a string"),
        (
            "/event",
            json!("label.craeted"),
            "event: \"label.craeted\" is not an event type; near ones: label.created, label.deleted, label.updated",
        ),
        (
            "/timestamp",
            json!(1_774_794_600),
            "timestamp: must be a string",
        ),
        ("/workspace", json!("ws"), &format!("workspace: {object}")),
        (
            "/workspace",
            Value::Null,
            "workspace: is required, an object",
        ),
        (
            "/workspace/id",
            json!("a b"),
            "workspace.id: a workspace id must be 1 to 64 characters of A-Z, a-z, 0-9, _ and -",
        ),
        (
            "/workspace/slug",
            Value::Null,
            "workspace.slug: is required, a string",
        ),
        ("/project", json!([]), &format!("project: {object}")),
        (
            "/project/id",
            json!("é"),
            "project.id: a project id must be 1 to 128 visible ASCII characters",
        ),
        (
            "/project/name",
            json!(true),
            "project.name: must be a string",
        ),
        ("/data", json!([]), "data: is required, an object"),
        ("/data", Value::Null, "data: is required, an object"),
        ("/actor", json!(1), &format!("actor: {object}")),
        (
            "/actor/email",
            Value::Null,
            "actor.email: is required, a string",
        ),
        ("/alert", json!([]), &format!("alert: {object}")),
        (
            "/alert/event_type",
            json!("priority"),
            "alert.event_type: \"priority\" is not an alert type; near ones: priority_changed",
        ),
        (
            "/alert/summary",
            json!(" "),
            "alert.summary: must not be empty",
        ),
        (
            "/alert/item",
            Value::Null,
            "alert.item: is required, an object",
        ),
        (
            "/alert/item/url",
            json!("javascript:alert(1)"),
            "alert.item.url: must be an http or https URL of at most 2048 characters",
        ),
        (
            "/alert/item/url",
            json!(format!("https://a.example/{}", "x".repeat(2_048))),
            "alert.item.url: must be an http or https URL of at most 2048 characters",
        ),
        (
            "/alert/item/identifier",
            json!(42),
            "alert.item.identifier: must be a string",
        ),
        (
            "/alert/recipients",
            Value::Null,
            "alert.recipients: is required, a list of user ids",
        ),
        (
            "/alert/recipients",
            json!(["u_1", 2]),
            "alert.recipients[1]: must be a string, a user id",
        ),
        (
            "/alert/recipients",
            json!(["u/1"]),
            "alert.recipients[0]: a user id must be 1 to 64 characters of A-Z, a-z, 0-9, _, -, ., @ and +",
        ),
    ];
    for (pointer, value, message) in cases {
        let error = parse(&with(pointer, value)).unwrap_err();
        assert_eq!(error.to_string(), message);
        assert_eq!(
            error.field(),
            message.split_once(':').map(|(field, _)| field)
        );
    }
}

#[test]
fn each_missing_field_is_named() {
    for name in ["id", "timestamp", "workspace", "data"] {
        assert_eq!(parse(&without(name)).unwrap_err().field(), Some(name));
    }
    let message = "event: is required, an event type, unless the event carries an alert";
    assert_eq!(parse(&without("event")).unwrap_err().to_string(), message);
}

#[test]
fn a_field_that_is_given_twice_is_refused_and_an_unknown_one_is_not() {
    let twice = with_data(r#"{},"data":{}"#);
    assert_eq!(
        parse(&twice).unwrap_err().to_string(),
        "data: must be given once"
    );
    let in_disguise = with_data(r#"{},"d\u0061ta":{}"#);
    assert_eq!(
        parse(&in_disguise).unwrap_err().to_string(),
        "data: must be given once"
    );
    let nested = with_data("{}").replace(r#""id":"w""#, r#""id":"w","id":"v""#);
    assert_eq!(
        parse(&nested).unwrap_err().to_string(),
        "workspace.id: must be given once"
    );
    assert!(parse(&with_data(r#"{},"x":1,"x":2"#)).is_ok());
}

#[test]
fn an_update_may_lack_changes_but_not_have_others_than_old_and_new() {
    let update = |changes: &str| {
        with_data(&format!("{{{changes}}}")).replace("label.created", "label.updated")
    };
    let taken = [
        "",
        r#""changes":null"#,
        r#""changes":{}"#,
        r#""changes":{"name":{"old":null,"new":["b"],"by":"x"}}"#,
    ];
    for changes in taken {
        assert!(parse(&update(changes)).is_ok(), "{changes}");
    }
    let refused = [
        r#""changes":[]"#,
        r#""changes":"x""#,
        r#""changes":{"name":{"old":1}}"#,
        r#""changes":{"name":"b"}"#,
    ];
    for changes in refused {
        assert_eq!(
            parse(&update(changes)).unwrap_err().field(),
            Some("data.changes"),
            "{changes}"
        );
    }
    assert!(
        parse(&with_data(r#"{"changes":[]}"#)).is_ok(),
        "only updates are looked into"
    );
}

#[test]
fn a_timestamp_is_rfc_3339_whatever_its_offset() {
    let time_of = |text: &str| {
        parse(&with("/timestamp", json!(text))).map(|event| event.occurred_at.to_string())
    };
    let taken = [
        ("2026-03-29T14:30:00Z", "2026-03-29T14:30:00Z"),
        ("2026-03-29t14:30:00z", "2026-03-29T14:30:00Z"),
        ("2026-03-29T20:00:00+05:30", "2026-03-29T14:30:00Z"),
        ("2026-03-28T23:30:00-15:00", "2026-03-29T14:30:00Z"),
        ("2026-03-29T14:30:00-00:00", "2026-03-29T14:30:00Z"),
        (
            "2026-03-29T14:30:00.123456789Z",
            "2026-03-29T14:30:00.123456789Z",
        ),
        ("1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z"),
        ("2026-03-30T15:00:00Z", "2026-03-30T15:00:00Z"),
    ];
    for (given, normal) in taken {
        assert_eq!(time_of(given).as_deref(), Ok(normal), "{given}");
    }
    let refused = [
        "",
        "2026-03-29",
        "2026-03-29T14:30Z",
        "2026-03-29T14:30:00",
        "2026-03-29 14:30:00",
        "2026-03-29T14:30:00+02",
        "2026-03-29T14:30:00+0200",
        "2026-03-29T14:30:00.Z",
        "2026-03-29T14:30:00Z[UTC]",
        "2026-02-30T14:30:00Z",
        "20260329T143000Z",
        "2026-03-29T14:30:00+99:00",
        "+002026-03-29T14:30:00Z",
        "2026-03-29T14:30:00é",
        "yesterday",
        "1969-12-31T23:59:59Z",
        "2026-03-30T15:00:00.000000001Z",
        "9999-12-31T23:59:59Z",
    ];
    for given in refused {
        assert_eq!(
            time_of(given).unwrap_err().field(),
            Some("timestamp"),
            "{given}"
        );
    }
}

#[test]
fn the_size_is_bounded_to_the_byte() {
    let padded = |bytes: usize| {
        with_data(&format!(
            r#"{{"text":"{}"}}"#,
            "x".repeat(bytes - with_data(r#"{"text":""}"#).len())
        ))
    };
    let largest = padded(MAX_EVENT_BYTES);
    assert_eq!(largest.len(), 262_144);
    assert!(body_of(&largest).len() <= MAX_BODY_BYTES);
    assert_eq!(
        parse(&padded(MAX_EVENT_BYTES + 1)),
        Err(EventError::TooLarge { bytes: 262_145 })
    );
}

#[test]
fn what_is_not_a_json_object_is_told_apart() {
    assert_eq!(parse("[]"), Err(EventError::NotAnObject));
    assert_eq!(parse("null"), Err(EventError::NotAnObject));
    assert_eq!(
        IngestEvent::parse(b"{\"id\":\"\xff\"}", now()),
        Err(EventError::NotUtf8)
    );
    assert!(matches!(
        parse(""),
        Err(EventError::NotJson {
            ends_early: true,
            ..
        })
    ));
    assert!(matches!(
        parse(r#"{"id":"#),
        Err(EventError::NotJson {
            ends_early: true,
            ..
        })
    ));
    assert!(matches!(
        parse("{} {}"),
        Err(EventError::NotJson {
            ends_early: false,
            line: 1,
            ..
        })
    ));
    assert!(matches!(
        parse("{'id': 1}"),
        Err(EventError::NotJson {
            ends_early: false,
            ..
        })
    ));
    assert!(matches!(
        parse(&with_data("{\"a\":\"\u{1}\"}")),
        Err(EventError::NotJson { .. })
    ));
}

#[test]
fn deep_nesting_is_refused_without_recursion() {
    let nested = |depth: usize| {
        with_data(&format!(
            "{{\"a\":{}{}}}",
            "[".repeat(depth),
            "]".repeat(depth)
        ))
    };
    assert_eq!(parse(&nested(130_000)), Err(EventError::TooDeep));
    assert_eq!(parse(&nested(126)), Err(EventError::TooDeep));
    let deepest = body_of(&nested(125));
    assert!(
        serde_json::from_str::<Value>(&deepest).is_ok(),
        "what is sent can be read by recursion"
    );
}

#[test]
fn errors_repeat_no_value_but_an_unknown_type_cut_short() {
    let private = "carol@example.com";
    for pointer in [
        "/workspace/id",
        "/timestamp",
        "/data",
        "/actor",
        "/alert/item",
        "/alert/item/url",
        "/project",
    ] {
        let error = parse(&with(pointer, json!(private))).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("carol"), "{error}");
    }
    let error = parse(&with("/event", json!("x".repeat(1_000))))
        .unwrap_err()
        .to_string();
    assert!(error.len() < 150, "{error}");
}

#[test]
fn nothing_of_the_body_prints() {
    let event = parse(&created().to_string()).unwrap();
    assert!(format!("{:?}", event.webhook).contains("body: ***"));
}
