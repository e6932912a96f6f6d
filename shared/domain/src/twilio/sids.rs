//! Twilio's identifiers: two letters for the kind and 32 hexadecimal digits.
//! Source: [What is a SID?](https://www.twilio.com/docs/glossary/what-is-a-sid).

use crate::ids::{InvalidId, identifier};

identifier! {
    /// An account: `AC` and 32 hexadecimal digits.
    AccountSid
}

identifier! {
    /// An API key: `SK` and 32 hexadecimal digits.
    ApiKeySid
}

identifier! {
    /// A message: `SM` or `MM` and 32 hexadecimal digits.
    MessageSid
}

identifier! {
    /// A messaging service: `MG` and 32 hexadecimal digits.
    MessagingServiceSid
}

impl AccountSid {
    fn check(text: &str) -> Result<(), InvalidId> {
        check(
            text,
            &["AC"],
            "an account SID",
            "AC and 32 hexadecimal digits",
        )
    }
}

impl ApiKeySid {
    fn check(text: &str) -> Result<(), InvalidId> {
        check(
            text,
            &["SK"],
            "an API key SID",
            "SK and 32 hexadecimal digits",
        )
    }
}

impl MessageSid {
    fn check(text: &str) -> Result<(), InvalidId> {
        check(
            text,
            &["SM", "MM"],
            "a message SID",
            "SM or MM and 32 hexadecimal digits",
        )
    }
}

impl MessagingServiceSid {
    fn check(text: &str) -> Result<(), InvalidId> {
        check(
            text,
            &["MG"],
            "a messaging service SID",
            "MG and 32 hexadecimal digits",
        )
    }
}

fn check(
    text: &str,
    kinds: &[&str],
    what: &'static str,
    rule: &'static str,
) -> Result<(), InvalidId> {
    let digits = kinds.iter().find_map(|kind| text.strip_prefix(kind));
    let is_sid =
        digits.is_some_and(|hex| hex.len() == 32 && hex.bytes().all(|c| c.is_ascii_hexdigit()));
    if is_sid {
        Ok(())
    } else {
        Err(InvalidId { what, rule })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_sid_is_its_kind_and_32_hexadecimal_digits(hex in "[0-9a-fA-F]{32}", other in "[^0-9a-fA-F]") {
            let of_kind = |kind: &str| format!("{kind}{hex}");
            prop_assert!(AccountSid::parse(&of_kind("AC")).is_ok());
            prop_assert!(AccountSid::parse(&of_kind("MG")).is_err());
            prop_assert!(MessageSid::parse(&of_kind("SM")).is_ok());
            prop_assert!(MessageSid::parse(&of_kind("MM")).is_ok());
            let longer = format!("AC{hex}0");
            let shorter = format!("AC{}", &hex[1..]);
            let foreign = format!("AC{other}{}", &hex[1..]);
            for wrong in [longer, shorter, foreign] {
                prop_assert!(AccountSid::parse(&wrong).is_err());
            }
        }
    }
}
