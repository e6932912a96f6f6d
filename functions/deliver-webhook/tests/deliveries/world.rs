//! The delivery path in one process on a virtual clock: the handlers, the queues that `template.yaml` asks for with
//! SQS's own rules, the table, and endpoints that do as they are told. Fourteen hours pass in seconds.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_lambda_events::event::sqs::SqsEvent;
use aws_sdk_sqs::config::interceptors::AfterDeserializationInterceptorContextRef;
use aws_sdk_sqs::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_sqs::error::BoxError;
use aws_sdk_sqs::operation::change_message_visibility_batch::ChangeMessageVisibilityBatchOutput;
use aws_sdk_sqs::types::{MessageSystemAttributeNameForSends, MessageSystemAttributeValue};
use axum::Router;
use bulk_jobs::BulkJobs;
use bytes::Bytes;
use deliver_webhook::pace::Pace;
use deliver_webhook::{DeliverWebhook, Limits, Queues};
use domain::access::KeyHash;
use domain::catalogue::EventFilter;
use domain::delivery::{Delivery, DeliveryKey, State};
use domain::endpoint_url::{EndpointUrl, UrlRules};
use domain::ids::{DeliveryId, EventId, WebhookId, WorkspaceId};
use domain::webhook::{Activity, FailureStreak, Lane, Webhook};
use fan_out::FanOut;
use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use local::aws::Aws;
use local::clock;
use local::event_source::{Invoke, Poller};
use local::lambda::FunctionError;
use local::template::{Place, Settings, Template};
use platform::entropy::Entropy;
use platform::http::{
    GuardedClient, HttpSend, InboundResponse, OutboundRequest, SendError, Stage, SystemResolver,
};
use platform::metrics::Metrics;
use platform::queue::Queue;
use platform::queue::room::{MOST_IN_FLIGHT, Room, RoomLimits};
use platform::secrets::Secrets;
use platform::store::Store;
use platform::store::config::ConfigCache;
use platform::store::log::{LogQuery, StatusFilter};
use platform::twilio::TwilioApi;
use sweep::Sweep;
use tokio::task::JoinSet;

use crate::captured_metrics::Printed;

/// The functions' time-out in `template.yaml`.
const TIMEOUT: Duration = Duration::from_secs(30);
const ENDPOINT: &str = "http://aws.test";
/// The operator's key to the HTTP API.
pub const OPERATOR: &str = "sk_operator";

/// How an endpoint answers a request.
#[derive(Debug, Clone, Copy)]
pub enum Answer {
    /// At once.
    Status(u16),
    /// At once, asking for a wait in seconds.
    RetryAfter(u16, u64),
    /// After a while.
    After(Duration, u16),
    /// Takes the request; the function is killed before it hears of the answer.
    Killed,
    /// Panics in the sender's own code.
    Panic,
}

/// A request that an endpoint received.
#[derive(Debug, Clone)]
pub struct Call {
    pub at: Timestamp,
    pub delivery: String,
    pub body: String,
}

type Script = Box<dyn FnMut(&Call) -> Answer + Send>;

/// The customers' endpoints, by host.
#[derive(Default)]
pub struct Endpoints {
    scripts: Mutex<HashMap<String, Script>>,
    calls: Mutex<HashMap<String, Vec<Call>>>,
}

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

impl World {
    pub async fn new() -> World {
        World::with_room(MOST_IN_FLIGHT).await
    }

