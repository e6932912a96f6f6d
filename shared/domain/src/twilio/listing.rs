//! The account's messages as its API shows them: how it is found out what became of a send that got no answer (by the
//! list), or of a message without receipts (by itself).
//! Source: [Read multiple Message resources](https://www.twilio.com/docs/messaging/api/message-resource#read-multiple-message-resources),
//! [Fetch a Message resource](https://www.twilio.com/docs/messaging/api/message-resource#fetch-a-message-resource).

use std::fmt;

use jiff::{SignedDuration, Timestamp, fmt::rfc2822};
use serde::{Deserialize, Deserializer, de::Error as _};

use super::errors::TwilioErrorCode;
use super::receipt::ReceiptStatus;
use super::sids::MessageSid;
use crate::sms::phone::PhoneNumber;
use crate::sms::provider_error::ProviderError;
use crate::sms::segments::{Encoding, count};
use crate::sms::sender::TwilioSender;

/// A page of the list, newest first.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct Page {
    /// The messages.
    pub messages: Vec<ListedMessage>,
    /// The path and query of the next page, below the API's base URL; none on the last page.
    #[serde(default, deserialize_with = "path_of_the_api")]
    pub next_page_uri: Option<String>,
}

/// A body that is not a page of the list. Nothing can be concluded from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a page of messages")]
pub struct NotAPage;

/// A body that is no message. Nothing can be concluded from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a message")]
pub struct NotAMessage;

/// A message as the API shows it, in the list or alone, incoming ones included. Prints without numbers and text.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct ListedMessage {
    /// The message.
    pub sid: MessageSid,
    /// Where it went; its end masked where the account has phone numbers redacted, and it was sent.
    #[serde(default)]
    pub to: Option<String>,
    /// Which number it came from; none while a messaging service has not chosen one.
    #[serde(default)]
    pub from: Option<String>,
    /// The messaging service that it was sent through.
    #[serde(default, rename = "messaging_service_sid")]
    pub messaging_service: Option<String>,
    /// What it says; empty where the account has its messages redacted.
    #[serde(default)]
    pub body: Option<String>,
    /// `outbound-api` for a message that was sent as ours are.
    pub direction: String,
    /// When Twilio accepted it, in whole seconds.
    #[serde(rename = "date_created", deserialize_with = "rfc_2822")]
    pub created: Timestamp,
    /// How far it has come; none for incoming messages and statuses yet unknown.
    #[serde(default, deserialize_with = "known_status")]
    pub status: Option<ReceiptStatus>,
    /// Where it went wrong: Twilio's error code.
    #[serde(default)]
    pub error_code: Option<u32>,
}

impl Page {
    /// Reads a page. One message that cannot be read makes the whole page unreadable: it might be the one that is
    /// sought.
    ///
    /// # Errors
    /// [`NotAPage`], also where the next page would be elsewhere than below the API's base URL: credentials go there.
    pub fn parse(body: &[u8]) -> Result<Self, NotAPage> {
        serde_json::from_slice(body).map_err(|_| NotAPage)
    }
}

fn path_of_the_api<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let path = Option::<String>::deserialize(deserializer)?;
    match &path {
        Some(path) if !path.starts_with("/2010-04-01/") => {
            Err(D::Error::custom("the next page is elsewhere"))
        }
        _ => Ok(path),
    }
}

fn rfc_2822<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    let text = String::deserialize(deserializer)?;
    let time = rfc2822::DateTimeParser::new().parse_timestamp(&text);
    time.map_err(|_| D::Error::custom("not a time of RFC 2822"))
}

fn known_status<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<ReceiptStatus>, D::Error> {
    let status = Option::<String>::deserialize(deserializer)?;
    Ok(status.and_then(|status| status.parse().ok()))
}

impl ListedMessage {
    /// Reads a message that was asked for alone.
    ///
    /// # Errors
    /// [`NotAMessage`].
    pub fn parse(body: &[u8]) -> Result<Self, NotAMessage> {
        serde_json::from_slice(body).map_err(|_| NotAMessage)
    }

    /// What went wrong with it, if anything did.
    #[must_use]
    pub fn error(&self) -> Option<ProviderError> {
        let code = self.error_code.filter(|code| *code != 0)?;
        Some(TwilioErrorCode(code).error(None))
    }

    /// Whether the end of the number that it went to is masked.
    #[must_use]
    pub fn is_masked(&self) -> bool {
        self.direction == OURS && self.to.as_deref().is_some_and(|to| to.ends_with(MASK))
    }
}

impl fmt::Debug for ListedMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ListedMessage")
            .field("sid", &self.sid)
            .field("direction", &self.direction)
            .field("created", &self.created)
            .field("status", &self.status)
            .field("error_code", &self.error_code)
            .finish_non_exhaustive()
    }
}

/// Without the next page's path: its query holds the number that was asked for.
impl fmt::Debug for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Page")
            .field("messages", &self.messages)
            .finish_non_exhaustive()
    }
}

/// A message of ours that Twilio may have accepted.
#[derive(Clone, Copy)]
pub struct Sought<'a> {
    /// Where it went.
    pub to: &'a PhoneNumber,
    /// What it was sent from.
    pub sender: &'a TwilioSender,
    /// What it says.
    pub body: &'a str,
    /// When it was sent, by our clock, before the request was made.
    pub since: Timestamp,
}

