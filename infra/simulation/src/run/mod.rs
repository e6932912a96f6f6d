//! One run: the services, the clock, the chance, the faults, and what has been seen.
//!
//! * `processes` — the functions' processes, and what is under way
//! * `seen` — what has been seen
//! * `stale` — reads that are answered from an earlier state

mod processes;
mod seen;
mod stale;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use jiff::Timestamp;
use local::aws::Aws;
use local::outside::twilio::Twilio;
use platform::clock::Clock;
use tokio::sync::Notify;

use crate::call::{Call, TableCall, contains};
use crate::context::{self, Invocation};
use crate::dice::Dice;
use crate::fault::{self, Fault, Strike};
use crate::functions::{Function, Process};
use crate::happening::Happening;
use crate::observe::{self, Commit};
use crate::outside::Contacts;
use crate::sabotage::Sabotage;
use crate::scenario::Scenario;
use crate::trace::{Entry, Line, Trace};
use crate::{partial, scheduler, world};

/// When every run begins.
pub const BEGIN: &str = "2026-03-29T14:30:00Z";
/// A run that makes more calls than this does not come to rest.
pub const MOST_CALLS: usize = 6_000;

/// One run.
pub struct Run {
    /// What happens.
    pub scenario: Scenario,
    /// The services.
    pub aws: Aws,
    /// What decides by chance.
    pub dice: Dices,
    /// What happened.
    pub trace: Trace,
    /// Whether the trace tells what calls are about.
    pub detailed: bool,
    /// What its services do not do.
    pub sabotage: Option<Sabotage>,
    /// What the outside has seen.
    pub contacts: Mutex<Contacts>,
    /// Something may have changed for whoever waits.
    pub changed: Notify,
    clock: Clock,
    twilio: OnceLock<Twilio>,
    state: Mutex<State>,
    calls: AtomicUsize,
    invocations: AtomicU64,
}

/// A call that a fault met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Struck {
    /// When.
    pub at: Timestamp,
    /// Who made it.
    pub by: Function,
    /// What it was.
    pub call: Call,
    /// What happened to it.
    pub fault: Fault,
}

/// Chance, for each purpose its own.
#[derive(Debug)]
pub struct Dices {
    /// The functions' own: ids, jitter.
    pub entropy: Dice,
    /// How long calls take.
    pub time: Dice,
    /// Which fault it is, and how bad.
    pub fault: Dice,
    /// What goes wrong beside calls.
    pub mischief: Dice,
}

#[derive(Default)]
struct State {
    strikes: BTreeMap<usize, Option<Fault>>,
    struck: Vec<Struck>,
    made: Vec<(Function, Call)>,
    happened: BTreeMap<Happening, u64>,
    history: stale::TableHistory,
    commits: Vec<Commit>,
    sms: BTreeSet<(String, String)>,
    leaks: BTreeSet<String>,
    idle: BTreeMap<Function, Vec<(Timestamp, Arc<Process>)>>,
    /// Invocations and actions under way.
    busy: usize,
    twilio_until: Option<Timestamp>,
    published: BTreeMap<usize, Timestamp>,
}

impl Run {
    /// A run of this scenario with these strikes, before anything is made. Must be called inside the runtime whose
    /// time it follows.
    #[must_use]
    pub fn new(
        scenario: Scenario,
        strikes: &[Strike],
        detailed: bool,
        sabotage: Option<Sabotage>,
    ) -> Arc<Run> {
        let base: Timestamp = BEGIN.parse().unwrap_or(Timestamp::UNIX_EPOCH);
        let clock = local::clock::virtual_from(base);
        let seed = scenario.seed;
        let strikes = strikes
            .iter()
            .map(|strike| (strike.call, strike.fault))
            .collect();
        Arc::new(Run {
            aws: Aws::seeded(Arc::clone(&clock), world::ENDPOINT, seed),
            clock,
            scenario,
            dice: Dices {
                entropy: Dice::new(seed, 1),
                time: Dice::new(seed, 2),
                fault: Dice::new(seed, 3),
                mischief: Dice::new(seed, 4),
            },
            trace: Trace::default(),
            detailed,
            sabotage,
            contacts: Mutex::default(),
            changed: Notify::new(),
            twilio: OnceLock::new(),
            state: Mutex::new(State {
                strikes,
                ..State::default()
            }),
            calls: AtomicUsize::new(0),
            invocations: AtomicU64::new(0),
        })
    }

