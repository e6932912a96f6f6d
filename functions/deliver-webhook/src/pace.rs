//! Which endpoints are proven fast.
//!
//! A batch lasts as long as its slowest record, so the fast lane admits only endpoints that have shown to be fast, and
//! shows them out when they turn slow. The mark is on the webhook and is written on change only; what leads to it is
//! kept in the process's memory, where losing it costs nothing but a later change.

use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::delivery::Outcome;
use domain::ids::{WebhookId, WorkspaceId};
use domain::webhook::{Lane, Webhook};
use jiff::Timestamp;
use platform::store::StoreError;

use crate::DeliverWebhook;

/// What this process has seen of endpoints' speed.
#[derive(Default)]
pub struct Pace(Mutex<Box<Seen>>);

#[derive(Default)]
struct Seen {
    streaks: HashMap<WebhookId, Streak>,
    /// Sorted, so that a run can be repeated exactly.
    moves: BTreeMap<WebhookId, (WorkspaceId, Lane)>,
    marks: Marks,
}

/// The marks of late.
#[derive(Default)]
struct Marks {
    since: Option<Timestamp>,
    number: usize,
}

impl Marks {
    /// Whether there may be one more now.
    fn allow(&mut self, now: Timestamp) -> bool {
        let is_over = |since: Timestamp| !(since..since + MARK_EVERY).contains(&now);
        if self.since.is_none_or(is_over) {
            *self = Marks {
                since: Some(now),
                number: 0,
            };
        }
        self.number += 1;
        self.number <= MARKS
    }
}

/// Alike outcomes in a row.
#[derive(Clone, Copy, Default)]
struct Streak {
    quick_successes: u32,
    failures: u32,
    /// Whether the last attempt was quick, whatever came of it.
    quick: bool,
}

/// Endpoints remembered at most; beyond it the memory starts over.
const REMEMBERED: usize = 10_000;
/// While a batch is at work, its endpoints' marks are written so often.
const MARK_EVERY: Duration = Duration::from_millis(500);
/// So many marks are written in that time. Each costs the workspace's partition four write units, of the 1,000 that it
/// takes a second; fifty processes that see a workspace's webhooks all turn fast at the same time write 800.
const MARKS: usize = 2;
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
        match streak.lane(duration) {
            None => {}
            // What it was to be marked as is overtaken.
            Some(lane) if lane == webhook.lane => _ = seen.moves.remove(&webhook.id),
            Some(lane) => {
                let moved = (webhook.workspace.clone(), lane);
                seen.moves.insert(webhook.id.clone(), moved);
            }
        }
    }

    /// Whether this process has made an attempt there, and the last one was quick.
    pub(crate) fn is_known_quick(&self, webhook: &WebhookId) -> bool {
        let seen = self.seen();
        seen.streaks.get(webhook).is_some_and(|streak| streak.quick)
    }

    /// The endpoints that changed lanes and are not marked yet.
    fn moves(&self) -> BTreeMap<WebhookId, (WorkspaceId, Lane)> {
        self.seen().moves.clone()
    }

    /// Whether one more may be marked now.
    fn may_mark(&self, now: Timestamp) -> bool {
        self.seen().marks.allow(now)
    }

    /// The endpoint is marked, unless it has moved on meanwhile.
    fn marked(&self, webhook: &WebhookId, lane: Lane) {
        let mut seen = self.seen();
        if seen.moves.get(webhook).is_some_and(|(_, to)| *to == lane) {
            seen.moves.remove(webhook);
        }
    }

    fn seen(&self) -> MutexGuard<'_, Box<Seen>> {
        // A panic elsewhere cannot leave the maps half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Streak {
    fn observe(&mut self, outcome: &Outcome, duration: Duration) {
        let quick = duration < Lane::SLOW_FROM;
        *self = match outcome.judge() {
            Err(_) => Streak {
                quick_successes: 0,
                failures: self.failures + 1,
                quick,
            },
            Ok(()) if !quick => Streak::default(),
            Ok(()) => Streak {
                quick_successes: self.quick_successes + 1,
                failures: 0,
                quick,
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
    /// Writes marks while a batch is at work, so that an endpoint that shares it with slower ones has its mark at once.
    /// Never ends; a mark whose writing is broken off is written again by [`Self::mark_lanes`].
    pub(crate) async fn keep_marking(&self) -> Infallible {
        loop {
            tokio::time::sleep(MARK_EVERY).await;
            self.mark_lanes().await;
        }
    }

    /// Writes the marks of the endpoints that changed lanes, not too many at once. The others, and those where the table
    /// does not answer, have theirs the next time.
    pub(crate) async fn mark_lanes(&self) {
        for (webhook, (workspace, lane)) in self.pace.moves() {
            if !self.pace.may_mark((self.clock)()) {
                return;
            }
            let marked = self.mark_lane(&workspace, &webhook, lane).await;
            if !matches!(marked, Err(StoreError::Unavailable(_))) {
                self.pace.marked(&webhook, lane);
            }
            if let Err(error @ (StoreError::Unavailable(_) | StoreError::Damaged(_))) = marked {
                tracing::warn!(workspace_id = %workspace, webhook_id = %webhook, %error, "lane not marked");
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
    use domain::catalogue::EventFilter;
    use domain::endpoint_url::{EndpointUrl, UrlRules};
    use domain::webhook::{Activity, FailureStreak};

    use super::*;

    fn answer(code: u16) -> Outcome {
        Outcome::Response {
            code,
            body: None,
            retry_after: None,
        }
    }

    fn slow_webhook() -> Webhook {
        let now = Timestamp::UNIX_EPOCH;
        let rules = UrlRules::default();
        Webhook {
            id: WebhookId::from_random([1; 16]),
            workspace: "ws_1".parse().unwrap(),
            url: EndpointUrl::parse("https://example.com/hook", rules).unwrap(),
            events: EventFilter::All,
            project_id: None,
            description: None,
            activity: Activity::Active,
            secret: None,
            retiring_secrets: Vec::new(),
            streak: FailureStreak::default(),
            lane: Lane::Slow,
            lane_since: now,
            created_at: now,
            updated_at: now,
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
    fn what_turns_slow_before_it_was_marked_fast_is_not_marked_fast() {
        let pace = Pace::default();
        let webhook = slow_webhook();
        for _ in 0..Lane::PROOF {
            pace.observe(&webhook, &answer(200), Duration::from_millis(30));
        }
        assert_eq!(pace.moves().len(), 1);
        pace.observe(&webhook, &answer(200), Duration::from_secs(9));
        assert!(pace.moves().is_empty());
    }

    #[test]
    fn no_more_than_two_marks_are_written_in_half_a_second() {
        let mut marks = Marks::default();
        let at = |millis: i64| Timestamp::from_millisecond(1_800_000_000_000 + millis).unwrap();
        let allowed = [0, 100, 200, 499, 500, 501, 999].map(|millis| marks.allow(at(millis)));
        assert_eq!(allowed, [true, true, false, false, true, true, false]);
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
