//! What a create call asks for, checked as Twilio checks it.
//! Source: [Create a Message](https://www.twilio.com/docs/messaging/api/message-resource#create-a-message-resource).

use url::Url;

use super::account;
use super::form::Form;
use super::refusal::Refusal;

const MAX_BODY_CHARACTERS: usize = 1600;
const MAX_URL_BYTES: usize = 4000;

/// A message to be accepted.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NewMessage {
    pub(super) to: String,
    pub(super) from: Option<String>,
    pub(super) messaging_service: Option<String>,
    pub(super) body: String,
    pub(super) status_callback: Option<String>,
}

impl NewMessage {
    pub(super) fn read(form: &Form) -> Result<Self, Refusal> {
        let owned = |name| form.get(name).map(str::to_owned);
        let to = owned("To").ok_or(Refusal::ToMissing)?;
        let (from, messaging_service) = (owned("From"), owned("MessagingServiceSid"));
        if from.is_none() && messaging_service.is_none() {
            return Err(Refusal::SenderMissing);
        }
        let body = owned("Body").ok_or(Refusal::BodyMissing)?;
        if body.chars().count() > MAX_BODY_CHARACTERS {
            return Err(Refusal::BodyTooLong);
        }
        check_sender(from.as_deref(), messaging_service.as_deref())?;
        check_recipient(&to)?;
        let status_callback = owned("StatusCallback");
        if !status_callback.as_deref().is_none_or(is_callback_url) {
            return Err(Refusal::InvalidStatusCallback);
        }
        Ok(Self {
            to,
            from,
            messaging_service,
            body,
            status_callback,
        })
    }
}

fn check_sender(from: Option<&str>, service: Option<&str>) -> Result<(), Refusal> {
    if service.is_some_and(|service| !account::has_service(service)) {
        return Err(Refusal::NoSuchService);
    }
    let Some(from) = from else { return Ok(()) };
    match from {
        "+15005550001" => Err(Refusal::InvalidFrom(from.into())),
        "+15005550000" | "+15005550007" => Err(Refusal::FromNotOwned(from.into())),
        "+15005550008" => Err(Refusal::QueueFull),
        _ if is_phone(from) || is_short_code(from) || is_alphanumeric(from) => Ok(()),
        _ => Err(Refusal::InvalidFrom(from.into())),
    }
}

fn check_recipient(to: &str) -> Result<(), Refusal> {
    match to {
        "+15005550001" => Err(Refusal::InvalidTo(to.into())),
        "+15005550002" => Err(Refusal::Unroutable(to.into())),
        "+15005550003" => Err(Refusal::RegionNotPermitted(to.into())),
        "+15005550004" => Err(Refusal::OptedOut),
        "+15005550009" => Err(Refusal::NotMobile(to.into())),
        _ if is_phone(to) => Ok(()),
        _ => Err(Refusal::InvalidTo(to.into())),
    }
}

/// E.164: a plus and up to 15 digits, none of which starts with 0.
fn is_phone(text: &str) -> bool {
    text.strip_prefix('+').is_some_and(|digits| {
        (7..=15).contains(&digits.len()) && !digits.starts_with('0') && is_digits(digits)
    })
}

pub(super) fn is_short_code(text: &str) -> bool {
    (3..=8).contains(&text.len()) && is_digits(text)
}

/// A name as the sender: up to eleven letters, digits, spaces and `-_&+`, one letter at least.
/// Source: [alphanumeric sender ID](https://www.twilio.com/docs/glossary/what-alphanumeric-sender-id).
fn is_alphanumeric(text: &str) -> bool {
    text.len() <= 11
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b" -_&+".contains(&byte))
        && text.bytes().any(|byte| byte.is_ascii_alphabetic())
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

