//! The clocks that the embedded services read. Nothing in this crate asks the system for the time of day but
//! [`system`].

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use sqs::Clock;

/// The system's clock.
#[must_use]
pub fn system() -> Clock {
    Arc::new(Timestamp::now)
}

/// A clock that starts at `base` and runs with tokio's: under paused time (`#[tokio::test(start_paused = true)]`) it
/// stands still until tokio advances it, so that a twelve-hour wait is over as soon as nothing else is left to do.
///
/// Must be made inside the tokio runtime whose time it follows. At the end of [`Timestamp`]'s range it stands still.
#[must_use]
pub fn virtual_from(base: Timestamp) -> Clock {
    let origin = tokio::time::Instant::now();
    Arc::new(move || {
        base.saturating_add(signed(origin.elapsed()))
            .unwrap_or(base)
    })
}

/// How long from `now` until `then`; zero if that is past.
pub(crate) fn until(now: Timestamp, then: Timestamp) -> Duration {
    Duration::try_from(then.duration_since(now)).unwrap_or(Duration::ZERO)
}

fn signed(elapsed: Duration) -> SignedDuration {
    SignedDuration::try_from(elapsed).unwrap_or(SignedDuration::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_virtual_clock_moves_exactly_as_tokios_paused_time_does() {
        let base: Timestamp = "2026-03-29T14:30:00Z".parse().unwrap();
        let clock = virtual_from(base);
        assert_eq!(clock(), base);
        tokio::time::sleep(Duration::from_secs(43_200)).await;
        assert_eq!(clock(), "2026-03-30T02:30:00Z".parse().unwrap());
    }

    #[test]
    fn time_until_a_past_moment_is_zero() {
        let now: Timestamp = "2026-03-29T14:30:00Z".parse().unwrap();
        assert_eq!(
            until(now, now - SignedDuration::from_secs(5)),
            Duration::ZERO
        );
        assert_eq!(
            until(now, now + SignedDuration::from_secs(5)),
            Duration::from_secs(5)
        );
    }
}
