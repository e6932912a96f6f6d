//! Counts that are told late.

use std::collections::VecDeque;
use std::time::Duration;

use jiff::Timestamp;

use crate::QueueCounts;
use crate::time;

/// What is noted at most so often is as exact as need be.
const NOTED_EVERY: Duration = Duration::from_secs(1);

/// A queue's counts as they were a while ago.
#[derive(Debug)]
pub(super) struct LaggingCounts {
    lag: Duration,
    /// How the queue stood from then on, oldest first; of those that are old enough, the last only. Never empty.
    stood: VecDeque<(Timestamp, QueueCounts)>,
    /// The last call, behind which the queue stood as it does before the next one.
    last_call: Timestamp,
}

impl LaggingCounts {
    /// Tells what is now, until the lag has passed.
    pub(super) fn new(lag: Duration, counts: QueueCounts, now: Timestamp) -> Self {
        Self {
            lag,
            stood: VecDeque::from([(now, counts)]),
            last_call: now,
        }
    }

    /// A call comes that finds the queue so.
    pub(super) fn note(&mut self, counts: QueueCounts, now: Timestamp) {
        match self.stood.back_mut() {
            Some((at, last)) if time::elapsed(*at, self.last_call) < NOTED_EVERY => *last = counts,
            _ => self.stood.push_back((self.last_call, counts)),
        }
        self.last_call = now;
        let told = time::before(now, self.lag);
        while self.stood.get(1).is_some_and(|(at, _)| *at <= told) {
            self.stood.pop_front();
        }
    }

    /// How the queue stood when the lag began; while nothing is known of then, how it stood first.
    pub(super) fn told(&self) -> QueueCounts {
        self.stood
            .front()
            .map(|(_, counts)| *counts)
            .unwrap_or_default()
    }
}
