//! One run: the services, the clock, the chance, the faults, and what has been seen.

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
use crate::observe::{self, Commit};
use crate::outside::Contacts;
use crate::scenario::Scenario;
use crate::trace::{Entry, Line, Trace};
use crate::{partial, secrets, world};

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
    struck: Vec<(usize, Call, Fault)>,
    made: Vec<Call>,
    writes: Vec<(String, Bytes)>,
    commits: Vec<Commit>,
    sms: BTreeSet<(String, String)>,
    leaks: BTreeSet<String>,
    idle: BTreeMap<Function, Vec<Arc<Process>>>,
    /// Invocations and actions under way.
    busy: usize,
    twilio_until: Option<Timestamp>,
    published: BTreeMap<usize, Timestamp>,
}

impl Run {
    /// A run of this scenario with these strikes, before anything is made. Must be called inside the runtime whose
    /// time it follows.
    #[must_use]
    pub fn new(scenario: Scenario, strikes: &[Strike], detailed: bool) -> Arc<Run> {
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

    // -- calls ------------------------------------------------------------------------------------------------

    /// A call of a function to AWS.
    pub async fn aws_call(&self, target: &str, body: Bytes) -> Response<Bytes> {
        let call = Call::of_aws(target, &body);
        let Some(invocation) = context::invocation() else {
            return self.perform(call, target, body).await;
        };
        if invocation.function == Function::Sweep
            && call == Call::Table(TableCall::EventualRead)
            && !invocation.is_dead()
        {
            // The sweep reads hundreds of empty partitions: to die at one is to die at any other.
            let answer = self.aws.call(target, body.clone()).await;
            if contains(answer.body(), r#""Count":0"#) {
                return answer;
            }
        }
        let about = || observe::about(target, &body);
        match self.begin(&invocation, call, about).await {
            None => self.perform(call, target, body).await,
            Some(fault) => {
                self.faulty_call(&invocation, call, fault, target, body)
                    .await
            }
        }
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
            Fault::Throttled => fault::throttled(call),
            Fault::ServerError | Fault::Refused => fault::server_error(call),
            Fault::Slow => {
                tokio::time::sleep(fault::SLOW).await;
                self.perform(call, target, body).await
            }
            Fault::Conflict => fault::conflict(call, &body),
            Fault::PartialBatch => partial::queue_batch(self, call, target, &body).await,
            Fault::Unprocessed => partial::table_batch(self, call, target, &body).await,
            Fault::Stale => self.stale(target, body).await,
        }
    }

    /// Carries out a call to AWS, and takes note of what it changes.
    pub async fn perform(&self, call: Call, target: &str, body: Bytes) -> Response<Bytes> {
        let response = self.aws.call(target, body.clone()).await;
        match call {
            Call::Queue(_) => self.changed.notify_one(),
            Call::Table(table) if table.writes() && response.status().is_success() => {
                observe::written(self, &body).await;
                self.state().writes.push((target.to_owned(), body));
            }
            _ => {}
        }
        response
    }

    /// Answers from the state before the latest one to four writes.
    async fn stale(&self, target: &str, body: Bytes) -> Response<Bytes> {
        let writes = self.state().writes.clone();
        let behind = usize::try_from(1 + self.dice.fault.below(4)).unwrap_or(1);
        let earlier = Aws::seeded(Arc::clone(&self.clock), world::ENDPOINT, 0);
        world::resources(&earlier).await;
        for (target, body) in writes.iter().take(writes.len().saturating_sub(behind)) {
            earlier.call(target, body.clone()).await;
        }
        earlier.call(target, body).await
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
        let number = self.calls.fetch_add(1, Ordering::Relaxed);
        if invocation.is_dead() || number > MOST_CALLS {
            return self.never().await;
        }
        let fault = self.fault_of(number, call);
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
        fault
    }

    fn fault_of(&self, number: usize, call: Call) -> Option<Fault> {
        let mut state = self.state();
        state.made.push(call);
        let fault = match state.strikes.get(&number)? {
            Some(fault) if fault.befalls(call) => *fault,
            Some(_) => return None,
            None => {
                let befalling: Vec<Fault> = Fault::befalling(call).collect();
                *self.dice.fault.pick(&befalling)?
            }
        };
        state.struck.push((number, call, fault));
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

    // -- processes --------------------------------------------------------------------------------------------

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
        idle.swap_remove(place)
    }

