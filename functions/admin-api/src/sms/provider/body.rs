//! What is given as a provider, and its rules.

use domain::endpoint_url::EndpointUrl;
use domain::secret::{SecretText, WebhookSecret};
use domain::sms::provider::CarrierKind;
use domain::sms::segments::MaxSegments;
use domain::sms::sender::TwilioSender;
use domain::twilio::sids::{AccountSid, ApiKeySid};
use serde_json::Value;
use utoipa::ToSchema;

use crate::App;
use crate::body::Fields;
use crate::endpoint;
use crate::object::{self, Given, Object};
use crate::sms::max_segments;

const MOST_CREDENTIAL_CHARACTERS: usize = 128;

/// A provider as it is to be.
pub(crate) struct NewProvider {
    pub(super) carrier: NewCarrier,
    pub(super) max_segments: MaxSegments,
}

/// A carrier as it is to be; what is left out of its secrets stays.
pub(super) enum NewCarrier {
    Twilio(NewTwilio),
    Http(NewGateway),
}

pub(super) struct NewTwilio {
    pub(super) account: AccountSid,
    pub(super) auth_token: Option<SecretText>,
    pub(super) sender: TwilioSender,
    pub(super) api_key: NewApiKey,
}

pub(super) enum NewApiKey {
    Keep,
    Remove,
    Set {
        sid: ApiKeySid,
        /// Left out: the one that the same key has.
        secret: Option<SecretText>,
    },
}

pub(super) struct NewGateway {
    pub(super) url: Option<EndpointUrl>,
    pub(super) idempotent: bool,
    pub(super) signing_secret: Given<SecretText>,
}

/// A provider as it is to be. Secrets that are left out stay as they are configured; everything else that is left out
/// takes its default.
#[derive(ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
#[schema(as = NewProvider)]
#[expect(dead_code, reason = "describes a body")]
pub(crate) enum ProviderBody {
    /// Twilio.
    Twilio {
        /// The account.
        #[schema(pattern = "^AC[0-9a-fA-F]{32}$")]
        account_sid: String,
        /// The account's auth token; may be left out where this account is configured already.
        #[schema(nullable = false, write_only, pattern = "^[!-~]{1,128}$")]
        auth_token: Option<String>,
        /// What messages are sent from: E.164, or a short code of 3 to 8 digits. This or `messaging_service_sid`.
        #[schema(
            pattern = r"^(\+[1-9][0-9]{6,14}|[0-9]{3,8})$",
            example = "+14155551234"
        )]
        from_number: Option<String>,
        /// The messaging service that picks what messages are sent from. This or `from_number`.
        #[schema(pattern = "^MG[0-9a-fA-F]{32}$")]
        messaging_service_sid: Option<String>,
        /// An API key that signs in for sending. Left out: the one that is configured for this account stays; null
        /// removes it.
        #[schema(pattern = "^SK[0-9a-fA-F]{32}$")]
        api_key_sid: Option<String>,
        /// The API key's secret; may be left out where this key is configured already.
        #[schema(write_only, pattern = "^[!-~]{1,128}$")]
        api_key_secret: Option<String>,
        /// The most segments that a message may have.
        #[schema(nullable = false, minimum = 1, maximum = 10, default = 2)]
        max_segments: Option<u8>,
    },
    /// An HTTP gateway.
    Http {
        /// Where messages are posted to, under the rules of a webhook's URL. The query may carry a token: it is never
        /// shown again. Left out: the one that is configured stays.
        #[schema(nullable = false, write_only, format = "uri", max_length = 2048)]
        url: Option<String>,
        /// Signs the requests as a webhook's. Left out: the one that is configured stays; null removes it.
        #[schema(write_only, min_length = 1, max_length = 256)]
        signing_secret: Option<String>,
        /// Whether the gateway honours `Idempotency-Key`, so that a request without an answer may be repeated.
        #[schema(nullable = false, default = false)]
        idempotent: Option<bool>,
        /// The most segments that a message may have.
        #[schema(nullable = false, minimum = 1, maximum = 10, default = 2)]
        max_segments: Option<u8>,
    },
}

