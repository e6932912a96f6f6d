//! Alerts.

use std::collections::BTreeMap;

use domain::sms::delivery::{SmsDelivery, SmsKey, Status};

use crate::actions::event_id;
use crate::play::End;
use crate::scenario::{Action, ProviderPlan};
use crate::world;

/// What Twilio puts before every text of a trial account.
const TRIAL: &str = "Sent from your Twilio trial account - ";

/// Each recipient of each alert has one delivery, and it tells how it ended: accepted by the provider once, or not
/// accepted and visibly so.
#[must_use]
pub fn none_lost(end: &End) -> Vec<String> {
    let mut broken = Vec::new();
    for (_, action) in &end.scenario.actions {
        let Action::Publish {
            event, alert: true, ..
        } = *action
        else {
            continue;
        };
        for place in 0..end.scenario.members {
            broken.extend(lost(end, event, place));
        }
    }
    broken
}

fn lost(end: &End, event: usize, place: usize) -> Option<String> {
    end.scenario.provider.as_ref()?;
    let user = world::user(place);
    let ours = |sms: &&SmsDelivery| {
        sms.event_id == event_id(event) && sms.recipient.user_id.as_ref() == Some(&user)
    };
    let deliveries: Vec<_> = end.sms.iter().filter(ours).collect();
    if deliveries.is_empty() && may_be_left_out(end) {
        return None;
    }
    let [delivery] = deliveries.as_slice() else {
        let count = deliveries.len();
        return Some(format!("alert {event} has {count} deliveries for {user}"));
    };
    let accepted = accepted(end, delivery) > 0;
    let fits = match delivery.status() {
        // Every phone here receives what the provider accepts.
        Status::Failed => !accepted,
        Status::Unknown => true,
        _ => accepted,
    };
    (!fits).then(|| {
        let (status, not) = (delivery.status(), if accepted { "" } else { "not " });
        format!("alert {event} to {user} is {status:?}, {not}accepted")
    })
}

/// Whether somebody who is named may have good reason to get nothing.
fn may_be_left_out(end: &End) -> bool {
    let mut actions = end.scenario.actions.iter();
    actions.any(|(_, action)| matches!(action, Action::NoProvider | Action::Text { stop: true }))
}

/// How often the provider accepted this delivery's text for its phone.
fn accepted(end: &End, delivery: &SmsDelivery) -> usize {
    let messages = accepted_texts(end);
    let key = (
        delivery.recipient.phone.as_str().to_owned(),
        delivery.text.clone(),
    );
    messages.get(&key).copied().unwrap_or_default()
}

/// How often each text was accepted for each phone. Texts name their event, so that no two alerts have the same.
fn accepted_texts(end: &End) -> BTreeMap<(String, String), usize> {
    let mut texts = BTreeMap::new();
    for message in &end.accepted {
        let body = message.body.strip_prefix(TRIAL).unwrap_or(&message.body);
        *texts
            .entry((message.to.clone(), body.to_owned()))
            .or_default() += 1;
    }
    let mut keys = std::collections::BTreeSet::new();
    let honours_keys = matches!(
        end.scenario.provider,
        Some(ProviderPlan::Gateway {
            idempotent: true,
            ..
        })
    );
    for call in end.gateway.iter().filter(|call| call.accepted) {
        let known = honours_keys && !keys.insert(call.key.clone());
        if !known {
            *texts
                .entry((call.to.clone(), call.body.clone()))
                .or_default() += 1;
        }
    }
    texts
}

/// No text was accepted twice for the same phone.
#[must_use]
pub fn none_twice(end: &End) -> Vec<String> {
    let texts = accepted_texts(end).into_iter();
    texts
        .filter(|(_, count)| *count > 1)
        .map(|((to, body), count)| format!("{count} times to {to}: {body:?}"))
        .collect()
}

/// No step of an SMS takes its status back.
#[must_use]
pub fn only_forward(end: &End) -> Vec<String> {
    let mut stood: BTreeMap<&SmsKey, Status> = BTreeMap::new();
    let mut broken = Vec::new();
    for commit in &end.commits {
        for sms in &commit.sms {
            let after = sms.status();
            let before = stood.insert(&sms.key, after);
            if let Some(before) = before.filter(|before| rank(*before) > rank(after)) {
                let (id, by) = (&sms.key.id, commit.by);
                broken.push(format!("{id} by {by:?}: {after:?} after {before:?}"));
            }
        }
    }
    broken
}

/// How far a status is: written down here once more so that it is not the product's own.
fn rank(status: Status) -> u8 {
    match status {
        Status::Queued => 0,
        Status::Sending => 1,
        Status::Unknown => 2,
        Status::Sent => 3,
        Status::Failed => 4,
        Status::Undelivered => 5,
        Status::Delivered => 6,
    }
}
