//! The way of an alert in one process on a virtual clock: the handlers, the queues that `template.yaml` asks for with
//! SQS's own rules, the table, Twilio's simulator and gateways that do as they are told.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_sqs::types::MessageAttributeValue;
use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use deliver_sms::DeliverSms;
use domain::catalogue::AlertType;
use domain::ids::WorkspaceId;
use domain::secret::SecretText;
use domain::sms::delivery::{SmsDelivery, SmsKey, State, Status};
use domain::sms::member::{Member, NotSent, Preferences};
use domain::sms::provider::{Carrier, Gateway, Provider, TwilioAccount};
use domain::sms::segments::MaxSegments;
use domain::sms::sender::TwilioSender;
use jiff::Timestamp;
use local::aws::{Aws, WriteUnits};
use local::clock;
use local::event_source::{Invoke, Poller};
use local::outside::twilio::{Reply, Twilio};
use local::template::{Place, Settings, Template};
use platform::secrets::{Purpose, Secrets};
use platform::store::Store;
use platform::store::history::{SmsFilter, Span};
use platform::store::sms_counters::{Count, day_of};
use tower::ServiceExt;

use crate::captured_metrics::Printed;
use crate::carriers::{Answer, Call, GatewayScript, Questions, Receipts, Shown, WayOut};
use crate::faults::Faults;
use crate::functions::{Functions, Parts, pollers};

const ENDPOINT: &str = "http://aws.test";
pub const PUBLIC: &str = "https://setget.example.com";
/// The trace of whatever a test puts onto a queue.
pub const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
pub const SENDER: &str = "+14155550100";
pub const TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// Twilio's account of all tests.
pub fn account() -> String {
    format!("AC{}", "a".repeat(32))
}

pub struct World {
    pub clock: platform::clock::Clock,
    pub store: Store,
    pub secrets: Secrets,
    pub twilio: Twilio,
    pub gateway: Arc<GatewayScript>,
    cut: Arc<AtomicUsize>,
    pub questions: Arc<Questions>,
    pub faults: Arc<Faults>,
    pub deliver: Arc<DeliverSms>,
    /// What the functions counted.
    pub printed: Printed,
    receipts: Router,
    aws: Aws,
    template: Template,
    pub sqs: aws_sdk_sqs::Client,
    _pollers: Vec<Poller>,
}

impl World {
    pub async fn new() -> World {
        World::at(PUBLIC).await
    }

    /// A deployment with this public base URL.
    pub async fn at(public_base_url: &str) -> World {
        World::altered(public_base_url, |deliver| deliver).await
    }

    /// The same, with another `deliver-sms`.
    pub async fn altered(
        public_base_url: &str,
        alter: impl FnOnce(DeliverSms) -> DeliverSms,
    ) -> World {
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

        let faults = Arc::new(Faults::default());
        let gateway = Arc::new(GatewayScript::default());
        let cut = Arc::default();
        let questions = Arc::new(Questions::default());
        let printed = Printed::default();
        let parts = |function| Parts::new(function, &aws, &template, &clock, &faults, &printed);
        let receipts = parts("TwilioStatus").twilio_status();
        let twilio = Twilio::new(Arc::clone(&clock), Arc::new(Receipts(receipts.clone())));
        let fan_out = Arc::new(parts("FanOut").fan_out());
        let http = Arc::new(WayOut {
            twilio: twilio.clone(),
            gateway: Arc::clone(&gateway),
            cut: Arc::clone(&cut),
            questions: Arc::clone(&questions),
            faults: Arc::clone(&faults),
            clock: Arc::clone(&clock),
        });
        let deliver = parts("DeliverSms").deliver_sms(http, public_base_url);
        let deliver = Arc::new(alter(deliver));
        let functions: Arc<dyn Invoke> = Arc::new(Functions {
            fan_out,
            deliver: Arc::clone(&deliver),
            clock: Arc::clone(&clock),
        });
        let pollers = template
            .functions
            .iter()
            .filter(|function| ["FanOut", "DeliverSms"].contains(&function.name.as_str()))
            .flat_map(|function| pollers(function, &functions, &aws))
            .collect();
        // What the test itself reads and writes meets no faults.
        let own = Parts::new("test", &aws, &template, &clock, &Arc::default(), &printed);
        World {
            clock,
            store: own.store.clone(),
            secrets: own.secrets.clone(),
            twilio,
            gateway,
            cut,
            questions,
            faults,
            deliver,
            printed,
            receipts,
            sqs: own.sqs,
            aws,
            template,
            _pollers: pollers,
        }
    }