    /// The virtual time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// Twilio. Its clock and its way back to us are those of the run.
    #[must_use]
    pub fn twilio(&self) -> &Twilio {
        self.twilio.get_or_init(|| {
            Twilio::new(Arc::clone(&self.clock), Arc::new(crate::outside::Receipts))
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A call of a function to AWS.
    pub async fn aws_call(&self, target: &str, body: Bytes) -> Response<Bytes> {
        let call = Call::of_aws(target, &body);
        let Some(invocation) = context::invocation() else {
            return self.perform(call, target, body).await;
        };
        if let Some(nothing) = self.empty_partition(&invocation, target, &body).await {
            return nothing;
        }
        let about = || observe::about(target, &body);
        let answer = match self.begin(&invocation, call, about).await {
            None if call == Call::Table(TableCall::EventualRead) && self.is_to_be_stale() => {
                self.stale(target, body.clone()).await
            }
            None => self.perform(call, target, body.clone()).await,
            Some(fault) => {
                self.faulty_call(&invocation, call, fault, target, body.clone())
                    .await
            }
        };
        match self.sabotage {
            Some(sabotage) => sabotage.answer(call, &body, answer),
            None => answer,
        }
    }

    /// What waits is in hundreds of partitions, and a log in dozens, most of them empty: to die at one is to die at any
    /// other, and nothing is to be said of it.
    async fn empty_partition(
        &self,
        invocation: &Invocation,
        target: &str,
        body: &Bytes,
    ) -> Option<Response<Bytes>> {
        let is_query = target.ends_with(".Query");
        if !is_query || invocation.is_dead() || !self.never_held_any(body) {
            return None;
        }
        let answer = self.aws.call(target, body.clone()).await;
        contains(answer.body(), r#""Count":0"#).then_some(answer)
    }

    async fn faulty_call(
        &self,
        invocation: &Invocation,
        call: Call,
        fault: Fault,
        target: &str,
        body: Bytes,
    ) -> Response<Bytes> {
        match fault {
            Fault::KilledBefore => self.die(invocation).await,
            Fault::KilledAfter => {
                self.perform(call, target, body).await;
                self.die(invocation).await
            }
            Fault::AnswerLost => {
                self.perform(call, target, body).await;
                tokio::time::sleep(fault::PATIENCE).await;
                fault::server_error(call)
            }
            Fault::Throttled => fault::throttled(call, &body),
            Fault::ServerError | Fault::Refused => fault::server_error(call),
            Fault::Slow => {
                tokio::time::sleep(fault::SLOW).await;
                self.perform(call, target, body).await
            }
            Fault::Conflict => fault::conflict(call, &body),
            Fault::PartialBatch => partial::queue_batch(self, call, target, &body).await,
            Fault::Unprocessed => partial::table_batch(self, call, target, &body).await,
            Fault::Stale => self.stale(target, body).await,
            Fault::Repeated => {
                self.perform(call, target, body.clone()).await;
                tokio::time::sleep(fault::PATIENCE).await;
                self.perform(call, target, body).await
            }
            Fault::SeenAgain => unreachable!("the call itself goes well"),
        }
    }

    /// A call of the simulation's own to AWS.
    pub async fn certain_call(&self, target: &str, body: Bytes) -> Response<Bytes> {
        let response = self.aws.call(target, body.clone()).await;
        if Call::of_aws(target, &body).changes_table() {
            self.wrote(target, body);
        }
        response
    }

    /// Carries out a call to AWS, and takes note of what it changes.
    pub async fn perform(&self, call: Call, target: &str, body: Bytes) -> Response<Bytes> {
        let body = match self.sabotage {
            Some(sabotage) => sabotage.request(call, body),
            None => body,
        };
        let response = self.aws.call(target, body.clone()).await;
        match call {
            Call::Queue(_) => self.changed.notify_one(),
            Call::Table(table) if table.writes() && response.status().is_success() => {
                observe::written(self, &body).await;
                self.wrote(target, body);
            }
            _ => {}
        }
        response
    }

    /// A call is about to go out: how it fares.
    pub async fn begin(
        &self,
        invocation: &Invocation,
        call: Call,
        about: impl FnOnce() -> String,
    ) -> Option<Fault> {
        if invocation.is_dead() {
            return self.never().await;
        }
        tokio::time::sleep(self.call_time()).await;
        if invocation.is_dead() || self.runs_away() {
            return self.never().await;
        }
        let number = self.calls.fetch_add(1, Ordering::Relaxed);
        let fault = self.fault_of(number, invocation, call);
        self.trace.push(Entry::Call(Line {
            at: self.now(),
            who: (invocation.function.id(), invocation.number),
            call,
            about: if self.detailed {
                about()
            } else {
                String::new()
            },
            fault,
        }));
        if fault == Some(Fault::SeenAgain) {
            scheduler::seen_again(self, invocation);
            return None;
        }
        fault
    }

    fn fault_of(&self, number: usize, invocation: &Invocation, call: Call) -> Option<Fault> {
        let mut state = self.state();
        let by = invocation.function;
        state.made.push((by, call));
        let fault = match state.strikes.get(&number)? {
            Some(fault) if fault.befalls(by, call) => *fault,
            Some(_) => return None,
            None => {
                let befalling: Vec<Fault> = Fault::befalling(by, call).collect();
                *self.dice.fault.pick(&befalling)?
            }
        };
        let at = self.now();
        state.struck.push(Struck {
            at,
            by,
            call,
            fault,
        });
        Some(fault)
    }

    fn call_time(&self) -> Duration {
        if self.scenario.mischief.uneven {
            Duration::from_millis(1 + self.dice.time.below(40))
        } else {
            Duration::from_millis(2)
        }
    }

    /// A process that is dead does not go on.
    pub async fn die<T>(&self, invocation: &Invocation) -> T {
        invocation.kill();
        self.never().await
    }

    async fn never<T>(&self) -> T {
        std::future::pending().await
    }
}

#[cfg(test)]
mod tests;
