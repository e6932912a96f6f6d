//! What happened in a run beside the faults of its calls: the mischief that befell it, and the corners of the product that
//! it came into. Runs in which nothing of the kind happens prove nothing of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use domain::delivery::{FailedBecause, State, WokenBy};
use domain::sms::delivery::{Source, Status};
use domain::webhook::{Activity, DisabledReason};

use crate::play::End;

/// Something that is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Happening {
    /// A batch was received and handed to nobody.
    BatchLostOnItsWay,
    /// A message that woke a delivery was gone for good.
    WakeUpLost,
    /// A batch was handed out a second time.
    HandedOutTwice,
    /// A batch was visible again while it was handled.
    SeenTooEarly,
    /// A batch came in another order.
    Shuffled,
    /// A queue was polled late.
    PolledLate,
    /// A process went on after ten minutes and more.
    Thawed,
    /// A read was answered from an earlier state, and so otherwise than it should have been.
    StaleRead,
    /// A webhook was switched off after three failed events.
    Disabled,
    /// A delivery failed for good.
    Exhausted,
    /// A retry waited without a message.
    Parked,
    /// A delivery ended because its webhook was off.
    EndedWhileOff,
    /// A message of Twilio's was found in its list.
    Adopted,
    /// A message without a last word was asked about.
    AskedAbout,
    /// What became of an SMS is unknown.
    Unknown,
    /// An SMS was refused for good.
    SmsFailed,
    /// What is no event became a dead letter.
    DeadLetter,
}

impl Happening {
    /// All of them.
    pub const ALL: [Happening; 17] = [
        Happening::BatchLostOnItsWay,
        Happening::WakeUpLost,
        Happening::HandedOutTwice,
        Happening::SeenTooEarly,
        Happening::Shuffled,
        Happening::PolledLate,
        Happening::Thawed,
        Happening::StaleRead,
        Happening::Disabled,
        Happening::Exhausted,
        Happening::Parked,
        Happening::EndedWhileOff,
        Happening::Adopted,
        Happening::AskedAbout,
        Happening::Unknown,
        Happening::SmsFailed,
        Happening::DeadLetter,
    ];
}

impl fmt::Display for Happening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Happening::BatchLostOnItsWay => "a batch is received and handed to nobody",
            Happening::WakeUpLost => "a wake-up is gone for good",
            Happening::HandedOutTwice => "a batch is handed out twice",
            Happening::SeenTooEarly => "a batch is visible again while it is handled",
            Happening::Shuffled => "a batch comes in another order",
            Happening::PolledLate => "a queue is polled late",
            Happening::Thawed => "a process goes on after ten minutes and more",
            Happening::StaleRead => "a read is answered from an earlier state",
            Happening::Disabled => "a webhook is switched off after three failed events",
            Happening::Exhausted => "a delivery fails for good",
            Happening::Parked => "a retry waits without a message",
            Happening::EndedWhileOff => "a delivery ends because its webhook is off",
            Happening::Adopted => "a message is found in Twilio's list",
            Happening::AskedAbout => "a message without a last word is asked about",
            Happening::Unknown => "an SMS ends as unknown",
            Happening::SmsFailed => "an SMS ends as failed",
            Happening::DeadLetter => "what is no event becomes a dead letter",
        })
    }
}

/// What can be told from a run's end.
#[must_use]
pub fn at_the_end(end: &End) -> BTreeMap<Happening, u64> {
    let mut happened = BTreeMap::new();
    let mut count = |happening, count: usize| {
        if count > 0 {
            *happened.entry(happening).or_default() += count as u64;
        }
    };
    let states = || end.deliveries.values().map(|delivery| &delivery.state);
    let failed = |because| {
        states()
            .filter(|state| **state == State::Failed(because))
            .count()
    };
    count(Happening::Exhausted, failed(FailedBecause::Exhausted));
    count(
        Happening::EndedWhileOff,
        failed(FailedBecause::WebhookDisabled),
    );
    count(Happening::Disabled, disabled(end));
    count(Happening::Parked, parked(end));
    let told_by = |source: Source| {
        let tells = |timeline: &domain::sms::delivery::Timeline| {
            timeline
                .entries()
                .iter()
                .any(|entry| entry.source == source)
        };
        end.sms.iter().filter(|sms| tells(&sms.timeline)).count()
    };
    count(Happening::Adopted, told_by(Source::Reconciliation));
    count(Happening::AskedAbout, told_by(Source::Inquiry));
    let ended_as = |status| end.sms.iter().filter(|sms| sms.status() == status).count();
    count(Happening::Unknown, ended_as(Status::Unknown));
    count(Happening::SmsFailed, ended_as(Status::Failed));
    count(Happening::DeadLetter, end.dead_letters.len());
    happened
}

/// Webhooks that the product switched off.
fn disabled(end: &End) -> usize {
    let steps = end.commits.iter().flat_map(|commit| &commit.webhooks);
    let off = steps.filter_map(|(id, webhook)| match webhook.as_ref()?.activity {
        Activity::Disabled {
            reason: DisabledReason::EventsFailedInARow,
            ..
        } => Some(id),
        _ => None,
    });
    off.collect::<BTreeSet<_>>().len()
}

/// Deliveries that once waited without a message.
fn parked(end: &End) -> usize {
    let steps = end.commits.iter().flat_map(|commit| &commit.deliveries);
    let parked = steps.filter_map(|(key, delivery)| {
        let State::Pending(pending) = &delivery.as_ref()?.state else {
            return None;
        };
        (pending.woken_by == WokenBy::Sweep).then_some(key)
    });
    parked.collect::<BTreeSet<_>>().len()
}
