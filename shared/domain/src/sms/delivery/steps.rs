//! The steps between an SMS delivery's states.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::SmsDelivery;
use super::state::{
    Attempting, ClaimId, Doubt, FIRST_CHECK, Final, Ground, LAST_CHECK, Queued, SECOND_CHECK, State,
};
use super::timeline::{Entry, Source, Stage};
use crate::retry::{Jitter, RetrySchedule};
use crate::sms::provider::CarrierKind;
use crate::sms::provider_error::ProviderError;
use crate::twilio::errors::{ErrorClass, TwilioErrorCode};
use crate::twilio::sids::AccountSid;

/// When to try again.
#[derive(Debug, Clone, Copy)]
pub struct Retries<'a> {
    /// The waits after each failure.
    pub schedule: &'a RetrySchedule,
    /// By how much they are lengthened.
    pub jitter: Jitter,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The provider has it.
    Accepted {
        /// Its id there; a gateway gives none.
        message_id: Option<String>,
    },
    /// The provider has it not, for certain, and may take it later.
    TryAgain {
        /// What went wrong.
        error: ProviderError,
    },
    /// The provider has it not and never will.
    Refused {
        /// What went wrong.
        error: ProviderError,
    },
    /// Nobody knows whether the provider has it.
    NoAnswer {
        /// What went wrong.
        error: ProviderError,
    },
}

/// What the account's list of messages says of a doubtful attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Checked {
    /// One message can be this delivery's: it is.
    Found(Found),
    /// None.
    Missing,
    /// Several, which nobody can tell apart.
    Several,
    /// The list could not be had.
    Unavailable,
    /// Nobody has the account's credentials any more.
    NoCredentials,
}

/// A message that the provider has of this delivery, as it stands there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// Its id at the provider.
    pub message_id: String,
    /// The account that it belongs to, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountSid>,
    /// How far it has come.
    pub stage: Stage,
    /// What went wrong with it, if anything did.
    pub error: Option<ProviderError>,
}

impl Found {
    /// Whether it failed because the recipient has told the sender to stop.
    #[must_use]
    pub fn is_opt_out(&self) -> bool {
        let code = self.error.as_ref().and_then(|error| error.code);
        code.is_some_and(|code| TwilioErrorCode(code).class() == ErrorClass::OptedOut)
    }
}

/// How long a list that could not be had is left alone.
const CHECK_AGAIN: Duration = Duration::from_secs(30);

impl SmsDelivery {
    /// Begins an attempt of a queued delivery; anything else stays as it is. `lease` must exceed the time that the
    /// claimant can live. Where an earlier attempt may have been accepted by a gateway that this one would not go
    /// through, the delivery ends as unknown.
    pub fn claim(
        &mut self,
        claim: ClaimId,
        ground: Ground,
        sender: &str,
        now: Timestamp,
        lease: Duration,
    ) {
        let State::Queued(queued) = &self.state else {
            return;
        };
        let Queued {
            failures,
            doubtful_since,
            unanswered_by,
            ..
        } = queued.clone();
        let harmless = unanswered_by
            .as_ref()
            .is_none_or(|mark| ground.repeats(mark));
        if !harmless {
            return self.end_unknown(
                "a gateway may have taken it, and the workspace has another provider now",
                "look at the gateway's log",
                Source::Service,
                now,
            );
        }
        sender.clone_into(&mut self.sender);
        self.carrier = ground.carrier();
        self.tell(now, Stage::Sending, Source::Service, None);
        self.state = State::Attempting(Attempting {
            failures,
            at: now,
            claim,
            leased_until: now + lease,
            ground,
            doubtful_since,
            unanswered_by,
        });
    }

    /// Another delivery's equal text to the same phone is on its way, and this one waits until that is cleared up.
    pub fn wait_for_equal_text(&mut self) {
        if matches!(self.state, State::Queued(_)) {
            self.error = Some(ProviderError {
                code: None,
                message:
                    "waits: it is being found out whether an equal text to this phone was sent"
                        .to_owned(),
                remedy: "nothing: it is sent as soon as that is known, after 5 minutes at most"
                    .to_owned(),
            });
        }
    }

