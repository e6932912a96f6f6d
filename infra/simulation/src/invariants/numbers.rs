//! What the product counts is what is there.

use std::collections::{BTreeSet, HashMap};

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
    let not_sent: u64 = end
        .sms_counts
        .iter()
        .flat_map(|(_, counts)| counts.not_sent.values())
        .sum();
    let named = named(end);
    if end.scenario.provider.is_some() && end.sms.len() as u64 + not_sent != named {
        let sent = end.sms.len();
        broken.push(format!("{named} are named, {sent} sent to, {not_sent} not"));
    }
    broken
}

/// How many recipients all alerts name.
fn named(end: &End) -> u64 {
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
    (alerts.len() * end.scenario.members) as u64
}

/// The webhook numbers equal the log's.
#[must_use]
pub fn webhooks(end: &End) -> Vec<String> {
    if !end.scenario.counted {
        return Vec::new();
    }
    let mut there = HashMap::new();
    for (key, delivery) in &end.deliveries {
        let statuses = StatusFilter::ALL.into_iter();
        for status in statuses.filter(|status| stands(*status, &delivery.state)) {
            let key = (day_of(key.id.event_time()), status, delivery.event_type);
            *there.entry(key).or_default() += 1;
        }
    }
    differ(&end.webhook_counts, &there)
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
