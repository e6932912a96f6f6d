//! Crowds: neither an endpoint nor a workspace gets the whole slow lane.
//!
//! A batch lasts as long as its slowest record, so that an endpoint that hangs, and has thousands of deliveries waiting,
//! would have every batch of the lane last for 10 s, and all other endpoints wait for a batch to end. So would a workspace
//! whose hundreds of endpoints hang, each with a few. While the lane has a backlog, a batch with a crowd of deliveries to
//! one endpoint, or to the endpoints of one workspace, therefore has to take one of its few turns first
//! ([`platform::store::turns`]). Where all are taken, the crowd is held back: sent to the lane once more, hidden for a
//! moment. Such messages do not count as in flight, which those do that are hidden by a visibility time-out; how often they
//! have been held back counts for nothing.
//!
//! Without a backlog batches that last begin, and so end, one after another and not in waves: where all are at work, one
//! ends in a moment.
//!
//! An endpoint that this process knows to be quick needs no turns, whether it fails or not, and neither does the fast lane:
//! there a batch that lasts shows its endpoint out ([`pace`](crate::pace)).

use std::collections::{BTreeMap, HashSet};
use std::num::NonZeroUsize;
use std::time::Duration;

use domain::ids::WebhookId;
use domain::webhook::{Lane, Webhook};
use futures::future::join_all;
use platform::store::turns::{Turn, TurnOf};

use crate::DeliverWebhook;
use crate::arrivals::{Arrival, Arrivals};
use crate::settle::Disposition;
use crate::step::{Batch, LEASE};

/// More deliveries of one webhook or workspace in a batch are a crowd: a quarter of the largest batch. Few enough to see
/// each of three that hang at the same time; more than a second brings for an endpoint that is slow, and not behind.
pub const CROWD: usize = 25;
/// So many deliveries in a batch are a sign of a backlog: half of the largest batch, which one of large bodies does not
/// reach.
pub const BACKLOG: usize = 50;
/// What is held back comes again after so long, and up to twice as much more: about as long as an attempt may take.
pub const HELD_BACK: Duration = Duration::from_secs(5);

/// How many batches of the slow lane may hold a crowd at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turns {
    /// Of deliveries to one endpoint.
    pub endpoint: NonZeroUsize,
    /// Of deliveries to the endpoints of one workspace.
    pub workspace: NonZeroUsize,
}

impl Turns {
    /// The turns where the lane has so many batches at work at a time: a tenth of them for an endpoint, a quarter for a
    /// workspace, at least one.
    pub fn of(slow_lane_concurrency: usize) -> Turns {
        let part = |of| NonZeroUsize::new(slow_lane_concurrency / of).unwrap_or(NonZeroUsize::MIN);
        Turns {
            endpoint: part(10),
            workspace: part(4),
        }
    }

    fn at(self, whose: TurnOf<'_>) -> usize {
        match whose {
            TurnOf::Endpoint(_) => self.endpoint.get(),
            TurnOf::Workspace(_) => self.workspace.get(),
        }
    }
}

/// How the crowds of a batch fared.
#[derive(Default)]
pub(crate) struct Crowds {
    taken: Vec<Turn>,
    /// Webhooks whose deliveries are of a crowd that got no turn.
    held_back: HashSet<WebhookId>,
}

impl DeliverWebhook {
    /// Takes a turn for each crowd of the batch. Who is in the crowd of an endpoint does not count in the workspace's: the
    /// neighbours of one that hangs are not held back with it.
    pub(crate) async fn take_turns(&self, batch: &Batch, arrivals: &Arrivals) -> Crowds {
        let mut crowds = Crowds::default();
        if batch.lane == Lane::Fast || arrivals.deliveries.len() < BACKLOG {
            return crowds;
        }
        let doubtful = self.doubtful(batch, arrivals);
        let (crowded, others) = split(&doubtful, |webhook| TurnOf::Endpoint(&webhook.id));
        self.take_each(crowded, &mut crowds).await;
        let (crowded, _) = split(&others, |webhook| TurnOf::Workspace(&webhook.workspace));
        self.take_each(crowded, &mut crowds).await;
        crowds
    }

