//! `DELETE /sms/provider`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use platform::store::StoreError;

use crate::auth::{Access, Configure};
use crate::path::{At, WorkspacePath};
use crate::problem::{Guarded, Problem};
use crate::{App, WRITE_TRIES};

/// Removes the provider: no more messages are sent. Receipts for those that were are taken for 72 hours.
#[utoipa::path(
    delete, path = "/sms/provider", tag = "sms", params(WorkspacePath),
    responses((status = 204, description = "It is gone."), Guarded),
    security(("api_key" = []))
)]
pub(crate) async fn delete_provider(
    State(app): State<Arc<App>>,
    _: Access<Configure>,
    At(WorkspacePath { workspace_id }): At<WorkspacePath>,
) -> Result<StatusCode, Problem> {
    for _ in 0..WRITE_TRIES {
        let mut config = app.store.provider(&workspace_id).await?;
        if config.value.current.is_none() {
            return Err(Problem::not_found());
        }
        config.value.replace(None, app.now());
        match app.store.save_provider(&workspace_id, &config).await {
            Err(StoreError::Conflict) => app.pause().await,
            saved => return Ok(saved.map(|()| StatusCode::NO_CONTENT)?),
        }
    }
    Err(Problem::contended())
}
