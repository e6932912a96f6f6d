//! Whether a phone number is one that its country hands out.
//!
//! E.164 alone takes `+19999999999`; a message to it costs an attempt and fails. The plans are those of Google's
//! [libphonenumber](https://github.com/google/libphonenumber), by its port `rlibphonenumber`. Its first use loads them,
//! which takes some 9 ms (release build; the port `phonenumber` takes 60 to 80), so that only a phone that is being
//! saved or written to by hand comes here, and nothing is loaded before.

use domain::sms::phone::PhoneNumber;
use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumberFormat};
use serde_json::Value;

use crate::object;

/// Why a phone is not taken. The number is not repeated: it is somebody's, also mistyped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotInPlan {
    /// A number that no country hands out.
    #[error(
        "is no valid number of its country; check that no digit is missing or too many, the country code included"
    )]
    Unused,
    /// A number with the digits that are dialled before it within its country. libphonenumber reads past them, as who
    /// dials means them; carriers and Twilio write the number without, so that a STOP from it, a receipt and the list of
    /// messages would never be its.
    #[error(
        "must be as it is dialled from abroad: after the country code no 0, 1 or other digit that is dialled only within \
         the country, such as +447911123456 for 07911 123456"
    )]
    DialledAtHome {
        /// As it is in E.164; prints masked.
        right: PhoneNumber,
    },
}

impl NotInPlan {
    /// The rule for who has sent the number: the right form is shown to nobody else, so not in the error's own words.
    fn rule(&self) -> String {
        match self {
            NotInPlan::Unused => self.to_string(),
            NotInPlan::DialledAtHome { right } => format!("{self}; here {}", right.as_str()),
        }
    }
}

/// Holds a number to its country's plan.
///
/// # Errors
/// [`NotInPlan`]: no such country code, too few or too many digits for the country, a range that it does not use, or
/// digits that E.164 does not have.
pub(crate) fn check(phone: &PhoneNumber) -> Result<(), NotInPlan> {
    let parsed = PHONE_NUMBER_UTIL
        .parse(phone.as_str(), None)
        .map_err(|_| NotInPlan::Unused)?;
    if !PHONE_NUMBER_UTIL.is_valid_number(&parsed) {
        return Err(NotInPlan::Unused);
    }
    match parsed.format_as(PhoneNumberFormat::E164).parse() {
        Ok(right) if right == *phone => Ok(()),
        Ok(right) => Err(NotInPlan::DialledAtHome { right }),
        Err(_) => Err(NotInPlan::Unused),
    }
}

/// Reads a phone number in E.164 that is in its country's plan.
pub(crate) fn phone(value: Value) -> Result<PhoneNumber, String> {
    let phone = object::parsed(value)?;
    check(&phone).map_err(|error| error.rule())?;
    Ok(phone)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;
    use rlibphonenumber::PhoneNumberType;

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

    /// Where a digit looks like one that is dialled at home only, and belongs to the number.
    #[test]
    fn digits_that_belong_to_the_number_are_left_alone() {
        for text in [
            // Argentina: the 9 of mobiles called from abroad; a fixed line without it.
            "+5491123456789",
            "+541123456789",
            // Italy, San Marino and Gabon: the 0 is dialled from everywhere.
            "+390612345678",
            "+393123456789",
            "+3780549886377",
            "+24101441234",
            // Mexico.
            "+525512345678",
            // Côte d'Ivoire and Congo: numbers that begin with 0.
            "+2250123456789",
            "+242061234567",
            // Russia's trunk prefix is 8, and numbers begin with 8 as well; Hungary's is 06.
            "+79123456789",
            "+78001234567",
            "+36201234567",
            // Brazil: the 9 of mobiles.
            "+5511961234567",
        ] {
            assert!(in_plan(text), "{text}");
        }
    }

    /// The plan's own examples, of every region and kind of number.
    #[test]
    fn every_countrys_example_numbers_are_taken() {
        let kinds = [
            PhoneNumberType::Mobile,
            PhoneNumberType::FixedLine,
            PhoneNumberType::VoIP,
            PhoneNumberType::PersonalNumber,
        ];
        let mut seen = HashSet::new();
        for region in PHONE_NUMBER_UTIL.get_supported_regions() {
            for kind in kinds {
                let example =
                    PHONE_NUMBER_UTIL.get_example_number_for_type_and_region(region, kind);
                if let Ok(number) = example {
                    let text = number.format_as(PhoneNumberFormat::E164);
                    let phone: PhoneNumber = text.parse().unwrap();
                    assert_eq!(check(&phone), Ok(()), "{text} of {region:?}");
                    seen.insert(region);
                }
            }
        }
        assert!(seen.len() > 240, "{}", seen.len());
    }

    /// libphonenumber takes them: it reads past what is dialled before the number within the country.
    #[test]
    fn numbers_with_a_prefix_of_home_are_refused_with_the_right_form() {
        for (text, right) in [
            ("+4407911123456", "+447911123456"),
            ("+114155551234", "+14155551234"),
            ("+49015112345678", "+4915112345678"),
            ("+330612345678", "+33612345678"),
            ("+610412345678", "+61412345678"),
            ("+54111512345678", "+5491112345678"),
            ("+789123456789", "+79123456789"),
        ] {
            let refused = check(&text.parse().unwrap()).unwrap_err();
            let right: PhoneNumber = right.parse().unwrap();
            assert_eq!(check(&right), Ok(()), "{text}");
            assert!(refused.rule().ends_with(right.as_str()), "{text}");
            assert_eq!(refused, NotInPlan::DialledAtHome { right }, "{text}");
        }
    }

    #[test]
    fn an_error_prints_nobodys_number() {
        let refused = check(&"+4407911123457".parse().unwrap()).unwrap_err();
        for printed in [format!("{refused}"), format!("{refused:?}")] {
            assert!(!printed.contains("7911123457"), "{printed}");
        }
    }

    proptest! {
        /// Whatever is taken is what everybody else calls the number.
        #[test]
        fn what_is_taken_is_its_own_e_164(
            country in prop::sample::select(vec!["1", "33", "39", "44", "49", "52", "54", "55", "61", "7", "81", "225"]),
            prefix in prop::sample::select(vec!["", "0", "1", "8", "9", "15", "01", "044"]),
            rest in "[1-9][0-9]{7,9}",
        ) {
            let text = format!("+{country}{prefix}{rest}");
            if let Ok(phone) = text.parse() && check(&phone).is_ok() {
                let parsed = PHONE_NUMBER_UTIL.parse(&text, None).unwrap();
                prop_assert_eq!(parsed.format_as(PhoneNumberFormat::E164), text);
            }
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
            // Mexico's mobiles had a 1 until 2019.
            "+5215512345678",
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
