//! Twilio's refusals.

use bytes::Bytes;
use http::{Response, StatusCode};
use serde_json::json;

use crate::http_server::json;

/// Why a request is refused, in Twilio's words.
/// Sources: [error dictionary](https://www.twilio.com/docs/api/errors),
/// [test credentials](https://www.twilio.com/docs/iam/test-credentials).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    #[error("Invalid parameter: {0}")]
    InvalidParameter(&'static str),
    #[error("Authenticate")]
    Unauthorized,
    #[error("Method not allowed")]
    MethodNotAllowed,
    #[error("Page size too large")]
    PageSizeTooLarge,
    #[error("The requested resource {0} was not found")]
    NotFound(String),
    #[error("Too Many Requests")]
    TooManyRequests,
    #[error("Internal Server Error")]
    Internal,
    #[error("Service Unavailable")]
    Unavailable,
    #[error("The 'To' number {0} is not a valid phone number.")]
    InvalidTo(String),
    #[error(
        "The 'From' number {0} is not a valid phone number, shortcode, or alphanumeric sender ID."
    )]
    InvalidFrom(String),
    #[error(
        "Permission to send an SMS has not been enabled for the region indicated by the 'To' number: {0}."
    )]
    RegionNotPermitted(String),
    #[error("Message body is required.")]
    BodyMissing,
    #[error("A 'From' phone number is required.")]
    SenderMissing,
    #[error("A 'To' phone number is required.")]
    ToMissing,
    #[error(
        "The 'From' phone number {0} is not a valid, SMS-capable inbound phone number or short code for your account."
    )]
    FromNotOwned(String),
    #[error("The 'StatusCallback' URL is not a valid URL.")]
    InvalidStatusCallback,
    #[error("Attempt to send to unsubscribed recipient")]
    OptedOut,
    #[error("This 'From' number has exceeded the maximum number of queued messages")]
    QueueFull,
    #[error("The 'To' phone number: {0}, is not currently reachable via SMS.")]
    Unroutable(String),
    #[error("'To' number is not a valid mobile number: {0}")]
    NotMobile(String),
    #[error("The concatenated message body exceeds the 1600 character limit.")]
    BodyTooLong,
    #[error("The Messaging Service does not exist.")]
    NoSuchService,
}

impl Refusal {
    /// Twilio's code.
    pub(super) fn code(&self) -> u32 {
        match self {
            Self::InvalidParameter(_) => 20001,
            Self::Unauthorized => 20003,
            Self::MethodNotAllowed => 20004,
            Self::PageSizeTooLarge => 20007,
            Self::NotFound(_) => 20404,
            Self::TooManyRequests => 20429,
            Self::Internal => 20500,
            Self::Unavailable => 20503,
            Self::InvalidTo(_) => 21211,
            Self::InvalidFrom(_) => 21212,
            Self::RegionNotPermitted(_) => 21408,
            Self::BodyMissing => 21602,
            Self::SenderMissing => 21603,
            Self::ToMissing => 21604,
            Self::FromNotOwned(_) => 21606,
            Self::InvalidStatusCallback => 21609,
            Self::OptedOut => 21610,
            Self::QueueFull => 21611,
            Self::Unroutable(_) => 21612,
            Self::NotMobile(_) => 21614,
            Self::BodyTooLong => 21617,
            Self::NoSuchService => 21701,
        }
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::BAD_REQUEST,
        }
    }

    /// The answer: `{"code", "message", "more_info", "status"}`.
    /// Source: [Twilio's response](https://www.twilio.com/docs/usage/twilios-response#response-formats-exceptions).
    pub(super) fn response(&self) -> Response<Bytes> {
        let (status, code) = (self.status(), self.code());
        let body = json!({
            "code": code,
            "message": self.to_string(),
            "more_info": format!("https://www.twilio.com/docs/errors/{code}"),
            "status": status.as_u16(),
        });
        json(status, body.to_string())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn a_refusal_has_twilios_shape() {
        let response = Refusal::Unauthorized.response();
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(
            serde_json::from_slice::<Value>(response.body()).unwrap(),
            json!({
                "code": 20003,
                "message": "Authenticate",
                "more_info": "https://www.twilio.com/docs/errors/20003",
                "status": 401,
            })
        );
    }
}
