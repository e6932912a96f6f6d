//! Twilio's error codes: what they mean for a delivery, and what people can do about them.
//! Source: [Error and warning dictionary](https://www.twilio.com/docs/api/errors).

use std::borrow::Cow;

use crate::sms::provider_error::{ProviderError, readable};

use ErrorClass::{Account, Carrier, Message, OptedOut, Recipient, Throttled};

/// A number of Twilio's error dictionary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TwilioErrorCode(pub u32);

/// What an error is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorClass {
    /// The account, its credentials, its sender or what it is allowed to do.
    Account,
    /// The phone that it goes to.
    Recipient,
    /// The recipient wants no more messages from this sender.
    OptedOut,
    /// Too many messages or requests for now.
    Throttled,
    /// The message itself.
    Message,
    /// The carriers on the way, or Twilio's filters before them.
    Carrier,
    /// A code that this list does not hold.
    Unknown,
}

struct Entry {
    code: u32,
    class: ErrorClass,
    meaning: &'static str,
    remedy: &'static str,
}

const fn entry(code: u32, class: ErrorClass, meaning: &'static str, remedy: &'static str) -> Entry {
    Entry {
        code,
        class,
        meaning,
        remedy,
    }
}

impl TwilioErrorCode {
    /// Too many requests at once.
    pub const TOO_MANY_REQUESTS: Self = Self(20_429);

    /// What the error is about.
    #[must_use]
    pub fn class(self) -> ErrorClass {
        self.entry()
            .map_or(ErrorClass::Unknown, |known| known.class)
    }

    /// What the code means, in words; none for a code that this list does not hold.
    #[must_use]
    pub fn meaning(self) -> Option<&'static str> {
        self.entry().map(|known| known.meaning)
    }

    /// What to do about it; for a code that this list does not hold, where to read about it.
    #[must_use]
    pub fn remedy(self) -> Cow<'static, str> {
        match self.entry() {
            Some(known) => known.remedy.into(),
            None => format!("see https://www.twilio.com/docs/api/errors/{}", self.0).into(),
        }
    }

    /// The error in words: Twilio's own, as far as they may be shown, or what the code means.
    #[must_use]
    pub fn error(self, twilios_words: Option<&str>) -> ProviderError {
        let words = twilios_words
            .map(readable)
            .filter(|words| !words.is_empty());
        let message = words
            .or_else(|| self.meaning().map(str::to_owned))
            .unwrap_or_else(|| format!("Twilio's error {}", self.0));
        ProviderError {
            code: Some(self.0),
            message,
            remedy: self.remedy().into_owned(),
        }
    }

    fn entry(self) -> Option<&'static Entry> {
        let place = KNOWN.binary_search_by_key(&self.0, |known| known.code);
        place.ok().map(|place| &KNOWN[place])
    }
}

