//! Receipts: what Twilio posts to us of a message's way.
//! Source: [Track the message status of outbound messages](https://www.twilio.com/docs/messaging/guides/track-outbound-message-status).

use std::str::FromStr;

use data_encoding::BASE32_DNSSEC as BASE32HEX;
use url::form_urlencoded;

use super::credentials::AuthToken;
use super::errors::TwilioErrorCode;
use super::sids::{AccountSid, MessageSid};
use super::signature::{self, Params};
use crate::ids::{DeliveryId, WorkspaceId};
use crate::sms::delivery::Stage;
use crate::sms::provider_error::{ProviderError, readable};

/// Where receipts go, below the public base URL.
pub const STATUS_PATH: &str = "/webhooks/twilio/status";

/// Asks Twilio to post a receipt up to 5 times more (the most there are) until it gets a 2xx: by itself it does so once,
/// and only where it cannot connect. `all` are failed and timed-out connections and answers of 4xx and 5xx: an API that
/// throttles answers 429. Twilio takes 15 seconds over all of them. `docs/api.md` has it set
/// for what recipients text, too.
/// Source: [Webhook connection overrides](https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides).
pub const CONNECTION_OVERRIDES: &str = "#rc=5&rp=all";

/// What Twilio told of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The account that sent the message.
    pub account: AccountSid,
    /// The message.
    pub message: MessageSid,
    /// How far it has come.
    pub status: ReceiptStatus,
    /// What went wrong, if anything did.
    pub error: Option<ProviderError>,
}

/// How far an outgoing message has come.
/// Source: [Message status values](https://www.twilio.com/docs/messaging/api/message-resource#message-status-values).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReceiptStatus {
    /// Twilio has it and will choose a sender.
    Accepted,
    /// Twilio will send it later.
    Scheduled,
    /// It waits for its turn.
    Queued,
    /// Twilio is handing it to the carrier.
    Sending,
    /// The carrier has it.
    Sent,
    /// It is on the phone.
    Delivered,
    /// The recipient opened it.
    Read,
    /// The carrier could not deliver it.
    Undelivered,
    /// It could not be sent.
    Failed,
    /// It was scheduled and then dropped.
    Canceled,
}

/// A text that names no status of an outgoing message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a status of an outgoing message")]
pub struct UnknownStatus;

/// Why a form is not a receipt that can be understood. Where its signature is right it deserves a 200 and a line in the
/// log: Twilio would send the very same again, and a 4xx would only fill the customer's error log there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAReceipt {
    /// A parameter that each receipt has is not there.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// A SID is none.
    #[error("{0} is malformed")]
    Malformed(&'static str),
    /// A status that Twilio did not have when this was written, or that of an incoming message.
    #[error("the status {0:?} is unknown")]
    UnknownStatus(String),
}

impl TryFrom<&Params> for Receipt {
    type Error = NotAReceipt;

    fn try_from(params: &Params) -> Result<Self, NotAReceipt> {
        let status = either(params, "MessageStatus", "SmsStatus")?;
        let account = params
            .get("AccountSid")
            .ok_or(NotAReceipt::Missing("AccountSid"))?;
        let message = either(params, "MessageSid", "SmsSid")?;
        Ok(Self {
            account: account
                .parse()
                .map_err(|_| NotAReceipt::Malformed("AccountSid"))?,
            message: message
                .parse()
                .map_err(|_| NotAReceipt::Malformed("MessageSid"))?,
            status: status
                .parse()
                .map_err(|_| NotAReceipt::UnknownStatus(readable(status)))?,
            error: error(params),
        })
    }
}

/// The newer name or the older one; Twilio sends both.
fn either<'a>(
    params: &'a Params,
    newer: &'static str,
    older: &str,
) -> Result<&'a str, NotAReceipt> {
    params
        .get(newer)
        .or_else(|| params.get(older))
        .ok_or(NotAReceipt::Missing(newer))
}

fn error(params: &Params) -> Option<ProviderError> {
    let code = params.get("ErrorCode")?.parse().ok()?;
    (code != 0).then(|| TwilioErrorCode(code).error(params.get("ErrorMessage")))
}

impl FromStr for ReceiptStatus {
    type Err = UnknownStatus;

    fn from_str(text: &str) -> Result<Self, UnknownStatus> {
        Ok(match text {
            "accepted" => Self::Accepted,
            "scheduled" => Self::Scheduled,
            "queued" => Self::Queued,
            "sending" => Self::Sending,
            "sent" => Self::Sent,
            "delivered" => Self::Delivered,
            "read" => Self::Read,
            "undelivered" => Self::Undelivered,
            "failed" => Self::Failed,
            "canceled" => Self::Canceled,
            _ => return Err(UnknownStatus),
        })
    }
}

impl ReceiptStatus {
    /// The status as a timeline shows it.
    #[must_use]
    pub fn stage(self) -> Stage {
        match self {
            Self::Accepted => Stage::Accepted,
            Self::Scheduled => Stage::Scheduled,
            Self::Queued => Stage::Queued,
            Self::Sending => Stage::Sending,
            Self::Sent => Stage::Sent,
            Self::Delivered => Stage::Delivered,
            Self::Read => Stage::Read,
            Self::Undelivered => Stage::Undelivered,
            Self::Failed => Stage::Failed,
            Self::Canceled => Stage::Canceled,
        }
    }
}