pub(super) fn is_callback_url(text: &str) -> bool {
    text.len() <= MAX_URL_BYTES
        && Url::parse(text)
            .is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(changes: &[(&str, &str)]) -> Result<NewMessage, Refusal> {
        let mut fields = vec![
            ("To", "+14155552671"),
            ("From", "+14155238886"),
            ("Body", "Hello"),
        ];
        fields.retain(|(name, _)| changes.iter().all(|(changed, _)| changed != name));
        fields.extend(changes);
        let encoded = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        NewMessage::read(&Form::parse(encoded.as_bytes()))
    }

    fn code(changes: &[(&str, &str)]) -> u32 {
        read(changes).unwrap_err().code()
    }

    #[test]
    fn the_published_numbers_have_their_published_codes() {
        for (to, expected) in [
            ("+15005550001", 21211),
            ("+15005550002", 21612),
            ("+15005550003", 21408),
            ("+15005550004", 21610),
            ("+15005550009", 21614),
        ] {
            assert_eq!(code(&[("To", to)]), expected, "{to}");
        }
        for (from, expected) in [
            ("+15005550001", 21212),
            ("+15005550007", 21606),
            ("+15005550008", 21611),
            ("+15005550000", 21606),
        ] {
            assert_eq!(code(&[("From", from)]), expected, "{from}");
        }
        assert!(read(&[("From", "+15005550006")]).is_ok());
    }

    #[test]
    fn what_is_missing_or_malformed_has_its_code() {
        let service = "MG".to_owned() + &"0".repeat(32);
        for (changes, expected) in [
            ([("To", "")], 21604),
            ([("From", "")], 21603),
            ([("Body", "")], 21602),
            ([("Body", &"ä".repeat(1601) as &str)], 21617),
            ([("To", "14155552671")], 21211),
            ([("To", "+0155552671")], 21211),
            ([("To", "+1415555267100000")], 21211),
            ([("From", "(415) 555")], 21212),
            ([("From", "12")], 21212),
            ([("MessagingServiceSid", "MG1")], 21701),
            ([("MessagingServiceSid", &service)], 21701),
            ([("StatusCallback", "/status")], 21609),
            ([("StatusCallback", "ftp://example.com/")], 21609),
        ] {
            assert_eq!(code(&changes), expected, "{changes:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_accepted_can_be_sent(
            to in "\\+?[0-9]{0,17}|.{0,5}",
            from in "\\+?[0-9]{0,17}|[a-zA-Z0-9 ]{0,13}|.{0,5}",
            body in ".{0,5}|a{1590,1610}",
            callback in "(https?|ftp)?(://)?[a-z]{0,3}(/[a-z]{0,3})?|.{0,5}",
        ) {
            let fields = [("To", &*to), ("From", &from), ("Body", &body), ("StatusCallback", &callback)];
            if let Ok(message) = read(&fields) {
                prop_assert!(is_phone(&message.to));
                prop_assert!(!message.body.is_empty() && message.body.chars().count() <= 1600);
                prop_assert_eq!(message.from.as_deref(), Some(&*from));
                prop_assert!(message.status_callback.is_none_or(|url| Url::parse(&url).is_ok()));
            }
        }
    }

    #[test]
    fn a_message_is_read_as_it_is_given() {
        let service = "MG".to_owned() + &"a".repeat(32);
        let url = "http://127.0.0.1:3000/status?d=dlv_1#rc=5&rp=all";
        let body = "é".repeat(1600);
        let message = read(&[
            ("From", ""),
            ("MessagingServiceSid", &service),
            ("Body", &body),
            ("StatusCallback", url),
        ])
        .unwrap();
        assert_eq!(message.from, None);
        assert_eq!(message.messaging_service, Some(service));
        assert_eq!(message.body, body);
        assert_eq!(message.status_callback.as_deref(), Some(url));
        for from in ["12345", "SetGet", "+447700900001"] {
            assert_eq!(read(&[("From", from)]).unwrap().from.as_deref(), Some(from));
        }
    }
}
