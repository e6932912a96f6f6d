//! Failed deliveries get a fresh schedule, the first attempt at once.
//!
//! For each page: write the deliveries as pending, marked with the job, then send their wake-ups.
//! *Killed between the two*, deliveries are pending without a wake-up. A resumed job therefore, when nothing failed is
//! left, wakes what is pending under its mark and overdue, never attempted since. The mark also keeps a job that is
//! resumed late from reviving what failed again meanwhile.

use std::time::Duration;

use domain::delivery::{Delivery, DeliveryKey, Pending, Plan, Purpose, RecoverJob, State};
use domain::ids::{DeliveryId, LogShard};
use futures::{StreamExt, TryStreamExt};
use jiff::Timestamp;
use platform::queue::message::WebhookWakeUp;
use platform::queue::sending::Outgoing;
use platform::store::log::Unsettled;
use platform::store::{StoreError, Stored};

use crate::{BulkJobs, JobError, Progress, Run, WRITES};

/// A wake-up that has not been heeded for so long is lost.
const OVERDUE: Duration = Duration::from_secs(60);

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
        let stages = [Unsettled::Failed, Unsettled::Pending];
        for which in &stages[..if run.resumed { 2 } else { 1 }] {
            for shard in LogShard::all() {
                let mut pages = self.pages(run, *which, shard, before(since));
                while let Some(page) = pages.next(&self.store).await? {
                    if self.out_of_time(run) {
                        return Ok(Progress::Unfinished);
                    }
                    match which {
                        Unsettled::Pending => self.wake_marked(run, &page, job).await?,
                        Unsettled::Failed => self.revive(run, &page, job).await?,
                    }
                }
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
            Ok(_) => Ok(Some(key)),
            // Somebody resends it at this moment.
            Err(StoreError::Conflict) => Ok(None),
            Err(other) => Err(other),
        }
    }

    async fn wake_marked(
        &self,
        run: &Run<'_>,
        keys: &[DeliveryKey],
        job: &RecoverJob,
    ) -> Result<(), JobError> {
        let overdue_since = (self.clock)() - OVERDUE;
        let stored = self.read(keys).await?;
        let marked = stored.iter().filter(|stored| {
            let delivery = &stored.value;
            delivery.recovered_by.as_ref() == Some(job)
                && lacks_wake_up(&delivery.state, overdue_since)
        });
        self.wake(run, marked.map(|stored| &stored.value.key)).await
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

/// Whether a revived delivery should have been attempted before that time and was not.
fn lacks_wake_up(state: &State, overdue_since: Timestamp) -> bool {
    matches!(
        state,
        State::Pending(Pending { plan: Plan::Schedule { failures: 0 }, lease: None, next_attempt_at, .. })
            if *next_attempt_at < overdue_since
    )
}

/// A sort key before every delivery of events at or after `since`, and behind every earlier one: the lower bound less
/// its last character.
fn before(since: Timestamp) -> String {
    let mut bound = DeliveryId::lower_bound(since);
    bound.pop();
    bound
}
