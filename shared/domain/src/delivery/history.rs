//! The attempts that a delivery keeps: bounded, so that a delivery resent without end still fits its item.

use super::attempt::{Attempt, Outcome};

/// The attempts of a delivery, oldest first: at most [`History::MAX_ATTEMPTS`] of them, and at most
/// [`History::MAX_BODY_BYTES`] of response bodies. The newest are kept.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct History(Vec<Attempt>);

impl History {
    /// Attempts kept at most.
    pub const MAX_ATTEMPTS: usize = 100;
    /// Bytes of response bodies kept at most. With an event of 256 KiB this stays under DynamoDB's 400 KB an item
    /// even where nothing compresses.
    pub const MAX_BODY_BYTES: usize = 96 * 1024;

    /// A history of these attempts, oldest first, cut to the bounds.
    pub fn new(attempts: Vec<Attempt>) -> History {
        let mut history = History(attempts);
        history.enforce_bounds();
        history
    }

    /// The number that the next attempt will carry.
    pub fn next_number(&self) -> u32 {
        self.0.last().map_or(1, |last| last.number + 1)
    }

    /// Adds the newest attempt.
    pub fn push(&mut self, attempt: Attempt) {
        self.0.push(attempt);
        self.enforce_bounds();
    }

    /// The attempts kept, oldest first.
    pub fn attempts(&self) -> &[Attempt] {
        &self.0
    }

    /// The newest attempt.
    pub fn last(&self) -> Option<&Attempt> {
        self.0.last()
    }

    fn enforce_bounds(&mut self) {
        let surplus = self.0.len().saturating_sub(Self::MAX_ATTEMPTS);
        self.0.drain(..surplus);
        let mut room = Self::MAX_BODY_BYTES;
        for attempt in self.0.iter_mut().rev() {
            let Outcome::Response { body, .. } = &mut attempt.outcome else {
                continue;
            };
            let size = body.as_ref().map_or(0, Vec::len);
            if size > room {
                *body = None;
            }
            room = room.saturating_sub(size);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::Timestamp;
    use proptest::prelude::*;

    use super::*;

    fn attempt(number: u32, body_bytes: usize) -> Attempt {
        Attempt {
            number,
            at: Timestamp::UNIX_EPOCH,
            duration: Duration::from_millis(5),
            signed: true,
            outcome: Outcome::Response {
                code: 500,
                body: Some(vec![b'x'; body_bytes]),
                retry_after: None,
            },
        }
    }

    fn kept_bytes(history: &History) -> usize {
        let body = |a: &Attempt| match &a.outcome {
            Outcome::Response { body, .. } => body.as_ref().map_or(0, Vec::len),
            Outcome::NoResponse { .. } => 0,
        };
        history.attempts().iter().map(body).sum()
    }

    #[test]
    fn a_full_schedule_of_full_bodies_is_kept_whole() {
        let history = History::new((1..=6).map(|n| attempt(n, 16 * 1024)).collect());
        assert_eq!(kept_bytes(&history), 6 * 16 * 1024);
    }

    proptest! {
        #[test]
        fn the_bounds_hold_and_the_newest_attempt_stays_whole(sizes in prop::collection::vec(0usize..=16 * 1024, 1..150)) {
            let mut history = History::default();
            for size in &sizes {
                history.push(attempt(history.next_number(), *size));
            }
            prop_assert!(history.attempts().len() <= History::MAX_ATTEMPTS);
            prop_assert!(kept_bytes(&history) <= History::MAX_BODY_BYTES);
            let newest = sizes.len();
            prop_assert_eq!(history.last(), Some(&attempt(u32::try_from(newest).unwrap(), sizes[newest - 1])));
            prop_assert_eq!(history.next_number() as usize, newest + 1);
        }
    }
}
