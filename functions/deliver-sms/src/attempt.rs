//! Claiming an attempt, making it, and recording what became of it.

use std::time::Duration;

use domain::sms::delivery::{ClaimId, GatewayMark, Ground, Outcome, SmsDelivery};
use domain::sms::provider::{Carrier, Gateway, Provider, TwilioAccount};
use domain::sms::provider_error::ProviderError;
use jiff::Timestamp;
use platform::batch::wake_ups::Arrival;
use platform::http::SendError;
use platform::queue::message::SmsWakeUp;
use platform::store::{Saved, StoreError, StoredSms};

use crate::gateway::OpenGateway;
use crate::step::{StepError, Stepped};
use crate::twilio::OpenTwilio;
use crate::{Batch, DeliverSms, Disposition, elapsed};

/// Longer than the function's time-out (`template.yaml`, 30 s), so that whoever holds a claim past its lease is dead.
pub const LEASE: Duration = Duration::from_secs(45);
/// No attempt is begun with less time than this left: the 10 s of the request, and what it takes to record it. A look at
/// Twilio's list takes no longer.
pub const TIME_TO_ATTEMPT: Duration = Duration::from_secs(15);
/// No request is begun with less time than this left.
const REQUEST: Duration = Duration::from_secs(11);
/// How long a delivery waits whose text is on its way for another one.
const TEXT_IN_FLIGHT: Duration = Duration::from_secs(15);
/// Tries to record an outcome, beside the SDK's own: without a record the send has to be looked into.
const RECORD_TRIES: u32 = 6;
const RECORD_PAUSE: Duration = Duration::from_millis(200);

/// What became of writing a claim.
enum Claimed {
    /// The attempt is ours to make.
    Ours(Box<StoredSms>),
    /// It is not, or not now.
    Not(Disposition),
}

/// A carrier with its secrets open, ready to send through.
enum Open<'a> {
    Twilio(OpenTwilio<'a>),
    Http(OpenGateway),
}

impl DeliverSms {
    /// The attempt is due.
    pub(crate) async fn attempt(
        &self,
        batch: &Batch,
        arrival: &Arrival<SmsWakeUp>,
        stored: StoredSms,
    ) -> Result<Disposition, StepError> {
        let workspace = &stored.value.key.workspace;
        let config = batch.config.provider(workspace)?;
        let Some(provider) = config.and_then(|config| config.current.as_ref()) else {
            return self.refuse(arrival, stored, no_provider()).await;
        };
        if self.is_gone(&stored.value).await? {
            return self.refuse(arrival, stored, member_gone()).await;
        }
        if self.has_opted_out(&stored.value, &provider.carrier).await? {
            return self.refuse(arrival, stored, opted_out_here()).await;
        }
        // Before the claim: what AWS takes its time for must not come out of the attempt's.
        let open = self.open(&stored.value, provider).await?;
        let now = (self.clock)();
        if now + TIME_TO_ATTEMPT > batch.deadline {
            return Ok(Disposition::SleepUntil(now));
        }
        let claim = ClaimId(u64::from_le_bytes(self.entropy.bytes()));
        let mut claimed = stored.value.clone();
        let (ground, sender) = (ground(&provider.carrier), provider.carrier.sender());
        claimed.claim(claim, ground, sender, now, LEASE);
        if claimed.state.claim().is_none() {
            // It cannot be sent through this provider any more.
            return self.settle_as(arrival, stored, claimed).await;
        }
        let claimed = match self.write_claim(&stored, claimed, claim).await? {
            Claimed::Ours(claimed) => *claimed,
            Claimed::Not(disposition) => return Ok(disposition),
        };
        if (self.clock)() + REQUEST > batch.deadline {
            // The claim took its time: that it was not used is known as long as this process lives.
            return self.give_back(claimed, claim).await;
        }
        let at = (self.clock)();
        let sent = self.send(&open, &claimed.value).await;
        let took = elapsed(at, (self.clock)());
        self.conclude(arrival, claimed, claim, Made { at, took, sent })
            .await
    }

