//! What the API agreed to.

use domain::delivery::{Delivery, DeliveryKey, Purpose, State};
use domain::ids::{DeliveryId, WebhookId};
use jiff::Timestamp;

use super::webhooks::{expected, times_off};
use crate::outside::Granted;
use crate::play::End;
use crate::scenario::Action;
use crate::world;

/// A resend makes an attempt, a recovery takes up what had failed, and with a webhook goes its log.
#[must_use]
pub fn is_done(end: &End) -> Vec<String> {
    let undone = |granted: &Granted| match granted.action {
        Action::Resend { webhook, event } => never_resent(end, granted.asked_at, webhook, event),
        Action::Recover { webhook } => never_recovered(end, granted.asked_at, webhook),
        Action::Delete { webhook } => left_behind(end, granted.asked_at, webhook),
        _ => None,
    };
    let undone = end.granted.iter().filter_map(|granted| {
        let how = undone(granted)?;
        Some(format!(
            "{:?} at {}: {how}",
            granted.action, granted.asked_at
        ))
    });
    undone.collect()
}

fn never_resent(end: &End, asked_at: Timestamp, place: usize, event: usize) -> Option<String> {
    let webhook = world::webhook_id(place);
    let expected = expected(end);
    let (key, _) = expected
        .iter()
        .find(|(key, of)| key.webhook == webhook && of.0 == event)?;
    let tried = |delivery: &Delivery| {
        let mut attempts = delivery.history.attempts().iter();
        attempts.any(|attempt| attempt.at >= asked_at)
    };
    let is_done = end.deliveries.get(key).is_some_and(tried);
    (!is_done && stays_on(end, &webhook, asked_at)).then(|| "no attempt since".to_owned())
}

fn never_recovered(end: &End, asked_at: Timestamp, place: usize) -> Option<String> {
    let webhook = world::webhook_id(place);
    if !stays_on(end, &webhook, asked_at) {
        return None;
    }
    let ours = end
        .deliveries
        .iter()
        .filter(|(key, delivery)| key.webhook == webhook && delivery.purpose != Purpose::Test);
    let untouched = |key: &DeliveryKey| {
        let (before, since): (Vec<_>, Vec<_>) = steps(end, key).partition(|(at, _)| *at < asked_at);
        let had_failed = before
            .last()
            .is_some_and(|(_, delivery)| matches!(delivery.state, State::Failed(_)));
        had_failed && since.is_empty()
    };
    let left: Vec<&DeliveryId> = ours
        .filter(|(key, _)| untouched(key))
        .map(|(key, _)| &key.id)
        .collect();
    (!left.is_empty()).then(|| format!("{left:?} had failed, and stay so"))
}

fn left_behind(end: &End, asked_at: Timestamp, place: usize) -> Option<String> {
    let webhook = world::webhook_id(place);
    if end.webhooks.get(&webhook).is_some_and(Option::is_some) {
        return Some("it is still there".to_owned());
    }
    let left = end.deliveries.keys().find(|key| {
        let began = steps(end, key).next();
        key.webhook == webhook && began.is_some_and(|(at, _)| at < asked_at)
    });
    left.map(|key| format!("{} is still in its log", key.id))
}

/// Every step of a delivery, in order.
fn steps<'a>(
    end: &'a End,
    wanted: &'a DeliveryKey,
) -> impl Iterator<Item = (Timestamp, &'a Delivery)> {
    end.commits.iter().flat_map(move |commit| {
        let written = commit
            .deliveries
            .iter()
            .filter(move |(key, _)| key == wanted);
        written.filter_map(|(_, delivery)| Some((commit.at, delivery.as_ref()?)))
    })
}

/// Whether the webhook is on from then on.
fn stays_on(end: &End, webhook: &WebhookId, from: Timestamp) -> bool {
    times_off(end, webhook).iter().all(|(_, to)| *to <= from)
}
