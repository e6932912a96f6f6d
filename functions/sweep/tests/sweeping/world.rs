//! The table and the queues that `template.yaml` asks for, and deliveries that wait.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_dynamodb::config::interceptors::BeforeSerializationInterceptorContextRef;
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemInput;
use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_dynamodb::{Client, config};
use domain::catalogue::{AlertType, EventType};
use domain::delivery::{Delivery, DeliveryKey, History, Pending, Plan, Purpose, State, WokenBy};
use domain::event::Body;
use domain::ids::{DeliveryId, WebhookId};
use domain::sms::delivery::{self as sms, Recipient, SmsDelivery, SmsKey, Timeline};
use domain::sms::provider::CarrierKind;
use domain::sms::segments::count;
use jiff::{SignedDuration, Timestamp};
use local::aws::Aws;
use local::template::{Place, Settings, Template};
use platform::clock::Clock;
use platform::metrics::Metrics;
use platform::queue::Queue;
use platform::store::Store;
use serde_json::Value;
use sweep::{Queues, Sweep};

pub const ENDPOINT: &str = "http://aws.test";
/// The function's time-out in `template.yaml`.
const TIMEOUT: Duration = Duration::from_secs(55);

pub struct World {
    pub client: Client,
    pub table: String,
    pub store: Store,
    pub sweep: Sweep,
    pub printed: Arc<Mutex<Vec<String>>>,
    /// When the test began.
    pub start: Timestamp,
    now: Arc<Mutex<Timestamp>>,
    aws: Aws,
    template: Template,
    sqs: aws_sdk_sqs::Client,
}

impl World {
    pub async fn new() -> World {
        let start: Timestamp = "2026-03-29T14:30:00Z".parse().unwrap();
        let now = Arc::new(Mutex::new(start));
        let time = Arc::clone(&now);
        let clock: Clock = Arc::new(move || *time.lock().unwrap());
        let aws = Aws::new(Arc::clone(&clock), ENDPOINT);
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../template.yaml");
        let place = Place {
            stack_name: "test".into(),
            aws_endpoint: ENDPOINT.into(),
        };
        let template = Template::read(path.as_ref(), &Settings::default(), &place).unwrap();
        aws.create_resources(&template).await.unwrap();
        let client = Client::new(&aws.sdk_config());
        let sqs = aws_sdk_sqs::Client::new(&aws.sdk_config());
        let table = template.tables[0].name.clone();
        let store = Store::new(client.clone(), &table);
        let queue = |resource| Queue::new(sqs.clone(), url(&aws, &template, resource));
        let printed = Arc::new(Mutex::new(Vec::new()));
        let lines = Arc::clone(&printed);
        let sink = move |line: &str| lines.lock().unwrap().push(line.to_owned());
        let sweep = Sweep {
            store: store.clone(),
            queues: Queues {
                slow: queue("WebhookSlowQueue"),
                sms: queue("SmsQueue"),
            },
            metrics: Metrics::new("test".parse().unwrap(), Arc::clone(&clock), sink),
            clock,
        };
        World {
            client,
            table,
            store,
            sweep,
            printed,
            start,
            now,
            aws,
            template,
            sqs,
        }
    }

    /// So many seconds from the start of the test.
    pub fn at(&self, seconds: i64) -> Timestamp {
        self.start + SignedDuration::from_secs(seconds)
    }

    /// Lets time pass.
    pub fn pass(&self, seconds: i64) {
        *self.now.lock().unwrap() += SignedDuration::from_secs(seconds);
    }

    pub async fn run(&self) {
        let deadline = (self.sweep.clock)() + TIMEOUT;
        self.sweep.handle(deadline).await.unwrap();
    }

    /// A `sweep` that is cut off before it can move anything in the index.
    pub fn sweep_that_moves_nothing(&self) -> Sweep {
        let config = config::Builder::from(&self.aws.sdk_config()).interceptor(NoUpdates);
        Sweep {
            store: Store::new(Client::from_conf(config.build()), &self.table),
            ..self.another_sweep()
        }
    }

    /// A `sweep` that sends SMS wake-ups to a queue that does not exist.
    pub fn sweep_that_cannot_send(&self) -> Sweep {
        let gone = || Queue::new(self.sqs.clone(), format!("{ENDPOINT}/000000000000/gone"));
        Sweep {
            queues: Queues {
                slow: gone(),
                sms: gone(),
            },
            ..self.another_sweep()
        }
    }

    /// A second process.
    pub fn another_sweep(&self) -> Sweep {
        let Sweep {
            store,
            queues,
            metrics,
            clock,
        } = &self.sweep;
        Sweep {
            store: store.clone(),
            queues: Queues {
                slow: queues.slow.clone(),
                sms: queues.sms.clone(),
            },
            metrics: metrics.clone(),
            clock: Arc::clone(clock),
        }
    }