    pub fn now(&self) -> Timestamp {
        (self.clock)()
    }

    pub fn workspace(&self) -> WorkspaceId {
        "ws_1".parse().unwrap()
    }

    /// The workspace sends through Twilio.
    pub async fn use_twilio(&self) {
        let token = self.seal(Purpose::TwilioAuthToken, TOKEN).await;
        self.use_carrier(Carrier::Twilio(TwilioAccount {
            account: account().parse().unwrap(),
            sender: TwilioSender::Number(SENDER.parse().unwrap()),
            auth_token: token,
            api_key: None,
        }))
        .await;
    }

    /// The workspace sends through a gateway.
    pub async fn use_gateway(&self, idempotent: bool, signing_secret: Option<&str>) {
        let url = "https://gateway.example.com/send?token=canary";
        let signing_secret = match signing_secret {
            None => None,
            Some(secret) => Some(self.seal(Purpose::GatewaySecret, secret).await),
        };
        self.use_carrier(Carrier::Http(Gateway {
            url: self.seal(Purpose::GatewayUrl, url).await,
            shown_url: "https://gateway.example.com/send?***".to_owned(),
            idempotent,
            signing_secret,
        }))
        .await;
    }

    /// The workspace has no provider any more.
    pub async fn remove_provider(&self) {
        let mut stored = self.store.provider(&self.workspace()).await.unwrap();
        stored.value.replace(None, self.now());
        self.store
            .save_provider(&self.workspace(), &stored)
            .await
            .unwrap();
    }

    pub async fn use_carrier(&self, carrier: Carrier) {
        let mut stored = self.store.provider(&self.workspace()).await.unwrap();
        let provider = Provider {
            carrier,
            max_segments: MaxSegments::default(),
            created_at: self.now(),
            updated_at: self.now(),
        };
        stored.value.replace(Some(provider), self.now());
        self.store
            .save_provider(&self.workspace(), &stored)
            .await
            .unwrap();
    }

    pub async fn seal(&self, purpose: Purpose, secret: &str) -> domain::secret::SealedSecret {
        self.secrets
            .seal_text(&self.workspace(), purpose, &SecretText::new(secret))
            .await
            .unwrap()
    }

    /// A member with a phone who wants to be told of changed priorities.
    pub async fn member(&self, user: &str, phone: &str) {
        self.member_with(user, |member| {
            member.phone = Some(phone.parse().unwrap());
            member.preferences.0.insert(AlertType::PriorityChanged);
        })
        .await;
    }

    pub async fn member_with(&self, user: &str, change: impl FnOnce(&mut Member)) {
        let mut member = Member {
            workspace: self.workspace(),
            id: user.parse().unwrap(),
            name: format!("Member {user}"),
            phone: None,
            preferences: Preferences::default(),
            created_at: self.now(),
            updated_at: self.now(),
        };
        change(&mut member);
        self.store.create_member(&member).await.unwrap();
    }

    /// An event with an alert on the events queue, as an upstream sends it, happening now.
    pub async fn alert(&self, id: &str, recipients: &[&str]) {
        self.alert_of("ENG-42", id, recipients).await;
    }

    pub async fn alert_of(&self, item: &str, id: &str, recipients: &[&str]) {
        self.alert_saying("priority changed to Urgent", item, id, recipients)
            .await;
    }

