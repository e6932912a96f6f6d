//! One request to an HTTP gateway.

use std::time::Duration;

use bytes::Bytes;
use domain::endpoint_url::EndpointUrl;
use domain::event::Body;
use domain::ids::WorkspaceId;
use domain::secret::{SecretText, WebhookSecret};
use domain::signing::{SigningKeys, gateway_headers};
use domain::sms::delivery::{Outcome, SmsDelivery};
use domain::sms::provider::Gateway;
use domain::sms::provider_error::ProviderError;
use jiff::Timestamp;
use platform::http::{InboundResponse, OutboundRequest, header_map};
use platform::secrets::{Purpose, SecretsError};
use serde::Serialize;

use crate::DeliverSms;
use crate::twilio::without_response;

/// The gateway's answer must have arrived within this.
pub const DEADLINE: Duration = Duration::from_secs(10);

/// A gateway with its secrets open.
pub(crate) struct OpenGateway {
    url: SecretText,
    keys: Option<SigningKeys>,
}

/// What a gateway receives.
#[derive(Serialize)]
struct GatewayMessage<'a> {
    to: &'a str,
    body: &'a str,
    workspace_id: &'a str,
    event_type: &'a str,
    /// The event's time, not the send's.
    timestamp: Timestamp,
}

impl DeliverSms {
    pub(crate) async fn open_gateway(
        &self,
        workspace: &WorkspaceId,
        gateway: &Gateway,
    ) -> Result<OpenGateway, SecretsError> {
        let open = |purpose, sealed| self.secrets.open_text(workspace, purpose, sealed);
        let url = open(Purpose::GatewayUrl, &gateway.url).await?;
        let keys = match &gateway.signing_secret {
            None => None,
            Some(sealed) => {
                let secret = open(Purpose::GatewaySecret, sealed).await?;
                let current =
                    WebhookSecret::parse(secret.expose()).map_err(|_| SecretsError::Damaged)?;
                Some(SigningKeys {
                    current,
                    previous: None,
                })
            }
        };
        Ok(OpenGateway { url, keys })
    }

    pub(crate) async fn send_by_gateway(
        &self,
        gateway: &OpenGateway,
        delivery: &SmsDelivery,
    ) -> Outcome {
        match self.request(gateway, delivery) {
            Err(error) => Outcome::Refused { error },
            Ok(request) => match self.http.send(request, DEADLINE).await {
                Ok(response) => self.answered(&response),
                Err(error) => without_response(&error),
            },
        }
    }

    fn answered(&self, response: &InboundResponse) -> Outcome {
        let error = || ProviderError::gateway_status(response.status, &response.body);
        match response.status {
            200..=299 => Outcome::Accepted { message_id: None },
            429 | 500..=599 => Outcome::TryAgain {
                error: error(),
                wait: self.asked_wait(response),
            },
            _ => Outcome::Refused { error: error() },
        }
    }

    fn request(
        &self,
        gateway: &OpenGateway,
        delivery: &SmsDelivery,
    ) -> Result<OutboundRequest, ProviderError> {
        let message = GatewayMessage {
            to: delivery.recipient.phone.as_str(),
            body: &delivery.text,
            workspace_id: delivery.key.workspace.as_str(),
            event_type: delivery.alert_type.as_str(),
            timestamp: delivery.event_time,
        };
        let body = serde_json::to_string(&message).map_err(|_| unbuilt())?;
        let body = Body::from(body);
        let url = EndpointUrl::parse(gateway.url.expose(), self.url_rules)
            .map_err(|error| refused_url(&error.to_string()))?;
        let now = (self.clock)();
        let pairs = gateway_headers(
            delivery.alert_type,
            &delivery.key.id,
            now,
            &body,
            gateway.keys.as_ref(),
        );
        let headers = header_map(pairs).map_err(|_| unbuilt())?;
        let body = Bytes::copy_from_slice(body.as_bytes());
        Ok(OutboundRequest::post(url, headers, body))
    }
}

fn unbuilt() -> ProviderError {
    ProviderError {
        code: None,
        message: "the request could not be built".to_owned(),
        remedy: "enter the gateway's URL and secret again".to_owned(),
    }
}

fn refused_url(rule: &str) -> ProviderError {
    ProviderError {
        code: None,
        message: format!("the gateway's URL {rule}"),
        remedy: "enter a URL that keeps the rule".to_owned(),
    }
}
