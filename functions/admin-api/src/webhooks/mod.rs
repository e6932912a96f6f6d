//! `/webhooks`: configured endpoints.
//!
//! * [`create`], [`list`], [`read`], [`update`], [`delete`] — the resource
//! * [`mod@test`], [`rotate`], [`recover`] — what can be done to one
//! * [`fields`] — the rules of its fields; [`view`] — how it is shown
//!
//! A change is computed from the webhook as it was read and written only if it still stands so; else it is read again
//! ([`edit`]).

mod create;
mod delete;
mod fields;
mod list;
mod read;
mod recover;
mod rotate;
mod test;
mod update;
mod view;

use std::sync::Arc;

use domain::ids::{WebhookId, WorkspaceId};
use domain::webhook::Webhook;
use platform::queue::message::{BulkJob, BulkTask};
use platform::queue::sending::Outgoing;
use platform::store::{StoreError, Versioned};
use std::time::Duration;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::problem::Problem;
use crate::{App, WRITE_TRIES};

/// The routes below a workspace.
pub(crate) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::default()
        .routes(routes!(list::list_webhooks, create::create_webhook))
        .routes(routes!(
            read::read_webhook,
            update::update_webhook,
            delete::delete_webhook
        ))
        .routes(routes!(test::test_webhook))
        .routes(routes!(rotate::rotate_secret))
        .routes(routes!(recover::recover_deliveries))
}

/// The webhook, or 404.
pub(crate) async fn find(
    app: &App,
    workspace: &WorkspaceId,
    id: &WebhookId,
) -> Result<Versioned<Webhook>, Problem> {
    app.store
        .webhook(workspace, id)
        .await?
        .ok_or_else(Problem::not_found)
}

/// Changes a webhook, as often as it takes to get in between others' changes. Writes nothing where nothing changes.
async fn edit(
    app: &App,
    workspace: &WorkspaceId,
    id: &WebhookId,
    change: impl Fn(&mut Webhook) + Send + Sync,
) -> Result<Webhook, Problem> {
    for _ in 0..WRITE_TRIES {
        let found = find(app, workspace, id).await?;
        let mut changed = found.clone();
        change(&mut changed.value);
        if changed == found {
            return Ok(found.value);
        }
        changed.value.updated_at = app.now();
        match app.store.save_webhook(&changed).await {
            Err(StoreError::Conflict) => app.pause().await,
            saved => return Ok(saved.map(|()| changed.value)?),
        }
    }
    Err(Problem::contended())
}

/// Long enough for the change that a job belongs to, which follows it; a job that comes too early waits all the same.
const JOB_DELAY: Duration = Duration::from_secs(2);

/// Asks for work on many deliveries of a webhook.
async fn ask_for(
    app: &App,
    workspace: &WorkspaceId,
    webhook: &WebhookId,
    task: BulkTask,
) -> Result<(), Problem> {
    let delay = match task {
        BulkTask::Recover { .. } => Duration::ZERO,
        BulkTask::EndPending | BulkTask::DeleteLog => JOB_DELAY,
    };
    let job = BulkJob {
        workspace: workspace.clone(),
        webhook: webhook.clone(),
        asked_at: app.now(),
        task,
    };
    let message = Outgoing::json(&job, webhook.as_str()).delayed(delay);
    Ok(app.queues.bulk.send(message).await?)
}
