//! An API on an AWS of its own, and ways to talk to both.

use std::io;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use admin_api::{App, Queues, router};
use aws_sdk_sqs::types::{Message, MessageSystemAttributeName};
use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderMap, Request};
use domain::access::KeyHash;
use domain::catalogue::EventType;
use domain::delivery::{Delivery, DeliveryKey, FailedBecause, History, Purpose, State};
use domain::endpoint_url::UrlRules;
use domain::ids::DeliveryId;
use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use local::aws::{Aws, Gate};
use local::clock;
use local::template::{Place, Settings, Template};
use platform::entropy::Entropy;
use platform::http::{GuardedClient, Resolve};
use platform::queue::Queue;
use platform::secrets::Secrets;
use platform::store::Store;
use platform::twilio::TwilioApi;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::captured_metrics::Printed;
use crate::twilio::FakeTwilio;

pub(crate) const OPERATOR: &str = "sk_the-operators-own-key";
/// The workspace that paths without `/v1` mean.
pub(crate) const WORKSPACE: &str = "ws_1";

#[derive(Clone)]
pub(crate) struct Api {
    router: Router,
    key: Option<String>,
    pub(crate) store: Store,
    pub(crate) secrets: Secrets,
    pub(crate) sqs: aws_sdk_sqs::Client,
    pub(crate) db: aws_sdk_dynamodb::Client,
    pub(crate) aws: Aws,
    pub(crate) twilio: Arc<FakeTwilio>,
    /// What the API counted.
    pub(crate) printed: Printed,
}

/// How an API is deployed. The default is the cloud's: no plain http, no private networks.
pub(crate) struct Deployment {
    pub(crate) url_rules: UrlRules,
    pub(crate) entropy: Entropy,
    pub(crate) public_base_url: Option<&'static str>,
    pub(crate) brand: &'static str,
    /// What stands between the API and AWS.
    pub(crate) gate: Option<Arc<dyn Gate>>,
}

impl Default for Deployment {
    fn default() -> Deployment {
        Deployment {
            url_rules: UrlRules::default(),
            entropy: Entropy::system(),
            public_base_url: Some("https://example.com"),
            brand: "SetGet",
            gate: None,
        }
    }
}

/// Host names that tests know: two public ones, private ones, and one that never answers.
struct Names;

impl Resolve for Names {
    fn resolve(&self, host: &str) -> BoxFuture<'_, io::Result<Vec<IpAddr>>> {
        let addresses: &[&str] = match host {
            "example.com" | "other.example.com" => &["93.184.215.14", "2606:2800:21f::1"],
            "private.example.com" => &["10.0.0.1"],
            "mixed.example.com" => &["93.184.215.14", "169.254.169.254"],
            "silent.example.com" => return std::future::pending().boxed(),
            _ => return async { Err(io::ErrorKind::NotFound.into()) }.boxed(),
        };
        let addresses = addresses.iter().map(|text| text.parse().unwrap()).collect();
        async move { Ok(addresses) }.boxed()
    }
}

impl Api {
    pub(crate) async fn new() -> Api {
        Api::deployed(Deployment::default()).await
    }

    pub(crate) async fn with_rules(url_rules: UrlRules) -> Api {
        let deployment = Deployment {
            url_rules,
            ..Deployment::default()
        };
        Api::deployed(deployment).await
    }

    pub(crate) async fn deployed(deployment: Deployment) -> Api {
        let Deployment {
            url_rules,
            entropy,
            public_base_url,
            brand,
            gate,
        } = deployment;
        let client = |rules| GuardedClient::new(Arc::new(Names), rules).unwrap();
        let twilio = Arc::new(FakeTwilio::default());
        let endpoint = "http://127.0.0.1:4566";
        let clock = clock::virtual_from("2026-03-29T14:30:00Z".parse().unwrap());
        let aws = Aws::new(Arc::clone(&clock), endpoint);
        aws.create_resources(&template(endpoint)).await.unwrap();
        let config = match gate {
            None => aws.sdk_config(),
            Some(gate) => aws.sdk_config_through(gate),
        };
        let sqs = aws_sdk_sqs::Client::new(&config);
        let db = aws_sdk_dynamodb::Client::new(&config);
        let queue = |name| Queue::new(sqs.clone(), aws.queue_url(name));
        let printed = Printed::default();
        let metrics = printed.metrics(&clock);
        let store = Store::new(db.clone(), "Table");
        let secrets = Secrets::new(
            aws_sdk_kms::Client::new(&config),
            "alias/SecretsKey",
            metrics.clone(),
        );
        let app = App {
            store: store.clone(),
            secrets: secrets.clone(),
            queues: Queues {
                events: queue("EventsQueue"),
                slow: queue("WebhookSlowQueue"),
                sms: queue("SmsQueue"),
                bulk: queue("BulkQueue"),
            },
            endpoints: client(url_rules),
            public_internet: client(UrlRules::default()),
            url_rules,
            brand: brand.parse().unwrap(),
            twilio: TwilioApi::new(twilio.clone(), "https://api.twilio.com", url_rules).unwrap(),
            public_base_url: public_base_url.map(str::to_owned),
            log_retention: Duration::from_secs(30 * 24 * 60 * 60),
            operator: KeyHash::of(OPERATOR).as_str().parse().unwrap(),
            clock,
            entropy,
            metrics,
        };
        Api {
            router: router(app),
            key: Some(OPERATOR.to_owned()),
            store,
            secrets,
            sqs,
            db,
            aws,
            twilio,
            printed,
        }
    }

