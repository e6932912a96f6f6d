//! Failed deliveries get a fresh schedule, the first attempt at once.
//!
//! For each page: write the deliveries as pending, marked with the job, then send their wake-ups.
//! *Killed between the two*, deliveries are pending without a wake-up: `sweep` finds them overdue, some minutes later. (A
//! resumed job cannot tell them from those whose wake-up waits behind thousands of others at a slow endpoint.) The mark
//! keeps a job that is resumed late from reviving what failed again meanwhile.

use domain::delivery::{Delivery, DeliveryKey, Purpose, RecoverJob};
use domain::ids::{DeliveryId, LogShard};
use futures::{StreamExt, TryStreamExt};
use jiff::Timestamp;
use platform::queue::message::WebhookWakeUp;
use platform::queue::sending::Outgoing;
use platform::store::log::Unsettled;
use platform::store::{StoreError, Stored};

use crate::{BulkJobs, JobError, Progress, Run, WRITES};

impl BulkJobs {
    pub(crate) async fn recover(
        &self,
        run: &Run<'_>,
        job: &RecoverJob,
        since: Timestamp,
    ) -> Result<Progress, JobError> {
        let webhook = self
            .store
            .webhook(&run.job.workspace, &run.job.webhook)
            .await?;
        // Deleted or switched off since it was asked for: there is nothing to recover into.
        if !webhook.is_some_and(|webhook| webhook.value.is_active()) {
            return Ok(Progress::Finished);
        }
        for shard in LogShard::all() {
            let mut pages = self.pages(run, Unsettled::Failed, shard, before(since));
            while let Some(page) = pages.next(&self.store).await? {
                if self.out_of_time(run) {
                    return Ok(Progress::Unfinished);
                }
                self.revive(run, &page, job).await?;
            }
        }
        Ok(Progress::Finished)
    }

    async fn revive(
        &self,
        run: &Run<'_>,
        keys: &[DeliveryKey],
        job: &RecoverJob,
    ) -> Result<(), JobError> {
        let stored = self.read(keys).await?.into_iter();
        let writes = stored.map(|stored| self.revive_one(stored, job));
        let revived: Vec<Option<DeliveryKey>> = futures::stream::iter(writes)
            .buffer_unordered(WRITES)
            .try_collect()
            .await?;
        self.wake(run, revived.iter().flatten()).await
    }

    async fn revive_one(
        &self,
        stored: Stored,
        job: &RecoverJob,
    ) -> Result<Option<DeliveryKey>, StoreError> {
        let Stored {
            value: delivery,
            rev,
        } = stored;
        if delivery.purpose == Purpose::Test || delivery.recovered_by.as_ref() == Some(job) {
            return Ok(None);
        }
        let now = (self.clock)();
        let Some(state) = delivery.state.recover(now) else {
            return Ok(None);
        };
        let key = delivery.key.clone();
        let revived = Stored {
            value: Delivery {
                state,
                recovered_by: Some(job.clone()),
                ..delivery
            },
            rev,
        };
        match self.store.save_delivery(&revived, now).await {
            // Somebody resends it at this moment; or this very write took effect, and its answer was lost: one wake-up too
            // many changes nothing.
            Ok(_) | Err(StoreError::Conflict) => Ok(Some(key)),
            Err(other) => Err(other),
        }
    }

    async fn wake<'a>(
        &self,
        run: &Run<'_>,
        keys: impl Iterator<Item = &'a DeliveryKey>,
    ) -> Result<(), JobError> {
        let wake_up =
            |key: &DeliveryKey| Outgoing::json(&WebhookWakeUp::of(key), key.webhook.as_str());
        let messages: Vec<_> = keys.map(wake_up).collect();
        let sent = self.slow.send_all(&messages).await;
        sent.into_iter().collect::<Result<(), _>>()?;
        run.touch(messages.len() as u64);
        Ok(())
    }
}

/// A sort key before every delivery of events at or after `since`, and behind every earlier one: the lower bound less
/// its last character.
fn before(since: Timestamp) -> String {
    let mut bound = DeliveryId::lower_bound(since);
    bound.pop();
    bound
}
