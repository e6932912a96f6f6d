//! `DELETE /members/{user_id}/opt-out`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;

use super::find;
use crate::App;
use crate::auth::{Access, Configure};
use crate::path::{At, MemberPath};
use crate::problem::{Guarded, Problem};

/// Forgets that the owner of the member's phone told senders to stop, whether they did or not. Where it is the provider
/// that keeps them from being written to, only their own START helps.
#[utoipa::path(
    delete, path = "/members/{user_id}/opt-out", tag = "members", params(MemberPath),
    responses((status = 204, description = "Nothing keeps us from writing to them."), Guarded),
    security(("api_key" = []))
)]
pub(crate) async fn clear_opt_out(
    State(app): State<Arc<App>>,
    _: Access<Configure>,
    At(path): At<MemberPath>,
) -> Result<StatusCode, Problem> {
    let member = find(&app, &path.workspace_id, &path.user_id).await?;
    if let Some(phone) = &member.value.phone {
        app.store.clear_opt_outs(&path.workspace_id, phone).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}
