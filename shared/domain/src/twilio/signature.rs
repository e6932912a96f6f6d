//! The signature of Twilio's requests to us: base64 of HMAC-SHA1, keyed with the account's auth token, over the URL and
//! the form's parameters.
//!
//! Sources: [Webhooks security](https://www.twilio.com/docs/usage/webhooks/webhooks-security), "Validating signatures
//! from Twilio", and Twilio's libraries
//! ([twilio-python](https://github.com/twilio/twilio-python/blob/main/twilio/request_validator.py)).

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use percent_encoding::percent_decode;
use sha1::Sha1;
use url::form_urlencoded;

use super::credentials::AuthToken;

/// The parameters of a form (`application/x-www-form-urlencoded`), decoded, in the order in which they came. Names may
/// repeat, values may be empty. Prints as their number: they hold phone numbers and texts.
#[derive(Clone, PartialEq, Eq)]
pub struct Params(Vec<(String, String)>);

/// A body that is no form: what it encodes is not UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the body is not a form in UTF-8")]
pub struct NotAForm;

impl Params {
    /// Reads a form as the [URL standard](https://url.spec.whatwg.org/#urlencoded-parsing) has it. How long a body may be
    /// is for the caller to say.
    ///
    /// # Errors
    /// [`NotAForm`] unless it is UTF-8: replaced characters could not be signed.
    pub fn parse(form_body: &[u8]) -> Result<Self, NotAForm> {
        // No character spans two parameters: `&` and `=` are never part of a longer one.
        percent_decode(form_body)
            .decode_utf8()
            .map_err(|_| NotAForm)?;
        let params = form_urlencoded::parse(form_body);
        Ok(Self(params.into_owned().collect()))
    }

    /// The first value of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter()
            .find(|(given, _)| *given == name)
            .map(|(_, value)| value)
    }

    /// Names and values, in the order in which they came.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }
}

impl fmt::Debug for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} parameters", self.0.len())
    }
}

/// Signs a request to this URL.
#[must_use]
pub fn sign(url: &str, params: &Params, token: &AuthToken) -> String {
    STANDARD.encode(mac(url, params, token).finalize().into_bytes())
}

/// Whether `signature` is the one of a request to this URL, in constant time. `url` is the public base URL with the path
/// and the query as they came, nothing decoded.
///
/// Twilio signs some URLs with their port and some without, so that its libraries take both, and so does this: a port
/// that is there may be missing from what was signed, and where none is there, the scheme's own may have been.
#[must_use]
pub fn verify(signature: &str, url: &str, params: &Params, token: &AuthToken) -> bool {
    let Ok(signature) = STANDARD.decode(signature) else {
        return false;
    };
    let made_over = |url: &str| mac(url, params, token).verify_slice(&signature).is_ok();
    made_over(url) | made_over(&with_port_toggled(url))
}

/// Every parameter once, sorted by name and then value, as Twilio's libraries do.
fn mac(url: &str, params: &Params, token: &AuthToken) -> Hmac<Sha1> {
    let key = token.0.expose().as_bytes();
    let mut mac = Hmac::<Sha1>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(url.as_bytes());
    for (name, value) in params.iter().collect::<BTreeSet<_>>() {
        mac.update(name.as_bytes());
        mac.update(value.as_bytes());
    }
    mac
}

