//! One HTTP request for a delivery.

use std::time::Duration;

use bytes::Bytes;
use domain::catalogue::EventType;
use domain::delivery::{Attempt, Outcome};
use domain::event::Body;
use domain::ids::DeliveryId;
use domain::signing::{SigningKeys, request_headers};
use domain::webhook::Webhook;
use jiff::Timestamp;
use platform::http::{OutboundRequest, header_map};

use crate::DeliverWebhook;

/// The endpoint's answer must have arrived within this: one deadline over DNS, connect, TLS, headers and body.
pub const DEADLINE: Duration = Duration::from_secs(10);

/// What is sent.
pub(crate) struct Request<'a> {
    pub(crate) webhook: &'a Webhook,
    pub(crate) delivery: &'a DeliveryId,
    pub(crate) event: EventType,
    pub(crate) body: &'a Body,
    pub(crate) number: u32,
    /// What signs it, where the webhook has a secret.
    pub(crate) keys: Option<&'a SigningKeys>,
}

impl DeliverWebhook {
    /// Makes the request.
    pub(crate) async fn attempt(&self, request: Request<'_>) -> Attempt {
        let Request {
            webhook,
            delivery,
            event,
            body,
            number,
            keys,
        } = request;
        let at = (self.clock)();
        let headers = request_headers(event, delivery, at, body, keys);
        let outcome = match header_map(headers) {
            Ok(headers) => {
                let body = Bytes::copy_from_slice(body.as_bytes());
                self.exchange(OutboundRequest::post(webhook.url.clone(), headers, body))
                    .await
            }
            Err(_) => Outcome::NoResponse {
                error: "the request could not be built".to_owned(),
            },
        };
        let duration = elapsed(at, (self.clock)());
        self.pace.observe(webhook, &outcome, duration);
        Attempt {
            number,
            at,
            duration,
            signed: keys.is_some(),
            outcome,
        }
    }

    async fn exchange(&self, request: OutboundRequest) -> Outcome {
        match self.http.send(request, DEADLINE).await {
            Err(error) => Outcome::NoResponse {
                error: error.to_string(),
            },
            Ok(response) => Outcome::Response {
                code: response.status,
                retry_after: response
                    .retry_after
                    .map(|asked| asked.wait_from((self.clock)())),
                body: Some(response.body),
            },
        }
    }
}

/// The time from one moment to a later one; none where it is not later.
pub(crate) fn elapsed(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}