    pub async fn alert_saying(&self, summary: &str, item: &str, id: &str, recipients: &[&str]) {
        let timestamp = Timestamp::from_second(self.now().as_second()).unwrap();
        let event = serde_json::json!({
            "id": id, "timestamp": timestamp.to_string(), "workspace": { "id": "ws_1", "slug": "s" },
            "project": null, "actor": null,
            "alert": {
                "event_type": "priority_changed", "summary": summary,
                "item": {
                    "identifier": item, "title": "Fix login redirect",
                    "url": format!("https://app.setget.io/s/issues/{item}"),
                },
                "recipients": recipients,
            },
        });
        self.send("EventsQueue", event.to_string()).await;
    }

    /// A message on a queue, named by its resource in the template.
    pub async fn send(&self, queue: &str, body: String) {
        let send = self.sqs.send_message().queue_url(self.queue_url(queue));
        let traceparent = MessageAttributeValue::builder()
            .data_type("String")
            .string_value(TRACEPARENT);
        send.message_body(body)
            .message_attributes("traceparent", traceparent.build().unwrap())
            .send()
            .await
            .unwrap();
    }

    /// The table's write units, from the first call on.
    pub fn write_units(&self) -> &WriteUnits {
        self.aws.write_units(&self.template.tables[0])
    }

    /// The messages of a queue, wherever they are.
    pub fn held(&self, queue: &str) -> usize {
        let counts = self.aws.sqs().counts(&self.queue_url(queue)).unwrap();
        counts.visible + counts.in_flight + counts.delayed
    }

    pub fn queue_url(&self, resource: &str) -> String {
        let mut queues = self.template.queues.iter();
        let queue = queues.find(|queue| queue.id == resource).unwrap();
        self.aws.queue_url(&queue.name)
    }

    /// Sets how the gateway answers.
    pub fn answer(&self, script: impl FnMut() -> Answer + Send + 'static) {
        *self.gateway.script.lock().unwrap() = Some(Box::new(script));
    }

    /// The requests that the gateway received.
    pub fn gateway_calls(&self) -> Vec<Call> {
        self.gateway.calls.lock().unwrap().clone()
    }

    /// Sets how Twilio answers questions about messages.
    pub fn show(&self, showing: impl FnMut(&str) -> Shown + Send + 'static) {
        *self.questions.showing.lock().unwrap() = Some(Box::new(showing));
    }

    /// The questions about messages that Twilio was asked: when, and about which.
    pub fn asked(&self) -> Vec<(Timestamp, String)> {
        self.questions.asked.lock().unwrap().clone()
    }

    /// Sets how Twilio behaves.
    pub async fn twilio_behaves(&self, behaviour: &str) {
        let request = http::Request::put("/behaviour")
            .body(Bytes::copy_from_slice(behaviour.as_bytes()))
            .unwrap();
        let Reply::Response(response) = self.twilio.answer(request).await else {
            panic!("no answer")
        };
        assert!(
            response.status().is_success(),
            "{}",
            String::from_utf8_lossy(response.body())
        );
    }

    /// Of the next answers to sends Twilio's status comes and the body does not.
    pub fn cut_answers_to_sends(&self, next: usize) {
        self.cut.store(next, Ordering::Relaxed);
    }

    /// Posts a receipt, or whatever it is, as Twilio would.
    pub async fn post(&self, request: http::Request<Body>) -> http::StatusCode {
        self.receipts
            .clone()
            .oneshot(request)
            .await
            .unwrap()
            .status()
    }

    /// Lets virtual time pass.
    pub async fn pass(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    /// Lets time pass until nothing is to be done any more: no message on the way's queues, and all receipts of a
    /// message in.
    pub async fn until_quiet(&self, most: Duration) {
        let deadline = self.now() + most;
        let quiet = || self.held("EventsQueue") == 0 && self.held("SmsQueue") == 0;
        while !quiet() {
            assert!(
                self.now() < deadline,
                "not within {most:?}: queues are empty"
            );
            self.pass(Duration::from_secs(1)).await;
        }
        // Receipts come within a second, and are sent again within a few more where they fail.
        self.pass(Duration::from_secs(60)).await;
    }

    /// The workspace's SMS history, oldest first.
    pub async fn history(&self) -> Vec<SmsDelivery> {
        let span = Span {
            limit: 100,
            ..Span::default()
        };
        let mut items = Vec::new();
        let mut span = span;
        loop {
            let page = self
                .store
                .sms_history(&self.workspace(), &span, &SmsFilter::default())
                .await
                .unwrap();
            items.extend(page.items);
            match page.next {
                None => break,
                next => span.after = next,
            }
        }
        items.reverse();
        items
    }

    /// The only delivery.
    pub async fn only(&self) -> SmsDelivery {
        let mut history = self.history().await;
        assert_eq!(history.len(), 1, "{history:#?}");
        history.remove(0)
    }

    /// The table itself, for what the store does not do.
    pub fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        aws_sdk_dynamodb::Client::new(&self.aws.sdk_config())
    }

