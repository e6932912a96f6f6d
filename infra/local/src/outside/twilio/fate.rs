//! What becomes of a message, by its recipient.

use super::message::Status;

/// What becomes of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Delivered,
    UnknownHandset,
    Landline,
    Unreachable,
}

/// Twilio's error of a message that was accepted and failed later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct DeliveryError {
    pub(super) code: u32,
    pub(super) message: &'static str,
}

/// Numbers 555-0100 to 555-0199 belong to nobody: they are kept for fiction.
const ENDINGS: [(&str, Fate); 3] = [
    ("5550101", Fate::UnknownHandset),
    ("5550102", Fate::Landline),
    ("5550103", Fate::Unreachable),
];

impl Fate {
    pub(super) fn of(to: &str) -> Self {
        ENDINGS
            .iter()
            .find(|(ending, _)| to.ends_with(ending))
            .map_or(Self::Delivered, |(_, fate)| *fate)
    }

    /// The statuses from the queue to the end.
    pub(super) fn statuses(self) -> &'static [Status] {
        use Status::{Delivered, Failed, Queued, Sending, Sent, Undelivered};
        match self {
            Self::Delivered => &[Queued, Sending, Sent, Delivered],
            Self::UnknownHandset | Self::Unreachable => &[Queued, Sending, Sent, Undelivered],
            Self::Landline => &[Queued, Sending, Failed],
        }
    }

    /// Source: [error dictionary](https://www.twilio.com/docs/api/errors).
    pub(super) fn error(self) -> Option<DeliveryError> {
        let (code, message) = match self {
            Self::Delivered => return None,
            Self::UnknownHandset => (30005, "Unknown destination handset"),
            Self::Landline => (30006, "Landline or unreachable carrier"),
            Self::Unreachable => (30003, "Unreachable destination handset"),
        };
        Some(DeliveryError { code, message })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fictional_numbers_fail_as_the_table_says_and_all_others_are_delivered() {
        for (to, status, code) in [
            ("+12025550101", Status::Undelivered, Some(30005)),
            ("+12025550102", Status::Failed, Some(30006)),
            ("+12025550103", Status::Undelivered, Some(30003)),
            ("+12025550104", Status::Delivered, None),
            ("+12025540101", Status::Delivered, None),
        ] {
            let fate = Fate::of(to);
            assert_eq!(fate.statuses().last(), Some(&status), "{to}");
            assert_eq!(fate.error().map(|error| error.code), code, "{to}");
        }
    }
}