    /// Draws the conclusion from the outcome of the attempt with that claim. Where a receipt has settled the delivery
    /// meanwhile, or somebody else has gone on, only that the provider accepted it still counts.
    pub fn conclude(
        &mut self,
        claim: ClaimId,
        outcome: Outcome,
        now: Timestamp,
        retries: Retries<'_>,
    ) {
        let attempting = match (&self.state, &outcome) {
            (State::Attempting(attempting), _) if attempting.claim == claim => attempting.clone(),
            (_, Outcome::Accepted { message_id }) => {
                return self.accept(message_id.clone(), now);
            }
            _ => return,
        };
        match outcome {
            Outcome::Accepted { message_id } => self.accept(message_id, now),
            Outcome::TryAgain { error } => self.try_again(&attempting, error, now, retries),
            Outcome::Refused { error } => self.fail(Source::Provider, error, now),
            Outcome::NoAnswer { error } => {
                self.without_answer(&attempting, error, Source::Provider, now, retries);
            }
        }
    }

    /// Takes back a claim under which nothing was sent: the attempt is to be made as if it had not been begun.
    pub fn give_back(&mut self, claim: ClaimId, now: Timestamp) {
        let State::Attempting(attempting) = &self.state else {
            return;
        };
        if attempting.claim != claim {
            return;
        }
        self.state = State::Queued(Queued {
            failures: attempting.failures,
            was_claimed: true,
            not_before: now,
            doubtful_since: attempting.doubtful_since,
            unanswered_by: attempting.unanswered_by.clone(),
        });
    }

    /// The process that made the attempt is dead: what it sent, if it did, got no answer.
    pub fn answer_lost(&mut self, now: Timestamp, retries: Retries<'_>) {
        let State::Attempting(attempting) = &self.state else {
            return;
        };
        let attempting = attempting.clone();
        let error = ProviderError {
            code: None,
            message: "the attempt was interrupted".to_owned(),
            remedy: "nothing: it is being found out whether the provider accepted it".to_owned(),
        };
        self.without_answer(&attempting, error, Source::Service, now, retries);
    }

    /// Draws the conclusion from a look at the account's list.
    pub fn check(&mut self, checked: Checked, now: Timestamp, retries: Retries<'_>) {
        let State::Resolving(doubt) = &self.state else {
            return;
        };
        let doubt = doubt.clone();
        match checked {
            Checked::Found(found) => self.receive(found, Source::Reconciliation, now),
            Checked::Missing => self.missed(doubt, now, retries),
            Checked::Several => self.end_unknown(
                "several messages of the account may be this one, or one whose text cannot be told",
                "look at the account's message log",
                Source::Reconciliation,
                now,
            ),
            Checked::Unavailable if now < doubt.at + LAST_CHECK => {
                self.state = State::Resolving(Doubt {
                    next_check_at: now + CHECK_AGAIN,
                    ..doubt
                });
            }
            Checked::Unavailable => self.end_unknown(
                "Twilio gave no list of the account's messages for an hour",
                "look at the account's message log",
                Source::Reconciliation,
                now,
            ),
            Checked::NoCredentials => self.end_unknown(
                "the account's credentials were removed before the send could be cleared up",
                "look at the account's message log",
                Source::Reconciliation,
                now,
            ),
        }
    }

    /// Takes what the provider says of a message: a receipt, its entry in the account's list, or the answer to a question.
    /// All of it is kept in the timeline; the status only moves forward.
    pub fn receive(&mut self, found: Found, source: Source, now: Timestamp) {
        let Found {
            message_id,
            account,
            stage,
            error,
        } = found;
        let code = error.as_ref().and_then(|error| error.code);
        let known = self
            .provider_message_id
            .get_or_insert_with(|| message_id.clone());
        if *known != message_id {
            return self.tell(now, stage, Source::ForeignReceipt, code);
        }
        if !self.moves_to(stage.means()) {
            return self.tell(now, stage, source, code);
        }
        self.await_last_word(account, now);
        self.error = error;
        self.timeline.push_change(Entry {
            at: now,
            status: stage,
            source,
            code,
        });
    }

