//! The delivery path in one process on a virtual clock: the handlers, the queues that `template.yaml` asks for with
//! SQS's own rules, the table, and endpoints that do as they are told. Fourteen hours pass in seconds.

mod endpoints;
mod functions;
mod messages;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use bulk_jobs::BulkJobs;
use deliver_webhook::DeliverWebhook;
use domain::catalogue::EventFilter;
use domain::channel::Channel;
use domain::delivery::{Delivery, DeliveryKey, State};
use domain::endpoint_url::{EndpointUrl, UrlRules};
use domain::ids::{DeliveryId, EventId, WebhookId};
use domain::waiting::Waiting;
use domain::webhook::{Activity, FailureStreak, Lane, Webhook};
use fan_out::FanOut;
use jiff::Timestamp;
use local::aws::{Aws, Gate, WriteUnits};
use local::clock;
use local::event_source::{Invoke, Poller};
use local::template::{Place, Settings, Template};
use platform::http::HttpSend;
use platform::queue::room::{MOST_IN_FLIGHT, RoomLimits};
use platform::store::Store;
use platform::store::log::{LogQuery, StatusFilter};
use sweep::Sweep;
use tokio::task::JoinSet;

use crate::captured_metrics::Printed;
pub use endpoints::{Answer, Call};
use endpoints::{Caller, Endpoints};
use functions::{Functions, Parts, Processes};

/// The functions' time-out in `template.yaml`.
const TIMEOUT: Duration = Duration::from_secs(30);
const ENDPOINT: &str = "http://aws.test";
/// The operator's key to the HTTP API.
pub const OPERATOR: &str = "sk_operator";

pub struct World {
    pub aws: Aws,
    pub clock: platform::clock::Clock,
    pub store: Store,
    pub endpoints: Arc<Endpoints>,
    pub fan_out: Arc<FanOut>,
    pub deliver: Arc<DeliverWebhook>,
    bulk_jobs: BulkJobs,
    sweep: Arc<Sweep>,
    pub refused_visibility_changes: Arc<AtomicUsize>,
    /// What the functions counted.
    pub printed: Printed,
    /// The HTTP API.
    pub api: Router,
    template: Template,
    sqs: aws_sdk_sqs::Client,
    _pollers: Vec<Poller>,
}

/// What is otherwise than `template.yaml` has it.
pub struct Setup {
    /// Parameters of the template.
    pub parameters: Vec<(&'static str, String)>,
    /// What the functions' calls to AWS go through.
    pub gate: Option<Arc<dyn Gate>>,
    /// The room for sleepers, and the queue that it is counted in, which may not exist.
    pub room: RoomLimits,
    pub room_is_in: &'static str,
    /// The endpoints' scripts see their requests, and nobody else.
    pub forgets_calls: bool,
}

impl Default for Setup {
    fn default() -> Setup {
        Setup {
            parameters: Vec::new(),
            gate: None,
            room: alone(MOST_IN_FLIGHT),
            room_is_in: "WebhookSlowQueue",
            forgets_calls: false,
        }
    }
}

/// The room of a process that has it for itself.
fn alone(most_in_flight: u64) -> RoomLimits {
    RoomLimits {
        most_in_flight,
        processes: 1,
    }
}

impl World {
    pub async fn new() -> World {
        World::with(Setup::default()).await
    }

    /// A world whose slow queue has room for so many sleepers.
    pub async fn with_room(most_in_flight: u64) -> World {
        World::with_room_in(most_in_flight, "WebhookSlowQueue").await
    }

    /// The same; the room is counted in this queue, which may not exist.
    pub async fn with_room_in(most_in_flight: u64, counted: &'static str) -> World {
        World::with(Setup {
            room: alone(most_in_flight),
            room_is_in: counted,
            ..Setup::default()
        })
        .await
    }

    pub async fn with(setup: Setup) -> World {
        let base: Timestamp = "2026-03-29T14:30:00Z".parse().unwrap();
        let clock = clock::virtual_from(base);
        let aws = Aws::new(Arc::clone(&clock), ENDPOINT);
        let template = template(setup.parameters);
        aws.create_resources(&template).await.unwrap();

        let refused_visibility_changes = Arc::new(AtomicUsize::new(0));
        let printed = Printed::default();
        let endpoints = Arc::new(Endpoints::default());
        let caller: Arc<dyn HttpSend> = Arc::new(Caller {
            endpoints: Arc::clone(&endpoints),
            clock: Arc::clone(&clock),
            forgets: setup.forgets_calls,
        });
        let room = (setup.room, setup.room_is_in);
        let refused = &refused_visibility_changes;
        let parts = |gate| Parts::new(&aws, gate, &template, room, refused, &printed);
        let theirs = parts(setup.gate);
        let sweep = Arc::new(theirs.sweep());
        let functions = functions(theirs, &caller);
        let ours = parts(None);
        World {
            _pollers: pollers(&aws, &template, &functions),
            store: ours.store.clone(),
            fan_out: Arc::clone(&functions.fan_out),
            deliver: Arc::new(ours.deliver_webhook(caller)),
            bulk_jobs: ours.bulk_jobs(),
            api: ours.admin_api(),
            sqs: ours.sqs,
            aws,
            clock,
            endpoints,
            sweep,
            refused_visibility_changes,
            printed,
            template,
        }
    }

