//! Identifiers: newtypes whose constructors hold the rule, so that a value that exists is valid.
//!
//! Names given by others (workspace, project, event, user) are checked and kept; names of our own making (webhook,
//! key, delivery) have one fixed shape of lower-case letters, digits and `_`, safe in paths, queries and headers.

mod base32hex;
mod delivery_id;
mod random;
mod text;

pub use delivery_id::{DeliveryId, DueShard, LOG_SHARDS, LogShard};
pub use random::{KeyId, WebhookId};
pub use text::{EventId, ProjectId, UserId, WorkspaceId};

/// Why a text is not an identifier of the wanted kind. The refused text is not repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{what} must be {rule}")]
pub struct InvalidId {
    /// What was wanted, e.g. `a workspace id`.
    pub what: &'static str,
    /// The rule, e.g. `1 to 64 characters of A-Z, a-z, 0-9, _ and -`.
    pub rule: &'static str,
}

/// Gives an identifier over `String` its common traits; the type itself supplies
/// `fn check(&str) -> Result<(), InvalidId>`.
macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Reads an identifier.
            ///
            /// # Errors
            /// [`InvalidId`] with the rule where `text` breaks it.
            pub fn parse(text: &str) -> Result<Self, $crate::ids::InvalidId> {
                text.parse()
            }

            /// The identifier as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::ids::InvalidId;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::try_from(text.to_owned())
            }
        }

        impl TryFrom<String> for $name {
            type Error = $crate::ids::InvalidId;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                Self::check(&text)?;
                Ok(Self(text))
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}
pub(crate) use identifier;
