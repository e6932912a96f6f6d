//! The outside world: customers' endpoints, Twilio, a gateway, and Twilio's way back to us.

use std::collections::BTreeMap;
use std::sync::{MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::Timestamp;
use local::outside::twilio::{Callback, DeliverCallback, Reply};
use platform::http::{HttpSend, InboundResponse, OutboundRequest, SendError, Stage};

use crate::actions;
use crate::call::Call;
use crate::context;
use crate::fault::Fault;
use crate::functions::Function;
use crate::invoke;
use crate::run::Run;
use crate::sabotage::Sabotage;
use crate::scenario::{Action, Answer, ProviderPlan};
use crate::world;

/// Where Twilio is.
pub const TWILIO: &str = "https://twilio.example.com/twilio";
/// The deployment's public base URL.
pub const PUBLIC: &str = "https://setget.example.com";
/// The gateway's host.
pub const GATEWAY_HOST: &str = "gateway.example.com";

/// What the outside has seen.
#[derive(Debug, Default, Clone)]
pub struct Contacts {
    /// The requests that endpoints received.
    pub requests: Vec<Request>,
    /// The messages that the gateway was given.
    pub gateway: Vec<GatewayCall>,
    /// The tests that administrators asked for, one by one.
    pub tests: Vec<TestRequest>,
    /// What administrators asked for and were told would be done.
    pub granted: Vec<Granted>,
    /// What the first member texted.
    pub texted: Vec<Texted>,
    /// How many of the scenario's answers each delivery has had.
    answered: BTreeMap<String, usize>,
}

/// A request that an endpoint received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// When.
    pub at: Timestamp,
    /// The endpoint's host.
    pub host: String,
    /// The delivery's id.
    pub delivery: String,
    /// The body.
    pub body: Bytes,
    /// The status of the answer, if there is one in the end.
    pub answer: Option<u16>,
}

/// A message that the gateway was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewayCall {
    /// When.
    pub at: Timestamp,
    /// The idempotency key.
    pub key: String,
    /// The phone.
    pub to: String,
    /// The text.
    pub body: String,
    /// Whether the gateway took it.
    pub accepted: bool,
}

/// A request for a test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestRequest {
    /// What was to be tested.
    pub of: Tested,
    /// The delivery that the answer names; none where the answer is another one, or there is none.
    pub accepted: Option<String>,
}

/// Something that an administrator asked for, and the API agreed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Granted {
    /// When the request was made that was agreed to.
    pub asked_at: Timestamp,
    /// What was asked for.
    pub action: Action,
}

/// A text from the first member to the sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Texted {
    /// STOP, or else START.
    pub stop: bool,
    /// When it was sent.
    pub at: Timestamp,
    /// When we had told Twilio that we have it; none where we have not.
    pub acknowledged_at: Option<Timestamp>,
}

/// What a test is sent to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tested {
    /// The webhook at this place.
    Webhook(usize),
    /// This phone.
    Phone(String),
}

/// The host of the webhook at this place.
#[must_use]
pub fn host(place: usize) -> String {
    format!("h{place}.example.com")
}

/// The way out.
pub struct Outside;

impl HttpSend for Outside {
    fn send(
        &self,
        request: OutboundRequest,
        deadline: Duration,
    ) -> BoxFuture<'_, Result<InboundResponse, SendError>> {
        async move { context::run().send(request, deadline).await }.boxed()
    }
}

impl Run {
    /// What the outside has seen.
    pub fn contacts(&self) -> MutexGuard<'_, Contacts> {
        self.contacts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn send(
        &self,
        request: OutboundRequest,
        deadline: Duration,
    ) -> Result<InboundResponse, SendError> {
        let Some(invocation) = context::invocation() else {
            return Err(SendError::ConnectionRefused);
        };
        let call = called(&request);
        let about = || format!("{} {}", request.method, request.url.host());
        match self.begin(&invocation, call, about).await {
            None => self.exchange(call, request, deadline).await,
            Some(Fault::KilledBefore) => self.die(&invocation).await,
            Some(Fault::KilledAfter) => {
                let answer = self.exchange(call, request, Duration::ZERO).now_or_never();
                drop(answer);
                self.die(&invocation).await
            }
            Some(Fault::AnswerLost) => {
                _ = self.exchange(call, request, Duration::ZERO).await;
                silence(deadline).await
            }
            Some(Fault::Slow) => {
                tokio::time::sleep(deadline / 2).await;
                self.exchange(call, request, deadline / 2).await
            }
            Some(Fault::Throttled) => Ok(self.refusal(call, &request, 429)),
            Some(Fault::ServerError) => Ok(self.refusal(call, &request, 500)),
            Some(_) => Err(SendError::ConnectionRefused),
        }
    }

