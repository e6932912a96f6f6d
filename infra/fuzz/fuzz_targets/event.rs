//! Events as they lie on the queue. Whatever comes is read or refused; what is read goes out as it came.

#![no_main]

use domain::event::{IngestEvent, MAX_BODY_BYTES, MAX_RECIPIENTS, escape_noncharacters};
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use serde::Deserialize;
use serde_json::value::RawValue;

/// What a webhook gets, and nothing else.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SixFields<'a> {
    #[serde(borrow, rename = "event")]
    _event: &'a RawValue,
    #[serde(borrow, rename = "timestamp")]
    _timestamp: &'a RawValue,
    #[serde(borrow, rename = "workspace")]
    _workspace: &'a RawValue,
    #[serde(borrow, rename = "project")]
    _project: &'a RawValue,
    #[serde(borrow)]
    data: &'a RawValue,
    #[serde(borrow, rename = "actor")]
    _actor: &'a RawValue,
}

fn now() -> Timestamp {
    "2026-03-29T15:00:00Z".parse().expect("a time")
}

fuzz_target!(|raw: &[u8]| {
    let Ok(event) = IngestEvent::parse(raw, now()) else {
        return;
    };
    assert!(event.webhook.is_some() || event.alert.is_some());
    if let Some(alert) = &event.alert {
        assert!(alert.recipients.len() <= MAX_RECIPIENTS);
    }
    if let Some(webhook) = &event.webhook {
        let body = webhook.body.as_str();
        assert!(body.len() <= MAX_BODY_BYTES);
        let sent: SixFields<'_> = serde_json::from_str(body).expect("six fields");
        let input = std::str::from_utf8(raw).expect("only UTF-8 is an event");
        // No queue brings these two characters; over HTTP they come, and are escaped on the way to the queue.
        let input = escape_noncharacters(input.to_owned());
        assert!(input.contains(sent.data.get()), "data goes out as it came");
        // With the ingest fields put back it is the same event.
        let id = serde_json::to_string(event.id.as_str()).expect("JSON");
        let again = body.replacen('{', &format!("{{\"id\":{id},"), 1);
        if let Ok(again) = IngestEvent::parse(again.as_bytes(), now()) {
            assert_eq!(again.webhook.as_ref(), Some(webhook));
        }
    }
});
