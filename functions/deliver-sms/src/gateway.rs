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
use platform::http::{OutboundRequest, SendError, header_map};
use platform::secrets::{Purpose, SecretsError};
use serde::Serialize;

use crate::DeliverSms;
use crate::attempt::Sent;
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
                    retiring: Vec::new(),
                })
            }
        };
        Ok(OpenGateway { url, keys })
    }

    pub(crate) async fn send_by_gateway(
        &self,
        gateway: &OpenGateway,
        delivery: &SmsDelivery,
    ) -> Sent {
        match self.request(gateway, delivery) {
            Err(error) => Sent::of(Outcome::Refused { error }),
            Ok(request) => self.exchange_with_gateway(request).await,
        }
    }

    async fn exchange_with_gateway(&self, request: OutboundRequest) -> Sent {
        let url = request.url.clone();
        match self.http.send(request, DEADLINE).await {
            Ok(response) => {
                let said = without_secrets(&url, &response.body);
                Sent::of(answered(response.status, &said))
            }
            // The status is the gateway's word on the message; what it says beside is for people.
            Err(error @ SendError::BodyIncomplete { head, .. }) => {
                Sent::of(answered(head.status, "")).cut_short(&error)
            }
            Err(error) => without_response(&error),
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

fn answered(status: u16, said: &str) -> Outcome {
    let error = || ProviderError::gateway_status(status, said.as_bytes());
    match status {
        200..=299 => Outcome::Accepted { message_id: None },
        429 | 500..=599 => Outcome::TryAgain { error: error() },
        _ => Outcome::Refused { error: error() },
    }
}

/// A shorter value keeps no secret, and would be found in every other word.
const SHORTEST_SECRET: usize = 4;

/// What the gateway says, without what the URL's query told it in confidence: some repeat it in their errors.
fn without_secrets(url: &EndpointUrl, said: &[u8]) -> String {
    let url = url.as_url();
    let query = url.query().unwrap_or_default();
    let encoded = query
        .split('&')
        .map(|pair| pair.split_once('=').map_or(pair, |(_, value)| value));
    let decoded = url
        .query_pairs()
        .map(|(name, value)| if value.is_empty() { name } else { value });
    let mut secrets: Vec<String> = [query]
        .into_iter()
        .chain(encoded)
        .map(str::to_owned)
        .collect();
    secrets.extend(decoded.map(String::from));
    secrets.retain(|secret| secret.len() >= SHORTEST_SECRET);
    // One may be part of another.
    secrets.sort_unstable_by_key(|secret| std::cmp::Reverse(secret.len()));
    let said = String::from_utf8_lossy(said).into_owned();
    secrets
        .iter()
        .fold(said, |said, secret| said.replace(secret, "***"))
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

#[cfg(test)]
mod tests {
    use domain::endpoint_url::UrlRules;

    use super::*;

    fn shown(query: &str, said: &str) -> String {
        let url = format!("https://gateway.example.com/send{query}");
        let url = EndpointUrl::parse(&url, UrlRules::default()).unwrap();
        without_secrets(&url, said.as_bytes())
    }

    #[test]
    fn a_gateway_that_repeats_the_query_or_parts_of_it_gives_nothing_away() {
        for (query, said) in [
            ("?token=canary", "no such token: canary"),
            ("?token=canary", "bad query token=canary"),
            (
                "?v=1&token=canary&user=me",
                "GET /send?v=1&token=canary&user=me",
            ),
            ("?canary", "who is canary?"),
            ("?canary=", "who is canary?"),
            ("?a=canary&b=canary-and-more", "canary-and-more and canary"),
            ("?token=can%61ry%2B", "can%61ry%2B or canary+"),
        ] {
            let shown = shown(query, said);
            assert!(shown.contains("***"), "{shown}");
            assert!(
                !shown.contains("canary") && !shown.contains("can%61ry"),
                "{shown}"
            );
            assert!(!shown.contains("more"), "{shown}");
        }
    }

    #[test]
    fn everything_else_is_shown_as_it_was_said() {
        for query in ["", "?", "?v=1", "?token=canary"] {
            let said = "v1: 1 number is no number";
            assert_eq!(shown(query, said), said);
        }
    }
}
