//! `DELETE /members/{user_id}`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;

use super::find;
use crate::App;
use crate::auth::{Access, Configure};
use crate::path::{At, MemberPath};
use crate::problem::{Guarded, Problem};

/// Deletes a member with phone and preferences. Messages that were sent stay in the history.
#[utoipa::path(
    delete, path = "/members/{user_id}", tag = "members", params(MemberPath),
    responses((status = 204, description = "It is gone."), Guarded),
    security(("api_key" = []))
)]
pub(crate) async fn delete_member(
    State(app): State<Arc<App>>,
    _: Access<Configure>,
    At(path): At<MemberPath>,
) -> Result<StatusCode, Problem> {
    find(&app, &path.workspace_id, &path.user_id).await?;
    app.store
        .delete_member(&path.workspace_id, &path.user_id)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
