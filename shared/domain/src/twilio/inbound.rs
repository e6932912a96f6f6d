//! What recipients text back.
//! Source: [Twilio's request to your incoming message webhook URL](https://www.twilio.com/docs/messaging/guides/webhook-request).

use super::sids::{AccountSid, MessageSid, MessagingServiceSid};
use super::signature::Params;
use crate::sms::phone::PhoneNumber;
use crate::sms::sender::FromNumber;

/// A message that a recipient sent to one of the account's numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inbound {
    /// The account.
    pub account: AccountSid,
    /// The message, by which a copy of it is known.
    pub message: MessageSid,
    /// Who wrote.
    pub from: PhoneNumber,
    /// The number that they wrote to: what their messages come from.
    pub to: FromNumber,
    /// The messaging service that the number belongs to.
    pub messaging_service: Option<MessagingServiceSid>,
    /// What they want.
    pub word: Keyword,
}

/// What a recipient wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Keyword {
    /// No more messages.
    Stop,
    /// Messages again.
    Start,
    /// Anything else.
    Other,
}

/// Why a form is not a text message of a recipient. As with [receipts](super::receipt::NotAReceipt), one whose signature
/// is right deserves a 200.
///
/// One without a `MessageSid` is none, whatever it says. Twilio sends it with each message; a request that it signed can
/// lose it all the same: signed are names and values in a row, without marks between them, so `FromZip=94105` and
/// `MessageSid=SM…` have the same signature as `FromZip=94105MessageSidSM…` alone. If such a one counted, whoever has caught
/// a START could repeat it for ever. A STOP that is lost with it is learned from the next message, which Twilio refuses.
/// The older names of the SID, `SmsSid` and `SmsMessageSid`, are not asked for, for the same reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotInbound {
    /// A parameter that each message has is not there.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// A SID is none, or a number is that of another channel than SMS.
    #[error("{0} is malformed")]
    Malformed(&'static str),
}

impl Inbound {
    /// What opt-outs are kept by: what the recipient's messages are sent from, which is the number that was texted, or its
    /// messaging service.
    pub fn senders(&self) -> impl Iterator<Item = &str> {
        let service = self.messaging_service.as_ref();
        std::iter::once(self.to.as_str()).chain(service.map(MessagingServiceSid::as_str))
    }
}

impl TryFrom<&Params> for Inbound {
    type Error = NotInbound;

    fn try_from(params: &Params) -> Result<Self, NotInbound> {
        let get = |name| params.get(name).ok_or(NotInbound::Missing(name));
        let service = params
            .get("MessagingServiceSid")
            .filter(|sid| !sid.is_empty());
        Ok(Self {
            account: get("AccountSid")?
                .parse()
                .map_err(|_| NotInbound::Malformed("AccountSid"))?,
            message: get("MessageSid")?
                .parse()
                .map_err(|_| NotInbound::Malformed("MessageSid"))?,
            from: get("From")?
                .parse()
                .map_err(|_| NotInbound::Malformed("From"))?,
            to: get("To")?
                .parse()
                .map_err(|_| NotInbound::Malformed("To"))?,
            messaging_service: service
                .map(str::parse)
                .transpose()
                .map_err(|_| NotInbound::Malformed("MessagingServiceSid"))?,
            word: keyword(params),
        })
    }
}

/// Twilio's own judgement, which it adds where a messaging service has its keywords set (Advanced Opt-Out); else the
/// body, by Twilio's default keywords: a message that is nothing but one of them.
/// Source: [Advanced Opt-Out](https://www.twilio.com/docs/messaging/tutorials/advanced-opt-out) and
/// [Twilio support for opt-out keywords](https://help.twilio.com/articles/223134027).
fn keyword(params: &Params) -> Keyword {
    match params.get("OptOutType") {
        Some("STOP") => Keyword::Stop,
        Some("START") => Keyword::Start,
        None | Some("") => in_body(params.get("Body").unwrap_or_default()),
        Some(_) => Keyword::Other,
    }
}

