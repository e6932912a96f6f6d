//! The states of a delivery and the steps between them.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Purpose;
use super::attempt::{Outcome, Refusal};
use crate::retry::{Jitter, RetrySchedule};

/// Where a delivery stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// The endpoint took it.
    Success,
    /// Nothing more will be tried unless somebody asks for it.
    Failed(FailedBecause),
    /// Another attempt is to be made.
    Pending(Pending),
}

/// Why nothing more is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailedBecause {
    /// Every attempt of the schedule failed.
    Exhausted,
    /// The endpoint answered 410.
    Gone,
    /// The webhook was off when the attempt was due.
    WebhookDisabled,
    /// The one attempt of a test or a resend failed.
    SingleAttempt,
    /// Woken so often without an end that something kills its attempts; settled before the queue would drop it.
    WokenTooOften,
}

impl FailedBecause {
    /// The reason in the words that the delivery log shows where no attempt says more.
    pub fn words(self) -> &'static str {
        match self {
            FailedBecause::Exhausted => "every attempt failed",
            FailedBecause::Gone => "the endpoint answered 410 Gone",
            FailedBecause::WebhookDisabled => "webhook disabled",
            FailedBecause::SingleAttempt => "the single attempt failed",
            FailedBecause::WokenTooOften => {
                "gave up: the delivery was woken too often without an end"
            }
        }
    }
}

/// A delivery that waits for an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// What happens when the attempt fails.
    pub plan: Plan,
    /// Never attempted before this.
    pub next_attempt_at: Timestamp,
    /// Held while an attempt is under way, so that two wake-ups never make two attempts.
    pub lease: Option<Lease>,
}

/// What happens when the next attempt fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plan {
    /// The retry schedule goes on.
    Schedule {
        /// Attempts of this round that have failed so far.
        failures: u32,
    },
    /// One attempt out of turn, then back to what was, or the end.
    Once {
        /// The schedule that was interrupted, if one was.
        resume: Option<Resume>,
    },
}

/// An interrupted schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resume {
    /// Attempts of the interrupted round that had failed.
    pub failures: u32,
    /// When its next attempt was due.
    pub at: Timestamp,
}

/// The right to make the next attempt, good until a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// When another wake-up may take over. Later than the function's time-out.
    pub until: Timestamp,
}

/// The id of a bulk recovery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RecoverJob(pub String);

/// An attempt is being made at this moment, so that nothing else may change the delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an attempt is under way")]
pub struct AttemptUnderWay;

/// What a wake-up finds to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WakeUp {
    /// The attempt is due: claim it and make it.
    Attempt(Pending),
    /// Woken early, or another invocation holds the lease: sleep on until then.
    Sleep(Timestamp),
    /// Nothing is to be done any more.
    Settled,
}

/// What follows from an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Where the delivery stands now.
    pub state: State,
    /// What it means for the webhook; to be written in the same transaction.
    pub effect: WebhookEffect,
}

/// What an attempt's outcome means for the webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WebhookEffect {
    /// Nothing: more attempts follow, or the delivery does not count (tests, resends).
    None,
    /// An event got through: a streak of failed events ends.
    EventDelivered,
    /// An event failed all its attempts: the streak grows.
    EventFailed,
    /// The endpoint answered 410: the webhook is switched off.
    Gone,
}

impl State {
    /// What a wake-up at `now` finds to do.
    pub fn wake_up(&self, now: Timestamp) -> WakeUp {
        let State::Pending(pending) = self else {
            return WakeUp::Settled;
        };
        let earliest = pending.earliest();
        if now < earliest {
            WakeUp::Sleep(earliest)
        } else {
            WakeUp::Attempt(pending.clone())
        }
    }

    /// A delivery whose single attempt is due now, such as a test.
    pub fn single_attempt(now: Timestamp) -> State {
        State::Pending(Pending {
            plan: Plan::Once { resume: None },
            next_attempt_at: now,
            lease: None,
        })
    }

    /// One more attempt at once, whatever the state; a schedule under way goes on afterwards as it was. Asking again
    /// before that attempt was made changes nothing.
    ///
    /// # Errors
    /// [`AttemptUnderWay`] while somebody holds the lease: the outcome of that attempt decides what is next.
    pub fn resend(&self, now: Timestamp) -> Result<State, AttemptUnderWay> {
        let State::Pending(pending) = self else {
            return Ok(State::single_attempt(now));
        };
        if pending.under_way(now) {
            return Err(AttemptUnderWay);
        }
        let plan = match pending.plan {
            Plan::Once { .. } => pending.plan,
            Plan::Schedule { failures } => Plan::Once {
                resume: Some(Resume {
                    failures,
                    at: pending.next_attempt_at,
                }),
            },
        };
        Ok(State::Pending(Pending {
            plan,
            next_attempt_at: pending.next_attempt_at.min(now),
            lease: None,
        }))
    }

