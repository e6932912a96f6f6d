//! Counts that are told late.

use std::collections::VecDeque;
use std::time::Duration;

use jiff::Timestamp;

use crate::QueueCounts;
use crate::time;

/// What is noted at most so often is as exact as need be.
const NOTED_EVERY: Duration = Duration::from_secs(1);

/// A queue's counts as they were a while ago. Never empty.
#[derive(Debug)]
pub(super) struct LaggingCounts {
    lag: Duration,
    /// Oldest first; of those that have been told, the last only.
    noted: VecDeque<(Timestamp, QueueCounts)>,
}

impl LaggingCounts {
    /// Tells what is now, until the lag has passed.
    pub(super) fn new(lag: Duration, counts: QueueCounts, now: Timestamp) -> Self {
        Self {
            lag,
            noted: VecDeque::from([(now, counts)]),
        }
    }

    pub(super) fn note(&mut self, counts: QueueCounts, now: Timestamp) {
        let last = self.noted.back();
        if last.is_none_or(|(at, _)| time::elapsed(*at, now) >= NOTED_EVERY) {
            self.noted.push_back((now, counts));
        }
        let told = time::before(now, self.lag);
        while self.noted.get(1).is_some_and(|(at, _)| *at <= told) {
            self.noted.pop_front();
        }
    }

    /// What was last noted before the lag; while there is nothing so old, the oldest.
    pub(super) fn told(&self) -> QueueCounts {
        self.noted
            .front()
            .map(|(_, counts)| *counts)
            .unwrap_or_default()
    }
}
