//! Functions killed before or after any of their outbound calls.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use http::Response;
use local::aws::{Aws, Gate};

/// A function, by its name in the template.
pub type Function = &'static str;

/// Whether the function dies before its call goes out, or when the answer is on its way back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    Before,
    After,
}

/// One death.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kill {
    pub function: Function,
    /// At which of the function's calls, from 0.
    pub call: usize,
    pub when: When,
}

/// Counts the calls of each function and kills as told.
#[derive(Debug, Default)]
pub struct Faults(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    calls: HashMap<Function, usize>,
    kills: Vec<Kill>,
    struck: usize,
}

impl Faults {
    pub fn kill(&self, kill: Kill) {
        self.0.lock().unwrap().kills.push(kill);
    }

    /// The calls that a function has made.
    pub fn calls(&self, function: Function) -> usize {
        let state = self.0.lock().unwrap();
        state.calls.get(function).copied().unwrap_or_default()
    }

    /// How many deaths there have been.
    pub fn struck(&self) -> usize {
        self.0.lock().unwrap().struck
    }

    /// Makes a call of a function, unless that is its last. A process that is dead does not go on: its future stays
    /// pending until the invocation is cut off.
    pub async fn pass<T>(&self, function: Function, call: impl Future<Output = T>) -> T {
        let fate = self.next(function);
        if fate == Some(When::Before) {
            self.strike().await;
        }
        let answer = call.await;
        if fate == Some(When::After) {
            self.strike().await;
        }
        answer
    }

    fn next(&self, function: Function) -> Option<When> {
        let mut state = self.0.lock().unwrap();
        let count = state.calls.entry(function).or_default();
        let call = *count;
        *count += 1;
        let mut kills = state.kills.iter();
        let kill = kills.find(|kill| kill.function == function && kill.call == call)?;
        Some(kill.when)
    }

    async fn strike(&self) {
        self.0.lock().unwrap().struck += 1;
        std::future::pending::<()>().await;
    }
}

/// A function's way to AWS.
#[derive(Debug)]
pub struct FunctionsGate {
    pub function: Function,
    pub faults: Arc<Faults>,
}

impl Gate for FunctionsGate {
    fn call<'a>(
        &'a self,
        aws: &'a Aws,
        target: &'a str,
        body: Bytes,
    ) -> BoxFuture<'a, Response<Bytes>> {
        let call = aws.call(target, body);
        self.faults.pass(self.function, call).boxed()
    }
}
