//! Claiming an attempt, making it, and recording what became of it.

use std::time::Duration;

use domain::sms::delivery::{Ground, Outcome, SmsDelivery};
use domain::sms::provider::{Carrier, Gateway, Provider, TwilioAccount};
use domain::sms::provider_error::ProviderError;
use platform::store::{Saved, StoreError, StoredSms};

use crate::gateway::OpenGateway;
use crate::step::StepError;
use crate::twilio::OpenTwilio;
use crate::{Batch, DeliverSms, Disposition};

/// Longer than the function's time-out (`template.yaml`, 30 s), so that whoever holds a claim past its lease is dead.
pub const LEASE: Duration = Duration::from_secs(45);
/// No attempt is begun with less time than this left: the 10 s of the request, and what it takes to record it. A look at
/// Twilio's list takes no longer.
pub const TIME_TO_ATTEMPT: Duration = Duration::from_secs(15);
/// How long a delivery waits whose text is on its way for another one.
const TEXT_IN_FLIGHT: Duration = Duration::from_secs(15);
/// Tries to record an outcome, beside the SDK's own: without a record the send has to be looked into.
const RECORD_TRIES: u32 = 6;
const RECORD_PAUSE: Duration = Duration::from_millis(200);

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
        stored: StoredSms,
    ) -> Result<Disposition, StepError> {
        let workspace = &stored.value.key.workspace;
        let config = batch.config.provider(workspace)?;
        let Some(provider) = config.and_then(|config| config.current.as_ref()) else {
            return self.refuse(stored, no_provider()).await;
        };
        let sender = provider.carrier.sender();
        let phone = stored.value.recipient.phone.clone();
        let opted_out = self.store.opted_out(workspace, sender, &[phone]).await?;
        if !opted_out.is_empty() {
            return self.refuse(stored, opted_out_here()).await;
        }
        // Before the claim: what AWS takes its time for must not come out of the attempt's.
        let open = self.open(&stored.value, provider).await?;
        let now = (self.clock)();
        if now + TIME_TO_ATTEMPT > batch.deadline {
            return Ok(Disposition::SleepUntil(now));
        }
        let mut claimed = stored.value.clone();
        claimed.claim(ground(&provider.carrier), sender, now, LEASE);
        match self.store.save_sms(&stored, &claimed).await? {
            Saved::Written(rev) => {
                let outcome = self.send(&open, &claimed).await;
                let claimed = StoredSms {
                    value: claimed,
                    rev,
                };
                self.conclude(claimed, outcome).await
            }
            Saved::TextInFlight => {
                self.store.free_abandoned_text(&claimed).await?;
                Ok(Disposition::SleepUntil(now + TEXT_IN_FLIGHT))
            }
            Saved::Overtaken | Saved::MessageOwned => {
                let read = self.store.sms(&stored.value.key).await?;
                match read {
                    Some(read) => self.after(&read.value).await,
                    None => Ok(Disposition::Done),
                }
            }
        }
    }

    async fn refuse(
        &self,
        stored: StoredSms,
        error: ProviderError,
    ) -> Result<Disposition, StepError> {
        let now = (self.clock)();
        self.change(stored, |delivery| delivery.refuse(error.clone(), now))
            .await
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
            Open::Http(gateway) => Sent::of(self.send_by_gateway(gateway, delivery).await),
        }
    }

    /// Writes down what became of the attempt, whatever has come in between.
    async fn conclude(&self, claimed: StoredSms, sent: Sent) -> Result<Disposition, StepError> {
        let Sent {
            outcome,
            opted_out_of,
        } = sent;
        if let Some(sender) = opted_out_of {
            self.remember_opt_out(&claimed.value, &sender).await?;
        }
        let now = (self.clock)();
        let conclude = |delivery: &mut SmsDelivery| {
            delivery.conclude(outcome.clone(), now, self.retries());
        };
        let mut tries = 0;
        loop {
            let attempt = self.change(claimed.clone(), conclude).await;
            match attempt {
                Err(StepError::Store(StoreError::Unavailable(_))) if tries < RECORD_TRIES => {
                    tries += 1;
                    tokio::time::sleep(RECORD_PAUSE * tries).await;
                }
                other => return other,
            }
        }
    }

    /// Before the outcome is recorded: killed in between, the delivery is looked into, and the next alert finds it.
    async fn remember_opt_out(
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

/// What became of a send.
pub(crate) struct Sent {
    /// For the delivery.
    pub(crate) outcome: Outcome,
    /// The sender that the recipient has told to stop, where that came out.
    pub(crate) opted_out_of: Option<String>,
}

impl Sent {
    pub(crate) fn of(outcome: Outcome) -> Sent {
        Sent {
            outcome,
            opted_out_of: None,
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
        Carrier::Http(Gateway { idempotent, .. }) => Ground::Http {
            idempotent: *idempotent,
        },
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
