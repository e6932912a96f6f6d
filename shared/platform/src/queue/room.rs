//! How many messages may still be put to sleep in a queue.
//!
//! SQS tells how many are in flight, but late: what was put to sleep a moment ago may be missing from the count. A process
//! that took its share of the room anew with each answer would take it several times before the count shows the first. So
//! each remembers what it took of late, and takes no more than its share less that.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_sdk_sqs::types::QueueAttributeName;
use jiff::Timestamp;

use super::{Queue, QueueError};
use crate::aws_error;
use crate::clock::Clock;

/// Half of the 120,000 messages in flight at which a standard queue stops giving out any. The other half is for what
/// neither the count nor a process's memory can tell: the count is approximate, processes begin with a share each and
/// take what they remember with them, and messages under way count as well.
/// Sources: [quotas](https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html),
/// [GetQueueAttributes](https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueAttributes.html).
pub const MOST_IN_FLIGHT: u64 = 60_000;

/// The queue is asked again after so long.
const ASK_EVERY: Duration = Duration::from_secs(10);
/// An answer that takes longer is done without.
const PATIENCE: Duration = Duration::from_secs(1);
/// What was put to sleep so long before an answer may be missing from it. AWS says of the counts that they may not be
/// consistent until at least a minute after the producers stop sending
/// ([GetQueueAttributes](https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueAttributes.html)),
/// and promises nothing: half as much again is our guess.
pub const COUNTS_LAG: Duration = Duration::from_secs(90);

/// What room there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RoomLimits {
    /// Messages in flight or asleep at most, such as [`MOST_IN_FLIGHT`].
    pub most_in_flight: u64,
    /// Processes that may put messages to sleep in this queue, by turns as well, within [`COUNTS_LAG`]; at least 1. Each
    /// takes its share of the room that it sees, so that together they take no more than there is.
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
    /// What the last answer may lack: between each look and the next, when the last place was taken, and how many were.
    taken: Vec<(Timestamp, u64)>,
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
    /// counts on, less all that was taken since, and before the first one the queue counts as empty.
    pub async fn look(&self) {
        if !self.seen().begin_look((self.clock)()) {
            return;
        }
        let answered = match tokio::time::timeout(PATIENCE, self.queue.in_flight()).await {
            Ok(Ok(in_flight)) => Some(in_flight),
            Ok(Err(error)) => {
                tracing::warn!(%error, "not known how full the queue is");
                None
            }
            Err(_) => {
                tracing::warn!("not known how full the queue is: no answer");
                None
            }
        };
        self.seen().end_look(answered, (self.clock)(), self.limits);
    }

    /// Takes a place for a sleeper; `false` where none is left.
    pub fn take(&self) -> bool {
        self.seen().take((self.clock)())
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        // A panic elsewhere cannot leave the numbers half changed.
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seen {
    /// Whether it is time to ask; says so once.
    fn begin_look(&mut self, now: Timestamp) -> bool {
        let is_due = self.asked_at.is_none_or(|at| now >= at + ASK_EVERY);
        if is_due {
            self.asked_at = Some(now);
        }
        is_due
    }

    fn end_look(&mut self, answered: Option<u64>, now: Timestamp, limits: RoomLimits) {
        if let Some(in_flight) = answered {
            self.in_flight = in_flight;
            self.taken.retain(|(at, _)| now < *at + COUNTS_LAG);
        }
        let remembered: u64 = self.taken.iter().map(|(_, number)| number).sum();
        self.places = limits.share(self.in_flight).saturating_sub(remembered);
        self.taken.retain(|(_, number)| *number > 0);
        self.taken.push((now, 0));
    }

    fn take(&mut self, now: Timestamp) -> bool {
        let Some(left) = self.places.checked_sub(1) else {
            return false;
        };
        self.places = left;
        if let Some((at, number)) = self.taken.last_mut() {
            *at = now;
            *number += 1;
        }
        true
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
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// What a process does next: which one, so many seconds later, and how many it would put to sleep.
    type Batch = (usize, u64, u64);

    /// The most messages that sleep, none of which wakes, where the queue tells their number so late.
    fn most_asleep(limits: RoomLimits, lag: Duration, batches: &[Batch]) -> u64 {
        let mut now = Timestamp::UNIX_EPOCH;
        let mut asleep = vec![(now, 0)];
        let mut processes: Vec<_> = (0..limits.processes).map(|_| Seen::default()).collect();
        for (process, seconds, wanted) in batches {
            now += Duration::from_secs(*seconds);
            let told = asleep.iter().rev().find(|(at, _)| *at + lag <= now);
            let seen = &mut processes[*process];
            if seen.begin_look(now) {
                seen.end_look(Some(told.map_or(0, |(_, asleep)| *asleep)), now, limits);
            }
            let taken = (0..*wanted).filter(|_| seen.take(now)).count() as u64;
            asleep.push((now, asleep[asleep.len() - 1].1 + taken));
        }
        asleep[asleep.len() - 1].1
    }

    proptest! {
        #[test]
        fn together_processes_take_no_more_than_there_is(most in 0u64..200_000, in_flight in 0u64..200_000, processes in 0u64..2_000) {
            let limits = RoomLimits { most_in_flight: most, processes };
            let taken = limits.share(in_flight) * processes.max(1);
            prop_assert!(in_flight >= most || in_flight + taken <= most);
            prop_assert!(in_flight < most || taken == 0);
        }

        /// Not to the last one: who looks late may forget what the others do not see yet.
        #[test]
        fn however_late_the_count_they_take_no_more_than_a_third_as_much_again(
            lag in 0u64..=60,
            batches in vec((0usize..8, 0u64..12, 0u64..40), 1..400),
        ) {
            let limits = RoomLimits { most_in_flight: 100, processes: 8 };
            prop_assert!(most_asleep(limits, Duration::from_secs(lag), &batches) <= 133);
        }
    }

    /// Half of them take their share; the others do while the count shows nothing of that; then the first come again.
    #[test]
    fn a_process_remembers_for_longer_than_the_count_is_late() {
        let limits = RoomLimits {
            most_in_flight: 80,
            processes: 8,
        };
        let all = |processes: std::ops::Range<usize>, after| {
            processes.map(move |process| (process, if process % 4 == 0 { after } else { 0 }, 10))
        };
        let batches: Vec<_> = all(0..4, 0)
            .chain(all(4..8, 55))
            .chain(all(0..4, 20))
            .collect();
        let lag = Duration::from_secs(60);
        assert_eq!(most_asleep(limits, lag, &batches), 80);
    }

    #[test]
    fn while_the_queue_does_not_tell_no_more_than_the_last_places_are_taken() {
        let limits = RoomLimits {
            most_in_flight: 10,
            processes: 2,
        };
        let (mut seen, mut now) = (Seen::default(), Timestamp::UNIX_EPOCH);
        let mut taken = 0;
        for _ in 0..100 {
            seen.end_look(None, now, limits);
            taken += u64::from(seen.take(now));
            now += COUNTS_LAG;
        }
        assert_eq!(taken, 5);
    }
}
