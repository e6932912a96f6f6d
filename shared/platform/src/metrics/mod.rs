//! Numbers for CloudWatch, on standard output in its embedded metric format: no calls, no permissions.
//!
//! A handler counts while it works and calls [`Metrics::emit`] at the end of a batch or a request. What was counted is
//! printed then, a line for each channel and one for what belongs to none; where nothing was counted, nothing is printed.
//! A function that dies before that takes its numbers along: metrics show how things go, the table says how they stand.
//!
//! What is counted of deliveries has been written to the table: an outcome that came too late is not counted, and
//! neither is one whose write took effect though its answer was lost. An event that comes back is counted again.
//!
//! All metrics are in the namespace [`NAMESPACE`], with the dimension `Stack`, and those of a channel with `Channel` as
//! well. There is no dimension for workspaces: each value of a dimension is a metric that is paid for.
//!
//! * `embedded` — the format
//! * `sms` — what a step of an SMS delivery counts for

mod embedded;
mod sms;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::Write;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::channel::Channel;
use embedded::{Document, Series, Value};

use crate::clock::Clock;

pub use embedded::NAMESPACE;

/// What a delivery came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ended {
    /// A webhook's endpoint took it.
    Succeeded,
    /// An SMS was accepted by the provider.
    Sent,
    /// An SMS is on the phone.
    Delivered,
    /// The carrier could not deliver an SMS.
    Undelivered,
    /// Nothing more is tried.
    Failed,
    /// Nobody can tell whether an SMS was sent.
    Unknown,
}

/// What came of asking a provider about a message whose last word had not come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Inquired {
    /// The last word.
    Settled,
    /// The provider has no last word either.
    Open,
    /// The message is not there any more, or nobody has the credentials: it is not asked about again.
    Stopped,
    /// There was no answer.
    Unanswered,
}

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Count {
    /// `DeliveriesSucceeded`, `DeliveriesFailed` and so on: deliveries that came to this end. One that is recovered, or
    /// that a receipt moves on, comes to another end later and is counted there as well.
    Deliveries(Channel, Ended),
    /// `RetriesScheduled`: attempts that failed and are followed by another one.
    RetriesScheduled(Channel),
    /// `SmsSegments`: segments that the provider accepted.
    SmsSegments,
    /// `InquiriesSettled`, `InquiriesOpen` and so on: questions to the provider about messages without a last word, by
    /// what came of them.
    Inquiries(Inquired),
    /// `EventsAccepted`: events that were fanned out.
    EventsAccepted,
    /// `EventsRejected`: messages of the events queue that are no events.
    EventsRejected,
    /// `KmsThrottled`: calls that KMS refused for their rate.
    KmsThrottled,
    /// `Undecided`: messages that come back because a service did not do what it was asked, or we made a mistake; and
    /// deliveries that `sweep` could not wake for the same reasons.
    Undecided,
    /// `DeadLettered`: messages that a function itself put into a dead-letter queue.
    DeadLettered,
    /// `Rescued`: deliveries that were due and that nothing had woken for minutes, until `sweep` did.
    Rescued(Channel),
}

/// What is measured, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Timing {
    /// `AttemptDuration`: how long a request took.
    AttemptDuration(Channel),
    /// `FirstAttemptLag`: from when the events queue took an event to the begin of a delivery's first attempt.
    FirstAttemptLag(Channel),
}

/// What stands at a number at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Gauge {
    /// `RetriesWaiting`: deliveries that wait for an attempt, or are in one.
    RetriesWaiting(Channel),
    /// `RetriesParked`: those of them that have no message, because the queue had no room for a sleeper. Webhooks only.
    RetriesParked,
    /// `Overdue`: for how many seconds the first of them has been due.
    Overdue(Channel),
}

/// The stack's name; the dimension `Stack`. Letters, digits and hyphens, a letter first, at most 128 characters.
/// Source: [CreateStack](https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStack.html).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StackName(String);

/// A text that is no stack's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 128 letters, digits and hyphens, a letter first")]
pub struct InvalidStackName;

/// Counts, and prints what was counted. Cheap to clone; clones count together.
#[derive(Clone)]
pub struct Metrics {
    stack: StackName,
    clock: Clock,
    sink: Arc<Sink>,
    gathered: Arc<Mutex<Gathered>>,
}

type Sink = dyn Fn(&str) + Send + Sync;

#[derive(Default)]
struct Gathered {
    counts: BTreeMap<Count, u64>,
    timings: BTreeMap<Timing, Vec<u64>>,
    gauges: BTreeMap<Gauge, u64>,
}

impl Metrics {
    /// Metrics of this stack, whose lines, without their ends, are handed to `sink`.
    pub fn new(
        stack: StackName,
        clock: Clock,
        sink: impl Fn(&str) + Send + Sync + 'static,
    ) -> Metrics {
        Metrics {
            stack,
            clock,
            sink: Arc::new(sink),
            gathered: Arc::default(),
        }
    }

    /// Metrics of this stack on standard output, for `main.rs`.
    pub fn to_stdout(stack: StackName, clock: Clock) -> Metrics {
        Metrics::new(stack, clock, print)
    }

    /// Metrics that nobody wants.
    pub fn discarded() -> Metrics {
        let stack = StackName("discarded".to_owned());
        Metrics::new(stack, crate::clock::system(), |_| {})
    }

    /// Counts `number` more of it.
    pub fn add(&self, count: Count, number: u64) {
        if number > 0 {
            self.with(|gathered| *gathered.counts.entry(count).or_default() += number);
        }
    }

    /// Takes note of how long it took, in whole milliseconds.
    pub fn record(&self, timing: Timing, took: Duration) {
        let millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        self.with(|gathered| gathered.timings.entry(timing).or_default().push(millis));
    }

