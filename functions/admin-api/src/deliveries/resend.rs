//! `POST /webhooks/{id}/deliveries/{delivery_id}/resend`.
//!
//! # Steps, and what a death between them means
//! 1. Write the delivery as pending one attempt. *Killed after it:* the caller repeats, finds it pending and comes to
//!    step 2; so does whatever looks for overdue deliveries.
//! 2. Send its wake-up. One too many changes nothing.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use domain::delivery::DeliveryKey;
use platform::store::StoreError;

use super::{Accepted, wake};
use crate::auth::{Access, Configure};
use crate::path::{At, DeliveryPath};
use crate::problem::{Guarded, Problem, WithConflict};
use crate::webhooks::find;
use crate::{App, WRITE_TRIES};

/// Makes one more attempt at once, whatever became of the delivery; a schedule under way goes on afterwards.
#[utoipa::path(
    post, path = "/webhooks/{webhook_id}/deliveries/{delivery_id}/resend", tag = "deliveries", params(DeliveryPath),
    responses(
        (status = 202, description = "The attempt is on its way.", body = Accepted), Guarded, WithConflict
    ),
    security(("api_key" = []))
)]
pub(crate) async fn resend_delivery(
    State(app): State<Arc<App>>,
    _: Access<Configure>,
    At(path): At<DeliveryPath>,
) -> Result<(StatusCode, Json<Accepted>), Problem> {
    let webhook = find(&app, &path.workspace_id, &path.webhook_id)
        .await?
        .value;
    let key = path.into_key();
    // Where there is no such delivery that comes first: to switch the webhook on would not help.
    let exists = app.store.delivery(&key).await?.is_some();
    if exists && !webhook.is_active() {
        return Err(Problem::conflict(
            "the webhook is off; switch it on first: PATCH {\"active\": true}",
        ));
    }
    make_pending(&app, &key).await?;
    wake(&app, &key).await
}

async fn make_pending(app: &App, key: &DeliveryKey) -> Result<(), Problem> {
    for _ in 0..WRITE_TRIES {
        let mut delivery = app
            .store
            .delivery(key)
            .await?
            .ok_or_else(Problem::not_found)?;
        let now = app.now();
        let state = delivery.value.state.resend(now).map_err(|_| {
            Problem::conflict(
                "an attempt is under way; its outcome is seconds away, ask again then",
            )
        })?;
        if state == delivery.value.state {
            return Ok(());
        }
        delivery.value.state = state;
        match app.store.save_delivery(&delivery, now).await {
            Err(StoreError::Conflict) => app.pause().await,
            saved => return Ok(saved.map(drop)?),
        }
    }
    Err(Problem::contended())
}