/// What a receipt's URL tells: which delivery it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallbackQuery {
    /// The workspace.
    pub workspace: WorkspaceId,
    /// The delivery.
    pub delivery: DeliveryId,
}

/// The `StatusCallback` of a delivery's message, below this public base URL: at most 178 characters more than the base.
/// Twilio takes 4,000 in all (its [error 21609](https://www.twilio.com/docs/api/errors/21609)).
///
/// The signature is over the URL as Twilio wrote it, so nothing in the query may have two ways to be written: ids are of
/// `[a-z0-9_]`, and the workspace's is in base 32 (RFC 4648 §7, in lower case) to be so.
#[must_use]
pub fn callback_url(base: &str, workspace: &WorkspaceId, delivery: &DeliveryId) -> String {
    let base = base.trim_end_matches('/');
    let workspace = BASE32HEX.encode(workspace.as_str().as_bytes());
    format!("{base}{STATUS_PATH}?w={workspace}&d={delivery}{CONNECTION_OVERRIDES}")
}

impl CallbackQuery {
    /// Reads the query of a [`callback_url`]; `None` for any other, such as that of a callback which the account's owner
    /// has set at Twilio.
    #[must_use]
    pub fn parse(raw_query: &str) -> Option<Self> {
        let value = |wanted: &str| {
            form_urlencoded::parse(raw_query.as_bytes())
                .find(|(name, _)| name == wanted)
                .map(|(_, value)| value)
        };
        let workspace = BASE32HEX.decode(value("w")?.as_bytes()).ok()?;
        Some(Self {
            workspace: String::from_utf8(workspace).ok()?.try_into().ok()?,
            delivery: value("d")?.parse().ok()?,
        })
    }
}