    /// Takes note of what it stands at.
    pub fn measure(&self, gauge: Gauge, value: u64) {
        self.with(|gathered| _ = gathered.gauges.insert(gauge, value));
    }

    /// Prints what has been counted since the last time.
    pub fn emit(&self) {
        let gathered = self.with(std::mem::take);
        for channel in gathered.channels() {
            let document = Document {
                stack: &self.stack.0,
                channel: channel.map(Channel::as_str),
                at: (self.clock)(),
                series: gathered.series(channel),
            };
            for line in document.lines() {
                (self.sink)(&line);
            }
        }
    }

    fn with<T>(&self, work: impl FnOnce(&mut Gathered) -> T) -> T {
        // A panic elsewhere cannot leave the numbers half changed.
        work(&mut self.gathered.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Gathered {
    fn channels(&self) -> BTreeSet<Option<Channel>> {
        let counts = self.counts.keys().map(|count| count.channel());
        let timings = self.timings.keys().map(|timing| Some(timing.channel()));
        let gauges = self.gauges.keys().map(|gauge| Some(gauge.channel()));
        counts.chain(timings).chain(gauges).collect()
    }

    fn series(&self, channel: Option<Channel>) -> Vec<Series> {
        let counts = self.counts.iter();
        let counts = counts.filter(|(count, _)| count.channel() == channel);
        let timings = self.timings.iter();
        let timings = timings.filter(|(timing, _)| Some(timing.channel()) == channel);
        let counts = counts.map(|(count, number)| Series {
            name: count.name(),
            value: Value::Count(*number),
        });
        let timings = timings.map(|(timing, millis)| Series {
            name: timing.name(),
            value: Value::Milliseconds(millis.clone()),
        });
        let gauges = self.gauges.iter();
        let gauges = gauges.filter(|(gauge, _)| Some(gauge.channel()) == channel);
        let gauges = gauges.map(|(gauge, value)| Series {
            name: gauge.name(),
            value: gauge.value(*value),
        });
        counts.chain(timings).chain(gauges).collect()
    }
}

impl Count {
    fn name(self) -> &'static str {
        match self {
            Count::Deliveries(_, Ended::Succeeded) => "DeliveriesSucceeded",
            Count::Deliveries(_, Ended::Sent) => "DeliveriesSent",
            Count::Deliveries(_, Ended::Delivered) => "DeliveriesDelivered",
            Count::Deliveries(_, Ended::Undelivered) => "DeliveriesUndelivered",
            Count::Deliveries(_, Ended::Failed) => "DeliveriesFailed",
            Count::Deliveries(_, Ended::Unknown) => "DeliveriesUnknown",
            Count::RetriesScheduled(_) => "RetriesScheduled",
            Count::SmsSegments => "SmsSegments",
            Count::Inquiries(Inquired::Settled) => "InquiriesSettled",
            Count::Inquiries(Inquired::Open) => "InquiriesOpen",
            Count::Inquiries(Inquired::Stopped) => "InquiriesStopped",
            Count::Inquiries(Inquired::Unanswered) => "InquiriesUnanswered",
            Count::EventsAccepted => "EventsAccepted",
            Count::EventsRejected => "EventsRejected",
            Count::KmsThrottled => "KmsThrottled",
            Count::Undecided => "Undecided",
            Count::DeadLettered => "DeadLettered",
            Count::Rescued(_) => "Rescued",
        }
    }

    fn channel(self) -> Option<Channel> {
        match self {
            Count::Deliveries(channel, _)
            | Count::RetriesScheduled(channel)
            | Count::Rescued(channel) => Some(channel),
            Count::SmsSegments | Count::Inquiries(_) => Some(Channel::Sms),
            Count::EventsAccepted
            | Count::EventsRejected
            | Count::KmsThrottled
            | Count::Undecided
            | Count::DeadLettered => None,
        }
    }
}

impl Timing {
    fn name(self) -> &'static str {
        match self {
            Timing::AttemptDuration(_) => "AttemptDuration",
            Timing::FirstAttemptLag(_) => "FirstAttemptLag",
        }
    }

    fn channel(self) -> Channel {
        match self {
            Timing::AttemptDuration(channel) | Timing::FirstAttemptLag(channel) => channel,
        }
    }
}

impl Gauge {
    fn name(self) -> &'static str {
        match self {
            Gauge::RetriesWaiting(_) => "RetriesWaiting",
            Gauge::RetriesParked => "RetriesParked",
            Gauge::Overdue(_) => "Overdue",
        }
    }

    fn channel(self) -> Channel {
        match self {
            Gauge::RetriesWaiting(channel) | Gauge::Overdue(channel) => channel,
            Gauge::RetriesParked => Channel::Webhook,
        }
    }

    fn value(self, value: u64) -> Value {
        match self {
            Gauge::RetriesWaiting(_) | Gauge::RetriesParked => Value::Count(value),
            Gauge::Overdue(_) => Value::Seconds(value),
        }
    }
}

impl FromStr for StackName {
    type Err = InvalidStackName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let letter_first = text.starts_with(|c: char| c.is_ascii_alphabetic());
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-';
        if letter_first && text.len() <= 128 && text.chars().all(allowed) {
            Ok(StackName(text.to_owned()))
        } else {
            Err(InvalidStackName)
        }
    }
}

impl fmt::Display for StackName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One write, so that no other line gets in between. Nobody could be told that standard output is gone.
fn print(line: &str) {
    _ = std::io::stdout()
        .lock()
        .write_all(format!("{line}\n").as_bytes());
}

#[cfg(test)]
mod tests;