    /// What was decided stands, whatever preferences say now; but who is a member no more is told nothing more.
    async fn is_gone(&self, delivery: &SmsDelivery) -> Result<bool, StoreError> {
        let SmsDelivery { key, recipient, .. } = delivery;
        let Some(user) = &recipient.user_id else {
            return Ok(false);
        };
        Ok(self.store.member(&key.workspace, user).await?.is_none())
    }

    async fn has_opted_out(
        &self,
        delivery: &SmsDelivery,
        carrier: &Carrier,
    ) -> Result<bool, StoreError> {
        let Some(sender) = carrier.opt_out_sender() else {
            return Ok(false);
        };
        let SmsDelivery { key, recipient, .. } = delivery;
        let phones = [recipient.phone.clone()];
        let opted_out = self
            .store
            .opted_out(&key.workspace, sender, &phones)
            .await?;
        Ok(!opted_out.is_empty())
    }

    /// Writes the claim. Where it is not known whether the write took effect, the table tells: the claim has a mark
    /// of its own, and an item that stands as it did was not written.
    async fn write_claim(
        &self,
        stored: &StoredSms,
        claimed: SmsDelivery,
        claim: ClaimId,
    ) -> Result<Claimed, StepError> {
        let unwritten = match self.store.save_sms(stored, &claimed).await {
            Ok(Saved::Written(rev)) => {
                let value = claimed;
                return Ok(Claimed::Ours(Box::new(StoredSms { value, rev })));
            }
            Ok(Saved::TextInFlight) => {
                self.store.free_abandoned_text(&claimed).await?;
                self.change(stored.clone(), SmsDelivery::wait_for_equal_text)
                    .await?;
                let until = (self.clock)() + TEXT_IN_FLIGHT;
                return Ok(Claimed::Not(Disposition::SleepUntil(until)));
            }
            Ok(Saved::Overtaken | Saved::MessageOwned) => None,
            Err(error @ StoreError::Unavailable(_)) => Some(error),
            Err(other) => return Err(other.into()),
        };
        match (self.store.sms(&stored.value.key).await?, unwritten) {
            (Some(read), _) if read.value.state.claim() == Some(claim) => {
                Ok(Claimed::Ours(Box::new(read)))
            }
            // Still due: to sleep until then would wake it at once, and use up its receives.
            (Some(read), Some(error)) if read.rev == stored.rev => Err(error.into()),
            (Some(read), _) => Ok(Claimed::Not(self.after(&read.value).await?)),
            (None, _) => Ok(Claimed::Not(Disposition::Done)),
        }
    }

    /// A claim that was not used.
    async fn give_back(
        &self,
        claimed: StoredSms,
        claim: ClaimId,
    ) -> Result<Disposition, StepError> {
        let now = (self.clock)();
        let stepped = self
            .change(claimed, |delivery| delivery.give_back(claim, now))
            .await?;
        self.go_on(&stepped).await
    }

    async fn settle_as(
        &self,
        arrival: &Arrival<SmsWakeUp>,
        stored: StoredSms,
        settled: SmsDelivery,
    ) -> Result<Disposition, StepError> {
        match self.store.save_sms(&stored, &settled).await? {
            Saved::Written(_) => {
                let stepped = self.stepped(&stored.value, settled);
                self.end(arrival, stepped).await
            }
            Saved::Overtaken | Saved::TextInFlight | Saved::MessageOwned => {
                Ok(Disposition::SleepUntil((self.clock)()))
            }
        }
    }

    async fn refuse(
        &self,
        arrival: &Arrival<SmsWakeUp>,
        stored: StoredSms,
        error: ProviderError,
    ) -> Result<Disposition, StepError> {
        let now = (self.clock)();
        let stepped = self
            .change(stored, |delivery| delivery.refuse(error.clone(), now))
            .await?;
        self.end(arrival, stepped).await
    }