    /// A world whose slow queue has room for so many sleepers.
    pub async fn with_room(most_in_flight: u64) -> World {
        let base: Timestamp = "2026-03-29T14:30:00Z".parse().unwrap();
        let clock = clock::virtual_from(base);
        let aws = Aws::new(Arc::clone(&clock), ENDPOINT);
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../template.yaml");
        let place = Place {
            stack_name: "test".into(),
            aws_endpoint: ENDPOINT.into(),
        };
        let template = Template::read(path.as_ref(), &Settings::default(), &place).unwrap();
        aws.create_resources(&template).await.unwrap();

        let refused = Arc::new(AtomicUsize::new(0));
        let printed = Printed::default();
        let endpoints = Arc::new(Endpoints::default());
        let parts = Parts::new(&aws, &template, &clock, &refused, &printed);
        let caller = Arc::new(Caller {
            endpoints: Arc::clone(&endpoints),
            clock: Arc::clone(&clock),
        });
        let deliver = Arc::new(parts.deliver_webhook(caller, most_in_flight));
        let fan_out = Arc::new(parts.fan_out());
        let functions: Arc<dyn Invoke> = Arc::new(Functions {
            fan_out: Arc::clone(&fan_out),
            deliver: Arc::clone(&deliver),
            bulk_jobs: parts.bulk_jobs(),
            clock: Arc::clone(&clock),
        });
        // What has queues here, but no part in delivering webhooks.
        let taking_part = ["FanOut", "DeliverWebhook", "BulkJobs"];
        let start = |function: &local::template::Function| {
            let (name, functions, aws) =
                (function.name.clone(), Arc::clone(&functions), aws.clone());
            let triggers = function.queues.clone();
            triggers.into_iter().map(move |trigger| {
                let concurrency = trigger.maximum_concurrency.unwrap_or(10);
                Poller::start(
                    aws.clone(),
                    Arc::clone(&functions),
                    name.clone(),
                    trigger,
                    concurrency,
                )
            })
        };
        let functions_here = template
            .functions
            .iter()
            .filter(|function| taking_part.contains(&function.name.as_str()));
        let pollers = functions_here.flat_map(start).collect();
        let (store, sqs, bulk_jobs) = (parts.store.clone(), parts.sqs.clone(), parts.bulk_jobs());
        let refused_visibility_changes = refused;
        World {
            aws,
            clock,
            store,
            endpoints,
            fan_out,
            deliver,
            bulk_jobs,
            sweep: Arc::new(parts.sweep()),
            refused_visibility_changes,
            printed,
            api: parts.admin_api(),
            template,
            sqs,
            _pollers: pollers,
        }
    }

    pub fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// A new active webhook for everything, in the slow lane, at a host of its own.
    pub async fn webhook(&self, host: &str) -> Webhook {
        self.webhook_with(host, |_| {}).await
    }

