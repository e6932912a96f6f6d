//! What can be seen of an alert from outside: its trace, its log lines, its numbers.

use std::time::Duration;

use axum::body::Body;
use http::{Request, StatusCode};
use serde_json::{Value, json};

use crate::captured_log::Log;
use crate::carriers::{Answer, Shown};
use crate::sending::MINUTE;
use crate::world::{TOKEN, TRACEPARENT, World, account};

const PHONE: &str = "+14155551234";
const SUMMARY: &str = "priority changed to Canary";

/// One alert through Twilio, which behaves so, until nothing is left to do.
async fn one_alert(behaviour: &str) -> (World, Log) {
    let (world, log) = (World::new().await, Log::start());
    world.use_twilio().await;
    world.member("u1", PHONE).await;
    world.twilio_behaves(behaviour).await;
    world
        .alert_saying(SUMMARY, "ENG-42", "evt_1", &["u1"])
        .await;
    world.until_quiet(MINUTE * 60).await;
    assert_nothing_private(&world, &log);
    (world, log)
}

fn assert_nothing_private(world: &World, log: &Log) {
    let seen = log.text() + &world.printed.text();
    assert!(seen.contains("SMS batch handled") && seen.contains("SetGetDelivery"));
    for private in [
        &PHONE[1..],
        "Canary",
        "ENG-42",
        "Fix login",
        "canary",
        "as told",
        TOKEN,
    ] {
        assert!(!seen.contains(private), "{private}: {seen}");
    }
}