    /// An answer that somebody in between gives; an endpoint's own, as far as we can tell.
    fn refusal(&self, call: Call, request: &OutboundRequest, status: u16) -> InboundResponse {
        if call == Call::Endpoint {
            self.received(request, |_, _| Answer::Status(status));
        }
        let code = if status == 429 { 20_429 } else { 20_500 };
        let body = format!(r#"{{"code":{code},"message":"as told","status":{status}}}"#);
        response(status, body.into_bytes())
    }

    async fn exchange(
        &self,
        call: Call,
        request: OutboundRequest,
        deadline: Duration,
    ) -> Result<InboundResponse, SendError> {
        match call {
            Call::TwilioCreate | Call::TwilioRead => self.ask_twilio(request, deadline).await,
            Call::Gateway => {
                let answer = self.gateway_answer(&request);
                answered(answer, deadline).await
            }
            _ => {
                let answer = self.endpoint_answer(&request);
                answered(answer, deadline).await
            }
        }
    }

    async fn ask_twilio(
        &self,
        request: OutboundRequest,
        deadline: Duration,
    ) -> Result<InboundResponse, SendError> {
        if self.sabotage == Some(Sabotage::TheListIsEmpty) && request.method == http::Method::GET {
            return Ok(response(200, br#"{"messages":[]}"#.to_vec()));
        }
        self.twilio_took_a_message();
        let path = request.url.as_str().strip_prefix(TWILIO).unwrap_or("/");
        let asked = http::Request::builder()
            .method(request.method)
            .uri(path)
            .body(request.body);
        let Ok(mut asked) = asked else {
            return Err(SendError::ConnectionRefused);
        };
        *asked.headers_mut() = request.headers;
        match tokio::time::timeout(deadline, self.twilio().answer(asked)).await {
            Ok(Reply::Response(answer)) => {
                Ok(response(answer.status().as_u16(), answer.body().to_vec()))
            }
            Ok(Reply::Silence) => silence(deadline).await,
            Err(_) => Err(timed_out(deadline)),
        }
    }

    /// An endpoint received a request, and answers it: by its host, and by how many for the same delivery it has answered
    /// before.
    fn received(
        &self,
        request: &OutboundRequest,
        answer: impl FnOnce(&str, usize) -> Answer,
    ) -> Answer {
        let delivery = header(request, "X-SetGet-Delivery-ID");
        let host = request.url.host().to_owned();
        let mut contacts = self.contacts();
        let answered = contacts.answered.entry(delivery.clone()).or_default();
        let answer = answer(&host, *answered);
        *answered += 1;
        contacts.requests.push(Request {
            at: self.now(),
            host,
            delivery,
            body: request.body.clone(),
            answer: answer.status(),
        });
        answer
    }

    fn endpoint_answer(&self, request: &OutboundRequest) -> Answer {
        self.received(request, |of_host, number| {
            let mut hooks = self.scenario.webhooks.iter().enumerate();
            let Some((_, hook)) = hooks.find(|(place, _)| host(*place) == of_host) else {
                return Answer::Refused;
            };
            let event = actions::event_in(&request.body);
            if event.is_some_and(|event| hook.failing.contains(&event)) {
                return Answer::Status(500);
            }
            nth(&hook.answers, number)
        })
    }

    fn gateway_answer(&self, request: &OutboundRequest) -> Answer {
        let Some(ProviderPlan::Gateway { answers, .. }) = &self.scenario.provider else {
            return Answer::Refused;
        };
        let mut contacts = self.contacts();
        let answer = nth(answers, contacts.gateway.len());
        let said: serde_json::Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let text = |name: &str| said[name].as_str().unwrap_or_default().to_owned();
        let accepted = match answer.status() {
            Some(status) => (200..300).contains(&status),
            None => answer == Answer::Silence,
        };
        contacts.gateway.push(GatewayCall {
            at: self.now(),
            key: header(request, "Idempotency-Key"),
            to: text("to"),
            body: text("body"),
            accepted,
        });
        answer
    }
}

fn called(request: &OutboundRequest) -> Call {
    let url = request.url.as_str();
    if url.starts_with(TWILIO) && request.method == http::Method::POST {
        Call::TwilioCreate
    } else if url.starts_with(TWILIO) {
        Call::TwilioRead
    } else if request.url.host() == GATEWAY_HOST {
        Call::Gateway
    } else {
        Call::Endpoint
    }
}

fn header(request: &OutboundRequest, name: &str) -> String {
    let value = request.headers.get(name);
    let value = value.and_then(|value| value.to_str().ok());
    value.unwrap_or_default().to_owned()
}

/// The answer to the request with this number, from 0; the last answer stays.
pub(crate) fn nth(answers: &[Answer], number: usize) -> Answer {
    let last = answers.last().copied().unwrap_or(Answer::Status(200));
    answers.get(number).copied().unwrap_or(last)
}

async fn answered(answer: Answer, deadline: Duration) -> Result<InboundResponse, SendError> {
    match answer {
        Answer::Status(status) => Ok(response(status, b"as told".to_vec())),
        Answer::RetryAfter(status, seconds) => {
            let wait = domain::retry_after::RetryAfter::Delay(Duration::from_secs(seconds));
            Ok(InboundResponse {
                retry_after: Some(wait),
                ..response(status, Vec::new())
            })
        }
        Answer::After(wait, status) if wait < deadline => {
            tokio::time::sleep(wait).await;
            Ok(response(status, Vec::new()))
        }
        Answer::After(..) | Answer::Silence => silence(deadline).await,
        Answer::Refused => Err(SendError::ConnectionRefused),
    }
}

fn response(status: u16, body: Vec<u8>) -> InboundResponse {
    InboundResponse {
        status,
        retry_after: None,
        body,
        body_truncated: false,
    }
}

async fn silence(deadline: Duration) -> Result<InboundResponse, SendError> {
    tokio::time::sleep(deadline).await;
    Err(timed_out(deadline))
}

fn timed_out(deadline: Duration) -> SendError {
    SendError::TimedOut {
        deadline,
        stage: Stage::Responding,
    }
}

/// Sets how Twilio behaves.
///
/// # Panics
/// If that is no behaviour.
pub async fn twilio_behaves(run: &Run, behaviour: &str) {
    let request = http::Request::put("/behaviour")
        .body(Bytes::copy_from_slice(behaviour.as_bytes()))
        .expect("a request");
    let Reply::Response(response) = run.twilio().answer(request).await else {
        panic!("no answer");
    };
    assert!(response.status().is_success(), "no behaviour: {behaviour}");
}

/// The first member texts STOP or START to the sender. Nothing comes of it while Twilio knows no token of the account.
pub async fn text(run: &Run, stop: bool) {
    let word = if stop { "STOP" } else { "START" };
    let text = serde_json::json!({
        "account_sid": world::account(), "from": world::phone(0), "to": world::SENDER,
        "body": word, "opt_out_type": word, "url": format!("{PUBLIC}/webhooks/twilio/inbound"),
    });
    let request = http::Request::put("/inbound").body(Bytes::from(text.to_string()));
    let Ok(request) = request else { return };
    let at = run.now();
    let acknowledged = is_acknowledged(run.twilio().answer(request).await);
    run.contacts().texted.push(Texted {
        stop,
        at,
        acknowledged_at: acknowledged.then(|| run.now()),
    });
}

/// Whether Twilio was told 200.
fn is_acknowledged(reply: Reply) -> bool {
    let Reply::Response(answer) = reply else {
        return false;
    };
    let body: serde_json::Value = serde_json::from_slice(answer.body()).unwrap_or_default();
    answer.status().is_success() && body["status"] == 200
}

/// Twilio's way to `twilio-status`, which answers 503 where no function does.
pub struct Receipts;

impl DeliverCallback for Receipts {
    fn post(&self, callback: Callback) -> BoxFuture<'static, Result<u16, String>> {
        async move {
            let run = context::run();
            let path = callback.url.strip_prefix(PUBLIC).unwrap_or("/").to_owned();
            let request = http::Request::post(path).body(Body::from(callback.body));
            let mut request = request.map_err(|error| error.to_string())?;
            *request.headers_mut() = callback.headers;
            let answer = invoke::http(&run, Function::TwilioStatus, request).await;
            Ok(answer.map_or(503, |answer| answer.0))
        }
        .boxed()
    }
}