fn in_body(body: &str) -> Keyword {
    match &*body.trim().to_ascii_uppercase() {
        "STOP" | "STOPALL" | "UNSUBSCRIBE" | "CANCEL" | "END" | "QUIT" | "REVOKE" | "OPTOUT" => {
            Keyword::Stop
        }
        "START" | "YES" | "UNSTOP" => Keyword::Start,
        _ => Keyword::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use url::form_urlencoded::Serializer;

    const MESSAGE: [(&str, &str); 6] = [
        ("AccountSid", "AC0123456789abcdef0123456789abcdef"),
        ("From", "+14155550100"),
        ("To", "+14155550199"),
        ("MessagingServiceSid", "MG0123456789abcdef0123456789abcdef"),
        ("Body", "hello"),
        ("MessageSid", "SM0123456789abcdef0123456789abcdef"),
    ];

    fn inbound(pairs: &[(&str, &str)]) -> Result<Inbound, NotInbound> {
        let form = Serializer::new(String::new()).extend_pairs(pairs).finish();
        Inbound::try_from(&Params::parse(form.as_bytes()).unwrap())
    }

    fn said(body: &str, opt_out_type: Option<&str>) -> Keyword {
        let mut pairs = MESSAGE.to_vec();
        pairs[4].1 = body;
        pairs.extend(opt_out_type.map(|given| ("OptOutType", given)));
        inbound(&pairs).unwrap().word
    }

    #[test]
    fn a_message_is_read_with_and_without_a_messaging_service() {
        let read = inbound(&MESSAGE).unwrap();
        assert_eq!(read.from.as_str(), "+14155550100");
        assert_eq!(read.to.as_str(), "+14155550199");
        assert_eq!(read.message.as_str(), MESSAGE[5].1);
        assert_eq!(read.word, Keyword::Other);
        let senders: Vec<_> = read.senders().collect();
        assert_eq!(senders, ["+14155550199", MESSAGE[3].1]);
        assert_eq!(read.messaging_service.unwrap().as_str(), MESSAGE[3].1);
        let mut pairs = MESSAGE;
        pairs[3].1 = "";
        let without = inbound(&pairs).unwrap();
        assert_eq!(without.messaging_service, None);
        assert_eq!(without.senders().collect::<Vec<_>>(), ["+14155550199"]);
        pairs[2].1 = "12345";
        assert!(inbound(&pairs).unwrap().to.is_short_code());
    }

    #[test]
    fn the_default_keywords_count_alone_and_in_any_case() {
        for word in [
            "STOP",
            "stopall",
            " Unsubscribe\n",
            "CANCEL",
            "End",
            "quit",
            "Revoke",
            "OptOut",
        ] {
            assert_eq!(said(word, None), Keyword::Stop, "{word}");
        }
        for word in ["START", "yes", "Unstop "] {
            assert_eq!(said(word, None), Keyword::Start, "{word}");
        }
        for other in [
            "",
            "HELP",
            "please stop",
            "STOP it",
            "stop.",
            "opt out",
            "ＳＴＯＰ",
        ] {
            assert_eq!(said(other, None), Keyword::Other, "{other}");
        }
    }

    #[test]
    fn twilios_own_judgement_comes_first() {
        assert_eq!(said("ARRET", Some("STOP")), Keyword::Stop);
        assert_eq!(said("stop", Some("START")), Keyword::Start);
        assert_eq!(said("stop", Some("HELP")), Keyword::Other);
        assert_eq!(said("stop", Some("")), Keyword::Stop);
    }

    #[test]
    fn what_is_missing_or_of_another_channel_is_named() {
        for (left_out, name) in [(0, "AccountSid"), (1, "From"), (2, "To"), (5, "MessageSid")] {
            let mut pairs = MESSAGE.to_vec();
            pairs[left_out].1 = "whatsapp:+14155550100";
            assert_eq!(inbound(&pairs), Err(NotInbound::Malformed(name)));
            pairs.remove(left_out);
            assert_eq!(inbound(&pairs), Err(NotInbound::Missing(name)));
        }
        let mut pairs = MESSAGE;
        pairs[3].1 = "MG1";
        assert_eq!(
            inbound(&pairs),
            Err(NotInbound::Malformed("MessagingServiceSid"))
        );
    }

    #[test]
    fn a_picture_message_is_one_too() {
        let mut pairs = MESSAGE;
        pairs[5].1 = "MM0123456789abcdef0123456789abcdef";
        assert_eq!(inbound(&pairs).unwrap().message.as_str(), pairs[5].1);
    }

    #[test]
    fn no_other_sid_stands_in_for_the_messages() {
        let sid = MESSAGE[5].1;
        let swallowed = format!("94105MessageSid{sid}");
        let mut pairs = MESSAGE.to_vec();
        pairs[5] = ("FromZip", &swallowed);
        pairs.extend([("SmsSid", sid), ("SmsMessageSid", sid)]);
        assert_eq!(inbound(&pairs), Err(NotInbound::Missing("MessageSid")));
        for wrong in [
            "",
            "SM1",
            MESSAGE[0].1,
            "SM0123456789abcdef0123456789abcdef ",
        ] {
            pairs[5] = ("MessageSid", wrong);
            assert_eq!(inbound(&pairs), Err(NotInbound::Malformed("MessageSid")));
        }
    }

    #[test]
    fn no_number_and_no_text_prints() {
        let shown = format!("{:?}", inbound(&MESSAGE).unwrap());
        assert!(
            !shown.contains("4155550") && !shown.contains("hello"),
            "{shown}"
        );
    }

    proptest! {
        #[test]
        fn any_text_is_read_and_words_around_a_keyword_make_it_none(body in ".{0,30}", word in "[a-z]{1,8}") {
            let _ = said(&body, None);
            let _ = said("stop", Some(&body));
            prop_assert_eq!(said(&format!("stop {word}"), None), Keyword::Other);
        }

        #[test]
        fn a_message_is_known_by_its_sid_alone(sid in "(SM|MM)[0-9a-f]{32}", wrong in ".{0,40}") {
            let mut pairs = MESSAGE;
            pairs[5].1 = &sid;
            let read = inbound(&pairs).unwrap();
            prop_assert_eq!(read.message.as_str(), &sid);
            pairs[5].1 = &wrong;
            let expected = wrong.parse::<MessageSid>().map_err(|_| NotInbound::Malformed("MessageSid"));
            prop_assert_eq!(inbound(&pairs).map(|read| read.message), expected);
        }

        #[test]
        fn any_form_is_read_or_refused(body: Vec<u8>) {
            if let Ok(params) = Params::parse(&body) {
                prop_assert!(Inbound::try_from(&params).is_err());
            }
        }
    }
}
