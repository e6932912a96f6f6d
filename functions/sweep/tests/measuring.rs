//! What `sweep` measures, on the embedded table.

use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
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

const ENDPOINT: &str = "http://aws.test";
/// More than two pages of the index, of items of a kilobyte.
const MANY: u64 = 2_500;

struct World {
    client: Client,
    table: String,
    store: Store,
    sweep: Sweep,
    printed: Arc<Mutex<Vec<String>>>,
    now: Timestamp,
}

impl World {
    async fn new() -> World {
        let now: Timestamp = "2026-03-29T14:30:00Z".parse().unwrap();
        let clock: Clock = Arc::new(move || now);
        let aws = Aws::new(Arc::clone(&clock), ENDPOINT);
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../template.yaml");
        let place = Place {
            stack_name: "test".into(),
            aws_endpoint: ENDPOINT.into(),
        };
        let template = Template::read(path.as_ref(), &Settings::default(), &place).unwrap();
        aws.create_resources(&template).await.unwrap();
        let client = Client::new(&aws.sdk_config());
        let table = template.tables[0].name.clone();
        let store = Store::new(client.clone(), &table);
        let printed = Arc::new(Mutex::new(Vec::new()));
        let lines = Arc::clone(&printed);
        let sink = move |line: &str| lines.lock().unwrap().push(line.to_owned());
        let metrics = Metrics::new("test".parse().unwrap(), Arc::clone(&clock), sink);
        let sqs = aws_sdk_sqs::Client::new(&aws.sdk_config());
        let queue = |resource: &str| {
            let mut queues = template.queues.iter();
            let queue = queues.find(|queue| queue.id == resource).unwrap();
            Queue::new(sqs.clone(), aws.queue_url(&queue.name))
        };
        let sweep = Sweep {
            store: store.clone(),
            queues: Queues {
                slow: queue("WebhookSlowQueue"),
                sms: queue("SmsQueue"),
            },
            metrics,
            clock,
        };
        World {
            client,
            table,
            store,
            sweep,
            printed,
            now,
        }
    }

    /// Runs `sweep`; what it says of a channel: deliveries waiting, and seconds overdue.
    async fn measured(&self) -> impl Fn(&str) -> (u64, u64) + use<> {
        self.sweep.handle(self.at(50)).await.unwrap();
        let lines = std::mem::take(&mut *self.printed.lock().unwrap());
        let metrics: Vec<Value> = lines
            .iter()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        move |channel| {
            let of_channel = metrics.iter().find(|line| line["Channel"] == channel);
            let line = of_channel.expect("a line for each channel");
            (
                line["RetriesWaiting"].as_u64().unwrap(),
                line["Overdue"].as_u64().unwrap(),
            )
        }
    }

    fn at(&self, seconds: i64) -> Timestamp {
        self.now + SignedDuration::from_secs(seconds)
    }

    /// A webhook's delivery whose next attempt is due so many seconds from now.
    fn pending(&self, event: i64, due_in: i64) -> Delivery {
        let (workspace, webhook) = ("ws_1".parse().unwrap(), WebhookId::from_random([1; 16]));
        let event_id = format!("evt_{event}").parse().unwrap();
        let id = DeliveryId::for_webhook(&workspace, &event_id, self.now, &webhook);
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
            created_at: self.now,
            expires_at: self.at(1_000_000),
        }
    }

    /// An SMS that is due so many seconds from now.
    fn queued(&self, event: i64, due_in: i64) -> SmsDelivery {
        let workspace = "ws_1".parse().unwrap();
        let event_id = format!("evt_{event}").parse().unwrap();
        let text = "SetGet Alert: due";
        SmsDelivery {
            key: SmsKey {
                id: DeliveryId::for_sms(&workspace, &event_id, self.now, "user_1"),
                workspace,
            },
            purpose: sms::Purpose::Alert,
            event_id,
            event_time: self.now,
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
            inquiry: None,
            error: None,
            timeline: Timeline::default(),
            created_at: self.now,
            expires_at: self.at(1_000_000),
        }
    }
}

#[tokio::test]
async fn where_nothing_waits_it_says_zero() {
    let measured = World::new().await.measured().await;
    assert_eq!((measured("webhook"), measured("sms")), ((0, 0), (0, 0)));
}

#[tokio::test]
async fn what_waits_is_counted_by_channel_and_only_what_is_late_is_overdue() {
    let world = World::new().await;
    for (event, due_in) in [(1, -400), (2, -20), (3, 43_200)] {
        let delivery = world.pending(event, due_in);
        world.store.create_delivery(&delivery).await.unwrap();
    }
    let done = Delivery {
        state: State::Success,
        ..world.pending(4, -9_000)
    };
    world.store.create_delivery(&done).await.unwrap();
    world.store.create_sms(&world.queued(5, 30)).await.unwrap();

    let measured = world.measured().await;
    assert_eq!((measured("webhook"), measured("sms")), ((3, 400), (1, 0)));
}

#[tokio::test]
async fn a_count_goes_on_where_a_page_of_the_index_ends() {
    let world = World::new().await;
    // All in one partition of the index. Long keys fill a page, 1 MB, with a thousand items.
    let template: Delivery = world.pending(1, 60);
    world.store.create_delivery(&template).await.unwrap();
    let shard = format!("WEBHOOK#{}", template.key.id.due_shard());
    for number in 1..MANY {
        let sort_key = format!("{number:01000}");
        let put = world.client.put_item().table_name(&world.table);
        let put = put.item("pk", AttributeValue::S("LOG#wh_1#0".into()));
        let put = put.item("sk", AttributeValue::S(sort_key));
        let put = put.item("due_shard", AttributeValue::S(shard.clone()));
        let due_at = world.at(60).as_millisecond().to_string();
        let put = put.item("due_at", AttributeValue::N(due_at));
        put.send().await.unwrap();
    }
    assert_eq!(world.measured().await("webhook"), (MANY, 0));
}

#[tokio::test]
async fn a_table_that_does_not_answer_is_an_error_and_no_measurement() {
    let mut world = World::new().await;
    world.sweep.store = {
        let aws = Aws::new(Arc::clone(&world.sweep.clock), ENDPOINT);
        Store::new(Client::new(&aws.sdk_config()), "no-table")
    };
    assert!(world.sweep.handle(world.at(50)).await.is_err());
    assert!(world.printed.lock().unwrap().is_empty());
}
