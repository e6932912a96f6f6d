//! How often something may be done: so often at once, and once more each time a while has passed.
//!
//! A leaky bucket, kept as the one time at which it is full again (the generic cell rate algorithm,
//! [ITU-T I.371](https://www.itu.int/rec/T-REC-I.371)): nothing is to be counted down, and an old state is as good as none.

use std::num::NonZeroU32;
use std::time::Duration;

use jiff::Timestamp;

/// How often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// So often at once.
    pub at_once: NonZeroU32,
    /// After each of these times once more.
    pub every: Duration,
}

/// It is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("to be done again in {again_in:?}")]
pub struct UsedUp {
    /// Then it may be done once more.
    pub again_in: Duration,
}

impl Allowance {
    /// Does it once more, where that is allowed. Takes and gives the time at which all of the allowance is there again;
    /// none where it never was used.
    ///
    /// # Errors
    /// [`UsedUp`].
    ///
    /// ```
    /// use std::{num::NonZeroU32, time::Duration};
    /// use domain::allowance::Allowance;
    ///
    /// let minute = Duration::from_secs(60);
    /// let two_a_minute = Allowance { at_once: NonZeroU32::new(2).unwrap(), every: minute / 2 };
    /// let now = "2026-03-29T14:30:00Z".parse().unwrap();
    /// let once = two_a_minute.take(None, now).unwrap();
    /// let twice = two_a_minute.take(Some(once), now).unwrap();
    /// assert_eq!(twice, now + minute);
    /// let used_up = two_a_minute.take(Some(twice), now).unwrap_err();
    /// assert_eq!(used_up.again_in, minute / 2);
    /// assert!(two_a_minute.take(Some(twice), now + minute / 2).is_ok());
    /// ```
    pub fn take(self, whole_at: Option<Timestamp>, now: Timestamp) -> Result<Timestamp, UsedUp> {
        let most = self.every.saturating_mul(self.at_once.get());
        let missing = whole_at.map(|at| Duration::try_from(at.duration_since(now)));
        // No more than all can be missing: a clock was ahead, or there was more of it before.
        let missing = missing.and_then(Result::ok).unwrap_or_default().min(most);
        let taken = missing.saturating_add(self.every);
        match taken.checked_sub(most) {
            Some(again_in) if !again_in.is_zero() => Err(UsedUp { again_in }),
            _ => Ok(now.saturating_add(taken).unwrap_or(Timestamp::MAX)),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_time_has_more_than_what_is_allowed_at_once_and_what_it_brings(
            at_once in 1u32..10,
            every in 1u64..100,
            pauses in vec(0u64..200, 1..100),
        ) {
            let allowance = Allowance { at_once: NonZeroU32::new(at_once).unwrap(), every: Duration::from_secs(every) };
            let (mut now, mut whole_at, mut done) = (Timestamp::UNIX_EPOCH, None, Vec::new());
            for pause in pauses {
                now += Duration::from_secs(pause);
                match allowance.take(whole_at, now) {
                    Ok(at) => {
                        whole_at = Some(at);
                        done.push(now);
                    }
                    Err(UsedUp { again_in }) => {
                        prop_assert!(allowance.take(whole_at, now + again_in).is_ok());
                        prop_assert!(allowance.take(whole_at, now + again_in - Duration::from_nanos(1)).is_err());
                    }
                }
            }
            for (first, from) in done.iter().enumerate() {
                for (last, to) in done.iter().enumerate().skip(first) {
                    let number = (last - first + 1) as u64;
                    let brought = to.duration_since(*from).as_secs() as u64 / every;
                    prop_assert!(number <= u64::from(at_once) + brought);
                }
            }
        }

        #[test]
        fn all_of_it_is_there_at_once_and_again_when_it_is_whole(at_once in 1u32..10, every in 1u64..100) {
            let allowance = Allowance { at_once: NonZeroU32::new(at_once).unwrap(), every: Duration::from_secs(every) };
            let (mut now, mut whole_at) = (Timestamp::UNIX_EPOCH, None);
            for _ in 0..3 {
                for _ in 0..at_once {
                    whole_at = Some(allowance.take(whole_at, now).unwrap());
                }
                prop_assert!(allowance.take(whole_at, now).is_err());
                now = whole_at.unwrap();
            }
        }

        #[test]
        fn whatever_state_there_is_the_wait_is_no_longer_than_for_one_more(
            at_once in 1u32..10,
            every in 1u64..100,
            whole_at in -2_000_000_000i64..2_000_000_000,
        ) {
            let allowance = Allowance { at_once: NonZeroU32::new(at_once).unwrap(), every: Duration::from_secs(every) };
            let whole_at = Timestamp::from_second(whole_at).unwrap();
            let taken = allowance.take(Some(whole_at), Timestamp::UNIX_EPOCH);
            prop_assert_eq!(taken.is_err(), whole_at.as_second() > (every * u64::from(at_once - 1)) as i64);
            let wait = taken.err().map(|used_up| used_up.again_in);
            prop_assert!(wait.is_none_or(|wait| wait <= allowance.every));
        }
    }
}
