//! What signs in to Twilio, and what Twilio signs with. All of it prints as `***`.

use crate::secret::SecretText;

/// An account's auth token: signs in, and is the key of the signatures on Twilio's requests to us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthToken(pub SecretText);

/// The secret of an API key: signs in, but verifies nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKeySecret(pub SecretText);
