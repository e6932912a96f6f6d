//! The customers' endpoints, which do as they are told, and the way out to them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::Timestamp;
use platform::http::{HttpSend, InboundResponse, OutboundRequest, SendError, Stage};

/// How an endpoint answers a request.
#[derive(Debug, Clone, Copy)]
pub enum Answer {
    /// At once.
    Status(u16),
    /// At once, asking for a wait in seconds.
    RetryAfter(u16, u64),
    /// After a while.
    After(Duration, u16),
    /// Takes the request; the function is killed before it hears of the answer.
    Killed,
    /// Panics in the sender's own code.
    Panic,
}

/// A request that an endpoint received.
#[derive(Debug, Clone)]
pub struct Call {
    pub at: Timestamp,
    pub delivery: String,
    pub body: String,
}

pub(super) type Script = Box<dyn FnMut(&Call) -> Answer + Send>;

/// The customers' endpoints, by host.
#[derive(Default)]
pub struct Endpoints {
    scripts: Mutex<HashMap<String, Script>>,
    calls: Mutex<HashMap<String, Vec<Call>>>,
}

impl Endpoints {
    /// Sets how the endpoint at a host answers.
    pub(super) fn answer(&self, host: &str, script: Script) {
        self.scripts.lock().unwrap().insert(host.to_owned(), script);
    }

    /// The requests that a host received.
    pub(super) fn calls(&self, host: &str) -> Vec<Call> {
        self.calls
            .lock()
            .unwrap()
            .get(host)
            .cloned()
            .unwrap_or_default()
    }
}

/// The way out, to the endpoints of the test.
pub(super) struct Caller {
    pub(super) endpoints: Arc<Endpoints>,
    pub(super) clock: platform::clock::Clock,
    pub(super) forgets: bool,
}

impl HttpSend for Caller {
    fn send(
        &self,
        request: OutboundRequest,
        deadline: Duration,
    ) -> BoxFuture<'_, Result<InboundResponse, SendError>> {
        async move {
            let header = request
                .headers
                .get("X-SetGet-Delivery-ID")
                .unwrap()
                .to_str()
                .unwrap();
            let call = Call {
                at: (self.clock)(),
                delivery: header.to_owned(),
                body: String::from_utf8(request.body.to_vec()).unwrap(),
            };
            for ours in ["traceparent", "x-amzn-trace-id"] {
                assert!(
                    !request.headers.contains_key(ours),
                    "no trace leaves the house"
                );
            }
            let host = request.url.host().to_owned();
            let answer = {
                let mut scripts = self.endpoints.scripts.lock().unwrap();
                let script = scripts.get_mut(&host).expect("an endpoint at this host");
                script(&call)
            };
            if !self.forgets {
                let mut calls = self.endpoints.calls.lock().unwrap();
                calls.entry(host).or_default().push(call);
            }
            respond(answer, deadline).await
        }
        .boxed()
    }
}

/// What a server says in front of an application that is down, or an application that is up.
fn body(status: u16) -> &'static [u8] {
    match status {
        500.. => {
            b"<html>\r\n<head><title>503 Service Temporarily Unavailable</title></head>\r\n<body>\r\n<center><h1>503 Service \
              Temporarily Unavailable</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
        }
        _ => b"ok",
    }
}

async fn respond(answer: Answer, deadline: Duration) -> Result<InboundResponse, SendError> {
    let response = |status, retry_after| InboundResponse {
        status,
        retry_after,
        body: body(status).to_vec(),
        body_truncated: false,
    };
    match answer {
        Answer::Status(status) => Ok(response(status, None)),
        Answer::RetryAfter(status, seconds) => {
            let wait = domain::retry_after::RetryAfter::Delay(Duration::from_secs(seconds));
            Ok(response(status, Some(wait)))
        }
        Answer::After(wait, _) if wait > deadline => {
            tokio::time::sleep(deadline).await;
            Err(SendError::TimedOut {
                deadline,
                stage: Stage::Responding,
            })
        }
        Answer::After(wait, status) => {
            tokio::time::sleep(wait).await;
            Ok(response(status, None))
        }
        Answer::Killed => std::future::pending().await,
        Answer::Panic => panic!("as told"),
    }
}
