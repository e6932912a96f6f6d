//! `GET /webhooks/{id}/deliveries/{delivery_id}`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;

use super::view::DeliveryView;
use crate::App;
use crate::auth::{Access, Configure};
use crate::path::{At, DeliveryPath};
use crate::problem::{Guarded, Problem};
use crate::webhooks::find;

/// Shows a delivery: the whole request, every attempt, every answer.
#[utoipa::path(
    get, path = "/webhooks/{webhook_id}/deliveries/{delivery_id}", tag = "deliveries", params(DeliveryPath),
    responses((status = 200, description = "The delivery.", body = DeliveryView), Guarded),
    security(("api_key" = []))
)]
pub(crate) async fn read_delivery(
    State(app): State<Arc<App>>,
    _: Access<Configure>,
    At(path): At<DeliveryPath>,
) -> Result<Json<DeliveryView>, Problem> {
    // The log of a deleted webhook is on its way out and not to be seen.
    find(&app, &path.workspace_id, &path.webhook_id).await?;
    let delivery = app
        .store
        .delivery(&path.into_key())
        .await?
        .ok_or_else(Problem::not_found)?;
    Ok(Json(DeliveryView::from(&delivery.value)))
}
