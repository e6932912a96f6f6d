//! Events to webhooks' messages.

use std::collections::HashSet;

use domain::delivery::DeliveryKey;
use domain::event::WebhookEvent;
use domain::ids::DeliveryId;
use domain::webhook::{Lane, Webhook};
use futures::StreamExt;
use jiff::Timestamp;
use platform::queue::Queue;
use platform::queue::message::{FirstAttempt, WebhookWakeUp};
use platform::queue::sending::Outgoing;
use platform::store::config::Config;

use crate::{Arrival, FanOut, TIME_FOR_A_WINDOW};

/// Messages to a batch call.
const CHUNK: usize = 10;
/// Batch calls under way at a time.
const CALLS: usize = 8;
/// Messages made at a time: an event of 256 KiB to 1,000 webhooks must not stand in memory a thousand times.
const WINDOW: usize = CHUNK * CALLS;

/// What became of a batch's events.
#[derive(Default)]
pub(crate) struct Spread {
    /// Messages sent.
    pub(crate) deliveries: usize,
    /// The records whose messages were not all sent.
    pub(crate) unsent: HashSet<String>,
}

/// One event to one webhook.
struct Pair<'a> {
    arrival: &'a Arrival,
    event: &'a WebhookEvent,
    webhook: &'a Webhook,
}

impl FanOut {
    /// Sends the messages of all events, those of the first event first, until `deadline` is near.
    pub(crate) async fn spread(
        &self,
        arrivals: &[Arrival],
        config: &Config,
        deadline: Timestamp,
    ) -> Spread {
        let mut spread = Spread::default();
        let pairs = spread.pairs(arrivals, config);
        self.send_pairs(&pairs, deadline, &mut spread).await;
        spread
    }

    async fn send_pairs(&self, pairs: &[Pair<'_>], deadline: Timestamp, spread: &mut Spread) {
        for window in pairs.chunks(WINDOW) {
            // The largest events to the most webhooks may take longer than one invocation has. What was sent is
            // done, so that each invocation gets further.
            if (self.clock)() + TIME_FOR_A_WINDOW > deadline {
                spread.unsent.extend(window.iter().map(Pair::message_id));
                continue;
            }
            for (lane, queue) in [(Lane::Fast, &self.fast), (Lane::Slow, &self.slow)] {
                let wanted = |pair: &&Pair<'_>| pair.webhook.lane == lane;
                let of_lane: Vec<_> = window.iter().filter(wanted).collect();
                spread.add(&of_lane, &send_window(queue, &of_lane).await);
            }
        }
    }
}

impl Spread {
    /// Every event with each webhook that wants it. Events of a workspace whose configuration cannot be read stay.
    fn pairs<'a>(&mut self, arrivals: &'a [Arrival], config: &'a Config) -> Vec<Pair<'a>> {
        let mut pairs = Vec::new();
        for arrival in arrivals {
            let Some(event) = &arrival.event.webhook else {
                continue;
            };
            let workspace = &arrival.event.workspace.id;
            match config.webhooks(workspace) {
                Ok(webhooks) => pairs.extend(wanting(arrival, event, webhooks)),
                Err(error) => {
                    tracing::error!(%workspace, %error, "configuration not read");
                    self.unsent.insert(arrival.message_id.clone());
                }
            }
        }
        pairs
    }

    fn add(&mut self, pairs: &[&Pair<'_>], sent: &[bool]) {
        for (pair, sent) in pairs.iter().zip(sent) {
            if *sent {
                self.deliveries += 1;
            } else {
                self.unsent.insert(pair.message_id());
            }
        }
    }
}

fn wanting<'a>(
    arrival: &'a Arrival,
    event: &'a WebhookEvent,
    webhooks: &'a [Webhook],
) -> impl Iterator<Item = Pair<'a>> {
    let project = arrival.event.project_id.as_ref();
    let wanting = webhooks
        .iter()
        .filter(move |webhook| webhook.wants(event.event_type, project));
    wanting.map(move |webhook| Pair {
        arrival,
        event,
        webhook,
    })
}

async fn send_window(queue: &Queue, pairs: &[&Pair<'_>]) -> Vec<bool> {
    // Gathered first: a lazy stream of calls would not be `Send`.
    let calls: Vec<_> = pairs
        .chunks(CHUNK)
        .map(|chunk| send_chunk(queue, chunk))
        .collect();
    futures::stream::iter(calls).buffered(CALLS).concat().await
}

async fn send_chunk(queue: &Queue, pairs: &[&Pair<'_>]) -> Vec<bool> {
    let messages: Vec<_> = pairs.iter().map(|pair| pair.message()).collect();
    let sent = queue.send_all(&messages).await;
    if let Some(error) = sent.iter().find_map(|sent| sent.as_ref().err()) {
        tracing::warn!(queue = queue.name(), %error, "first attempts not sent");
    }
    sent.iter().map(Result::is_ok).collect()
}

impl Pair<'_> {
    fn message_id(&self) -> String {
        self.arrival.message_id.clone()
    }

    fn message(&self) -> Outgoing {
        let event = &self.arrival.event;
        let Webhook { id, workspace, .. } = self.webhook;
        let delivery = DeliveryId::for_webhook(workspace, &event.id, event.occurred_at, id);
        let key = DeliveryKey {
            workspace: workspace.clone(),
            webhook: id.clone(),
            id: delivery,
        };
        let WebhookEvent { event_type, body } = self.event.clone();
        let first = FirstAttempt {
            event_id: event.id.clone(),
            event: event_type,
            body,
        };
        Outgoing::json(
            &WebhookWakeUp {
                first: Some(first),
                ..WebhookWakeUp::of(&key)
            },
            id.as_str(),
        )
    }
}
