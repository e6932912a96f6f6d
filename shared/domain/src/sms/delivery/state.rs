//! The states of an SMS delivery.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::inquiry::Inquiry;
use crate::secret::SealedSecret;
use crate::sms::provider::CarrierKind;
use crate::sms::sender::TwilioSender;
use crate::twilio::sids::AccountSid;

/// Where a delivery stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// An attempt is to be made. It is certain, or harmless, that nothing that was sent before was accepted.
    Queued(Queued),
    /// An attempt was begun, and nobody has recorded how it ended.
    Attempting(Attempting),
    /// The latest attempt ended without an answer: Twilio may have accepted it.
    Resolving(Doubt),
    /// Nothing more is sent. Receipts may still come.
    Settled(Final),
}

/// A delivery that waits for an attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Queued {
    /// Attempts so far.
    pub failures: u32,
    /// Whether it has been claimed, so that it has shown as under way: also where that came to no attempt. It shows as
    /// queued no more, for a status never goes back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub was_claimed: bool,
    /// Never attempted before this.
    pub not_before: Timestamp,
    /// The first attempt that ended without an answer, if one did: what it may have sent late counts as this
    /// delivery's when the next one is cleared up.
    pub doubtful_since: Option<Timestamp>,
    /// The gateway that may have accepted an earlier attempt, if one may have: only where it is repeated there, with
    /// the same key, is a further attempt harmless.
    pub unanswered_by: Option<GatewayMark>,
}

/// An attempt under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempting {
    /// Attempts before this one.
    pub failures: u32,
    /// When it was begun, before anything was sent.
    pub at: Timestamp,
    /// Tells this claim from any other.
    pub claim: ClaimId,
    /// Whoever began it is dead after this.
    pub leased_until: Timestamp,
    /// What it is sent through.
    pub ground: Ground,
    /// See [`Queued::doubtful_since`].
    pub doubtful_since: Option<Timestamp>,
    /// See [`Queued::unanswered_by`].
    pub unanswered_by: Option<GatewayMark>,
}

/// A random number that tells a claim from any other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ClaimId(pub u64);

/// Tells a gateway from any other, without its URL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct GatewayMark(String);

impl GatewayMark {
    /// The mark of the gateway at this URL. The same URL entered anew makes another mark.
    #[must_use]
    pub fn of(url: &SealedSecret) -> GatewayMark {
        let digest = Sha256::digest(&url.ciphertext);
        GatewayMark(STANDARD.encode(digest))
    }
}

/// What an attempt is sent through: what has to be known to find out later what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ground {
    /// Twilio, which has no idempotency key, but lists its messages.
    Twilio {
        /// The account.
        account: AccountSid,
        /// The sender.
        sender: TwilioSender,
    },
    /// A gateway.
    Http {
        /// Which one.
        gateway: GatewayMark,
        /// Whether a repeated request is harmless there.
        idempotent: bool,
    },
}

/// An attempt of which nobody knows whether Twilio accepted it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Doubt {
    /// Attempts so far, this one included.
    pub failures: u32,
    /// When the latest attempt was begun.
    pub at: Timestamp,
    /// When the first one was begun that ended without an answer: messages created since then may be ours.
    pub since: Timestamp,
    /// The account.
    pub account: AccountSid,
    /// The sender.
    pub sender: TwilioSender,
    /// Whether the account's list has been looked at since the latest attempt, 60 s after it, without finding it.
    pub missed_once: bool,
    /// When to look next.
    pub next_check_at: Timestamp,
}

/// How a delivery ends, as far as sending goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Final {
    /// The provider accepted it. May be the last word.
    Sent,
    /// It was refused, or every attempt failed, or the provider could not send it on.
    Failed,
    /// The carrier could not deliver it.
    Undelivered,
    /// It is on the phone.
    Delivered,
    /// Nobody can tell whether it was sent.
    Unknown,
}

/// A delivery's status, as the API tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// No attempt was made yet.
    Queued,
    /// An attempt was made, and it is not settled what became of it; or another follows.
    Sending,
    /// See [`Final::Sent`].
    Sent,
    /// See [`Final::Delivered`].
    Delivered,
    /// See [`Final::Undelivered`].
    Undelivered,
    /// See [`Final::Failed`].
    Failed,
    /// See [`Final::Unknown`].
    Unknown,
}

/// What a wake-up finds to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WakeUp {
    /// The attempt is due: claim it and make it.
    Attempt(Queued),
    /// An attempt was begun and its process is dead: perhaps it was sent.
    AnswerLost(Attempting),
    /// It is time to look whether the doubtful attempt was accepted.
    Check(Doubt),
    /// Too early: sleep on until then.
    Sleep(Timestamp),
    /// Nothing is to be sent any more, and it is time to ask the provider for its last word.
    Ask(Inquiry),
    /// Nothing is to be sent any more.
    Settled,
}

/// When the account's list is looked at, after the attempt: a message that shows at neither time was not accepted.
pub(super) const FIRST_CHECK: Duration = Duration::from_secs(60);
pub(super) const SECOND_CHECK: Duration = Duration::from_secs(5 * 60);
/// How long after the attempt a list that cannot be had is asked for.
pub(super) const LAST_CHECK: Duration = Duration::from_secs(60 * 60);