/// Whether `signature` is the one of a request to this URL, as [`signature::verify`] has it, or of one with
/// [`CONNECTION_OVERRIDES`].
///
/// A fragment is never part of a request, and those who use connection overrides report that Twilio signs the URL without
/// them. Its own libraries sign the URL as it is given. Both are taken: without the token nobody can make either.
#[must_use]
pub fn verify(signature: &str, url: &str, params: &Params, token: &AuthToken) -> bool {
    let with_overrides = format!("{url}{CONNECTION_OVERRIDES}");
    signature::verify(signature, url, params, token)
        | signature::verify(signature, &with_overrides, params, token)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::SecretText;
    use crate::twilio::signature::sign;
    use jiff::Timestamp;
    use proptest::prelude::*;

    const ACCOUNT: &str = "AC0123456789abcdef0123456789abcdef";
    const MESSAGE: &str = "SM0123456789abcdef0123456789abcdef";

    fn params(pairs: &[(&str, &str)]) -> Params {
        let form = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(pairs)
            .finish();
        Params::parse(form.as_bytes()).unwrap()
    }

    fn receipt(pairs: &[(&str, &str)]) -> Result<Receipt, NotAReceipt> {
        Receipt::try_from(&params(pairs))
    }

    fn with_status(status: &str) -> Result<Receipt, NotAReceipt> {
        receipt(&[
            ("AccountSid", ACCOUNT),
            ("MessageSid", MESSAGE),
            ("MessageStatus", status),
        ])
    }

    fn delivery(millis: i64) -> DeliveryId {
        let workspace = WorkspaceId::parse("ws_1").unwrap();
        let event = "evt_1".parse().unwrap();
        let at = Timestamp::from_millisecond(millis).unwrap();
        DeliveryId::for_sms(&workspace, &event, at, "u")
    }

    fn query_of(url: &str) -> &str {
        let (_, query) = url.split_once('?').unwrap();
        query.split_once('#').unwrap().0
    }

    #[test]
    fn a_receipt_of_either_generation_of_names_is_read() {
        let newer = [
            ("AccountSid", ACCOUNT),
            ("MessageSid", MESSAGE),
            ("MessageStatus", "undelivered"),
            ("ErrorCode", "30003"),
            ("To", "+14155550100"),
            ("RawDlrDoneDate", "2603291430"),
        ];
        let older = [
            ("AccountSid", ACCOUNT),
            ("SmsSid", MESSAGE),
            ("SmsStatus", "undelivered"),
            ("ErrorCode", "30003"),
        ];
        let read = receipt(&newer).unwrap();
        assert_eq!(read.status, ReceiptStatus::Undelivered);
        assert_eq!(read.account.as_str(), ACCOUNT);
        assert_eq!(read.message.as_str(), MESSAGE);
        assert_eq!(read.error, Some(TwilioErrorCode(30_003).error(None)));
        assert_eq!(receipt(&older), Ok(read));
    }

    #[test]
    fn an_empty_error_code_is_none() {
        for code in ["", "0", "none", "99999999999"] {
            let pairs = [
                ("AccountSid", ACCOUNT),
                ("MessageSid", MESSAGE),
                ("MessageStatus", "sent"),
                ("ErrorCode", code),
            ];
            assert_eq!(receipt(&pairs).unwrap().error, None, "{code}");
        }
    }

    #[test]
    fn every_status_of_an_outgoing_message_is_known_and_no_other() {
        for status in [
            "accepted",
            "scheduled",
            "queued",
            "sending",
            "sent",
            "delivered",
            "read",
            "undelivered",
            "failed",
            "canceled",
        ] {
            let stage = with_status(status).unwrap().status.stage();
            assert_eq!(serde_json::to_value(stage).unwrap(), status);
        }
        for status in ["receiving", "received", "", "Sent", "new\n+14155550100"] {
            let error = with_status(status).unwrap_err();
            assert!(matches!(error, NotAReceipt::UnknownStatus(_)), "{error}");
            assert!(!error.to_string().contains("1415"), "{error}");
        }
    }

    #[test]
    fn what_is_missing_or_malformed_is_named() {
        let all = [
            ("AccountSid", ACCOUNT),
            ("MessageSid", MESSAGE),
            ("MessageStatus", "sent"),
        ];
        for (left_out, (name, _)) in all.iter().enumerate() {
            let mut pairs = all.to_vec();
            pairs.remove(left_out);
            assert_eq!(receipt(&pairs), Err(NotAReceipt::Missing(name)));
        }
        for (swapped, name) in [(0, "AccountSid"), (1, "MessageSid")] {
            let mut pairs = all;
            pairs[swapped].1 = "XX1";
            assert_eq!(receipt(&pairs), Err(NotAReceipt::Malformed(name)));
        }
    }

    #[test]
    fn the_callback_url_is_stable() {
        let workspace = WorkspaceId::parse("My-workspace_1").unwrap();
        let id = delivery(1_774_794_600_000);
        // "My-workspace_1" in Python: base64.b32hexencode(…).rstrip(b"=").lower()
        let expected = format!(
            "https://a.io/webhooks/twilio/status?w=9lsiqtrfe9ln6s31cdiluc8&d={id}#rc=5&rp=all"
        );
        for base in ["https://a.io", "https://a.io/"] {
            assert_eq!(callback_url(base, &workspace, &id), expected);
        }
    }

    #[test]
    fn the_query_of_other_callbacks_is_nobodys() {
        let id = delivery(1);
        for query in [
            "".to_owned(),
            "w=&d=".to_owned(),
            format!("d={id}"),
            "w=9lsg".to_owned(),
            format!("w=%%%&d={id}"),
            format!("w=&d={id}"),
            format!("w=vvvv&d={id}"),
        ] {
            assert_eq!(CallbackQuery::parse(&query), None, "{query}");
        }
    }

    #[test]
    fn a_signature_may_be_over_the_fragment_or_not() {
        let token = AuthToken(SecretText::new("12345"));
        let params = params(&[("MessageStatus", "sent")]);
        let url = callback_url("https://a.io", &"ws".parse().unwrap(), &delivery(1));
        let (seen, _) = url.split_once('#').unwrap();
        for signed in [&*url, seen] {
            assert!(verify(
                &sign(signed, &params, &token),
                seen,
                &params,
                &token
            ));
        }
        let with_port = url.replace("a.io", "a.io:443");
        assert!(verify(
            &sign(&with_port, &params, &token),
            seen,
            &params,
            &token
        ));
        for foreign in [
            format!("{seen}#rc=4"),
            format!("{seen}0"),
            "https://a.io".to_owned(),
        ] {
            assert!(!verify(
                &sign(&foreign, &params, &token),
                seen,
                &params,
                &token
            ));
        }
    }

    proptest! {
        #[test]
        fn the_callback_names_its_delivery_in_letters_that_need_no_escape(
            workspace in "[A-Za-z0-9_-]{1,64}", millis in 0..1_i64 << 47,
        ) {
            let written = CallbackQuery { workspace: workspace.parse().unwrap(), delivery: delivery(millis) };
            let url = callback_url("https://a.io", &written.workspace, &written.delivery);
            let query = query_of(&url);
            prop_assert!(query.bytes().all(|c| matches!(c, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'=' | b'&')));
            prop_assert_eq!(CallbackQuery::parse(query), Some(written));
        }

        #[test]
        fn any_query_and_any_form_are_read_or_refused(query in ".{0,80}", body: Vec<u8>) {
            let _ = CallbackQuery::parse(&query);
            if let Ok(params) = Params::parse(&body) {
                prop_assert!(Receipt::try_from(&params).is_err());
            }
        }

        #[test]
        fn no_parameter_makes_a_receipt_show_a_number(words in ".{0,40}", code: u32, digits in "[1-9][0-9]{9,14}") {
            let code = code.to_string();
            let words = format!("{words} +{digits}");
            let read = receipt(&[
                ("AccountSid", ACCOUNT), ("MessageSid", MESSAGE), ("MessageStatus", "failed"), ("ErrorCode", &code),
                ("ErrorMessage", &words), ("To", &digits),
            ]);
            let shown = format!("{read:?}");
            prop_assert!(!shown.contains(&digits));
        }
    }
}