    /// The sender that the recipient has told to stop, as that word on a message has it. `None` where it tells of nothing
    /// like that, or nobody can say that the message came from the sender that the delivery names: that is the latest
    /// attempt's, and another message, an account's other than that attempt's, or one that an earlier attempt may have
    /// sent in silence may be another sender's. Nothing is lost then: Twilio refuses the next message to that phone, and
    /// that counts.
    #[must_use]
    pub fn opted_out_of(&self, found: &Found) -> Option<&str> {
        let is_own = |known: &String| *known == found.message_id;
        let may_be_own = self.provider_message_id.as_ref().is_none_or(is_own);
        let account = self.state.in_flight().map(|(account, _)| account);
        let is_of_account = match (account, &found.account) {
            (Some(ours), Some(theirs)) => ours == theirs,
            _ => true,
        };
        let is_senders = found.is_opt_out()
            && self.carrier == CarrierKind::Twilio
            && may_be_own
            && is_of_account
            && !self.timeline.tells_of_an_attempt_after_doubt();
        is_senders.then_some(&*self.sender)
    }

    /// Takes a receipt that names this delivery, but tells of another one's message: a line in the timeline.
    pub fn receive_foreign(&mut self, found: &Found, now: Timestamp) {
        let code = found.error.as_ref().and_then(|error| error.code);
        self.tell(now, found.stage, Source::ForeignReceipt, code);
    }

    /// Ends a delivery that is not to be attempted (again): it has no provider, its recipient opted out. What may
    /// have been sent already is another matter; see [`SmsDelivery::give_up`].
    pub fn refuse(&mut self, error: ProviderError, now: Timestamp) {
        if matches!(self.state, State::Queued(_)) {
            self.fail(Source::Service, error, now);
        }
    }

    /// Ends a delivery that was woken too often without an end; one that had ended is asked about no more.
    pub fn give_up(&mut self, now: Timestamp) {
        let error = ProviderError {
            code: None,
            message: "gave up: the delivery was woken too often without an end".to_owned(),
            remedy: "look at the function's log".to_owned(),
        };
        match &self.state {
            State::Queued(_) => self.fail(Source::Service, error, now),
            State::Attempting(_) | State::Resolving(_) => {
                self.end(Final::Unknown, Source::Service, error, now);
            }
            State::Settled(_) => self.inquiry = None,
        }
    }

    fn accept(&mut self, message_id: Option<String>, now: Timestamp) {
        let Some(message_id) = message_id else {
            return self.taken_by_gateway(now);
        };
        let account = self.state.in_flight().map(|(account, _)| account.clone());
        let found = Found {
            message_id,
            account,
            stage: Stage::Sent,
            error: None,
        };
        self.receive(found, Source::Provider, now);
    }

    /// It may have been delivered by then: by what Twilio was sent before, and did not answer.
    fn taken_by_gateway(&mut self, now: Timestamp) {
        if !self.moves_to(Final::Sent) {
            return self.tell(now, Stage::Sent, Source::Provider, None);
        }
        self.error = None;
        self.timeline.push_change(Entry {
            at: now,
            status: Stage::Sent,
            source: Source::Provider,
            code: None,
        });
    }

    /// Settles it with what is heard of it; a status only moves forward. Whether it has changed.
    fn moves_to(&mut self, heard: Final) -> bool {
        let end = match &self.state {
            State::Settled(settled) => settled.or_later(heard),
            State::Queued(_) | State::Attempting(_) | State::Resolving(_) => heard,
        };
        let before = std::mem::replace(&mut self.state, State::Settled(end));
        self.state != before
    }

    /// When the schedule says so, however long the provider asks us to wait: alerts are urgent.
    fn try_again(
        &mut self,
        attempting: &Attempting,
        error: ProviderError,
        now: Timestamp,
        retries: Retries<'_>,
    ) {
        let failures = attempting.failures + 1;
        let wait = retries.schedule.wait_after(failures, retries.jitter, None);
        let Some(wait) = wait else {
            return self.fail(Source::Provider, error, now);
        };
        self.tell(now, Stage::Retrying, Source::Provider, error.code);
        self.error = Some(error);
        self.state = State::Queued(Queued {
            failures,
            was_claimed: true,
            not_before: now + wait,
            doubtful_since: attempting.doubtful_since,
            unanswered_by: attempting.unanswered_by.clone(),
        });
    }

