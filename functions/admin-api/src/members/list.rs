//! `GET /members`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use domain::ids::UserId;
use utoipa::IntoParams;

use super::view::{MemberView, OptedOut};
use crate::App;
use crate::auth::{Access, Configure};
use crate::body::Fields;
use crate::object::Object;
use crate::pagination::{self, Page, cursor_after};
use crate::params::Params;
use crate::path::{At, WorkspacePath};
use crate::problem::{Guarded, Problem, WithParams};

/// Which page of the members.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct MemberParams {
    /// Entries wanted.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100, default = 25)]
    limit: usize,
    /// `next_cursor` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<UserId>,
}

impl Fields for MemberParams {
    fn read(object: &mut Object, _: &App) -> Option<Self> {
        let limit = pagination::limit(object);
        let cursor = pagination::cursor(object);
        Some(MemberParams {
            limit: limit?,
            cursor: cursor?,
        })
    }
}

/// Lists members, by user id.
#[utoipa::path(
    get, path = "/members", tag = "members", params(WorkspacePath, MemberParams),
    responses((status = 200, description = "A page of members.", body = Page<MemberView>), Guarded, WithParams),
    security(("api_key" = []))
)]
pub(crate) async fn list_members(
    State(app): State<Arc<App>>,
    _: Access<Configure>,
    At(WorkspacePath { workspace_id }): At<WorkspacePath>,
    Params(MemberParams { limit, cursor }): Params<MemberParams>,
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
