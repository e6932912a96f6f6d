//! The batch's messages, read and sorted by delivery, and the lane that they came by.

use aws_lambda_events::event::sqs::SqsMessage;
use domain::webhook::Lane;
use platform::batch::wake_ups::{self, WakeUps};
use platform::queue::message::WebhookWakeUp;

/// A delivery that was woken.
pub(crate) type Arrival = wake_ups::Arrival<WebhookWakeUp>;

/// The messages of a batch.
pub(crate) struct Arrivals {
    /// The queue that brought them.
    pub(crate) lane: Lane,
    /// The deliveries that they wake, each once.
    pub(crate) deliveries: Vec<Arrival>,
    /// The messages that are no wake-ups.
    pub(crate) unreadable: Vec<wake_ups::Unreadable>,
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
        let WakeUps {
            arrivals,
            unreadable,
        } = WakeUps::read(records);
        Arrivals {
            lane,
            deliveries: arrivals,
            unreadable,
        }
    }
}
