//! Requests against the verifier that Standard Webhooks publishes for Rust.

mod signing_cases;

use base64::{
    Engine, alphabet,
    engine::general_purpose::{GeneralPurpose, PAD, STANDARD},
};
use domain::secret::WebhookSecret;
use http::{HeaderMap, HeaderName, HeaderValue};
use proptest::prelude::*;
use signing_cases::{Case, any_case};
use standardwebhooks::Webhook;

fn header_map(case: &Case) -> HeaderMap {
    let header = |(name, value): (&str, String)| {
        (
            HeaderName::from_bytes(name.as_bytes()).unwrap(),
            HeaderValue::from_str(&value).unwrap(),
        )
    };
    case.headers().into_iter().map(header).collect()
}

/// What a receiver gives the library: `whsec_` and the base64 of its key. For a secret that is written like that, this
/// is the secret itself.
fn for_the_library(secret: &str) -> String {
    let spare_bits_allowed = GeneralPurpose::new(
        &alphabet::STANDARD,
        PAD.with_decode_allow_trailing_bits(true),
    );
    let encoded = secret
        .strip_prefix("whsec_")
        .filter(|encoded| !encoded.is_empty());
    let key = encoded.and_then(|encoded| spare_bits_allowed.decode(encoded).ok());
    format!(
        "whsec_{}",
        STANDARD.encode(key.unwrap_or_else(|| secret.into()))
    )
}

#[test]
fn a_generated_secret_is_given_to_the_library_as_it_is() {
    let secret = WebhookSecret::generate([7; 32]);
    assert_eq!(for_the_library(secret.expose()), secret.expose());
}

proptest! {
    #[test]
    fn the_published_verifier_takes_a_request_with_the_current_secret_and_with_each_that_retires(case in any_case()) {
        for secret in case.secrets() {
            let verifier = Webhook::new(&for_the_library(secret.expose())).unwrap();
            prop_assert!(verifier.verify(case.body.as_bytes(), &header_map(&case)).is_ok());
        }
    }

    #[test]
    fn the_published_verifier_refuses_another_secret_body_and_id(case in any_case()) {
        let stranger = Webhook::new("whsec_c3RyYW5nZXI=").unwrap();
        prop_assert!(stranger.verify(case.body.as_bytes(), &header_map(&case)).is_err());

        let verifier = Webhook::new(&for_the_library(case.keys.current.expose())).unwrap();
        let longer = [case.body.as_bytes(), b" "].concat();
        prop_assert!(verifier.verify(&longer, &header_map(&case)).is_err());
        let mut headers = header_map(&case);
        headers.insert("webhook-id", HeaderValue::from_static("dlv_other"));
        prop_assert!(verifier.verify(case.body.as_bytes(), &headers).is_err());
    }
}