impl Fields for NewProvider {
    fn read(object: &mut Object, app: &App) -> Option<Self> {
        let Some(kind) = object.required("type", kind) else {
            object.leave_rest();
            return None;
        };
        let carrier = match kind {
            CarrierKind::Twilio => twilio(object).map(NewCarrier::Twilio),
            CarrierKind::Http => gateway(object, app).map(NewCarrier::Http),
        };
        let max_segments = object.optional("max_segments", max_segments);
        Some(NewProvider {
            carrier: carrier?,
            max_segments: max_segments.ok()?.unwrap_or_default(),
        })
    }
}

fn kind(value: Value) -> Result<CarrierKind, String> {
    match object::text(value)?.as_str() {
        "twilio" => Ok(CarrierKind::Twilio),
        "http" => Ok(CarrierKind::Http),
        _ => Err("must be one of twilio, http".to_owned()),
    }
}

fn twilio(object: &mut Object) -> Option<NewTwilio> {
    let account = object.required("account_sid", object::parsed);
    let auth_token = object.optional("auth_token", credential);
    let sender = sender(object);
    let api_key = api_key(object);
    Some(NewTwilio {
        account: account?,
        auth_token: auth_token.ok()?,
        sender: sender?,
        api_key: api_key?,
    })
}

fn sender(object: &mut Object) -> Option<TwilioSender> {
    let number = object.nullable("from_number", object::parsed);
    let service = object.nullable("messaging_service_sid", object::parsed);
    match (number.ok()?.value(), service.ok()?.value()) {
        (Some(number), None) => Some(TwilioSender::Number(number)),
        (None, Some(service)) => Some(TwilioSender::MessagingService(service)),
        (None, None) => object.refuse(
            "from_number",
            "is required, or messaging_service_sid in its place",
        ),
        (Some(_), Some(_)) => object.refuse(
            "messaging_service_sid",
            "must not be given beside from_number: give one of them",
        ),
    }
}

fn api_key(object: &mut Object) -> Option<NewApiKey> {
    let sid = object.nullable("api_key_sid", object::parsed);
    let secret = object.nullable("api_key_secret", credential);
    match (sid.ok()?, secret.ok()?) {
        (Given::Absent, Given::Absent) => Some(NewApiKey::Keep),
        (Given::Null, Given::Absent | Given::Null) | (Given::Absent, Given::Null) => {
            Some(NewApiKey::Remove)
        }
        (Given::Value(_), Given::Null) => object.refuse(
            "api_key_secret",
            "must not be null beside api_key_sid: give both or neither",
        ),
        (Given::Absent | Given::Null, Given::Value(_)) => object.refuse(
            "api_key_sid",
            "is required beside api_key_secret: give both or neither",
        ),
        (Given::Value(sid), secret) => Some(NewApiKey::Set {
            sid,
            secret: secret.value(),
        }),
    }
}

fn gateway(object: &mut Object, app: &App) -> Option<NewGateway> {
    let url = object.optional("url", endpoint::url(app));
    let idempotent = object.optional("idempotent", object::flag);
    let signing_secret = object.nullable("signing_secret", signing_secret);
    Some(NewGateway {
        url: url.ok()?,
        idempotent: idempotent.ok()?.unwrap_or(false),
        signing_secret: signing_secret.ok()?,
    })
}

/// Reads something that signs in to Twilio. A space or a line break is a slip of the clipboard.
fn credential(value: Value) -> Result<SecretText, String> {
    let text = object::text(value)?;
    let fits = (1..=MOST_CREDENTIAL_CHARACTERS).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_graphic());
    if fits {
        Ok(SecretText::new(text))
    } else {
        Err(format!(
            "must be 1 to {MOST_CREDENTIAL_CHARACTERS} visible ASCII characters, without spaces"
        ))
    }
}

fn signing_secret(value: Value) -> Result<SecretText, String> {
    let secret = WebhookSecret::parse(object::text(value)?).map_err(|error| error.to_string())?;
    Ok(SecretText::new(secret.expose()))
}
