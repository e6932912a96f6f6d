//! Times as the outside writes them.

use jiff::Timestamp;

/// Reads a time as RFC 3339 §5.6 writes it, with any offset; `None` for anything else. `Timestamp::from_str` takes much
/// else: no seconds, time zone names, hours as offset.
#[must_use]
pub fn rfc3339(text: &str) -> Option<Timestamp> {
    let (date_time, rest) = text.split_at_checked("2026-03-29T14:30:00".len())?;
    let offset = match rest.strip_prefix('.') {
        Some(fraction) => fraction.trim_start_matches(|c: char| c.is_ascii_digit()),
        None => rest,
    };
    let shaped = has_shape(date_time, "0000-00-00T00:00:00")
        && (matches!(offset, "Z" | "z") || has_offset_shape(offset));
    if shaped { text.parse().ok() } else { None }
}

fn has_offset_shape(offset: &str) -> bool {
    has_shape(offset, "+00:00") || has_shape(offset, "-00:00")
}

/// Whether `text` has a digit wherever `shape` has `0`, and else the same characters in either case.
fn has_shape(text: &str, shape: &str) -> bool {
    let fits = |(given, wanted): (u8, u8)| {
        if wanted == b'0' {
            given.is_ascii_digit()
        } else {
            given.eq_ignore_ascii_case(&wanted)
        }
    };
    text.len() == shape.len() && text.bytes().zip(shape.bytes()).all(fits)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_rfc_3339_does_not_write_is_refused() {
        let refused = [
            "",
            "now",
            "2026-03-29",
            "2026-03-29T14:30Z",
            "2026-03-29T14:30:00",
            "2026-03-29T14:30:00+01",
            "2026-03-29T14:30:00+0100",
            "2026-03-29T14:30:00[Europe/Berlin]",
            "2026-3-29T14:30:00Z",
            "2026-02-30T14:30:00Z",
            "2026-03-29T14:30:00Z ",
        ];
        for text in refused {
            assert_eq!(rfc3339(text), None, "{text}");
        }
    }

    #[test]
    fn offsets_and_fractions_are_read() {
        let expected = "2026-03-29T14:30:00.25Z".parse().ok();
        for text in [
            "2026-03-29T14:30:00.25Z",
            "2026-03-29t14:30:00.25z",
            "2026-03-29T16:30:00.250+02:00",
            "2026-03-29T09:00:00.25-05:30",
        ] {
            assert_eq!(rfc3339(text), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn whatever_we_write_we_read(millis in 0i64..4_000_000_000_000) {
            let at = Timestamp::from_millisecond(millis).unwrap();
            prop_assert_eq!(rfc3339(&at.to_string()), Some(at));
        }

        #[test]
        fn no_text_makes_it_panic(text in ".{0,40}") {
            let _ = rfc3339(&text);
        }
    }
}