    /// The process is idle again: frozen, until somebody takes it.
    pub fn freeze(&self, function: Function, process: Arc<Process>) {
        self.state().idle.entry(function).or_default().push(process);
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

    // -- what was seen ----------------------------------------------------------------------------------------

    /// Tells the trace.
    pub fn note(&self, note: impl FnOnce() -> String) {
        if self.detailed {
            self.trace.push(Entry::Note(self.now(), note()));
        }
    }

    /// Something was written where people or machines may read it.
    pub fn printed(&self, place: &str, text: &str) {
        if text.contains(secrets::CANARY) {
            self.state().leaks.insert(format!("{place}: {text}"));
        }
    }

    /// Deliveries or webhooks were written.
    pub fn committed(&self, commit: Commit) {
        self.state().commits.push(commit);
    }

    /// What was written, in order.
    #[must_use]
    pub fn commits(&self) -> Vec<Commit> {
        self.state().commits.clone()
    }

    /// An SMS delivery's item was written.
    pub fn sms_written(&self, pk: &str, sk: &str) {
        self.state().sms.insert((pk.to_owned(), sk.to_owned()));
    }

    /// The keys of all SMS deliveries.
    #[must_use]
    pub fn sms_keys(&self) -> BTreeSet<(String, String)> {
        self.state().sms.clone()
    }

    /// Where secrets were seen.
    #[must_use]
    pub fn leaks(&self) -> BTreeSet<String> {
        self.state().leaks.clone()
    }

    /// The strikes that met a call.
    #[must_use]
    pub fn struck(&self) -> Vec<(usize, Call, Fault)> {
        self.state().struck.clone()
    }

    /// Whether it makes more calls than any run that comes to rest.
    #[must_use]
    pub fn runs_away(&self) -> bool {
        self.calls.load(Ordering::Relaxed) > MOST_CALLS
    }

    /// All calls, in order.
    #[must_use]
    pub fn calls_made(&self) -> Vec<Call> {
        self.state().made.clone()
    }

    /// When the event happens: when it is first published.
    pub fn happens(&self, event: usize) -> Timestamp {
        let now = Timestamp::from_second(self.now().as_second()).unwrap_or_default();
        *self.state().published.entry(event).or_insert(now)
    }

    /// When each event happened that was published.
    #[must_use]
    pub fn published(&self) -> BTreeMap<usize, Timestamp> {
        self.state().published.clone()
    }

    /// How many writes the table has taken.
    #[must_use]
    pub fn writes(&self) -> usize {
        self.state().writes.len()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::flows;

    async fn empty_run() -> Arc<Run> {
        let flow = flows::named("success").unwrap();
        let run = Run::new(flow.scenario, &[], false);
        context::enter(Arc::clone(&run));
        world::resources(&run.aws).await;
        run
    }

    fn request(value: &Value) -> Bytes {
        Bytes::from(value.to_string())
    }

    #[tokio::test(start_paused = true)]
    async fn a_stale_read_misses_the_latest_write() {
        let run = empty_run().await;
        let table = &world::template().tables[0].name;
        let put = json!({ "TableName": table, "Item": { "pk": { "S": "p" }, "sk": { "S": "s" } } });
        run.aws_call("DynamoDB_20120810.PutItem", request(&put))
            .await;
        let query = json!({
            "TableName": table,
            "KeyConditionExpression": "pk = :p",
            "ExpressionAttributeValues": { ":p": { "S": "p" } },
        });
        let target = "DynamoDB_20120810.Query";
        let now = run.aws_call(target, request(&query)).await;
        let stale = run.stale(target, request(&query)).await;
        assert!(contains(now.body(), r#""Count":1"#));
        assert!(contains(stale.body(), r#""Count":0"#));
    }

    #[tokio::test(start_paused = true)]
    async fn of_a_partial_batch_just_what_is_told_to_be_done_is_done() {
        let run = empty_run().await;
        let entries: Vec<_> = (0..8)
            .map(|id| json!({ "Id": id.to_string(), "MessageBody": "x" }))
            .collect();
        let send = json!({ "QueueUrl": world::queue_url("EventsQueue"), "Entries": entries });
        let target = "AmazonSQS.SendMessageBatch";
        let call = Call::of_aws(target, b"");
        let answer = partial::queue_batch(&run, call, target, &request(&send)).await;
        let answer: Value = serde_json::from_slice(answer.body()).unwrap();
        let count = |name: &str| answer[name].as_array().map_or(0, Vec::len);
        assert_eq!(count("Successful") + count("Failed"), 8);
        assert!(count("Failed") > 0);
        let held = crate::scheduler::held(&run, "EventsQueue");
        assert_eq!(held, count("Successful"));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_left_of_a_batch_of_writes_is_not_written() {
        let run = empty_run().await;
        let table = &world::template().tables[0].name;
        let puts: Vec<_> = (0..8)
            .map(|sk| {
                json!({ "PutRequest": { "Item": {
                "pk": { "S": "p" }, "sk": { "S": sk.to_string() },
            } } })
            })
            .collect();
        let write = json!({ "RequestItems": { table: puts } });
        let target = "DynamoDB_20120810.BatchWriteItem";
        let call = Call::of_aws(target, b"");
        let answer = partial::table_batch(&run, call, target, &request(&write)).await;
        let answer: Value = serde_json::from_slice(answer.body()).unwrap();
        let left = answer["UnprocessedItems"][table].as_array().unwrap().len();
        let scan = json!({ "TableName": table });
        let scanned = run.aws.call("DynamoDB_20120810.Scan", request(&scan)).await;
        let scanned: Value = serde_json::from_slice(scanned.body()).unwrap();
        assert!(left > 0);
        assert_eq!(scanned["Items"].as_array().unwrap().len() + left, 8);
    }
}
