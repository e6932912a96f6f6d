//! `POST /webhooks/{id}/rotate-secret`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use domain::rotation::Overlap;
use domain::secret::WebhookSecret;
use domain::webhook::Webhook;
use serde_json::Value;
use utoipa::ToSchema;

use super::fields::{self, NewSecret};
use super::view::WebhookWithSecret;
use super::{edit, find};
use crate::App;
use crate::auth::{Access, Configure};
use crate::body::{Fields, JsonBody};
use crate::object::{self, Object};
use crate::path::{At, WebhookPath};
use crate::problem::{Guarded, Problem, WithBody};

/// How a secret is rotated.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rotation {
    /// The new secret; absent = one is made and shown in the answer, this once.
    #[schema(value_type = Option<String>, nullable = false, min_length = 1, max_length = 256, write_only)]
    secret: Option<WebhookSecret>,
    /// For so long the old secret signs beside the new one, as those do whose overlap is not over. 0 ends them all.
    #[schema(value_type = Option<u32>, nullable = false, maximum = 604800, default = 86400)]
    overlap_seconds: Overlap,
}

impl Fields for Rotation {
    const MAY_BE_ABSENT: bool = true;

    fn read(object: &mut Object, _: &App) -> Option<Self> {
        let secret = object.optional("secret", fields::secret);
        let overlap_seconds = object.optional("overlap_seconds", overlap);
        Some(Rotation {
            secret: secret.ok()?,
            overlap_seconds: overlap_seconds.ok()?.unwrap_or_default(),
        })
    }
}

fn overlap(value: Value) -> Result<Overlap, String> {
    Overlap::from_seconds(object::whole_number(value)?).map_err(|error| error.to_string())
}

/// Replaces the secret; the old one signs beside it for a while. Where none was set, sets it.
#[utoipa::path(
    post, path = "/webhooks/{webhook_id}/rotate-secret", tag = "webhooks", params(WebhookPath),
    request_body = Option<Rotation>,
    responses((status = 200, description = "The webhook as it is now.", body = WebhookWithSecret), Guarded, WithBody),
    security(("api_key" = []))
)]
pub(crate) async fn rotate_secret(
    State(app): State<Arc<App>>,
    _: Access<Configure>,
    At(WebhookPath {
        workspace_id,
        webhook_id,
    }): At<WebhookPath>,
    JsonBody(rotation): JsonBody<Rotation>,
) -> Result<Json<WebhookWithSecret>, Problem> {
    find(&app, &workspace_id, &webhook_id).await?;
    let new = NewSecret::seal(&app, &workspace_id, rotation.secret.as_ref()).await?;
    let now = app.now();
    let ends = rotation.overlap_seconds.ends(now);
    let change = |webhook: &mut Webhook| webhook.rotate_secret(new.sealed.clone(), ends, now);
    let webhook = edit(&app, &workspace_id, &webhook_id, change).await?;
    Ok(Json(WebhookWithSecret::new(
        &webhook,
        new.generated.as_ref(),
    )))
}
