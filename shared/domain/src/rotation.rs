//! For how long a rotated secret still signs beside its successor.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

const LONGEST: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// The overlap of a rotation: 0 to 7 days, by default 24 hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Overlap(Duration);

/// An overlap longer than 7 days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an overlap is 0 to 604800 seconds (7 days)")]
pub struct OverlapTooLong;

impl Overlap {
    /// An overlap of so many seconds.
    ///
    /// # Errors
    /// [`OverlapTooLong`] above 7 days.
    pub fn from_seconds(seconds: u64) -> Result<Self, OverlapTooLong> {
        let overlap = Duration::from_secs(seconds);
        if overlap <= LONGEST {
            Ok(Self(overlap))
        } else {
            Err(OverlapTooLong)
        }
    }

    /// The overlap's length.
    #[must_use]
    pub fn duration(self) -> Duration {
        self.0
    }

    /// When the old secret of a rotation at `now` signs for the last time; `None` where it does not sign at all.
    #[must_use]
    pub fn ends(self, now: Timestamp) -> Option<Timestamp> {
        let length = SignedDuration::try_from(self.0)
            .ok()
            .filter(|length| !length.is_zero())?;
        Some(now.saturating_add(length).unwrap_or(Timestamp::MAX))
    }
}

impl Default for Overlap {
    fn default() -> Self {
        Self(Duration::from_secs(24 * 60 * 60))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_overlap_is_a_day_by_default_and_seven_at_most() {
        assert_eq!(Overlap::from_seconds(86_400), Ok(Overlap::default()));
        assert!(Overlap::from_seconds(604_800).is_ok());
        assert_eq!(Overlap::from_seconds(604_801), Err(OverlapTooLong));
        assert_eq!(Overlap::from_seconds(u64::MAX), Err(OverlapTooLong));
    }

    #[test]
    fn without_an_overlap_the_old_secret_signs_no_more() {
        let now = "2026-03-29T14:30:00Z".parse().unwrap();
        assert_eq!(Overlap::from_seconds(0).unwrap().ends(now), None);
        assert_eq!(
            Overlap::from_seconds(60).unwrap().ends(now),
            Some("2026-03-29T14:31:00Z".parse().unwrap())
        );
        assert_eq!(
            Overlap::default().ends(Timestamp::MAX),
            Some(Timestamp::MAX)
        );
    }
}
