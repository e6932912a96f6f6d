//! Events to webhooks' messages.

use std::collections::HashSet;

use domain::delivery::DeliveryKey;
use domain::event::WebhookEvent;
use domain::ids::DeliveryId;
use domain::webhook::{Lane, Webhook};
use futures::StreamExt;
use platform::queue::Queue;
use platform::queue::message::{FirstAttempt, WebhookWakeUp};
use platform::queue::sending::Outgoing;
use platform::store::config::Config;

use crate::{Arrival, FanOut};

/// Messages made at a time, as many as a batch call takes: an event of 256 KiB to 1,000 webhooks must not stand in
/// memory a thousand times.
const CHUNK: usize = 10;
/// Batch calls under way at a time.
const CALLS: usize = 8;

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
    /// Sends the messages of all events.
    pub(crate) async fn spread(&self, arrivals: &[Arrival]) -> Spread {
        let workspaces = arrivals.iter().map(|arrival| &arrival.event.workspace.id);
        match self.config.current(workspaces).await {
            Ok(config) => self.send_pairs(&pairs(arrivals, &config)).await,
            Err(error) => {
                tracing::warn!(%error, "configuration not read");
                let unsent = arrivals
                    .iter()
                    .map(|arrival| arrival.message_id.clone())
                    .collect();
                Spread {
                    deliveries: 0,
                    unsent,
                }
            }
        }
    }

    async fn send_pairs(&self, pairs: &[Pair<'_>]) -> Spread {
        let mut spread = Spread::default();
        for (lane, queue) in [(Lane::Fast, &self.fast), (Lane::Slow, &self.slow)] {
            let of_lane: Vec<_> = pairs
                .iter()
                .filter(|pair| pair.webhook.lane == lane)
                .collect();
            // Gathered first: a lazy stream of calls would not be `Send`.
            let calls: Vec<_> = of_lane.chunks(CHUNK).map(|chunk| send_chunk(queue, chunk)).collect();
            let sent: Vec<_> = futures::stream::iter(calls).buffered(CALLS).concat().await;
            for (pair, sent) in of_lane.iter().zip(sent) {
                if sent {
                    spread.deliveries += 1;
                } else {
                    spread.unsent.insert(pair.arrival.message_id.clone());
                }
            }
        }
        spread
    }
}

fn pairs<'a>(arrivals: &'a [Arrival], config: &'a Config) -> Vec<Pair<'a>> {
    let mut pairs = Vec::new();
    for arrival in arrivals {
        let Some(event) = &arrival.event.webhook else {
            continue;
        };
        let project = arrival.event.project_id.as_ref();
        let wanting = config.webhooks(&arrival.event.workspace.id).iter();
        let wanting = wanting.filter(|webhook| webhook.wants(event.event_type, project));
        pairs.extend(wanting.map(|webhook| Pair {
            arrival,
            event,
            webhook,
        }));
    }
    pairs
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
