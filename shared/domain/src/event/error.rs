//! Why an event is refused.

use std::borrow::Cow;

use super::{MAX_EVENT_BYTES, depth::MAX_DEPTH};
use crate::catalogue::{UnknownAlertType, UnknownEventType};

/// Why an event is refused: which field breaks which rule, and what would do. Values are not repeated, for they may
/// be personal; only an unknown type is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    /// More than [`MAX_EVENT_BYTES`].
    #[error("the event has {bytes} bytes; at most {MAX_EVENT_BYTES} (256 KiB) are taken")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// Not JSON.
    #[error("the event is not JSON: {} (line {line}, column {column})", if *ends_early { "it ends early" } else { "syntax error" })]
    NotJson {
        /// Whether more text was expected.
        ends_early: bool,
        /// Line of the error, from 1.
        line: usize,
        /// Column of the error, in bytes.
        column: usize,
    },
    /// Not UTF-8.
    #[error("the event is not UTF-8 text")]
    NotUtf8,
    /// Arrays and objects inside each other beyond reason.
    #[error("the event nests more than {MAX_DEPTH} arrays and objects")]
    TooDeep,
    /// JSON, but not an object.
    #[error("the event must be one JSON object")]
    NotAnObject,
    /// A field breaks its rule.
    #[error("{path}: {rule}")]
    Field {
        /// The field, e.g. `workspace.id` or `alert.recipients[3]`.
        path: String,
        /// What the field must be.
        rule: Cow<'static, str>,
    },
    /// `event` names no event type.
    #[error("event: {0}")]
    UnknownEvent(UnknownEventType),
    /// `alert.event_type` names no alert type.
    #[error("alert.event_type: {0}")]
    UnknownAlert(UnknownAlertType),
}

impl EventError {
    /// The field at fault, where it is one.
    #[must_use]
    pub fn field(&self) -> Option<&str> {
        match self {
            Self::Field { path, .. } => Some(path),
            Self::UnknownEvent(_) => Some("event"),
            Self::UnknownAlert(_) => Some("alert.event_type"),
            Self::TooLarge { .. }
            | Self::NotJson { .. }
            | Self::NotUtf8
            | Self::TooDeep
            | Self::NotAnObject => None,
        }
    }

    pub(super) fn field_rule(path: impl Into<String>, rule: impl Into<Cow<'static, str>>) -> Self {
        Self::Field {
            path: path.into(),
            rule: rule.into(),
        }
    }
}
