//! A batch of wake-ups, read and sorted by what they wake.

use std::collections::HashMap;
use std::hash::Hash;

use aws_lambda_events::event::sqs::SqsMessage;
use domain::trace::TraceContext;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use tracing::field::display;

use super::{sent_at, trace_of};
use crate::metrics::{Count, Metrics};
use crate::queue::Queue;
use crate::queue::sending::Outgoing;

/// What wakes something.
pub trait WakeUp: DeserializeOwned {
    /// What it wakes.
    type Key: Eq + Hash;

    /// What it wakes.
    fn key(&self) -> Self::Key;

    /// Takes over what another wake-up of the same thing says beyond this one.
    fn merge(&mut self, other: Self);
}

/// The messages of a batch.
#[derive(Debug)]
pub struct WakeUps<W> {
    /// What they wake, each once.
    pub arrivals: Vec<Arrival<W>>,
    /// The messages that are no wake-ups.
    pub unreadable: Vec<Unreadable>,
}

/// Something that was woken.
#[derive(Debug)]
pub struct Arrival<W> {
    /// The wake-up; of several, what they say together.
    pub wake_up: W,
    /// The message that brought it.
    pub message: Message,
    /// Further messages that wake the same: queues deliver twice now and then.
    pub duplicates: Vec<Message>,
}

/// A message as far as the queue is concerned.
#[derive(Debug)]
pub struct Message {
    /// Names it in the answer to Lambda.
    pub id: String,
    /// Names it in calls to the queue.
    pub receipt_handle: String,
    /// Receives so far, this one included. Counts wake-ups, crashes and throttles alike: no attempt number.
    pub receive_count: u32,
    /// When it was sent.
    pub sent_at: Option<Timestamp>,
    /// The trace that it belongs to.
    pub trace: Option<TraceContext>,
}

/// A message that is no wake-up.
#[derive(Debug)]
pub struct Unreadable {
    message_id: String,
    body: String,
    reason: String,
    trace: Option<TraceContext>,
}

impl<W: WakeUp> WakeUps<W> {
    /// Reads the records of a batch.
    pub fn read(records: Vec<SqsMessage>) -> WakeUps<W> {
        let mut wake_ups = WakeUps {
            arrivals: Vec::new(),
            unreadable: Vec::new(),
        };
        let mut places = HashMap::new();
        for record in records {
            wake_ups.add(record, &mut places);
        }
        wake_ups
    }

    fn add(&mut self, mut record: SqsMessage, places: &mut HashMap<W::Key, usize>) {
        let body = record.body.take().unwrap_or_default();
        let message = Message::of(record);
        let wake_up: W = match serde_json::from_str(&body) {
            Ok(wake_up) => wake_up,
            Err(error) => {
                // Only the place: the parser's own words may quote the message.
                let reason = format!(
                    "not a wake-up: line {}, column {}",
                    error.line(),
                    error.column()
                );
                self.unreadable.push(Unreadable {
                    message_id: message.id,
                    body,
                    reason,
                    trace: message.trace,
                });
                return;
            }
        };
        let place = *places.entry(wake_up.key()).or_insert(self.arrivals.len());
        match self.arrivals.get_mut(place) {
            None => self.arrivals.push(Arrival {
                wake_up,
                message,
                duplicates: Vec::new(),
            }),
            Some(arrival) => {
                arrival.wake_up.merge(wake_up);
                arrival.duplicates.push(message);
            }
        }
    }
}

impl<W> Arrival<W> {
    /// The ids of all its messages.
    pub fn message_ids(&self) -> impl Iterator<Item = String> {
        let all = std::iter::once(&self.message).chain(&self.duplicates);
        all.map(|message| message.id.clone())
    }
}

impl Message {
    fn of(record: SqsMessage) -> Message {
        let receives = record.attributes.get("ApproximateReceiveCount");
        Message {
            receive_count: receives.and_then(|count| count.parse().ok()).unwrap_or(1),
            sent_at: sent_at(&record),
            trace: trace_of(&record),
            id: record.message_id.unwrap_or_default(),
            receipt_handle: record.receipt_handle.unwrap_or_default(),
        }
    }
}

/// Sends messages that are no wake-ups to the dead-letter queue, as they came, with the reason. The answer is the ids
/// of those that could not be sent and stay on the queue.
pub async fn dead_letter(
    dead_letters: &Queue,
    unreadable: &[Unreadable],
    metrics: &Metrics,
) -> Vec<String> {
    let messages: Vec<_> = unreadable.iter().map(Unreadable::letter).collect();
    let sent = dead_letters.send_all(&messages).await;
    let mut kept = Vec::new();
    for (unreadable, sent) in unreadable.iter().zip(sent) {
        let Unreadable {
            message_id, reason, ..
        } = unreadable;
        let trace_id = unreadable.trace.map(|trace| display(trace.trace_id()));
        match sent {
            Ok(()) => {
                metrics.add(Count::DeadLettered, 1);
                tracing::error!(message_id, reason, trace_id, "message dead-lettered");
            }
            Err(error) => {
                tracing::warn!(message_id, reason, trace_id, %error, "dead letter not sent");
                kept.push(message_id.clone());
            }
        }
    }
    kept
}

impl Unreadable {
    fn letter(&self) -> Outgoing {
        Outgoing {
            body: self.body.clone(),
            attributes: vec![("reason", self.reason.clone())],
            ..Outgoing::default()
        }
        .traced(self.trace)
    }
}