/// Asserts that the line has these fields with these values.
fn assert_line(line: &Value, expected: &Value) {
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(
            line.get(name).unwrap_or(&Value::Null),
            value,
            "{name} of {line}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_alert_has_one_trace_and_its_receipts_name_its_delivery() {
    let (world, log) = one_alert("{}").await;
    let delivery = world.only().await;
    let trace_id = &TRACEPARENT[3..35];
    let event = json!({
        "workspace_id": "ws_1", "event_id": "evt_1", "event_type": null, "alert_type": "priority_changed",
        "webhooks": 0, "sms": 1, "trace_id": trace_id,
    });
    assert_line(&log.only("event fanned out"), &event);
    let attempt = log.only("SMS attempt made");
    let expected = json!({
        "workspace_id": "ws_1", "event_id": "evt_1", "delivery_id": delivery.key.id.as_str(), "attempt": 1,
        "outcome": "sent", "error_code": null, "error": null, "segments": delivery.segments.get(),
        "trace_id": trace_id,
    });
    assert_line(&attempt, &expected);
    let receipts = log.of("Twilio's request taken");
    assert!(!receipts.is_empty());
    let last = json!({
        "what": "receipt", "workspace_id": "ws_1", "event_id": "evt_1", "delivery_id": delivery.key.id.as_str(),
        "provider_status": "delivered", "outcome": "kept with its delivery", "delivery_status": "delivered",
    });
    assert!(
        receipts
            .iter()
            .any(|line| line["provider_status"] == "delivered")
    );
    for line in receipts
        .iter()
        .filter(|line| line["provider_status"] == "delivered")
    {
        assert_line(line, &last);
    }
    assert_eq!(world.printed.measured("sms", "AttemptDuration").len(), 1);
    let lag = world.printed.measured("sms", "FirstAttemptLag");
    assert_eq!(json!(lag), json!([attempt["lag_ms"]]));
    let counts = [
        ("DeliveriesSent", 1),
        ("DeliveriesDelivered", 1),
        ("RetriesScheduled", 0),
        ("DeliveriesFailed", 0),
    ];
    for (name, count) in counts {
        assert_eq!(world.printed.count(Some("sms"), name), count, "{name}");
    }
    let segments = u64::from(delivery.segments.get());
    assert_eq!(world.printed.count(Some("sms"), "SmsSegments"), segments);
}

#[tokio::test(start_paused = true)]
async fn a_throttled_send_is_a_line_with_the_providers_code_and_a_retry() {
    let (world, log) = one_alert(r#"{"reject_429": 1}"#).await;
    let [first, second] = &log.of("SMS attempt made")[..] else {
        panic!("two attempts: {}", log.text())
    };
    assert_line(
        first,
        &json!({ "attempt": 1, "outcome": "pending_retry", "error_code": 20429 }),
    );
    assert!(
        first["next_attempt_at"].is_string() && first["lag_ms"].is_u64(),
        "{first}"
    );
    assert_line(
        second,
        &json!({ "attempt": 2, "outcome": "sent", "lag_ms": null, "next_attempt_at": null }),
    );
    assert_eq!(world.printed.count(Some("sms"), "RetriesScheduled"), 1);
    assert_eq!(world.printed.count(Some("sms"), "DeliveriesDelivered"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_send_without_an_answer_is_a_line_and_what_is_found_out_another() {
    let (world, log) = one_alert(r#"{"timeout_after_accept": 1, "callbacks": "none"}"#).await;
    let attempt = log.only("SMS attempt made");
    let expected = json!({
        "attempt": 1, "outcome": "unclear", "error": "no response within 10 s", "next_attempt_at": null,
    });
    assert_line(&attempt, &expected);
    assert!(attempt["next_check_at"].is_string(), "{attempt}");
    let look = log.only("doubtful SMS attempt looked into");
    let expected = json!({
        "attempt": 1, "found": "the message", "outcome": "delivered", "delivery_id": attempt["delivery_id"],
        "event_id": "evt_1", "trace_id": attempt["trace_id"],
    });
    assert_line(&look, &expected);
    let segments = u64::from(world.only().await.segments.get());
    assert_eq!(world.printed.count(Some("sms"), "SmsSegments"), segments);
    assert_eq!(world.printed.count(Some("sms"), "DeliveriesDelivered"), 1);
    assert_eq!(world.printed.count(Some("sms"), "RetriesScheduled"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_send_that_was_not_accepted_is_counted_as_a_retry_once_that_is_certain() {
    let (world, log) = one_alert(r#"{"timeout_before_accept": 1, "callbacks": "none"}"#).await;
    let looks = log.of("doubtful SMS attempt looked into");
    assert_eq!(looks.len(), 2);
    assert_line(
        &looks[0],
        &json!({ "found": "nothing", "outcome": "unclear" }),
    );
    assert_line(
        &looks[1],
        &json!({ "found": "nothing", "outcome": "pending_retry" }),
    );
    assert_eq!(log.of("SMS attempt made").len(), 2);
    assert_eq!(world.printed.count(Some("sms"), "RetriesScheduled"), 1);
    assert_eq!(world.printed.count(Some("sms"), "DeliveriesSent"), 1);
}

#[tokio::test(start_paused = true)]
async fn receipts_that_come_before_the_answer_count_the_delivery_once() {
    let (world, log) = one_alert(r#"{"callbacks": "early"}"#).await;
    let delivery = world.only().await;
    assert_eq!(log.only("SMS attempt made")["outcome"], "delivered");
    assert_eq!(world.printed.count(Some("sms"), "DeliveriesDelivered"), 1);
    let segments = u64::from(delivery.segments.get());
    assert_eq!(world.printed.count(Some("sms"), "SmsSegments"), segments);
}

#[tokio::test(start_paused = true)]
async fn a_question_about_a_message_is_a_line_and_counted_by_what_came_of_it() {
    let statuses = [Shown::Status(500), Shown::With("sent", None), Shown::AsItIs];
    let (world, log) = asked_about(&statuses).await;
    let lines = log.of("message without a last word asked about");
    let [unanswered, open, settled] = &lines[..] else {
        panic!("three questions: {}", log.text())
    };
    let delivery = world.only().await;
    let expected = json!({
        "workspace_id": "ws_1", "event_id": "evt_1", "delivery_id": delivery.key.id.as_str(),
        "found": "no answer", "outcome": "sent", "error": "Twilio answered 500",
    });
    assert_line(unanswered, &expected);
    assert!(unanswered["next_inquiry_at"].is_string(), "{unanswered}");
    assert_line(
        open,
        &json!({ "found": "the message", "outcome": "sent", "error": null }),
    );
    assert!(open["next_inquiry_at"].is_string(), "{open}");
    let last = json!({ "found": "the message", "outcome": "delivered", "next_inquiry_at": null });
    assert_line(settled, &last);
    let counts = [
        ("InquiriesUnanswered", 1),
        ("InquiriesOpen", 1),
        ("InquiriesSettled", 1),
        ("InquiriesStopped", 0),
        ("DeliveriesSent", 1),
        ("DeliveriesDelivered", 1),
        ("SmsSegments", u64::from(delivery.segments.get())),
    ];
    for (name, count) in counts {
        assert_eq!(world.printed.count(Some("sms"), name), count, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_question_about_a_message_that_is_gone_is_the_last_one() {
    let (world, log) = asked_about(&[Shown::Status(404)]).await;
    let line = log.only("message without a last word asked about");
    let expected = json!({
        "found": "no such message", "outcome": "sent", "error": null, "next_inquiry_at": null,
    });
    assert_line(&line, &expected);
    assert_eq!(world.printed.count(Some("sms"), "InquiriesStopped"), 1);
}

/// One alert without receipts, until Twilio has shown its message so, and is asked no more.
async fn asked_about(shown: &[Shown]) -> (World, Log) {
    let (world, log) = (World::new().await, Log::start());
    world.use_twilio().await;
    world.member("u1", PHONE).await;
    world.twilio_behaves(r#"{"callbacks": "none"}"#).await;
    let mut shown = shown.to_vec().into_iter();
    world.show(move |_| shown.next().unwrap());
    world
        .alert_saying(SUMMARY, "ENG-42", "evt_1", &["u1"])
        .await;
    world.until_quiet(MINUTE).await;
    world.until_asked(MINUTE * 60 * 27).await;
    assert_nothing_private(&world, &log);
    (world, log)
}

#[tokio::test(start_paused = true)]
async fn what_a_gateway_says_and_where_it_is_stays_out_of_the_log() {
    let (world, log) = (World::new().await, Log::start());
    world.use_gateway(false, None).await;
    world.member("u1", PHONE).await;
    let mut answers = [Answer::Status(500), Answer::Refused, Answer::Status(400)].into_iter();
    world.answer(move || answers.next().unwrap());
    world
        .alert_saying(SUMMARY, "ENG-42", "evt_1", &["u1"])
        .await;
    world.until_quiet(MINUTE * 60).await;
    assert_nothing_private(&world, &log);
    let lines = log.of("SMS attempt made");
    assert_eq!(lines.len(), 3);
    assert_line(
        &lines[0],
        &json!({ "outcome": "pending_retry", "error_code": 500, "error": null }),
    );
    let refused =
        json!({ "outcome": "pending_retry", "error_code": null, "error": "connection refused" });
    assert_line(&lines[1], &refused);
    assert_line(
        &lines[2],
        &json!({ "outcome": "failed", "error_code": 400, "error": null }),
    );
    assert_eq!(world.printed.count(Some("sms"), "RetriesScheduled"), 2);
    assert_eq!(world.printed.count(Some("sms"), "DeliveriesFailed"), 1);
    assert_eq!(world.printed.count(Some("sms"), "SmsSegments"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_delivery_that_cannot_be_attempted_ends_with_the_reason() {
    let (world, log) = (World::new().await, Log::start());
    world.use_twilio().await;
    world.member("u1", PHONE).await;
    world.twilio_behaves(r#"{"reject_429": 1}"#).await;
    world.alert("evt_1", &["u1"]).await;
    world.pass(Duration::from_secs(5)).await;
    world.remove_provider().await;
    world.until_quiet(MINUTE * 10).await;
    let line = log.only("delivery ended without an attempt");
    let reason = "the workspace has no SMS provider";
    assert_line(
        &line,
        &json!({ "event_id": "evt_1", "outcome": "failed", "reason": reason }),
    );
    assert_eq!(world.printed.count(Some("sms"), "DeliveriesFailed"), 1);
    assert_eq!(world.printed.measured("sms", "AttemptDuration").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_forged_receipt_is_a_line_that_repeats_nothing_of_it_but_whom_it_names() {
    let (world, log) = one_alert("{}").await;
    let delivery = world.only().await;
    let url = domain::twilio::receipt::callback_url("", &world.workspace(), &delivery.key.id);
    let path = url.split('#').next().unwrap();
    let form = format!(
        "AccountSid={}&MessageSid=SM{}&MessageStatus=failed&To=%2B14155551234&Body=Canary",
        account(),
        "0".repeat(32)
    );
    let request = Request::post(path)
        .header("X-Twilio-Signature", "canary")
        .body(Body::from(form))
        .unwrap();
    assert_eq!(world.post(request).await, StatusCode::FORBIDDEN);
    let expected = json!({
        "what": "receipt", "workspace_id": "ws_1", "delivery_id": delivery.key.id.as_str(),
        "provider_status": "failed",
        "error": "the signature is not that of the account's auth token",
    });
    assert_line(&log.only("request refused"), &expected);
    assert_eq!(world.printed.count(Some("sms"), "DeliveriesFailed"), 0);
    assert_nothing_private(&world, &log);
}
