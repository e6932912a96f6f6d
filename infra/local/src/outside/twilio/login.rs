//! Who asks: HTTP basic authentication (RFC 7617).
//! Source: [REST API: authentication](https://www.twilio.com/docs/usage/requests-to-twilio).

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::HeaderMap;
use http::header::AUTHORIZATION;

use super::behaviour::AuthToken;
use super::refusal::Refusal;

/// Who asks. Nothing is checked but the shape: every account is there, with every token.
#[derive(Debug, Clone)]
pub(super) enum Login {
    Account { sid: String, token: AuthToken },
    ApiKey,
}

impl Login {
    pub(super) fn read(headers: &HeaderMap) -> Result<Self, Refusal> {
        let (user, password) = credentials(headers).ok_or(Refusal::Unauthorized)?;
        if password.is_empty() {
            return Err(Refusal::Unauthorized);
        }
        if is_sid(&user, "AC") {
            let token = AuthToken::new(&password);
            Ok(Self::Account { sid: user, token })
        } else if is_sid(&user, "SK") {
            Ok(Self::ApiKey)
        } else {
            Err(Refusal::Unauthorized)
        }
    }

    /// The account, where it is not an API key.
    pub(super) fn account(&self) -> Option<&str> {
        match self {
            Self::Account { sid, .. } => Some(sid),
            Self::ApiKey => None,
        }
    }

    /// Whether it may act for that account. No API key is bound to one.
    pub(super) fn is_for(&self, account: &str) -> bool {
        self.account().is_none_or(|own| own == account)
    }
}

fn credentials(headers: &HeaderMap) -> Option<(String, String)> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = BASE64_STANDARD.decode(encoded.trim()).ok()?;
    let text = String::from_utf8(decoded).ok()?;
    let (user, password) = text.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

/// Whether this is a SID of that kind: two letters and 32 hexadecimal digits.
pub(super) fn is_sid(text: &str, kind: &str) -> bool {
    text.strip_prefix(kind).is_some_and(|digits| {
        digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn login(authorization: &str) -> Result<Login, Refusal> {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, authorization.parse().unwrap());
        Login::read(&headers)
    }

    fn basic(credentials: &str) -> String {
        format!("Basic {}", BASE64_STANDARD.encode(credentials))
    }

    #[test]
    fn an_account_and_an_api_key_get_in_and_an_account_only_for_itself() {
        let (own, other) = (
            "AC".to_owned() + &"0f".repeat(16),
            "AC".to_owned() + &"1".repeat(32),
        );
        let account = login(&basic(&format!("{own}:to:ken"))).unwrap();
        assert!(matches!(&account, Login::Account { token, .. } if token.expose() == "to:ken"));
        assert!(account.is_for(&own) && !account.is_for(&other));
        let key = login(&basic(&format!("SK{}:secret", "a".repeat(32)))).unwrap();
        assert!(key.is_for(&own));
    }

    proptest! {
        #[test]
        fn every_account_gets_in_with_every_token(sid in "AC[0-9a-f]{32}", secret in "\\PC{1,40}") {
            let Login::Account { sid: read, token } = login(&basic(&format!("{sid}:{secret}"))).unwrap() else {
                panic!("an account is no API key");
            };
            prop_assert_eq!((read.as_str(), token.expose()), (sid.as_str(), secret.as_str()));
        }

        #[test]
        fn anything_else_is_refused(credentials in "[^:]{0,50}(:.{0,20})?") {
            prop_assume!(!is_sid(credentials.split(':').next().unwrap_or_default(), "AC"));
            prop_assume!(!is_sid(credentials.split(':').next().unwrap_or_default(), "SK"));
            prop_assert!(login(&basic(&credentials)).is_err());
        }
    }

    #[test]
    fn garbled_credentials_are_refused() {
        let account = "AC".to_owned() + &"0".repeat(32);
        for wrong in [
            "Bearer x".to_owned(),
            "Basic".to_owned(),
            "Basic ~".to_owned(),
            basic(&account),
            basic(&format!("{account}:")),
            basic("AC1:token"),
            basic(":"),
        ] {
            assert_eq!(login(&wrong).unwrap_err(), Refusal::Unauthorized, "{wrong}");
        }
        assert!(Login::read(&HeaderMap::new()).is_err());
    }
}
