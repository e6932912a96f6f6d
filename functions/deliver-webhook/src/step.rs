//! What one wake-up leads to.

use std::time::Duration;

use domain::delivery::{
    Delivery, DeliveryKey, FailedBecause, History, Plan, Purpose, State, Verdict, WakeUp,
    WebhookEffect,
};
use domain::retry::Jitter;
use domain::signing::SigningKeys;
use domain::webhook::{Lane, Webhook};
use jiff::Timestamp;
use platform::batch::Panicked;
use platform::queue::message::{BulkJob, BulkTask, FirstAttempt};
use platform::queue::sending::Outgoing;
use platform::secrets::SecretsError;
use platform::store::config::Config;
use platform::store::{ReadDeliveries, Recorded, StoreError, Stored};

use crate::DeliverWebhook;
use crate::arrivals::Arrival;
use crate::attempt::Request;
use crate::settle::Disposition;

/// Longer than the function's time-out (`template.yaml`, 30 s), so that whoever holds a lease past its end is dead.
pub const LEASE: Duration = Duration::from_secs(45);
/// No attempt is begun with less time than this left: the 10 s of the request, and what it takes to record it.
pub const TIME_TO_ATTEMPT: Duration = Duration::from_secs(15);
/// A message received so often is settled here, before the queue's `maxReceiveCount` of 1000 would take it away: no
/// schedule needs a tenth of it, so something kills its attempts.
pub const TOO_MANY_RECEIVES: u32 = 900;
/// Tries to record an outcome, beside the SDK's own: a request that was made is not to be made again for want of a
/// record.
const RECORD_TRIES: u32 = 3;
const RECORD_PAUSE: Duration = Duration::from_millis(300);

/// What a batch has read before anything is decided.
pub(crate) struct Batch {
    pub(crate) lane: Lane,
    pub(crate) config: Config,
    pub(crate) stored: ReadDeliveries,
    pub(crate) deadline: Timestamp,
}

/// An attempt that is to be made now.
struct Due<'a> {
    arrival: &'a Arrival,
    webhook: &'a Webhook,
    delivery: Delivery,
    plan: Plan,
    /// The revision of the claim, `None` where the delivery has no item yet.
    rev: Option<u64>,
    keys: Option<SigningKeys>,
}

