//! Pending deliveries of a webhook that is off end as failed, to be recovered when it is on again.
//!
//! Killed at any point: what has ended is no longer pending, the next run ends the rest. A delivery whose attempt is
//! under way, or that the index does not show yet, ends at its next wake-up instead.

use domain::delivery::{Delivery, DeliveryKey, Purpose};
use domain::ids::LogShard;
use futures::{StreamExt, TryStreamExt};
use platform::queue::message::BulkJob;
use platform::store::log::Unsettled;
use platform::store::{StoreError, Stored};

use crate::{BulkJobs, JobError, Progress, Run, WRITES};

impl BulkJobs {
    pub(crate) async fn end_pending(&self, run: &Run<'_>) -> Result<Progress, JobError> {
        if let Some(progress) = self.nothing_to_end(run).await? {
            return Ok(progress);
        }
        for shard in LogShard::all() {
            let mut pages = self.pages(run, Unsettled::Pending, shard, String::new());
            while let Some(page) = pages.next(&self.store).await? {
                if self.out_of_time(run) {
                    return Ok(Progress::Unfinished);
                }
                // It may be on again meanwhile, with new deliveries.
                if self.nothing_to_end(run).await?.is_some() {
                    return Ok(Progress::Finished);
                }
                self.end_all(run, &page).await?;
            }
        }
        Ok(Progress::Finished)
    }

    /// What the job has come to where the webhook is not off.
    async fn nothing_to_end(&self, run: &Run<'_>) -> Result<Option<Progress>, StoreError> {
        let BulkJob {
            workspace, webhook, ..
        } = run.job;
        Ok(match self.store.webhook(workspace, webhook).await? {
            // Deleted since: its log goes as a whole.
            None => Some(Progress::Finished),
            Some(webhook) if webhook.value.is_active() => Some(self.wait_or_drop(run.job)),
            Some(_) => None,
        })
    }

    async fn end_all(&self, run: &Run<'_>, keys: &[DeliveryKey]) -> Result<(), JobError> {
        let writes = self
            .read(keys)
            .await?
            .into_iter()
            .map(|stored| self.end(run, stored));
        futures::stream::iter(writes)
            .buffer_unordered(WRITES)
            .try_collect::<()>()
            .await?;
        Ok(())
    }

    async fn end(&self, run: &Run<'_>, stored: Stored) -> Result<(), StoreError> {
        let now = (self.clock)();
        let ended = stored.value.state.end_disabled(now);
        let Some(state) = ended.filter(|_| stored.value.purpose == Purpose::Event) else {
            return Ok(());
        };
        let ended = Stored {
            value: Delivery {
                state,
                ..stored.value
            },
            rev: stored.rev,
        };
        match self.store.save_delivery(&ended, now).await {
            Ok(_) => {
                self.count_ended(run);
                Ok(())
            }
            // It has moved on; its wake-up decides.
            Err(StoreError::Conflict) => Ok(()),
            Err(other) => Err(other),
        }
    }
}
