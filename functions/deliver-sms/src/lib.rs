//! `deliver-sms`: sends the messages, and finds out what became of those that got no answer.
//!
//! Trigger: the SMS queue ([`DeliverSms::handle`]). It brings wake-ups; what is to be done stands in the table.
//!
//! # Steps of a wake-up, and what a death between them means
//! 1. Read the delivery ([`step`]). Nothing is changed yet.
//! 2. An attempt is due: claim it. The claim says through which account and sender the message goes, and takes the say
//!    over its text: no other delivery sends the same text from there to the same phone until this one is cleared up.
//!    *Killed before it:* the message comes back, as if nothing had been.
//! 3. Send ([`attempt`]). *Killed from here until step 4 is done:* the message comes back, finds the claim, sleeps until
//!    its lease ends, and the delivery was perhaps sent. At Twilio that is looked into (step 5); a gateway that honours
//!    our key gets it again; with any other the delivery ends as `unknown`.
//! 4. Record the outcome. Accepted: the provider's message becomes this delivery's own in the same transaction.
//!    *Killed after it:* the message comes back and the table says what it has to do.
//! 5. A send that got no answer: look whether the account's list holds it ([`reconcile`]), 60 s and 5 min after the
//!    attempt. One message that can only be it: it is. None at either time: the attempt may be made again. Anything
//!    else ends as `unknown`. *Killed in between:* nothing was sent; the message comes back and it is looked again.
//! 6. Take in receipts that came before the message was known to be ours ([`early_receipts`]), also when the delivery
//!    is found settled: *killed before it*, the message comes back and they are taken in then.
//! 7. Hide what waits and answer. *Killed before it:* messages come back early and sleep then.
//! 8. A message that was accepted at Twilio and has no last word yet: the index of what waits has it, by when Twilio is to
//!    be asked about it, from the write that made it `sent` until one that brings the last word, or until it was asked
//!    for the last time. No message of the queue sleeps for it; `sweep` sends one in time.
//! 9. Woken then: ask Twilio ([`inquiry`]), and put the answer to the delivery as a receipt is, together with when to ask
//!    next. *Killed before that is written:* the message comes back and it is asked again, which changes nothing.
//!    *Killed after it:* the message comes back, finds the next time far off and is deleted. A wake-up that is a little
//!    early sleeps. Whatever Twilio answers, nothing is sent, and it is asked again at the next time only.
//!
//! Run twice at the same time: each step is written on the condition that the delivery stands as it was read. Of two
//! claims one fails; a receipt that overtakes an outcome is kept, and the outcome is put to it. Of two answers to one
//! question the second is dropped, and so is one that a receipt with the last word has overtaken.
//!
//! An AWS or KMS failure is never an attempt: the message stays and comes back.
//!
//! # Layout
//! * [`step`] — what one wake-up leads to
//! * [`attempt`] — claiming, sending, recording; [`twilio`] and [`gateway`] — one request each
//! * [`reconcile`] — what became of a send without an answer
//! * [`inquiry`] — what became of a message without receipts
//! * [`early_receipts`] — receipts that were quicker than we are
//! * [`report`] — what is logged and counted

#![forbid(unsafe_code)]

pub mod attempt;
pub mod early_receipts;
pub mod gateway;
pub mod inquiry;
pub mod reconcile;
pub mod report;
pub mod step;
pub mod twilio;

use std::sync::Arc;
use std::time::Duration;

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsMessage};
use domain::endpoint_url::UrlRules;
use domain::retry::{Jitter, RetrySchedule};
use domain::sms::delivery::Retries;
use futures::future::join_all;
use jiff::Timestamp;
use platform::batch;
use platform::batch::wake_ups::{self, Arrival, WakeUps};
use platform::clock::Clock;
use platform::entropy::Entropy;
use platform::http::HttpSend;
use platform::metrics::{Count, Metrics};
use platform::queue::Queue;
use platform::queue::message::SmsWakeUp;
use platform::queue::visibility::Sleeper;
use platform::secrets::Secrets;
use platform::store::config::{Config, ConfigCache};
use platform::store::{Store, StoreError};
use platform::twilio::TwilioApi;

/// The handler with what it needs.
pub struct DeliverSms {
    /// The table.
    pub store: Store,
    /// Workspaces' providers.
    pub config: ConfigCache,
    /// Providers' secrets.
    pub secrets: Secrets,
    /// Twilio.
    pub twilio: TwilioApi,
    /// The way out to gateways. Keeps no connections: a request may be made once only.
    pub http: Arc<dyn HttpSend>,
    /// Where gateways may be.
    pub url_rules: UrlRules,
    /// Wake-ups.
    pub queue: Queue,
    /// Messages that cannot be read.
    pub dead_letters: Queue,
    /// When to try again.
    pub schedule: RetrySchedule,
    /// The deployment's public base URL, where receipts go; `None` = there are none.
    pub public_base_url: Option<String>,
    /// The time.
    pub clock: Clock,
    /// Jitter.
    pub entropy: Entropy,
    /// What is counted.
    pub metrics: Metrics,
}