    fn without_answer(
        &mut self,
        attempting: &Attempting,
        error: ProviderError,
        source: Source,
        now: Timestamp,
        retries: Retries<'_>,
    ) {
        match &attempting.ground {
            Ground::Http {
                gateway,
                idempotent: true,
            } => {
                let attempting = Attempting {
                    unanswered_by: Some(gateway.clone()),
                    ..attempting.clone()
                };
                self.state = State::Attempting(attempting.clone());
                self.try_again(&attempting, error, now, retries);
            }
            Ground::Http {
                idempotent: false, ..
            } => {
                self.end(Final::Unknown, source, error, now);
            }
            Ground::Twilio { account, sender } => {
                self.tell(now, Stage::Unclear, source, error.code);
                self.error = Some(error);
                self.state = State::Resolving(Doubt {
                    failures: attempting.failures + 1,
                    at: attempting.at,
                    since: attempting.doubtful_since.unwrap_or(attempting.at),
                    account: account.clone(),
                    sender: sender.clone(),
                    missed_once: false,
                    next_check_at: attempting.at + FIRST_CHECK,
                });
            }
        }
    }

    /// The account's list does not hold it.
    fn missed(&mut self, doubt: Doubt, now: Timestamp, retries: Retries<'_>) {
        if !doubt.missed_once || now < doubt.at + SECOND_CHECK {
            self.state = State::Resolving(Doubt {
                missed_once: true,
                next_check_at: doubt.at + SECOND_CHECK,
                ..doubt
            });
            return;
        }
        if doubt.failures >= retries.schedule.attempts() {
            let error = ProviderError {
                code: None,
                message: "Twilio did not answer, and its list does not hold the message".to_owned(),
                remedy: "look at Twilio's status page".to_owned(),
            };
            return self.fail(Source::Reconciliation, error, now);
        }
        self.tell(now, Stage::Retrying, Source::Reconciliation, None);
        self.state = State::Queued(Queued {
            failures: doubt.failures,
            was_claimed: true,
            not_before: now,
            doubtful_since: Some(doubt.since),
            unanswered_by: None,
        });
    }

    /// Ends it as failed; as unknown where a gateway may have accepted an earlier attempt.
    fn fail(&mut self, source: Source, error: ProviderError, now: Timestamp) {
        let end = match self.state.unanswered_by() {
            Some(_) => Final::Unknown,
            None => Final::Failed,
        };
        self.end(end, source, error, now);
    }

    fn end_unknown(&mut self, message: &str, remedy: &str, source: Source, now: Timestamp) {
        let error = ProviderError {
            code: None,
            message: message.to_owned(),
            remedy: remedy.to_owned(),
        };
        self.end(Final::Unknown, source, error, now);
    }

    fn end(&mut self, end: Final, source: Source, error: ProviderError, now: Timestamp) {
        let status = match end {
            Final::Sent => Stage::Sent,
            Final::Failed => Stage::Failed,
            Final::Undelivered => Stage::Undelivered,
            Final::Delivered => Stage::Delivered,
            Final::Unknown => Stage::Unknown,
        };
        self.timeline.push_change(Entry {
            at: now,
            status,
            source,
            code: error.code,
        });
        self.error = Some(error);
        self.state = State::Settled(end);
    }

    fn tell(&mut self, at: Timestamp, status: Stage, source: Source, code: Option<u32>) {
        self.timeline.push(Entry {
            at,
            status,
            source,
            code,
        });
    }
}

impl Stage {
    /// What it means for the delivery when the provider tells it: that the provider tells anything means that it has
    /// accepted the message.
    fn means(self) -> Final {
        match self {
            Stage::Delivered | Stage::Read => Final::Delivered,
            Stage::Undelivered => Final::Undelivered,
            Stage::Failed | Stage::Canceled => Final::Failed,
            Stage::Queued
            | Stage::Sending
            | Stage::Retrying
            | Stage::Unclear
            | Stage::Accepted
            | Stage::Scheduled
            | Stage::Sent
            | Stage::Unknown => Final::Sent,
        }
    }
}
