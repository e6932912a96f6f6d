//! Playing a run from its beginning to its end.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use domain::delivery::{Delivery, DeliveryKey};
use domain::ids::WebhookId;
use domain::sms::delivery::{SmsDelivery, SmsKey};
use domain::webhook::Webhook;
use jiff::Timestamp;
use jiff::civil::Date;
use local::outside::twilio::AcceptedMessage;
use platform::store::sms_counters::{DayCounts, day_of};
use platform::store::webhook_stats::WebhookCounts;
use serde_json::{Value, json};

use crate::call::Call;
use crate::clients::Clients;
use crate::fault::Strike;
use crate::functions::Function;
use crate::happening::Happening;
use crate::log::Listener;
use crate::observe::Commit;
use crate::observe_due::{self, Due};
use crate::outside::{GatewayCall, Granted, Request, TestRequest, Texted};
use crate::run::{BEGIN, Run, Struck};
use crate::sabotage::Sabotage;
use crate::scenario::Scenario;
use crate::trace::Entry;
use crate::{context, scheduler, world};

/// The webhooks as they stand, by their ids; none where they are deleted.
type Webhooks = BTreeMap<WebhookId, Option<Webhook>>;

/// So long after the last write the product takes every hour for over, which is an hour after its end and its last touch.
const ALL_HOURS_OVER: Duration = Duration::from_secs(3 * 60 * 60);

/// How much of a run is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// Which calls were made, and when.
    Calls,
    /// What they were about as well, and what was logged.
    All,
}

/// A run that is over.
#[derive(Debug)]
pub struct Played {
    /// Where it ended.
    pub end: End,
    /// What happened.
    pub trace: Vec<Entry>,
    /// All calls, in order, and who made them.
    pub calls: Vec<(Function, Call)>,
    /// What else happened.
    pub happened: BTreeMap<Happening, u64>,
}

/// Where a run ended: everything that can be said of it then.
#[derive(Debug, Clone)]
pub struct End {
    /// What was to happen.
    pub scenario: Scenario,
    /// Whether it came to rest.
    pub at_rest: bool,
    /// The faults that met a call, in order.
    pub struck: Vec<Struck>,
    /// When each event happened.
    pub published: BTreeMap<usize, Timestamp>,
    /// Every step of every delivery, SMS and webhook, in order.
    pub commits: Vec<Commit>,
    /// The webhooks.
    pub webhooks: BTreeMap<WebhookId, Option<Webhook>>,
    /// The webhooks' deliveries.
    pub deliveries: BTreeMap<DeliveryKey, Delivery>,
    /// The SMS deliveries.
    pub sms: Vec<SmsDelivery>,
    /// What the product counted of them.
    pub sms_counts: Vec<(Date, DayCounts)>,
    /// What the product counted of the webhooks' deliveries.
    pub webhook_counts: WebhookCounts,
    /// The same when every hour is over, from what the product has kept of them.
    pub later_counts: WebhookCounts,
    /// The requests that endpoints received.
    pub requests: Vec<Request>,
    /// The tests that administrators asked for.
    pub tests: Vec<TestRequest>,
    /// What else administrators asked for and were told would be done.
    pub granted: Vec<Granted>,
    /// What the first member texted.
    pub texted: Vec<Texted>,
    /// What the gateway was given.
    pub gateway: Vec<GatewayCall>,
    /// What Twilio accepted.
    pub accepted: Vec<AcceptedMessage>,
    /// What is in dead-letter queues: the queue, the message.
    pub dead_letters: Vec<(String, String)>,
    /// Messages that are left in the other queues.
    pub held: BTreeMap<String, usize>,
    /// What waits.
    pub due: Vec<Due>,
    /// Where secrets were seen.
    pub leaks: BTreeSet<String>,
}

/// Plays the scenario with these strikes.
///
/// # Panics
/// If the thread is in a tokio runtime.
#[must_use]
pub fn play(scenario: &Scenario, strikes: &[Strike], detail: Detail) -> Played {
    play_sabotaged(scenario, strikes, detail, None)
}

