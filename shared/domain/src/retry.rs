//! How long a delivery waits after a failure: a pure function of the schedule, the count and a random number.

use std::{fmt, str::FromStr, time::Duration};

/// The longest wait, whatever an endpoint's `Retry-After` asks for: 12 hours.
pub const LONGEST_WAIT: Duration = Duration::from_secs(12 * 60 * 60);
const SHORTEST_WAIT: Duration = Duration::from_secs(1);
const MOST_WAITS: usize = 20;

/// The waits between the attempts of one round, written `1m,5m,30m,2h,12h`: 1 to 20 waits of 1 second to 12 hours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetrySchedule(Vec<Duration>);

/// Why a text is not a retry schedule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSchedule {
    /// Not 1 to 20 waits.
    #[error("a retry schedule has 1 to {MOST_WAITS} waits, not {0}")]
    Count(usize),
    /// A wait that is no whole number with a unit, or out of bounds.
    #[error("wait {place} must be a whole number of s, m or h between 1s and 12h, e.g. 5m")]
    Wait {
        /// Which wait, from 1.
        place: usize,
    },
}

/// By how much a wait is lengthened so that retries of one outage spread: 1 to 8 % of the schedule's step. A retry may
/// be 10 % late; what is left of that is room for the queue: whole seconds, polls and batches.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Jitter(f64);

impl Jitter {
    /// Outweighs what clocks differ by.
    pub const LEAST: f64 = 0.01;
    /// Leaves a fifth of what a retry may be late by to the queue: 1.2 s of the first wait, of a minute.
    pub const MOST: f64 = 0.08;

    /// The jitter for a random number `u` of [0, 1); numbers outside count as the nearest bound, NaN as 0.
    #[must_use]
    pub fn from_unit(u: f64) -> Self {
        let u = if u.is_nan() { 0.0 } else { u.clamp(0.0, 1.0) };
        Self((Self::LEAST + u * (Self::MOST - Self::LEAST)).min(Self::MOST))
    }

    /// The fraction, [`Jitter::LEAST`] to [`Jitter::MOST`].
    #[must_use]
    pub fn fraction(self) -> f64 {
        self.0
    }
}

impl RetrySchedule {
    /// How many attempts a round has: one more than there are waits.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.0.len() as u32 + 1
    }

    /// How long to wait after the latest of `failures` failures of this round (1 or more; 0 counts as 1), or `None`
    /// where the schedule is exhausted.
    ///
    /// The wait is the schedule's step, lengthened (never shortened) to `retry_after`, which counts up to
    /// [`LONGEST_WAIT`]; on top comes the jitter of the step. So it is never early, late by 8 % at most, and in
    /// whole milliseconds.
    #[must_use]
    pub fn wait_after(
        &self,
        failures: u32,
        jitter: Jitter,
        retry_after: Option<Duration>,
    ) -> Option<Duration> {
        let step = *self.0.get(failures.saturating_sub(1) as usize)?;
        let asked = retry_after.unwrap_or_default().min(LONGEST_WAIT);
        Some(whole_millis_up(step.max(asked)) + whole_millis_down(step.mul_f64(jitter.0)))
    }
}

fn whole_millis_up(wait: Duration) -> Duration {
    Duration::from_millis(wait.as_nanos().div_ceil(1_000_000) as u64)
}

fn whole_millis_down(wait: Duration) -> Duration {
    Duration::from_millis(wait.as_millis() as u64)
}

impl FromStr for RetrySchedule {
    type Err = InvalidSchedule;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts: Vec<&str> = text.split(',').collect();
        if text.trim().is_empty() {
            return Err(InvalidSchedule::Count(0));
        }
        if parts.len() > MOST_WAITS {
            return Err(InvalidSchedule::Count(parts.len()));
        }
        let wait = |(index, part): (usize, &&str)| {
            parse_wait(part).ok_or(InvalidSchedule::Wait { place: index + 1 })
        };
        parts
            .iter()
            .enumerate()
            .map(wait)
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

fn parse_wait(text: &str) -> Option<Duration> {
    let text = text.trim();
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 60 * 60,
        _ => return None,
    };
    if !number.bytes().all(|c| c.is_ascii_digit()) {
        return None;
    }
    let wait = Duration::from_secs(number.parse::<u64>().ok()?.checked_mul(seconds)?);
    (SHORTEST_WAIT..=LONGEST_WAIT)
        .contains(&wait)
        .then_some(wait)
}

