//! What one wake-up leads to.

use std::time::Duration;

use domain::sms::delivery::{Inquiry, SmsDelivery, State, WakeUp};
use jiff::Timestamp;
use platform::batch::Panicked;
use platform::batch::wake_ups::{Arrival, WakeUp as _};
use platform::queue::message::SmsWakeUp;
use platform::secrets::SecretsError;
use platform::store::{Saved, StoreError, StoredSms};

use crate::{Batch, DeliverSms, Disposition, report};

/// A message received so often is settled here, before the queue's `maxReceiveCount` of 1000 would take it away: no
/// schedule needs a tenth of it, so something kills its attempts.
pub const TOO_MANY_RECEIVES: u32 = 900;
/// A wake-up may come before the item that it wakes: whoever asks for a test message sends it first. So long after it
/// was sent, the item will not come any more.
pub const PATIENCE: Duration = Duration::from_secs(120);
/// When a wake-up that came before its item looks again.
const LOOK_AGAIN: Duration = Duration::from_secs(3);
/// How often a step is computed anew because the delivery has moved on meanwhile.
const STEP_TRIES: u32 = 8;
/// How early at most a wake-up may be that is for asking about a message: `sweep` sends them up to 14 minutes ahead of
/// time, and clocks differ. One that comes still earlier is of another kind, and the one in time is yet to be sent.
const WOKEN_AHEAD: Duration = Duration::from_secs(14 * 60 + 30);

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
    /// Receipts keep coming in between, or the table and we disagree.
    #[error("the delivery keeps changing")]
    KeepsChanging,
}

/// How a delivery stands once a step was put to it.
#[derive(Debug)]
pub(crate) struct Stepped {
    /// Whether the step was written; else there was nothing for it to change any more.
    pub(crate) written: bool,
    delivery: Option<SmsDelivery>,
}

impl Stepped {
    /// Nothing was written.
    fn found(delivery: Option<SmsDelivery>) -> Stepped {
        Stepped {
            written: false,
            delivery,
        }
    }

    /// The delivery; none where its item is gone.
    pub(crate) fn delivery(&self) -> Option<&SmsDelivery> {
        self.delivery.as_ref()
    }
}

impl DeliverSms {
    /// Does what the delivery's state asks for.
    pub(crate) async fn step(
        &self,
        batch: &Batch,
        arrival: &Arrival<SmsWakeUp>,
    ) -> Result<Disposition, StepError> {
        let key = arrival.wake_up.key();
        let Some(stored) = self.store.sms(&key).await? else {
            return Ok(self.before_its_item(arrival));
        };
        let now = (self.clock)();
        if arrival.message.receive_count >= TOO_MANY_RECEIVES {
            return self.give_up(arrival, stored, now).await;
        }
        match stored.value.wake_up(now) {
            WakeUp::Settled => self.rest(&stored.value, now).await,
            WakeUp::Ask(inquiry) => self.inquire(batch, arrival, stored, &inquiry).await,
            WakeUp::Sleep(until) => Ok(Disposition::SleepUntil(until)),
            WakeUp::Attempt(_) => self.attempt(batch, arrival, stored).await,
            WakeUp::AnswerLost(_) => self.answer_lost(arrival, stored).await,
            WakeUp::Check(doubt) => self.reconcile(batch, arrival, stored, &doubt).await,
        }
    }

    async fn give_up(
        &self,
        arrival: &Arrival<SmsWakeUp>,
        stored: StoredSms,
        now: Timestamp,
    ) -> Result<Disposition, StepError> {
        let was_settled = matches!(stored.value.state, State::Settled(_));
        let stepped = self
            .change(stored, |delivery| delivery.give_up(now))
            .await?;
        if was_settled {
            // It had ended before: only its message is not asked about any more.
            return self.go_on(&stepped).await;
        }
        self.end(arrival, stepped).await
    }

