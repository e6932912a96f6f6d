//! Which endpoints are proven fast.
//!
//! A batch lasts as long as its slowest record, so the fast lane admits only endpoints that have shown to be fast, and
//! shows them out when they turn slow. The mark is on the webhook and is written on change only; what leads to it is
//! kept in the process's memory, where losing it costs nothing but a later change.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::delivery::Outcome;
use domain::ids::{WebhookId, WorkspaceId};
use domain::webhook::{Lane, Webhook};
use platform::store::StoreError;

use crate::DeliverWebhook;

/// What this process has seen of endpoints' speed.
#[derive(Default)]
pub struct Pace(Mutex<Seen>);

#[derive(Default)]
struct Seen {
    streaks: HashMap<WebhookId, Streak>,
    /// Sorted, so that a run can be repeated exactly.
    moves: BTreeMap<WebhookId, (WorkspaceId, Lane)>,
}

/// Alike outcomes in a row.
#[derive(Clone, Copy, Default)]
struct Streak {
    quick_successes: u32,
    failures: u32,
}

/// Endpoints remembered at most; beyond it the memory starts over.
const REMEMBERED: usize = 10_000;
/// So many failures in a row move an endpoint to the slow lane, however quickly it fails.
const FAILURES: u32 = 3;

impl Pace {
    /// Takes note of an attempt.
    pub(crate) fn observe(&self, webhook: &Webhook, outcome: &Outcome, duration: Duration) {
        let mut seen = self.seen();
        if seen.streaks.len() >= REMEMBERED {
            seen.streaks.clear();
        }
        let streak = seen.streaks.entry(webhook.id.clone()).or_default();
        streak.observe(outcome, duration);
        let lane = streak.lane(duration);
        if let Some(lane) = lane.filter(|lane| *lane != webhook.lane) {
            seen.moves
                .insert(webhook.id.clone(), (webhook.workspace.clone(), lane));
        }
    }

    fn take_moves(&self) -> BTreeMap<WebhookId, (WorkspaceId, Lane)> {
        std::mem::take(&mut self.seen().moves)
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        // A panic elsewhere cannot leave the maps half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Streak {
    fn observe(&mut self, outcome: &Outcome, duration: Duration) {
        *self = match outcome.judge() {
            Err(_) => Streak {
                quick_successes: 0,
                failures: self.failures + 1,
            },
            Ok(()) if duration >= Lane::SLOW_FROM => Streak::default(),
            Ok(()) => Streak {
                quick_successes: self.quick_successes + 1,
                failures: 0,
            },
        };
    }

    /// The lane that the endpoint has shown to belong to, if it has.
    fn lane(self, last: Duration) -> Option<Lane> {
        if last >= Lane::SLOW_FROM || self.failures >= FAILURES {
            Some(Lane::Slow)
        } else {
            (self.quick_successes >= Lane::PROOF).then_some(Lane::Fast)
        }
    }
}

impl DeliverWebhook {
    /// Writes the marks of the endpoints that changed lanes. Lost marks are made again by the next batch.
    pub(crate) async fn mark_lanes(&self) {
        for (webhook, (workspace, lane)) in self.pace.take_moves() {
            match self.mark_lane(&workspace, &webhook, lane).await {
                Ok(()) | Err(StoreError::Conflict) => {}
                Err(error) => {
                    tracing::warn!(workspace_id = %workspace, webhook_id = %webhook, %error, "lane not marked");
                }
            }
        }
    }

    async fn mark_lane(
        &self,
        workspace: &WorkspaceId,
        webhook: &WebhookId,
        lane: Lane,
    ) -> Result<(), StoreError> {
        let Some(mut webhook) = self.store.webhook(workspace, webhook).await? else {
            return Ok(());
        };
        if webhook.value.move_to(lane, (self.clock)()) {
            self.store.save_webhook(&webhook).await?;
            tracing::info!(workspace_id = %workspace, webhook_id = %webhook.value.id, ?lane, "lane changed");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(code: u16) -> Outcome {
        Outcome::Response {
            code,
            body: None,
            retry_after: None,
        }
    }

    fn after(observations: &[(u16, u64)]) -> Option<Lane> {
        let mut streak = Streak::default();
        for (code, millis) in observations {
            streak.observe(&answer(*code), Duration::from_millis(*millis));
        }
        streak.lane(Duration::from_millis(
            observations.last().map_or(0, |last| last.1),
        ))
    }

    #[test]
    fn five_quick_successes_in_a_row_prove_an_endpoint_fast() {
        assert_eq!(after(&[(200, 30); 4]), None);
        assert_eq!(after(&[(200, 30); 5]), Some(Lane::Fast));
        assert_eq!(
            after(&[
                (200, 30),
                (200, 30),
                (500, 30),
                (200, 30),
                (200, 30),
                (200, 30)
            ]),
            None
        );
    }

    #[test]
    fn one_slow_attempt_or_three_failures_in_a_row_are_slow() {
        assert_eq!(after(&[(200, 2_000)]), Some(Lane::Slow));
        assert_eq!(after(&[(500, 10); 2]), None);
        assert_eq!(after(&[(500, 10); 3]), Some(Lane::Slow));
    }
}
