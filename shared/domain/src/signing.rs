//! The headers of a webhook request, and the two signatures among them.

use base64::{
    Engine,
    alphabet::STANDARD as ALPHABET,
    engine::general_purpose::{GeneralPurpose, PAD, STANDARD},
};
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use sha2::Sha256;

use crate::{
    catalogue::{AlertType, EventType},
    event::Body,
    ids::DeliveryId,
    secret::{GENERATED_PREFIX, WebhookSecret},
};

const USER_AGENT: &str = "SetGet-Webhook/1.0";
const HIDDEN: &str = "***";

/// Base64 with padding that does not look at the bits left over in the last character, as most verifiers decode it.
const KEY_BASE64: GeneralPurpose =
    GeneralPurpose::new(&ALPHABET, PAD.with_decode_allow_trailing_bits(true));

/// What a webhook's requests are signed with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningKeys {
    /// The secret.
    pub current: WebhookSecret,
    /// The secrets before it, while rotations overlap, the latest first.
    pub retiring: Vec<WebhookSecret>,
}

/// The values of the two signature headers.
struct Signatures {
    plain: String,
    standard: String,
}

/// The headers of a request for this delivery, attempted at `at`. Without keys there are no signature headers.
#[must_use]
pub fn request_headers(
    event_type: EventType,
    delivery: &DeliveryId,
    at: Timestamp,
    body: &Body,
    keys: Option<&SigningKeys>,
) -> Vec<(&'static str, String)> {
    let signatures = keys.map(|keys| Signatures::of(keys, delivery, at, body));
    headers(event_type.as_str(), delivery, at, signatures)
}

/// The headers of a request to an SMS gateway: those of a webhook's request, the alert's type as the event, and the
/// delivery's id as the key by which the gateway can tell a repeated request
/// ([draft-ietf-httpapi-idempotency-key-header](https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/)).
#[must_use]
pub fn gateway_headers(
    alert_type: AlertType,
    delivery: &DeliveryId,
    at: Timestamp,
    body: &Body,
    keys: Option<&SigningKeys>,
) -> Vec<(&'static str, String)> {
    let signatures = keys.map(|keys| Signatures::of(keys, delivery, at, body));
    let mut headers = headers(alert_type.as_str(), delivery, at, signatures);
    headers.push(("Idempotency-Key", delivery.to_string()));
    headers
}

/// The same headers as the delivery log shows them: signatures as `***`.
#[must_use]
pub fn logged_headers(
    event_type: EventType,
    delivery: &DeliveryId,
    at: Timestamp,
    signed: bool,
) -> Vec<(&'static str, String)> {
    let signatures = signed.then(|| Signatures {
        plain: HIDDEN.to_owned(),
        standard: HIDDEN.to_owned(),
    });
    headers(event_type.as_str(), delivery, at, signatures)
}

impl Signatures {
    fn of(keys: &SigningKeys, delivery: &DeliveryId, at: Timestamp, body: &Body) -> Signatures {
        Signatures {
            plain: plain_signature(&keys.current, body.as_bytes()),
            standard: standard_signatures(keys, delivery, at, body.as_bytes()),
        }
    }
}

fn headers(
    event: &str,
    delivery: &DeliveryId,
    at: Timestamp,
    signatures: Option<Signatures>,
) -> Vec<(&'static str, String)> {
    let seconds = unix_seconds(at).to_string();
    let mut headers = vec![
        ("Content-Type", "application/json".to_owned()),
        ("User-Agent", USER_AGENT.to_owned()),
        ("X-SetGet-Event", event.to_owned()),
        ("X-SetGet-Timestamp", seconds.clone()),
        ("X-SetGet-Delivery-ID", delivery.to_string()),
        ("webhook-id", delivery.to_string()),
        ("webhook-timestamp", seconds),
    ];
    if let Some(signatures) = signatures {
        headers.push(("X-SetGet-Signature", signatures.plain));
        headers.push(("webhook-signature", signatures.standard));
    }
    headers
}

/// The plain signature: lower-case hex of HMAC-SHA256 (RFC 2104) over the body, keyed with the whole secret's UTF-8
/// bytes.
#[must_use]
pub fn plain_signature(secret: &WebhookSecret, body: &[u8]) -> String {
    use std::fmt::Write as _;

    let mac = hmac_sha256(secret.expose().as_bytes(), &[body]);
    mac.iter().fold(String::with_capacity(64), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}"); // writing to a String cannot fail
        hex
    })
}

/// The Standard Webhooks signatures (<https://www.standardwebhooks.com>, "Signature scheme"): `v1,` and base64, the
/// current secret's first, separated by a space.
fn standard_signatures(
    keys: &SigningKeys,
    delivery: &DeliveryId,
    at: Timestamp,
    body: &[u8],
) -> String {
    let signed_prefix = format!("{delivery}.{}.", unix_seconds(at));
    let sign = |secret| {
        let mac = hmac_sha256(&standard_key(secret), &[signed_prefix.as_bytes(), body]);
        format!("v1,{}", STANDARD.encode(mac))
    };
    let secrets = std::iter::once(&keys.current).chain(&keys.retiring);
    let signatures: Vec<String> = secrets.map(sign).collect();
    signatures.join(" ")
}

