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
//! * [`report`] — what is logged and counted of an event

#![forbid(unsafe_code)]

pub mod alerts;
pub mod reject;
pub mod report;
pub mod spread;

use std::time::Duration;

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsMessage};
use domain::event::IngestEvent;
use domain::sms::text::Brand;
use domain::trace::TraceContext;
use jiff::{SignedDuration, Timestamp};
use platform::batch;
use platform::clock::Clock;
use platform::metrics::{Count, Metrics};
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
    /// What is counted.
    pub metrics: Metrics,
}

/// Nothing is begun with less time than this left.
const TIME_FOR_A_WINDOW: Duration = Duration::from_secs(10);

/// An event with the message that brought it.
struct Arrival {
    message_id: String,
    event: IngestEvent,
    /// The trace that it belongs to.
    trace: Option<TraceContext>,
    /// When the queue took it.
    accepted_at: Option<Timestamp>,
}

/// How far an event has come.
#[derive(Debug, Clone, Default)]
struct Progress {
    /// Messages to webhooks' lanes.
    webhooks: usize,
    /// Wake-ups of SMS deliveries.
    sms: usize,
    /// Why it is not done, and comes back.
    undone: Option<String>,
}

impl FanOut {
    /// Handles a batch of the events queue, to be done by `deadline`. The answer names the records that stay on the
    /// queue.
    pub async fn handle(&self, records: Vec<SqsMessage>, deadline: Timestamp) -> SqsBatchResponse {
        let (mut arrivals, mut rejections, mut kept) = (Vec::new(), Vec::new(), Vec::new());
        for record in records {
            match self.read(record).await {
                Ok(arrival) => arrivals.push(arrival),
                Err(Unread::Rejected(rejection)) => rejections.push(*rejection),
                Err(Unread::Panicked(message_id)) => kept.push(message_id),
            }
        }
        kept.extend(self.reject(rejections).await);
        for (arrival, progress) in arrivals.iter().zip(self.deliver(&arrivals, deadline).await) {
            self.report(arrival, &progress);
            if progress.undone.is_some() {
                kept.push(arrival.message_id.clone());
            }
        }
        self.metrics.emit();
        batch::keep(kept)
    }

    async fn read(&self, record: SqsMessage) -> Result<Arrival, Unread> {
        let now = (self.clock)();
        let message_id = record.message_id.clone().unwrap_or_default();
        match batch::isolated(async { read(record, now) }).await {
            Ok(Ok(arrival)) => Ok(arrival),
            Ok(Err(rejection)) => Err(Unread::Rejected(rejection)),
            Err(panicked) => {
                tracing::error!(message_id, %panicked, "event not read");
                self.metrics.add(Count::Undecided, 1);
                Err(Unread::Panicked(message_id))
            }
        }
    }

    /// How far each event has come.
    async fn deliver(&self, arrivals: &[Arrival], deadline: Timestamp) -> Vec<Progress> {
        let workspaces = arrivals.iter().map(|arrival| &arrival.event.workspace.id);
        let mut progress = vec![Progress::default(); arrivals.len()];
        match self.config.current(workspaces).await {
            Ok(config) => {
                // Alerts are urgent, and few.
                self.alert(arrivals, &config, deadline, &mut progress).await;
                self.spread(arrivals, &config, deadline, &mut progress)
                    .await;
            }
            Err(error) => {
                for progress in &mut progress {
                    progress.fail(&error);
                }
            }
        }
        progress
    }
}

impl Progress {
    /// Something is not done. Of several reasons the first is told.
    fn fail(&mut self, error: &impl ToString) {
        self.undone.get_or_insert_with(|| error.to_string());
    }
}

/// Why there is no event to a record.
enum Unread {
    Rejected(Box<Rejection>),
    Panicked(String),
}

fn read(record: SqsMessage, now: Timestamp) -> Result<Arrival, Box<Rejection>> {
    let (trace, accepted_at) = (batch::trace_of(&record), batch::sent_at(&record));
    let message_id = record.message_id.unwrap_or_default();
    let body = record.body.unwrap_or_default();
    match IngestEvent::parse(body.as_bytes(), now) {
        Ok(event) => Ok(Arrival {
            message_id,
            event,
            trace,
            accepted_at,
        }),
        Err(error) => Err(Box::new(Rejection {
            message_id,
            body,
            error,
            trace,
        })),
    }
}
