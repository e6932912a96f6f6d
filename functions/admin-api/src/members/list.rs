//! `GET /members`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use domain::ids::UserId;

use super::view::{MemberView, OptedOut};
use crate::App;
use crate::auth::{Access, Configure};
use crate::pagination::{Page, PageParams, cursor_after};
use crate::params::Params;
use crate::path::{At, WorkspacePath};
use crate::problem::{Guarded, Problem, WithParams};

/// Lists members, by user id.
#[utoipa::path(
    get, path = "/members", tag = "members", params(WorkspacePath, PageParams<UserId>),
    responses((status = 200, description = "A page of members.", body = Page<MemberView>), Guarded, WithParams),
    security(("api_key" = []))
)]
pub(crate) async fn list_members(
    State(app): State<Arc<App>>,
    _: Access<Configure>,
    At(WorkspacePath { workspace_id }): At<WorkspacePath>,
    Params(PageParams { limit, cursor }): Params<PageParams<UserId>>,
) -> Result<Json<Page<MemberView>>, Problem> {
    let (members, next) = app
        .store
        .member_page(&workspace_id, cursor.as_ref(), limit)
        .await?;
    let opted_out = OptedOut::of(&app, &workspace_id, &members).await?;
    Ok(Json(Page {
        items: members
            .iter()
            .map(|member| opted_out.view(member))
            .collect(),
        next_cursor: next.as_ref().map(cursor_after),
    }))
}
