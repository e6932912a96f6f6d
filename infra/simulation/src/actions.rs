//! What people and upstreams do.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use domain::ids::{DeliveryId, EventId};
use http::Method;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::functions::Function;
use crate::outside::{Granted, TestRequest, Tested};
use crate::run::Run;
use crate::scenario::{Action, Way, is_in_project};
use crate::secrets::{NEW_TWILIO_TOKEN, NEW_WEBHOOK_SECRET, OPERATOR_KEY};
use crate::world::PROJECT;
use crate::{invoke, outside, world};

/// What is no event.
pub const GARBAGE: &str = r#"{"id":"evt_0","timestamp":"yesterday"}"#;
/// What the id of an event's work item begins with.
const ITEM: &str = "wi_";
/// How often an administrator tries again what was not answered.
const TRIES: u32 = 4;
/// An upstream does not give up: it posts more often than any run has faults.
const POSTS: u32 = 40;

/// Does it.
pub async fn perform(run: &Arc<Run>, action: Action) {
    run.note(|| format!("{action:?}"));
    match action {
        Action::Publish {
            event,
            webhooks,
            alert,
            way,
        } => {
            let message = message(run, event, webhooks, alert);
            match way {
                Way::Queue => send_event(run, &message.to_string()),
                Way::Http => post(run, message).await,
            }
        }
        Action::Garbage => send_event(run, GARBAGE),
        Action::TestWebhook { webhook } => ask_for_test(run, Some(webhook)).await,
        Action::TestSms => ask_for_test(run, None).await,
        Action::Text { stop } => outside::text(run, stop).await,
        Action::Resend { .. }
        | Action::Recover { .. }
        | Action::Switch { .. }
        | Action::Rotate { .. }
        | Action::NewToken
        | Action::NoProvider
        | Action::Stats
        | Action::Delete { .. } => administer(run, action).await,
    }
}

/// Asks the HTTP API for it, and takes note of what it agrees to.
async fn administer(run: &Arc<Run>, action: Action) {
    for (method, path, body) in requests_of(run, action) {
        if let Some(asked_at) = ask(run, method, &path, body).await {
            run.contacts().granted.push(Granted { asked_at, action });
        }
    }
}

/// An administrator's requests: method, path and body.
fn requests_of(run: &Run, action: Action) -> Vec<(Method, String, Option<Value>)> {
    let request = match action {
        Action::Resend { webhook, event } => {
            let id = delivery_id(run, webhook, event);
            let path = format!("{}/deliveries/{id}/resend", path(webhook));
            (Method::POST, path, None)
        }
        Action::Recover { webhook } => {
            let body = json!({ "since": crate::run::BEGIN });
            let path = format!("{}/recover", path(webhook));
            (Method::POST, path, Some(body))
        }
        Action::Switch { webhook, on } => {
            let body = json!({ "active": on });
            (Method::PATCH, path(webhook), Some(body))
        }
        Action::Rotate { webhook } => {
            let body = json!({ "secret": NEW_WEBHOOK_SECRET });
            let path = format!("{}/rotate-secret", path(webhook));
            (Method::POST, path, Some(body))
        }
        Action::NewToken => {
            let body = json!({
                "type": "twilio", "account_sid": world::account(),
                "auth_token": NEW_TWILIO_TOKEN, "from_number": world::SENDER,
            });
            (Method::PUT, provider_path(), Some(body))
        }
        Action::NoProvider => (Method::DELETE, provider_path(), None),
        Action::Delete { webhook } => (Method::DELETE, path(webhook), None),
        Action::Stats => {
            let views = ["stats", "history", "history?channel=webhook"];
            return views
                .map(|view| (Method::GET, in_workspace(view), None))
                .to_vec();
        }
        _ => return Vec::new(),
    };
    vec![request]
}

/// The event's delivery to the webhook, as it is or will be.
fn delivery_id(run: &Run, webhook: usize, event: usize) -> DeliveryId {
    let (workspace, webhook) = (world::workspace(), world::webhook_id(webhook));
    DeliveryId::for_webhook(
        &workspace,
        &event_id(event),
        run.published_at(event),
        &webhook,
    )
}

/// The id of an event.
///
/// # Panics
/// Never: it is one.
#[must_use]
pub fn event_id(event: usize) -> EventId {
    format!("evt_{event}").parse().expect("an id")
}

/// The event whose body an endpoint received; none for a test's.
#[must_use]
pub fn event_in(body: &[u8]) -> Option<usize> {
    let body: Value = serde_json::from_slice(body).ok()?;
    body["data"]["id"]
        .as_str()?
        .strip_prefix(ITEM)?
        .parse()
        .ok()
}

fn provider_path() -> String {
    in_workspace("sms/provider")
}

fn path(webhook: usize) -> String {
    in_workspace(&format!("webhooks/{}", world::webhook_id(webhook)))
}

