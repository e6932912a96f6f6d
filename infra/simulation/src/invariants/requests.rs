//! What endpoints received.

use std::collections::BTreeSet;
use std::time::Duration;

use domain::delivery::{Attempt, Delivery};
use jiff::Timestamp;

use super::webhooks::{expected, place_of, times_off};
use crate::actions;
use crate::call::Call;
use crate::fault::Fault;
use crate::functions::Function;
use crate::outside::{Request, host};
use crate::play::End;
use crate::scenario::Action;
use crate::world;

/// First attempts are made without a claim, as often as their message is handed out at a time; each begins before this
/// has passed since the recorded one ended. No retry comes so soon.
const FIRST_ATTEMPTS: Duration = Duration::from_secs(12);

/// Durations are logged in whole milliseconds.
const ROUNDING: Duration = Duration::from_millis(2);
/// A batch knows its webhooks as they stood when it began, and lasts as long as its function may run.
const UNDER_WAY: Duration = Duration::from_secs(45);

/// The requests for this delivery.
fn requests_for<'a>(end: &'a End, delivery: &'a Delivery) -> impl Iterator<Item = &'a Request> {
    let id = delivery.key.id.as_str();
    let requests = end.requests.iter();
    requests.filter(move |request| request.delivery == id)
}

/// Of two wake-ups for a retry only one makes it: there are no more requests than recorded attempts, but for those
/// whose process died, or could not record them.
///
/// That messages are seen again, reads stale or answers slow is no excuse.
#[must_use]
pub fn retries_once(end: &End) -> Vec<String> {
    let unrecorded = end.struck.iter().filter(|struck| {
        let excused = !matches!(struck.fault, Fault::SeenAgain | Fault::Stale | Fault::Slow);
        struck.by == Function::DeliverWebhook && excused
    });
    let faults = unrecorded.count();
    let twice = |delivery: &Delivery| {
        let first = delivery.history.attempts().first()?;
        let recorded = delivery.history.attempts().len() - 1;
        let made = requests_for(end, delivery)
            .filter(|request| request.at > ends(first) + FIRST_ATTEMPTS)
            .count();
        (made > recorded + faults).then(|| {
            let id = &delivery.key.id;
            format!("{id}: {made} requests for {recorded} retries, {faults} faults")
        })
    };
    end.deliveries.values().filter_map(twice).collect()
}

/// Where nothing goes wrong, first attempts are made once as well: there are as many requests as recorded attempts. An
/// event that is published again at the same time may have as many first attempts more: no claim precedes them.
#[must_use]
pub fn one_for_each_attempt(end: &End) -> Vec<String> {
    if !end.struck.is_empty() || end.scenario.mischief.disturbs() {
        return Vec::new();
    }
    let differs = |delivery: &Delivery| {
        let made = requests_for(end, delivery).count();
        let recorded = delivery.history.attempts().len();
        let fits = (recorded..=recorded + repetitions(end, delivery)).contains(&made);
        let id = &delivery.key.id;
        (!fits).then(|| format!("{id}: {made} requests for {recorded} attempts"))
    };
    end.deliveries.values().filter_map(differs).collect()
}

/// How often its event was published again.
fn repetitions(end: &End, delivery: &Delivery) -> usize {
    let is_its = |action: &Action| matches!(action, Action::Publish { event, .. } if actions::event_id(*event) == delivery.event_id);
    let actions = end.scenario.actions.iter();
    let published = actions.filter(|(_, action)| is_its(action)).count();
    published.saturating_sub(1)
}

fn ends(attempt: &Attempt) -> Timestamp {
    attempt.at + attempt.duration
}

/// What is logged is what was sent, each time: to the webhook's host, of the event that the delivery is of.
#[must_use]
pub fn all_the_same(end: &End) -> Vec<String> {
    let expected = expected(end);
    let differs = |delivery: &Delivery| {
        let event = expected.get(&delivery.key).map(|(event, _)| *event);
        let fits = |request: &Request| {
            request.body == delivery.body.as_bytes()
                && place_of(end, &delivery.key.webhook).map(host).as_deref() == Some(&request.host)
                && actions::event_in(&request.body) == event
        };
        let other = requests_for(end, delivery).find(|request| !fits(request))?;
        Some(format!("{} at {}", delivery.key.id, other.at))
    };
    end.deliveries.values().filter_map(differs).collect()
}

/// Nobody received anything that is no delivery.
#[must_use]
pub fn of_deliveries_alone(end: &End) -> Vec<String> {
    let written = end.commits.iter().flat_map(|commit| &commit.deliveries);
    let known: BTreeSet<String> = written
        .map(|(key, _)| key.id.to_string())
        .chain(expected(end).keys().map(|key| key.id.to_string()))
        .collect();
    let stray = |request: &&Request| !known.contains(&request.delivery);
    let strays = end.requests.iter().filter(stray);
    strays
        .map(|request| format!("{} at {}", request.delivery, request.at))
        .collect()
}

/// What the log says an endpoint answered, it answered; and where the log has no answer, there was none, or none that
/// came through.
#[must_use]
pub fn answered_as_logged(end: &End) -> Vec<String> {
    let invented = |delivery: &Delivery| {
        let as_logged = |attempt: &Attempt| {
            let mut requests = requests_for(end, delivery);
            let code = attempt.outcome.code();
            requests.any(|request| during(attempt, request.at) && request.answer == code)
                || code.is_none() && was_cut_off(end, attempt)
        };
        let attempts = delivery.history.attempts();
        let other = attempts.iter().find(|attempt| !as_logged(attempt))?;
        Some(format!("{}: {other:?}", delivery.key.id))
    };
    end.deliveries.values().filter_map(invented).collect()
}

fn during(attempt: &Attempt, at: Timestamp) -> bool {
    attempt.at <= at && at <= ends(attempt) + ROUNDING
}

/// Whether a request at that time did not get through, or its answer did not.
fn was_cut_off(end: &End, attempt: &Attempt) -> bool {
    let cuts = [Fault::Refused, Fault::AnswerLost, Fault::Slow];
    end.struck.iter().any(|struck| {
        struck.call == Call::Endpoint && cuts.contains(&struck.fault) && during(attempt, struck.at)
    })
}

/// An endpoint hears nothing any more when its webhook is off, but for what is asked for there.
#[must_use]
pub fn none_while_off(end: &End) -> Vec<String> {
    let resent: BTreeSet<_> = end
        .deliveries
        .values()
        .filter(|delivery| is_resent(end, delivery))
        .map(|delivery| delivery.key.id.as_str())
        .collect();
    let mut broken = Vec::new();
    for place in 0..end.scenario.webhooks.len() {
        let off = times_off(end, &world::webhook_id(place));
        let host = host(place);
        let late = |request: &&Request| {
            request.host == host
                && !resent.contains(request.delivery.as_str())
                && !is_test(&request.body)
                && off
                    .iter()
                    .any(|(from, to)| *from + UNDER_WAY < request.at && request.at < *to)
        };
        let late = end.requests.iter().filter(late);
        broken.extend(late.map(|request| format!("webhook {place} at {}", request.at)));
    }
    broken
}

/// A test's body is of no event of the run.
fn is_test(body: &[u8]) -> bool {
    actions::event_in(body).is_none()
}

fn is_resent(end: &End, delivery: &Delivery) -> bool {
    end.granted.iter().any(|granted| {
        let Action::Resend { webhook, event } = granted.action else {
            return false;
        };
        world::webhook_id(webhook) == delivery.key.webhook
            && actions::event_id(event) == delivery.event_id
    })
}
