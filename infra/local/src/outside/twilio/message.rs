//! A message as the simulator keeps it and as Twilio's API shows it.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use super::fate::Fate;
use super::segments;

/// The number that every messaging service sends from: Twilio's own for tests.
const SERVICE_SENDER: &str = "+15005550006";

/// What stands for the last four digits of a phone.
const REDACTED: &str = "XXXX";

/// What Twilio says of a message.
/// Source: [message status values](https://www.twilio.com/docs/messaging/api/message-resource#message-status-values).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Taken for a messaging service, which has yet to choose the sender.
    Accepted,
    /// Waits for its turn.
    Queued,
    /// On its way to the carrier.
    Sending,
    /// The carrier has it.
    Sent,
    /// The phone has it.
    Delivered,
    /// The carrier could not deliver it.
    Undelivered,
    /// It could not be sent.
    Failed,
}

impl Status {
    /// As Twilio writes it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Queued => "queued",
            Self::Sending => "sending",
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Undelivered => "undelivered",
            Self::Failed => "failed",
        }
    }

    pub(super) fn is_failure(self) -> bool {
        matches!(self, Self::Undelivered | Self::Failed)
    }
}

/// A status and since when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct StatusChange {
    /// The status.
    pub status: Status,
    /// Since when, by the simulator's clock.
    pub at: Timestamp,
}

/// A message that was accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AcceptedMessage {
    /// `SM` and 32 hexadecimal digits.
    pub sid: String,
    /// The account's SID.
    pub account: String,
    /// Where to, E.164.
    pub to: String,
    /// The sender; none while a messaging service has not chosen one.
    pub from: Option<String>,
    /// The messaging service's SID, where the message was given to one.
    pub messaging_service: Option<String>,
    /// What it says, a trial account's prefix included.
    pub body: String,
    /// Where callbacks go, as it was given: with the fragment.
    pub status_callback: Option<String>,
    /// Every status it had, the first one first.
    pub history: Vec<StatusChange>,
    /// Twilio's code, once the message is undelivered or failed.
    pub error_code: Option<u32>,
    /// When it was accepted.
    pub created: Timestamp,
}

impl AcceptedMessage {
    /// What it is now.
    #[must_use]
    pub fn status(&self) -> Status {
        self.history
            .last()
            .map_or(Status::Accepted, |change| change.status)
    }

    /// When it had this status first.
    pub(super) fn since(&self, status: Status) -> Option<Timestamp> {
        let mut changes = self.history.iter();
        changes
            .find(|change| change.status == status)
            .map(|change| change.at)
    }

    /// Goes over to another status. A messaging service chooses its sender when it queues the message.
    pub(super) fn change(&mut self, status: Status, at: Timestamp) {
        if self.status() == status {
            return;
        }
        self.history.push(StatusChange { status, at });
        if self.from.is_none() {
            self.from = Some(SERVICE_SENDER.into());
        }
        if status.is_failure() {
            self.error_code = Fate::of(&self.to).error().map(|error| error.code);
        }
    }

    /// The resource as the API shows it.
    /// Source: [Message resource](https://www.twilio.com/docs/messaging/api/message-resource#message-properties).
    pub(super) fn resource(&self) -> Value {
        let (account, sid) = (&self.account, &self.sid);
        let path = format!("/2010-04-01/Accounts/{account}/Messages/{sid}");
        let error = self.error_code.and(Fate::of(&self.to).error());
        let updated = self.history.last().map_or(self.created, |change| change.at);
        json!({
            "account_sid": account,
            "api_version": "2010-04-01",
            "body": self.body,
            "date_created": rfc_2822(self.created),
            "date_sent": self.since(Status::Sent).map(rfc_2822),
            "date_updated": rfc_2822(updated),
            "direction": "outbound-api",
            "error_code": self.error_code,
            "error_message": error.map(|error| error.message),
            "from": self.from,
            "messaging_service_sid": self.messaging_service,
            "num_media": "0",
            "num_segments": self.segments_shown().to_string(),
            "price": null,
            "price_unit": "USD",
            "sid": sid,
            "status": self.status(),
            "subresource_uris": { "media": format!("{path}/Media.json") },
            "tags": null,
            "to": self.to,
            "uri": format!("{path}.json"),
        })
    }

    /// The resource, with the phone masked where the account has numbers redacted.
    pub(super) fn shown(&self, redacts: bool) -> Value {
        let mut resource = self.resource();
        resource["to"] = self.to_shown(redacts).into();
        resource
    }

    /// Where to, as the API shows it. Redacted is what has left Twilio.
    /// Source: [Message redaction](https://www.twilio.com/docs/messaging/guides/privacy-message-redaction).
    pub(super) fn to_shown(&self, redacts: bool) -> String {
        let kept = self.to.len().saturating_sub(REDACTED.len());
        match self.to.get(..kept) {
            Some(kept) if redacts && self.status() >= Status::Sent => format!("{kept}{REDACTED}"),
            _ => self.to.clone(),
        }
    }

    /// A messaging service counts once it has chosen the sender.
    fn segments_shown(&self) -> usize {
        if self.status() == Status::Accepted {
            0
        } else {
            segments::count(&self.body)
        }
    }
}

/// As Twilio writes times: RFC 2822, UTC, the day with two digits.
pub(super) fn rfc_2822(at: Timestamp) -> String {
    at.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn message(to: &str) -> AcceptedMessage {
        let created = at("2026-03-09T14:30:00Z");
        AcceptedMessage {
            sid: "SM1".into(),
            account: "AC1".into(),
            to: to.into(),
            from: None,
            messaging_service: Some("MG1".into()),
            body: "Hello".into(),
            status_callback: None,
            history: vec![StatusChange {
                status: Status::Accepted,
                at: created,
            }],
            error_code: None,
            created,
        }
    }

    #[test]
    fn times_are_written_as_twilio_writes_them() {
        assert_eq!(
            rfc_2822(at("2026-03-09T04:05:06.789Z")),
            "Mon, 09 Mar 2026 04:05:06 +0000"
        );
    }

    #[test]
    fn a_messaging_service_chooses_its_sender_when_it_queues_the_message() {
        let mut message = message("+14155552671");
        let resource = message.resource();
        assert_eq!(
            (
                &resource["status"],
                &resource["from"],
                &resource["num_segments"]
            ),
            (&json!("accepted"), &json!(null), &json!("0"))
        );
        message.change(Status::Queued, at("2026-03-09T14:30:01Z"));
        let resource = message.resource();
        assert_eq!(
            (
                &resource["status"],
                &resource["from"],
                &resource["num_segments"]
            ),
            (&json!("queued"), &json!(SERVICE_SENDER), &json!("1"))
        );
        assert_eq!(resource["date_updated"], "Mon, 09 Mar 2026 14:30:01 +0000");
    }

    #[test]
    fn a_failure_brings_its_code_and_a_repeated_status_is_no_change() {
        let mut message = message("+14155550101");
        message.change(Status::Sent, message.created);
        message.change(Status::Sent, message.created);
        assert_eq!((message.history.len(), message.error_code), (2, None));
        message.change(Status::Undelivered, message.created);
        let resource = message.resource();
        assert_eq!(resource["error_code"], 30005);
        assert_eq!(resource["error_message"], "Unknown destination handset");
        assert_eq!(resource["date_sent"], resource["date_created"]);
    }
}
