//! `sweep`: looks every minute at what waits.
//!
//! Trigger: a schedule ([`Sweep::handle`]).
//!
//! # Steps, and what a death between them means
//! 1. Count the deliveries of each channel that wait, and find the one that is due first. Only reads.
//! 2. Print both as metrics. Killed before that: this minute has no measurement, and the alarm on overdue deliveries takes
//!    several missing ones for bad.
//!
//! Run twice, it measures twice.

#![forbid(unsafe_code)]

use std::time::Duration;

use domain::channel::Channel;
use jiff::Timestamp;
use platform::clock::Clock;
use platform::metrics::{Gauge, Metrics};
use platform::store::due::Waiting;
use platform::store::{Store, StoreError};

/// The handler with what it needs.
pub struct Sweep {
    /// The table.
    pub store: Store,
    /// Where the measurements go.
    pub metrics: Metrics,
    /// The time.
    pub clock: Clock,
}

impl Sweep {
    /// Measures.
    ///
    /// # Errors
    /// [`StoreError`]: nothing was measured; the next minute tries again.
    pub async fn handle(&self) -> Result<(), StoreError> {
        for channel in Channel::ALL {
            let waiting = self.store.waiting(channel).await?;
            let overdue = overdue(&waiting, (self.clock)());
            self.metrics
                .measure(Gauge::RetriesWaiting(channel), waiting.count);
            self.metrics
                .measure(Gauge::Overdue(channel), overdue.as_secs());
            tracing::info!(
                channel = channel.as_str(),
                waiting = waiting.count,
                overdue_s = overdue.as_secs(),
                "looked at what waits"
            );
        }
        self.metrics.emit();
        Ok(())
    }
}

/// How long the first of what waits has been due.
fn overdue(waiting: &Waiting, now: Timestamp) -> Duration {
    let due = waiting.first_due.unwrap_or(now);
    Duration::try_from(now.duration_since(due)).unwrap_or_default()
}