    /// A failed delivery on a fresh schedule, the first attempt at `now`; `None` where it has not failed.
    pub fn recover(&self, now: Timestamp) -> Option<State> {
        let State::Failed(_) = self else { return None };
        Some(State::Pending(Pending {
            plan: Plan::Schedule { failures: 0 },
            next_attempt_at: now,
            lease: None,
        }))
    }

    /// The end of a pending delivery whose webhook is off; `None` where nothing is pending or an attempt is under
    /// way.
    pub fn end_disabled(&self, now: Timestamp) -> Option<State> {
        let State::Pending(pending) = self else {
            return None;
        };
        (!pending.under_way(now)).then_some(State::Failed(FailedBecause::WebhookDisabled))
    }
}

impl Pending {
    /// The state with the attempt claimed for `length`, which must exceed the time that the claimant can live. Who
    /// writes it holds the lease; the item's revision tells the holder from a later one.
    pub fn claim(&self, now: Timestamp, length: Duration) -> Pending {
        Pending {
            lease: Some(Lease {
                until: now + length,
            }),
            ..self.clone()
        }
    }

    /// When a wake-up may do something about it: the attempt is due and nobody holds the lease.
    pub fn earliest(&self) -> Timestamp {
        let leased_until = self.lease.map_or(Timestamp::MIN, |lease| lease.until);
        self.next_attempt_at.max(leased_until)
    }

    fn under_way(&self, now: Timestamp) -> bool {
        self.lease.is_some_and(|lease| lease.until > now)
    }
}

impl Plan {
    /// The plan of a new event: the schedule, nothing failed yet.
    pub const NEW: Plan = Plan::Schedule { failures: 0 };

    /// What follows from the outcome of an attempt that ended at `now`.
    pub fn conclude(
        self,
        purpose: Purpose,
        outcome: &Outcome,
        now: Timestamp,
        schedule: &RetrySchedule,
        jitter: Jitter,
    ) -> Verdict {
        let scheduled = matches!(self, Plan::Schedule { .. });
        match (outcome.judge(), purpose) {
            (Ok(()), _) => Verdict {
                state: State::Success,
                effect: if scheduled {
                    WebhookEffect::EventDelivered
                } else {
                    WebhookEffect::None
                },
            },
            (Err(_), Purpose::Test) => {
                Verdict::failed(FailedBecause::SingleAttempt, WebhookEffect::None)
            }
            (Err(Refusal::Gone), Purpose::Event) => {
                Verdict::failed(FailedBecause::Gone, WebhookEffect::Gone)
            }
            (Err(Refusal::Retryable(wait)), Purpose::Event) => {
                self.after_failure(wait, now, schedule, jitter)
            }
        }
    }

    fn after_failure(
        self,
        asked_wait: Option<Duration>,
        now: Timestamp,
        schedule: &RetrySchedule,
        jitter: Jitter,
    ) -> Verdict {
        match self {
            Plan::Once { resume: None } => {
                Verdict::failed(FailedBecause::SingleAttempt, WebhookEffect::None)
            }
            Plan::Once {
                resume: Some(Resume { failures, at }),
            } => Verdict::pending(Plan::Schedule { failures }, at.max(now)),
            Plan::Schedule { failures } => {
                let failures = failures + 1;
                match schedule.wait_after(failures, jitter, asked_wait) {
                    Some(wait) => Verdict::pending(Plan::Schedule { failures }, now + wait),
                    None => Verdict::failed(FailedBecause::Exhausted, WebhookEffect::EventFailed),
                }
            }
        }
    }
}

impl Verdict {
    fn failed(because: FailedBecause, effect: WebhookEffect) -> Verdict {
        Verdict {
            state: State::Failed(because),
            effect,
        }
    }

    fn pending(plan: Plan, next_attempt_at: Timestamp) -> Verdict {
        Verdict {
            state: State::Pending(Pending {
                plan,
                next_attempt_at,
                lease: None,
            }),
            effect: WebhookEffect::None,
        }
    }
}
