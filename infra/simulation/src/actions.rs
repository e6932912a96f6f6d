//! What people and upstreams do.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use domain::ids::{DeliveryId, EventId};
use http::Method;
use serde_json::{Value, json};

use crate::functions::Function;
use crate::run::Run;
use crate::scenario::Action;
use crate::secrets::{NEW_TWILIO_TOKEN, OPERATOR_KEY};
use crate::{invoke, outside, world};

/// What is no event.
pub const GARBAGE: &str = r#"{"id":"evt_0","timestamp":"yesterday"}"#;
/// How often an administrator tries again what was not answered.
const TRIES: u32 = 4;

/// Does it.
pub async fn perform(run: &Arc<Run>, action: Action) {
    run.note(|| format!("{action:?}"));
    match action {
        Action::Publish {
            event,
            webhooks,
            alert,
        } => publish(run, event, webhooks, alert),
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
        Action::NewToken => {
            let body = json!({
                "type": "twilio", "account_sid": world::account(),
                "auth_token": NEW_TWILIO_TOKEN, "from_number": world::SENDER,
            });
            ask(run, Method::PUT, &provider_path(), Some(body)).await;
        }
        Action::NoProvider => ask(run, Method::DELETE, &provider_path(), None).await,
        Action::Text { stop } => outside::text(run, stop).await,
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

fn provider_path() -> String {
    format!("/v1/workspaces/{}/sms/provider", world::workspace())
}

fn path(webhook: usize) -> String {
    let (workspace, id) = (world::workspace(), world::webhook_id(webhook));
    format!("/v1/workspaces/{workspace}/webhooks/{id}")
}

/// Puts an event onto the events queue, as an upstream does.
fn publish(run: &Arc<Run>, event: usize, webhooks: bool, alert: bool) {
    let at = run.happens(event);
    let mut message = json!({
        "id": event_id(event), "timestamp": at.to_string(),
        "workspace": { "id": world::workspace(), "slug": "s" }, "project": null, "actor": null,
    });
    if webhooks {
        message["event"] = json!("work_item.created");
        message["data"] = json!({ "id": format!("wi_{event}") });
    }
    if alert {
        let recipients: Vec<_> = (0..run.scenario.members).map(world::user).collect();
        message["alert"] = json!({
            "event_type": "priority_changed", "summary": "priority changed to Urgent",
            "item": {
                "identifier": format!("ENG-{event}"), "title": "Fix login redirect",
                "url": format!("https://app.setget.io/s/issues/ENG-{event}"),
            },
            "recipients": recipients,
        });
    }
    send_event(run, &message.to_string());
}

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

/// Asks the HTTP API, and asks again where the answer is no word on the matter.
async fn ask(run: &Arc<Run>, method: Method, path: &str, body: Option<Value>) {
    for attempt in 1..=TRIES {
        let request = http::Request::builder()
            .method(method.clone())
            .uri(path)
            .header("authorization", format!("Bearer {OPERATOR_KEY}"))
            .header("content-type", "application/json");
        let body = body
            .as_ref()
            .map_or(Body::empty(), |body| Body::from(body.to_string()));
        let Ok(request) = request.body(body) else {
            return;
        };
        let answer = invoke::http(run, Function::AdminApi, request).await;
        run.note(|| match &answer {
            Some((status, body)) => {
                format!("the API answers {status} {}", String::from_utf8_lossy(body))
            }
            None => "the API does not answer".to_owned(),
        });
        match answer {
            Some((status, body)) if status < 500 => {
                run.printed("the API", &String::from_utf8_lossy(&body));
                return;
            }
            _ => tokio::time::sleep(Duration::from_secs(u64::from(attempt))).await,
        }
    }
}
