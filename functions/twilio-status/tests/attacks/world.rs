//! Two workspaces with a Twilio account and a message each, and the function that takes their receipts.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderValue, Request, StatusCode};
use domain::catalogue::AlertType;
use domain::ids::{DeliveryId, WorkspaceId};
use domain::secret::SecretText;
use domain::sms::delivery::{
    Found, Purpose, Recipient, SmsDelivery, SmsKey, Source, Stage, State, Timeline,
};
use domain::sms::provider::{Carrier, CarrierKind, Provider, TwilioAccount};
use domain::sms::segments::{MaxSegments, count};
use domain::sms::sender::TwilioSender;
use domain::twilio::credentials::AuthToken;
use domain::twilio::receipt::callback_url;
use domain::twilio::signature::{Params, sign};
use jiff::{SignedDuration, Timestamp};
use local::aws::Aws;
use local::clock;
use local::template::{Place, Settings, Template};
use platform::clock::Clock;
use platform::entropy::Entropy;
use platform::metrics::Metrics;
use platform::secrets::{Purpose as SecretPurpose, Secrets};
use platform::store::{Saved, Store};
use tower::ServiceExt;
use twilio_status::App;

pub const PUBLIC: &str = "https://setget.example.com";
pub const STATUS: &str = "/webhooks/twilio/status";
pub const INBOUND: &str = "/webhooks/twilio/inbound";
pub const PHONE: &str = "+14155551234";
pub const SENDER: &str = "+14155550100";

/// A workspace that has sent a message.
#[derive(Clone)]
pub struct Tenant {
    pub workspace: WorkspaceId,
    pub account: String,
    pub token: String,
    pub message: String,
    pub delivery: DeliveryId,
}

impl Tenant {
    fn new(letter: char) -> Tenant {
        let workspace: WorkspaceId = format!("ws_{letter}").parse().unwrap();
        let event = "evt_1".parse().unwrap();
        let delivery = DeliveryId::for_sms(&workspace, &event, start(), "user_1");
        let letters = |prefix: &str| format!("{prefix}{}", letter.to_string().repeat(32));
        Tenant {
            workspace,
            account: letters("AC"),
            token: letters(""),
            message: letters("SM"),
            delivery,
        }
    }

    /// The path and query that Twilio posts the message's receipts to.
    pub fn callback(&self) -> String {
        let url = callback_url("", &self.workspace, &self.delivery);
        url.split('#').next().unwrap().to_owned()
    }

    pub fn key(&self) -> SmsKey {
        SmsKey {
            workspace: self.workspace.clone(),
            id: self.delivery.clone(),
        }
    }

    /// A receipt of the message, as Twilio posts it.
    pub fn receipt(&self, status: &str) -> Form {
        let fields = [
            ("ApiVersion", "2010-04-01"),
            ("AccountSid", &self.account),
            ("From", SENDER),
            ("MessageSid", &self.message),
            ("MessageStatus", status),
            ("SmsSid", &self.message),
            ("SmsStatus", status),
            ("To", PHONE),
        ];
        Form::new(&self.callback(), &fields, &self.token)
    }

    /// What the recipient texts back, as the message of this number.
    pub fn text(&self, message: u32, body: &str) -> Form {
        let sid = format!("SM{message:032x}");
        let fields = [
            ("AccountSid", self.account.as_str()),
            ("Body", body),
            ("From", PHONE),
            ("FromZip", "94105"),
            ("MessageSid", sid.as_str()),
            ("To", SENDER),
        ];
        Form::new(INBOUND, &fields, &self.token)
    }
}

/// A form, where it is posted to, and what is signed with which token: by default just that.
#[derive(Clone)]
pub struct Form {
    pub path_and_query: String,
    pub fields: Vec<(String, String)>,
    pub signed_url: String,
    pub token: String,
}

impl Form {
    pub fn new(path_and_query: &str, fields: &[(&str, &str)], token: &str) -> Form {
        let fields = fields
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()));
        Form {
            path_and_query: path_and_query.to_owned(),
            fields: fields.collect(),
            signed_url: format!("{PUBLIC}{path_and_query}"),
            token: token.to_owned(),
        }
    }

    pub fn body(&self) -> String {
        url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(&self.fields)
            .finish()
    }

    pub fn signature(&self) -> String {
        let params = Params::parse(self.body().as_bytes()).unwrap();
        sign(
            &self.signed_url,
            &params,
            &AuthToken(SecretText::new(&self.token)),
        )
    }

    pub fn request(&self) -> Request<Body> {
        self.posting(self.body(), self.signature().as_bytes())
    }

    /// Another body, or another signature.
    pub fn posting(&self, body: impl Into<Body>, signature: &[u8]) -> Request<Body> {
        Request::post(&self.path_and_query)
            .header(
                "X-Twilio-Signature",
                HeaderValue::from_bytes(signature).unwrap(),
            )
            .header(
                "Content-Type",
                "application/x-www-form-urlencoded; charset=UTF-8",
            )
            .body(body.into())
            .unwrap()
    }

    /// Changes what is posted, not what is signed.
    pub fn tampered(&self, change: impl FnOnce(&mut Vec<(String, String)>)) -> Request<Body> {
        let mut fields = self.fields.clone();
        change(&mut fields);
        let posted = Form {
            fields,
            ..self.clone()
        };
        self.posting(posted.body(), self.signature().as_bytes())
    }
}

pub struct World {
    pub a: Tenant,
    pub b: Tenant,
    pub store: Store,
    router: Router,
    secrets: Secrets,
    db: aws_sdk_dynamodb::Client,
    clock: Clock,
    posted: AtomicUsize,
    _aws: Aws,
}

/// So that they can be counted over all tests.
impl Drop for World {
    fn drop(&mut self) {
        println!("{} posted", self.posted.load(Ordering::Relaxed));
    }
}