/// The codes that people meet, in order.
#[rustfmt::skip]
const KNOWN: &[Entry] = &[
    entry(10_001, Account, "the account is not active",
        "reactivate the account in the Twilio console, or enter another one"),
    entry(14_107, Throttled, "too many messages between two numbers within seconds",
        "find out what sends so many messages to one phone"),
    entry(20_003, Account, "Twilio refused the credentials",
        "re-enter account SID and auth token, or the API key and its secret"),
    entry(20_005, Account, "the account is not active",
        "reactivate the account in the Twilio console, or enter another one"),
    entry(20_008, Account, "test credentials cannot do this",
        "enter the live account SID and auth token"),
    entry(20_404, Account, "Twilio knows no such account or messaging service",
        "check the account SID and the messaging service's SID"),
    entry(20_429, Throttled, "too many requests at once",
        "nothing, it is tried again; if it happens often, ask Twilio for a higher limit"),
    entry(21_211, Recipient, "the recipient's number is not a valid phone number",
        "correct the recipient's phone number"),
    entry(21_212, Account, "the sender is not a valid number",
        "correct the sender in the provider's configuration"),
    entry(21_265, Recipient, "the recipient's number is a short code",
        "enter a phone number that can receive messages"),
    entry(21_408, Account, "the account may not send to the recipient's country",
        "enable the country in the Twilio console, under Messaging, Geo permissions"),
    entry(21_601, Account, "the sender's number cannot send SMS",
        "enter a sender that can send SMS"),
    entry(21_602, Message, "the message has no text",
        "report it to whoever runs this service"),
    entry(21_603, Account, "the message has no sender",
        "enter a sender's number or a messaging service"),
    entry(21_604, Recipient, "the message has no recipient",
        "enter the recipient's phone number"),
    entry(21_605, Message, "the text is too long",
        "lower the provider's max_segments"),
    entry(21_606, Account, "the account cannot send from this number, or not to this recipient",
        "enter a number that belongs to the account and can send SMS to the recipient's country"),
    entry(21_607, Account, "the sender's number may not be used",
        "enter a number that belongs to the account"),
    entry(21_608, Account, "a trial account sends only to verified numbers",
        "verify the recipient's number in the Twilio console, or upgrade the account"),
    entry(21_609, Account, "Twilio does not take the address for receipts",
        "set the deployment's public base URL to an HTTPS address that Twilio can reach"),
    entry(21_610, OptedOut, "the recipient opted out of messages from this sender",
        "nothing more is sent until the recipient texts START to the sender or an administrator clears the opt-out"),
    entry(21_611, Throttled, "the sender's queue at Twilio is full",
        "wait until it has drained, or send through a messaging service with more senders"),
    entry(21_612, Recipient, "messages from this sender cannot reach the recipient's number",
        "check the recipient's number, or use a sender that reaches its country"),
    entry(21_614, Recipient, "the recipient's number is not a mobile number",
        "enter a mobile number"),
    entry(21_617, Message, "the text has more than 1,600 characters",
        "shorten the item's link if it alone is nearly so long, for links are never cut; else lower the provider's max_segments"),
    entry(21_619, Message, "the message has no text",
        "report it to whoever runs this service"),
    entry(21_635, Recipient, "the recipient's number is a landline",
        "enter a mobile number"),
    entry(21_659, Account, "the sender is no Twilio number, or a short code of another country",
        "enter a number that belongs to the account"),
    entry(21_660, Account, "the sender belongs to another account",
        "enter a number that belongs to the account"),
    entry(21_701, Account, "the messaging service does not exist",
        "check the messaging service's SID"),
    entry(21_703, Account, "the messaging service has no sender",
        "add a sender to the messaging service in the Twilio console"),
    entry(21_704, Account, "the messaging service has no sender",
        "add a sender to the messaging service in the Twilio console"),
    entry(21_705, Account, "the messaging service's SID is not valid",
        "check the messaging service's SID"),
    entry(30_001, Throttled, "the sender's queue at Twilio was full",
        "send fewer messages at once, or through a messaging service with more senders"),
    entry(30_002, Account, "the account is suspended",
        "check the account's balance and its messages from Twilio"),
    entry(30_003, Recipient, "the phone could not be reached",
        "try later with a test message: it may be switched off or out of reach"),
    entry(30_004, Recipient, "the recipient's phone or carrier blocks the message",
        "ask the recipient to lift the block with their carrier"),
    entry(30_005, Recipient, "the number is unknown or no longer in use",
        "correct the recipient's phone number"),
    entry(30_006, Recipient, "the number is a landline or its carrier cannot be reached",
        "enter a mobile number"),
    entry(30_007, Carrier, "the carrier or Twilio filtered the message",
        "register the sender for this use, and ask Twilio's support with the message's SID"),
    entry(30_008, Carrier, "the carrier gave no reason",
        "try a test message to another carrier; if it happens often, ask Twilio's support with the message's SID"),
    entry(30_010, Account, "the message costs more than the account's highest price",
        "raise the highest price, or lower the provider's max_segments"),
    entry(30_017, Carrier, "the carrier's network was congested",
        "nothing: it passes"),
    entry(30_018, Account, "the recipient's carrier takes messages of registered senders only",
        "register the sender for the country in the Twilio console"),
    entry(30_019, Message, "the message is larger than the carrier takes",
        "lower the provider's max_segments"),
    entry(30_022, Throttled, "the sender's A2P 10DLC rate was exceeded",
        "send fewer messages at once, or ask for a higher rate for the campaign"),
    entry(30_023, Throttled, "the brand's daily A2P 10DLC limit is reached",
        "wait until tomorrow, or ask for a higher limit for the brand"),
    entry(30_024, Account, "the recipient's carrier does not know the sender",
        "ask Twilio's support to have the sender set up with the carrier"),
    entry(30_027, Throttled, "the carrier's daily limit for the brand is reached",
        "wait until tomorrow, or ask for a higher limit for the brand"),
    entry(30_032, Account, "the toll-free number is not verified",
        "have the toll-free number verified in the Twilio console"),
    entry(30_033, Account, "the A2P 10DLC campaign is suspended",
        "look at the campaign in the Twilio console"),
    entry(30_034, Account, "the sender's number is not registered for A2P 10DLC",
        "register the number with a campaign in the Twilio console"),
    entry(30_035, Account, "the sender's number is still being registered",
        "wait until its A2P 10DLC registration is complete"),
    entry(30_036, Throttled, "the message waited at Twilio longer than it was valid",
        "send fewer messages at once, or raise the messaging service's validity period"),
    entry(30_044, Message, "the message is longer than a trial account may send",
        "lower the provider's max_segments, or upgrade the account"),
    entry(30_410, Carrier, "the carrier did not answer Twilio",
        "nothing: it passes; Twilio does not repeat such a message, lest it arrive twice"),
    entry(30_450, Carrier, "Twilio's fraud protection blocked the message",
        "look at SMS pumping protection in the Twilio console"),
    entry(60_728, Throttled, "the account's hourly limit is reached",
        "wait an hour, or ask Twilio for a higher limit"),
    entry(63_038, Throttled, "the account's daily limit is reached",
        "wait until tomorrow, or ask Twilio for a higher limit"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_codes_stand_in_order_so_that_each_is_found() {
        assert!(KNOWN.is_sorted_by(|one, next| one.code < next.code));
        for known in KNOWN {
            let code = TwilioErrorCode(known.code);
            assert_eq!(code.meaning(), Some(known.meaning));
            assert_ne!(code.class(), ErrorClass::Unknown);
        }
    }

    #[test]
    fn the_remedy_says_what_to_do() {
        let remedy = |code| TwilioErrorCode(code).remedy();
        assert!(remedy(20_003).contains("re-enter account SID and auth token"));
        assert!(remedy(30_002).contains("balance"));
        assert!(remedy(21_608).contains("verify the recipient's number"));
        let too_long = remedy(21_617);
        assert!(too_long.contains("link") && too_long.contains("max_segments"));
        assert_eq!(
            remedy(99_999),
            "see https://www.twilio.com/docs/api/errors/99999"
        );
    }

    #[test]
    fn twilios_words_are_shown_without_the_number_that_they_quote() {
        let quoted = "The 'To' number +15005550001 is not a valid phone number.";
        let error = TwilioErrorCode(21_211).error(Some(quoted));
        assert_eq!(error.code, Some(21_211));
        assert_eq!(
            error.message,
            "The 'To' number +••• is not a valid phone number."
        );
    }

    #[test]
    fn without_words_the_code_speaks() {
        for silent in [None, Some(" \n")] {
            let message = |code| TwilioErrorCode(code).error(silent).message;
            assert_eq!(message(30_003), "the phone could not be reached");
            assert_eq!(message(99_999), "Twilio's error 99999");
        }
    }

    proptest! {
        #[test]
        fn every_code_has_a_remedy(code: u32) {
            prop_assert!(!TwilioErrorCode(code).remedy().is_empty());
            prop_assert_eq!(TwilioErrorCode(code).meaning().is_none(), TwilioErrorCode(code).class() == ErrorClass::Unknown);
        }
    }
}
