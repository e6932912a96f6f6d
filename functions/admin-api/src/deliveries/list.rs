//! `GET /webhooks/{id}/deliveries`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use domain::catalogue::EventType;
use domain::ids::DeliveryId;
use platform::store::log::{LogQuery, StatusFilter};
use serde_json::Value;
use utoipa::IntoParams;

use super::view::{DeliverySummary, Status};
use crate::App;
use crate::auth::{Access, Configure};
use crate::body::Fields;
use crate::event_types::Name;
use crate::object::{self, Object};
use crate::pagination::{self, Page, cursor_after};
use crate::params::Params;
use crate::path::{At, WebhookPath};
use crate::problem::{Guarded, Problem, WithParams};
use crate::webhooks::find;

/// Which part of the log.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct LogParams {
    /// Only this status.
    #[param(value_type = Option<Status>, inline)]
    status: Option<StatusFilter>,
    /// Only this event type.
    #[param(value_type = Option<Name>)]
    event: Option<EventType>,
    /// Entries wanted.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100, default = 25)]
    limit: usize,
    /// `next_cursor` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<DeliveryId>,
}

impl Fields for LogParams {
    fn read(object: &mut Object, _: &App) -> Option<Self> {
        let status = object.optional("status", status);
        let event = object.optional("event", object::event_type);
        let limit = pagination::limit(object);
        let cursor = pagination::cursor(object);
        Some(LogParams {
            status: status.ok()?,
            event: event.ok()?,
            limit: limit?,
            cursor: cursor?,
        })
    }
}

fn status(value: Value) -> Result<StatusFilter, String> {
    match object::text(value)?.as_str() {
        "success" => Ok(StatusFilter::Success),
        "failed" => Ok(StatusFilter::Failed),
        "pending_retry" => Ok(StatusFilter::PendingRetry),
        _ => Err("must be one of success, failed, pending_retry".to_owned()),
    }
}

/// Lists a webhook's deliveries, newest event first. A filtered page may come back short, with a cursor to go on from.
#[utoipa::path(
    get, path = "/webhooks/{webhook_id}/deliveries", tag = "deliveries", params(WebhookPath, LogParams),
    responses((status = 200, description = "A page of the log.", body = Page<DeliverySummary>), Guarded, WithParams),
    security(("api_key" = []))
)]
pub(crate) async fn list_deliveries(
    State(app): State<Arc<App>>,
    _: Access<Configure>,
    At(WebhookPath {
        workspace_id,
        webhook_id,
    }): At<WebhookPath>,
    Params(params): Params<LogParams>,
) -> Result<Json<Page<DeliverySummary>>, Problem> {
    find(&app, &workspace_id, &webhook_id).await?;
    let query = LogQuery {
        status: params.status,
        event: params.event,
        after: params.cursor,
        limit: params.limit,
    };
    let page = app
        .store
        .log_page(&workspace_id, &webhook_id, &query)
        .await?;
    Ok(Json(Page {
        items: page.items.iter().map(DeliverySummary::from).collect(),
        next_cursor: page.next.as_ref().map(cursor_after),
    }))
}
