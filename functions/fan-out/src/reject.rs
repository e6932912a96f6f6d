//! Records that are no events: to the dead-letter queue at once, as they came, with the reason.

use domain::event::EventError;
use domain::trace::TraceContext;
use platform::queue::sending::Outgoing;

use crate::FanOut;

/// A record that is no event.
pub(crate) struct Rejection {
    pub(crate) message_id: String,
    pub(crate) body: String,
    pub(crate) error: EventError,
    pub(crate) trace: Option<TraceContext>,
}

/// Longest reason, in characters. The events queue's `MaximumMessageSize` leaves room for it.
const REASON: usize = 1_000;

impl FanOut {
    /// Sends them away; the answer is the messages that could not be and stay on the queue.
    pub(crate) async fn reject(&self, rejections: Vec<Rejection>) -> Vec<String> {
        let letters: Vec<_> = rejections.iter().map(Rejection::letter).collect();
        let sent = self.dead_letters.send_all(&letters).await;
        let mut kept = Vec::new();
        for (rejection, sent) in rejections.into_iter().zip(sent) {
            match sent {
                Ok(()) => self.report_rejection(&rejection),
                Err(error) => {
                    let message_id = rejection.message_id;
                    tracing::warn!(message_id, %error, "dead letter not sent");
                    kept.push(message_id);
                }
            }
        }
        kept
    }
}

impl Rejection {
    fn letter(&self) -> Outgoing {
        let reason = self.error.to_string();
        let reason = reason.chars().filter(|c| !c.is_control()).take(REASON);
        let attributes = vec![
            ("reason", reason.collect()),
            ("source_message_id", self.message_id.clone()),
        ];
        Outgoing {
            body: self.body.clone(),
            attributes,
            ..Outgoing::default()
        }
        .traced(self.trace)
    }
}
