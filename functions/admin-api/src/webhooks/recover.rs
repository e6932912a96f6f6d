//! `POST /webhooks/{id}/recover`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use domain::delivery::RecoverJob;
use jiff::Timestamp;
use platform::queue::message::BulkTask;
use serde::Serialize;
use utoipa::ToSchema;

use super::{ask_for, find};
use crate::App;
use crate::auth::{Access, Configure};
use crate::body::{Fields, JsonBody};
use crate::object::{self, Object};
use crate::path::{At, WebhookPath};
use crate::problem::{Guarded, Problem, WithBody, WithConflict};

/// What to recover.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RecoverRequest {
    /// Failed deliveries of events that occurred then or later. Not in the future.
    #[schema(value_type = String, format = DateTime)]
    since: Timestamp,
    /// Only count.
    #[schema(value_type = Option<bool>, nullable = false, default = false)]
    dry_run: bool,
}

/// How many deliveries are recovered.
#[derive(Serialize, ToSchema)]
pub(crate) struct Count {
    /// Failed deliveries. Failures of the last second may be missing.
    count: u64,
}

impl Fields for RecoverRequest {
    fn read(object: &mut Object, app: &App) -> Option<Self> {
        let now = (app.clock)();
        let since = object.required("since", |value| {
            let past = object::time(value)?;
            if past <= now {
                Ok(past)
            } else {
                Err("must not lie in the future".to_owned())
            }
        });
        let dry_run = object.optional("dry_run", object::flag);
        Some(RecoverRequest {
            since: since?,
            dry_run: dry_run.ok()?.unwrap_or(false),
        })
    }
}

/// Gives all failed deliveries since a time a fresh schedule of attempts, under their old ids. Tests are left out.
#[utoipa::path(
    post, path = "/webhooks/{webhook_id}/recover", tag = "webhooks", params(WebhookPath),
    request_body = RecoverRequest,
    responses(
        (status = 202, description = "How many there are; unless it was a dry run, they follow.", body = Count),
        Guarded, WithBody, WithConflict
    ),
    security(("api_key" = []))
)]
pub(crate) async fn recover_deliveries(
    State(app): State<Arc<App>>,
    _: Access<Configure>,
    At(path): At<WebhookPath>,
    JsonBody(request): JsonBody<RecoverRequest>,
) -> Result<(StatusCode, Json<Count>), Problem> {
    let webhook = find(&app, &path.workspace_id, &path.webhook_id)
        .await?
        .value;
    if !request.dry_run && !webhook.is_active() {
        return Err(Problem::conflict(
            "the webhook is off; switch it on first: PATCH {\"active\": true}",
        ));
    }
    let count = app.store.count_failed(&webhook.id, request.since).await?;
    if !request.dry_run {
        let job = RecoverJob(format!("{:032x}", u128::from_be_bytes(app.entropy.bytes())));
        let since = request.since;
        ask_for(
            &app,
            &webhook.workspace,
            &webhook.id,
            BulkTask::Recover { job, since },
        )
        .await?;
    }
    Ok((StatusCode::ACCEPTED, Json(Count { count })))
}
