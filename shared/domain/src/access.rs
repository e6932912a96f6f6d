//! Who may do what: API keys and their roles.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::ids::{KeyId, UserId, WorkspaceId};

/// What a key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Everything, in all workspaces.
    Operator,
    /// Everything in one workspace.
    Admin,
    /// One user's own phone and preferences.
    Member,
    /// Post events.
    Publisher,
}

/// A key to the API, without the key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKey {
    /// Its name in the API.
    pub id: KeyId,
    /// The workspace that it opens.
    pub workspace: WorkspaceId,
    /// What it may do there.
    pub role: Role,
    /// For people.
    pub name: String,
    /// The user that it stands for: needed by a member's key, allowed on others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<UserId>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// The key itself: `sk_` and 43 characters of base64url, 32 random bytes. Shown once, then known to its holder alone.
#[derive(Clone, PartialEq, Eq)]
pub struct KeySecret(String);

/// The SHA-256 of a key, in lower-case hex. A key has 256 random bits, so that a plain hash cannot be turned round.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct KeyHash(String);

impl KeySecret {
    /// A key of these random bytes.
    pub fn from_random(bytes: [u8; 32]) -> KeySecret {
        use base64::Engine as _;
        KeySecret(format!(
            "sk_{}",
            base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
        ))
    }

    /// The key as its holder gets to see it, once.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What is stored of it.
    pub fn hash(&self) -> KeyHash {
        KeyHash::of(&self.0)
    }
}

impl std::fmt::Debug for KeySecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KeySecret(***)")
    }
}

impl KeyHash {
    /// The hash of what a caller presents.
    pub fn of(presented: &str) -> KeyHash {
        use std::fmt::Write as _;
        let digest = Sha256::digest(presented.as_bytes());
        let mut hex = String::with_capacity(64);
        for byte in digest {
            let _ = write!(hex, "{byte:02x}");
        }
        KeyHash(hex)
    }

    /// In lower-case hex.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_what_sha256sum_prints() {
        // printf %s abc | sha256sum (FIPS 180-2, appendix B.1)
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(KeyHash::of("abc").as_str(), expected);
    }

    #[test]
    fn a_key_does_not_print_itself() {
        let key = KeySecret::from_random([7; 32]);
        assert_eq!(format!("{key:?}"), "KeySecret(***)");
        assert_eq!(key.reveal().len(), 46);
    }
}
