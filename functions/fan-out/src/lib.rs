//! `fan-out`: one event becomes one message per webhook that wants it, and one SMS delivery per recipient who gets one.
//!
//! Trigger: the events queue ([`FanOut::handle`]).
//!
//! # Steps, and what a death between them means
//! 1. Read each record by itself. One that is no event goes to the dead-letter queue with the reason ([`reject`]).
//!    Killed after that: the record comes back and is sent there once more; two dead letters, nothing lost.
//! 2. Read the configuration of the events' workspaces. Nothing is changed yet.
//! 3. Send each matching webhook its message ([`spread`]). Killed in between: the record comes back, all messages are
//!    sent again, and the delivery's id, computed from the event and the webhook, makes the second of two messages
//!    find its delivery done or under way.
//! 4. Decide who gets a message of an event's alert, and wake those deliveries ([`alerts`], with steps of its own).
//! 5. Answer. Records whose messages were not all sent stay on the queue; they come back as after a death.
//!
//! Nothing is written to the table for webhooks here: a delivery that succeeds at once costs its one write later.
//!
//! # Layout
//! * [`reject`] — records that are no events
//! * [`spread`] — events to webhooks' messages
//! * [`alerts`] — alerts to SMS deliveries

#![forbid(unsafe_code)]

pub mod alerts;
pub mod reject;
pub mod spread;

use std::collections::HashSet;
use std::time::Duration;

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsMessage};
use domain::event::IngestEvent;
use domain::sms::text::Brand;
use jiff::{SignedDuration, Timestamp};
use platform::batch;
use platform::clock::Clock;
use platform::queue::Queue;
use platform::store::Store;
use platform::store::config::ConfigCache;

use reject::Rejection;

/// The handler with what it needs.
pub struct FanOut {
    /// Workspaces' webhooks.
    pub config: ConfigCache,
    /// First attempts to endpoints proven fast.
    pub fast: Queue,
    /// First attempts to all others.
    pub slow: Queue,
    /// Wake-ups of SMS deliveries.
    pub sms: Queue,
    /// What cannot be read.
    pub dead_letters: Queue,
    /// The table.
    pub store: Store,
    /// Opens every SMS.
    pub brand: Brand,
    /// How long the history keeps an entry.
    pub retention: SignedDuration,
    /// The time.
    pub clock: Clock,
}

/// Nothing is begun with less time than this left.
const TIME_FOR_A_WINDOW: Duration = Duration::from_secs(10);

/// An event with the message that brought it.
struct Arrival {
    message_id: String,
    event: IngestEvent,
}

/// What became of a batch's events.
#[derive(Default)]
struct Delivered {
    /// Messages to webhooks' lanes.
    webhooks: usize,
    /// Wake-ups of SMS deliveries.
    sms: usize,
    /// The records that are not done.
    undone: HashSet<String>,
}

impl FanOut {
    /// Handles a batch of the events queue, to be done by `deadline`. The answer names the records that stay on the
    /// queue.
    pub async fn handle(&self, records: Vec<SqsMessage>, deadline: Timestamp) -> SqsBatchResponse {
        let received = records.len();
        let (mut arrivals, mut rejections) = (Vec::new(), Vec::new());
        let mut kept = HashSet::new();
        for record in records {
            match self.read(record).await {
                Ok(arrival) => arrivals.push(arrival),
                Err(Unread::Rejected(rejection)) => rejections.push(rejection),
                Err(Unread::Panicked(message_id)) => _ = kept.insert(message_id),
            }
        }
        let rejected = rejections.len();
        kept.extend(self.reject(rejections).await);
        let delivered = self.deliver(&arrivals, deadline).await;
        kept.extend(delivered.undone);
        tracing::info!(
            received,
            rejected,
            webhooks = delivered.webhooks,
            sms = delivered.sms,
            kept = kept.len(),
            "events fanned out"
        );
        batch::keep(kept)
    }

    async fn read(&self, record: SqsMessage) -> Result<Arrival, Unread> {
        let now = (self.clock)();
        let message_id = record.message_id.clone().unwrap_or_default();
        match batch::isolated(async { read(record, now) }).await {
            Ok(Ok(event)) => Ok(Arrival { message_id, event }),
            Ok(Err(rejection)) => Err(Unread::Rejected(rejection)),
            Err(panicked) => {
                tracing::error!(message_id, %panicked, "event not read");
                Err(Unread::Panicked(message_id))
            }
        }
    }

    async fn deliver(&self, arrivals: &[Arrival], deadline: Timestamp) -> Delivered {
        let workspaces = arrivals.iter().map(|arrival| &arrival.event.workspace.id);
        let config = match self.config.current(workspaces).await {
            Ok(config) => config,
            Err(error) => {
                tracing::warn!(%error, "configuration not read");
                let undone = arrivals.iter().map(|arrival| arrival.message_id.clone());
                return Delivered {
                    undone: undone.collect(),
                    ..Delivered::default()
                };
            }
        };
        // Alerts are urgent, and few.
        let alerted = self.alert(arrivals, &config, deadline).await;
        let spread = self.spread(arrivals, &config, deadline).await;
        let mut undone = alerted.undone;
        undone.extend(spread.unsent);
        Delivered {
            webhooks: spread.deliveries,
            sms: alerted.deliveries,
            undone,
        }
    }
}

/// Why there is no event to a record.
enum Unread {
    Rejected(Rejection),
    Panicked(String),
}

fn read(record: SqsMessage, now: Timestamp) -> Result<IngestEvent, Rejection> {
    let body = record.body.unwrap_or_default();
    IngestEvent::parse(body.as_bytes(), now).map_err(|error| Rejection {
        message_id: record.message_id.unwrap_or_default(),
        body,
        reason: error.to_string(),
    })
}
