//! Asking the provider what became of a message whose receipts do not come.
//!
//! A receipt may be lost, or Twilio may not reach the deployment, or not know where to post at all. So a message that
//! Twilio has accepted is asked about a few times, unless a receipt has brought the last word before. Asking sends
//! nothing: it may be done again at any time.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::SmsDelivery;
use super::state::{Final, State, WakeUp};
use super::steps::Found;
use super::timeline::Source;
use crate::twilio::sids::AccountSid;
use crate::waiting::Waiting;

/// How long after the message was accepted it is asked about. Most receipts come within seconds. Twilio keeps a message
/// in its queue for 10 hours at most, so that after 12 it has gone to the carrier or has failed. For how long the carrier
/// tries to reach the phone, and whether it tells, Twilio does not say: it is given a day. What still is `sent` then
/// stays so.
/// Source: [Error 90007](https://www.twilio.com/docs/api/errors/90007) (validity period: 36,000 s at most, and unless
/// set), [Message statuses](https://support.twilio.com/hc/en-us/articles/223134347) (`sent` may be the last one).
const ASKED_AFTER: [Duration; 4] = [
    Duration::from_secs(15 * 60),
    Duration::from_secs(2 * 60 * 60),
    Duration::from_secs(12 * 60 * 60),
    Duration::from_secs(26 * 60 * 60),
];

/// That the provider is to be asked about a message, and when next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inquiry {
    account: AccountSid,
    accepted_at: Timestamp,
    due_at: Timestamp,
}

/// What came of asking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// How the message stands.
    Told(Found),
    /// The account has no such message: it was deleted there.
    Gone,
    /// Nobody has the account's credentials any more.
    NoCredentials,
    /// None, or none that says anything of the message.
    Unavailable,
}

impl Inquiry {
    /// For a message of this account that was accepted then.
    #[must_use]
    pub fn begin(account: AccountSid, accepted_at: Timestamp) -> Inquiry {
        Inquiry {
            account,
            accepted_at,
            due_at: accepted_at + ASKED_AFTER[0],
        }
    }

    /// Whose message it is.
    #[must_use]
    pub fn account(&self) -> &AccountSid {
        &self.account
    }

    /// When to ask, not before.
    #[must_use]
    pub fn due_at(&self) -> Timestamp {
        self.due_at
    }

    /// What is left once it was asked at `now`, as it was due: times that have gone by are left out. `None` after the
    /// last one.
    #[must_use]
    pub fn next(self, now: Timestamp) -> Option<Inquiry> {
        let asked_at = now.max(self.due_at);
        let mut times = ASKED_AFTER.iter().map(|after| self.accepted_at + *after);
        let due_at = times.find(|time| *time > asked_at)?;
        Some(Inquiry { due_at, ..self })
    }
}

impl SmsDelivery {
    /// What a wake-up at `now` finds to do.
    #[must_use]
    pub fn wake_up(&self, now: Timestamp) -> WakeUp {
        match (self.state.wake_up(now), &self.inquiry) {
            (WakeUp::Settled, Some(inquiry)) if now >= inquiry.due_at => {
                WakeUp::Ask(inquiry.clone())
            }
            (found, _) => found,
        }
    }

    /// What it waits for, and until when; `None` where nothing is to be done any more.
    #[must_use]
    pub fn waits(&self) -> Option<(Waiting, Timestamp)> {
        let attempt = self.state.due_at().map(|due| (Waiting::WithMessage, due));
        let receipt = self.inquiry.as_ref();
        attempt.or_else(|| receipt.map(|inquiry| (Waiting::ForReceipt, inquiry.due_at)))
    }

    /// Takes the answer to this inquiry. What it tells counts as a receipt does; unless it is the last word, the next
    /// time is set, if there is one. Nothing is changed where the delivery does not wait for that answer any more: a
    /// receipt has brought the last word, or somebody else has asked.
    pub fn answer(&mut self, inquiry: &Inquiry, answer: Answer, now: Timestamp) {
        if self.inquiry.as_ref() != Some(inquiry) {
            return;
        }
        match answer {
            Answer::Told(found) => {
                self.receive(found, Source::Inquiry, now);
                self.inquiry = self.inquiry.take().and_then(|asked| asked.next(now));
            }
            Answer::Unavailable => self.inquiry = inquiry.clone().next(now),
            Answer::Gone | Answer::NoCredentials => self.inquiry = None,
        }
    }

    /// The provider's message that it was taken to be turns out to be another delivery's: that it was accepted stands,
    /// and there is nothing to ask about.
    pub fn disown_message(&mut self) {
        self.provider_message_id = None;
        self.inquiry = None;
    }

    /// From now on the provider is asked, if it has told no more than that it has accepted the message.
    pub(super) fn await_last_word(&mut self, account: Option<AccountSid>, now: Timestamp) {
        self.inquiry = match (&self.state, account) {
            (State::Settled(Final::Sent), Some(account)) => Some(Inquiry::begin(account, now)),
            _ => None,
        };
    }
}
