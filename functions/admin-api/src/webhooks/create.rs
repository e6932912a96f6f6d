//! `POST /webhooks`.
//!
//! The limit on a workspace's webhooks is exact: the write is conditional on the version of the configuration under
//! which they were counted.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use domain::catalogue::EventFilter;
use domain::endpoint_url::EndpointUrl;
use domain::ids::{ProjectId, WebhookId, WorkspaceId};
use domain::secret::WebhookSecret;
use domain::webhook::{Activity, FailureStreak, Lane, SealedSecret, Webhook};
use platform::store::StoreError;
use utoipa::ToSchema;

use super::fields::{self, NewSecret};
use super::view::WebhookWithSecret;
use crate::auth::{Access, Configure};
use crate::body::{Fields, JsonBody};
use crate::endpoint;
use crate::event_types::Choice;
use crate::object::{self, Object};
use crate::path::{At, WorkspacePath};
use crate::problem::{Guarded, Problem, WithBody};
use crate::{App, WRITE_TRIES};

/// Webhooks that a workspace may have.
const MAX_WEBHOOKS: usize = 1_000;

/// A webhook to be.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewWebhook {
    /// Where deliveries go: `https`, a public host, no user name or password, no fragment.
    #[schema(value_type = String, format = "uri", min_length = 1, max_length = 2048)]
    url: EndpointUrl,
    /// The event types wanted, or `*` for all.
    #[schema(value_type = Vec<Choice>, min_items = 1)]
    events: EventFilter,
    /// Only this project's events; null or absent = the whole workspace.
    #[schema(value_type = Option<String>, pattern = "^[!-~]{1,128}$")]
    project_id: Option<ProjectId>,
    /// For people.
    #[schema(max_length = 500)]
    description: Option<String>,
    /// Whether deliveries are made.
    #[schema(value_type = Option<bool>, nullable = false, default = true)]
    active: bool,
    /// Signs the requests. Never shown again; recommended.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 256, write_only)]
    secret: Option<WebhookSecret>,
    /// Makes a secret and shows it in the answer, this once. Not beside `secret`.
    #[schema(value_type = Option<bool>, nullable = false, default = false)]
    generate_secret: bool,
}

impl Fields for NewWebhook {
    fn read(object: &mut Object, app: &App) -> Option<Self> {
        let url = object.required("url", endpoint::url(app));
        let events = object.required("events", fields::events);
        let project_id = object.nullable("project_id", object::parsed);
        let description = object.nullable("description", fields::description);
        let active = object.optional("active", object::flag);
        let (secret, generate_secret) = fields::secret_or_generate(object)?;
        Some(NewWebhook {
            url: url?,
            events: events?,
            project_id: project_id.ok()?.value(),
            description: description.ok()?.value(),
            active: active.ok()?.unwrap_or(true),
            secret: secret.value(),
            generate_secret,
        })
    }
}

/// Creates a webhook.
#[utoipa::path(
    post, path = "/webhooks", tag = "webhooks", params(WorkspacePath), request_body = NewWebhook,
    responses((status = 201, description = "The webhook.", body = WebhookWithSecret), Guarded, WithBody),
    security(("api_key" = []))
)]
pub(crate) async fn create_webhook(
    State(app): State<Arc<App>>,
    _: Access<Configure>,
    At(WorkspacePath { workspace_id }): At<WorkspacePath>,
    JsonBody(new): JsonBody<NewWebhook>,
) -> Result<(StatusCode, Json<WebhookWithSecret>), Problem> {
    endpoint::check_host(&app, &new.url).await?;
    let secret = NewSecret::seal_if_asked(
        &app,
        &workspace_id,
        new.secret.as_ref(),
        new.generate_secret,
    )
    .await?;
    let sealed = secret.as_ref().map(|secret| secret.sealed.clone());
    let webhook = new.into_webhook(&app, workspace_id, sealed);
    add(&app, &webhook).await?;
    let generated = secret.as_ref().and_then(|secret| secret.generated.as_ref());
    Ok((
        StatusCode::CREATED,
        Json(WebhookWithSecret::new(&webhook, generated)),
    ))
}

impl NewWebhook {
    fn into_webhook(
        self,
        app: &App,
        workspace: WorkspaceId,
        secret: Option<SealedSecret>,
    ) -> Webhook {
        let now = app.now();
        Webhook {
            id: WebhookId::from_random(app.entropy.bytes()),
            workspace,
            url: self.url,
            events: self.events,
            project_id: self.project_id,
            description: self.description,
            activity: if self.active {
                Activity::Active
            } else {
                Activity::SwitchedOff
            },
            secret,
            retiring_secrets: Vec::new(),
            streak: FailureStreak::default(),
            lane: Lane::Slow,
            lane_since: now,
            created_at: now,
            updated_at: now,
        }
    }
}

async fn add(app: &App, webhook: &Webhook) -> Result<(), Problem> {
    for _ in 0..WRITE_TRIES {
        let list = app.store.webhooks(&webhook.workspace).await?;
        if list.webhooks.len() >= MAX_WEBHOOKS {
            return Err(Problem::broken_rule(format!(
                "a workspace has at most {MAX_WEBHOOKS} webhooks; delete one first"
            )));
        }
        // Far from the limit nobody needs to queue for it.
        let added = if list.webhooks.len() < MAX_WEBHOOKS / 2 {
            app.store.add_webhook(webhook).await
        } else {
            app.store.create_webhook(webhook, list.version).await
        };
        match added {
            Err(StoreError::Conflict) => app.pause().await,
            added => return Ok(added?),
        }
    }
    Err(Problem::contended())
}
