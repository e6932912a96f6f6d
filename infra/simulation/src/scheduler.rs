//! What runs when: queues polled as event source mappings do, the sweep, people and upstreams; all in virtual time, and
//! out of order as the seed says.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use aws_lambda_events::event::sqs::{SqsEvent, SqsMessage};
use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::Timestamp;
use local::event_source::record::{Message, Record};
use local::event_source::verdict::{Verdict, verdict};
use local::template::QueueTrigger;
use serde_json::{Value, json};

use crate::context::Invocation;
use crate::functions::Function;
use crate::happening::Happening;
use crate::run::Run;
use crate::{actions, invoke, observe_due, world};

/// The functions behind queues.
const CONSUMERS: [Function; 4] = [
    Function::FanOut,
    Function::DeliverWebhook,
    Function::DeliverSms,
    Function::BulkJobs,
];
/// The most messages of one receive.
const RECEIVE_LIMIT: usize = 10;
/// A run that is not at rest by then never will be.
const LONGEST: Duration = Duration::from_secs(8 * 24 * 60 * 60);
/// The sweep is only looked at where nothing else happens for so long.
const SOON: Duration = Duration::from_secs(60);
/// Sweeps without which nothing happens; after so many, nothing will.
const SWEEPS: usize = 40;

/// A received batch, as it goes to a function.
struct Received {
    function: Function,
    trigger: &'static QueueTrigger,
    records: Vec<SqsMessage>,
}

impl Received {
    fn handles(&self) -> impl Iterator<Item = &str> {
        let records = self.records.iter();
        records.filter_map(|record| record.receipt_handle.as_deref())
    }

    /// Whether all that these messages do is to wake deliveries that are in the table: with a first attempt's message an
    /// event would be lost.
    fn are_wake_ups(&self) -> bool {
        let is_first = |record: &SqsMessage| {
            let body = record.body.as_deref().unwrap_or_default();
            body.contains(r#""first":{"#)
        };
        match self.function {
            Function::DeliverSms => true,
            Function::DeliverWebhook => !self.records.iter().any(is_first),
            _ => false,
        }
    }

    /// The queue has these messages no more.
    fn delete(&self, run: &Run) {
        for handle in self.handles() {
            run.aws.sqs().delete(&self.trigger.queue, handle);
        }
    }
}

/// Drives the run until nothing is left to happen. Whether it came to rest.
pub async fn drive(run: &Arc<Run>) -> bool {
    let end = run.now() + LONGEST;
    for (at, action) in run.scenario.actions.clone() {
        run.started();
        let run = Arc::clone(run);
        tokio::spawn(async move {
            tokio::time::sleep(at).await;
            actions::perform(&run, action).await;
            run.finished();
        });
    }
    let mut polls = Polls::default();
    let mut sweeps = Sweeps::default();
    loop {
        polls.take_all(run);
        if run.now() > end || run.runs_away() {
            return false;
        }
        let next = [polls.next(run), run.twilio_until()]
            .into_iter()
            .flatten()
            .min();
        let sweep = if run.is_busy() || next.is_some_and(|at| at < run.now() + SOON) {
            None
        } else {
            sweeps.next(run).await
        };
        if sweep.is_some_and(|at| at <= run.now()) {
            sweeps.ran(run);
            if sweeps.in_vain > SWEEPS {
                return false;
            }
            spawn(run, invoke_sweep);
            continue;
        }
        match next.into_iter().chain(sweep).min() {
            Some(next) => until(run, next).await,
            None if run.is_busy() => run.changed.notified().await,
            None => return true,
        }
    }
}

fn invoke_sweep(run: Arc<Run>) -> BoxFuture<'static, ()> {
    async move { invoke::sweep(&run).await }.boxed()
}

fn spawn(run: &Arc<Run>, work: impl FnOnce(Arc<Run>) -> BoxFuture<'static, ()>) {
    run.started();
    let work = work(Arc::clone(run));
    let run = Arc::clone(run);
    tokio::spawn(async move {
        work.await;
        run.finished();
    });
}

/// Waits until that time, or until something has changed.
async fn until(run: &Run, at: Timestamp) {
    let wait = Duration::try_from(at.duration_since(run.now())).unwrap_or_default();
    // Timers count whole milliseconds.
    let wait = wait + Duration::from_millis(1);
    _ = tokio::time::timeout(wait, run.changed.notified()).await;
}

/// When each queue is polled.
#[derive(Default)]
struct Polls {
    /// Queues whose polls are late.
    not_before: BTreeMap<&'static str, Timestamp>,
}

