//! `GET /sms/provider`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;

use super::CheckParams;
use super::check::check;
use super::view::ProviderView;
use crate::App;
use crate::auth::{Access, Configure};
use crate::params::Params;
use crate::path::{At, WorkspacePath};
use crate::problem::{Guarded, Problem, WithParams};

/// Shows who carries messages, without any secret. With `check=true` the provider is asked whether all is well.
#[utoipa::path(
    get, path = "/sms/provider", tag = "sms", params(WorkspacePath, CheckParams),
    responses((status = 200, description = "The provider.", body = ProviderView), Guarded, WithParams),
    security(("api_key" = []))
)]
pub(crate) async fn read_provider(
    State(app): State<Arc<App>>,
    _: Access<Configure>,
    At(WorkspacePath { workspace_id }): At<WorkspacePath>,
    Params(CheckParams { check: wanted }): Params<CheckParams>,
) -> Result<Json<ProviderView>, Problem> {
    let config = app.store.provider(&workspace_id).await?.value;
    let provider = config.current.ok_or_else(Problem::not_found)?;
    let checked = match wanted {
        true => Some(check(&app, &workspace_id, &provider.carrier).await?),
        false => None,
    };
    Ok(Json(ProviderView::new(&provider, checked)))
}
