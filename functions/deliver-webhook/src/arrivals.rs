//! The batch's messages, read and sorted by delivery.

use std::collections::HashMap;

use aws_lambda_events::event::sqs::SqsMessage;
use domain::delivery::DeliveryKey;
use domain::webhook::Lane;
use platform::queue::message::WebhookWakeUp;

/// The messages of a batch.
pub(crate) struct Arrivals {
    /// The queue that brought them.
    pub(crate) lane: Lane,
    /// The deliveries that they wake, each once.
    pub(crate) deliveries: Vec<Arrival>,
    /// The messages that are no wake-ups.
    pub(crate) unreadable: Vec<Unreadable>,
}

/// A delivery that was woken.
pub(crate) struct Arrival {
    /// The wake-up; of several, the one that says the most.
    pub(crate) wake_up: WebhookWakeUp,
    /// The message that brought it.
    pub(crate) message: Message,
    /// Further messages that wake the same delivery: queues deliver twice now and then.
    pub(crate) duplicates: Vec<Message>,
}

/// A message as far as the queue is concerned.
pub(crate) struct Message {
    pub(crate) id: String,
    pub(crate) receipt_handle: String,
    /// Receives so far, this one included. Counts wake-ups, crashes and throttles alike: no attempt number.
    pub(crate) receive_count: u32,
}

/// A message that is no wake-up.
pub(crate) struct Unreadable {
    pub(crate) message_id: String,
    pub(crate) body: String,
    pub(crate) reason: String,
}

impl Arrivals {
    /// Reads the records of one event source mapping; its queue tells the lane.
    pub(crate) fn read(records: Vec<SqsMessage>, fast_queue: &str) -> Arrivals {
        let from_fast = |record: &SqsMessage| {
            let arn = record.event_source_arn.as_deref().unwrap_or_default();
            arn.rsplit(':').next() == Some(fast_queue)
        };
        let lane = if records.iter().any(from_fast) {
            Lane::Fast
        } else {
            Lane::Slow
        };
        let mut arrivals = Arrivals {
            lane,
            deliveries: Vec::new(),
            unreadable: Vec::new(),
        };
        let mut places: HashMap<DeliveryKey, usize> = HashMap::new();
        for record in records {
            arrivals.add(record, &mut places);
        }
        arrivals
    }

    fn add(&mut self, record: SqsMessage, places: &mut HashMap<DeliveryKey, usize>) {
        let body = record.body.unwrap_or_default();
        let id = record.message_id.unwrap_or_default();
        let wake_up: WebhookWakeUp = match serde_json::from_str(&body) {
            Ok(wake_up) => wake_up,
            Err(error) => {
                // Only the place: the parser's own words may quote the message.
                let reason = format!(
                    "not a webhook wake-up: line {}, column {}",
                    error.line(),
                    error.column()
                );
                self.unreadable.push(Unreadable {
                    message_id: id,
                    body,
                    reason,
                });
                return;
            }
        };
        let receives = record
            .attributes
            .get("ApproximateReceiveCount")
            .and_then(|count| count.parse().ok());
        let message = Message {
            id,
            receipt_handle: record.receipt_handle.unwrap_or_default(),
            receive_count: receives.unwrap_or(1),
        };
        let place = *places.entry(wake_up.key()).or_insert(self.deliveries.len());
        match self.deliveries.get_mut(place) {
            None => self.deliveries.push(Arrival {
                wake_up,
                message,
                duplicates: Vec::new(),
            }),
            Some(arrival) => {
                if arrival.wake_up.first.is_none() {
                    arrival.wake_up.first = wake_up.first;
                }
                arrival.duplicates.push(message);
            }
        }
    }
}