fn in_workspace(path: &str) -> String {
    format!("/v1/workspaces/{}/{path}", world::workspace())
}

/// An event, as upstreams tell it.
fn message(run: &Run, event: usize, webhooks: bool, alert: bool) -> Value {
    let at = run.published_at(event);
    let project = json!({ "id": PROJECT, "name": "Web App", "identifier": "WEB" });
    let project = is_in_project(event).then_some(project);
    let mut message = json!({
        "id": event_id(event), "timestamp": at.to_string(),
        "workspace": { "id": world::workspace(), "slug": "s" }, "project": project, "actor": null,
    });
    if webhooks {
        message["event"] = json!("work_item.created");
        message["data"] = json!({ "id": format!("{ITEM}{event}") });
    }
    if alert {
        let named = run.scenario.members + run.scenario.left_out.len();
        let recipients: Vec<_> = (0..named).map(world::user).collect();
        message["alert"] = json!({
            "event_type": "priority_changed", "summary": "priority changed to Urgent",
            "item": {
                "identifier": format!("ENG-{event}"), "title": "Fix login redirect",
                "url": format!("https://app.setget.io/s/issues/ENG-{event}"),
            },
            "recipients": recipients,
        });
    }
    message
}

/// Puts it onto the events queue, as an upstream does.
fn send_event(run: &Run, body: &str) {
    let request = json!({ "QueueUrl": world::queue_url("EventsQueue"), "MessageBody": body });
    let request = request.to_string();
    let answer = run
        .aws
        .sqs()
        .handle("AmazonSQS.SendMessage", request.as_bytes());
    assert_eq!(answer.status, 200, "an event is taken");
    run.changed.notify_one();
}

/// Posts an event until it is answered.
async fn post(run: &Arc<Run>, message: Value) {
    let path = in_workspace("events");
    for attempt in 1..=POSTS {
        if once(run, &Method::POST, &path, Some(&message))
            .await
            .is_some()
        {
            return;
        }
        pause(attempt).await;
    }
}

/// Asks the HTTP API, and asks again where the answer is no word on the matter. When it was asked for the last time, if
/// it agreed.
async fn ask(run: &Arc<Run>, method: Method, path: &str, body: Option<Value>) -> Option<Timestamp> {
    for attempt in 1..=TRIES {
        let asked_at = run.now();
        if let Some((status, _)) = once(run, &method, path, body.as_ref()).await {
            return (200..300).contains(&status).then_some(asked_at);
        }
        pause(attempt).await;
    }
    None
}

/// Asks for a test of a webhook, or for a test message; and again where that is not answered, which is another test.
async fn ask_for_test(run: &Arc<Run>, webhook: Option<usize>) {
    for attempt in 1..=TRIES {
        let (path, body, number) = begin_test(run, webhook);
        if let Some((_, answer)) = once(run, &Method::POST, &path, Some(&body)).await {
            let answer: Value = serde_json::from_slice(&answer).unwrap_or_default();
            let accepted = answer["delivery_id"].as_str().map(str::to_owned);
            run.contacts().tests[number].accepted = accepted;
            return;
        }
        pause(attempt).await;
    }
}

/// Takes note of a request for a test: its path, its body, and its number.
fn begin_test(run: &Run, webhook: Option<usize>) -> (String, Value, usize) {
    let mut contacts = run.contacts();
    let number = contacts.tests.len();
    let phone = world::test_phone(number);
    let (path, body, of) = match webhook {
        Some(place) => {
            let path = format!("{}/test", path(place));
            (path, json!({}), Tested::Webhook(place))
        }
        None => (
            in_workspace("sms/test"),
            json!({ "to": phone }),
            Tested::Phone(phone),
        ),
    };
    contacts.tests.push(TestRequest { of, accepted: None });
    (path, body, number)
}

async fn pause(attempt: u32) {
    tokio::time::sleep(Duration::from_secs(u64::from(attempt))).await;
}

/// Asks the HTTP API once; none where the answer is no word on the matter, or there is none.
async fn once(
    run: &Arc<Run>,
    method: &Method,
    path: &str,
    body: Option<&Value>,
) -> Option<(u16, Bytes)> {
    let request = http::Request::builder()
        .method(method.clone())
        .uri(path)
        .header("authorization", format!("Bearer {OPERATOR_KEY}"))
        .header("content-type", "application/json");
    let body = body.map_or(Body::empty(), |body| Body::from(body.to_string()));
    let request = request.body(body).ok()?;
    let answer = invoke::http(run, Function::AdminApi, request).await;
    run.note(|| match &answer {
        Some((status, body)) => {
            format!("the API answers {status} {}", String::from_utf8_lossy(body))
        }
        None => "the API does not answer".to_owned(),
    });
    let (status, body) = answer?;
    run.printed("the API", &String::from_utf8_lossy(&body));
    (status < 500).then_some((status, body))
}