impl fmt::Display for RetrySchedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, wait) in self.0.iter().enumerate() {
            let comma = if place == 0 { "" } else { "," };
            let (number, unit) = match wait.as_secs() {
                seconds if seconds % 3600 == 0 => (seconds / 3600, "h"),
                seconds if seconds % 60 == 0 => (seconds / 60, "m"),
                seconds => (seconds, "s"),
            };
            write!(f, "{comma}{number}{unit}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{collection::vec, prelude::*};

    fn schedule(text: &str) -> RetrySchedule {
        text.parse().unwrap()
    }

    #[test]
    fn the_products_schedule_makes_six_attempts() {
        let schedule = schedule("1m,5m,30m,2h,12h");
        let least = Jitter::from_unit(0.0);
        let waits: Vec<_> = (1..=6)
            .map(|failures| schedule.wait_after(failures, least, None))
            .collect();
        let millis = |millis| Some(Duration::from_millis(millis));
        assert_eq!(
            waits,
            [
                millis(60_600),
                millis(303_000),
                millis(1_818_000),
                millis(7_272_000),
                millis(43_632_000),
                None
            ]
        );
        assert_eq!(schedule.attempts(), 6);
    }

    #[test]
    fn retry_after_lengthens_up_to_twelve_hours_and_never_shortens() {
        let schedule = schedule("1m,5m");
        let wait = |seconds| {
            schedule.wait_after(
                1,
                Jitter::from_unit(0.0),
                Some(Duration::from_secs(seconds)),
            )
        };
        assert_eq!(wait(1), Some(Duration::from_millis(60_600)));
        assert_eq!(wait(90), Some(Duration::from_millis(90_600)));
        assert_eq!(
            wait(u64::MAX),
            Some(LONGEST_WAIT + Duration::from_millis(600))
        );
    }

    #[test]
    fn retry_after_revives_no_exhausted_schedule() {
        assert_eq!(
            schedule("1m").wait_after(2, Jitter::from_unit(0.5), Some(Duration::from_secs(1))),
            None
        );
    }

    #[test]
    fn each_broken_schedule_is_refused_at_its_place() {
        let too_many = ["1m"; 21].join(",");
        assert_eq!(
            too_many.parse::<RetrySchedule>(),
            Err(InvalidSchedule::Count(21))
        );
        assert_eq!(" ".parse::<RetrySchedule>(), Err(InvalidSchedule::Count(0)));
        let cases = [
            ("1m,", 2),
            ("m", 1),
            ("1", 1),
            ("+1m", 1),
            ("1.5m", 1),
            ("0s", 1),
            ("13h", 1),
            ("1m,5d", 2),
            ("1м", 1),
            ("99999999999999999999h", 1),
            ("18446744073709551615h", 1),
        ];
        for (text, place) in cases {
            assert_eq!(
                text.parse::<RetrySchedule>(),
                Err(InvalidSchedule::Wait { place }),
                "{text}"
            );
        }
    }

    #[test]
    fn blanks_around_waits_do_no_harm() {
        assert_eq!(schedule(" 30s, 2m ,10m"), schedule("30s,2m,10m"));
    }

    proptest! {
        #[test]
        fn a_schedule_reads_back_from_its_text(seconds in vec(1..=43_200_u64, 1..=20)) {
            let schedule = RetrySchedule(seconds.into_iter().map(Duration::from_secs).collect());
            prop_assert_eq!(schedule.to_string().parse::<RetrySchedule>().unwrap(), schedule);
        }

        #[test]
        fn any_text_is_a_schedule_within_bounds_or_an_error(text in "[0-9smhd, ]{0,40}") {
            if let Ok(schedule) = text.parse::<RetrySchedule>() {
                prop_assert!((1..=20).contains(&schedule.0.len()));
                prop_assert!(schedule.0.iter().all(|wait| (SHORTEST_WAIT..=LONGEST_WAIT).contains(wait)));
            }
        }

        #[test]
        fn a_wait_is_never_early_and_leaves_a_fifth_of_a_tenth_to_the_queue(
            seconds in vec(1..=43_200_u64, 1..=20), failures in 1..=20_u32, unit in 0.0..1.0_f64, asked in prop::option::of(0..200_000_000_u64),
        ) {
            let schedule = RetrySchedule(seconds.iter().copied().map(Duration::from_secs).collect());
            let wait = schedule.wait_after(failures, Jitter::from_unit(unit), asked.map(Duration::from_millis));
            let step = seconds.get(failures as usize - 1).map(|&seconds| Duration::from_secs(seconds));
            prop_assert_eq!(wait.is_some(), step.is_some());
            if let (Some(wait), Some(step)) = (wait, step) {
                let due = step.max(Duration::from_millis(asked.unwrap_or(0)).min(LONGEST_WAIT));
                prop_assert!(wait > due && wait <= due + due * 8 / 100, "{:?} for {:?}", wait, due);
                prop_assert_eq!(wait.subsec_nanos() % 1_000_000, 0);
            }
        }

        #[test]
        fn a_longer_retry_after_never_makes_a_shorter_wait(a in 0..u64::MAX, b in 0..u64::MAX, unit in 0.0..1.0_f64) {
            let wait = |nanos| schedule("5m").wait_after(1, Jitter::from_unit(unit), Some(Duration::from_nanos(nanos)));
            prop_assert!(wait(a.min(b)) <= wait(a.max(b)));
            prop_assert!(wait(a).unwrap() >= Duration::from_nanos(a).min(LONGEST_WAIT));
        }

        #[test]
        fn jitter_stays_within_its_bounds(unit: f64) {
            prop_assert!((Jitter::LEAST..=Jitter::MOST).contains(&Jitter::from_unit(unit).fraction()));
        }
    }
}
