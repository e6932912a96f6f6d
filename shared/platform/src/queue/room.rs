//! How many messages may still be put to sleep in a queue.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_sdk_sqs::types::QueueAttributeName;
use jiff::Timestamp;

use super::{Queue, QueueError};
use crate::aws_error;
use crate::clock::Clock;

/// Half of the 120,000 messages in flight at which a standard queue stops giving out any. The other half is for what the
/// count cannot tell: it is approximate and may be a minute old, processes start with a share each, and messages under
/// way count as well.
/// Sources: [quotas](https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html),
/// [GetQueueAttributes](https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueAttributes.html).
pub const MOST_IN_FLIGHT: u64 = 60_000;

/// The queue is asked again after so long.
const ASK_EVERY: Duration = Duration::from_secs(10);
/// An answer that takes longer is done without.
const PATIENCE: Duration = Duration::from_secs(2);

/// What room there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RoomLimits {
    /// Messages in flight or asleep at most, such as [`MOST_IN_FLIGHT`].
    pub most_in_flight: u64,
    /// Processes that put messages to sleep in this queue at the same time, at most; at least 1. Each takes its share of
    /// the room that it sees, so that together they take no more than there is.
    pub processes: u64,
}

/// The room for sleepers in a queue, as this process knows it. Each sleeper takes a place of it.
pub struct Room {
    queue: Queue,
    limits: RoomLimits,
    clock: Clock,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    asked_at: Option<Timestamp>,
    in_flight: u64,
    /// Left for this process until it asks again.
    places: u64,
}

impl Room {
    /// The room in this queue, not known yet: [`Room::look`] first.
    pub fn new(queue: Queue, limits: RoomLimits, clock: Clock) -> Room {
        Room {
            queue,
            limits,
            clock,
            seen: Mutex::default(),
        }
    }

    /// Asks the queue how full it is, if the last answer is old. One that cannot be had is no failure: the last one
    /// counts on, and before the first one the queue counts as empty.
    pub async fn look(&self) {
        if !self.begin_look() {
            return;
        }
        match tokio::time::timeout(PATIENCE, self.queue.in_flight()).await {
            Ok(Ok(in_flight)) => self.seen().in_flight = in_flight,
            Ok(Err(error)) => tracing::warn!(%error, "not known how full the queue is"),
            Err(_) => tracing::warn!("not known how full the queue is: no answer"),
        }
        let mut seen = self.seen();
        seen.places = self.limits.share(seen.in_flight);
    }

    /// Whether it is time to ask; says so once.
    fn begin_look(&self) -> bool {
        let now = (self.clock)();
        let mut seen = self.seen();
        let is_due = seen.asked_at.is_none_or(|at| now >= at + ASK_EVERY);
        if is_due {
            seen.asked_at = Some(now);
        }
        is_due
    }

    /// Takes a place for a sleeper; `false` where none is left.
    pub fn take(&self) -> bool {
        let mut seen = self.seen();
        let left = seen.places.checked_sub(1);
        seen.places = left.unwrap_or(0);
        left.is_some()
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        // A panic elsewhere cannot leave the numbers half changed.
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RoomLimits {
    /// The places that one process may take.
    fn share(self, in_flight: u64) -> u64 {
        self.most_in_flight.saturating_sub(in_flight) / self.processes.max(1)
    }
}

impl Queue {
    /// About how many messages are received or hidden and not deleted.
    ///
    /// # Errors
    /// [`QueueError`].
    pub async fn in_flight(&self) -> Result<u64, QueueError> {
        let name = QueueAttributeName::ApproximateNumberOfMessagesNotVisible;
        let asked = self
            .client
            .get_queue_attributes()
            .queue_url(&self.url)
            .attribute_names(name.clone());
        let answer = asked.send().await;
        let answer = answer.map_err(|error| QueueError(aws_error::words(&error)))?;
        let count = answer.attributes().and_then(|told| told.get(&name));
        let count = count.and_then(|count| count.parse().ok());
        count.ok_or_else(|| QueueError("no number of messages in flight".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn together_processes_take_no_more_than_there_is(most in 0u64..200_000, in_flight in 0u64..200_000, processes in 0u64..2_000) {
            let limits = RoomLimits { most_in_flight: most, processes };
            let taken = limits.share(in_flight) * processes.max(1);
            prop_assert!(in_flight >= most || in_flight + taken <= most);
            prop_assert!(in_flight < most || taken == 0);
        }
    }
}
