//! `GET /webhooks/{id}`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;

use super::find;
use super::view::WebhookView;
use crate::App;
use crate::auth::{Access, Configure};
use crate::path::{At, WebhookPath};
use crate::problem::{Guarded, Problem};

/// Shows a webhook.
#[utoipa::path(
    get, path = "/webhooks/{webhook_id}", tag = "webhooks", params(WebhookPath),
    responses((status = 200, description = "The webhook.", body = WebhookView), Guarded),
    security(("api_key" = []))
)]
pub(crate) async fn read_webhook(
    State(app): State<Arc<App>>,
    _: Access<Configure>,
    At(path): At<WebhookPath>,
) -> Result<Json<WebhookView>, Problem> {
    let webhook = find(&app, &path.workspace_id, &path.webhook_id).await?;
    Ok(Json(WebhookView::from(&webhook.value)))
}
