//! The functions' processes, and what is under way.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::Run;
use crate::functions::{Function, Process};
use crate::happening::Happening;

/// A process that was idle for so long has old memories.
const FROZEN: SignedDuration = SignedDuration::from_mins(10);

impl Run {
    /// A process for an invocation: one that is idle, with what it remembers, or a new one.
    pub fn take_process(&self, function: Function) -> Arc<Process> {
        let cold = self.dice.mischief.percent(self.scenario.mischief.cold);
        let place = self.dice.mischief.next();
        let mut state = self.state();
        let idle = state.idle.entry(function).or_default();
        if cold || idle.is_empty() {
            drop(state);
            return Process::cold(function);
        }
        let place = usize::try_from(place).unwrap_or(usize::MAX) % idle.len();
        let (since, process) = idle.swap_remove(place);
        if self.now().duration_since(since) > FROZEN {
            *state.happened.entry(Happening::Thawed).or_default() += 1;
        }
        process
    }

    /// The process is idle again: frozen, until somebody takes it.
    pub fn freeze(&self, function: Function, process: Arc<Process>) {
        let idle = (self.now(), process);
        self.state().idle.entry(function).or_default().push(idle);
    }

    /// The number of a new invocation.
    pub fn next_invocation(&self) -> u64 {
        self.invocations.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Something is under way until [`Self::finished`] is called.
    pub fn started(&self) {
        self.state().busy += 1;
    }

    /// Something is not under way any more.
    pub fn finished(&self) {
        self.state().busy -= 1;
        self.changed.notify_one();
    }

    /// Whether something is under way.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.state().busy > 0
    }

    /// Twilio has a message to report on.
    pub fn twilio_took_a_message(&self) {
        self.state().twilio_until = Some(self.now() + Duration::from_secs(30));
    }

    /// Until when Twilio may post something.
    #[must_use]
    pub fn twilio_until(&self) -> Option<Timestamp> {
        self.state()
            .twilio_until
            .filter(|until| *until > self.now())
    }
}
