//! Events to webhooks' messages.

use domain::delivery::DeliveryKey;
use domain::event::WebhookEvent;
use domain::ids::DeliveryId;
use domain::webhook::{Lane, Webhook};
use futures::StreamExt;
use jiff::Timestamp;
use platform::queue::message::{FirstAttempt, WebhookWakeUp};
use platform::queue::sending::Outgoing;
use platform::queue::{Queue, QueueError};
use platform::store::config::Config;

use crate::{Arrival, FanOut, Progress, TIME_FOR_A_WINDOW};

/// Messages to a batch call.
const CHUNK: usize = 10;
/// Batch calls under way at a time.
const CALLS: usize = 8;
/// Messages made at a time: an event of 256 KiB to 1,000 webhooks must not stand in memory a thousand times.
const WINDOW: usize = CHUNK * CALLS;

/// One event to one webhook.
struct Pair<'a> {
    /// Which of the batch's events it is.
    place: usize,
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
        progress: &mut [Progress],
    ) {
        let pairs = pairs(arrivals, config, progress);
        for window in pairs.chunks(WINDOW) {
            // The largest events to the most webhooks may take longer than one invocation has. What was sent is
            // done, so that each invocation gets further.
            if (self.clock)() + TIME_FOR_A_WINDOW > deadline {
                for pair in window {
                    progress[pair.place].fail(&"there is no time left");
                }
                continue;
            }
            for (lane, queue) in [(Lane::Fast, &self.fast), (Lane::Slow, &self.slow)] {
                let wanted = |pair: &&Pair<'_>| pair.webhook.lane == lane;
                let of_lane: Vec<_> = window.iter().filter(wanted).collect();
                for (pair, sent) in of_lane.iter().zip(send_window(queue, &of_lane).await) {
                    match sent {
                        Ok(()) => progress[pair.place].webhooks += 1,
                        Err(error) => progress[pair.place].fail(&error),
                    }
                }
            }
        }
    }
}

/// Every event with each webhook that wants it. Events of a workspace whose configuration cannot be read stay.
fn pairs<'a>(
    arrivals: &'a [Arrival],
    config: &'a Config,
    progress: &mut [Progress],
) -> Vec<Pair<'a>> {
    let mut pairs = Vec::new();
    for (place, arrival) in arrivals.iter().enumerate() {
        let Some(event) = &arrival.event.webhook else {
            continue;
        };
        match config.webhooks(&arrival.event.workspace.id) {
            Ok(webhooks) => pairs.extend(wanting(place, arrival, event, webhooks)),
            Err(error) => progress[place].fail(&error),
        }
    }
    pairs
}

fn wanting<'a>(
    place: usize,
    arrival: &'a Arrival,
    event: &'a WebhookEvent,
    webhooks: &'a [Webhook],
) -> impl Iterator<Item = Pair<'a>> {
    let project = arrival.event.project_id.as_ref();
    let wanting = webhooks
        .iter()
        .filter(move |webhook| webhook.wants(event.event_type, project));
    wanting.map(move |webhook| Pair {
        place,
        arrival,
        event,
        webhook,
    })
}

async fn send_window(queue: &Queue, pairs: &[&Pair<'_>]) -> Vec<Result<(), QueueError>> {
    // Gathered first: a lazy stream of calls would not be `Send`.
    let calls: Vec<_> = pairs
        .chunks(CHUNK)
        .map(|chunk| send_chunk(queue, chunk))
        .collect();
    futures::stream::iter(calls).buffered(CALLS).concat().await
}

async fn send_chunk(queue: &Queue, pairs: &[&Pair<'_>]) -> Vec<Result<(), QueueError>> {
    let messages: Vec<_> = pairs.iter().map(|pair| pair.message()).collect();
    queue.send_all(&messages).await
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
            accepted_at: self.arrival.accepted_at,
            body,
        };
        Outgoing::json(
            &WebhookWakeUp {
                first: Some(first),
                ..WebhookWakeUp::of(&key)
            },
            id.as_str(),
        )
        .traced(self.arrival.trace)
    }
}