fn start() -> Timestamp {
    "2026-03-29T14:30:00Z".parse().unwrap()
}

impl World {
    pub async fn new() -> World {
        let clock = clock::virtual_from(start());
        let place = Place {
            stack_name: "test".into(),
            aws_endpoint: "http://aws.test".into(),
        };
        let aws = Aws::new(Arc::clone(&clock), &place.aws_endpoint);
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../template.yaml");
        let template = Template::read(&path, &Settings::default(), &place).unwrap();
        aws.create_resources(&template).await.unwrap();
        let config = aws.sdk_config();
        let db = aws_sdk_dynamodb::Client::new(&config);
        let store = Store::new(db.clone(), &template.tables[0].name);
        let metrics = Metrics::new("test".parse().unwrap(), Arc::clone(&clock), |_: &str| {});
        let kms = aws_sdk_kms::Client::new(&config);
        let secrets = Secrets::new(kms, template.keys[0].alias(), metrics.clone());
        let router = twilio_status::router(App {
            store: store.clone(),
            secrets: secrets.clone(),
            public_base_url: Some(PUBLIC.to_owned()),
            clock: Arc::clone(&clock),
            entropy: Entropy::system(),
            metrics,
        });
        let (a, b) = (Tenant::new('a'), Tenant::new('b'));
        let world = World {
            a,
            b,
            store,
            router,
            secrets,
            db,
            clock,
            posted: AtomicUsize::new(0),
            _aws: aws,
        };
        for tenant in [&world.a, &world.b] {
            world.use_twilio(tenant, &tenant.token).await;
            world.send(tenant).await;
        }
        world
    }

    /// The tenant's workspace sends through its account, with this token.
    pub async fn use_twilio(&self, tenant: &Tenant, token: &str) {
        let (workspace, token) = (&tenant.workspace, SecretText::new(token));
        let sealed = self
            .secrets
            .seal_text(workspace, SecretPurpose::TwilioAuthToken, &token);
        let provider = Provider {
            carrier: Carrier::Twilio(TwilioAccount {
                account: tenant.account.parse().unwrap(),
                sender: TwilioSender::Number(SENDER.parse().unwrap()),
                auth_token: sealed.await.unwrap(),
                api_key: None,
            }),
            max_segments: MaxSegments::default(),
            created_at: self.now(),
            updated_at: self.now(),
        };
        let mut stored = self.store.provider(&tenant.workspace).await.unwrap();
        stored.value.replace(Some(provider), self.now());
        let saved = self.store.save_provider(&tenant.workspace, &stored);
        saved.await.unwrap();
    }

    async fn send(&self, tenant: &Tenant) {
        let delivery = queued(tenant, self.now());
        self.store.create_sms(&delivery).await.unwrap();
        let stored = self.store.sms(&tenant.key()).await.unwrap().unwrap();
        let mut sent = stored.value.clone();
        let found = Found {
            account: None,
            message_id: tenant.message.clone(),
            stage: Stage::Sent,
            error: None,
        };
        sent.receive(found, Source::Provider, self.now());
        let saved = self.store.save_sms(&stored, &sent).await.unwrap();
        assert!(matches!(saved, Saved::Written(_)));
    }

    pub fn now(&self) -> Timestamp {
        (self.clock)()
    }

    pub async fn pass(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    /// The status, after making sure that the answer tells nothing more.
    pub async fn post(&self, request: Request<Body>) -> StatusCode {
        self.posted.fetch_add(1, Ordering::Relaxed);
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let body = axum::body::to_bytes(response.into_body(), usize::MAX)
            .await
            .unwrap();
        assert_eq!(body.is_empty(), !status.is_success(), "{status}: {body:?}");
        status
    }

    /// Whether the recipient has told the tenant's sender to stop.
    pub async fn opted_out(&self, tenant: &Tenant) -> bool {
        let phones = [PHONE.parse().unwrap()];
        let found = self.store.opted_out(&tenant.workspace, SENDER, &phones);
        !found.await.unwrap().is_empty()
    }

    pub async fn delivery(&self, tenant: &Tenant) -> SmsDelivery {
        self.store.sms(&tenant.key()).await.unwrap().unwrap().value
    }

    /// All that the table holds, item by item.
    pub async fn dump(&self) -> BTreeSet<String> {
        let mut items = BTreeSet::new();
        let mut pages = self.db.scan().table_name("Table").into_paginator().send();
        while let Some(page) = pages.next().await {
            for item in page.unwrap().items() {
                let fields: std::collections::BTreeMap<_, _> = item.iter().collect();
                items.insert(format!("{fields:?}"));
            }
        }
        assert!(!items.is_empty());
        items
    }
}

fn queued(tenant: &Tenant, now: Timestamp) -> SmsDelivery {
    let text = "SetGet Alert: Work item ENG-142 priority changed to Urgent.";
    SmsDelivery {
        key: tenant.key(),
        purpose: Purpose::Alert,
        event_id: "evt_1".parse().unwrap(),
        event_time: now,
        alert_type: AlertType::PriorityChanged,
        recipient: Recipient {
            user_id: Some("user_1".parse().unwrap()),
            name: Some("Carol".to_owned()),
            phone: PHONE.parse().unwrap(),
        },
        entity: "ENG-142: Fix login redirect".to_owned(),
        text: text.to_owned(),
        encoding: count(text).encoding,
        segments: count(text).segments,
        carrier: CarrierKind::Twilio,
        sender: SENDER.to_owned(),
        state: State::new(now),
        provider_message_id: None,
        inquiry: None,
        error: None,
        timeline: Timeline::default(),
        created_at: now,
        expires_at: now + SignedDuration::from_hours(24 * 30),
    }
}