    pub fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// The time, in whole seconds: when an event that is published now happened.
    pub fn now_in_seconds(&self) -> Timestamp {
        Timestamp::from_second(self.now().as_second()).unwrap()
    }

    /// A new active webhook for everything, in the slow lane, at a host of its own.
    pub async fn webhook(&self, host: &str) -> Webhook {
        self.webhook_with(host, |_| {}).await
    }

    pub async fn webhook_with(&self, host: &str, change: impl FnOnce(&mut Webhook)) -> Webhook {
        let mut id = [0; 16];
        id[..host.len().min(16)].copy_from_slice(&host.as_bytes()[..host.len().min(16)]);
        let rules = UrlRules {
            allow_plain_http: false,
            allow_private_networks: false,
        };
        let mut webhook = Webhook {
            id: WebhookId::from_random(id),
            workspace: "ws_1".parse().unwrap(),
            url: EndpointUrl::parse(&format!("https://{host}/hook"), rules).unwrap(),
            events: EventFilter::All,
            project_id: None,
            description: None,
            activity: Activity::Active,
            secret: None,
            retiring_secrets: Vec::new(),
            streak: FailureStreak::default(),
            lane: Lane::Slow,
            lane_since: self.now(),
            created_at: self.now(),
            updated_at: self.now(),
        };
        change(&mut webhook);
        let seen = self.store.config_version(&webhook.workspace).await;
        let seen = seen.unwrap();
        self.store.create_webhook(&webhook, seen).await.unwrap();
        webhook
    }

    /// Changes a webhook as the API would.
    pub async fn edit(&self, webhook: &Webhook, change: impl Fn(&mut Webhook)) {
        let mut stored = self
            .store
            .webhook(&webhook.workspace, &webhook.id)
            .await
            .unwrap()
            .unwrap();
        change(&mut stored.value);
        self.store.save_webhook(&stored).await.unwrap();
    }

    /// Deletes a webhook as the API would, less its log.
    pub async fn delete(&self, webhook: &Webhook) {
        let stored = self.store.webhook(&webhook.workspace, &webhook.id).await;
        let stored = stored.unwrap().unwrap();
        self.store.delete_webhook(&stored).await.unwrap();
    }

    pub async fn reload(&self, webhook: &Webhook) -> Webhook {
        self.store
            .webhook(&webhook.workspace, &webhook.id)
            .await
            .unwrap()
            .unwrap()
            .value
    }

    /// Overwrites a delivery's document with nonsense.
    pub async fn damage(&self, key: &DeliveryKey) {
        use aws_sdk_dynamodb::primitives::Blob;
        use aws_sdk_dynamodb::types::AttributeValue;
        let client = aws_sdk_dynamodb::Client::new(&self.aws.sdk_config());
        let pk = format!("LOG#{}#{}", key.webhook, key.id.shard().number());
        let update = client
            .update_item()
            .table_name(&self.template.tables[0].name)
            .key("pk", AttributeValue::S(pk))
            .key("sk", AttributeValue::S(key.id.to_string()))
            .update_expression("SET doc = :nonsense")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_values(":nonsense", AttributeValue::B(Blob::new(b"nonsense")));
        update.send().await.unwrap();
    }

    /// Sets how the endpoint at a host answers.
    pub fn answer(&self, host: &str, script: impl FnMut(&Call) -> Answer + Send + 'static) {
        self.endpoints.answer(host, Box::new(script));
    }

    /// The requests that a host received.
    pub fn calls(&self, host: &str) -> Vec<Call> {
        self.endpoints.calls(host)
    }

    /// Runs `bulk-jobs` on one message.
    pub async fn handle_bulk_job(&self, record: aws_lambda_events::event::sqs::SqsMessage) {
        let deadline = self.now() + TIMEOUT;
        self.bulk_jobs.handle(vec![record], deadline).await;
    }

    /// Runs `sweep` at this rate for as long as the answer lives. What is known long before is woken in time also where
    /// that is seldom.
    pub fn sweep_every(&self, period: Duration) -> JoinSet<()> {
        let (sweep, clock) = (Arc::clone(&self.sweep), Arc::clone(&self.clock));
        let mut runs = JoinSet::new();
        runs.spawn(async move {
            loop {
                tokio::time::sleep(period).await;
                let deadline = clock() + Duration::from_secs(55);
                sweep.handle(deadline).await.unwrap();
            }
        });
        runs
    }

