//! KMS: `winterbaume-kms`, which encrypts with AES-GCM under the encryption context as the real service does.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, header::CONTENT_TYPE};
use winterbaume_core::{MockRequest, MockService};
use winterbaume_kms::KmsService;

use super::{ACCOUNT_ID, REGION};

/// A KMS in memory.
pub(super) struct Kms(KmsService);

impl Kms {
    pub(super) fn new() -> Self {
        winterbaume_core::set_default_account_id(ACCOUNT_ID);
        Self(KmsService::new())
    }

    /// Answers one operation. It never waits: the state's lock is only held between awaits of its own.
    pub(super) async fn call(&self, target: &str, body: Bytes) -> Response<Bytes> {
        let answer = self.0.handle(request(target, body)).await;
        let mut response = Response::new(answer.body);
        *response.status_mut() = http::StatusCode::from_u16(answer.status)
            .unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
        response.headers_mut().insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/x-amz-json-1.1"),
        );
        response
    }
}

/// The service reads the region from the host's name, and the operation from the header.
fn request(target: &str, body: Bytes) -> MockRequest {
    let mut headers = HeaderMap::new();
    if let Ok(target) = HeaderValue::from_str(target) {
        headers.insert("x-amz-target", target);
    }
    MockRequest {
        method: "POST".into(),
        uri: format!("https://kms.{REGION}.amazonaws.com/"),
        headers,
        body,
    }
}
