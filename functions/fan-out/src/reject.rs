//! Records that are no events: to the dead-letter queue at once, as they came, with the reason.

use platform::queue::sending::Outgoing;

use crate::FanOut;

/// A record that is no event.
pub(crate) struct Rejection {
    pub(crate) message_id: String,
    pub(crate) body: String,
    pub(crate) reason: String,
}

/// Longest reason, in characters. The events queue's `MaximumMessageSize` leaves room for it.
const REASON: usize = 1_000;

impl FanOut {
    /// Sends them away; the answer is the messages that could not be and stay on the queue.
    pub(crate) async fn reject(&self, rejections: Vec<Rejection>) -> Vec<String> {
        let (ids, messages): (Vec<_>, Vec<_>) = rejections.into_iter().map(dead_letter).unzip();
        let sent = self.dead_letters.send_all(&messages).await;
        let unsent = ids
            .into_iter()
            .zip(sent)
            .filter_map(|(id, sent)| sent.err().map(|error| (id, error)));
        unsent
            .map(|(message_id, error)| {
                tracing::warn!(message_id, %error, "dead letter not sent");
                message_id
            })
            .collect()
    }
}

fn dead_letter(rejection: Rejection) -> (String, Outgoing) {
    let reason: String = rejection
        .reason
        .chars()
        .filter(|c| !c.is_control())
        .take(REASON)
        .collect();
    tracing::warn!(message_id = rejection.message_id, reason, "event rejected");
    let attributes = vec![
        ("reason", reason),
        ("source_message_id", rejection.message_id.clone()),
    ];
    (
        rejection.message_id,
        Outgoing {
            body: rejection.body,
            attributes,
            ..Outgoing::default()
        },
    )
}
