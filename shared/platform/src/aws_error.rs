//! What an AWS call's failure says, without what was sent.

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

/// The failure in a few words: the service's error code, or the kind of transport failure. Never the request or the
/// response, which may hold secrets.
pub fn words<E, R>(error: &SdkError<E, R>) -> String
where
    E: ProvideErrorMetadata,
{
    match error {
        SdkError::ServiceError(service) => service
            .err()
            .code()
            .unwrap_or("unknown service error")
            .to_owned(),
        SdkError::TimeoutError(_) => "time-out".to_owned(),
        SdkError::DispatchFailure(_) => "no connection".to_owned(),
        SdkError::ResponseError(_) => "unreadable response".to_owned(),
        _ => "request not built".to_owned(),
    }
}
