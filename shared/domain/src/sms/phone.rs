//! Phone numbers as E.164 has them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A phone number in E.164: `+`, then 7 to 15 digits, the first not 0. Whether its country has such numbers is
/// another question. Prints masked.
/// Source: [ITU-T E.164](https://www.itu.int/rec/T-REC-E.164), §6.2.1: at most 15 digits, the country code first.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PhoneNumber(String);

/// A text that is no phone number in E.164. The text is not repeated: it may be somebody's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be a phone number in E.164: + and the country code, then the number, digits only, 7 to 15 in all, such as \
     +14155551234"
)]
pub struct InvalidPhoneNumber;

const FEWEST_DIGITS: usize = 7;
const MOST_DIGITS: usize = 15;
/// What a masked number shows: `+` with the first digits, and the last ones.
const SHOWN_FIRST: usize = 5;
const SHOWN_LAST: usize = 2;
/// A masked number hides at least so many digits; short ones show fewer of the first.
const HIDDEN: usize = 4;

impl PhoneNumber {
    /// The number, `+` included.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The number with its middle hidden: `+1415•••••34`.
    #[must_use]
    pub fn masked(&self) -> String {
        let length = self.0.len();
        let first = SHOWN_FIRST.min(length - SHOWN_LAST - HIDDEN);
        let hidden = "•".repeat(length - first - SHOWN_LAST);
        format!(
            "{}{hidden}{}",
            &self.0[..first],
            &self.0[length - SHOWN_LAST..]
        )
    }
}

impl FromStr for PhoneNumber {
    type Err = InvalidPhoneNumber;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.strip_prefix('+').ok_or(InvalidPhoneNumber)?;
        let fits = (FEWEST_DIGITS..=MOST_DIGITS).contains(&digits.len())
            && digits.bytes().all(|c| c.is_ascii_digit())
            && !digits.starts_with('0');
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidPhoneNumber)
        }
    }
}

impl TryFrom<String> for PhoneNumber {
    type Error = InvalidPhoneNumber;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<PhoneNumber> for String {
    fn from(number: PhoneNumber) -> Self {
        number.0
    }
}

impl fmt::Debug for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_masked_number_shows_its_ends() {
        let masked = |text: &str| text.parse::<PhoneNumber>().unwrap().masked();
        assert_eq!(masked("+14155551234"), "+1415•••••34");
        assert_eq!(masked("+2901234"), "+2••••34");
    }

    #[test]
    fn other_ways_to_write_a_number_are_refused() {
        for text in [
            "14155551234",
            "(415) 555-1234",
            "+1 415 555 1234",
            "+1-415-555-1234",
            "+014155551234",
            "+123456",
            "+1234567890123456",
            "+1415555123٤",
            "++14155551234",
            "+",
            "",
            " +14155551234",
            "+14155551234\n",
        ] {
            assert_eq!(
                text.parse::<PhoneNumber>(),
                Err(InvalidPhoneNumber),
                "{text:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn a_number_hides_at_least_four_digits(digits in "[1-9][0-9]{6,14}") {
            let number: PhoneNumber = format!("+{digits}").parse().unwrap();
            prop_assert!(number.masked().chars().filter(|c| *c == '•').count() >= 4);
            prop_assert_eq!(number.masked().chars().count(), number.as_str().len());
            prop_assert_eq!(format!("{number:?}"), number.masked());
        }
    }
}
