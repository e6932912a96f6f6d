//! `DELETE /webhooks/{id}`.
//!
//! # Steps, and what a death between them means
//! 1. Ask for the removal of the log. *Killed after it:* the job waits for the webhook to be gone, and is dropped when
//!    it is not.
//! 2. Delete the webhook: from here on no attempt is begun. *Killed before it:* the caller repeats. *Killed after it:*
//!    all is done.
//!
//! The other way round, a death between the two would leave a log that nobody can see or remove.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use platform::queue::message::BulkTask;
use platform::store::StoreError;

use super::{ask_for, find};
use crate::auth::{Access, Configure};
use crate::path::{At, WebhookPath};
use crate::problem::{Guarded, Problem};
use crate::{App, WRITE_TRIES};

/// Deletes a webhook, with its delivery log. Pending retries are never made.
#[utoipa::path(
    delete, path = "/webhooks/{webhook_id}", tag = "webhooks", params(WebhookPath),
    responses((status = 204, description = "It is gone."), Guarded),
    security(("api_key" = []))
)]
pub(crate) async fn delete_webhook(
    State(app): State<Arc<App>>,
    _: Access<Configure>,
    At(WebhookPath {
        workspace_id,
        webhook_id,
    }): At<WebhookPath>,
) -> Result<StatusCode, Problem> {
    let mut webhook = find(&app, &workspace_id, &webhook_id).await?;
    ask_for(&app, &workspace_id, &webhook_id, BulkTask::DeleteLog).await?;
    for _ in 0..WRITE_TRIES {
        match app.store.delete_webhook(&webhook).await {
            Err(StoreError::Conflict) => app.pause().await,
            deleted => return Ok(deleted.map(|()| StatusCode::NO_CONTENT)?),
        }
        webhook = find(&app, &workspace_id, &webhook_id).await?;
    }
    Err(Problem::contended())
}