    /// The same API, called with another key or none.
    pub(crate) fn with_key(&self, key: Option<&str>) -> Api {
        Api {
            key: key.map(str::to_owned),
            ..self.clone()
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        (self.aws.clock())()
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.send("POST", path, Some(body)).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Answer {
        self.send("PUT", path, Some(body)).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Answer {
        self.send("PATCH", path, Some(body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, None).await
    }

    pub(crate) async fn send(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        let body = body.map(|body| body.to_string().into_bytes());
        self.send_bytes(method, path, body, Some("application/json"))
            .await
    }

    /// A path without `/v1` is one of [`WORKSPACE`]'s.
    pub(crate) async fn send_bytes(
        &self,
        method: &str,
        path: &str,
        body: Option<Vec<u8>>,
        content_type: Option<&str>,
    ) -> Answer {
        let prefix = if path.starts_with("/v1") {
            String::new()
        } else {
            format!("/v1/workspaces/{WORKSPACE}")
        };
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{prefix}{path}"));
        if let Some(content_type) = content_type.filter(|_| body.is_some()) {
            request = request.header(CONTENT_TYPE, content_type);
        }
        if let Some(key) = &self.key {
            request = request.header(AUTHORIZATION, format!("Bearer {key}"));
        }
        self.call(
            request
                .body(body.map_or_else(Body::empty, Body::from))
                .unwrap(),
        )
        .await
    }

    pub(crate) async fn call(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body: to_bytes(body, usize::MAX).await.unwrap(),
        }
    }

    /// A webhook of these fields, besides a URL and all events.
    pub(crate) async fn webhook(&self, fields: Value) -> Value {
        let mut body = json!({ "url": "https://example.com/hook", "events": ["*"] });
        body.as_object_mut()
            .unwrap()
            .extend(fields.as_object().unwrap().clone());
        let answer = self.post("/webhooks", body).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        answer.json()
    }

    /// A member with this phone.
    pub(crate) async fn member(&self, user: &str, phone: Option<&str>) -> Value {
        let body = json!({ "name": format!("Name of {user}"), "phone": phone });
        let answer = self.put(&format!("/members/{user}"), body).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        answer.json()
    }

    /// A key of this role in this workspace, of the user `user_1`.
    pub(crate) async fn key(&self, workspace: &str, role: &str) -> String {
        self.key_of(workspace, role, Some("user_1")).await
    }

    /// A key of this role in this workspace, of this user.
    pub(crate) async fn key_of(&self, workspace: &str, role: &str, user: Option<&str>) -> String {
        let body = json!({ "role": role, "name": "test", "user_id": user });
        let answer = self
            .post(&format!("/v1/workspaces/{workspace}/api-keys"), body)
            .await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        answer.json()["key"].as_str().unwrap().to_owned()
    }

    /// Everything that can be received from a queue now.
    pub(crate) async fn receive(&self, queue: &str) -> Vec<Message> {
        let mut all = Vec::new();
        loop {
            let received = self
                .sqs
                .receive_message()
                .queue_url(self.aws.queue_url(queue));
            let received = received
                .message_attribute_names("All")
                .message_system_attribute_names(MessageSystemAttributeName::All);
            let page = received.max_number_of_messages(10).send().await.unwrap();
            if page.messages().is_empty() {
                return all;
            }
            all.extend(page.messages.unwrap_or_default());
        }
    }

    /// The same, as JSON.
    pub(crate) async fn receive_json(&self, queue: &str) -> Vec<Value> {
        let messages = self.receive(queue).await;
        messages
            .iter()
            .map(|message| serde_json::from_str(message.body().unwrap()).unwrap())
            .collect()
    }

    /// What can be received from the bulk queue once the jobs' delay is over: webhook and task.
    pub(crate) async fn jobs(&self) -> Vec<Value> {
        tokio::time::advance(Duration::from_secs(3)).await;
        self.receive_json("BulkQueue").await
    }

    /// Writes a delivery of this event number to the webhook's log.
    pub(crate) async fn delivery(
        &self,
        webhook: &Value,
        number: i64,
        change: impl FnOnce(&mut Delivery),
    ) -> String {
        let event_id = format!("evt_{number}").parse().unwrap();
        let at = self.now() + SignedDuration::from_secs(number);
        let workspace = WORKSPACE.parse().unwrap();
        let webhook = webhook["id"].as_str().unwrap().parse().unwrap();
        let id = DeliveryId::for_webhook(&workspace, &event_id, at, &webhook);
        let mut delivery = Delivery {
            key: DeliveryKey {
                workspace,
                webhook,
                id: id.clone(),
            },
            event_id,
            event_type: EventType::WorkItemCreated,
            purpose: Purpose::Event,
            body: format!(r#"{{"number":{number}}}"#).into(),
            history: History::default(),
            state: State::Failed(FailedBecause::Exhausted),
            recovered_by: None,
            created_at: at,
            expires_at: at + SignedDuration::from_hours(24),
        };
        change(&mut delivery);
        self.store.create_delivery(&delivery).await.unwrap();
        id.to_string()
    }
}

fn template(endpoint: &str) -> Template {
    let place = Place {
        stack_name: "test".to_owned(),
        aws_endpoint: endpoint.to_owned(),
    };
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../template.yaml");
    Template::read(&path, &Settings::default(), &place).unwrap()
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.text()))
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The fields that the problem document blames.
    pub(crate) fn blamed(&self) -> Vec<String> {
        let errors = self.json()["errors"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        errors
            .iter()
            .map(|error| error["field"].as_str().unwrap().to_owned())
            .collect()
    }
}