    /// The metrics that were printed since the last time.
    pub fn metrics(&self) -> Vec<Value> {
        let lines = std::mem::take(&mut *self.printed.lock().unwrap());
        let lines = lines.iter();
        lines
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// How many deliveries of a channel were rescued, as the metrics of the last runs say.
    pub fn rescued(&self, channel: &str) -> u64 {
        let of_channel = self
            .metrics()
            .into_iter()
            .filter(|line| line["Channel"] == channel);
        of_channel.filter_map(|line| line["Rescued"].as_u64()).sum()
    }

    /// Takes the wake-ups off a queue that are out by now; the ids that they name, sorted.
    pub async fn woken(&self, resource: &str) -> Vec<String> {
        let url = url(&self.aws, &self.template, resource);
        let mut woken = Vec::new();
        loop {
            let receive = self.sqs.receive_message().queue_url(&url);
            let received = receive.max_number_of_messages(10).send().await.unwrap();
            let messages = received.messages.unwrap_or_default();
            if messages.is_empty() {
                woken.sort_unstable();
                return woken;
            }
            for message in messages {
                let body: Value = serde_json::from_str(message.body().unwrap()).unwrap();
                assert_eq!(body["workspace"], "ws_1");
                woken.push(body["delivery"].as_str().unwrap().to_owned());
                let handle = message.receipt_handle().unwrap();
                let delete = self.sqs.delete_message().queue_url(&url);
                delete.receipt_handle(handle).send().await.unwrap();
            }
        }
    }

    /// A webhook's delivery whose next attempt is due so many seconds from the start, and that a message wakes.
    pub fn pending(&self, event: i64, due_in: i64) -> Delivery {
        let (workspace, webhook) = ("ws_1".parse().unwrap(), WebhookId::from_random([1; 16]));
        let event_id = format!("evt_{event}").parse().unwrap();
        let id = DeliveryId::for_webhook(&workspace, &event_id, self.start, &webhook);
        let state = State::Pending(Pending {
            plan: Plan::Schedule { failures: 1 },
            next_attempt_at: self.at(due_in),
            lease: None,
            woken_by: WokenBy::Message,
        });
        Delivery {
            key: DeliveryKey {
                workspace,
                webhook,
                id,
            },
            event_id,
            event_type: EventType::ALL[0],
            purpose: Purpose::Event,
            body: Body::from("{}".to_owned()),
            history: History::default(),
            state,
            recovered_by: None,
            created_at: self.start,
            expires_at: self.at(1_000_000),
        }
    }

    /// The same without a message, in the table.
    pub async fn park(&self, event: i64, due_in: i64) -> String {
        let mut delivery = self.pending(event, due_in);
        let State::Pending(pending) = delivery.state else {
            panic!("not pending")
        };
        delivery.state = State::Pending(pending.parked());
        self.store.create_delivery(&delivery).await.unwrap();
        delivery.key.id.to_string()
    }

    /// An SMS that is due so many seconds from the start.
    pub fn queued(&self, event: i64, due_in: i64) -> SmsDelivery {
        let workspace = "ws_1".parse().unwrap();
        let event_id = format!("evt_{event}").parse().unwrap();
        let text = "SetGet Alert: due";
        SmsDelivery {
            key: SmsKey {
                id: DeliveryId::for_sms(&workspace, &event_id, self.start, "user_1"),
                workspace,
            },
            purpose: sms::Purpose::Alert,
            event_id,
            event_time: self.start,
            alert_type: AlertType::PriorityChanged,
            recipient: Recipient {
                user_id: Some("user_1".parse().unwrap()),
                name: None,
                phone: "+14155551234".parse().unwrap(),
            },
            entity: "ENG-142: Fix login redirect".to_owned(),
            text: text.to_owned(),
            encoding: count(text).encoding,
            segments: count(text).segments,
            carrier: CarrierKind::Twilio,
            sender: "+14155550100".to_owned(),
            state: sms::State::new(self.at(due_in)),
            provider_message_id: None,
            error: None,
            timeline: Timeline::default(),
            created_at: self.start,
            expires_at: self.at(1_000_000),
        }
    }

    /// An entry of the index that stands for a delivery of this sort, with these attributes more.
    pub async fn put(
        &self,
        pk: &str,
        sk: &str,
        due_shard: &str,
        due_in: i64,
        more: &[(&str, &str)],
    ) {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let due_at = self.at(due_in).as_millisecond().to_string();
        let mut put = self.client.put_item().table_name(&self.table);
        for (name, value) in [("pk", pk), ("sk", sk), ("due_shard", due_shard)]
            .iter()
            .chain(more)
        {
            put = put.item(*name, text(value));
        }
        let put = put.item("due_at", AttributeValue::N(due_at));
        put.send().await.unwrap();
    }

    /// Takes attributes from a delivery's item.
    pub async fn strip(&self, delivery: &DeliveryKey, attribute: &str) {
        let pk = format!("LOG#{}#{}", delivery.webhook, delivery.id.shard().number());
        let update = self.client.update_item().table_name(&self.table);
        let update = update
            .key("pk", AttributeValue::S(pk))
            .key("sk", AttributeValue::S(delivery.id.to_string()))
            .update_expression(format!("REMOVE {attribute}"));
        update.send().await.unwrap();
    }
}

fn url(aws: &Aws, template: &Template, resource: &str) -> String {
    let mut queues = template.queues.iter();
    let queue = queues.find(|queue| queue.id == resource).unwrap();
    aws.queue_url(&queue.name)
}

/// Fails each UpdateItem before it is sent.
#[derive(Debug)]
struct NoUpdates;

impl Intercept for NoUpdates {
    fn name(&self) -> &'static str {
        "NoUpdates"
    }

    fn read_before_serialization(
        &self,
        context: &BeforeSerializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        match context.input().downcast_ref::<UpdateItemInput>() {
            Some(_) => Err("cut off".into()),
            None => Ok(()),
        }
    }
}
