//! Switching off after three events in a row, compared with a small model that takes the table's writes one by one.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use domain::delivery::{Delivery, DeliveryKey, FailedBecause, Plan, State};
use domain::ids::WebhookId;
use domain::webhook::{Activity, DisabledReason, Webhook};
use jiff::Timestamp;

use super::asked_by;
use crate::observe::Commit;
use crate::play::End;
use crate::scenario::Action;
use crate::world;

/// Events in a row.
const LIMIT: usize = 3;
/// A batch reads how a webhook stands when it begins. What was written in the last so many seconds before an attempt
/// ended, the batch need not have seen.
const BLIND: Duration = Duration::from_secs(45);

/// A webhook, as far as the model knows it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Model {
    streak: BTreeSet<String>,
    grown_at: Option<Timestamp>,
    off: Option<Off>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Off {
    ByAdmin,
    Failures,
    Gone,
}

/// How an event ended at a webhook.
enum Ending {
    Delivered,
    Failed(String),
    Gone,
}

/// Each webhook stands after each write as the model has it.
#[must_use]
pub fn exact(end: &End) -> Vec<String> {
    let mut models: BTreeMap<&WebhookId, Model> = BTreeMap::new();
    let mut stood: BTreeMap<&DeliveryKey, &Delivery> = BTreeMap::new();
    let mut broken = Vec::new();
    for commit in &end.commits {
        let written: BTreeMap<_, _> = commit
            .webhooks
            .iter()
            .map(|(id, webhook)| (id, webhook.as_ref()))
            .collect();
        let mut may_differ = BTreeSet::new();
        for (key, delivery) in &commit.deliveries {
            let before = delivery
                .as_ref()
                .and_then(|delivery| stood.insert(key, delivery));
            let Some(ending) = delivery.as_ref().and_then(|after| ending(before, after)) else {
                continue;
            };
            let model = models.entry(&key.webhook).or_default();
            if !apply(model, ending, commit.at) {
                may_differ.insert(&key.webhook);
            }
        }
        for (id, webhook) in &written {
            let model = models.entry(id).or_default();
            if commit.by == Some("AdminApi") {
                administer(end, id, model, *webhook, commit.at);
            }
            broken.extend(compare(model, *webhook, commit, may_differ.contains(id)));
        }
    }
    for (id, webhook) in &end.webhooks {
        let model = models.get(id).cloned().unwrap_or_default();
        if let Some(webhook) = webhook
            && seen(webhook) != (model.streak.clone(), model.off)
        {
            broken.push(format!("ends as {:?}, not as {model:?}", seen(webhook)));
        }
    }
    broken
}

/// How the event ended with this write, if it did and counts.
fn ending(before: Option<&Delivery>, after: &Delivery) -> Option<Ending> {
    let plan = match before.map(|before| &before.state) {
        None => Plan::NEW,
        Some(State::Pending(pending)) => pending.plan,
        Some(_) => return None,
    };
    let grew =
        before.map_or(0, |before| before.history.attempts().len()) < after.history.attempts().len();
    if !grew {
        return None;
    }
    let scheduled = matches!(plan, Plan::Schedule { .. });
    match after.state {
        State::Success => scheduled.then_some(Ending::Delivered),
        State::Failed(FailedBecause::Exhausted) => Some(Ending::Failed(after.event_id.to_string())),
        State::Failed(FailedBecause::Gone) => Some(Ending::Gone),
        _ => None,
    }
}

/// What the ending means for the webhook. `false` where it may have been written without having seen how the webhook
/// stood.
fn apply(model: &mut Model, ending: Ending, at: Timestamp) -> bool {
    if model.off.is_some() {
        return true;
    }
    match ending {
        Ending::Gone => model.off = Some(Off::Gone),
        Ending::Failed(event) => {
            if model.streak.insert(event) {
                model.grown_at = Some(at);
            }
            if model.streak.len() >= LIMIT {
                model.off = Some(Off::Failures);
            }
        }
        Ending::Delivered => {
            let blind = model.grown_at.is_some_and(|grown| at < grown + BLIND);
            if !blind {
                model.streak.clear();
            }
            return !blind;
        }
    }
    true
}

/// What an administrator's write means for the webhook: where its activity is another one than before, and somebody has
/// asked for that, on clears the reason and the streak, and off keeps the streak. Nothing else changes.
fn administer(
    end: &End,
    id: &WebhookId,
    model: &mut Model,
    webhook: Option<&Webhook>,
    at: Timestamp,
) {
    let Some(webhook) = webhook else { return };
    let on = webhook.is_active();
    let asks = |action| match action {
        Action::Switch {
            webhook,
            on: wanted,
        } => wanted == on && world::webhook_id(webhook) == *id,
        _ => false,
    };
    if on == model.off.is_none() || !asked_by(end, at, asks) {
        return;
    }
    model.off = (!on).then_some(Off::ByAdmin);
    if on {
        model.streak.clear();
    }
}

fn compare(
    model: &mut Model,
    webhook: Option<&Webhook>,
    commit: &Commit,
    may_differ: bool,
) -> Option<String> {
    let webhook = webhook?;
    let (streak, off) = seen(webhook);
    if commit.by.is_none() || (may_differ && streak.is_empty()) {
        model.streak = streak;
        model.off = off;
        return None;
    }
    let wrong = (&streak, off) != (&model.streak, model.off);
    wrong.then(|| format!("at {}: ({streak:?}, {off:?}), not {model:?}", commit.at))
}

fn seen(webhook: &Webhook) -> (BTreeSet<String>, Option<Off>) {
    let streak = serde_json::to_value(&webhook.streak).unwrap_or_default();
    let streak = serde_json::from_value(streak).unwrap_or_default();
    let off = match &webhook.activity {
        Activity::Active => None,
        Activity::SwitchedOff => Some(Off::ByAdmin),
        Activity::Disabled { reason, .. } => Some(match reason {
            DisabledReason::EventsFailedInARow => Off::Failures,
            DisabledReason::Gone => Off::Gone,
        }),
    };
    (streak, off)
}
