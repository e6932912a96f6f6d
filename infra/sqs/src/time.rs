//! Points and spans of time, as SQS counts them.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// Whole seconds, the unit of every time-out, delay and period of SQS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Seconds(u32);

impl Seconds {
    pub(crate) const fn new(seconds: u32) -> Self {
        Self(seconds)
    }

    pub(crate) fn duration(self) -> Duration {
        Duration::from_secs(u64::from(self.0))
    }
}

impl std::fmt::Display for Seconds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// `span` after `start`; the end of time where that cannot be said.
pub(crate) fn after(start: Timestamp, span: Duration) -> Timestamp {
    let span = SignedDuration::try_from(span).unwrap_or(SignedDuration::MAX);
    start.checked_add(span).unwrap_or(Timestamp::MAX)
}

/// `span` before `end`; the beginning of time where that cannot be said.
pub(crate) fn before(end: Timestamp, span: Duration) -> Timestamp {
    let span = SignedDuration::try_from(span).unwrap_or(SignedDuration::MAX);
    end.checked_sub(span).unwrap_or(Timestamp::MIN)
}

/// How long ago `start` was; zero if it is yet to come.
pub(crate) fn elapsed(start: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(start)).unwrap_or(Duration::ZERO)
}
