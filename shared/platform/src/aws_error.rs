//! What an AWS call's failure says, without what was sent.

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

/// The failure in a few words: the service's error code, or the kind of transport failure. Never the request or the
/// response, which may hold secrets.
pub fn words<E, R>(error: &SdkError<E, R>) -> String
where
    E: ProvideErrorMetadata,
{
    match error {
        SdkError::ServiceError(service) => service_words(service.err()),
        SdkError::TimeoutError(_) => "time-out".to_owned(),
        SdkError::DispatchFailure(_) => "no connection".to_owned(),
        SdkError::ResponseError(_) => "unreadable response".to_owned(),
        _ => "request not built".to_owned(),
    }
}

/// The code; of a refusal by IAM also the message, which names role, action and resource and nothing else.
/// Source: [access denied error messages](https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html).
fn service_words(error: &impl ProvideErrorMetadata) -> String {
    match (error.code(), error.message()) {
        (None, _) => "unknown service error".to_owned(),
        (Some(code @ ("AccessDenied" | "AccessDeniedException")), Some(message)) => {
            format!("{code}: {message}")
        }
        (Some(code), _) => code.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::error::ErrorMetadata;

    use super::*;

    fn said(code: &str) -> String {
        let error = ErrorMetadata::builder()
            .code(code)
            .message("not authorized: dynamodb:Query on table/x");
        service_words(&error.build())
    }

    #[test]
    fn only_a_refusal_by_iam_says_more_than_its_code() {
        assert_eq!(said("ValidationException"), "ValidationException");
        assert_eq!(
            said("AccessDeniedException"),
            "AccessDeniedException: not authorized: dynamodb:Query on table/x"
        );
        assert_eq!(
            service_words(&ErrorMetadata::builder().build()),
            "unknown service error"
        );
    }
}
