//! Deliveries to webhooks.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::delivery::{Delivery, DeliveryKey, FailedBecause, Purpose, State};
use domain::ids::{DeliveryId, WebhookId};
use domain::webhook::Webhook;
use jiff::Timestamp;

use super::first_published_at;
use crate::actions::event_id;
use crate::observe::Commit;
use crate::outside::host;
use crate::play::End;
use crate::scenario::Action;
use crate::world;

/// The deliveries of events that there should be, with the event and the place of the webhook.
pub(super) fn expected(end: &End) -> BTreeMap<DeliveryKey, (usize, usize)> {
    let mut expected = BTreeMap::new();
    for (_, action) in &end.scenario.actions {
        let Action::Publish {
            event,
            webhooks: true,
            ..
        } = *action
        else {
            continue;
        };
        let Some(at) = end.published.get(&event) else {
            continue;
        };
        let hooks = end.scenario.webhooks.iter().enumerate();
        for (place, _) in hooks.filter(|(_, hook)| hook.wants.matches(event)) {
            let (workspace, webhook) = (world::workspace(), world::webhook_id(place));
            let id = DeliveryId::for_webhook(&workspace, &event_id(event), *at, &webhook);
            let key = DeliveryKey {
                workspace,
                webhook,
                id,
            };
            expected.insert(key, (event, place));
        }
    }
    expected
}

/// The place of a webhook in the scenario.
pub(super) fn place_of(end: &End, webhook: &WebhookId) -> Option<usize> {
    let mut places = 0..end.scenario.webhooks.len();
    places.find(|place| world::webhook_id(*place) == *webhook)
}

/// A new event is fanned out and tried for the first time before so much time has passed, whatever befalls it.
const SOON: Duration = Duration::from_secs(10 * 60);

/// Whether the webhook was off, or gone, at some time from the one to the other.
fn was_off(end: &End, webhook: &WebhookId, since: Timestamp, until: Timestamp) -> bool {
    let mut times = times_off(end, webhook).into_iter();
    times.any(|(from, to)| from <= until && since <= to)
}

/// Whether the webhook was deleted, with which its log goes.
fn was_deleted(end: &End, webhook: &WebhookId) -> bool {
    let mut written = end.commits.iter().flat_map(|commit| &commit.webhooks);
    written.any(|(id, stands)| id == webhook && stands.is_none())
}

/// From when to when it was off, or gone.
pub(super) fn times_off(end: &End, webhook: &WebhookId) -> Vec<(Timestamp, Timestamp)> {
    let mut times = Vec::new();
    let mut since = None;
    for commit in &end.commits {
        let written = commit.webhooks.iter().filter(|(id, _)| id == webhook);
        for (_, stands) in written {
            let is_on = stands.as_ref().is_some_and(Webhook::is_active);
            match (is_on, since) {
                (false, None) => since = Some(commit.at),
                (true, Some(from)) => {
                    times.push((from, commit.at));
                    since = None;
                }
                _ => {}
            }
        }
    }
    times.extend(since.map(|from| (from, Timestamp::MAX)));
    times
}

/// Each event has one delivery for each webhook that wants it; there are no others but tests.
#[must_use]
pub fn one_delivery_each(end: &End) -> Vec<String> {
    let expected = expected(end);
    let mut broken = Vec::new();
    for (key, (event, place)) in &expected {
        let missing = !end.deliveries.contains_key(key);
        if missing && !may_have_none(end, key, *event) {
            broken.push(format!("event {event} has none for webhook {place}"));
        }
    }
    let others = end.deliveries.iter().filter(|(key, delivery)| {
        delivery.purpose != Purpose::Test && !expected.contains_key(*key)
    });
    broken.extend(others.map(|(key, _)| format!("{} is nobody's", key.id)));
    broken
}

/// Whether the webhook was off when the event was for it, or its log is gone.
fn may_have_none(end: &End, key: &DeliveryKey, event: usize) -> bool {
    let off_then =
        first_published_at(end, event).is_some_and(|at| was_off(end, &key.webhook, at, at + SOON));
    off_then || was_deleted(end, &key.webhook)
}

/// The endpoint was reached at least once, or the log says why it was not.
#[must_use]
pub fn attempted_or_told(end: &End) -> Vec<String> {
    let mut broken = Vec::new();
    for (key, delivery) in &end.deliveries {
        let Some(place) = place_of(end, &key.webhook) else {
            continue;
        };
        let host = host(place);
        let reached = end
            .requests
            .iter()
            .any(|request| request.host == host && request.delivery == key.id.as_str());
        if let Some(how) = untold(end, key, delivery, reached) {
            let event = &delivery.event_id;
            broken.push(format!("event {event}, webhook {place}: {how}"));
        }
    }
    broken
}

fn untold(end: &End, key: &DeliveryKey, delivery: &Delivery, reached: bool) -> Option<String> {
    let last = delivery.history.last();
    let succeeded = last.is_some_and(|attempt| attempt.outcome.judge().is_ok());
    let told = last.is_some_and(|attempt| attempt.outcome.error().is_some());
    match &delivery.state {
        State::Success if !(reached && succeeded) => {
            Some(format!("a success without one: {:?}", delivery.history))
        }
        State::Failed(FailedBecause::WebhookDisabled) if !was_off_under_way(end, key) => {
            Some("ended for a webhook that was not off".to_owned())
        }
        State::Failed(FailedBecause::WokenTooOften) => Some("woken too often".to_owned()),
        State::Failed(FailedBecause::Gone)
            if last.and_then(|attempt| attempt.outcome.code()) != Some(410) =>
        {
            Some(format!("gone without a 410: {:?}", delivery.history))
        }
        State::Failed(FailedBecause::SingleAttempt)
            if delivery.purpose != Purpose::Test && !has_resends(end) =>
        {
            Some(format!("an event with one attempt: {:?}", delivery.history))
        }
        State::Failed(
            FailedBecause::Exhausted | FailedBecause::Gone | FailedBecause::SingleAttempt,
        ) if !(reached || told) || succeeded => {
            Some(format!("a failure without one: {:?}", delivery.history))
        }
        _ => None,
    }
}

