//! The other side of `deliver-sms` and `twilio-status`: Twilio's simulator, and a gateway that does as it is told.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use domain::retry_after::RetryAfter;
use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::Timestamp;
use local::outside::twilio::{Callback, DeliverCallback, Reply, Twilio};
use platform::http::{
    BodyFault, HttpSend, InboundResponse, OutboundRequest, ResponseHead, SendError, Stage,
};
use tower::ServiceExt;

use crate::faults::Faults;
use crate::world::PUBLIC;

/// Where Twilio is.
pub const TWILIO: &str = "https://twilio.example.com/twilio";
const HALF_A_DAY: Duration = Duration::from_secs(12 * 60 * 60);
/// The time-out of `twilio-status` in `template.yaml`.
const STATUS_TIMEOUT: Duration = Duration::from_secs(10);

/// How a gateway answers a request.
#[derive(Debug, Clone, Copy)]
pub enum Answer {
    /// At once.
    Status(u16),
    /// Takes the request and never answers.
    Silence,
    /// Cannot be connected to.
    Refused,
    /// Answers with this status, and the body hangs until the deadline.
    HangingBody(u16),
    /// Answers with this status, and the connection ends within the body.
    CutBody(u16),
}

/// A request that a gateway received.
#[derive(Debug, Clone)]
pub struct Call {
    pub headers: http::HeaderMap,
    pub body: serde_json::Value,
}

pub type Script = Box<dyn FnMut() -> Answer + Send>;

/// How Twilio answers a question about a message.
#[derive(Debug, Clone, Copy)]
pub enum Shown {
    /// The message as it is.
    AsItIs,
    /// The message, with this status and error code.
    With(&'static str, Option<u32>),
    /// No message.
    Status(u16),
    /// A page of something else.
    Nonsense,
    /// Nothing.
    Silence,
}

/// How messages are shown, by their SIDs.
pub type Showing = Box<dyn FnMut(&str) -> Shown + Send>;

/// The questions about messages that Twilio was asked.
#[derive(Default)]
pub struct Questions {
    pub showing: Mutex<Option<Showing>>,
    /// When, and about which message.
    pub asked: Mutex<Vec<(Timestamp, String)>>,
}

/// The gateway, and what it received.
#[derive(Default)]
pub struct GatewayScript {
    pub script: Mutex<Option<Script>>,
    pub calls: Mutex<Vec<Call>>,
}

/// Twilio's way to `twilio-status`, which API Gateway cuts off like any function.
pub struct Receipts(pub Router);

impl DeliverCallback for Receipts {
    fn post(&self, callback: Callback) -> BoxFuture<'static, Result<u16, String>> {
        let router = self.0.clone();
        async move {
            let path = callback.url.strip_prefix(PUBLIC).unwrap().to_owned();
            let mut request = http::Request::post(path)
                .body(Body::from(callback.body))
                .unwrap();
            *request.headers_mut() = callback.headers;
            match tokio::time::timeout(STATUS_TIMEOUT, router.oneshot(request)).await {
                Ok(response) => Ok(response.unwrap().status().as_u16()),
                Err(_) => Ok(503),
            }
        }
        .boxed()
    }
}

/// The way out of `deliver-sms`: to Twilio's simulator and to the gateway of the test.
pub struct WayOut {
    pub twilio: Twilio,
    pub gateway: Arc<GatewayScript>,
    /// How many more answers of Twilio to a send lose their bodies.
    pub cut: Arc<AtomicUsize>,
    pub questions: Arc<Questions>,
    pub faults: Arc<Faults>,
    pub clock: platform::clock::Clock,
}

impl HttpSend for WayOut {
    fn send(
        &self,
        request: OutboundRequest,
        deadline: Duration,
    ) -> BoxFuture<'_, Result<InboundResponse, SendError>> {
        for ours in ["traceparent", "x-amzn-trace-id"] {
            assert!(
                !request.headers.contains_key(ours),
                "no trace leaves the house"
            );
        }
        let answer = async move {
            match request.url.as_str().strip_prefix(TWILIO) {
                Some(path) => self.to_twilio(path.to_owned(), request, deadline).await,
                None => self.to_gateway(request, deadline).await,
            }
        };
        self.faults.pass("DeliverSms", answer).boxed()
    }
}