/// How the direction of a message is called that was sent through the API.
const OURS: &str = "outbound-api";

/// What stands for each of the last digits, four of them, of a phone that is not Twilio's, where the account has its
/// phone numbers redacted.
/// Source: [Message redaction](https://www.twilio.com/docs/messaging/guides/privacy-message-redaction).
const MASK: char = 'X';

/// Twilio's times are in whole seconds, rounded down, and of another clock than ours: one that lags by a few seconds must
/// not hide a message. What else was created in those seconds has another text or belongs to another delivery.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_secs(5);

/// What Twilio puts before each message of a trial account.
/// Source: [Free trial limitations](https://help.twilio.com/articles/360036052753-Twilio-Free-Trial-Limitations).
const TRIAL_PREFIX: &str = "Sent from your Twilio trial account -";

/// The most characters that Smart Encoding writes for one (`…` becomes `...`).
const MOST_PER_CHARACTER: usize = 3;

/// How like a message is to one that is sought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Likeness {
    /// Everything agrees, the text to the letter.
    Same,
    /// It may be another one as well: its text was redacted, or some characters were replaced; its phone is masked; or
    /// it comes from the same number by way of a messaging service.
    Similar,
}

impl Sought<'_> {
    /// How like the message that is sought this one is; `None` where it is another.
    #[must_use]
    pub fn likeness(&self, listed: &ListedMessage) -> Option<Likeness> {
        let is_of_then =
            listed.direction == OURS && listed.created.duration_since(self.since) >= -CLOCK_SKEW;
        if !is_of_then {
            return None;
        }
        let goes = self.goes_to(listed.to.as_deref()?)?;
        let comes = self.comes_from(listed)?;
        let says = self.says(listed.body.as_deref().unwrap_or_default())?;
        Some(goes.max(comes).max(says))
    }

    /// A number whose end is masked may be any that begins so.
    fn goes_to(&self, listed: &str) -> Option<Likeness> {
        let sought = self.to.as_str();
        let shown = listed.trim_end_matches(MASK);
        if listed == sought {
            Some(Likeness::Same)
        } else if listed.len() == sought.len() && sought.starts_with(shown) {
            Some(Likeness::Similar)
        } else {
            None
        }
    }

    /// A number may belong to a messaging service. Twilio does not say that a message sent from the number itself never
    /// names the service.
    fn comes_from(&self, listed: &ListedMessage) -> Option<Likeness> {
        let (from, service) = (listed.from.as_deref(), listed.messaging_service.as_deref());
        match self.sender {
            TwilioSender::Number(number) if from != Some(number.as_str()) => None,
            TwilioSender::Number(_) if service.is_some() => Some(Likeness::Similar),
            TwilioSender::MessagingService(sought) if service != Some(sought.as_str()) => None,
            TwilioSender::Number(_) | TwilioSender::MessagingService(_) => Some(Likeness::Same),
        }
    }

    /// Whether the message may say this. A body that was redacted says nothing, and may have been anything: better that a
    /// delivery ends as unknown than that it is sent twice.
    /// Source: [Message redaction](https://www.twilio.com/docs/messaging/tutorials/how-to-retrieve-and-modify-message-history).
    fn says(&self, listed: &str) -> Option<Likeness> {
        let (listed, sent) = (plain(listed), plain(self.body));
        let body = listed
            .strip_prefix(TRIAL_PREFIX)
            .map_or(&*listed, str::trim_start);
        if listed == sent || body == sent {
            Some(Likeness::Same)
        } else if listed.is_empty() || is_smart_encoding(body, &sent) {
            Some(Likeness::Similar)
        } else {
            None
        }
    }
}

/// Line ends and white space around it are not what tells one message from another. Twilio does not say that it leaves
/// them alone.
fn plain(body: &str) -> String {
    body.trim().replace("\r\n", "\n")
}

/// Whether `listed` may be what Smart Encoding made of `sent`. It is on in new messaging services and replaces the
/// characters that GSM-7 cannot code (curly quotes, dashes), where it can replace all of them.
/// Source: [Smart Encoding](https://www.twilio.com/blog/copilot-just-got-even-smarter-announcing-smart-encoding-html).
fn is_smart_encoding(listed: &str, sent: &str) -> bool {
    let mut kept = sent.split(is_outside_gsm_7);
    let (Some(first), Some(last)) = (kept.next(), kept.next_back()) else {
        return false;
    };
    let most = sent.chars().filter(|c| is_outside_gsm_7(*c)).count() * (MOST_PER_CHARACTER - 1);
    count(listed).encoding == Encoding::Gsm7
        && listed.chars().count() <= sent.chars().count() + most
        && listed
            .strip_prefix(first)
            .and_then(|rest| rest.strip_suffix(last))
            .is_some_and(|between| holds_in_order(between, kept))
}

fn holds_in_order<'a>(mut text: &str, parts: impl Iterator<Item = &'a str>) -> bool {
    for part in parts {
        let Some(at) = text.find(part) else {
            return false;
        };
        text = &text[at + part.len()..];
    }
    true
}

fn is_outside_gsm_7(c: char) -> bool {
    count(c.encode_utf8(&mut [0; 4])).encoding == Encoding::Ucs2
}

#[cfg(test)]
mod tests;