/// Whether the webhook was off at some time between the event and the delivery's last step.
fn was_off_under_way(end: &End, key: &DeliveryKey) -> bool {
    let writes = |commit: &&Commit| commit.deliveries.iter().any(|(written, _)| written == key);
    let last = end.commits.iter().rev().find(writes);
    let ended = last.map_or(Timestamp::MAX, |commit| commit.at);
    let event = expected(end).get(key).map(|(event, _)| *event);
    let began = event.and_then(|event| first_published_at(end, event));
    // A test is of no event.
    let began = began.unwrap_or_else(|| key.id.event_time());
    was_off(end, &key.webhook, began, ended)
}

/// No attempt was made before its time: the one that its state told, and the one of the schedule.
#[must_use]
pub fn never_early(end: &End) -> Vec<String> {
    let mut broken = Vec::new();
    let mut stood: BTreeMap<&DeliveryKey, &Delivery> = BTreeMap::new();
    for (key, delivery) in end.commits.iter().flat_map(|commit| &commit.deliveries) {
        let Some(delivery) = delivery else {
            stood.remove(key);
            continue;
        };
        if let Some(before) = stood.insert(key, delivery) {
            broken.extend(early(before, delivery));
        }
    }
    if !has_resends(end) {
        for (key, delivery) in &end.deliveries {
            broken.extend(
                off_schedule(delivery, end.scenario.waits())
                    .map(|how| format!("{}: {how}", key.id)),
            );
        }
    }
    broken
}

fn early(before: &Delivery, after: &Delivery) -> Option<String> {
    let attempt = after.history.last()?;
    let is_new = before.history.last().map(|last| last.number) != Some(attempt.number);
    let State::Pending(pending) = &before.state else {
        let how = format!("attempt {} of what was settled", attempt.number);
        return is_new.then_some(how);
    };
    let early = is_new && attempt.at < pending.next_attempt_at;
    early.then(|| {
        let (at, due) = (attempt.at, pending.next_attempt_at);
        format!("attempt {} at {at}, due at {due}", attempt.number)
    })
}

/// Two attempts that are closer to each other than the schedule's step.
fn off_schedule(delivery: &Delivery, steps: &[u64]) -> Option<String> {
    let attempts = delivery.history.attempts();
    let waits = attempts.windows(2).zip(steps);
    waits.into_iter().find_map(|(pair, step)| {
        let due: Timestamp = pair[0].at + pair[0].duration + Duration::from_secs(*step);
        let early = pair[1].at < due;
        early.then(|| {
            format!(
                "attempt {} at {}, not before {due}",
                pair[1].number, pair[1].at
            )
        })
    })
}

/// Whether somebody asks for attempts beyond the schedule.
fn has_resends(end: &End) -> bool {
    asked(end, |action| {
        matches!(action, Action::Resend { .. } | Action::Recover { .. })
    }) > 0
}

fn asked(end: &End, wanted: impl Fn(&Action) -> bool) -> usize {
    let actions = end.scenario.actions.iter();
    actions.filter(|(_, action)| wanted(action)).count()
}

/// A round has six attempts at most, and six exactly where it is exhausted. A recovery begins another round, a resend
/// is one more.
#[must_use]
pub fn at_most_six_attempts(end: &End) -> Vec<String> {
    let rounds = 1 + asked(end, |action| matches!(action, Action::Recover { .. }));
    let resends = asked(end, |action| matches!(action, Action::Resend { .. }));
    // An administrator whose request is not answered asks again.
    let six = end.scenario.waits().len() + 1;
    let most = rounds * six + resends * 4;
    let mut broken = Vec::new();
    for (key, delivery) in &end.deliveries {
        let made = delivery.history.attempts().len();
        if made > most {
            broken.push(format!("{}: {made} attempts, {most} at most", key.id));
        }
        let exhausted = delivery.state == State::Failed(FailedBecause::Exhausted);
        if exhausted && !has_resends(end) && made != six {
            broken.push(format!("{}: exhausted after {made}", key.id));
        }
    }
    broken
}

/// What has succeeded is never tried again, unless somebody asks for it.
#[must_use]
pub fn success_stays(end: &End) -> Vec<String> {
    let mut broken = Vec::new();
    let mut stood: BTreeMap<&DeliveryKey, &State> = BTreeMap::new();
    for commit in &end.commits {
        for (key, delivery) in &commit.deliveries {
            let Some(delivery) = delivery else { continue };
            let before = stood.insert(key, &delivery.state);
            let lost = before == Some(&State::Success) && delivery.state != State::Success;
            if lost && commit.by != Some("AdminApi") {
                broken.push(format!(
                    "{} by {:?}: {:?}",
                    key.id, commit.by, delivery.state
                ));
            }
        }
    }
    broken
}
