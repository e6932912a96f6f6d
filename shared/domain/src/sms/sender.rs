//! Who a message comes from.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::phone::PhoneNumber;
use crate::twilio::sids::MessagingServiceSid;

/// What Twilio is asked to send from.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TwilioSender {
    /// A number or short code of the account.
    Number(FromNumber),
    /// A messaging service of the account, which picks the number.
    MessagingService(MessagingServiceSid),
}

/// A number that messages come from: E.164, or a short code of 3 to 8 digits.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FromNumber(String);

/// A text that is neither a phone number nor a short code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be a number in E.164 (+ and the country code, then the number, digits only, such as +14155551234) or a \
     short code of 3 to 8 digits"
)]
pub struct InvalidFromNumber;

impl FromNumber {
    /// The number as Twilio takes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is a short code.
    #[must_use]
    pub fn is_short_code(&self) -> bool {
        !self.0.starts_with('+')
    }
}

impl FromStr for FromNumber {
    type Err = InvalidFromNumber;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let short_code = (3..=8).contains(&text.len()) && text.bytes().all(|c| c.is_ascii_digit());
        if short_code || text.parse::<PhoneNumber>().is_ok() {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidFromNumber)
        }
    }
}

impl TryFrom<String> for FromNumber {
    type Error = InvalidFromNumber;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<FromNumber> for String {
    fn from(number: FromNumber) -> Self {
        number.0
    }
}

/// The company's number, but logs are no place for numbers of any kind.
impl fmt::Debug for FromNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl TwilioSender {
    /// The number, or the messaging service's SID: what opt-outs are kept by, and what the history shows.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            TwilioSender::Number(number) => number.as_str(),
            TwilioSender::MessagingService(service) => service.as_str(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_short_codes_are_taken_and_nothing_else() {
        for text in ["+14155551234", "12345", "123", "12345678"] {
            assert!(text.parse::<FromNumber>().is_ok(), "{text}");
        }
        for text in [
            "14155551234",
            "(415) 555-1234",
            "12",
            "123456789",
            "SetGet",
            "",
            "+12345",
        ] {
            assert!(text.parse::<FromNumber>().is_err(), "{text}");
        }
    }
}