/// The same, with services that do not do what they say.
///
/// # Panics
/// If the thread is in a tokio runtime.
#[must_use]
pub fn play_sabotaged(
    scenario: &Scenario,
    strikes: &[Strike],
    detail: Detail,
    sabotage: Option<Sabotage>,
) -> Played {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    let played = runtime.block_on(async {
        let run = Run::new(scenario.clone(), strikes, detail == Detail::All, sabotage);
        context::enter(Arc::clone(&run));
        let _listening = tracing::subscriber::set_default(Listener);
        world::resources(&run.aws).await;
        world::configure(&run).await;
        let at_rest = scheduler::drive(&run).await;
        Played {
            end: end(&run, at_rest).await,
            trace: run.trace.entries(),
            calls: run.calls_made(),
            happened: run.happened(),
        }
    });
    drop(runtime);
    context::leave();
    played
}

async fn end(run: &Arc<Run>, at_rest: bool) -> End {
    let commits = run.commits();
    let sms_counts = sms_counts(run).await;
    let (webhooks, deliveries, sms) = (
        webhooks(run).await,
        deliveries(&commits).await,
        sms(run).await,
    );
    let webhook_counts = webhook_counts(run, &webhooks).await;
    look_for_secrets(run).await;
    let contacts = run.contacts().clone();
    let (accepted, dead_letters, held) = (run.twilio().accepted(), dead_letters(run), held(run));
    let due = observe_due::entries(run).await;
    let later_counts = later_counts(run, &webhooks).await;
    End {
        scenario: run.scenario.clone(),
        at_rest,
        struck: run.struck(),
        published: run.published(),
        commits,
        webhooks,
        deliveries,
        sms,
        sms_counts,
        webhook_counts,
        later_counts,
        requests: contacts.requests,
        tests: contacts.tests,
        granted: contacts.granted,
        texted: contacts.texted,
        gateway: contacts.gateway,
        accepted,
        dead_letters,
        held,
        due,
        leaks: run.leaks(),
    }
}

async fn webhooks(run: &Run) -> Webhooks {
    let store = Clients::certain().store();
    let mut webhooks = BTreeMap::new();
    for place in 0..run.scenario.webhooks.len() {
        let id = world::webhook_id(place);
        let stored = store.webhook(&world::workspace(), &id).await;
        let stored = stored.expect("no fault here");
        webhooks.insert(id, stored.map(|stored| stored.value));
    }
    webhooks
}

/// The deliveries that were ever written and are there still.
async fn deliveries(commits: &[Commit]) -> BTreeMap<DeliveryKey, Delivery> {
    let written = commits.iter().flat_map(|commit| &commit.deliveries);
    let keys: BTreeSet<_> = written.map(|(key, _)| key.clone()).collect();
    let keys: Vec<_> = keys.into_iter().collect();
    let read = Clients::certain().store().deliveries(&keys).await;
    let readable = |(key, stored): (DeliveryKey, Result<_, _>)| {
        let stored: platform::store::Stored = stored.ok()?;
        Some((key, stored.value))
    };
    let read = read.expect("no fault here");
    read.into_iter().filter_map(readable).collect()
}

async fn sms(run: &Run) -> Vec<SmsDelivery> {
    let store = Clients::certain().store();
    let mut sms = Vec::new();
    for (_, id) in run.sms_keys() {
        let key = SmsKey {
            workspace: world::workspace(),
            id: id.parse().expect("an id"),
        };
        let stored = store.sms(&key).await.expect("no fault here");
        sms.extend(stored.map(|stored| stored.value));
    }
    sms
}

/// The days that the run took.
fn days(run: &Run) -> RangeInclusive<Date> {
    let begin: Timestamp = BEGIN.parse().expect("a time");
    day_of(begin)..=day_of(run.now())
}

async fn sms_counts(run: &Run) -> Vec<(Date, DayCounts)> {
    if run.scenario.provider.is_none() {
        return Vec::new();
    }
    let (store, days) = (Clients::certain().store(), days(run));
    let workspace = world::workspace();
    let counts = store.sms_counts(&workspace, *days.start(), *days.end());
    counts.await.expect("no fault here")
}

