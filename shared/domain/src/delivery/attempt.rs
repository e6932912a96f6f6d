//! One HTTP request made for a delivery, and what became of it.

use std::time::Duration;

use jiff::Timestamp;

/// One HTTP request made for a delivery.
#[derive(Debug, Clone, PartialEq)]
pub struct Attempt {
    /// Counts from 1, over all attempts ever made for the delivery, resends included.
    pub number: u32,
    /// When the request was begun; `X-SetGet-Timestamp` of the request is this in whole seconds.
    pub at: Timestamp,
    /// From the begin of name resolution to the last byte read or the error.
    pub duration: Duration,
    /// Whether the request carried signatures.
    pub signed: bool,
    /// What came back.
    pub outcome: Outcome,
}

/// What came back for a request.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// The endpoint answered.
    Response {
        /// The HTTP status code.
        code: u16,
        /// At most the first 16 KiB of the body; `None` once the log has let go of it for want of room.
        body: Option<Vec<u8>>,
        /// How long the endpoint asked us to wait.
        retry_after: Option<Duration>,
    },
    /// No answer: the error in the words that the delivery log shows.
    NoResponse {
        /// Such as "connection refused".
        error: String,
    },
}

/// How an outcome is judged, apart from where the delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// `410 Gone`: the endpoint will never want anything again.
    Gone,
    /// Anything else that is not a 2xx: try again, not before this long if the endpoint named a time.
    Retryable(Option<Duration>),
}

impl Outcome {
    /// The HTTP status code, if there was an answer.
    pub fn code(&self) -> Option<u16> {
        match self {
            Outcome::Response { code, .. } => Some(*code),
            Outcome::NoResponse { .. } => None,
        }
    }

    /// `Ok` for any 2xx, else how it failed. `Retry-After` is heeded on 429 and 503 only.
    pub fn judge(&self) -> Result<(), Refusal> {
        match self {
            Outcome::Response {
                code: 200..=299, ..
            } => Ok(()),
            Outcome::Response { code: 410, .. } => Err(Refusal::Gone),
            Outcome::Response {
                code: 429 | 503,
                retry_after,
                ..
            } => Err(Refusal::Retryable(*retry_after)),
            Outcome::Response { .. } | Outcome::NoResponse { .. } => Err(Refusal::Retryable(None)),
        }
    }

    /// The error in words, `None` for an answer whose code and body speak for themselves.
    pub fn error(&self) -> Option<&str> {
        match self {
            Outcome::Response { .. } => None,
            Outcome::NoResponse { error } => Some(error),
        }
    }
}
