//! `POST /webhooks/{id}/test`.
//!
//! # Steps, and what a death between them means
//! 1. Write the delivery, pending. *Killed after it:* it waits without a wake-up until whatever looks for overdue
//!    deliveries finds it; the caller, who got no answer, asks for another test.
//! 2. Send its wake-up.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use domain::catalogue::{EventType, SampleIds, sample_body};
use domain::delivery::{Delivery, DeliveryKey, History, Purpose, State as DeliveryState};
use domain::event::WorkspaceRef;
use domain::ids::{DeliveryId, EventId};
use domain::webhook::Webhook;
use jiff::SignedDuration;
use utoipa::ToSchema;

use super::find;
use crate::App;
use crate::auth::{Access, Configure};
use crate::body::{Fields, JsonBody};
use crate::deliveries::{Accepted, wake};
use crate::event_types::Name;
use crate::object::{self, Object};
use crate::path::{At, WebhookPath};
use crate::problem::{Guarded, Problem, WithBody};

/// What a sample event calls its workspace in URLs.
const SAMPLE_SLUG: &str = "my-workspace";

/// What to test with.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TestRequest {
    /// The type of the sample event; absent = the webhook's first.
    #[schema(value_type = Option<Name>, nullable = false)]
    event: Option<EventType>,
}

impl Fields for TestRequest {
    const MAY_BE_ABSENT: bool = true;

    fn read(object: &mut Object, _: &App) -> Option<Self> {
        let event = object.optional("event", object::event_type);
        Some(TestRequest { event: event.ok()? })
    }
}

/// Sends a sample event: one attempt, also while the webhook is off. It shows up in the log, marked as a test.
#[utoipa::path(
    post, path = "/webhooks/{webhook_id}/test", tag = "webhooks", params(WebhookPath),
    request_body = Option<TestRequest>,
    responses((status = 202, description = "The test is on its way.", body = Accepted), Guarded, WithBody),
    security(("api_key" = []))
)]
pub(crate) async fn test_webhook(
    State(app): State<Arc<App>>,
    _: Access<Configure>,
    At(path): At<WebhookPath>,
    JsonBody(test): JsonBody<TestRequest>,
) -> Result<(StatusCode, Json<Accepted>), Problem> {
    let webhook = find(&app, &path.workspace_id, &path.webhook_id)
        .await?
        .value;
    let delivery = sample_delivery(
        &app,
        &webhook,
        test.event.unwrap_or_else(|| webhook.events.first()),
    )?;
    app.store.create_delivery(&delivery).await?;
    wake(&app, &delivery.key).await
}

fn sample_delivery(
    app: &App,
    webhook: &Webhook,
    event_type: EventType,
) -> Result<Delivery, Problem> {
    let now = app.now();
    let workspace = WorkspaceRef {
        id: webhook.workspace.clone(),
        slug: SAMPLE_SLUG.to_owned(),
    };
    let ids = SampleIds::from_random(app.entropy.bytes());
    let event_id = format!("test_{:032x}", u128::from_be_bytes(app.entropy.bytes()));
    let event_id: EventId = event_id.parse().map_err(Problem::internal)?;
    let retention = SignedDuration::try_from(app.log_retention).map_err(Problem::internal)?;
    Ok(Delivery {
        key: DeliveryKey {
            workspace: webhook.workspace.clone(),
            webhook: webhook.id.clone(),
            id: DeliveryId::for_webhook(&webhook.workspace, &event_id, now, &webhook.id),
        },
        event_id,
        event_type,
        purpose: Purpose::Test,
        body: sample_body(event_type, now, &workspace, &ids),
        history: History::default(),
        state: DeliveryState::single_attempt(now),
        recovered_by: None,
        created_at: now,
        expires_at: now.saturating_add(retention).map_err(Problem::internal)?,
    })
}