    async fn open<'a>(
        &self,
        delivery: &SmsDelivery,
        provider: &'a Provider,
    ) -> Result<Open<'a>, StepError> {
        let workspace = &delivery.key.workspace;
        Ok(match &provider.carrier {
            Carrier::Twilio(twilio) => Open::Twilio(self.open_twilio(workspace, twilio).await?),
            Carrier::Http(gateway) => Open::Http(self.open_gateway(workspace, gateway).await?),
        })
    }

    async fn send(&self, open: &Open<'_>, delivery: &SmsDelivery) -> Sent {
        match open {
            Open::Twilio(twilio) => self.send_by_twilio(twilio, delivery).await,
            Open::Http(gateway) => self.send_by_gateway(gateway, delivery).await,
        }
    }

    /// Writes down what became of the attempt, whatever has come in between.
    async fn conclude(
        &self,
        arrival: &Arrival<SmsWakeUp>,
        claimed: StoredSms,
        claim: ClaimId,
        made: Made,
    ) -> Result<Disposition, StepError> {
        let recorded = self.record(&claimed, claim, &made.sent).await;
        self.report_attempt(arrival, &claimed.value, &made, &recorded);
        self.go_on(&recorded?).await
    }

    async fn record(
        &self,
        claimed: &StoredSms,
        claim: ClaimId,
        sent: &Sent,
    ) -> Result<Stepped, StepError> {
        if let Some(sender) = &sent.opted_out_of {
            self.remember_opt_out(&claimed.value, sender).await?;
        }
        let now = (self.clock)();
        let mut tries = 0;
        loop {
            let conclude = |delivery: &mut SmsDelivery| {
                delivery.conclude(claim, sent.outcome.clone(), now, self.retries());
            };
            match self.change(claimed.clone(), conclude).await {
                Err(StepError::Store(StoreError::Unavailable(_))) if tries < RECORD_TRIES => {
                    tries += 1;
                    tokio::time::sleep(RECORD_PAUSE * tries).await;
                }
                other => return other,
            }
        }
    }

    /// Before the outcome is recorded: killed in between, the delivery is looked into, and the next alert finds it.
    pub(crate) async fn remember_opt_out(
        &self,
        delivery: &SmsDelivery,
        sender: &str,
    ) -> Result<(), StoreError> {
        let SmsDelivery { key, recipient, .. } = delivery;
        self.store
            .add_opt_out(&key.workspace, &recipient.phone, sender, (self.clock)())
            .await
    }
}

/// A request that was made.
pub(crate) struct Made {
    /// When it was begun.
    pub(crate) at: Timestamp,
    /// How long it took.
    pub(crate) took: Duration,
    /// What became of it.
    pub(crate) sent: Sent,
}

/// What became of a send.
pub(crate) struct Sent {
    /// For the delivery.
    pub(crate) outcome: Outcome,
    /// The sender that the recipient has told to stop, where that came out.
    pub(crate) opted_out_of: Option<String>,
    /// Why there is no whole answer, in our own words.
    pub(crate) fault: Option<String>,
}

impl Sent {
    pub(crate) fn of(outcome: Outcome) -> Sent {
        Sent {
            outcome,
            opted_out_of: None,
            fault: None,
        }
    }

    /// Its answer ended before it was whole; the head has told enough.
    pub(crate) fn cut_short(self, error: &SendError) -> Sent {
        Sent {
            fault: Some(error.to_string()),
            ..self
        }
    }
}

fn ground(carrier: &Carrier) -> Ground {
    match carrier {
        Carrier::Twilio(TwilioAccount {
            account, sender, ..
        }) => Ground::Twilio {
            account: account.clone(),
            sender: sender.clone(),
        },
        Carrier::Http(Gateway {
            url, idempotent, ..
        }) => Ground::Http {
            gateway: GatewayMark::of(url),
            idempotent: *idempotent,
        },
    }
}

fn member_gone() -> ProviderError {
    ProviderError {
        code: None,
        message: "the recipient is no member of the workspace any more".to_owned(),
        remedy: "nothing, unless the member was deleted by mistake".to_owned(),
    }
}

fn no_provider() -> ProviderError {
    ProviderError {
        code: None,
        message: "the workspace has no SMS provider".to_owned(),
        remedy: "configure a provider".to_owned(),
    }
}

fn opted_out_here() -> ProviderError {
    ProviderError {
        code: None,
        message: "the recipient has told this sender to stop".to_owned(),
        remedy: "the recipient texts START to the sender, or an administrator clears the opt-out"
            .to_owned(),
    }
}
