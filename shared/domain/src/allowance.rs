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
        let whole_at = whole_at.map_or(now, |at| at.max(now));
        let missing = Duration::try_from(whole_at.duration_since(now)).unwrap_or_default();
        let taken = missing.saturating_add(self.every);
        let most = self.every.saturating_mul(self.at_once.get());
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
        fn it_is_never_refused_after_a_pause_for_the_whole_of_it(at_once in 1u32..10, every in 0u64..100, before in 0i64..2_000_000_000) {
            let allowance = Allowance { at_once: NonZeroU32::new(at_once).unwrap(), every: Duration::from_secs(every) };
            let now = Timestamp::from_second(2_000_000_000).unwrap();
            let whole_at = Timestamp::from_second(before).unwrap();
            prop_assert!(allowance.take(Some(whole_at), now).is_ok());
        }
    }
}