/// Why nothing could be decided. The message comes back.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// The table.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The key.
    #[error(transparent)]
    Secrets(#[from] SecretsError),
    /// A mistake of ours.
    #[error(transparent)]
    Panicked(#[from] Panicked),
}

impl DeliverWebhook {
    /// Does what the delivery's state asks for.
    pub(crate) async fn step(
        &self,
        batch: &Batch,
        arrival: &Arrival,
    ) -> Result<Disposition, StepError> {
        let key = arrival.wake_up.key();
        let stored = batch.stored.get(&key);
        let Some(webhook) = batch.config.webhook(&key.workspace, &key.webhook)? else {
            return self.without_webhook(batch, arrival, stored).await;
        };
        match (stored, &arrival.wake_up.first) {
            (Some(Ok(stored)), _) => self.later_attempt(batch, arrival, webhook, stored).await,
            (Some(Err(error)), _) => Err(error.clone().into()),
            (None, Some(first)) => self.first_attempt(batch, arrival, webhook, first).await,
            // Expired, or removed with the log.
            (None, None) => Ok(Disposition::Done),
        }
    }

    /// A deleted webhook's deliveries are no more. One that was recorded while the log was being removed ends, so that
    /// nothing waits for it.
    async fn without_webhook(
        &self,
        batch: &Batch,
        arrival: &Arrival,
        stored: Option<&Result<Stored, StoreError>>,
    ) -> Result<Disposition, StepError> {
        let Some(Ok(stored)) = stored else {
            return Ok(Disposition::Done);
        };
        match stored.value.state.end_disabled((self.clock)()) {
            None => Ok(Disposition::Done),
            Some(_) => {
                self.end(batch, arrival, stored, FailedBecause::WebhookDisabled)
                    .await
            }
        }
    }

    async fn first_attempt(
        &self,
        batch: &Batch,
        arrival: &Arrival,
        webhook: &Webhook,
        first: &FirstAttempt,
    ) -> Result<Disposition, StepError> {
        let mut delivery = self.new_delivery(arrival.wake_up.key(), first);
        if let Some(because) = unattempted_end(arrival, webhook, &delivery) {
            delivery.state = State::Failed(because);
            return match self.store.create_delivery(&delivery).await {
                // Somebody recorded it meanwhile: the next wake-up sees what.
                Err(StoreError::Conflict) => Ok(Disposition::Again),
                other => {
                    other?;
                    self.report_unattempted(arrival, &delivery, because);
                    Ok(Disposition::Done)
                }
            };
        }
        if batch.lane == Lane::Fast && webhook.lane == Lane::Slow {
            return Ok(Disposition::Forward);
        }
        let keys = self.secrets.signing_keys(webhook, (self.clock)()).await?;
        if self.out_of_time(batch) {
            return Ok(Disposition::Again);
        }
        let due = Due {
            arrival,
            webhook,
            delivery,
            plan: Plan::NEW,
            rev: None,
            keys,
        };
        self.attempt_and_record(batch, due).await
    }

    async fn later_attempt(
        &self,
        batch: &Batch,
        arrival: &Arrival,
        webhook: &Webhook,
        stored: &Stored,
    ) -> Result<Disposition, StepError> {
        let now = (self.clock)();
        let pending = match stored.value.state.wake_up(now) {
            WakeUp::Settled => return Ok(Disposition::Done),
            WakeUp::Sleep(pending) => {
                return Ok(self.sleep_on(batch.lane, stored, &pending).await?);
            }
            WakeUp::Attempt(pending) => pending,
        };
        if let Some(because) = unattempted_end(arrival, webhook, &stored.value) {
            return self.end(batch, arrival, stored, because).await;
        }
        // A retry that comes back to the fast lane belongs to the slow one.
        if batch.lane == Lane::Fast {
            return Ok(Disposition::DelayUntil(now));
        }
        // Before the claim: what AWS takes its time for must not come out of the attempt's.
        let keys = self.secrets.signing_keys(webhook, now).await?;
        if self.out_of_time(batch) {
            return Ok(self.keep_awake(batch.lane, now));
        }
        let delivery = Delivery {
            state: State::Pending(pending.claim((self.clock)(), LEASE)),
            ..stored.value.clone()
        };
        let claim = Stored {
            value: delivery.clone(),
            rev: stored.rev,
        };
        match self.store.save_delivery(&claim, now).await {
            Ok(rev) => {
                let due = Due {
                    arrival,
                    webhook,
                    delivery,
                    plan: pending.plan,
                    rev: Some(rev),
                    keys,
                };
                self.attempt_and_record(batch, due).await
            }
            Err(error) => {
                self.unless_overtaken(batch, &delivery.key, Err(error))
                    .await
            }
        }
    }

    /// Ends a delivery that is due and not to be attempted.
    async fn end(
        &self,
        batch: &Batch,
        arrival: &Arrival,
        stored: &Stored,
        because: FailedBecause,
    ) -> Result<Disposition, StepError> {
        let mut ended = stored.clone();
        ended.value.state = State::Failed(because);
        let saved = self.store.save_delivery(&ended, (self.clock)()).await;
        if saved.is_ok() {
            self.report_unattempted(arrival, &ended.value, because);
        }
        let saved = saved.map(|_| Disposition::Done);
        self.unless_overtaken(batch, &stored.value.key, saved).await
    }

    /// Makes the attempt and writes down what became of it, and how the delivery waits if it does.
    async fn attempt_and_record(
        &self,
        batch: &Batch,
        due: Due<'_>,
    ) -> Result<Disposition, StepError> {
        let Due {
            arrival,
            webhook,
            mut delivery,
            plan,
            rev,
            keys,
        } = due;
        let request = Request {
            webhook,
            delivery: &delivery.key.id,
            event: delivery.event_type,
            body: &delivery.body,
            number: delivery.history.next_number(),
            keys: keys.as_ref(),
        };
        let attempt = self.attempt(request).await;
        let now = (self.clock)();
        let jitter = Jitter::from_unit(self.entropy.unit());
        let mut verdict = plan.conclude(
            delivery.purpose,
            &attempt.outcome,
            now,
            &self.limits.schedule,
            jitter,
        );
        let (state, rest) = self.rest(batch.lane, verdict.state);
        verdict.state = state;
        delivery.history.push(attempt);
        delivery.state = verdict.state.clone();
        let recorded = self.record(webhook, &delivery, rev, &verdict, now).await;
        self.report_attempt(arrival, &delivery, &recorded);
        match recorded? {
            // Perhaps by ourselves, in a try whose answer was lost: the table knows what is next.
            Recorded::Overtaken => self.look_again(batch, &delivery.key).await,
            Recorded::Written { webhook_disabled } => {
                if webhook_disabled && verdict.effect != WebhookEffect::None {
                    self.end_pending(&delivery.key, now).await;
                }
                Ok(rest)
            }
        }
    }

    async fn record(
        &self,
        webhook: &Webhook,
        delivery: &Delivery,
        rev: Option<u64>,
        verdict: &Verdict,
        now: Timestamp,
    ) -> Result<Recorded, StepError> {
        let mut tries = 0;
        loop {
            match self
                .store
                .record_attempt(delivery, rev, verdict.effect, webhook, now)
                .await
            {
                Err(StoreError::Unavailable(_)) if tries < RECORD_TRIES => {
                    tries += 1;
                    tokio::time::sleep(RECORD_PAUSE * tries).await;
                }
                other => return Ok(other?),
            }
        }
    }

    /// The webhook is off: what waits ends now. Where this message is lost, each ends at its own wake-up.
    async fn end_pending(&self, key: &DeliveryKey, now: Timestamp) {
        let job = BulkJob {
            workspace: key.workspace.clone(),
            webhook: key.webhook.clone(),
            asked_at: now,
            task: BulkTask::EndPending,
        };
        if let Err(error) = self
            .queues
            .bulk
            .send(Outgoing::json(&job, key.webhook.as_str()))
            .await
        {
            tracing::warn!(workspace_id = %key.workspace, webhook_id = %key.webhook, %error, "job not sent");
        }
    }

    async fn unless_overtaken(
        &self,
        batch: &Batch,
        key: &DeliveryKey,
        written: Result<Disposition, StoreError>,
    ) -> Result<Disposition, StepError> {
        match written {
            Err(StoreError::Conflict) => self.look_again(batch, key).await,
            other => Ok(other?),
        }
    }

    async fn look_again(&self, batch: &Batch, key: &DeliveryKey) -> Result<Disposition, StepError> {
        let stored = self.store.delivery(key).await?;
        Ok(stored.map_or(Disposition::Done, |stored| {
            self.after(batch.lane, &stored.value.state)
        }))
    }

    fn new_delivery(&self, key: DeliveryKey, first: &FirstAttempt) -> Delivery {
        let now = (self.clock)();
        Delivery {
            key,
            event_id: first.event_id.clone(),
            event_type: first.event,
            purpose: Purpose::Event,
            body: first.body.clone(),
            history: History::default(),
            state: State::Success,
            recovered_by: None,
            created_at: now,
            expires_at: now + self.limits.retention,
        }
    }

    fn out_of_time(&self, batch: &Batch) -> bool {
        (self.clock)() + TIME_TO_ATTEMPT > batch.deadline
    }
}

/// Why the delivery ends without a further attempt, if it does.
fn unattempted_end(
    arrival: &Arrival,
    webhook: &Webhook,
    delivery: &Delivery,
) -> Option<FailedBecause> {
    if arrival.message.receive_count >= TOO_MANY_RECEIVES {
        Some(FailedBecause::WokenTooOften)
    } else if !webhook.is_active() && delivery.purpose == Purpose::Event {
        Some(FailedBecause::WebhookDisabled)
    } else {
        None
    }
}