    pub async fn webhook_with(&self, host: &str, change: impl FnOnce(&mut Webhook)) -> Webhook {
        let workspace: WorkspaceId = "ws_1".parse().unwrap();
        let mut id = [0; 16];
        id[..host.len().min(16)].copy_from_slice(&host.as_bytes()[..host.len().min(16)]);
        let rules = UrlRules {
            allow_plain_http: false,
            allow_private_networks: false,
        };
        let mut webhook = Webhook {
            id: WebhookId::from_random(id),
            workspace: workspace.clone(),
            url: EndpointUrl::parse(&format!("https://{host}/hook"), rules).unwrap(),
            events: EventFilter::All,
            project_id: None,
            description: None,
            activity: Activity::Active,
            secret: None,
            previous_secret: None,
            streak: FailureStreak::default(),
            lane: Lane::Slow,
            lane_since: self.now(),
            created_at: self.now(),
            updated_at: self.now(),
        };
        change(&mut webhook);
        let seen = self.store.config_version(&workspace).await.unwrap();
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

    /// An event on the events queue, as an upstream sends it, happening now.
    pub async fn publish(&self, id: &str) -> EventId {
        let timestamp = Timestamp::from_second(self.now().as_second()).unwrap();
        self.publish_at(id, timestamp).await
    }

    pub async fn publish_at(&self, id: &str, timestamp: Timestamp) -> EventId {
        self.send("EventsQueue", self.event(id, timestamp)).await;
        id.parse().unwrap()
    }

    /// An event's text.
    pub fn event(&self, id: &str, timestamp: Timestamp) -> String {
        format!(
            r#"{{"id":"{id}","event":"work_item.created","timestamp":"{timestamp}","workspace":{{"id":"ws_1","slug":"s"}},"project":null,"data":{{"id" : "wi_1"}},"actor":null}}"#
        )
    }

    /// The text of a first message, as fan-out sends it, of an event happening now.
    pub fn first_attempt(&self, webhook: &Webhook, event: &str) -> String {
        let event_id: EventId = event.parse().unwrap();
        let key = self.key(webhook, &event_id, self.now());
        serde_json::json!({
            "workspace": key.workspace, "webhook": key.webhook, "delivery": key.id,
            "first": { "event_id": event_id, "event": "work_item.created", "body": { "x": 1 } },
        })
        .to_string()
    }

    /// A message on a queue, named by its resource in the template.
    pub async fn send(&self, queue: &str, body: String) {
        self.sqs
            .send_message()
            .queue_url(self.queue_url(queue))
            .message_body(body)
            .send()
            .await
            .unwrap();
    }

    /// An event on the events queue, hidden there for so long, with X-Ray's header as an upstream's SDK sets it.
    pub async fn publish_later(&self, id: &str, delay: Duration, header: &str) {
        let timestamp = Timestamp::from_second(self.now().as_second()).unwrap();
        let header = MessageSystemAttributeValue::builder()
            .data_type("String")
            .string_value(header);
        self.sqs
            .send_message()
            .queue_url(self.queue_url("EventsQueue"))
            .message_body(self.event(id, timestamp))
            .delay_seconds(delay.as_secs().try_into().unwrap())
            .message_system_attributes(
                MessageSystemAttributeNameForSends::AwsTraceHeader,
                header.build().unwrap(),
            )
            .send()
            .await
            .unwrap();
    }

    /// Takes the messages off a queue that nothing polls.
    pub async fn receive(&self, queue: &str) -> Vec<aws_sdk_sqs::types::Message> {
        let receive = self
            .sqs
            .receive_message()
            .queue_url(self.queue_url(queue))
            .max_number_of_messages(10);
        receive
            .message_attribute_names("All")
            .send()
            .await
            .unwrap()
            .messages
            .unwrap_or_default()
    }

    fn queue_url(&self, resource: &str) -> String {
        let queue = self
            .template
            .queues
            .iter()
            .find(|queue| queue.id == resource)
            .unwrap();
        self.aws.queue_url(&queue.name)
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
        self.endpoints
            .scripts
            .lock()
            .unwrap()
            .insert(host.to_owned(), Box::new(script));
    }

    /// The requests that a host received.
    pub fn calls(&self, host: &str) -> Vec<Call> {
        self.endpoints
            .calls
            .lock()
            .unwrap()
            .get(host)
            .cloned()
            .unwrap_or_default()
    }

    /// Runs `bulk-jobs` on one message.
    pub async fn handle_bulk_job(&self, record: aws_lambda_events::event::sqs::SqsMessage) {
        let deadline = self.now() + TIMEOUT;
        self.bulk_jobs.handle(vec![record], deadline).await;
    }

    /// Runs `sweep` once.
    pub async fn sweep(&self) {
        let deadline = self.now() + Duration::from_secs(55);
        self.sweep.handle(deadline).await.unwrap();
    }

    /// Runs `sweep` at its schedule for as long as the answer lives.
    pub fn sweep_every_minute(&self) -> JoinSet<()> {
        let (sweep, clock) = (Arc::clone(&self.sweep), Arc::clone(&self.clock));
        let mut runs = JoinSet::new();
        runs.spawn(async move {
            loop {
                tokio::time::sleep(Duration::from_secs(60)).await;
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

    /// The messages of a queue, wherever they are.
    pub fn held(&self, queue: &str) -> usize {
        let counts = self.aws.sqs().counts(&self.queue_url(queue)).unwrap();
        counts.visible + counts.in_flight + counts.delayed
    }

    pub fn refusals(&self) -> usize {
        self.refused_visibility_changes.load(Ordering::SeqCst)
    }
}

/// What the handlers are made of.
struct Parts {
    store: Store,
    secrets: Secrets,
    sqs: aws_sdk_sqs::Client,
    urls: HashMap<String, String>,
    clock: platform::clock::Clock,
    metrics: Metrics,
}

impl Parts {
    fn new(
        aws: &Aws,
        template: &Template,
        clock: &platform::clock::Clock,
        refused: &Arc<AtomicUsize>,
        printed: &Printed,
    ) -> Parts {
        let config = aws.sdk_config();
        let watched = aws_sdk_sqs::config::Builder::from(&config)
            .interceptor(CountRefusals(Arc::clone(refused)));
        let urls = template
            .queues
            .iter()
            .map(|queue| (queue.id.clone(), aws.queue_url(&queue.name)))
            .collect();
        let metrics = printed.metrics(clock);
        Parts {
            store: Store::new(
                aws_sdk_dynamodb::Client::new(&config),
                &template.tables[0].name,
            ),
            secrets: Secrets::new(
                aws_sdk_kms::Client::new(&config),
                template.keys[0].alias(),
                metrics.clone(),
            ),
            sqs: aws_sdk_sqs::Client::from_conf(watched.build()),
            urls,
            clock: Arc::clone(clock),
            metrics,
        }
    }

    fn queue(&self, resource: &str) -> Queue {
        Queue::new(self.sqs.clone(), &self.urls[resource])
    }

    fn fan_out(&self) -> FanOut {
        FanOut {
            config: ConfigCache::new(self.store.clone()),
            fast: self.queue("WebhookFastQueue"),
            slow: self.queue("WebhookSlowQueue"),
            sms: self.queue("SmsQueue"),
            dead_letters: self.queue("EventsDeadLetterQueue"),
            store: self.store.clone(),
            brand: "SetGet".parse().unwrap(),
            retention: SignedDuration::from_hours(30 * 24),
            clock: Arc::clone(&self.clock),
            metrics: self.metrics.clone(),
        }
    }

    fn deliver_webhook(&self, http: Arc<dyn HttpSend>, most_in_flight: u64) -> DeliverWebhook {
        let room = RoomLimits {
            most_in_flight,
            processes: 1,
        };
        let day = Duration::from_secs(86_400);
        DeliverWebhook {
            store: self.store.clone(),
            config: ConfigCache::new(self.store.clone()),
            secrets: self.secrets.clone(),
            http,
            queues: Queues {
                fast: self.queue("WebhookFastQueue"),
                slow: self.queue("WebhookSlowQueue"),
                dead_letters: self.queue("WebhookDeadLetterQueue"),
                bulk: self.queue("BulkQueue"),
            },
            room: Room::new(
                self.queue("WebhookSlowQueue"),
                room,
                Arc::clone(&self.clock),
            ),
            limits: Limits {
                schedule: "1m,5m,30m,2h,12h".parse().unwrap(),
                retention: day * 30,
            },
            clock: Arc::clone(&self.clock),
            entropy: Entropy::system(),
            pace: Pace::default(),
            metrics: self.metrics.clone(),
        }
    }

    fn admin_api(&self) -> Router {
        let client = || GuardedClient::new(Arc::new(SystemResolver), UrlRules::default()).unwrap();
        let twilio = "https://twilio.example.com";
        admin_api::router(admin_api::App {
            store: self.store.clone(),
            secrets: self.secrets.clone(),
            queues: admin_api::Queues {
                events: self.queue("EventsQueue"),
                slow: self.queue("WebhookSlowQueue"),
                sms: self.queue("SmsQueue"),
                bulk: self.queue("BulkQueue"),
            },
            endpoints: client(),
            public_internet: client(),
            url_rules: UrlRules::default(),
            brand: "SetGet".parse().unwrap(),
            twilio: TwilioApi::new(Arc::new(client()), twilio, UrlRules::default()).unwrap(),
            public_base_url: None,
            log_retention: Duration::from_secs(86_400),
            operator: KeyHash::of(OPERATOR).as_str().parse().unwrap(),
            clock: Arc::clone(&self.clock),
            entropy: Entropy::system(),
            metrics: self.metrics.clone(),
        })
    }

    fn sweep(&self) -> Sweep {
        Sweep {
            store: self.store.clone(),
            queues: sweep::Queues {
                slow: self.queue("WebhookSlowQueue"),
                sms: self.queue("SmsQueue"),
            },
            metrics: self.metrics.clone(),
            clock: Arc::clone(&self.clock),
        }
    }

    fn bulk_jobs(&self) -> BulkJobs {
        BulkJobs {
            store: self.store.clone(),
            slow: self.queue("WebhookSlowQueue"),
            bulk: self.queue("BulkQueue"),
            dead_letters: self.queue("BulkDeadLetterQueue"),
            clock: Arc::clone(&self.clock),
            metrics: self.metrics.clone(),
        }
    }
}

/// The functions as Lambda would run them: with a deadline at which they are cut off.
struct Functions {
    fan_out: Arc<FanOut>,
    deliver: Arc<DeliverWebhook>,
    bulk_jobs: BulkJobs,
    clock: platform::clock::Clock,
}

impl Invoke for Functions {
    fn invoke<'a>(
        &'a self,
        function: &'a str,
        payload: Bytes,
    ) -> BoxFuture<'a, Result<Bytes, FunctionError>> {
        async move {
            let event: SqsEvent = serde_json::from_slice(&payload).unwrap();
            let deadline = (self.clock)() + TIMEOUT;
            let handled = async {
                match function {
                    "FanOut" => self.fan_out.handle(event.records, deadline).await,
                    "DeliverWebhook" => self.deliver.handle(event.records, deadline).await,
                    "BulkJobs" => self.bulk_jobs.handle(event.records, deadline).await,
                    other => panic!("no such function: {other}"),
                }
            };
            match tokio::time::timeout(TIMEOUT, handled).await {
                Ok(response) => Ok(Bytes::from(serde_json::to_vec(&response).unwrap())),
                Err(_) => Err(FunctionError::TimedOut(TIMEOUT)),
            }
        }
        .boxed()
    }
}

/// The way out, to the endpoints of the test.
struct Caller {
    endpoints: Arc<Endpoints>,
    clock: platform::clock::Clock,
}

impl HttpSend for Caller {
    fn send(
        &self,
        request: OutboundRequest,
        deadline: Duration,
    ) -> BoxFuture<'_, Result<InboundResponse, SendError>> {
        async move {
            let header = request
                .headers
                .get("X-SetGet-Delivery-ID")
                .unwrap()
                .to_str()
                .unwrap();
            let call = Call {
                at: (self.clock)(),
                delivery: header.to_owned(),
                body: String::from_utf8(request.body.to_vec()).unwrap(),
            };
            for ours in ["traceparent", "x-amzn-trace-id"] {
                assert!(
                    !request.headers.contains_key(ours),
                    "no trace leaves the house"
                );
            }
            let host = request.url.host().to_owned();
            let answer = {
                let mut scripts = self.endpoints.scripts.lock().unwrap();
                let script = scripts.get_mut(&host).expect("an endpoint at this host");
                script(&call)
            };
            self.endpoints
                .calls
                .lock()
                .unwrap()
                .entry(host)
                .or_default()
                .push(call);
            respond(answer, deadline).await
        }
        .boxed()
    }
}

async fn respond(answer: Answer, deadline: Duration) -> Result<InboundResponse, SendError> {
    let response = |status, retry_after| InboundResponse {
        status,
        retry_after,
        body: b"ok".to_vec(),
        body_truncated: false,
    };
    match answer {
        Answer::Status(status) => Ok(response(status, None)),
        Answer::RetryAfter(status, seconds) => {
            let wait = domain::retry_after::RetryAfter::Delay(Duration::from_secs(seconds));
            Ok(response(status, Some(wait)))
        }
        Answer::After(wait, _) if wait > deadline => {
            tokio::time::sleep(deadline).await;
            Err(SendError::TimedOut {
                deadline,
                stage: Stage::Responding,
            })
        }
        Answer::After(wait, status) => {
            tokio::time::sleep(wait).await;
            Ok(response(status, None))
        }
        Answer::Killed => std::future::pending().await,
        Answer::Panic => panic!("as told"),
    }
}

/// Counts the entries of visibility changes that the queue refused.
#[derive(Debug)]
struct CountRefusals(Arc<AtomicUsize>);

impl Intercept for CountRefusals {
    fn name(&self) -> &'static str {
        "CountRefusals"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let output = context.output_or_error();
        if let Ok(output) = output
            && let Some(output) = output.downcast_ref::<ChangeMessageVisibilityBatchOutput>()
        {
            self.0.fetch_add(output.failed().len(), Ordering::SeqCst);
        }
        Ok(())
    }
}
