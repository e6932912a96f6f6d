//! `deliver-webhook`: makes the attempts.
//!
//! Triggers: the fast queue and the slow queue ([`DeliverWebhook::handle`]). Both bring wake-ups; what is to be done
//! stands in the table, and only a delivery's first message says it as well.
//!
//! # Steps of a batch, and what a death between them means
//! 1. Read configuration versions, deliveries, and now and then how full the slow queue is. Nothing is changed yet.
//! 2. Where many of the deliveries are to one endpoint or of one workspace, take one of its turns, or hold them back
//!    ([`crowd`]).
//!    *Killed with a turn:* it is over when its lease is.
//! 3. For each delivery, decide ([`step`]). A first attempt is made at once; a later one is claimed first, with a
//!    lease that outlives this function.
//!    *Killed before the request:* a first attempt's message comes back as it was; a claimed one's comes back, finds
//!    the lease, sleeps until it ends, and the next claim takes the same attempt number.
//!    *Killed after the request, before the record:* the same; the endpoint gets the delivery again, with the same id.
//! 4. Record the outcome, with what it means for the webhook, in one transaction. What waits long, while the slow queue
//!    has no room for sleepers, is parked by the same write ([`rest`]).
//!    *Killed after it:* the message comes back and the table says what it has to do: sleep, or nothing. What is parked
//!    needs no message: `sweep` sends one in time.
//! 5. Hide what waits, send delayed messages for what waits without room, forward what changes lanes. *Killed before
//!    it:* messages come back early and sleep then. *Killed after a new message was sent, before the old one was
//!    deleted:* the delivery has two, and one of them finds nothing to do.
//! 6. Answer. The ones that sleep, and the ones that something kept from being decided, stay on the queue.
//!
//! Run twice at the same time: both read "no item" and both make the first attempt (at-least-once, one delivery id);
//! the second record finds the first and changes nothing. Of two claims one fails.
//!
//! An AWS or KMS failure is never an attempt: the message stays and comes back.
//!
//! # Layout
//! * [`step`] — what one wake-up leads to
//! * [`attempt`] — one HTTP request
//! * [`arrivals`] — the batch's messages, read and sorted by delivery
//! * [`crowd`] — that no endpoint and no workspace gets the whole lane
//! * [`rest`] — how a delivery waits: hidden, delayed or parked
//! * [`settle`] — hiding, forwarding, dead letters
//! * [`report`] — what is logged and counted
//! * [`pace`] — which endpoints are proven fast

#![forbid(unsafe_code)]

pub mod arrivals;
pub mod attempt;
pub mod crowd;
pub mod pace;
pub mod report;
pub mod rest;
pub mod settle;
pub mod step;

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsMessage};
use domain::retry::RetrySchedule;
use domain::webhook::Lane;
use futures::future::{Either, join, join_all, select};
use jiff::Timestamp;
use platform::batch;
use platform::clock::Clock;
use platform::entropy::Entropy;
use platform::http::HttpSend;
use platform::metrics::{Count, Metrics};
use platform::queue::Queue;
use platform::queue::room::Room;
use platform::secrets::Secrets;
use platform::store::{Store, config::ConfigCache};

use arrivals::{Arrival, Arrivals};
use crowd::Turns;
use pace::Pace;
use settle::Disposition;
use step::Batch;

/// The handler with what it needs.
pub struct DeliverWebhook {
    /// The table.
    pub store: Store,
    /// Workspaces' webhooks.
    pub config: ConfigCache,
    /// Webhooks' secrets.
    pub secrets: Secrets,
    /// The way out.
    pub http: Arc<dyn HttpSend>,
    /// The queues.
    pub queues: Queues,
    /// The room for sleepers in the slow queue.
    pub room: Room,
    /// The deployment's settings.
    pub limits: Limits,
    /// The time.
    pub clock: Clock,
    /// Jitter.
    pub entropy: Entropy,
    /// What this process has seen of endpoints' speed.
    pub pace: Pace,
    /// What is counted.
    pub metrics: Metrics,
}

