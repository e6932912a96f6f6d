//! What a message costs: its coding and the segments that it takes.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How the characters of a message are coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Encoding {
    /// The GSM 7-bit default alphabet and its extension table, without national ones.
    #[serde(rename = "GSM-7")]
    Gsm7,
    /// UTF-16 code units, as networks write what they call UCS-2.
    #[serde(rename = "UCS-2")]
    Ucs2,
}

/// Segments of a message: what carriers bill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Segments(u32);

/// The most segments that a message of a workspace may have: 1 to 10, 2 by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct MaxSegments(u8);

/// A number that is no [`MaxSegments`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a whole number from 1 to 10")]
pub struct InvalidMaxSegments;

/// What a text takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Count {
    /// How the text is coded.
    pub encoding: Encoding,
    /// How many segments it takes, at least one.
    pub segments: Segments,
    /// The first character that GSM-7 lacks, where there is one: it forces UCS-2.
    pub forced_by: Option<char>,
}

/// How many units a segment holds: septets of GSM-7, UTF-16 code units of UCS-2.
struct Capacity {
    /// Of a message that is one segment: 140 octets.
    alone: usize,
    /// Of each of several: 140 octets less the header of 6 that joins them.
    part: usize,
}

const GSM_7: Capacity = Capacity {
    alone: 160,
    part: 153,
};
const UCS_2: Capacity = Capacity {
    alone: 70,
    part: 67,
};

/// Counts a text as carriers do.
///
/// - GSM-7, where it has every character: 160 septets in one segment, else 153 in each. A character of the extension
///   table is two, an escape and a code, which never part.
/// - UCS-2 otherwise: 70 UTF-16 code units in one segment, else 67 in each. A surrogate pair never parts; several
///   characters that are seen as one (a flag, a letter with combining marks) may.
///
/// The empty text takes one segment, for an empty message is a message too. Takes time linear in the text.
///
/// Sources: the alphabet is 3GPP TS 23.038, §6.2.1 and §6.2.1.1; 160 characters or 140 octets in a message is TS 23.040,
/// §9.2.3.16, and the header of concatenated ones §9.2.3.24.1.
///
/// ```
/// use domain::sms::segments::{Encoding, count};
///
/// assert_eq!(count(&"a".repeat(160)).segments.get(), 1);
/// assert_eq!(count(&"a".repeat(161)).segments.get(), 2);
/// let forced = count("Fix the “login”");
/// assert_eq!((forced.encoding, forced.forced_by), (Encoding::Ucs2, Some('“')));
/// ```
#[must_use]
pub fn count(text: &str) -> Count {
    let forced_by = text.chars().find(|c| septets(*c).is_none());
    let (encoding, segments) = match forced_by {
        None => (
            Encoding::Gsm7,
            GSM_7.segments(text.chars().filter_map(septets)),
        ),
        Some(_) => (
            Encoding::Ucs2,
            UCS_2.segments(text.chars().map(char::len_utf16)),
        ),
    };
    Count {
        encoding,
        segments,
        forced_by,
    }
}

impl Capacity {
    /// The segments that characters of these sizes take, none of them split.
    fn segments(&self, sizes: impl Iterator<Item = usize>) -> Segments {
        let (mut parts, mut filled, mut total) = (1, 0, 0);
        for size in sizes {
            total += size;
            if filled + size > self.part {
                parts += 1;
                filled = 0;
            }
            filled += size;
        }
        Segments(if total <= self.alone { 1 } else { parts })
    }
}

/// The septets of a character in GSM-7: one in the default alphabet, two in its extension table, else none.
fn septets(c: char) -> Option<usize> {
    match c {
        '\n' | '\r' | ' '..='Z' | '_' | 'a'..='z' => Some(1),
        '¡' | '£' | '¤' | '¥' | '§' | '¿' => Some(1),
        'Ä' | 'Å' | 'Æ' | 'Ç' | 'É' | 'Ñ' | 'Ö' | 'Ø' | 'Ü' | 'ß' => Some(1),
        'à' | 'ä' | 'å' | 'æ' | 'è' | 'é' | 'ì' | 'ñ' | 'ò' | 'ö' | 'ø' | 'ù' | 'ü' => {
            Some(1)
        }
        'Γ' | 'Δ' | 'Θ' | 'Λ' | 'Ξ' | 'Π' | 'Σ' | 'Φ' | 'Ψ' | 'Ω' => Some(1),
        '\u{c}' | '[' | '\\' | ']' | '^' | '{' | '|' | '}' | '~' | '€' => Some(2),
        _ => None,
    }
}

impl Encoding {
    /// The encoding as the API names it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Encoding::Gsm7 => "GSM-7",
            Encoding::Ucs2 => "UCS-2",
        }
    }
}

impl Segments {
    /// The number.
    #[must_use]
    pub fn get(self) -> u32 {
        self.0
    }
}

impl fmt::Display for Segments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl MaxSegments {
    /// The number of segments.
    #[must_use]
    pub fn get(self) -> Segments {
        Segments(self.0.into())
    }

    /// No text of more characters fits, whatever they are.
    pub(super) fn most_characters(self) -> usize {
        usize::from(self.0) * GSM_7.alone
    }
}

impl Default for MaxSegments {
    fn default() -> Self {
        Self(2)
    }
}

impl TryFrom<u64> for MaxSegments {
    type Error = InvalidMaxSegments;

    fn try_from(segments: u64) -> Result<Self, Self::Error> {
        match u8::try_from(segments) {
            Ok(segments @ 1..=10) => Ok(Self(segments)),
            _ => Err(InvalidMaxSegments),
        }
    }
}

