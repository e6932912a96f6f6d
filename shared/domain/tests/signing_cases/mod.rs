//! Signed requests to be judged by implementations that are not ours.

use domain::{
    catalogue::EventType,
    event::Body,
    ids::{DeliveryId, EventId, WebhookId, WorkspaceId},
    secret::WebhookSecret,
    signing::{SigningKeys, request_headers},
};
use jiff::Timestamp;
use proptest::prelude::*;

/// What a request is made of.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) keys: SigningKeys,
    pub(crate) delivery: DeliveryId,
    pub(crate) at: Timestamp,
    pub(crate) body: Body,
}

impl Case {
    pub(crate) fn headers(&self) -> Vec<(&'static str, String)> {
        request_headers(
            EventType::LabelUpdated,
            &self.delivery,
            self.at,
            &self.body,
            Some(&self.keys),
        )
    }

    /// The secrets that must verify the request, the current one first.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = &WebhookSecret> {
        std::iter::once(&self.keys.current).chain(&self.keys.retiring)
    }
}

/// Bodies and secrets of any characters, secrets of every form, with and without a rotation, all of this minute:
/// verifiers refuse old requests.
pub(crate) fn any_case() -> impl Strategy<Value = Case> {
    let keys = (any_secret(), prop::collection::vec(any_secret(), 0..=4));
    let delivery = ("\\PC{1,40}", any::<[u8; 16]>());
    (keys, delivery, 0..120_000_i64, "\\PC{0,200}").prop_map(
        |((current, retiring), (event, webhook), ago, text)| Case {
            keys: SigningKeys { current, retiring },
            delivery: delivery_id(&event, webhook),
            at: Timestamp::from_millisecond(Timestamp::now().as_millisecond() - ago).unwrap(),
            body: Body::from(
                serde_json::json!({ "event": "label.updated", "data": { "name": text } })
                    .to_string(),
            ),
        },
    )
}

fn any_secret() -> impl Strategy<Value = WebhookSecret> {
    let text = prop_oneof![
        "\\PC{1,64}",
        "whsec_\\PC{0,40}",
        "whsec_[A-Za-z0-9+/]{1,48}={0,2}",
        "whsec_([A-Za-z0-9+/]{4}){1,12}([A-Za-z0-9+/]{2}==)?",
        "[A-Za-z0-9+/]{32}",
    ];
    let chosen = text.prop_map(|text| WebhookSecret::parse(text).unwrap());
    prop_oneof![chosen, any::<[u8; 32]>().prop_map(WebhookSecret::generate)]
}

fn delivery_id(event: &str, webhook: [u8; 16]) -> DeliveryId {
    let workspace = WorkspaceId::parse("ws_1").unwrap();
    let event = EventId::parse(event).unwrap();
    DeliveryId::for_webhook(
        &workspace,
        &event,
        Timestamp::now(),
        &WebhookId::from_random(webhook),
    )
}
