//! What happens to the messages once their deliveries are decided: hiding, forwarding, dead letters.

use std::time::Duration;

use jiff::Timestamp;
use platform::batch::wake_ups::{self, Message};
use platform::queue::message::WebhookWakeUp;
use platform::queue::sending::Outgoing;
use platform::queue::visibility::Sleeper;

use crate::DeliverWebhook;
use crate::arrivals::{Arrival, Arrivals};

/// What is to become of a delivery's message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Disposition {
    /// Nothing is left to do: deleted.
    Done,
    /// Its message sleeps in the slow lane until then.
    HideUntil(Timestamp),
    /// A message in the slow lane wakes it then, or sooner where that is more than a message's longest delay away; the
    /// present one is done with.
    DelayUntil(Timestamp),
    /// To the slow lane, as it is.
    Forward,
    /// Left alone: back when the queue's visibility time-out ends.
    Again,
}

impl DeliverWebhook {
    /// Carries out what was decided; the answer is the ids of the messages that stay on the queue.
    pub(crate) async fn settle(
        &self,
        arrivals: &Arrivals,
        dispositions: &[Disposition],
    ) -> Vec<String> {
        let mut kept = wake_ups::dead_letter(
            &self.queues.dead_letters,
            &arrivals.unreadable,
            &self.metrics,
        )
        .await;
        let mut moving: Vec<(&Arrival, Outgoing)> = Vec::new();
        let mut sleeping: Vec<(&Arrival, Sleeper)> = Vec::new();
        for (arrival, disposition) in arrivals.deliveries.iter().zip(dispositions) {
            match disposition {
                Disposition::Done => {}
                Disposition::Again => {
                    kept.extend(arrival.message_ids());
                }
                Disposition::Forward => moving.push((arrival, forward(arrival, &arrival.wake_up))),
                Disposition::DelayUntil(until) => {
                    let message = forward(arrival, &WebhookWakeUp::of(&arrival.wake_up.key()));
                    moving.push((arrival, message.delayed(self.until(*until))));
                }
                Disposition::HideUntil(until) => {
                    kept.push(arrival.message.id.clone());
                    sleeping.push((arrival, self.sleeper(&arrival.message, *until)));
                }
            }
        }
        kept.extend(self.move_to_slow_lane(moving).await);
        self.hide(sleeping).await;
        kept
    }

    async fn move_to_slow_lane(&self, moving: Vec<(&Arrival, Outgoing)>) -> Vec<String> {
        let (arrivals, messages): (Vec<_>, Vec<_>) = moving.into_iter().unzip();
        let sent = self.queues.slow.send_all(&messages).await;
        let unsent = arrivals
            .into_iter()
            .zip(sent)
            .filter(|(_, sent)| sent.is_err());
        unsent
            .map(|(arrival, _)| arrival.message.id.clone())
            .collect()
    }

    async fn hide(&self, sleeping: Vec<(&Arrival, Sleeper)>) {
        let (arrivals, sleepers): (Vec<_>, Vec<_>) = sleeping.into_iter().unzip();
        for (arrival, hidden) in arrivals
            .iter()
            .zip(self.queues.slow.hide_all(&sleepers).await)
        {
            if let Err(error) = hidden {
                tracing::warn!(message_id = arrival.message.id, %error, "not hidden; it comes back early");
            }
        }
    }

    fn sleeper(&self, message: &Message, until: Timestamp) -> Sleeper {
        Sleeper {
            receipt_handle: message.receipt_handle.clone(),
            wait: self.until(until),
        }
    }

    /// How long it is until then; nothing where that is past.
    pub(crate) fn until(&self, until: Timestamp) -> Duration {
        Duration::try_from(until.duration_since((self.clock)())).unwrap_or_default()
    }
}

fn forward(arrival: &Arrival, wake_up: &WebhookWakeUp) -> Outgoing {
    Outgoing::json(wake_up, wake_up.webhook.as_str()).traced(arrival.message.trace)
}
