//! `/webhooks/{id}/deliveries`: a webhook's delivery log.
//!
//! * [`list`], [`read`] — the log and one entry of it
//! * [`resend`] — one more attempt
//! * [`view`] — how a delivery is shown

mod list;
mod read;
mod resend;
pub(crate) mod view;

use std::sync::Arc;

use axum::Json;
use axum::http::StatusCode;
use domain::delivery::DeliveryKey;
use domain::ids::DeliveryId;
use platform::queue::message::WebhookWakeUp;
use platform::queue::sending::Outgoing;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::App;
use crate::path::DeliveryPath;
use crate::problem::Problem;

/// The routes below a workspace.
pub(crate) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::default()
        .routes(routes!(list::list_deliveries))
        .routes(routes!(read::read_delivery))
        .routes(routes!(resend::resend_delivery))
}

/// A delivery that an attempt will be made for.
#[derive(Serialize, ToSchema)]
pub(crate) struct Accepted {
    /// Its id in the webhook's log, or in the history.
    #[schema(pattern = "^dlv_[0-9a-v]{30}$")]
    delivery_id: String,
}

impl Accepted {
    pub(crate) fn new(id: &DeliveryId) -> Accepted {
        Accepted {
            delivery_id: id.to_string(),
        }
    }
}

/// Wakes a delivery that is pending, and says so.
pub(crate) async fn wake(
    app: &App,
    key: &DeliveryKey,
) -> Result<(StatusCode, Json<Accepted>), Problem> {
    let wake_up = Outgoing::json(&WebhookWakeUp::of(key), key.webhook.as_str());
    app.queues.slow.send(wake_up).await?;
    Ok((StatusCode::ACCEPTED, Json(Accepted::new(&key.id))))
}

impl DeliveryPath {
    fn into_key(self) -> DeliveryKey {
        DeliveryKey {
            workspace: self.workspace_id,
            webhook: self.webhook_id,
            id: self.delivery_id,
        }
    }
}
