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
    /// Who is to wake it.
    pub woken_by: WokenBy,
}

/// What wakes a delivery that waits. Whoever makes it [`WokenBy::Message`] sees to it that there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WokenBy {
    /// A message in the queue: hidden, delayed or on its way.
    Message,
    /// `sweep`, which sends a message in time: the delivery is parked in the index of what waits.
    Sweep,
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
    /// Woken before its [`Pending::earliest`]: early, or another invocation holds the lease. Sleep on until then.
    Sleep(Pending),
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
        if now < pending.earliest() {
            WakeUp::Sleep(pending.clone())
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
            woken_by: WokenBy::Message,
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
            woken_by: WokenBy::Message,
        }))
    }

    /// A failed delivery on a fresh schedule, the first attempt at `now`; `None` where it has not failed.
    pub fn recover(&self, now: Timestamp) -> Option<State> {
        let State::Failed(_) = self else { return None };
        Some(State::Pending(Pending {
            plan: Plan::Schedule { failures: 0 },
            next_attempt_at: now,
            lease: None,
            woken_by: WokenBy::Message,
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
            // The claimant's, which comes back when the claimant dies.
            woken_by: WokenBy::Message,
            ..self.clone()
        }
    }

    /// The same without a message: `sweep` is to send one in time.
    #[must_use]
    pub fn parked(self) -> Pending {
        Pending {
            woken_by: WokenBy::Sweep,
            ..self
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
                woken_by: WokenBy::Message,
            }),
            effect: WebhookEffect::None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn schedule() -> RetrySchedule {
        "1m,5m,30m,2h,12h".parse().unwrap()
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    fn answer(code: u16) -> Outcome {
        Outcome::Response {
            code,
            body: None,
            retry_after: None,
        }
    }

    fn conclude(plan: Plan, code: u16, now: Timestamp) -> Verdict {
        plan.conclude(
            Purpose::Event,
            &answer(code),
            now,
            &schedule(),
            Jitter::from_unit(0.0),
        )
    }

    fn pending(plan: Plan, next_attempt_at: Timestamp) -> Pending {
        Pending {
            plan,
            next_attempt_at,
            lease: None,
            woken_by: WokenBy::Message,
        }
    }

    #[test]
    fn six_failures_exhaust_the_schedule_and_count_as_a_failed_event() {
        let mut plan = Plan::NEW;
        for failures in 1..=5 {
            let verdict = conclude(plan, 500, at(0));
            assert_eq!(verdict.effect, WebhookEffect::None);
            let State::Pending(next) = verdict.state else {
                panic!("ended after {failures} failures")
            };
            assert_eq!(next.plan, Plan::Schedule { failures });
            plan = next.plan;
        }
        let verdict = conclude(plan, 500, at(0));
        assert_eq!(verdict.state, State::Failed(FailedBecause::Exhausted));
        assert_eq!(verdict.effect, WebhookEffect::EventFailed);
    }

    #[test]
    fn gone_ends_the_delivery_and_the_webhook() {
        let verdict = conclude(Plan::NEW, 410, at(0));
        assert_eq!(verdict.state, State::Failed(FailedBecause::Gone));
        assert_eq!(verdict.effect, WebhookEffect::Gone);
    }

    #[test]
    fn a_redirect_is_a_failure() {
        assert!(matches!(
            conclude(Plan::NEW, 302, at(0)).state,
            State::Pending(_)
        ));
    }

    #[test]
    fn retry_after_is_heeded_on_429_and_503_only() {
        let asked = |code| {
            let outcome = Outcome::Response {
                code,
                body: None,
                retry_after: Some(MINUTE * 10),
            };
            let verdict = Plan::NEW.conclude(
                Purpose::Event,
                &outcome,
                at(0),
                &schedule(),
                Jitter::from_unit(0.0),
            );
            let State::Pending(next) = verdict.state else {
                panic!("ended")
            };
            next.next_attempt_at >= at(600)
        };
        assert_eq!([429, 503, 500, 502].map(asked), [true, true, false, false]);
    }

    #[test]
    fn tests_never_count_and_end_with_their_one_attempt() {
        for code in [500, 410] {
            let plan = Plan::Once { resume: None };
            let verdict = plan.conclude(
                Purpose::Test,
                &answer(code),
                at(0),
                &schedule(),
                Jitter::from_unit(0.0),
            );
            assert_eq!(verdict.state, State::Failed(FailedBecause::SingleAttempt));
            assert_eq!(verdict.effect, WebhookEffect::None);
        }
    }

    #[test]
    fn a_failed_resend_in_the_middle_of_a_schedule_leaves_the_schedule_as_it_was() {
        let waiting = State::Pending(pending(Plan::Schedule { failures: 3 }, at(1_000)));
        let State::Pending(resend) = waiting.resend(at(10)).unwrap() else {
            panic!("not pending")
        };
        assert_eq!(resend.next_attempt_at, at(10));
        let verdict = conclude(resend.plan, 500, at(11));
        assert_eq!(verdict.state, waiting);
        assert_eq!(verdict.effect, WebhookEffect::None);
    }

    #[test]
    fn a_parked_delivery_that_is_claimed_or_resent_is_woken_by_a_message_again() {
        let parked = pending(Plan::Schedule { failures: 3 }, at(1_000)).parked();
        assert_eq!(parked.woken_by, WokenBy::Sweep);
        assert_eq!(parked.claim(at(1_000), MINUTE).woken_by, WokenBy::Message);
        let Ok(State::Pending(resend)) = State::Pending(parked).resend(at(10)) else {
            panic!("not pending")
        };
        assert_eq!(resend.woken_by, WokenBy::Message);
    }

    #[test]
    fn a_second_resend_before_the_attempt_changes_nothing() {
        let waiting = State::Pending(pending(Plan::Schedule { failures: 3 }, at(1_000)));
        let once = waiting.resend(at(10)).unwrap();
        assert_eq!(once.resend(at(12)).unwrap(), once);
    }

    #[test]
    fn a_resend_is_refused_while_an_attempt_is_under_way() {
        let claimed = State::Pending(pending(Plan::NEW, at(0)).claim(at(0), MINUTE));
        assert_eq!(claimed.resend(at(59)), Err(AttemptUnderWay));
        assert!(claimed.resend(at(60)).is_ok());
    }

    #[test]
    fn an_attempt_under_way_is_not_ended_by_switching_the_webhook_off() {
        let claimed = State::Pending(pending(Plan::NEW, at(0)).claim(at(0), MINUTE));
        assert_eq!(claimed.end_disabled(at(59)), None);
        assert_eq!(
            claimed.end_disabled(at(60)),
            Some(State::Failed(FailedBecause::WebhookDisabled))
        );
    }

    fn any_plan() -> impl Strategy<Value = Plan> {
        prop_oneof![
            (0u32..6).prop_map(|failures| Plan::Schedule { failures }),
            prop::option::of((0u32..6, 0i64..100_000)).prop_map(|resume| Plan::Once {
                resume: resume.map(|(failures, s)| Resume {
                    failures,
                    at: at(s)
                })
            }),
        ]
    }

    fn any_state() -> impl Strategy<Value = State> {
        let lease = prop::option::of((0i64..100_000).prop_map(|s| Lease { until: at(s) }));
        prop_oneof![
            Just(State::Success),
            Just(State::Failed(FailedBecause::Exhausted)),
            (any_plan(), 0i64..100_000, lease).prop_map(|(plan, s, lease)| {
                State::Pending(Pending {
                    plan,
                    next_attempt_at: at(s),
                    lease,
                    woken_by: WokenBy::Message,
                })
            }),
        ]
    }

    proptest! {
        #[test]
        fn nothing_is_attempted_early_or_under_another_lease(state in any_state(), now in 0i64..200_000) {
            match (state.wake_up(at(now)), &state) {
                (WakeUp::Attempt(pending), State::Pending(_)) => {
                    prop_assert!(pending.next_attempt_at <= at(now));
                    prop_assert!(pending.lease.is_none_or(|lease| lease.until <= at(now)));
                }
                (WakeUp::Sleep(sleeper), State::Pending(pending)) => {
                    let until = sleeper.earliest();
                    prop_assert!(until > at(now));
                    // Waking at that time finds the attempt due.
                    prop_assert_eq!(state.wake_up(until), WakeUp::Attempt(pending.clone()));
                }
                (WakeUp::Settled, State::Success | State::Failed(_)) => {}
                (found, _) => prop_assert!(false, "{found:?}"),
            }
        }

        #[test]
        fn any_mix_of_failures_and_resends_makes_six_scheduled_attempts(resends in prop::collection::vec(any::<bool>(), 0..20)) {
            let mut state = State::Pending(pending(Plan::NEW, at(0)));
            let (mut now, mut scheduled, mut extra) = (at(0), 0, 0);
            let mut resends = resends.into_iter();
            while let State::Pending(waiting) = &state {
                if resends.next().unwrap_or(false) && matches!(waiting.plan, Plan::Schedule { .. }) {
                    state = state.resend(now).unwrap();
                    extra += 1;
                    continue;
                }
                now = now.max(waiting.next_attempt_at);
                if matches!(waiting.plan, Plan::Schedule { .. }) {
                    scheduled += 1;
                }
                state = conclude(waiting.plan, 500, now).state;
            }
            prop_assert_eq!(state, State::Failed(FailedBecause::Exhausted));
            prop_assert_eq!(scheduled, 6);
            prop_assert!(extra <= 20);
        }
    }
}
