//! How a delivery waits for its next attempt.
//!
//! A standard queue gives out nothing once 120,000 of its messages are in flight, and those that sleep in a visibility
//! time-out count; delayed ones do not. So sleepers may take half of that and no more. Beyond it, a short wait is a
//! delayed message, and a long one needs no message: the delivery is parked in the index of what waits, and `sweep`
//! sends a delayed message in time.

use std::time::Duration;

use super::sending::MAX_DELAY;

/// How a delivery waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// Its message is hidden by a visibility time-out.
    Hidden,
    /// A new message is sent, delayed; the present one is done with.
    Delayed,
    /// Without a message. `sweep` sends one.
    Parked,
}

/// `sweep` sends the messages of what is due within this. Longer than any outage of a few minutes, and within
/// [`MAX_DELAY`] by what clocks differ by, and by the time that a run takes.
pub const AHEAD: Duration = Duration::from_secs(14 * 60);

/// The longest wait by a delayed message, where there is no room for a sleeper. A longer one is parked: half a minute
/// at least passes before it is in sight of `sweep`.
pub const LONGEST_DELAYED: Duration = Duration::from_secs(14 * 60 + 30);

const _: () = assert!(
    AHEAD.as_secs() < LONGEST_DELAYED.as_secs() && LONGEST_DELAYED.as_secs() < MAX_DELAY.as_secs()
);

impl Wait {
    /// The way to wait for so long, where the queue has room for a sleeper, or not.
    pub fn choose(wait: Duration, room: bool) -> Wait {
        if room {
            Wait::Hidden
        } else if wait <= LONGEST_DELAYED {
            Wait::Delayed
        } else {
            Wait::Parked
        }
    }
}

/// Whether a parked delivery that is due in so long is still out of `sweep`'s sight, so that a message that wakes it is
/// one too many. Nearer ones may have got theirs from `sweep` a moment ago: it stays.
pub fn is_out_of_sight(wait: Duration) -> bool {
    wait > MAX_DELAY
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn where_there_is_room_messages_sleep_and_elsewhere_none_does(millis in 0u64..100_000_000, room: bool) {
            let chosen = Wait::choose(Duration::from_millis(millis), room);
            prop_assert_eq!(chosen == Wait::Hidden, room);
        }

        #[test]
        fn a_delayed_message_lasts_for_the_whole_wait_and_a_parked_delivery_is_not_yet_in_sight(millis in 0u64..100_000_000) {
            let wait = Duration::from_millis(millis);
            match Wait::choose(wait, false) {
                Wait::Delayed => prop_assert!(wait < MAX_DELAY),
                Wait::Parked => prop_assert!(wait > AHEAD),
                Wait::Hidden => prop_assert!(false, "no room"),
            }
        }

        #[test]
        fn what_is_out_of_sight_has_no_message_of_sweeps(millis in 0u64..100_000_000) {
            let wait = Duration::from_millis(millis);
            prop_assert!(!is_out_of_sight(wait) || wait > AHEAD + Duration::from_secs(30));
        }
    }
}
