//! Inboxes: endpoints that keep what they receive.
//!
//! - `ANY /inbox/{name}` and below receive, and answer as the inbox's behaviour says;
//! - `PUT /inbox/{name}/behaviour` sets the behaviour;
//! - `GET /inbox/{name}/requests` lists what came, oldest first, as a JSON array;
//! - `DELETE /inbox/{name}/requests` forgets it.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::request::Parts;
use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use jiff::Timestamp;
use serde::Serialize;
use sqs::Clock;

use super::behaviour::{Behaviour, Refused};
use crate::http_server::{empty, json, read_body};

/// An inbox keeps this many requests; the oldest go first.
pub const MAX_REQUESTS: usize = 100_000;
/// An inbox keeps this many bytes of bodies; the oldest go first.
pub const MAX_INBOX_BYTES: usize = 512 * 1024 * 1024;
/// The longest body that an inbox takes; a longer one is answered with 413 and not kept.
pub const MAX_BODY_BYTES: usize = 10 * 1024 * 1024;

/// All inboxes. One is there as soon as it is named.
pub(super) struct Inboxes {
    clock: Clock,
    inboxes: Mutex<HashMap<String, Inbox>>,
}

#[derive(Default)]
struct Inbox {
    behaviour: Behaviour,
    arrivals: VecDeque<Arrival>,
    body_bytes: usize,
}

/// A request as the list shows it.
#[derive(Serialize)]
struct Arrival {
    method: String,
    path: String,
    query: String,
    /// Names in lower case; several values joined with a comma and a space.
    headers: BTreeMap<String, String>,
    /// The body as text, with replacement characters where it is not UTF-8.
    body: String,
    /// The raw body, where it is not UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    body_base64: Option<String>,
    arrived_at: Timestamp,
}

impl Inboxes {
    pub(super) fn new(clock: Clock) -> Self {
        Self {
            clock,
            inboxes: Mutex::default(),
        }
    }

    /// Answers a request to `{name}` or `{name}/…`.
    pub(super) async fn answer(&self, rest: &str, request: Request<Incoming>) -> Response<Bytes> {
        let (name, below) = rest.split_once('/').unwrap_or((rest, ""));
        let (parts, body) = request.into_parts();
        let arrived_at = (self.clock)();
        let Ok(body) = read_body(body, MAX_BODY_BYTES).await else {
            return empty(StatusCode::PAYLOAD_TOO_LARGE);
        };
        match (&parts.method, below) {
            (&Method::PUT, "behaviour") => self.behave(name, &body),
            (&Method::GET, "requests") => self.list(name),
            (&Method::DELETE, "requests") => self.clear(name),
            _ => {
                self.receive(name, Arrival::of(&parts, &body, arrived_at))
                    .await
            }
        }
    }

    async fn receive(&self, name: &str, arrival: Arrival) -> Response<Bytes> {
        let (delay, response) = self.with(name, |inbox| {
            inbox.keep(arrival);
            inbox.behaviour.next()
        });
        tokio::time::sleep(delay).await;
        response
    }

    fn behave(&self, name: &str, body: &[u8]) -> Response<Bytes> {
        match Behaviour::parse(body) {
            Ok(behaviour) => {
                self.with(name, |inbox| inbox.behaviour = behaviour);
                empty(StatusCode::NO_CONTENT)
            }
            Err(Refused(words)) => json(
                StatusCode::UNPROCESSABLE_ENTITY,
                serde_json::json!({ "message": words }).to_string(),
            ),
        }
    }

    fn list(&self, name: &str) -> Response<Bytes> {
        let list = self.with(name, |inbox| serde_json::to_vec(&inbox.arrivals));
        list.map_or_else(
            |_| empty(StatusCode::INTERNAL_SERVER_ERROR),
            |list| json(StatusCode::OK, list),
        )
    }

    fn clear(&self, name: &str) -> Response<Bytes> {
        self.with(name, Inbox::clear);
        empty(StatusCode::NO_CONTENT)
    }

    fn with<T>(&self, name: &str, act: impl FnOnce(&mut Inbox) -> T) -> T {
        let mut inboxes: MutexGuard<'_, _> =
            self.inboxes.lock().unwrap_or_else(PoisonError::into_inner);
        act(inboxes.entry(name.to_owned()).or_default())
    }
}

impl Inbox {
    fn keep(&mut self, arrival: Arrival) {
        self.body_bytes += arrival.kept_bytes();
        self.arrivals.push_back(arrival);
        while self.arrivals.len() > MAX_REQUESTS || self.body_bytes > MAX_INBOX_BYTES {
            let Some(oldest) = self.arrivals.pop_front() else {
                break;
            };
            self.body_bytes -= oldest.kept_bytes();
        }
    }

    fn clear(&mut self) {
        self.arrivals.clear();
        self.body_bytes = 0;
    }
}

impl Arrival {
    fn of(parts: &Parts, body: &[u8], arrived_at: Timestamp) -> Self {
        let text = std::str::from_utf8(body);
        Self {
            method: parts.method.to_string(),
            path: parts.uri.path().to_owned(),
            query: parts.uri.query().unwrap_or_default().to_owned(),
            headers: parts
                .headers
                .keys()
                .map(|name| (name.to_string(), joined(parts, name)))
                .collect(),
            body: String::from_utf8_lossy(body).into_owned(),
            body_base64: text.is_err().then(|| BASE64_STANDARD.encode(body)),
            arrived_at,
        }
    }

    fn kept_bytes(&self) -> usize {
        self.body.len() + self.body_base64.as_ref().map_or(0, String::len)
    }
}

fn joined(parts: &Parts, name: &http::HeaderName) -> String {
    let values = parts
        .headers
        .get_all(name)
        .iter()
        .map(|value| String::from_utf8_lossy(value.as_bytes()));
    values.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrival(body: &str) -> Arrival {
        let (parts, ()) = Request::post("/inbox/a/b?c=d")
            .header("X-One", "1")
            .body(())
            .unwrap()
            .into_parts();
        Arrival::of(&parts, body.as_bytes(), Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn an_inbox_keeps_the_newest_requests_within_its_bounds() {
        let mut inbox = Inbox::default();
        for i in 0..MAX_REQUESTS + 2 {
            inbox.keep(arrival(&i.to_string()));
        }
        assert_eq!(inbox.arrivals.len(), MAX_REQUESTS);
        assert_eq!(inbox.arrivals[0].body, "2");
        let bytes: usize = inbox.arrivals.iter().map(Arrival::kept_bytes).sum();
        assert_eq!(inbox.body_bytes, bytes);
        inbox.clear();
        assert_eq!((inbox.arrivals.len(), inbox.body_bytes), (0, 0));
    }

    #[test]
    fn a_body_that_is_not_utf8_is_kept_raw_in_base64() {
        let (parts, ()) = Request::post("/inbox/a").body(()).unwrap().into_parts();
        let arrival = Arrival::of(&parts, b"\xff\x00", Timestamp::UNIX_EPOCH);
        assert_eq!(arrival.body_base64.as_deref(), Some("/wA="));
        assert_eq!(self::arrival("text").body_base64, None);
    }
}
