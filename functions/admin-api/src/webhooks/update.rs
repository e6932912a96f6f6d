//! `PATCH /webhooks/{id}`.
//!
//! # Steps, and what a death between them means
//! 1. Encrypt a new secret. Nothing is changed yet.
//! 2. Where the webhook is to be off, ask for the end of its pending deliveries. *Killed after it:* the job waits for
//!    the webhook to be off, and is dropped when it is not.
//! 3. Save. *Killed before it:* nothing has changed, the caller repeats. *Killed after it:* all is done.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use domain::catalogue::EventFilter;
use domain::endpoint_url::EndpointUrl;
use domain::ids::ProjectId;
use domain::secret::WebhookSecret;
use domain::webhook::Webhook;
use platform::queue::message::BulkTask;
use utoipa::ToSchema;

use super::fields::{self, NewSecret};
use super::view::WebhookWithSecret;
use super::{ask_for, edit, find};
use crate::App;
use crate::auth::{Access, Configure};
use crate::body::{Fields, JsonBody};
use crate::endpoint;
use crate::event_types::Choice;
use crate::object::{self, Given, Object};
use crate::path::{At, WebhookPath};
use crate::problem::{Guarded, Problem, WithBody};

/// Changes to a webhook: what is absent stays, null removes.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WebhookPatch {
    /// Where deliveries go: `https`, a public host, no user name or password, no fragment.
    #[schema(value_type = Option<String>, nullable = false, format = "uri", min_length = 1, max_length = 2048)]
    url: Option<EndpointUrl>,
    /// The event types wanted, or `*` for all.
    #[schema(value_type = Option<Vec<Choice>>, nullable = false, min_items = 1)]
    events: Option<EventFilter>,
    /// Only this project's events; null = the whole workspace.
    #[schema(value_type = Option<String>, pattern = "^[!-~]{1,128}$")]
    project_id: Given<ProjectId>,
    /// For people; null removes it.
    #[schema(value_type = Option<String>, max_length = 500)]
    description: Given<String>,
    /// Whether deliveries are made. true also clears the reason and the count of failures.
    #[schema(nullable = false)]
    active: Option<bool>,
    /// Replaces the secret at once; null removes it. `rotate-secret` is the way with an overlap.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 256, write_only)]
    secret: Given<WebhookSecret>,
    /// Makes a secret and shows it in the answer, this once. Not beside `secret`.
    #[schema(value_type = Option<bool>, nullable = false, default = false)]
    generate_secret: bool,
}

impl Fields for WebhookPatch {
    fn read(object: &mut Object, app: &App) -> Option<Self> {
        let url = object.optional("url", endpoint::url(app));
        let events = object.optional("events", fields::events);
        let project_id = object.nullable("project_id", object::parsed);
        let description = object.nullable("description", fields::description);
        let active = object.optional("active", object::flag);
        let (secret, generate_secret) = fields::secret_or_generate(object)?;
        Some(WebhookPatch {
            url: url.ok()?,
            events: events.ok()?,
            project_id: project_id.ok()?,
            description: description.ok()?,
            active: active.ok()?,
            secret,
            generate_secret,
        })
    }
}

/// Changes a webhook. The next event finds it changed, pending retries too.
#[utoipa::path(
    patch, path = "/webhooks/{webhook_id}", tag = "webhooks", params(WebhookPath), request_body = WebhookPatch,
    responses((status = 200, description = "The webhook as it is now.", body = WebhookWithSecret), Guarded, WithBody),
    security(("api_key" = []))
)]
pub(crate) async fn update_webhook(
    State(app): State<Arc<App>>,
    _: Access<Configure>,
    At(WebhookPath {
        workspace_id,
        webhook_id,
    }): At<WebhookPath>,
    JsonBody(patch): JsonBody<WebhookPatch>,
) -> Result<Json<WebhookWithSecret>, Problem> {
    find(&app, &workspace_id, &webhook_id).await?;
    if let Some(url) = &patch.url {
        endpoint::check_host(&app, url).await?;
    }
    let chosen = patch.secret.as_value();
    let new_secret =
        NewSecret::seal_if_asked(&app, &workspace_id, chosen, patch.generate_secret).await?;
    if patch.active == Some(false) {
        ask_for(&app, &workspace_id, &webhook_id, BulkTask::EndPending).await?;
    }
    let change = |webhook: &mut Webhook| patch.apply(webhook, new_secret.as_ref());
    let webhook = edit(&app, &workspace_id, &webhook_id, change).await?;
    let generated = new_secret
        .as_ref()
        .and_then(|secret| secret.generated.as_ref());
    Ok(Json(WebhookWithSecret::new(&webhook, generated)))
}

impl WebhookPatch {
    fn apply(&self, webhook: &mut Webhook, new_secret: Option<&NewSecret>) {
        if let Some(url) = &self.url {
            webhook.url = url.clone();
        }
        if let Some(events) = &self.events {
            webhook.events = events.clone();
        }
        replace(&mut webhook.project_id, &self.project_id);
        replace(&mut webhook.description, &self.description);
        if let Some(on) = self.active {
            webhook.switch(on);
        }
        if new_secret.is_some() || self.secret == Given::Null {
            webhook.secret = new_secret.map(|secret| secret.sealed.clone());
            webhook.retiring_secrets.clear();
        }
    }
}

fn replace<T: Clone>(old: &mut Option<T>, given: &Given<T>) {
    match given {
        Given::Absent => {}
        Given::Null => *old = None,
        Given::Value(value) => *old = Some(value.clone()),
    }
}
