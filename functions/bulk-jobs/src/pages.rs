//! Going through the deliveries of a webhook that have not succeeded, a page at a time.

use domain::delivery::DeliveryKey;
use domain::ids::{LogShard, WebhookId, WorkspaceId};
use platform::store::log::Unsettled;
use platform::store::{Store, StoreError};

use crate::{BulkJobs, Run};

/// A walk through one shard, oldest first.
pub(crate) struct Pages<'a> {
    workspace: &'a WorkspaceId,
    webhook: &'a WebhookId,
    which: Unsettled,
    shard: LogShard,
    /// The sort key to go on behind; `None` at the end.
    after: Option<String>,
}

impl BulkJobs {
    /// A walk through the deliveries that stand so, behind this sort key.
    pub(crate) fn pages<'a>(
        &self,
        run: &'a Run<'_>,
        which: Unsettled,
        shard: LogShard,
        after: String,
    ) -> Pages<'a> {
        let (workspace, webhook) = (&run.job.workspace, &run.job.webhook);
        // An index key cannot be compared with nothing: every id is behind its first letter.
        let after = if after.is_empty() {
            "d".to_owned()
        } else {
            after
        };
        Pages {
            workspace,
            webhook,
            which,
            shard,
            after: Some(after),
        }
    }
}

impl Pages<'_> {
    /// The next page, `None` at the end. What moved on since it was read is no longer in it or will be found changed.
    pub(crate) async fn next(
        &mut self,
        store: &Store,
    ) -> Result<Option<Vec<DeliveryKey>>, StoreError> {
        let Some(after) = &self.after else {
            return Ok(None);
        };
        let page = store
            .unsettled_page(self.workspace, self.webhook, self.which, self.shard, after)
            .await?;
        self.after = page
            .keys
            .last()
            .filter(|_| page.more)
            .map(|key| key.id.to_string());
        Ok(if page.keys.is_empty() {
            None
        } else {
            Some(page.keys)
        })
    }
}
