//! Crowds: one endpoint does not get the whole slow lane.
//!
//! A batch lasts as long as its slowest record, so that an endpoint that hangs, and has thousands of deliveries waiting,
//! would have every batch of the lane last for 10 s, and all other endpoints wait for a batch to end. While the lane has a
//! backlog, a batch with a crowd of deliveries to one endpoint therefore has to take one of its few turns first
//! ([`platform::store::turns`]). Where all are taken, the crowd is held back: sent to the lane once more, hidden for a
//! moment. Such messages do not count as in flight, which those do that are hidden by a visibility time-out; how often they
//! have been held back counts for nothing.
//!
//! Without a backlog batches that last begin, and so end, one after another and not in waves: where all are at work, one
//! ends in a moment.
//!
//! An endpoint that this process knows to be quick needs no turns, whether it fails or not, and neither does the fast lane:
//! there a batch that lasts shows its endpoint out ([`pace`](crate::pace)).

use std::collections::HashMap;
use std::time::Duration;

use domain::ids::WebhookId;
use domain::webhook::{Lane, Webhook};
use futures::future::join_all;
use platform::store::turns::Turn;

use crate::DeliverWebhook;
use crate::arrivals::{Arrival, Arrivals};
use crate::settle::Disposition;
use crate::step::{Batch, LEASE};

/// More deliveries of one webhook in a batch are a crowd: a quarter of the largest batch. Few enough to see each of three
/// endpoints that hang at the same time; more than a second brings for one that is slow, and not behind.
pub const CROWD: usize = 25;
/// So many deliveries in a batch are a sign of a backlog: half of the largest batch, which one of large bodies does not
/// reach.
pub const BACKLOG: usize = 50;
/// What is held back comes again after so long, and up to twice as much more: about as long as an attempt may take.
pub const HELD_BACK: Duration = Duration::from_secs(5);

/// How the crowds of a batch fared.
#[derive(Default)]
pub(crate) struct Crowds(HashMap<WebhookId, Option<Turn>>);

impl Crowds {
    /// Whether the delivery is of a crowd that got no turn.
    fn holds_back(&self, arrival: &Arrival) -> bool {
        let turn = self.0.get(&arrival.wake_up.webhook);
        turn.is_some_and(Option::is_none)
    }
}

impl DeliverWebhook {
    /// Takes a turn for each crowd of the batch.
    pub(crate) async fn take_turns(&self, batch: &Batch, arrivals: &Arrivals) -> Crowds {
        if batch.lane == Lane::Fast || arrivals.deliveries.len() < BACKLOG {
            return Crowds::default();
        }
        let crowds = crowds(batch, arrivals).into_iter();
        let unknown = crowds.filter(|webhook| !self.pace.is_known_quick(&webhook.id));
        let turns = join_all(unknown.map(|webhook| self.take_turn(webhook))).await;
        Crowds(turns.into_iter().flatten().collect())
    }

    /// Where the table does not tell, the crowd goes on without: better at once than in order.
    async fn take_turn(&self, webhook: &Webhook) -> Option<(WebhookId, Option<Turn>)> {
        let now = (self.clock)();
        let turns = self.limits.turns.get();
        let taken = self.store.take_turn(&webhook.id, turns, now, now + LEASE);
        match taken.await {
            Ok(turn) => Some((webhook.id.clone(), turn)),
            Err(error) => {
                tracing::warn!(webhook_id = %webhook.id, %error, "no turn asked for");
                None
            }
        }
    }

    pub(crate) async fn end_turns(&self, crowds: Crowds) {
        let taken = crowds.0.into_values().flatten();
        let ended = taken.map(|turn| self.store.end_turn(turn, (self.clock)()));
        for error in join_all(ended).await.into_iter().filter_map(Result::err) {
            tracing::warn!(%error, "turn not ended; its time will be over");
        }
    }

    /// What becomes of a delivery before it is looked at: nothing, unless it is held back.
    pub(crate) fn hold_back(&self, crowds: &Crowds, arrival: &Arrival) -> Option<Disposition> {
        crowds.holds_back(arrival).then(|| {
            let wait = HELD_BACK.mul_f64(1.0 + 2.0 * self.entropy.unit());
            Disposition::HoldBack(wait)
        })
    }
}

/// The webhooks of the slow lane that the batch holds a crowd of. One that is off has no attempts made.
fn crowds<'a>(batch: &'a Batch, arrivals: &Arrivals) -> Vec<&'a Webhook> {
    let mut numbers: HashMap<&WebhookId, (&Arrival, usize)> = HashMap::new();
    for arrival in &arrivals.deliveries {
        numbers
            .entry(&arrival.wake_up.webhook)
            .or_insert((arrival, 0))
            .1 += 1;
    }
    let crowds = numbers.into_values().filter(|(_, number)| *number > CROWD);
    let webhooks = crowds.filter_map(|(arrival, _)| {
        let wake_up = &arrival.wake_up;
        let found = batch.config.webhook(&wake_up.workspace, &wake_up.webhook);
        found.ok().flatten()
    });
    let slow = webhooks.filter(|webhook| webhook.is_active() && webhook.lane == Lane::Slow);
    slow.collect()
}
