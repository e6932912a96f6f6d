//! `GET /history/{delivery_id}`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use domain::delivery::{Delivery, DeliveryKey};
use domain::ids::{DeliveryId, WorkspaceId};
use domain::sms::delivery::SmsKey;
use serde::Deserialize;
use utoipa::IntoParams;

use super::view::{HistoryEntry, SmsView};
use super::webhook_ids;
use crate::App;
use crate::auth::{Access, TakePart};
use crate::path::At;
use crate::problem::{Guarded, Problem};

/// An entry of the history.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct EntryPath {
    /// The workspace.
    #[param(value_type = String, pattern = "^[A-Za-z0-9_-]{1,64}$")]
    workspace_id: WorkspaceId,
    /// The delivery.
    #[param(value_type = String, pattern = "^dlv_[0-9a-v]{30}$")]
    delivery_id: DeliveryId,
}

/// Shows an SMS with its timeline, or a delivery of one of the workspace's webhooks. Members see SMS only.
#[utoipa::path(
    get, path = "/history/{delivery_id}", tag = "history", params(EntryPath),
    responses((status = 200, description = "The entry.", body = HistoryEntry), Guarded),
    security(("api_key" = []))
)]
pub(crate) async fn read_entry(
    State(app): State<Arc<App>>,
    Access { caller, .. }: Access<TakePart>,
    At(EntryPath {
        workspace_id,
        delivery_id,
    }): At<EntryPath>,
) -> Result<Json<HistoryEntry>, Problem> {
    let key = SmsKey {
        workspace: workspace_id,
        id: delivery_id,
    };
    if let Some(sms) = app.store.sms(&key).await? {
        return Ok(Json(HistoryEntry::Sms(SmsView::new(&sms.value, &caller))));
    }
    if !caller.administers() {
        return Err(Problem::not_found());
    }
    let delivery = of_some_webhook(&app, &key).await?;
    let delivery = delivery.ok_or_else(Problem::not_found)?;
    Ok(Json(HistoryEntry::Webhook((&delivery).into())))
}

/// The delivery of that id in the logs of the workspace's webhooks: in one of them at most, for ids hash the webhook.
async fn of_some_webhook(app: &App, key: &SmsKey) -> Result<Option<Delivery>, Problem> {
    let webhooks = webhook_ids(app, &key.workspace).await?;
    let places: Vec<_> = webhooks
        .into_iter()
        .map(|webhook| DeliveryKey {
            workspace: key.workspace.clone(),
            webhook,
            id: key.id.clone(),
        })
        .collect();
    let found = app.store.deliveries(&places).await?.into_values().next();
    Ok(found.transpose()?.map(|stored| stored.value))
}
