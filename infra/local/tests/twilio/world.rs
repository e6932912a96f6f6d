//! The simulator in-process, with a receiver of callbacks that plays a script.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use futures::future::{BoxFuture, ready};
use http::{Method, Request, StatusCode};
use jiff::Timestamp;
use local::clock;
use local::outside::twilio::{
    AcceptedMessage, Callback, DeliverCallback, IDEMPOTENCY_TOKEN, Reply, SIGNATURE, Twilio,
};
use serde_json::Value;

use crate::signature::sign;

pub const ACCOUNT: &str = "AC0123456789abcdef0123456789abcdef";
pub const TOKEN: &str = "token of the account";
pub const SERVICE: &str = "MG0123456789abcdef0123456789abcdef";
pub const FROM: &str = "+14155238886";
pub const TO: &str = "+14155552671";
pub const CALLBACK: &str = "https://example.com/webhooks/twilio/status?w=1&d=dlv_1";
/// Longer than any message's way to its end.
pub const A_WHILE: Duration = Duration::from_secs(2);

pub type Form<'a> = &'a [(&'a str, &'a str)];

pub struct World {
    pub twilio: Twilio,
    pub receiver: Arc<Receiver>,
}

/// Takes callbacks: answers as the script says, then with 204.
#[derive(Default)]
pub struct Receiver {
    received: Mutex<Vec<Received>>,
    script: Mutex<VecDeque<Result<u16, String>>>,
}

#[derive(Debug, Clone)]
pub struct Received {
    pub url: String,
    pub form: BTreeMap<String, String>,
    pub signature: String,
    pub idempotency_token: String,
}

impl DeliverCallback for Receiver {
    fn post(&self, callback: Callback) -> BoxFuture<'static, Result<u16, String>> {
        let header = |name| callback.headers[name].to_str().unwrap().to_owned();
        assert!(header("content-type".parse().unwrap()).contains("x-www-form-urlencoded"));
        self.received.lock().unwrap().push(Received {
            url: callback.url.clone(),
            form: url::form_urlencoded::parse(&callback.body)
                .into_owned()
                .collect(),
            signature: header(SIGNATURE),
            idempotency_token: header(IDEMPOTENCY_TOKEN),
        });
        let answer = self.script.lock().unwrap().pop_front();
        Box::pin(ready(answer.unwrap_or(Ok(204))))
    }
}

impl Receiver {
    pub fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    pub fn statuses(&self) -> Vec<String> {
        let received = self.received();
        let statuses = received
            .iter()
            .map(|received| received.form["MessageStatus"].clone());
        statuses.collect()
    }

    pub fn will_answer(&self, answers: impl IntoIterator<Item = Result<u16, String>>) {
        self.script.lock().unwrap().extend(answers);
    }
}

impl Received {
    pub fn is_signed_with(&self, token: &str) -> bool {
        sign(token, &self.url, &self.form) == self.signature
    }
}

impl World {
    pub fn new() -> Self {
        let receiver = Arc::new(Receiver::default());
        let base: Timestamp = "2026-03-29T14:30:00Z".parse().unwrap();
        let deliver = Arc::clone(&receiver) as Arc<dyn DeliverCallback>;
        Self {
            twilio: Twilio::new(clock::virtual_from(base), deliver),
            receiver,
        }
    }

    /// A call as anyone; `None` where no answer comes.
    pub async fn call(
        &self,
        method: Method,
        login: Option<(&str, &str)>,
        path: &str,
        body: impl Into<Bytes>,
    ) -> Option<(StatusCode, Value)> {
        let mut request = Request::builder().method(method).uri(path);
        if let Some((user, password)) = login {
            let credentials = BASE64_STANDARD.encode(format!("{user}:{password}"));
            request = request.header("Authorization", format!("Basic {credentials}"));
        }
        let request = request.body(body.into()).unwrap();
        match self.twilio.answer(request).await {
            Reply::Response(response) => {
                let body = serde_json::from_slice(response.body());
                Some((response.status(), body.unwrap_or(Value::Null)))
            }
            Reply::Silence => None,
        }
    }

    /// A create call as that login, for the account.
    pub async fn create_as(
        &self,
        login: (&str, &str),
        form: Form<'_>,
    ) -> Option<(StatusCode, Value)> {
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(form)
            .finish();
        let path = format!("/2010-04-01/Accounts/{ACCOUNT}/Messages.json");
        self.call(Method::POST, Some(login), &path, body).await
    }

    /// A create call of the account's.
    pub async fn create(&self, form: Form<'_>) -> Option<(StatusCode, Value)> {
        self.create_as((ACCOUNT, TOKEN), form).await
    }

    /// A message that is accepted; its SID.
    pub async fn send(&self, form: Form<'_>) -> String {
        let (status, message) = self.create(form).await.unwrap();
        assert_eq!(status, StatusCode::CREATED, "{message}");
        message["sid"].as_str().unwrap().to_owned()
    }

    /// A GET as the account, of a path below `/2010-04-01/Accounts/{account}`.
    pub async fn get(&self, below: &str) -> (StatusCode, Value) {
        let path = format!("/2010-04-01/Accounts/{ACCOUNT}{below}");
        self.get_path(&path).await
    }

    pub async fn get_path(&self, path: &str) -> (StatusCode, Value) {
        let login = Some((ACCOUNT, TOKEN));
        self.call(Method::GET, login, path, "").await.unwrap()
    }

    pub async fn put(&self, path: &str, body: &Value) -> (StatusCode, Value) {
        self.call(Method::PUT, None, path, body.to_string())
            .await
            .unwrap()
    }

    pub async fn behave(&self, behaviour: Value) {
        let (status, words) = self.put("/behaviour", &behaviour).await;
        assert_eq!(status, StatusCode::NO_CONTENT, "{words}");
    }

    /// The only message that was accepted.
    pub fn only_message(&self) -> AcceptedMessage {
        let mut accepted = self.twilio.accepted();
        assert_eq!(accepted.len(), 1);
        accepted.remove(0)
    }
}

/// A create call's parameters.
pub fn form(body: &str) -> [(&str, &str); 4] {
    [
        ("To", TO),
        ("From", FROM),
        ("Body", body),
        ("StatusCallback", CALLBACK),
    ]
}
