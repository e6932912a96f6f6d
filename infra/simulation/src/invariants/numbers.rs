//! What the product counts is what is there.

use std::collections::{BTreeSet, HashMap};

use domain::delivery::DeliveryKey;
use domain::sms::delivery::{Purpose, SmsDelivery};
use domain::sms::member::NotSent;
use platform::store::log::StatusFilter;
use platform::store::sms_counters::{Count, day_of};

use crate::play::End;
use crate::scenario::Action;

/// The SMS numbers equal the history's.
#[must_use]
pub fn sms(end: &End) -> Vec<String> {
    let mut there: HashMap<_, Count> = HashMap::new();
    for delivery in &end.sms {
        let key = (
            day_of(delivery.created_at),
            delivery.status(),
            delivery.alert_type,
        );
        let count = there.entry(key).or_default();
        count.deliveries += 1;
        count.segments += u64::from(delivery.segments.get());
    }
    let mut counted = HashMap::new();
    for (date, counts) in &end.sms_counts {
        for ((status, alert_type), count) in &counts.deliveries {
            counted.insert((*date, *status, *alert_type), *count);
        }
    }
    let mut broken = differ(&counted, &there);
    if end.scenario.provider.is_some() {
        broken.extend(named_and_not_sent_to(end));
    }
    broken
}

/// Everybody whom an alert names is sent to, or counted with the reason.
fn named_and_not_sent_to(end: &End) -> Vec<String> {
    let alerts = alerts(end);
    let named = alerts * (end.scenario.members + end.scenario.left_out.len());
    let to_members = |sms: &&SmsDelivery| sms.purpose == Purpose::Alert;
    let sent = end.sms.iter().filter(to_members).count();
    let others: usize = NotSent::ALL
        .map(|because| not_sent(end, because))
        .iter()
        .sum();
    let mut broken = Vec::new();
    if sent + others != named {
        broken.push(format!("{named} are named, {sent} sent to, {others} not"));
    }
    let mut actions = end.scenario.actions.iter();
    if actions.any(|(_, action)| *action == Action::NoProvider) {
        // Then that is the reason for those who have one of their own, too.
        return broken;
    }
    for because in [NotSent::NoPhone, NotSent::SwitchedOff] {
        let members = end.scenario.left_out.iter();
        let due = alerts * members.filter(|member| **member == because).count();
        let counted = not_sent(end, because);
        if counted != due {
            broken.push(format!("{because:?} is counted {counted} times, not {due}"));
        }
    }
    broken
}

fn not_sent(end: &End, because: NotSent) -> usize {
    let counts = end.sms_counts.iter().flat_map(|(_, day)| &day.not_sent);
    let of_these = counts.filter(|((reason, _), _)| *reason == because);
    let sum: u64 = of_these.map(|(_, count)| count).sum();
    usize::try_from(sum).unwrap_or(usize::MAX)
}

/// How many alerts there are.
fn alerts(end: &End) -> usize {
    let alerts: BTreeSet<usize> = end
        .scenario
        .actions
        .iter()
        .filter_map(|(_, action)| match action {
            Action::Publish {
                event, alert: true, ..
            } => Some(*event),
            _ => None,
        })
        .collect();
    alerts.len()
}

/// The webhook numbers equal the log's, of hours that go on and of hours that are over.
#[must_use]
pub fn webhooks(end: &End) -> Vec<String> {
    if !end.scenario.counted {
        return Vec::new();
    }
    let mut there = HashMap::new();
    let counted = |key: &DeliveryKey| matches!(end.webhooks.get(&key.webhook), Some(Some(_)));
    for (key, delivery) in end.deliveries.iter().filter(|(key, _)| counted(key)) {
        let statuses = StatusFilter::ALL.into_iter();
        for status in statuses.filter(|status| stands(*status, &delivery.state)) {
            let key = (day_of(key.id.event_time()), status, delivery.event_type);
            *there.entry(key).or_default() += 1;
        }
    }
    let mut broken = differ(&end.webhook_counts, &there);
    let later = differ(&end.later_counts, &there);
    broken.extend(later.into_iter().map(|how| format!("hours later: {how}")));
    broken
}

fn stands(status: StatusFilter, state: &domain::delivery::State) -> bool {
    use domain::delivery::State;
    matches!(
        (status, state),
        (StatusFilter::Success, State::Success)
            | (StatusFilter::Failed, State::Failed(_))
            | (StatusFilter::PendingRetry, State::Pending(_))
    )
}

fn differ<T: PartialEq + std::fmt::Debug>(counted: &T, there: &T) -> Vec<String> {
    if counted == there {
        Vec::new()
    } else {
        vec![format!("counted {counted:?}, there are {there:?}")]
    }
}
