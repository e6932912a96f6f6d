//! Callbacks: signed forms that go to the customer.

use std::fmt;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use futures::future::BoxFuture;
use hmac::{Hmac, KeyInit, Mac};
use http::header::{CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue};
use sha1::Sha1;
use url::Url;
use url::form_urlencoded::Serializer;

use super::behaviour::AuthToken;

/// The header with the signature.
/// Source: [Validating signatures](https://www.twilio.com/docs/usage/security#validating-requests).
pub const SIGNATURE: HeaderName = HeaderName::from_static("x-twilio-signature");
/// The header that tells the retries of one callback from another callback.
/// Source: [connection overrides](https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides).
pub const IDEMPOTENCY_TOKEN: HeaderName = HeaderName::from_static("i-twilio-idempotency-token");

/// A `POST` to the customer. Prints without its body: that has phone numbers.
#[derive(Clone)]
pub struct Callback {
    /// Where to, without the fragment.
    pub url: String,
    /// [`SIGNATURE`], [`IDEMPOTENCY_TOKEN`], `Content-Type` and `User-Agent`.
    pub headers: HeaderMap,
    /// The form.
    pub body: Bytes,
}

/// How callbacks leave.
pub trait DeliverCallback: Send + Sync {
    /// Posts it, once, and gives the answer's status.
    ///
    /// # Errors
    /// In words, where no connection came about. Silence is for the caller to time out.
    fn post(&self, callback: Callback) -> BoxFuture<'static, Result<u16, String>>;
}

impl Callback {
    /// Signs these parameters for that URL. Its fragment and its user information are no part of what is signed.
    /// Source: [Validating signatures](https://www.twilio.com/docs/usage/security#validating-requests).
    pub(super) fn signed(
        target: &str,
        token: &AuthToken,
        idempotency_token: &str,
        parameters: &[(&str, String)],
    ) -> Self {
        let url = address(target);
        let signature = sign(&url, token, parameters);
        let body = Serializer::new(String::new())
            .extend_pairs(parameters)
            .finish();
        let form = HeaderValue::from_static("application/x-www-form-urlencoded; charset=utf-8");
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, form);
        headers.insert(USER_AGENT, HeaderValue::from_static("TwilioProxy/1.1"));
        for (name, value) in [
            (SIGNATURE, signature.as_str()),
            (IDEMPOTENCY_TOKEN, idempotency_token),
        ] {
            headers.extend(HeaderValue::from_str(value).ok().map(|value| (name, value)));
        }
        Self {
            url,
            headers,
            body: body.into(),
        }
    }
}

impl fmt::Debug for Callback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Callback");
        shown.field("url", &self.url).finish_non_exhaustive()
    }
}

/// The URL without fragment and user information, byte for byte otherwise.
fn address(target: &str) -> String {
    let url = target.split_once('#').map_or(target, |(url, _)| url);
    let user =
        Url::parse(url).is_ok_and(|url| !url.username().is_empty() || url.password().is_some());
    match url.split_once("://") {
        Some((scheme, rest)) if user => {
            let after = rest.split_once('@').map_or(rest, |(_, after)| after);
            format!("{scheme}://{after}")
        }
        _ => url.to_owned(),
    }
}

/// HMAC-SHA1 of the URL and the parameters by name, in base64.
fn sign(url: &str, token: &AuthToken, parameters: &[(&str, String)]) -> String {
    let mut sorted: Vec<_> = parameters.iter().collect();
    sorted.sort();
    // HMAC takes keys of every length.
    let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(token.expose().as_bytes()) else {
        return String::new();
    };
    mac.update(url.as_bytes());
    for (name, value) in sorted {
        mac.update(name.as_bytes());
        mac.update(value.as_bytes());
    }
    BASE64_STANDARD.encode(mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters() -> Vec<(&'static str, String)> {
        let parameters = [
            ("To", "+18005551212"),
            ("Digits", "1234"),
            ("CallSid", "CA1234567890ABCDE"),
            ("From", "+14158675309"),
            ("Caller", "+14158675309"),
        ];
        parameters
            .map(|(name, value)| (name, value.to_owned()))
            .into()
    }

    /// The vector of Twilio's documentation and libraries.
    #[test]
    fn the_published_vector_is_signed_as_published() {
        let url = "https://mycompany.com/myapp.php?foo=1&bar=2";
        for target in [url.to_owned(), format!("{url}#rc=5&rp=all")] {
            let callback = Callback::signed(&target, &AuthToken::new("12345"), "t", &parameters());
            assert_eq!(callback.headers[SIGNATURE], "RSOYDt4T1cUTdK1PDd93/VVr8B8=");
            assert_eq!(callback.url, url);
        }
    }

    #[test]
    fn an_address_has_neither_fragment_nor_user() {
        for (target, expected) in [
            (
                "https://a.example:8443/x?y=%2B#rc=1",
                "https://a.example:8443/x?y=%2B",
            ),
            (
                "https://user:pass@a.example/x?y=@z",
                "https://a.example/x?y=@z",
            ),
            ("https://a.example/x@y", "https://a.example/x@y"),
        ] {
            assert_eq!(address(target), expected);
        }
    }

    #[test]
    fn a_callback_prints_without_its_body() {
        let callback = Callback::signed(
            "http://a.example/",
            &AuthToken::new("x"),
            "t",
            &parameters(),
        );
        assert!(!format!("{callback:?}").contains("1800"));
    }
}
