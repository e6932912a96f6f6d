//! Functions killed before or after any of their outbound calls, and calls to AWS that fail, with and without effect.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use http::Response;
use local::aws::{Aws, Gate};

/// A function, by its name in the template.
pub type Function = &'static str;

/// What goes wrong with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The function dies before the call goes out.
    KilledBefore,
    /// The function dies when the answer is on its way back.
    KilledAfter,
    /// AWS answers with an error, and has done nothing.
    Refused,
    /// AWS answers with an error, and has done it all the same.
    AnswerLost,
}

impl Fault {
    pub const ALL: [Fault; 4] = [
        Fault::KilledBefore,
        Fault::KilledAfter,
        Fault::Refused,
        Fault::AnswerLost,
    ];
}

/// A fault at one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Strike {
    pub function: Function,
    /// At which of the function's calls, from 0.
    pub call: usize,
    pub fault: Fault,
}

/// Counts the calls of each function and strikes as told.
#[derive(Debug, Default)]
pub struct Faults(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    calls: HashMap<Function, usize>,
    strikes: Vec<Strike>,
    struck: usize,
    throttled: Option<Function>,
}

impl Faults {
    pub fn strike_at(&self, strike: Strike) {
        self.0.lock().unwrap().strikes.push(strike);
    }

    /// From now on this function's transactions are refused for their rate; none for nobody's.
    pub fn throttle_transactions_of(&self, function: Option<Function>) {
        self.0.lock().unwrap().throttled = function;
    }

    fn throttles(&self, function: Function, target: &str) -> bool {
        let throttled = self.0.lock().unwrap().throttled == Some(function);
        throttled && target.ends_with(".TransactWriteItems")
    }

    /// The calls that a function has made.
    pub fn calls(&self, function: Function) -> usize {
        let state = self.0.lock().unwrap();
        state.calls.get(function).copied().unwrap_or_default()
    }

    /// How many strikes there have been.
    pub fn struck(&self) -> usize {
        self.0.lock().unwrap().struck
    }

    /// Makes a call of a function to somebody else than AWS.
    pub async fn pass<T>(&self, function: Function, call: impl Future<Output = T>) -> T {
        match self.next(function) {
            Some(Fault::KilledBefore) => self.die().await,
            Some(Fault::KilledAfter) => {
                call.await;
                self.die().await
            }
            // The others' errors are for their scripts to make.
            None | Some(Fault::Refused | Fault::AnswerLost) => call.await,
        }
    }

    /// Makes a call of a function to AWS.
    pub async fn pass_aws(
        &self,
        function: Function,
        call: impl Future<Output = Response<Bytes>>,
    ) -> Response<Bytes> {
        match self.next(function) {
            None => call.await,
            Some(Fault::KilledBefore) => self.die().await,
            Some(Fault::KilledAfter) => {
                call.await;
                self.die().await
            }
            Some(Fault::Refused) => {
                self.count();
                internal_error()
            }
            Some(Fault::AnswerLost) => {
                call.await;
                self.count();
                internal_error()
            }
        }
    }

    fn next(&self, function: Function) -> Option<Fault> {
        let mut state = self.0.lock().unwrap();
        let count = state.calls.entry(function).or_default();
        let call = *count;
        *count += 1;
        let mut strikes = state.strikes.iter();
        let strike = strikes.find(|strike| strike.function == function && strike.call == call)?;
        Some(strike.fault)
    }

    /// A process that is dead does not go on: its future stays pending until the invocation is cut off.
    async fn die<T>(&self) -> T {
        self.count();
        std::future::pending().await
    }

    fn count(&self) {
        self.0.lock().unwrap().struck += 1;
    }
}

fn internal_error() -> Response<Bytes> {
    let body = r#"{"__type":"InternalServerError","message":"as told"}"#;
    let mut response = Response::new(Bytes::from_static(body.as_bytes()));
    *response.status_mut() = http::StatusCode::INTERNAL_SERVER_ERROR;
    response
}

/// The SDK does not look at the reasons, and takes it for no throttle.
/// Source: [TransactWriteItems](https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html).
fn throttled_transaction() -> Response<Bytes> {
    let body = r#"{"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException","Message":"as told",
        "CancellationReasons":[{"Code":"ThrottlingError","Message":"as told"}]}"#;
    let mut response = Response::new(Bytes::from_static(body.as_bytes()));
    *response.status_mut() = http::StatusCode::BAD_REQUEST;
    response
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
        if self.faults.throttles(self.function, target) {
            return async { throttled_transaction() }.boxed();
        }
        let call = aws.call(target, body);
        self.faults.pass_aws(self.function, call).boxed()
    }
}