/// How soon a delivery that could not be decided comes back, so often; then as the queue has it.
const SOON: Duration = Duration::from_secs(5);
const SOON_TRIES: u32 = 10;

/// What is to become of a delivery's message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Disposition {
    /// Nothing is left to do: deleted.
    Done,
    /// Woken again at that time.
    SleepUntil(Timestamp),
    /// Left alone: back when the queue's visibility time-out ends.
    Again,
}

/// What a batch has read before anything is decided.
pub(crate) struct Batch {
    pub(crate) config: Config,
    pub(crate) deadline: Timestamp,
}

impl DeliverSms {
    /// Handles a batch of the SMS queue, to be done by `deadline`. The answer names the messages that stay on the
    /// queue.
    pub async fn handle(&self, records: Vec<SqsMessage>, deadline: Timestamp) -> SqsBatchResponse {
        let received = records.len();
        let WakeUps {
            arrivals,
            unreadable,
        } = WakeUps::<SmsWakeUp>::read(records);
        let dispositions = match self.read_config(&arrivals).await {
            Ok(config) => {
                let batch = Batch { config, deadline };
                join_all(arrivals.iter().map(|arrival| self.decide(&batch, arrival))).await
            }
            Err(error) => {
                tracing::warn!(%error, "configuration not read");
                self.metrics.add(Count::Undecided, arrivals.len() as u64);
                vec![Disposition::Again; arrivals.len()]
            }
        };
        let mut kept = wake_ups::dead_letter(&self.dead_letters, &unreadable, &self.metrics).await;
        kept.extend(self.settle(&arrivals, &dispositions).await);
        let count =
            |wanted: fn(&Disposition) -> bool| dispositions.iter().filter(|d| wanted(d)).count();
        tracing::info!(
            received,
            deliveries = arrivals.len(),
            done = count(|d| matches!(d, Disposition::Done)),
            sleeping = count(|d| matches!(d, Disposition::SleepUntil(_))),
            undecided = count(|d| matches!(d, Disposition::Again)),
            "SMS batch handled"
        );
        self.metrics.emit();
        batch::keep(kept)
    }

    async fn read_config(&self, arrivals: &[Arrival<SmsWakeUp>]) -> Result<Config, StoreError> {
        let workspaces = arrivals.iter().map(|arrival| &arrival.wake_up.workspace);
        self.config.current(workspaces).await
    }

    async fn decide(&self, batch: &Batch, arrival: &Arrival<SmsWakeUp>) -> Disposition {
        let decided = batch::isolated(self.step(batch, arrival)).await;
        match decided.unwrap_or_else(|panicked| Err(panicked.into())) {
            Ok(disposition) => return disposition,
            Err(error) => self.report_undecided(arrival, &error),
        }
        // Alerts are urgent; but what does not get better must not use up its receives.
        if arrival.message.receive_count < SOON_TRIES {
            Disposition::SleepUntil((self.clock)() + SOON)
        } else {
            Disposition::Again
        }
    }

    /// Carries out what was decided; the answer is the ids of the messages that stay on the queue.
    async fn settle(
        &self,
        arrivals: &[Arrival<SmsWakeUp>],
        dispositions: &[Disposition],
    ) -> Vec<String> {
        let mut kept = Vec::new();
        let mut sleepers = Vec::new();
        for (arrival, disposition) in arrivals.iter().zip(dispositions) {
            match disposition {
                Disposition::Done => {}
                Disposition::Again => kept.extend(arrival.message_ids()),
                Disposition::SleepUntil(until) => {
                    kept.push(arrival.message.id.clone());
                    sleepers.push(Sleeper {
                        receipt_handle: arrival.message.receipt_handle.clone(),
                        wait: elapsed((self.clock)(), *until),
                    });
                }
            }
        }
        for hidden in self.queue.hide_all(&sleepers).await {
            if let Err(error) = hidden {
                tracing::warn!(%error, "not hidden; it comes back early");
            }
        }
        kept
    }

    pub(crate) fn retries(&self) -> Retries<'_> {
        Retries {
            schedule: &self.schedule,
            jitter: Jitter::from_unit(self.entropy.unit()),
        }
    }
}

/// The time from one moment to a later one; none where it is not later.
fn elapsed(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}
