//! The `Retry-After` response header (RFC 9110 §10.2.3).

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::strtime::BrokenDownTime;
use jiff::tz::TimeZone;

/// What a response's `Retry-After` asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryAfter {
    /// That long after the response; unbounded, the retry policy caps it.
    Delay(Duration),
    /// At that time of the server's clock, to the second.
    At(Timestamp),
}

/// RFC 9110 §5.6.7: the form to send, and the two obsolete ones (RFC 850, asctime) that a recipient must still read.
const HTTP_DATE_FORMATS: [&str; 3] = [
    "%a, %d %b %Y %H:%M:%S GMT",
    "%A, %d-%b-%y %H:%M:%S GMT",
    "%a %b %e %H:%M:%S %Y",
];

impl RetryAfter {
    /// Reads the header's value: whole seconds or an HTTP date. `None` for anything else, which is then ignored.
    #[must_use]
    pub fn parse(value: &str) -> Option<Self> {
        let value = value.trim_matches([' ', '\t']);
        if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
            // Only overflow can fail here, and more seconds than a u64 holds are as good as its maximum.
            return Some(Self::Delay(Duration::from_secs(
                value.parse().unwrap_or(u64::MAX),
            )));
        }
        HTTP_DATE_FORMATS
            .iter()
            .find_map(|format| parse_date(format, value))
            .map(Self::At)
    }

    /// How long to wait from `now` on; zero for a date that has passed.
    #[must_use]
    pub fn wait_from(self, now: Timestamp) -> Duration {
        match self {
            Self::Delay(delay) => delay,
            Self::At(time) => Duration::try_from(time.duration_since(now)).unwrap_or_default(),
        }
    }
}

fn parse_date(format: &str, value: &str) -> Option<Timestamp> {
    let civil = BrokenDownTime::parse(format, value)
        .ok()?
        .to_datetime()
        .ok()?;
    Some(civil.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn all_three_date_forms_of_the_rfc_name_the_same_second() {
        let expected = RetryAfter::At("1994-11-06T08:49:37Z".parse().unwrap());
        for value in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        ] {
            assert_eq!(RetryAfter::parse(value), Some(expected), "{value}");
        }
    }

    #[test]
    fn seconds_may_be_padded_with_blanks_and_saturate() {
        assert_eq!(
            RetryAfter::parse(" 120\t"),
            Some(RetryAfter::Delay(Duration::from_secs(120)))
        );
        let huge = "9".repeat(40);
        assert_eq!(
            RetryAfter::parse(&huge),
            Some(RetryAfter::Delay(Duration::from_secs(u64::MAX)))
        );
    }

    #[test]
    fn what_the_rfc_does_not_allow_is_ignored() {
        for value in [
            "",
            " ",
            "-1",
            "+5",
            "1.5",
            "5s",
            "٣",
            "soon",
            "Sun, 06 Nov 1994 08:49:37 +0100",
            "Mon, 06 Nov 1994 08:49:37 GMT",
            "Sun, 31 Feb 2027 08:49:37 GMT",
            "1994-11-06T08:49:37Z",
        ] {
            assert_eq!(RetryAfter::parse(value), None, "{value:?}");
        }
    }

    #[test]
    fn a_date_in_the_past_asks_for_no_wait() {
        let now: Timestamp = "2026-03-29T14:30:00Z".parse().unwrap();
        let at = |text: &str| RetryAfter::At(text.parse().unwrap()).wait_from(now);
        assert_eq!(at("2026-03-29T14:29:59Z"), Duration::ZERO);
        assert_eq!(at("2026-03-29T14:31:30Z"), Duration::from_secs(90));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_ignored(value in "\\PC{0,64}") {
            let _ = RetryAfter::parse(&value);
        }

        #[test]
        fn any_number_of_seconds_is_that_delay(seconds: u64) {
            let expected = Some(RetryAfter::Delay(Duration::from_secs(seconds)));
            prop_assert_eq!(RetryAfter::parse(&seconds.to_string()), expected);
        }

        #[test]
        fn a_date_comes_back_as_the_second_it_was_written_from(second in 0i64..253_000_000_000) {
            let time = Timestamp::from_second(second).unwrap();
            let rfc9110 = jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&time).unwrap();
            let asctime = time.strftime("%a %b %e %H:%M:%S %Y").to_string();
            prop_assert_eq!(RetryAfter::parse(&rfc9110), Some(RetryAfter::At(time)));
            prop_assert_eq!(RetryAfter::parse(&asctime), Some(RetryAfter::At(time)));
        }

        #[test]
        fn waiting_out_a_date_reaches_it(now in 0i64..4_000_000_000, ahead in 0i64..100_000_000) {
            let now = Timestamp::from_second(now).unwrap();
            let then = RetryAfter::At(Timestamp::from_second(now.as_second() + ahead).unwrap());
            prop_assert_eq!(then.wait_from(now), Duration::from_secs(ahead.unsigned_abs()));
        }
    }
}
