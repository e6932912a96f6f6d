//! Whether a phone number is one that its country hands out.
//!
//! E.164 alone takes `+19999999999`; a message to it costs an attempt and fails. The plans are those of Google's
//! [libphonenumber](https://github.com/google/libphonenumber), by its port `rlibphonenumber`. Its first use loads them,
//! which takes some 9 ms (release build; the port `phonenumber` takes 60 to 80), so that only a phone that is being
//! saved or written to by hand comes here, and nothing is loaded before.

use domain::sms::phone::PhoneNumber;
use rlibphonenumber::PHONE_NUMBER_UTIL;
use serde_json::Value;

use crate::object;

/// A number that no country hands out. It is not repeated: it is somebody's who mistyped it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "is no valid number of its country; check that no digit is missing or too many, the country code included"
)]
pub(crate) struct NotInPlan;

/// Holds a number to its country's plan.
///
/// # Errors
/// [`NotInPlan`]: no such country code, too few or too many digits for the country, or a range that it does not use.
pub(crate) fn check(phone: &PhoneNumber) -> Result<(), NotInPlan> {
    let parsed = PHONE_NUMBER_UTIL
        .parse(phone.as_str(), None)
        .map_err(|_| NotInPlan)?;
    if PHONE_NUMBER_UTIL.is_valid_number(&parsed) {
        Ok(())
    } else {
        Err(NotInPlan)
    }
}

/// Reads a phone number in E.164 that is in its country's plan.
pub(crate) fn phone(value: Value) -> Result<PhoneNumber, String> {
    let phone = object::parsed(value)?;
    check(&phone).map_err(|error| error.to_string())?;
    Ok(phone)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_plan(text: &str) -> bool {
        check(&text.parse().unwrap()).is_ok()
    }

    #[test]
    fn numbers_that_countries_hand_out_are_taken() {
        for text in [
            "+14155551234",
            "+14155550100",
            "+12025550123",
            "+33612345678",
            "+390612345678",
            "+4915112345678",
            "+8613800138000",
        ] {
            assert!(in_plan(text), "{text}");
        }
    }

    #[test]
    fn numbers_that_no_country_hands_out_are_refused() {
        for text in [
            "+19999999999",
            "+15555550100",
            "+1415555123",
            "+141555512345",
            "+491511234567",
            "+9991234567",
        ] {
            assert!(!in_plan(text), "{text}");
        }
    }

    /// Source: [Test credentials](https://www.twilio.com/docs/iam/test-credentials): senders and recipients that only
    /// Twilio's test credentials know.
    #[test]
    fn twilios_test_numbers_are_in_the_american_plan() {
        for last in ["0", "1", "2", "3", "4", "6", "7", "8", "9"] {
            assert!(in_plan(&format!("+1500555000{last}")), "{last}");
        }
    }
}