    /// The webhooks that the batch may have long requests for, once for each delivery. One that is off has no attempts made.
    fn doubtful<'a>(&self, batch: &'a Batch, arrivals: &Arrivals) -> Vec<&'a Webhook> {
        let webhooks = arrivals.deliveries.iter().filter_map(|arrival| {
            let wake_up = &arrival.wake_up;
            let found = batch.config.webhook(&wake_up.workspace, &wake_up.webhook);
            found.ok().flatten()
        });
        let doubtful = webhooks.filter(|webhook| {
            webhook.is_active()
                && webhook.lane == Lane::Slow
                && !self.pace.is_known_quick(&webhook.id)
        });
        doubtful.collect()
    }

    async fn take_each(&self, crowded: Vec<Crowd<'_>>, crowds: &mut Crowds) {
        let taken = crowded.into_iter();
        let taken = taken.map(async |(whose, webhooks)| (self.take_turn(whose).await, webhooks));
        for (turn, webhooks) in join_all(taken).await {
            let ids = webhooks.into_iter().map(|webhook| webhook.id.clone());
            match turn {
                TurnTaken::Taken(turn) => crowds.taken.push(turn),
                TurnTaken::NoneLeft => crowds.held_back.extend(ids),
                TurnTaken::Unknown => {}
            }
        }
    }

    async fn take_turn(&self, whose: TurnOf<'_>) -> TurnTaken {
        let now = (self.clock)();
        let turns = self.limits.turns.at(whose);
        match self.store.take_turn(whose, turns, now, now + LEASE).await {
            Ok(Some(turn)) => TurnTaken::Taken(turn),
            Ok(None) => TurnTaken::NoneLeft,
            Err(error) => {
                tracing::warn!(?whose, %error, "no turn asked for");
                TurnTaken::Unknown
            }
        }
    }

    pub(crate) async fn end_turns(&self, crowds: Crowds) {
        let taken = crowds.taken.into_iter();
        let ended = taken.map(|turn| self.store.end_turn(turn, (self.clock)()));
        for error in join_all(ended).await.into_iter().filter_map(Result::err) {
            tracing::warn!(%error, "turn not ended; its time will be over");
        }
    }

    /// What becomes of a delivery before it is looked at: nothing, unless it is held back.
    pub(crate) fn hold_back(&self, crowds: &Crowds, arrival: &Arrival) -> Option<Disposition> {
        let held_back = crowds.held_back.contains(&arrival.wake_up.webhook);
        held_back.then(|| {
            let wait = HELD_BACK.mul_f64(1.0 + 2.0 * self.entropy.unit());
            Disposition::HoldBack(wait)
        })
    }
}

/// Whose turn a crowd needs, and the webhooks of its deliveries.
type Crowd<'a> = (TurnOf<'a>, Vec<&'a Webhook>);

/// The webhooks whose turns make them a crowd, and the others.
fn split<'a>(
    webhooks: &[&'a Webhook],
    whose: impl Fn(&'a Webhook) -> TurnOf<'a>,
) -> (Vec<Crowd<'a>>, Vec<&'a Webhook>) {
    let mut by_turn = BTreeMap::<_, Vec<_>>::new();
    for webhook in webhooks {
        by_turn.entry(whose(webhook)).or_default().push(*webhook);
    }
    let (crowds, others): (Vec<_>, Vec<_>) = by_turn
        .into_iter()
        .partition(|(_, webhooks)| webhooks.len() > CROWD);
    let others = others.into_iter().flat_map(|(_, webhooks)| webhooks);
    (crowds, others.collect())
}

/// What became of taking a turn.
enum TurnTaken {
    Taken(Turn),
    NoneLeft,
    /// The table does not tell: the crowd goes on without. Better at once than in order.
    Unknown,
}
