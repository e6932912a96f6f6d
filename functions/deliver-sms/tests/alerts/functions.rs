//! The functions: what they are made of, and how they are run.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use aws_lambda_events::event::sqs::SqsEvent;
use axum::Router;
use bytes::Bytes;
use deliver_sms::DeliverSms;
use domain::endpoint_url::UrlRules;
use fan_out::FanOut;
use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::SignedDuration;
use local::aws::Aws;
use local::event_source::{Invoke, Poller};
use local::lambda::FunctionError;
use local::template::{Function, Template};
use platform::entropy::Entropy;
use platform::http::HttpSend;
use platform::metrics::Metrics;
use platform::queue::Queue;
use platform::secrets::Secrets;
use platform::store::Store;
use platform::store::config::ConfigCache;
use platform::twilio::TwilioApi;

use crate::captured_metrics::Printed;
use crate::carriers::TWILIO;
use crate::faults::{Faults, FunctionsGate};
use crate::world::PUBLIC;

/// The time-out of the functions behind queues in `template.yaml`.
const TIMEOUT: Duration = Duration::from_secs(30);

pub fn pollers(function: &Function, functions: &Arc<dyn Invoke>, aws: &Aws) -> Vec<Poller> {
    let start = |trigger: &local::template::QueueTrigger| {
        let concurrency = trigger.maximum_concurrency.unwrap_or(10);
        Poller::start(
            aws.clone(),
            Arc::clone(functions),
            function.name.clone(),
            trigger.clone(),
            concurrency,
        )
    };
    function.queues.iter().map(start).collect()
}

/// What the handlers are made of.
pub struct Parts {
    pub store: Store,
    pub secrets: Secrets,
    pub sqs: aws_sdk_sqs::Client,
    pub urls: HashMap<String, String>,
    pub clock: platform::clock::Clock,
    pub metrics: Metrics,
}

impl Parts {
    pub fn new(
        function: &'static str,
        aws: &Aws,
        template: &Template,
        clock: &platform::clock::Clock,
        faults: &Arc<Faults>,
        printed: &Printed,
    ) -> Parts {
        let config = aws.sdk_config_through(Arc::new(FunctionsGate {
            function,
            faults: Arc::clone(faults),
        }));
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
            sqs: aws_sdk_sqs::Client::new(&config),
            urls,
            clock: Arc::clone(clock),
            metrics,
        }
    }

    pub fn queue(&self, resource: &str) -> Queue {
        Queue::new(self.sqs.clone(), &self.urls[resource])
    }

    pub fn fan_out(&self) -> FanOut {
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

    pub fn deliver_sms(&self, http: Arc<dyn HttpSend>, public_base_url: &str) -> DeliverSms {
        let url_rules = UrlRules {
            allow_plain_http: false,
            allow_private_networks: false,
        };
        DeliverSms {
            store: self.store.clone(),
            config: ConfigCache::new(self.store.clone()),
            secrets: self.secrets.clone(),
            twilio: TwilioApi::new(Arc::clone(&http), TWILIO, url_rules).unwrap(),
            http,
            url_rules,
            queue: self.queue("SmsQueue"),
            dead_letters: self.queue("SmsDeadLetterQueue"),
            schedule: "30s,2m,10m".parse().unwrap(),
            public_base_url: Some(public_base_url.to_owned()),
            clock: Arc::clone(&self.clock),
            entropy: Entropy::system(),
            metrics: self.metrics.clone(),
        }
    }

    pub fn twilio_status(&self) -> Router {
        twilio_status::router(twilio_status::App {
            store: self.store.clone(),
            secrets: self.secrets.clone(),
            public_base_url: Some(PUBLIC.to_owned()),
            clock: Arc::clone(&self.clock),
            entropy: Entropy::system(),
            metrics: self.metrics.clone(),
        })
    }
}

/// The functions behind queues as Lambda would run them: with a deadline at which they are cut off.
pub struct Functions {
    pub fan_out: Arc<FanOut>,
    pub deliver: Arc<DeliverSms>,
    pub clock: platform::clock::Clock,
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
                    "DeliverSms" => self.deliver.handle(event.records, deadline).await,
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
