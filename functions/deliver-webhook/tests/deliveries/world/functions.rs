//! The functions, and how Lambda runs them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use aws_sdk_sqs::config::interceptors::AfterDeserializationInterceptorContextRef;
use aws_sdk_sqs::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_sqs::error::BoxError;
use aws_sdk_sqs::operation::change_message_visibility_batch::ChangeMessageVisibilityBatchOutput;
use axum::Router;
use bulk_jobs::BulkJobs;
use bytes::Bytes;
use deliver_webhook::crowd::Turns;
use deliver_webhook::pace::Pace;
use deliver_webhook::{DeliverWebhook, Limits, Queues};
use domain::access::KeyHash;
use domain::endpoint_url::UrlRules;
use fan_out::FanOut;
use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use local::aws::{Aws, Gate};
use local::event_source::Invoke;
use local::lambda::FunctionError;
use local::template::Template;
use platform::clock::Clock;
use platform::entropy::Entropy;
use platform::http::{GuardedClient, HttpSend, SystemResolver};
use platform::metrics::Metrics;
use platform::queue::Queue;
use platform::queue::room::{Room, RoomLimits};
use platform::secrets::Secrets;
use platform::store::Store;
use platform::store::config::ConfigCache;
use platform::twilio::TwilioApi;
use sweep::Sweep;

use super::{OPERATOR, TIMEOUT};
use crate::captured_metrics::Printed;
/// The functions as Lambda would run them: with a deadline at which they are cut off, and a process of its own for each
/// batch at a time, which is used again.
pub(super) struct Functions {
    pub(super) fan_out: Arc<FanOut>,
    pub(super) deliver: Processes,
    pub(super) bulk_jobs: BulkJobs,
    pub(super) clock: Clock,
}

/// The processes of `deliver-webhook` that are idle: what one of them has seen, the others do not know.
pub(super) struct Processes {
    idle: Mutex<Vec<DeliverWebhook>>,
    start: Box<dyn Fn() -> DeliverWebhook + Send + Sync>,
}

impl Processes {
    pub(super) fn new(start: impl Fn() -> DeliverWebhook + Send + Sync + 'static) -> Processes {
        Processes {
            idle: Mutex::default(),
            start: Box::new(start),
        }
    }

    /// Hands a batch to an idle process, or to a new one. A process that is cut off is not seen again.
    async fn handle(&self, records: Vec<SqsMessage>, deadline: Timestamp) -> SqsBatchResponse {
        let idle = self.idle.lock().unwrap().pop();
        let process = idle.unwrap_or_else(|| (self.start)());
        let response = process.handle(records, deadline).await;
        self.idle.lock().unwrap().push(process);
        response
    }
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

/// What the handlers are made of.
#[derive(Clone)]
pub(super) struct Parts {
    pub(super) store: Store,
    pub(super) secrets: Secrets,
    pub(super) sqs: aws_sdk_sqs::Client,
    pub(super) urls: HashMap<String, String>,
    room: RoomLimits,
    room_is_in: String,
    /// The slow lane's concurrency.
    slow_lane: usize,
    pub(super) clock: Clock,
    pub(super) metrics: Metrics,
}

impl Parts {
    pub(super) fn new(
        aws: &Aws,
        gate: Option<Arc<dyn Gate>>,
        template: &Template,
        (room, room_is_in): (RoomLimits, &str),
        refused: &Arc<AtomicUsize>,
        printed: &Printed,
    ) -> Parts {
        let clock = aws.clock();
        let config = match gate {
            Some(gate) => aws.sdk_config_through(gate),
            None => aws.sdk_config(),
        };
        let watched = aws_sdk_sqs::config::Builder::from(&config)
            .interceptor(CountRefusals(Arc::clone(refused)));
        let urls = template
            .queues
            .iter()
            .map(|queue| (queue.id.clone(), aws.queue_url(&queue.name)))
            .collect();
        let named: &HashMap<String, String> = &urls;
        let room_is_in = named.get(room_is_in).cloned();
        let room_is_in = room_is_in.unwrap_or_else(|| aws.queue_url("none"));
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
            room,
            room_is_in,
            slow_lane: slow_lane(template),
            clock: Arc::clone(clock),
            metrics,
        }
    }

    pub(super) fn queue(&self, resource: &str) -> Queue {
        Queue::new(self.sqs.clone(), &self.urls[resource])
    }

    pub(super) fn fan_out(&self) -> FanOut {
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

    pub(super) fn deliver_webhook(&self, http: Arc<dyn HttpSend>) -> DeliverWebhook {
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
                Queue::new(self.sqs.clone(), &self.room_is_in),
                self.room,
                Arc::clone(&self.clock),
            ),
            limits: Limits {
                schedule: "1m,5m,30m,2h,12h".parse().unwrap(),
                retention: day * 30,
                turns: Turns::of(self.slow_lane),
            },
            clock: Arc::clone(&self.clock),
            entropy: Entropy::system(),
            pace: Pace::default(),
            metrics: self.metrics.clone(),
        }
    }

    pub(super) fn admin_api(&self) -> Router {
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

    pub(super) fn sweep(&self) -> Sweep {
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

    pub(super) fn bulk_jobs(&self) -> BulkJobs {
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

fn slow_lane(template: &Template) -> usize {
    let mut functions = template.functions.iter();
    let deliver = functions.find(|function| function.name == "DeliverWebhook");
    let concurrency = &deliver.unwrap().environment["SLOW_LANE_CONCURRENCY"];
    concurrency.parse().unwrap()
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
