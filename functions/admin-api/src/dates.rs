//! Days of UTC.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde_json::Value;

use crate::object;

/// A day of UTC, of the years 1970 to 9998.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Day(Date);

/// Reads a date: `2026-03-29`.
pub(crate) fn day(value: Value) -> Result<Day, String> {
    let text = object::text(value)?;
    Day::parse(&text)
        .ok_or_else(|| "must be a date (UTC) of the years 1970 to 9998, e.g. 2026-03-29".to_owned())
}

impl Day {
    /// The day of this moment.
    pub(crate) fn of(at: Timestamp) -> Day {
        Day(at.to_zoned(TimeZone::UTC).date())
    }

    fn parse(text: &str) -> Option<Day> {
        let digit_or_dash = |(place, byte): (usize, u8)| match place {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        };
        let shaped = text.len() == 10 && text.bytes().enumerate().all(digit_or_dash);
        let date: Date = text.parse().ok().filter(|_| shaped)?;
        (1970..9999).contains(&date.year()).then_some(Day(date))
    }

    pub(crate) fn date(self) -> Date {
        self.0
    }

    /// The day so many days before.
    pub(crate) fn before(self, days: i32) -> Day {
        Day(self.0.saturating_sub(days.days()))
    }

    /// How many days there are from this one to another, both included; none where that one comes first.
    pub(crate) fn days_to(self, last: Day) -> i32 {
        (last.0 - self.0).get_days() + 1
    }

    /// Its first moment.
    pub(crate) fn begin(self) -> Timestamp {
        let midnight = self.0.to_zoned(TimeZone::UTC);
        midnight.map_or(Timestamp::MAX, |midnight| midnight.timestamp())
    }

    /// The first moment of the next day.
    pub(crate) fn end(self) -> Timestamp {
        Day(self.0.saturating_add(1.day())).begin()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_dates_are_days() {
        for text in [
            "",
            "today",
            "2026-3-29",
            "20260329",
            "2026-02-30",
            "2026-W13-7",
            "2026-03-29T00:00:00Z",
            "1969-12-31",
            "9999-01-01",
            "-026-03-29",
            "2026-03-2９",
        ] {
            assert!(day(text.into()).is_err(), "{text}");
        }
        let read = day("2026-03-29".into()).unwrap();
        assert_eq!(read.begin().to_string(), "2026-03-29T00:00:00Z");
        assert_eq!(read.end().to_string(), "2026-03-30T00:00:00Z");
        assert_eq!(Day::of(read.begin()), read);
    }

    #[test]
    fn days_are_counted_with_both_ends() {
        let day = |text: &str| day(text.into()).unwrap();
        assert_eq!(day("2026-03-29").days_to(day("2026-03-29")), 1);
        assert_eq!(day("2025-03-29").days_to(day("2026-03-29")), 366);
        assert!(day("2026-03-30").days_to(day("2026-03-29")) < 1);
        assert_eq!(day("2026-03-01").before(1), day("2026-02-28"));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[0-9-]{8,12}|.{0,12}") {
            if let Ok(day) = day(text.clone().into()) {
                prop_assert_eq!(day.date().to_string(), text);
                prop_assert!(day.begin() < day.end());
            }
        }
    }
}