/// What base64 after `whsec_` decodes to; for any other secret its UTF-8 bytes. Nothing after the prefix is no key:
/// verifiers refuse an empty one, and anybody could sign with it.
fn standard_key(secret: &WebhookSecret) -> Vec<u8> {
    let text = secret.expose();
    let encoded = text
        .strip_prefix(GENERATED_PREFIX)
        .filter(|encoded| !encoded.is_empty());
    let decoded = encoded.and_then(|encoded| KEY_BASE64.decode(encoded).ok());
    decoded.unwrap_or_else(|| text.as_bytes().to_vec())
}

fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// Whole seconds, rounded down.
fn unix_seconds(at: Timestamp) -> i64 {
    at.as_millisecond().div_euclid(1000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{EventId, WebhookId, WorkspaceId};

    fn delivery() -> DeliveryId {
        let (workspace, event) = (
            WorkspaceId::parse("ws_1").unwrap(),
            EventId::parse("evt_1").unwrap(),
        );
        DeliveryId::for_webhook(&workspace, &event, at(), &WebhookId::from_random([1; 16]))
    }

    fn at() -> Timestamp {
        "2026-03-29T14:30:00.999Z".parse().unwrap()
    }

    fn keys() -> SigningKeys {
        SigningKeys {
            current: WebhookSecret::generate([1; 32]),
            retiring: vec![WebhookSecret::parse("old").unwrap()],
        }
    }

    fn names(headers: &[(&'static str, String)]) -> Vec<&'static str> {
        headers.iter().map(|(name, _)| *name).collect()
    }

    #[test]
    fn the_plain_signature_is_that_of_rfc_4231() {
        let secret = WebhookSecret::parse("Jefe").unwrap(); // test case 2
        let signature = plain_signature(&secret, b"what do ya want for nothing?");
        assert_eq!(
            signature,
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }

    #[test]
    fn a_request_without_a_secret_carries_no_signature() {
        let headers = request_headers(
            EventType::LabelCreated,
            &delivery(),
            at(),
            &Body::from("{}".to_owned()),
            None,
        );
        let id = delivery().to_string();
        let expected = [
            ("Content-Type", "application/json"),
            ("User-Agent", "SetGet-Webhook/1.0"),
            ("X-SetGet-Event", "label.created"),
            ("X-SetGet-Timestamp", "1774794600"),
            ("X-SetGet-Delivery-ID", id.as_str()),
            ("webhook-id", id.as_str()),
            ("webhook-timestamp", "1774794600"),
        ];
        assert_eq!(
            headers,
            expected.map(|(name, value)| (name, value.to_owned()))
        );
    }

    #[test]
    fn the_log_shows_what_was_sent_but_the_signatures() {
        let body = Body::from("{}".to_owned());
        let sent = request_headers(
            EventType::LabelCreated,
            &delivery(),
            at(),
            &body,
            Some(&keys()),
        );
        let logged = logged_headers(EventType::LabelCreated, &delivery(), at(), true);
        assert_eq!(names(&sent), names(&logged));
        for ((name, sent), (_, logged)) in sent.into_iter().zip(logged) {
            let signature = matches!(name, "X-SetGet-Signature" | "webhook-signature");
            assert_eq!(
                logged,
                if signature { "***".to_owned() } else { sent },
                "{name}"
            );
        }
        let unsigned = logged_headers(EventType::LabelCreated, &delivery(), at(), false);
        assert_eq!(
            unsigned,
            request_headers(EventType::LabelCreated, &delivery(), at(), &body, None)
        );
    }

    #[test]
    fn while_rotating_both_secrets_sign_and_the_new_one_alone_signs_plainly() {
        let body = Body::from("{}".to_owned());
        let values = |keys: &SigningKeys| {
            let headers = request_headers(
                EventType::LabelCreated,
                &delivery(),
                at(),
                &body,
                Some(keys),
            );
            let value = |name| {
                headers
                    .iter()
                    .find(|header| header.0 == name)
                    .unwrap()
                    .1
                    .clone()
            };
            (value("X-SetGet-Signature"), value("webhook-signature"))
        };
        let new = values(&SigningKeys {
            retiring: Vec::new(),
            ..keys()
        });
        let old = values(&SigningKeys {
            current: WebhookSecret::parse("old").unwrap(),
            retiring: Vec::new(),
        });
        assert_eq!(values(&keys()), (new.0, format!("{} {}", new.1, old.1)));
    }

    #[test]
    fn the_standard_key_is_what_base64_after_the_prefix_decodes_to_or_else_the_whole_secret() {
        let key = |text: &str| standard_key(&WebhookSecret::parse(text).unwrap());
        assert_eq!(key("whsec_AQID"), [1, 2, 3]);
        assert_eq!(
            key("whsec_AR=="),
            [1],
            "the last character's spare bits do not count"
        );
        for text in [
            "whsec_",
            "whsec_AQ",
            "whsec_A-_D",
            "whsec_AQID\n",
            "AQID",
            "ключ",
        ] {
            assert_eq!(key(text), text.as_bytes(), "{text:?}");
        }
    }
}