    async fn answer_lost(
        &self,
        arrival: &Arrival<SmsWakeUp>,
        stored: StoredSms,
    ) -> Result<Disposition, StepError> {
        let (now, before) = ((self.clock)(), stored.value.state.clone());
        let stepped = self
            .change(stored, |delivery| delivery.answer_lost(now, self.retries()))
            .await?;
        if let Some(after) = stepped.delivery().filter(|_| stepped.written) {
            self.report_interrupted(arrival, &before, after);
        }
        self.go_on(&stepped).await
    }

    /// A delivery was ended without an attempt, unless it has moved on meanwhile.
    pub(crate) async fn end(
        &self,
        arrival: &Arrival<SmsWakeUp>,
        stepped: Stepped,
    ) -> Result<Disposition, StepError> {
        if let Some(ended) = stepped.delivery().filter(|_| stepped.written) {
            report::unattempted(arrival, ended);
        }
        self.go_on(&stepped).await
    }

    fn before_its_item(&self, arrival: &Arrival<SmsWakeUp>) -> Disposition {
        let now = (self.clock)();
        let young = |sent_at: Timestamp| now < sent_at + PATIENCE;
        if arrival.message.sent_at.is_some_and(young) {
            Disposition::SleepUntil(now + LOOK_AGAIN)
        } else {
            // Expired, or never made.
            Disposition::Done
        }
    }

    /// Writes a step of the delivery. Where it has moved on meanwhile, the step is put to what it has become: each one
    /// changes only what it was meant for.
    pub(crate) async fn change(
        &self,
        mut stored: StoredSms,
        step: impl Fn(&mut SmsDelivery),
    ) -> Result<Stepped, StepError> {
        let key = stored.value.key.clone();
        for _ in 0..STEP_TRIES {
            let mut after = stored.value.clone();
            step(&mut after);
            if after == stored.value {
                return Ok(Stepped::found(Some(after)));
            }
            match self.store.save_sms(&stored, &after).await? {
                Saved::Written(_) => return Ok(self.stepped(&stored.value, after)),
                Saved::MessageOwned => {
                    // The provider has accepted it, that much is certain; whose the message is was decided otherwise.
                    after.disown_message();
                    if let Saved::Written(_) = self.store.save_sms(&stored, &after).await? {
                        tracing::error!(workspace_id = %key.workspace, delivery_id = %key.id, "its message belongs to another delivery");
                        return Ok(self.stepped(&stored.value, after));
                    }
                }
                Saved::Overtaken | Saved::TextInFlight => {}
            }
            match self.store.sms(&key).await? {
                Some(read) => stored = read,
                None => return Ok(Stepped::found(None)),
            }
        }
        Err(StepError::KeepsChanging)
    }

    /// A step was written: it is counted.
    pub(crate) fn stepped(&self, before: &SmsDelivery, after: SmsDelivery) -> Stepped {
        self.metrics.add_sms_step(before, &after);
        Stepped {
            written: true,
            delivery: Some(after),
        }
    }

    /// Where the message of the delivery goes.
    pub(crate) async fn go_on(&self, stepped: &Stepped) -> Result<Disposition, StepError> {
        match stepped.delivery() {
            Some(delivery) => self.after(delivery).await,
            None => Ok(Disposition::Done),
        }
    }

    /// Where the message of a delivery goes that stands so.
    pub(crate) async fn after(&self, delivery: &SmsDelivery) -> Result<Disposition, StepError> {
        match delivery.state.due_at() {
            Some(due) => Ok(Disposition::SleepUntil(due)),
            None => self.finish(delivery).await,
        }
    }

    /// Nothing is to be done yet, or any more.
    async fn rest(&self, delivery: &SmsDelivery, now: Timestamp) -> Result<Disposition, StepError> {
        let disposition = self.finish(delivery).await?;
        let asked_at = delivery.inquiry.as_ref().map(Inquiry::due_at);
        let soon = asked_at.filter(|asked_at| *asked_at <= now + WOKEN_AHEAD);
        Ok(soon.map_or(disposition, Disposition::SleepUntil))
    }

    /// Nothing is left to send. Receipts may have come before it was known whose message they tell of.
    async fn finish(&self, delivery: &SmsDelivery) -> Result<Disposition, StepError> {
        self.take_in_early_receipts(delivery).await?;
        Ok(Disposition::Done)
    }
}
