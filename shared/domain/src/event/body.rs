//! The body of a webhook request.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};

/// The exact bytes that are sent, signed, logged, retried and resent. Cheap to clone; prints as `***`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct Body(Arc<str>);

/// Bytes that are no UTF-8, and so no body of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a webhook body is UTF-8")]
pub struct BodyNotUtf8;

impl Body {
    /// Takes back a body that was stored.
    ///
    /// # Errors
    /// [`BodyNotUtf8`] where the bytes are no text.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, BodyNotUtf8> {
        String::from_utf8(bytes)
            .map(Self::from)
            .map_err(|_| BodyNotUtf8)
    }

    /// The bytes to send and sign.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// The same as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl From<Body> for String {
    fn from(body: Body) -> Self {
        body.0.as_ref().to_owned()
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}