impl WayOut {
    async fn to_twilio(
        &self,
        path: String,
        request: OutboundRequest,
        deadline: Duration,
    ) -> Result<InboundResponse, SendError> {
        let shown = self.question(&path);
        match shown {
            Shown::Status(status) => return Ok(answered(status, b"{}".to_vec())),
            Shown::Nonsense => return Ok(answered(200, b"<html>".to_vec())),
            Shown::Silence => return silence(deadline).await,
            Shown::AsItIs | Shown::With(..) => {}
        }
        let is_a_send = request.method == http::Method::POST;
        let mut asked = http::Request::builder()
            .method(request.method)
            .uri(path)
            .body(request.body)
            .unwrap();
        *asked.headers_mut() = request.headers;
        let reply = tokio::time::timeout(deadline, self.twilio.answer(asked)).await;
        match reply {
            Ok(Reply::Response(response)) if is_a_send && self.cuts() => {
                let status = response.status().as_u16();
                Err(without_body(status, BodyFault::ConnectionLost))
            }
            Ok(Reply::Response(response)) => {
                let body = shown.put_into(response.body());
                Ok(answered(response.status().as_u16(), body))
            }
            Ok(Reply::Silence) => silence(deadline).await,
            Err(_) => Err(timed_out(deadline)),
        }
    }

    fn cuts(&self) -> bool {
        let less = |left: usize| left.checked_sub(1);
        let cut = self
            .cut
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        cut.is_ok()
    }

    /// How a question about a message is to be answered, which is taken note of; anything else as it is.
    fn question(&self, path: &str) -> Shown {
        let file = path.rsplit('/').next().unwrap();
        let Some(sid) = file.strip_suffix(".json").filter(|sid| sid.len() == 34) else {
            return Shown::AsItIs;
        };
        let asked = ((self.clock)(), sid.to_owned());
        self.questions.asked.lock().unwrap().push(asked);
        let mut showing = self.questions.showing.lock().unwrap();
        showing
            .as_mut()
            .map_or(Shown::AsItIs, |showing| showing(sid))
    }

    async fn to_gateway(
        &self,
        request: OutboundRequest,
        deadline: Duration,
    ) -> Result<InboundResponse, SendError> {
        assert_eq!(
            request.url.as_str(),
            "https://gateway.example.com/send?token=canary"
        );
        let answer = {
            let mut script = self.gateway.script.lock().unwrap();
            script.as_mut().expect("a script")()
        };
        if !matches!(answer, Answer::Refused) {
            self.gateway.calls.lock().unwrap().push(Call {
                headers: request.headers.clone(),
                body: serde_json::from_slice(&request.body).unwrap(),
            });
        }
        match answer {
            Answer::Status(status) => Ok(answered(status, b"as told".to_vec())),
            Answer::Silence => silence(deadline).await,
            Answer::Refused => Err(SendError::ConnectionRefused),
            Answer::HangingBody(status) => {
                tokio::time::sleep(deadline).await;
                Err(without_body(status, BodyFault::TimedOut { deadline }))
            }
            Answer::CutBody(status) => Err(without_body(status, BodyFault::ConnectionLost)),
        }
    }
}

impl Shown {
    fn put_into(self, body: &[u8]) -> Vec<u8> {
        let Shown::With(status, code) = self else {
            return body.to_vec();
        };
        let mut message: serde_json::Value = serde_json::from_slice(body).unwrap();
        message["status"] = status.into();
        message["error_code"] = code.into();
        message.to_string().into_bytes()
    }
}

/// Who puts us off asks for half a day, which an alert does not have.
fn answered(status: u16, body: Vec<u8>) -> InboundResponse {
    let puts_off = status == 429 || status >= 500;
    InboundResponse {
        status,
        retry_after: puts_off.then_some(RetryAfter::Delay(HALF_A_DAY)),
        body,
        body_truncated: false,
    }
}

async fn silence(deadline: Duration) -> Result<InboundResponse, SendError> {
    tokio::time::sleep(deadline).await;
    Err(timed_out(deadline))
}

fn without_body(status: u16, fault: BodyFault) -> SendError {
    let head = ResponseHead {
        status,
        retry_after: None,
    };
    SendError::BodyIncomplete { head, fault }
}

fn timed_out(deadline: Duration) -> SendError {
    SendError::TimedOut {
        deadline,
        stage: Stage::Responding,
    }
}