/// The queues that the handler reads from or sends to.
pub struct Queues {
    /// First attempts to endpoints proven fast.
    pub fast: Queue,
    /// First attempts to all others, and all that waits.
    pub slow: Queue,
    /// Messages that cannot be read.
    pub dead_letters: Queue,
    /// Work on many deliveries.
    pub bulk: Queue,
}

/// The deployment's settings.
pub struct Limits {
    /// When to try again.
    pub schedule: RetrySchedule,
    /// How long the log keeps an entry.
    pub retention: Duration,
    /// Batches of the slow lane that may hold a [crowd] at a time.
    pub turns: Turns,
}

impl DeliverWebhook {
    /// Handles a batch of the fast or the slow queue, to be done by `deadline`. The answer names the messages that
    /// stay on the queue.
    pub async fn handle(&self, records: Vec<SqsMessage>, deadline: Timestamp) -> SqsBatchResponse {
        let received = records.len();
        let arrivals = Arrivals::read(records, self.queues.fast.name());
        let (state, ()) = join(
            self.read_state(&arrivals, deadline),
            self.look_for_room(&arrivals),
        )
        .await;
        let dispositions = match state {
            Ok(batch) => self.decide_all(&batch, &arrivals).await,
            Err(error) => {
                tracing::warn!(%error, "batch not read");
                self.metrics
                    .add(Count::Undecided, arrivals.deliveries.len() as u64);
                vec![Disposition::Again; arrivals.deliveries.len()]
            }
        };
        let kept = self.settle(&arrivals, &dispositions).await;
        self.mark_lanes().await;
        let count =
            |wanted: fn(&Disposition) -> bool| dispositions.iter().filter(|d| wanted(d)).count();
        tracing::info!(
            lane = ?arrivals.lane,
            received,
            deliveries = arrivals.deliveries.len(),
            done = count(|d| matches!(d, Disposition::Done)),
            sleeping = count(|d| matches!(d, Disposition::HideUntil(_))),
            delayed = count(|d| matches!(d, Disposition::DelayUntil(_))),
            held_back = count(|d| matches!(d, Disposition::HoldBack(_))),
            forwarded = count(|d| matches!(d, Disposition::Forward)),
            undecided = count(|d| matches!(d, Disposition::Again)),
            "webhook batch handled"
        );
        self.metrics.emit();
        batch::keep(kept)
    }

    /// Only the slow lane has sleepers.
    async fn look_for_room(&self, arrivals: &Arrivals) {
        if arrivals.lane == Lane::Slow {
            self.room.look().await;
        }
    }

    async fn read_state(
        &self,
        arrivals: &Arrivals,
        deadline: Timestamp,
    ) -> Result<Batch, platform::store::StoreError> {
        let keys: Vec<_> = arrivals
            .deliveries
            .iter()
            .map(|arrival| arrival.wake_up.key())
            .collect();
        // The version is read first: a webhook deleted in between is then known to be gone.
        let config = self
            .config
            .current(keys.iter().map(|key| &key.workspace))
            .await?;
        let stored = self.store.deliveries(&keys).await?;
        Ok(Batch {
            lane: arrivals.lane,
            config,
            stored,
            deadline,
        })
    }

    async fn decide_all(&self, batch: &Batch, arrivals: &Arrivals) -> Vec<Disposition> {
        let crowds = self.take_turns(batch, arrivals).await;
        let decisions = arrivals.deliveries.iter().map(async |arrival| {
            match self.hold_back(&crowds, arrival) {
                Some(held_back) => held_back,
                None => self.decide(batch, arrival).await,
            }
        });
        let dispositions = match select(join_all(decisions), pin!(self.keep_marking())).await {
            Either::Left((dispositions, _)) => dispositions,
            Either::Right((never, _)) => match never {},
        };
        self.end_turns(crowds).await;
        dispositions
    }

    async fn decide(&self, batch: &Batch, arrival: &Arrival) -> Disposition {
        let decided = batch::isolated(self.step(batch, arrival)).await;
        match decided.unwrap_or_else(|panicked| Err(panicked.into())) {
            Ok(disposition) => disposition,
            Err(error) => {
                self.report_undecided(arrival, &error);
                Disposition::Again
            }
        }
    }
}