impl Polls {
    /// Takes whatever can be had, and hands it to the functions.
    fn take_all(&mut self, run: &Arc<Run>) {
        for (function, trigger) in triggers() {
            while self.is_due(run, trigger) {
                let Some(received) = receive(run, function, trigger) else {
                    break;
                };
                hand_out(run, received);
            }
        }
    }

    fn is_due(&mut self, run: &Run, trigger: &'static QueueTrigger) -> bool {
        if visible(run, &trigger.queue) == 0 {
            return false;
        }
        match self.not_before.get(trigger.queue.as_str()) {
            Some(at) if *at > run.now() => return false,
            Some(_) => {
                self.not_before.remove(trigger.queue.as_str());
                return true;
            }
            None => {}
        }
        if !run.dice.mischief.percent(run.scenario.mischief.late) {
            return true;
        }
        run.happens_that(Happening::PolledLate);
        let lag = Duration::from_millis(run.dice.mischief.below(3_000));
        self.not_before.insert(&trigger.queue, run.now() + lag);
        false
    }

    /// When a queue may have something next.
    fn next(&self, run: &Run) -> Option<Timestamp> {
        let of_queue = |(_, trigger): (Function, &'static QueueTrigger)| {
            let late = self.not_before.get(trigger.queue.as_str()).copied();
            late.filter(|at| *at > run.now() && visible(run, &trigger.queue) > 0)
                .or_else(|| run.aws.sqs().next_visible_at(&trigger.queue))
        };
        triggers().filter_map(of_queue).min()
    }
}

fn triggers() -> impl Iterator<Item = (Function, &'static QueueTrigger)> {
    CONSUMERS.into_iter().flat_map(|function| {
        let queues = function.of_template().queues.iter();
        queues.map(move |trigger| (function, trigger))
    })
}

fn visible(run: &Run, queue: &str) -> usize {
    run.aws
        .sqs()
        .counts(queue)
        .map_or(0, |counts| counts.visible)
}

/// Receives a batch; none where there is nothing, or the batch is lost on its way.
fn receive(run: &Arc<Run>, function: Function, trigger: &'static QueueTrigger) -> Option<Received> {
    let mut messages = Vec::new();
    while messages.len() < trigger.batch_size {
        let wanted = (trigger.batch_size - messages.len()).min(RECEIVE_LIMIT);
        let some = receive_some(run, &trigger.queue, wanted);
        if some.is_empty() {
            break;
        }
        messages.extend(some);
    }
    if messages.is_empty() {
        return None;
    }
    let mut records: Vec<SqsMessage> = messages
        .into_iter()
        .filter_map(|message| record(run, message, &trigger.queue))
        .collect();
    let mischief = &run.scenario.mischief;
    if records.len() > 1 && run.dice.mischief.percent(mischief.shuffled) {
        run.happens_that(Happening::Shuffled);
        shuffle(run, &mut records);
    }
    Some(Received {
        function,
        trigger,
        records,
    })
}

fn receive_some(run: &Run, queue: &str, wanted: usize) -> Vec<Message> {
    let request = json!({
        "QueueUrl": run.aws.queue_url(queue),
        "MaxNumberOfMessages": wanted,
        "MessageSystemAttributeNames": ["All"],
        "MessageAttributeNames": ["All"],
    });
    let answer = run
        .aws
        .sqs()
        .handle("AmazonSQS.ReceiveMessage", request.to_string().as_bytes());
    let mut answer: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    serde_json::from_value(answer["Messages"].take()).unwrap_or_default()
}

fn record(run: &Run, message: Message, queue: &str) -> Option<SqsMessage> {
    let event = json!({ "Records": [Record::of(message, queue)] }).to_string();
    run.printed("message", &event);
    let event: SqsEvent = serde_json::from_str(&event).ok()?;
    event.records.into_iter().next()
}

fn shuffle(run: &Run, records: &mut [SqsMessage]) {
    for place in (1..records.len()).rev() {
        let other = run.dice.mischief.below(place as u64 + 1);
        records.swap(place, usize::try_from(other).unwrap_or(place));
    }
}

