//! A text from a phone to a sender of the customer's.

use serde::Deserialize;

use super::behaviour::AuthToken;
use super::callback::Callback;
use super::messages::sid;
use super::segments;

/// What `PUT /twilio/inbound` takes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct InboundText {
    pub(super) account_sid: String,
    from: String,
    to: String,
    messaging_service_sid: Option<String>,
    body: String,
    opt_out_type: Option<String>,
    pub(super) url: String,
}

impl InboundText {
    pub(super) fn parse(body: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(body)
    }

    /// The callback of the `number`th inbound text.
    pub(super) fn callback(&self, number: u64, token: &AuthToken) -> Callback {
        let sid = sid("SM", &format!("inbound {number}"));
        Callback::signed(&self.url, token, &sid, &self.parameters(&sid))
    }

    /// Sources: [Twilio's request to the incoming message
    /// webhook](https://www.twilio.com/docs/messaging/guides/webhook-request),
    /// [Advanced Opt-Out](https://www.twilio.com/docs/messaging/tutorials/advanced-opt-out) (`OptOutType`).
    fn parameters(&self, sid: &str) -> Vec<(&'static str, String)> {
        let text = str::to_owned;
        let mut parameters = vec![
            ("ToCountry", text("US")),
            ("ToState", String::new()),
            ("ToCity", String::new()),
            ("ToZip", String::new()),
            ("FromCountry", text("US")),
            ("FromState", String::new()),
            ("FromCity", String::new()),
            ("FromZip", String::new()),
            ("SmsMessageSid", text(sid)),
            ("SmsSid", text(sid)),
            ("MessageSid", text(sid)),
            ("SmsStatus", text("received")),
            ("AccountSid", self.account_sid.clone()),
            ("From", self.from.clone()),
            ("To", self.to.clone()),
            ("Body", self.body.clone()),
            ("NumMedia", text("0")),
            ("NumSegments", segments::count(&self.body).to_string()),
            ("ApiVersion", text("2010-04-01")),
        ];
        let service = self.messaging_service_sid.clone();
        parameters.extend(service.map(|service| ("MessagingServiceSid", service)));
        let opt_out = self.opt_out_type.clone();
        parameters.extend(opt_out.map(|kind| ("OptOutType", kind)));
        parameters
    }
}
