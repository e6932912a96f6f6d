//! The messages that were accepted.

use std::collections::VecDeque;

use sha2::{Digest, Sha256};

use super::message::AcceptedMessage;

/// The simulator keeps this many messages; the oldest go first.
pub const MAX_MESSAGES: usize = 10_000;

/// Which message ever accepted, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Number(pub(super) u64);

/// The newest [`MAX_MESSAGES`] messages of all accounts.
#[derive(Default)]
pub(super) struct Messages {
    kept: VecDeque<AcceptedMessage>,
    /// How many went.
    gone: u64,
}

impl Messages {
    /// The number that the next message gets.
    pub(super) fn next(&self) -> Number {
        Number(self.gone + self.kept.len() as u64)
    }

    pub(super) fn keep(&mut self, message: AcceptedMessage) {
        self.kept.push_back(message);
        if self.kept.len() > MAX_MESSAGES {
            self.kept.pop_front();
            self.gone += 1;
        }
    }

    pub(super) fn get_mut(&mut self, number: Number) -> Option<&mut AcceptedMessage> {
        let index = usize::try_from(number.0.checked_sub(self.gone)?).ok()?;
        self.kept.get_mut(index)
    }

    pub(super) fn find<'a>(&'a self, account: &'a str, sid: &str) -> Option<&'a AcceptedMessage> {
        self.newest_first(account)
            .find(|message| message.sid == sid)
    }

    /// An account's messages.
    pub(super) fn newest_first<'a>(
        &'a self,
        account: &'a str,
    ) -> impl Iterator<Item = &'a AcceptedMessage> {
        self.kept
            .iter()
            .rev()
            .filter(move |message| message.account == account)
    }

    /// All accounts' messages, oldest first.
    pub(super) fn all(&self) -> Vec<AcceptedMessage> {
        self.kept.iter().cloned().collect()
    }
}

/// A SID that is always the same for the same source: the kind and 32 hexadecimal digits.
pub(super) fn sid(kind: &str, source: &str) -> String {
    let digest = Sha256::digest(format!("{kind} {source}"));
    let digits = digest[..16].iter().map(|byte| format!("{byte:02x}"));
    format!("{kind}{}", digits.collect::<String>())
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn message(sid: String) -> AcceptedMessage {
        AcceptedMessage {
            sid,
            account: "AC1".into(),
            to: String::new(),
            from: None,
            messaging_service: None,
            body: String::new(),
            status_callback: None,
            history: Vec::new(),
            error_code: None,
            created: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn the_newest_messages_are_kept_and_stay_at_their_numbers() {
        let mut messages = Messages::default();
        for i in 0..MAX_MESSAGES + 2 {
            assert_eq!(messages.next(), Number(i as u64));
            messages.keep(message(i.to_string()));
        }
        assert_eq!(messages.all().len(), MAX_MESSAGES);
        assert!(messages.get_mut(Number(1)).is_none());
        assert_eq!(messages.get_mut(Number(2)).unwrap().sid, "2");
        let last = MAX_MESSAGES + 1;
        assert_eq!(
            messages.get_mut(Number(last as u64)).unwrap().sid,
            last.to_string()
        );
        assert!(messages.get_mut(Number(last as u64 + 1)).is_none());
    }

    #[test]
    fn sids_have_twilios_shape_and_differ_by_kind_and_source() {
        let sids = [sid("SM", "0"), sid("SM", "1"), sid("PN", "0")];
        assert!(sids.iter().all(|sid| sid.len() == 34));
        assert_eq!(sids[0], sid("SM", "0"));
        assert!(sids[0] != sids[1] && sids[0][2..] != sids[2][2..]);
    }
}