impl State {
    /// A new delivery, to be attempted at `now`.
    #[must_use]
    pub fn new(now: Timestamp) -> State {
        State::Queued(Queued {
            failures: 0,
            was_claimed: false,
            not_before: now,
            doubtful_since: None,
            unanswered_by: None,
        })
    }

    /// What a wake-up at `now` finds to do to have the message sent; see also [`SmsDelivery::wake_up`](super::SmsDelivery::wake_up).
    #[must_use]
    pub fn wake_up(&self, now: Timestamp) -> WakeUp {
        match (self, self.due_at()) {
            (State::Settled(_), _) | (_, None) => WakeUp::Settled,
            (_, Some(due)) if now < due => WakeUp::Sleep(due),
            (State::Queued(queued), _) => WakeUp::Attempt(queued.clone()),
            (State::Attempting(attempting), _) => WakeUp::AnswerLost(attempting.clone()),
            (State::Resolving(doubt), _) => WakeUp::Check(doubt.clone()),
        }
    }

    /// When something is to be done to have it sent; `None` where nothing is.
    #[must_use]
    pub fn due_at(&self) -> Option<Timestamp> {
        match self {
            State::Queued(queued) => Some(queued.not_before),
            State::Attempting(attempting) => Some(attempting.leased_until),
            State::Resolving(doubt) => Some(doubt.next_check_at),
            State::Settled(_) => None,
        }
    }

    /// The account and sender of a message that may be on its way at Twilio and that nobody has put down yet.
    /// Meanwhile no other delivery sends the same text from there to the same phone: in the account's list nobody
    /// could tell the two apart.
    #[must_use]
    pub fn in_flight(&self) -> Option<(&AccountSid, &TwilioSender)> {
        match self {
            State::Attempting(Attempting {
                ground: Ground::Twilio { account, sender },
                ..
            })
            | State::Resolving(Doubt {
                account, sender, ..
            }) => Some((account, sender)),
            State::Attempting(_) | State::Queued(_) | State::Settled(_) => None,
        }
    }

    /// The gateway that may have accepted an attempt.
    pub(super) fn unanswered_by(&self) -> Option<&GatewayMark> {
        match self {
            State::Queued(queued) => queued.unanswered_by.as_ref(),
            State::Attempting(attempting) => attempting.unanswered_by.as_ref(),
            State::Resolving(_) | State::Settled(_) => None,
        }
    }

    /// The claim of the attempt under way.
    #[must_use]
    pub fn claim(&self) -> Option<ClaimId> {
        match self {
            State::Attempting(attempting) => Some(attempting.claim),
            State::Queued(_) | State::Resolving(_) | State::Settled(_) => None,
        }
    }

    /// The status that it shows.
    #[must_use]
    pub fn status(&self) -> Status {
        match self {
            State::Queued(Queued {
                failures: 0,
                was_claimed: false,
                ..
            }) => Status::Queued,
            State::Queued(_) | State::Attempting(_) | State::Resolving(_) => Status::Sending,
            State::Settled(settled) => settled.status(),
        }
    }
}

impl Ground {
    /// Whether an attempt may go through it although an earlier one may have been accepted by that gateway: only where
    /// it is repeated at the same one, which knows it by our key.
    pub(super) fn repeats(&self, unanswered_by: &GatewayMark) -> bool {
        matches!(self, Ground::Http { gateway, idempotent: true } if gateway == unanswered_by)
    }

    /// Which carrier it is.
    #[must_use]
    pub fn carrier(&self) -> CarrierKind {
        match self {
            Ground::Twilio { .. } => CarrierKind::Twilio,
            Ground::Http { .. } => CarrierKind::Http,
        }
    }
}

impl Final {
    /// The status that it shows.
    #[must_use]
    pub fn status(self) -> Status {
        match self {
            Final::Sent => Status::Sent,
            Final::Failed => Status::Failed,
            Final::Undelivered => Status::Undelivered,
            Final::Delivered => Status::Delivered,
            Final::Unknown => Status::Unknown,
        }
    }

    /// Where the words of several receipts disagree, the greater rank holds; anything is better than not to know.
    fn rank(self) -> u8 {
        match self {
            Final::Unknown => 0,
            Final::Sent => 1,
            Final::Failed => 2,
            Final::Undelivered => 3,
            Final::Delivered => 4,
        }
    }

    /// The end that holds when `other` is heard of as well.
    #[must_use]
    pub fn or_later(self, other: Final) -> Final {
        if other.rank() > self.rank() {
            other
        } else {
            self
        }
    }
}

impl Status {
    /// Every status.
    pub const ALL: [Status; 7] = [
        Status::Queued,
        Status::Sending,
        Status::Sent,
        Status::Delivered,
        Status::Undelivered,
        Status::Failed,
        Status::Unknown,
    ];

    /// The status as the API names it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Queued => "queued",
            Status::Sending => "sending",
            Status::Sent => "sent",
            Status::Delivered => "delivered",
            Status::Undelivered => "undelivered",
            Status::Failed => "failed",
            Status::Unknown => "unknown",
        }
    }
}
