//! Identifiers that we draw at random: webhooks and API keys.

use super::{InvalidId, base32hex, identifier};

/// 26 digits hold 130 bits: 128 random ones under two zero bits.
const DIGITS: u32 = 26;

identifier! {
    /// A webhook: `wh_` and 26 characters of `0-9 a-v`.
    WebhookId
}

identifier! {
    /// An API key's public name (not the key itself): `key_` and 26 characters of `0-9 a-v`.
    KeyId
}

impl WebhookId {
    /// The id that 128 random bits name.
    #[must_use]
    pub fn from_random(random: [u8; 16]) -> Self {
        Self(with_prefix("wh_", random))
    }

    fn check(text: &str) -> Result<(), InvalidId> {
        let rule = "wh_ and 26 characters of 0-9 and a-v";
        require_shape(text, "wh_").ok_or(InvalidId {
            what: "a webhook id",
            rule,
        })
    }
}

impl KeyId {
    /// The id that 128 random bits name.
    #[must_use]
    pub fn from_random(random: [u8; 16]) -> Self {
        Self(with_prefix("key_", random))
    }

    fn check(text: &str) -> Result<(), InvalidId> {
        let rule = "key_ and 26 characters of 0-9 and a-v";
        require_shape(text, "key_").ok_or(InvalidId {
            what: "a key id",
            rule,
        })
    }
}

fn with_prefix(prefix: &str, random: [u8; 16]) -> String {
    format!(
        "{prefix}{}",
        base32hex::encode(u128::from_be_bytes(random), DIGITS)
    )
}

fn require_shape(text: &str, prefix: &str) -> Option<()> {
    let digits = text.strip_prefix(prefix)?;
    (digits.len() == DIGITS as usize && digits.bytes().all(base32hex::is_digit)).then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_id_of_another_kind_or_shape_is_refused() {
        let webhook = WebhookId::from_random([7; 16]).to_string();
        let digits = &webhook["wh_".len()..];
        for text in [
            "",
            "wh_",
            digits,
            &format!("key_{digits}"),
            &format!("{webhook}0"),
            &webhook.to_uppercase(),
        ] {
            let error = WebhookId::parse(text).unwrap_err();
            assert_eq!(
                error.to_string(),
                "a webhook id must be wh_ and 26 characters of 0-9 and a-v"
            );
        }
        assert!(KeyId::parse(&webhook).is_err());
    }

    proptest! {
        #[test]
        fn different_bits_make_different_ids_in_the_same_order(a: [u8; 16], b: [u8; 16]) {
            prop_assert_eq!(WebhookId::from_random(a).cmp(&WebhookId::from_random(b)), a.cmp(&b));
            prop_assert_eq!(KeyId::from_random(a).cmp(&KeyId::from_random(b)), a.cmp(&b));
        }

        #[test]
        fn a_drawn_id_reads_back(random: [u8; 16]) {
            let webhook = WebhookId::from_random(random);
            prop_assert_eq!(WebhookId::parse(webhook.as_str()).unwrap(), webhook);
            let key = KeyId::from_random(random);
            prop_assert_eq!(KeyId::parse(key.as_str()).unwrap(), key);
        }
    }
}
