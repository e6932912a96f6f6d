//! A webhook: one configured endpoint, and what is known of it.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::catalogue::{EventFilter, EventType};
use crate::endpoint_url::EndpointUrl;
use crate::ids::{EventId, ProjectId, WebhookId, WorkspaceId};
pub use crate::secret::SealedSecret;

/// One configured endpoint.
#[derive(Debug, Clone, PartialEq)]
pub struct Webhook {
    /// Made by us, never reused.
    pub id: WebhookId,
    /// The workspace that it belongs to.
    pub workspace: WorkspaceId,
    /// Where deliveries go.
    pub url: EndpointUrl,
    /// The event types that it wants.
    pub events: EventFilter,
    /// Only this project's events; `None` = the whole workspace.
    pub project_id: Option<ProjectId>,
    /// At most 500 characters, for people.
    pub description: Option<String>,
    /// Whether deliveries are made.
    pub activity: Activity,
    /// The signing secret, encrypted.
    pub secret: Option<SealedSecret>,
    /// The secrets that were rotated away and still sign for a while, the latest first; at most [`RETIRING_SECRETS`].
    pub retiring_secrets: Vec<RetiringSecret>,
    /// The events that failed in a row.
    pub streak: FailureStreak,
    /// Which queue its new deliveries go to.
    pub lane: Lane,
    /// When the lane was set; changes are spaced by it.
    pub lane_since: Timestamp,
    /// When it was made.
    pub created_at: Timestamp,
    /// When an administrator, or the product itself, changed it last.
    pub updated_at: Timestamp,
}

/// Secrets that sign beside the current one at most: each is a signature more in every request.
pub const RETIRING_SECRETS: usize = 4;

/// Whether deliveries are made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Activity {
    /// They are.
    Active,
    /// Switched off by an administrator.
    SwitchedOff,
    /// Switched off by the product.
    Disabled {
        /// Why.
        reason: DisabledReason,
        /// Since when.
        at: Timestamp,
    },
}

/// Why the product switched a webhook off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DisabledReason {
    /// [`FailureStreak::LIMIT`] events in a row failed all their attempts.
    EventsFailedInARow,
    /// The endpoint answered 410 Gone.
    Gone,
}

impl DisabledReason {
    /// The reason in words.
    pub fn words(self) -> &'static str {
        match self {
            DisabledReason::EventsFailedInARow => "3 events in a row failed all their attempts",
            DisabledReason::Gone => "the endpoint answered 410 Gone",
        }
    }
}

/// A secret that was replaced by a rotation and signs beside the new one for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetiringSecret {
    /// The old secret.
    pub secret: SealedSecret,
    /// It signs until then.
    pub until: Timestamp,
}

/// The events that failed all their attempts since the last success. A set of ids, so that counting the same event
/// again (a repeated transaction, a recovered delivery that failed once more) changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FailureStreak(BTreeSet<EventId>);

impl FailureStreak {
    /// So many events in a row disable the webhook.
    pub const LIMIT: usize = 3;

    /// Events that failed in a row.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether the last event that ended got through.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Which queue the first attempts of an endpoint go through: a slow endpoint must not share batches with fast ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lane {
    /// Proven fast.
    Fast,
    /// New, slow or failing.
    Slow,
}

impl Lane {
    /// An attempt that takes this long or longer is slow.
    pub const SLOW_FROM: Duration = Duration::from_secs(2);
    /// So many quick successes in a row, seen by one process, prove an endpoint fast.
    pub const PROOF: u32 = 5;
    /// An endpoint that turned slow stays in the slow lane at least so long: bounds the writes of one that flaps.
    pub const MIN_STAY: Duration = Duration::from_secs(60);
}

impl Webhook {
    /// Whether an event of this type and project is to be delivered to it.
    pub fn wants(&self, event: EventType, project: Option<&ProjectId>) -> bool {
        let in_scope = self.project_id.is_none() || self.project_id.as_ref() == project;
        self.is_active() && in_scope && self.events.matches(event)
    }

    /// Whether deliveries are made.
    pub fn is_active(&self) -> bool {
        self.activity == Activity::Active
    }

    /// Counts an event that failed all its attempts; with the third in a row the webhook is disabled. `false` where
    /// nothing changes: the event counted before, or the webhook is off.
    pub fn count_failed_event(&mut self, event: &EventId, now: Timestamp) -> bool {
        if !self.is_active() || !self.streak.0.insert(event.clone()) {
            return false;
        }
        if self.streak.len() >= FailureStreak::LIMIT {
            self.disable(DisabledReason::EventsFailedInARow, now);
        }
        true
    }

    /// An event got through. `false` where there was no streak, or the webhook is off and keeps the streak as the
    /// reason.
    pub fn count_delivered_event(&mut self) -> bool {
        if !self.is_active() || self.streak.is_empty() {
            return false;
        }
        self.streak = FailureStreak::default();
        true
    }

    /// The endpoint answered 410. `false` where the webhook is off already.
    pub fn count_gone(&mut self, now: Timestamp) -> bool {
        let was_active = self.is_active();
        if was_active {
            self.disable(DisabledReason::Gone, now);
        }
        was_active
    }

