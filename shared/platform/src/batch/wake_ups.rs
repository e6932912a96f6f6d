//! A batch of wake-ups, read and sorted by what they wake.

use std::collections::HashMap;
use std::hash::Hash;

use aws_lambda_events::event::sqs::SqsMessage;
use jiff::Timestamp;
use serde::de::DeserializeOwned;

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
}

/// A message that is no wake-up.
#[derive(Debug)]
pub struct Unreadable {
    message_id: String,
    body: String,
    reason: String,
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
        let attribute = |name| record.attributes.get(name).map(String::as_str);
        let receives = attribute("ApproximateReceiveCount").and_then(|count| count.parse().ok());
        let sent_at = attribute("SentTimestamp")
            .and_then(|millis| millis.parse().ok())
            .and_then(|millis| Timestamp::from_millisecond(millis).ok());
        Message {
            receive_count: receives.unwrap_or(1),
            sent_at,
            id: record.message_id.unwrap_or_default(),
            receipt_handle: record.receipt_handle.unwrap_or_default(),
        }
    }
}

/// Sends messages that are no wake-ups to the dead-letter queue, as they came, with the reason. The answer is the ids
/// of those that could not be sent and stay on the queue.
pub async fn dead_letter(dead_letters: &Queue, unreadable: &[Unreadable]) -> Vec<String> {
    let message = |unreadable: &Unreadable| {
        tracing::error!(
            message_id = unreadable.message_id,
            reason = unreadable.reason,
            "message rejected"
        );
        Outgoing {
            body: unreadable.body.clone(),
            attributes: vec![("reason", unreadable.reason.clone())],
            ..Outgoing::default()
        }
    };
    let messages: Vec<_> = unreadable.iter().map(message).collect();
    let sent = dead_letters.send_all(&messages).await;
    let unsent = unreadable
        .iter()
        .zip(sent)
        .filter(|(_, sent)| sent.is_err());
    unsent
        .map(|(unreadable, _)| unreadable.message_id.clone())
        .collect()
}