    /// Lets virtual time pass.
    pub async fn pass(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    /// Lets time pass until the condition holds; fails after `most`.
    pub async fn until(
        &self,
        most: Duration,
        what: &str,
        mut condition: impl AsyncFnMut(&World) -> bool,
    ) {
        let deadline = self.now() + most;
        let look_every = (most / 500).max(Duration::from_secs(1));
        while !condition(self).await {
            assert!(self.now() < deadline, "not within {most:?}: {what}");
            tokio::time::sleep(look_every).await;
        }
    }

    /// Lets time pass until no queue of the delivery path holds a message.
    pub async fn until_quiet(&self, most: Duration) {
        let queues = [
            "EventsQueue",
            "WebhookFastQueue",
            "WebhookSlowQueue",
            "BulkQueue",
        ];
        self.until(most, "queues are empty", async |world: &World| {
            queues.iter().all(|queue| world.held(queue) == 0)
        })
        .await;
    }

    pub fn key(&self, webhook: &Webhook, event: &EventId, timestamp: Timestamp) -> DeliveryKey {
        let id = DeliveryId::for_webhook(&webhook.workspace, event, timestamp, &webhook.id);
        DeliveryKey {
            workspace: webhook.workspace.clone(),
            webhook: webhook.id.clone(),
            id,
        }
    }

    /// A webhook's log, newest first.
    pub async fn log(&self, webhook: &Webhook, status: Option<StatusFilter>) -> Vec<Delivery> {
        let query = LogQuery {
            status,
            limit: 100,
            ..LogQuery::default()
        };
        self.store
            .log_page(&webhook.workspace, &webhook.id, &query)
            .await
            .unwrap()
            .items
    }

    /// The only delivery of a webhook, once there is one that is no longer pending.
    pub async fn settled(&self, webhook: &Webhook, most: Duration) -> Delivery {
        self.until(most, "the delivery is settled", async |world: &World| {
            let log = world.log(webhook, None).await;
            !log.is_empty()
                && log
                    .iter()
                    .all(|delivery| !matches!(delivery.state, State::Pending(_)))
        })
        .await;
        let mut log = self.log(webhook, None).await;
        assert_eq!(log.len(), 1);
        log.remove(0)
    }

    /// The table's write units, from the first call on.
    pub fn write_units(&self) -> &WriteUnits {
        self.aws.write_units(&self.template.tables[0])
    }

    /// The deliveries that are parked.
    pub async fn parked(&self) -> u64 {
        let waits = self.store.waits(Channel::Webhook, Waiting::Parked).await;
        waits.unwrap().count
    }

    pub fn refusals(&self) -> usize {
        self.refused_visibility_changes.load(Ordering::SeqCst)
    }
}

fn template(parameters: Vec<(&'static str, String)>) -> Template {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../template.yaml");
    let place = Place {
        stack_name: "test".into(),
        aws_endpoint: ENDPOINT.into(),
    };
    let overrides = parameters.into_iter();
    let settings = Settings {
        overrides: overrides
            .map(|(name, value)| (name.into(), value))
            .collect(),
        ..Settings::default()
    };
    Template::read(path.as_ref(), &settings, &place).unwrap()
}

fn functions(parts: Parts, caller: &Arc<dyn HttpSend>) -> Arc<Functions> {
    let caller = Arc::clone(caller);
    let deliver = parts.clone();
    Arc::new(Functions {
        fan_out: Arc::new(parts.fan_out()),
        deliver: Processes::new(move || deliver.deliver_webhook(Arc::clone(&caller))),
        bulk_jobs: parts.bulk_jobs(),
        clock: parts.clock,
    })
}

/// The event source mappings of the functions that take part in delivering webhooks, as the template has them.
fn pollers(aws: &Aws, template: &Template, functions: &Arc<Functions>) -> Vec<Poller> {
    let taking_part = ["FanOut", "DeliverWebhook", "BulkJobs"];
    let functions_here = template
        .functions
        .iter()
        .filter(|function| taking_part.contains(&function.name.as_str()));
    let triggers = functions_here.flat_map(|function| {
        let queues = function.queues.iter().cloned();
        queues.map(|trigger| (function.name.clone(), trigger))
    });
    let start = |(name, trigger): (String, local::template::QueueTrigger)| {
        let concurrency = trigger.maximum_concurrency.unwrap_or(10);
        let functions: Arc<dyn Invoke> = Arc::<Functions>::clone(functions);
        Poller::start(aws.clone(), functions, name, trigger, concurrency)
    };
    triggers.map(start).collect()
}