impl From<MaxSegments> for u64 {
    fn from(most: MaxSegments) -> Self {
        most.0.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The default alphabet in the order of its table, without the escape.
    const DEFAULT_ALPHABET: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?\
        ¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
    const EXTENSION_TABLE: &str = "\u{c}^{}\\[~]|€";

    fn segments(text: &str) -> u32 {
        count(text).segments.get()
    }

    #[test]
    fn the_alphabet_is_that_of_the_standard() {
        assert_eq!(DEFAULT_ALPHABET.chars().count(), 127);
        let of = |c: char| match c {
            _ if DEFAULT_ALPHABET.contains(c) => Some(1),
            _ if EXTENSION_TABLE.contains(c) => Some(2),
            _ => None,
        };
        for c in '\0'..=char::MAX {
            assert_eq!(septets(c), of(c), "{c:?}");
        }
    }

    #[test]
    fn gsm_7_holds_160_septets_alone_and_153_in_each_part() {
        for (length, expected) in [
            (0, 1),
            (160, 1),
            (161, 2),
            (306, 2),
            (307, 3),
            (459, 3),
            (460, 4),
        ] {
            assert_eq!(segments(&"a".repeat(length)), expected, "{length}");
        }
        assert_eq!(
            (segments(&"€".repeat(80)), segments(&"€".repeat(81))),
            (1, 2)
        );
    }

    #[test]
    fn an_escape_pair_is_never_split() {
        let whole = format!("{}€{}", "a".repeat(151), "a".repeat(153));
        let pushed_on = format!("{}€{}", "a".repeat(152), "a".repeat(152));
        assert_eq!((segments(&whole), segments(&pushed_on)), (2, 3));
    }

    #[test]
    fn ucs_2_holds_70_units_alone_and_67_in_each_part() {
        for (length, expected) in [(70, 1), (71, 2), (134, 2), (135, 3)] {
            assert_eq!(segments(&"я".repeat(length)), expected, "{length}");
        }
        assert_eq!(
            (segments(&"😀".repeat(35)), segments(&"😀".repeat(36))),
            (1, 2)
        );
    }

    #[test]
    fn a_surrogate_pair_is_never_split() {
        let whole = format!("{}😀{}", "я".repeat(65), "я".repeat(67));
        let pushed_on = format!("{}😀{}", "я".repeat(66), "я".repeat(66));
        assert_eq!((segments(&whole), segments(&pushed_on)), (2, 3));
    }

    #[test]
    fn extension_characters_are_one_unit_of_ucs_2() {
        assert_eq!(segments(&format!("я{}", "€".repeat(69))), 1);
    }

    #[test]
    fn the_first_character_that_forces_ucs_2_is_named() {
        let forced = |text: &str| (count(text).encoding.as_str(), count(text).forced_by);
        assert_eq!(forced("Größe {1}: 5 €"), ("GSM-7", None));
        assert_eq!(forced("a…b`"), ("UCS-2", Some('…')));
        assert_eq!(forced("ends in `"), ("UCS-2", Some('`')));
        assert_eq!(forced("e\u{301}"), ("UCS-2", Some('\u{301}')));
    }

    #[test]
    fn one_to_ten_segments_may_be_allowed() {
        for segments in 1..=10 {
            let most = MaxSegments::try_from(segments).unwrap();
            assert_eq!(u64::from(most.get().get()), segments);
        }
        for segments in [0, 11, 256, 257, u64::MAX] {
            assert_eq!(MaxSegments::try_from(segments), Err(InvalidMaxSegments));
        }
        assert_eq!(MaxSegments::default().get().to_string(), "2");
    }

    #[test]
    fn json_has_names_and_checked_numbers() {
        let json = |value| serde_json::to_string(&value).unwrap();
        assert_eq!(json(Encoding::Gsm7), r#""GSM-7""#);
        assert_eq!(json(Encoding::Ucs2), r#""UCS-2""#);
        assert_eq!(serde_json::to_string(&count("").segments).unwrap(), "1");
        let most: MaxSegments = serde_json::from_str("10").unwrap();
        assert_eq!(serde_json::to_string(&most).unwrap(), "10");
        for refused in ["0", "11", "300", "-1", "1.5"] {
            assert!(
                serde_json::from_str::<MaxSegments>(refused).is_err(),
                "{refused}"
            );
        }
    }

    proptest! {
        #[test]
        fn segments_lie_between_the_fewest_and_the_most_that_the_units_allow(
            text in prop_oneof!["[ -Z_a-zé€{}\r\n]{0,700}", "(?s).{0,400}"],
        ) {
            let Count { encoding, segments, .. } = count(&text);
            let (units, capacity) = match encoding {
                Encoding::Gsm7 => (text.chars().filter_map(septets).sum::<usize>(), GSM_7),
                Encoding::Ucs2 => (text.encode_utf16().count(), UCS_2),
            };
            let segments = segments.get() as usize;
            prop_assert_eq!(segments == 1, units <= capacity.alone);
            if segments > 1 {
                // At most one unit of a part is left empty, before a pair.
                prop_assert!(segments >= units.div_ceil(capacity.part));
                prop_assert!(segments <= units.div_ceil(capacity.part - 1));
            }
        }

        #[test]
        fn a_longer_text_never_takes_fewer_segments(
            start in "(?s)[a€я😀\r\n]{0,200}", inserted in "(?s)[a€я😀]{0,200}", end in "(?s)[a€я😀]{0,200}",
        ) {
            let shorter = format!("{start}{end}");
            let longer = format!("{start}{inserted}{end}");
            prop_assert!(count(&longer).segments >= count(&shorter).segments);
        }
    }
}