/// Hands a batch to its function, with all the mischief that may befall it on the way.
fn hand_out(run: &Arc<Run>, received: Received) {
    let mischief = run.scenario.mischief;
    let dice = &run.dice.mischief;
    if dice.percent(mischief.dropped) {
        run.happens_that(Happening::BatchLostOnItsWay);
        run.note(|| format!("a batch for {} is lost", received.function.id()));
        return;
    }
    if dice.percent(mischief.lost) && received.are_wake_ups() {
        run.happens_that(Happening::WakeUpLost);
        run.note(|| format!("wake-ups for {} are no more", received.function.id()));
        return received.delete(run);
    }
    if dice.percent(mischief.seen_again) {
        let seconds = dice.below(4);
        run.happens_that(Happening::SeenTooEarly);
        run.note(|| format!("a batch is seen again in {seconds} s"));
        for handle in received.handles() {
            show_again(run, &received.trigger.queue, handle, seconds);
        }
    }
    if dice.percent(mischief.sweeping) {
        spawn(run, invoke_sweep);
    }
    if dice.percent(mischief.twice) {
        let later = Duration::from_millis(*dice.pick(&[0, 5, 50, 2_000, 60_000]).unwrap_or(&0));
        run.happens_that(Happening::HandedOutTwice);
        run.note(|| format!("a batch is handed out again after {later:?}"));
        hand_out_once(run, &received, later);
    }
    hand_out_once(run, &received, Duration::ZERO);
}

/// The messages that the invocation handles are visible again, as of now.
pub fn seen_again(run: &Run, invocation: &Invocation) {
    let Some(batch) = &invocation.batch else {
        return;
    };
    for handle in &batch.handles {
        show_again(run, batch.queue, handle, 0);
    }
    run.changed.notify_one();
}

fn show_again(run: &Run, queue: &str, handle: &str, seconds: u64) {
    let request = json!({
        "QueueUrl": run.aws.queue_url(queue),
        "ReceiptHandle": handle,
        "VisibilityTimeout": seconds,
    });
    run.aws.sqs().handle(
        "AmazonSQS.ChangeMessageVisibility",
        request.to_string().as_bytes(),
    );
}

fn hand_out_once(run: &Arc<Run>, received: &Received, later: Duration) {
    let (function, trigger) = (received.function, received.trigger);
    let records = received.records.clone();
    spawn(run, move |run| {
        async move {
            tokio::time::sleep(later).await;
            process(&run, function, trigger, records).await;
        }
        .boxed()
    });
}

async fn process(
    run: &Arc<Run>,
    function: Function,
    trigger: &'static QueueTrigger,
    records: Vec<SqsMessage>,
) {
    let handles: Vec<(String, String)> = records
        .iter()
        .map(|record| {
            let text = |text: &Option<String>| text.clone().unwrap_or_default();
            (text(&record.message_id), text(&record.receipt_handle))
        })
        .collect();
    let ids: Vec<&str> = handles.iter().map(|(id, _)| id.as_str()).collect();
    let verdict = match invoke::batch(run, function, &trigger.queue, records).await {
        Some(answer) => {
            let answer = serde_json::to_vec(&answer).unwrap_or_default();
            verdict(trigger.report_item_failures, &answer, &ids)
        }
        None => Verdict::DeleteNothing,
    };
    for (id, handle) in &handles {
        let kept = match &verdict {
            Verdict::DeleteNothing => true,
            Verdict::DeleteAllBut(failed) => failed.contains(id),
        };
        if !kept {
            run.aws.sqs().delete(&trigger.queue, handle);
        }
    }
}

/// When the sweep is to run: each minute, but only those minutes are played in which it finds something to do.
#[derive(Default)]
struct Sweeps {
    /// The table's writes when it was looked at last, and what was found.
    seen: Option<(usize, Option<Timestamp>)>,
    last: Option<Timestamp>,
    /// Sweeps since the table was last written.
    in_vain: usize,
    writes: usize,
}

impl Sweeps {
    async fn next(&mut self, run: &Arc<Run>) -> Option<Timestamp> {
        let writes = run.writes();
        let found = match self.seen {
            Some((at, found)) if at == writes => found,
            _ => {
                let found = observe_due::first(run).await;
                self.seen = Some((writes, found));
                found
            }
        };
        let at = found?;
        let soonest = self.last.map_or(at, |last| last + Duration::from_secs(60));
        Some(whole_minute(at.max(soonest)))
    }

    fn ran(&mut self, run: &Run) {
        self.last = Some(run.now());
        if run.writes() == self.writes {
            self.in_vain += 1;
        } else {
            self.in_vain = 0;
        }
        self.writes = run.writes();
    }
}

fn whole_minute(at: Timestamp) -> Timestamp {
    let seconds = at.as_second();
    let over = seconds.rem_euclid(60);
    let up = if over == 0 { 0 } else { 60 - over };
    Timestamp::from_second(seconds + up).unwrap_or(at)
}

/// The messages of a queue, wherever they are.
#[must_use]
pub fn held(run: &Run, resource: &str) -> usize {
    let counts = run.aws.sqs().counts(world::queue_name(resource));
    counts.map_or(0, |counts| {
        counts.visible + counts.in_flight + counts.delayed
    })
}
