//! The Runtime API of one process: it hands out the process's next invocation and takes the answer.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot, watch};

use super::{FunctionError, MAX_PAYLOAD_BYTES};
use crate::aws::{ACCOUNT_ID, REGION};
use crate::http_server::{BodyError, Server, empty, json, read_body};
use crate::ids;

/// What the function made of an invocation.
pub(super) type Outcome = Result<Bytes, FunctionError>;

/// The server's end that the pool holds.
pub(super) struct RuntimeApi {
    address: SocketAddr,
    work: mpsc::Sender<Invocation>,
    state: Arc<State>,
    _server: Server,
}

/// An invocation on its way to the process.
struct Invocation {
    id: String,
    payload: Bytes,
    timeout: Duration,
    answer: oneshot::Sender<Outcome>,
}

/// Where the process stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Init {
    /// It has not asked for work yet.
    Starting,
    /// It has.
    Ready,
    /// It reported that it cannot.
    Failed(String),
}

struct State {
    function: String,
    init: watch::Sender<Init>,
    work: tokio::sync::Mutex<mpsc::Receiver<Invocation>>,
    /// The invocation that the process has in hand.
    current: Mutex<Option<(String, oneshot::Sender<Outcome>)>>,
}

impl RuntimeApi {
    /// Listens on a free port of 127.0.0.1.
    pub(super) async fn start(function: &str) -> std::io::Result<Self> {
        let listener = TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let (work, queue) = mpsc::channel(1);
        let state = Arc::new(State {
            function: function.to_owned(),
            init: watch::Sender::new(Init::Starting),
            work: tokio::sync::Mutex::new(queue),
            current: Mutex::new(None),
        });
        let handler_state = Arc::clone(&state);
        let server = Server::start(listener, move |_, request| {
            handle(Arc::clone(&handler_state), request)
        });
        Ok(Self {
            address,
            work,
            state,
            _server: server,
        })
    }

    /// What goes into `AWS_LAMBDA_RUNTIME_API`.
    pub(super) fn address(&self) -> String {
        self.address.to_string()
    }

    /// Follows the process's start.
    pub(super) fn init(&self) -> watch::Receiver<Init> {
        self.state.init.subscribe()
    }

    /// Hands an invocation over, for the process to take when it next asks. Returns where its answer will be.
    pub(super) async fn hand_over(
        &self,
        payload: Bytes,
        timeout: Duration,
    ) -> oneshot::Receiver<Outcome> {
        let (answer, pending) = oneshot::channel();
        // The receiver lives as long as `self`.
        let _ = self
            .work
            .send(Invocation {
                id: ids::uuid(),
                payload,
                timeout,
                answer,
            })
            .await;
        pending
    }

    /// Whether the process has taken the invocation that was handed over.
    pub(super) fn is_taken(&self) -> bool {
        self.work.capacity() == 1
    }
}

async fn handle(state: Arc<State>, request: Request<Incoming>) -> Response<Bytes> {
    let (parts, body) = request.into_parts();
    let path = parts
        .uri
        .path()
        .strip_prefix("/2018-06-01/runtime/")
        .unwrap_or_default();
    let segments: Vec<_> = path.split('/').collect();
    match (&parts.method, segments.as_slice()) {
        (&Method::GET, ["invocation", "next"]) => state.next().await,
        (&Method::POST, ["invocation", id, "response"]) => {
            let outcome = match read_body(body, MAX_PAYLOAD_BYTES).await {
                Ok(answer) => Ok(answer),
                Err(BodyError::TooLarge) => Err(FunctionError::ResponseTooLarge),
                Err(BodyError::CutOff) => {
                    Err(FunctionError::Exited("the answer was cut off".into()))
                }
            };
            state.settle(id, outcome)
        }
        (&Method::POST, ["invocation", id, "error"]) => {
            let report = reported(&read_body(body, MAX_PAYLOAD_BYTES).await.unwrap_or_default());
            state.settle(id, Err(report))
        }
        (&Method::POST, ["init", "error"]) => {
            let report = reported(&read_body(body, MAX_PAYLOAD_BYTES).await.unwrap_or_default());
            state.init.send_replace(Init::Failed(report.to_string()));
            empty(StatusCode::ACCEPTED)
        }
        _ => empty(StatusCode::NOT_FOUND),
    }
}

impl State {
    async fn next(&self) -> Response<Bytes> {
        self.init.send_replace(Init::Ready);
        let Some(invocation) = self.work.lock().await.recv().await else {
            return empty(StatusCode::GONE);
        };
        let headers = [
            ("lambda-runtime-aws-request-id", invocation.id.clone()),
            (
                "lambda-runtime-deadline-ms",
                deadline_ms(invocation.timeout).to_string(),
            ),
            ("lambda-runtime-invoked-function-arn", self.arn()),
            ("lambda-runtime-trace-id", trace_id()),
        ];
        *self.lock() = Some((invocation.id, invocation.answer));
        let mut response = json(StatusCode::OK, invocation.payload);
        for (name, value) in headers {
            if let Ok(value) = HeaderValue::try_from(value) {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }

    fn settle(&self, id: &str, outcome: Outcome) -> Response<Bytes> {
        let mut current = self.lock();
        match current.take_if(|(current, _)| current == id) {
            None => json(
                StatusCode::BAD_REQUEST,
                r#"{"errorType":"InvalidRequestID"}"#,
            ),
            Some((_, answer)) => {
                let too_large = matches!(outcome, Err(FunctionError::ResponseTooLarge));
                let _ = answer.send(outcome);
                empty(if too_large {
                    StatusCode::PAYLOAD_TOO_LARGE
                } else {
                    StatusCode::ACCEPTED
                })
            }
        }
    }

    fn arn(&self) -> String {
        format!(
            "arn:aws:lambda:{REGION}:{ACCOUNT_ID}:function:{}",
            self.function
        )
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<(String, oneshot::Sender<Outcome>)>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An error report: `{"errorType", "errorMessage"}`.
fn reported(body: &[u8]) -> FunctionError {
    #[derive(Default, Deserialize)]
    #[serde(default, rename_all = "camelCase")]
    struct Report {
        error_type: String,
        error_message: String,
    }
    let report: Report = serde_json::from_slice(body).unwrap_or_default();
    FunctionError::Reported {
        kind: report.error_type,
        message: report.error_message,
    }
}

fn deadline_ms(timeout: Duration) -> u128 {
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    (now + timeout).as_millis()
}

fn trace_id() -> String {
    format!(
        "Root=1-{}-{};Parent={};Sampled=0",
        ids::hex(8),
        ids::hex(24),
        ids::hex(16)
    )
}
