//! `/history`: what became of a workspace's SMS, and of its webhooks' deliveries merged.
//!
//! * [`list`], [`read`] — the history and one entry of it
//! * [`view`] — how an entry is shown, and to whom the phone

mod list;
mod read;
mod view;

use std::sync::Arc;

use domain::ids::{WebhookId, WorkspaceId};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::App;
use crate::problem::Problem;

pub(crate) use view::Channel;

/// The routes below a workspace.
pub(crate) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::default()
        .routes(routes!(list::list_history))
        .routes(routes!(read::read_entry))
}

/// The webhooks of a workspace. The log of a deleted one is on its way out and not to be seen.
pub(crate) async fn webhook_ids(
    app: &App,
    workspace: &WorkspaceId,
) -> Result<Vec<WebhookId>, Problem> {
    let list = app.store.webhooks(workspace).await?;
    let ids = list.webhooks.into_iter().map(|webhook| webhook.id);
    Ok(ids.collect())
}