/// Counts the deliveries of the webhooks that are there, as the API does.
async fn webhook_counts(run: &Run, webhooks: &Webhooks) -> WebhookCounts {
    if !run.scenario.counted {
        return WebhookCounts::new();
    }
    let there = webhooks.iter().filter(|(_, webhook)| webhook.is_some());
    let ids: Vec<_> = there.map(|(id, _)| id.clone()).collect();
    let store = Clients::certain().store();
    let counts = store.webhook_counts(&ids, days(run), run.now()).await;
    counts.expect("no fault here")
}

/// Counts once more when what was counted of each hour may be kept; and again, from what is kept.
async fn later_counts(run: &Run, webhooks: &Webhooks) -> WebhookCounts {
    if run.scenario.counted {
        tokio::time::sleep(ALL_HOURS_OVER).await;
        webhook_counts(run, webhooks).await;
    }
    webhook_counts(run, webhooks).await
}

/// Looks through the whole table, what is compressed included.
async fn look_for_secrets(run: &Arc<Run>) {
    let request = json!({ "TableName": world::template().tables[0].name });
    let request = Bytes::from(request.to_string());
    let answer = run.aws.call("DynamoDB_20120810.Scan", request).await;
    run.printed("the table", &String::from_utf8_lossy(answer.body()));
    let answer: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
    look_into(run, &answer);
}

fn look_into(run: &Run, value: &Value) {
    match value {
        Value::Object(fields) => {
            if let Some(base64) = fields.get("B").and_then(Value::as_str) {
                let bytes = BASE64_STANDARD.decode(base64).unwrap_or_default();
                run.printed("the table", &String::from_utf8_lossy(&bytes));
                if let Ok(text) = domain::compression::decompress(&bytes, 1 << 20) {
                    run.printed("the table, compressed", &String::from_utf8_lossy(&text));
                }
            }
            fields.values().for_each(|field| look_into(run, field));
        }
        Value::Array(values) => values.iter().for_each(|value| look_into(run, value)),
        _ => {}
    }
}

fn is_dead_letter_queue(resource: &str) -> bool {
    resource.contains("DeadLetter")
}

fn dead_letters(run: &Run) -> Vec<(String, String)> {
    let mut letters = Vec::new();
    for queue in world::template().queues.iter() {
        if !is_dead_letter_queue(&queue.id) {
            continue;
        }
        loop {
            let received = run.aws.sqs().receive(&queue.name, 10, None);
            if received.is_empty() {
                break;
            }
            let bodies = received.into_iter().map(|message| message.body);
            letters.extend(bodies.map(|body| (queue.id.clone(), body)));
        }
    }
    letters
}

fn held(run: &Run) -> BTreeMap<String, usize> {
    let queues = world::template().queues.iter();
    let others = queues.filter(|queue| !is_dead_letter_queue(&queue.id));
    others
        .map(|queue| (queue.id.clone(), scheduler::held(run, &queue.id)))
        .filter(|(_, held)| *held > 0)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flows;
    use crate::secrets::CANARY;

    /// Where a secret is seen that stands in the table as this attribute.
    async fn leaks(attribute: Value) -> BTreeSet<String> {
        let flow = flows::named("success").unwrap();
        let run = Run::new(flow.scenario, &[], false, None);
        context::enter(Arc::clone(&run));
        world::resources(&run.aws).await;
        let item = json!({ "pk": { "S": "p" }, "sk": { "S": "s" }, "doc": attribute });
        let put = json!({ "TableName": world::template().tables[0].name, "Item": item });
        let put = Bytes::from(put.to_string());
        run.aws_call("DynamoDB_20120810.PutItem", put).await;
        look_for_secrets(&run).await;
        run.leaks()
    }

    #[tokio::test(start_paused = true)]
    async fn a_secret_in_the_table_is_seen_in_text_in_bytes_and_compressed() {
        let text = format!("{{\"secret\":\"{CANARY} {CANARY} {CANARY} {CANARY}\"}}");
        let compressed = domain::compression::compress(text.as_bytes());
        for attribute in [
            json!({ "S": text }),
            json!({ "B": BASE64_STANDARD.encode(&text) }),
            json!({ "B": BASE64_STANDARD.encode(compressed) }),
        ] {
            assert!(!leaks(attribute.clone()).await.is_empty(), "{attribute}");
        }
        assert!(leaks(json!({ "S": "nothing" })).await.is_empty());
    }
}
