//! What people and upstreams do.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use domain::ids::{DeliveryId, EventId};
use http::Method;
use serde_json::{Value, json};

use crate::functions::Function;
use crate::outside::{TestRequest, Tested};
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
        Action::Resend { webhook, event } => {
            let id = DeliveryId::for_webhook(
                &world::workspace(),
                &event_id(event),
                run.happens(event),
                &world::webhook_id(webhook),
            );
            let path = format!("{}/deliveries/{id}/resend", path(webhook));
            ask(run, Method::POST, &path, None).await;
        }
        Action::Recover { webhook } => {
            let path = format!("{}/recover", path(webhook));
            let body = json!({ "since": crate::run::BEGIN });
            ask(run, Method::POST, &path, Some(body)).await;
        }
        Action::Switch { webhook, on } => {
            let body = json!({ "active": on });
            ask(run, Method::PATCH, &path(webhook), Some(body)).await;
        }
        Action::TestWebhook { webhook } => ask_for_test(run, Some(webhook)).await,
        Action::TestSms => ask_for_test(run, None).await,
        Action::Rotate { webhook } => {
            let path = format!("{}/rotate-secret", path(webhook));
            let body = json!({ "secret": NEW_WEBHOOK_SECRET });
            ask(run, Method::POST, &path, Some(body)).await;
        }
        Action::NewToken => {
            let body = json!({
                "type": "twilio", "account_sid": world::account(),
                "auth_token": NEW_TWILIO_TOKEN, "from_number": world::SENDER,
            });
            ask(run, Method::PUT, &provider_path(), Some(body)).await;
        }
        Action::NoProvider => ask(run, Method::DELETE, &provider_path(), None).await,
        Action::Text { stop } => outside::text(run, stop).await,
        Action::Stats => {
            for view in ["stats", "history", "history?channel=webhook"] {
                ask(run, Method::GET, &in_workspace(view), None).await;
            }
        }
        Action::Delete { webhook } => ask(run, Method::DELETE, &path(webhook), None).await,
    }
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
    let at = run.happens(event);
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

/// Asks the HTTP API, and asks again where the answer is no word on the matter.
async fn ask(run: &Arc<Run>, method: Method, path: &str, body: Option<Value>) {
    for attempt in 1..=TRIES {
        if once(run, &method, path, body.as_ref()).await.is_some() {
            return;
        }
        pause(attempt).await;
    }
}

/// Asks for a test of a webhook, or for a test message; and again where that is not answered, which is another test.
async fn ask_for_test(run: &Arc<Run>, webhook: Option<usize>) {
    for attempt in 1..=TRIES {
        let (path, body, number) = begin_test(run, webhook);
        if let Some(answer) = once(run, &Method::POST, &path, Some(&body)).await {
            let answer: Value = serde_json::from_slice(&answer).unwrap_or_default();
            let accepted = answer["delivery_id"].as_str().map(str::to_owned);
            let mut contacts = run.contacts.lock().unwrap_or_else(PoisonError::into_inner);
            contacts.tests[number].accepted = accepted;
            return;
        }
        pause(attempt).await;
    }
}

/// Takes note of a request for a test: its path, its body, and its number.
fn begin_test(run: &Run, webhook: Option<usize>) -> (String, Value, usize) {
    let mut contacts = run.contacts.lock().unwrap_or_else(PoisonError::into_inner);
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
async fn once(run: &Arc<Run>, method: &Method, path: &str, body: Option<&Value>) -> Option<Bytes> {
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
    (status < 500).then_some(body)
}
