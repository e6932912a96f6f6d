//! `GET /members/{user_id}`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;

use super::view::{MemberView, view};
use super::{find, may_see};
use crate::App;
use crate::auth::{Access, TakePart};
use crate::path::{At, MemberPath};
use crate::problem::{Guarded, Problem};

/// Shows a member. A member's key sees its own user alone.
#[utoipa::path(
    get, path = "/members/{user_id}", tag = "members", params(MemberPath),
    responses((status = 200, description = "The member.", body = MemberView), Guarded),
    security(("api_key" = []))
)]
pub(crate) async fn read_member(
    State(app): State<Arc<App>>,
    access: Access<TakePart>,
    At(path): At<MemberPath>,
) -> Result<Json<MemberView>, Problem> {
    may_see(&access.caller, &path.user_id)?;
    let member = find(&app, &path.workspace_id, &path.user_id).await?;
    Ok(Json(view(&app, &member.value).await?))
}