    /// An administrator's switch. On clears the reason and the streak, also where it is on; off keeps them.
    pub fn switch(&mut self, on: bool) {
        match (on, &self.activity) {
            (false, Activity::SwitchedOff | Activity::Disabled { .. }) => {}
            (true, _) => {
                self.activity = Activity::Active;
                self.streak = FailureStreak::default();
            }
            (false, Activity::Active) => self.activity = Activity::SwitchedOff,
        }
    }

    /// Replaces the secret. The old one goes on signing until then, and so do those before it, each for as long as it was
    /// said to: who rotates again because an answer was lost ends nobody's overlap. `None` ends them all.
    pub fn rotate_secret(
        &mut self,
        new: SealedSecret,
        old_signs_until: Option<Timestamp>,
        now: Timestamp,
    ) {
        let old = self.secret.replace(new);
        let Some(until) = old_signs_until else {
            self.retiring_secrets.clear();
            return;
        };
        self.retiring_secrets
            .retain(|retiring| now < retiring.until);
        let retired = old.map(|secret| RetiringSecret { secret, until });
        self.retiring_secrets.splice(..0, retired);
        self.retiring_secrets.truncate(RETIRING_SECRETS);
    }

    /// Moves the webhook to a lane; `false` where it is there already or turned slow too recently.
    pub fn move_to(&mut self, lane: Lane, now: Timestamp) -> bool {
        let too_soon = lane == Lane::Fast
            && now < self.lane_since + Lane::MIN_STAY
            && self.lane_since > self.created_at;
        if self.lane == lane || too_soon {
            return false;
        }
        self.lane = lane;
        self.lane_since = now;
        true
    }

    fn disable(&mut self, reason: DisabledReason, at: Timestamp) {
        self.activity = Activity::Disabled { reason, at };
        self.updated_at = at;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint_url::UrlRules;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    fn event(id: &str) -> EventId {
        id.parse().unwrap()
    }

    fn webhook() -> Webhook {
        let rules = UrlRules {
            allow_plain_http: false,
            allow_private_networks: false,
        };
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
            lane_since: at(0),
            created_at: at(0),
            updated_at: at(0),
        }
    }

    #[test]
    fn the_third_failed_event_in_a_row_disables() {
        let mut webhook = webhook();
        assert!(webhook.count_failed_event(&event("a"), at(1)));
        assert!(webhook.count_failed_event(&event("b"), at(2)));
        assert!(webhook.is_active());
        assert!(webhook.count_failed_event(&event("c"), at(3)));
        let disabled = Activity::Disabled {
            reason: DisabledReason::EventsFailedInARow,
            at: at(3),
        };
        assert_eq!(webhook.activity, disabled);
    }

    #[test]
    fn the_same_event_counts_once() {
        let mut webhook = webhook();
        for _ in 0..5 {
            webhook.count_failed_event(&event("a"), at(1));
        }
        assert_eq!(webhook.streak.len(), 1);
    }

    #[test]
    fn a_success_in_between_starts_the_count_again() {
        let mut webhook = webhook();
        webhook.count_failed_event(&event("a"), at(1));
        webhook.count_failed_event(&event("b"), at(2));
        assert!(webhook.count_delivered_event());
        webhook.count_failed_event(&event("c"), at(3));
        assert!(webhook.is_active());
        assert_eq!(webhook.streak.len(), 1);
    }

    #[test]
    fn switching_on_clears_the_reason_and_the_count() {
        let mut webhook = webhook();
        for id in ["a", "b", "c"] {
            webhook.count_failed_event(&event(id), at(1));
        }
        webhook.switch(true);
        assert!(webhook.is_active() && webhook.streak.is_empty());
        webhook.count_failed_event(&event("d"), at(2));
        webhook.switch(true);
        assert!(webhook.is_active() && webhook.streak.is_empty());
    }

    #[test]
    fn switching_off_what_was_disabled_keeps_the_reason() {
        let mut webhook = webhook();
        webhook.count_gone(at(1));
        webhook.switch(false);
        assert_eq!(
            webhook.activity,
            Activity::Disabled {
                reason: DisabledReason::Gone,
                at: at(1)
            }
        );
    }

    #[test]
    fn a_webhook_of_a_project_wants_that_projects_events_only() {
        let project: ProjectId = "proj_1".parse().unwrap();
        let other: ProjectId = "proj_2".parse().unwrap();
        let webhook = Webhook {
            project_id: Some(project.clone()),
            ..webhook()
        };
        let kind = EventType::ALL[0];
        assert!(webhook.wants(kind, Some(&project)));
        assert!(!webhook.wants(kind, Some(&other)));
        assert!(!webhook.wants(kind, None));
    }

    #[test]
    fn an_endpoint_that_turned_slow_stays_slow_for_a_minute() {
        let mut webhook = webhook();
        assert!(webhook.move_to(Lane::Fast, at(1)));
        assert!(webhook.move_to(Lane::Slow, at(2)));
        assert!(!webhook.move_to(Lane::Fast, at(61)));
        assert!(webhook.move_to(Lane::Fast, at(62)));
    }
}
