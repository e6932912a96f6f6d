//! `sweep`: looks every minute at what waits, wakes what has no message, and rescues what nothing has woken.
//!
//! Trigger: a schedule ([`Sweep::handle`]).
//!
//! # Steps, and what a death between them means
//! 1. Measure ([`measure`]): count the deliveries of each channel that wait, find the one that is due first, print both as
//!    metrics. Only reads. *Killed before it is printed:* this minute has no measurement, and the alarms on overdue
//!    deliveries take several missing ones for bad.
//! 2. Wake what has no message and is due within [`AHEAD`](platform::queue::waits::AHEAD): webhook deliveries that are
//!    parked, SMS whose provider is to be asked ([`wake`]). For ten at a time: send the messages, delayed for what is left
//!    to wait; then move the entries in the index to those that have a message.
//!    *Killed between the two:* the next run sends again, and of two wake-ups one finds nothing to do.
//! 3. Rescue what has, or should have, a message and has been due for so long that it must be lost ([`Errand::grace`]), by
//!    the same two steps: the entries are put off in the index, so that each is woken once in
//!    [`RESCUED_AGAIN`](wake::RESCUED_AGAIN) and not each minute. The delivery itself keeps its time. *Killed between:* the
//!    next run sends again.
//!
//! Steps 2 and 3 go on side by side for both channels, so that none of them keeps another from its turn; each goes through
//! the partitions of the index in rounds, a page of each, what is due first in front. They stop in time for what they
//! have begun to be done by the function's end; the next run goes on with what was left.
//!
//! Run twice at the same time: both send, and each entry is moved by one of them, because it is moved only if it stands as
//! it was read. The same holds for a delivery that is written meanwhile: its entry stands where the writer put it.
//!
//! An entry that cannot be read, a message that cannot be sent, a partition that does not answer: the others go on, and the
//! next run tries again.

#![forbid(unsafe_code)]

pub mod measure;
pub mod wake;

use futures::future::join_all;
use jiff::Timestamp;
use platform::clock::Clock;
use platform::metrics::Metrics;
use platform::queue::Queue;
use platform::store::{Store, StoreError};

use wake::Errand;

/// The handler with what it needs.
pub struct Sweep {
    /// The table.
    pub store: Store,
    /// Where wake-ups go.
    pub queues: Queues,
    /// Where the measurements go.
    pub metrics: Metrics,
    /// The time.
    pub clock: Clock,
}

/// The queues that the handler sends to.
pub struct Queues {
    /// Webhook deliveries that wait.
    pub slow: Queue,
    /// SMS deliveries.
    pub sms: Queue,
}

impl Sweep {
    /// Measures, wakes and rescues, to be done by `deadline`.
    ///
    /// # Errors
    /// [`StoreError`]: something was not measured, or a part of the index not read. All else was done; the next minute
    /// tries again.
    pub async fn handle(&self, deadline: Timestamp) -> Result<(), StoreError> {
        let measured = self.measure().await;
        self.metrics.emit();
        let errands = Errand::ALL.map(|errand| self.run(errand, deadline));
        let done: Result<(), StoreError> = join_all(errands).await.into_iter().collect();
        self.metrics.emit();
        measured.and(done)
    }
}
