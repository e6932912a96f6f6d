//! `GET /webhooks`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use domain::webhook::Webhook;

use super::view::WebhookView;
use crate::App;
use crate::auth::{Access, Configure};
use crate::pagination::{Page, PageParams, Position};
use crate::params::Params;
use crate::path::{At, WorkspacePath};
use crate::problem::{Guarded, Problem, WithParams};

/// Lists webhooks, oldest first.
#[utoipa::path(
    get, path = "/webhooks", tag = "webhooks", params(WorkspacePath, PageParams),
    responses((status = 200, description = "A page of webhooks.", body = Page<WebhookView>), Guarded, WithParams),
    security(("api_key" = []))
)]
pub(crate) async fn list_webhooks(
    State(app): State<Arc<App>>,
    _: Access<Configure>,
    At(WorkspacePath { workspace_id }): At<WorkspacePath>,
    Params(page): Params<PageParams>,
) -> Result<Json<Page<WebhookView>>, Problem> {
    let list = app.store.webhooks(&workspace_id).await?;
    let position = |webhook: &Webhook| Position::new(webhook.created_at, &webhook.id);
    Ok(Json(page.of(&list.webhooks, position)))
}
