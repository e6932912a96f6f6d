//! Secrets in clear: a webhook's, and any other text that must not be seen.

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};

/// What precedes the key of a generated secret, as Standard Webhooks has it
/// (<https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>, "Signature scheme").
pub(crate) const GENERATED_PREFIX: &str = "whsec_";
const MOST_CHARACTERS: usize = 256;
const HINT_CHARACTERS: usize = 4;
/// Below this length the last characters would tell too much of the whole.
const LEAST_FOR_A_HINT: usize = 12;

/// The key of a webhook's signatures: any 1 to 256 characters. Prints as `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookSecret(String);

/// A secret that is empty or longer than 256 characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a secret is 1 to {MOST_CHARACTERS} characters")]
pub struct InvalidSecret;

impl WebhookSecret {
    /// Takes a secret that a customer chose.
    ///
    /// # Errors
    /// [`InvalidSecret`] unless it has 1 to 256 characters.
    pub fn parse(text: impl Into<String>) -> Result<Self, InvalidSecret> {
        let text = text.into();
        let length = text.chars().take(MOST_CHARACTERS + 1).count();
        if (1..=MOST_CHARACTERS).contains(&length) {
            Ok(Self(text))
        } else {
            Err(InvalidSecret)
        }
    }

    /// Makes a secret of 32 random bytes: `whsec_` and their base64.
    #[must_use]
    pub fn generate(random: [u8; 32]) -> Self {
        Self(format!("{GENERATED_PREFIX}{}", STANDARD.encode(random)))
    }

    /// The secret itself: to be encrypted, to sign with, and to show once where it was generated.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The last 4 characters, so that people can tell which secret is set; `None` below 12 characters.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let length = self.0.chars().count();
        (length >= LEAST_FOR_A_HINT)
            .then(|| self.0.chars().skip(length - HINT_CHARACTERS).collect())
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// A secret as it is stored: a KMS ciphertext bound to its workspace and purpose, and what people may see of the plain
/// text.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedSecret {
    /// What KMS made of it.
    #[serde(with = "in_base64")]
    pub ciphertext: Vec<u8>,
    /// The last 4 characters of a secret of 12 or more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl fmt::Debug for SealedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealedSecret(***)")
    }
}

mod in_base64 {
    use base64::{Engine, engine::general_purpose::STANDARD};
    use serde::de::{Deserialize, Deserializer, Error};
    use serde::ser::Serializer;

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(deserializer)?;
        STANDARD.decode(text).map_err(D::Error::custom)
    }
}

/// A secret text, such as a token or a URL that carries one. Prints as `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretText(String);

impl SecretText {
    /// Takes any text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_length_is_counted_in_characters() {
        assert_eq!(WebhookSecret::parse(""), Err(InvalidSecret));
        assert!(WebhookSecret::parse("é".repeat(256)).is_ok());
        assert_eq!(WebhookSecret::parse("é".repeat(257)), Err(InvalidSecret));
    }

    #[test]
    fn the_hint_needs_twelve_characters() {
        let hint = |text: &str| WebhookSecret::parse(text).unwrap().hint();
        assert_eq!(hint("elevenchars"), None);
        assert_eq!(hint("twelve chars").as_deref(), Some("hars"));
        assert_eq!(hint("ключ ключéß∂ƒ").as_deref(), Some("éß∂ƒ"));
    }

    #[test]
    fn a_generated_secret_is_the_prefix_and_base64() {
        let secret = WebhookSecret::generate([0xff; 32]);
        assert_eq!(
            secret.expose(),
            "whsec_//////////////////////////////////////////8="
        );
    }

    proptest! {
        #[test]
        fn a_secret_never_prints(text in ".{1,256}") {
            prop_assert_eq!(format!("{:?}", WebhookSecret::parse(text).unwrap()), "***");
        }

        #[test]
        fn what_was_generated_reads_back(random: [u8; 32]) {
            let secret = WebhookSecret::generate(random);
            prop_assert_eq!(WebhookSecret::parse(secret.expose()).unwrap(), secret);
        }
    }
}
