//! What a delivery is delivered by.

/// By a request to an endpoint, or by a text to a phone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Channel {
    /// A request to an endpoint.
    Webhook,
    /// A text to a phone.
    Sms,
}

impl Channel {
    /// Both.
    pub const ALL: [Channel; 2] = [Channel::Webhook, Channel::Sms];

    /// `webhook` or `sms`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Channel::Webhook => "webhook",
            Channel::Sms => "sms",
        }
    }
}