/// The URL without its port, or with the scheme's own where it has none.
fn with_port_toggled(url: &str) -> Cow<'_, str> {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.into();
    };
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    match authority.rsplit_once(':') {
        Some((host, port)) if is_number(port) => format!("{scheme}://{host}{path}").into(),
        _ if scheme.eq_ignore_ascii_case("https") => {
            format!("{scheme}://{authority}:443{path}").into()
        }
        _ => format!("{scheme}://{authority}:80{path}").into(),
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::SecretText;
    use proptest::prelude::*;

    /// The vectors of twilio-python's `tests/unit/test_request_validator.py`.
    const URL: &str = "https://mycompany.com/myapp.php?foo=1&bar=2";
    const FORM: &[u8] =
        b"CallSid=CA1234567890ABCDE&Digits=1234&From=%2B14158675309&To=%2B18005551212\
        &Caller=%2B14158675309";
    const SIGNATURE: &str = "RSOYDt4T1cUTdK1PDd93/VVr8B8=";

    fn token(text: &str) -> AuthToken {
        AuthToken(SecretText::new(text))
    }

    fn params(form: &[u8]) -> Params {
        Params::parse(form).unwrap()
    }

    fn verifies(signature: &str, url: &str) -> bool {
        verify(signature, url, &params(FORM), &token("12345"))
    }

    #[test]
    fn the_published_vectors_hold() {
        assert_eq!(sign(URL, &params(FORM), &token("12345")), SIGNATURE);
        let repeated = params(b"Sid=CA123&SidAccount=AC123&Digits=5678&Digits=1234");
        assert_eq!(
            sign(URL, &repeated, &token("12345")),
            "IK+Dwps556ElfBT0I3Rgjkr1wJU="
        );
    }

    #[test]
    fn a_port_may_be_missing_from_what_was_signed_or_be_the_schemes_own() {
        let http = URL.replace("https", "http");
        let at_1234 = |url: &str| url.replace(".com", ".com:1234");
        let (with_443, with_80) = (
            "kvajT1Ptam85bY51eRf/AJRuM3w=",
            "0ZXoZLH/DfblKGATFgpif+LLRf4=",
        );
        assert!(verifies(SIGNATURE, URL) && verifies(SIGNATURE, &at_1234(URL)));
        assert!(verifies(with_443, URL) && !verifies(with_443, &http));
        assert!(verifies(with_80, &http) && !verifies(with_80, URL));
        assert!(verifies("Zmvh+3yNM1Phv2jhDCwEM3q5ebU=", &at_1234(&http)));
    }

    #[test]
    fn ports_are_told_from_what_looks_like_one() {
        for (url, other) in [
            ("https://a.io", "https://a.io:443"),
            ("https://a.io:", "https://a.io::443"),
            ("https://[::1]/", "https://[::1]:443/"),
            ("https://[::1]:8443/", "https://[::1]/"),
            ("https://a.io?at=b:80", "https://a.io:443?at=b:80"),
            ("http://a.io/b:80", "http://a.io:80/b:80"),
            ("http://a.io:80#rc=1", "http://a.io#rc=1"),
            ("nonsense:80", "nonsense:80"),
        ] {
            assert_eq!(with_port_toggled(url), other);
        }
    }

    #[test]
    fn other_ways_to_write_a_signature_are_refused() {
        let spare_bits_set = SIGNATURE.replace("8=", "9=");
        let padded = format!("{SIGNATURE} ");
        let bare = SIGNATURE.trim_end_matches('=');
        for wrong in ["", "=", bare, &padded, &spare_bits_set, &SIGNATURE[..8]] {
            assert!(!verifies(wrong, URL), "{wrong:?}");
        }
    }

    #[test]
    fn a_form_reads_as_browsers_write_it() {
        let read = params(b"&a=1+2%2B&a=&b&=c&%C3%A9=%zz&&");
        let pairs: Vec<_> = read.iter().collect();
        assert_eq!(
            pairs,
            [("a", "1 2+"), ("a", ""), ("b", ""), ("", "c"), ("é", "%zz")]
        );
        assert_eq!(read.get("a"), Some("1 2+"));
        assert_eq!(read.get("c"), None);
        for other in [&b"a=%ff"[..], b"a=%C3&b=%A9", b"\xff"] {
            assert_eq!(Params::parse(other), Err(NotAForm));
        }
    }

    #[test]
    fn parameters_print_as_their_number() {
        assert_eq!(format!("{:?}", params(FORM)), "5 parameters");
    }

    proptest! {
        #[test]
        fn any_body_is_read_or_refused(body: Vec<u8>) {
            let _ = Params::parse(&body);
        }

        #[test]
        fn what_is_written_is_read(pairs in prop::collection::vec((".{0,8}", ".{0,20}"), 0..8)) {
            let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(&pairs).finish();
            // A parameter without a name and value is written as `=`, and read again.
            prop_assert_eq!(params(body.as_bytes()).0, pairs);
        }

        #[test]
        fn what_is_signed_verifies_in_any_order_and_with_repeats(
            pairs in prop::collection::vec(("[a-c]{1,2}", "[a-c]{0,2}"), 0..6),
            rotated in 0..6_usize,
            secret in ".{0,40}",
        ) {
            let sent = Params(pairs.clone());
            let signature = sign(URL, &sent, &token(&secret));
            let mut received = [pairs.clone(), pairs].concat();
            let turn = rotated.min(received.len());
            received.rotate_left(turn);
            prop_assert!(verify(&signature, URL, &Params(received), &token(&secret)));
        }

        #[test]
        fn anything_else_does_not_verify(
            (name, value) in (".{1,8}", ".{0,8}"), other_token in "[0-9]{6,9}", tail in "[a-z]{1,5}",
        ) {
            let signature = sign(URL, &params(FORM), &token("12345"));
            let mut more = params(FORM);
            more.0.push((name, value));
            prop_assert!(!verify(&signature, URL, &more, &token("12345")));
            prop_assert!(!verify(&signature, URL, &params(FORM), &token(&other_token)));
            let longer = format!("{URL}{tail}");
            prop_assert!(!verify(&signature, &longer, &params(FORM), &token("12345")));
        }

        #[test]
        fn any_url_and_signature_are_judged(signature in ".{0,40}", url in ".{0,60}") {
            prop_assert!(!verify(&signature, &url, &params(FORM), &token("12345")));
        }
    }
}