    pub fn table(&self) -> &str {
        &self.template.tables[0].name
    }

    /// Takes a delivery's item away.
    pub async fn lose(&self, delivery: &SmsDelivery) {
        let (pk, sk) = item_key(&delivery.key);
        let delete = self
            .dynamodb()
            .delete_item()
            .table_name(self.table())
            .key("pk", pk)
            .key("sk", sk)
            .condition_expression("attribute_exists(pk)");
        delete.send().await.unwrap();
    }

    /// How many messages Twilio has accepted for this delivery, by the callback that each was sent with.
    pub fn accepted_for(&self, delivery: &SmsDelivery) -> usize {
        let names = |url: &str| url.contains(delivery.key.id.as_str());
        let accepted = self.twilio.accepted();
        let ours = accepted
            .iter()
            .filter(|message| message.status_callback.as_deref().is_some_and(names));
        ours.count()
    }

    /// Who was named and not sent to.
    pub async fn not_sent(&self) -> HashMap<NotSent, u64> {
        let mut sums = HashMap::new();
        for (_, counts) in self.counts().await {
            for ((because, _), count) in counts.not_sent {
                *sums.entry(because).or_default() += count;
            }
        }
        sums
    }

    async fn counts(&self) -> Vec<(jiff::civil::Date, platform::store::sms_counters::DayCounts)> {
        let last = day_of(self.now());
        let first = last.saturating_sub(jiff::Span::new().days(2));
        self.store
            .sms_counts(&self.workspace(), first, last)
            .await
            .unwrap()
    }

    /// What must hold whatever happened: nothing waits any more, nothing was sent twice, nothing is lost unseen, and
    /// the counters equal the history.
    pub async fn check(&self, context: &str) {
        let history = self.history().await;
        for delivery in &history {
            let State::Settled(_) = delivery.state else {
                panic!("{context}: not settled: {delivery:#?}");
            };
            if delivery.carrier == domain::sms::provider::CarrierKind::Twilio {
                let accepted = self.accepted_for(delivery);
                let seen = matches!(delivery.status(), Status::Failed | Status::Unknown);
                assert!(
                    accepted == 1 || (accepted == 0 && seen),
                    "{context}: accepted {accepted} times: {delivery:#?}"
                );
            }
        }
        self.check_index(&history, context).await;
        let mut expected: HashMap<_, Count> = HashMap::new();
        for delivery in &history {
            let key = (
                day_of(delivery.created_at),
                delivery.status(),
                delivery.alert_type,
            );
            let count = expected.entry(key).or_default();
            count.deliveries += 1;
            count.segments += u64::from(delivery.segments.get());
        }
        let mut counted: HashMap<_, Count> = HashMap::new();
        for (date, counts) in self.counts().await {
            for ((status, alert_type), count) in counts.deliveries {
                counted.insert((date, status, alert_type), count);
            }
        }
        assert_eq!(
            counted, expected,
            "{context}: stats differ from the history"
        );
    }
}

/// `pk` and `sk` of a delivery's item.
pub fn item_key(key: &SmsKey) -> (AttributeValue, AttributeValue) {
    let SmsKey { workspace, id } = key;
    let pk = format!("SMS#{workspace}#{}", id.shard().number());
    (AttributeValue::S(pk), AttributeValue::S(id.to_string()))
}
