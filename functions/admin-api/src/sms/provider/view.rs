//! How a provider is shown: never with a secret.

use domain::sms::provider::{Carrier, Gateway, Provider, TwilioAccount};
use domain::sms::sender::TwilioSender;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::check::{CheckView, Checked};

/// A provider.
#[derive(Serialize, ToSchema)]
#[schema(as = Provider)]
pub(crate) struct ProviderView {
    #[serde(flatten)]
    carrier: CarrierView,
    /// The most segments that a message may have.
    #[schema(minimum = 1, maximum = 10)]
    max_segments: u64,
    /// Since when the workspace has had a provider without a break.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When it was changed last.
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
    /// What the check said; absent where none was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    check: Option<CheckView>,
}

/// A carrier.
#[derive(Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
#[schema(as = Carrier)]
enum CarrierView {
    /// Twilio.
    Twilio {
        /// The account.
        account_sid: String,
        /// What messages are sent from; null where it is a messaging service.
        #[schema(required)]
        from_number: Option<String>,
        /// The messaging service; null where messages are sent from a number.
        #[schema(required)]
        messaging_service_sid: Option<String>,
        /// Whether the auth token is set; it always is.
        auth_token_set: bool,
        /// The API key that signs in for sending; null = the auth token does.
        #[schema(required)]
        api_key_sid: Option<String>,
        /// Whether the API key's secret is set.
        api_key_secret_set: bool,
    },
    /// An HTTP gateway.
    Http {
        /// Where messages are posted to, the query hidden.
        url: String,
        /// Whether the gateway honours `Idempotency-Key`.
        idempotent: bool,
        /// Whether requests are signed.
        signing_secret_set: bool,
    },
}

impl ProviderView {
    pub(super) fn new(provider: &Provider, checked: Option<Checked>) -> ProviderView {
        ProviderView {
            carrier: CarrierView::from(&provider.carrier),
            max_segments: provider.max_segments.into(),
            created_at: provider.created_at,
            updated_at: provider.updated_at,
            check: checked.map(CheckView::from),
        }
    }
}

impl From<&Carrier> for CarrierView {
    fn from(carrier: &Carrier) -> CarrierView {
        match carrier {
            Carrier::Twilio(twilio) => twilio.into(),
            Carrier::Http(gateway) => gateway.into(),
        }
    }
}

impl From<&TwilioAccount> for CarrierView {
    fn from(twilio: &TwilioAccount) -> CarrierView {
        let (from_number, messaging_service_sid) = match &twilio.sender {
            TwilioSender::Number(number) => (Some(number.as_str().to_owned()), None),
            TwilioSender::MessagingService(service) => (None, Some(service.to_string())),
        };
        CarrierView::Twilio {
            account_sid: twilio.account.to_string(),
            from_number,
            messaging_service_sid,
            auth_token_set: true,
            api_key_sid: twilio.api_key.as_ref().map(|key| key.sid.to_string()),
            api_key_secret_set: twilio.api_key.is_some(),
        }
    }
}

impl From<&Gateway> for CarrierView {
    fn from(gateway: &Gateway) -> CarrierView {
        CarrierView::Http {
            url: gateway.shown_url.clone(),
            idempotent: gateway.idempotent,
            signing_secret_set: gateway.signing_secret.is_some(),
        }
    }
}
