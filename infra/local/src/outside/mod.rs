//! The outside world on one port. Each thing in it has the first segment of the path as its own.

mod behaviour;
mod inbox;
pub mod twilio;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use sqs::Clock;
use tokio::net::TcpListener;

use crate::http_server::{Server, empty, json, read_body};

pub use inbox::{MAX_BODY_BYTES, MAX_INBOX_BYTES, MAX_REQUESTS};

use inbox::Inboxes;
use twilio::{HttpCallbacks, Reply, Twilio};

/// How long a call that Twilio never answers is held open.
const SILENCE: Duration = Duration::from_secs(30);

/// The outside world at work. Dropping it stops it.
#[derive(Debug)]
pub struct Outside {
    _server: Server,
}

impl Outside {
    /// Serves the outside world on `listener`; arrival times are `clock`'s.
    #[must_use]
    pub fn start(listener: TcpListener, clock: Clock) -> Self {
        let world = Arc::new(World {
            inboxes: Inboxes::new(Arc::clone(&clock)),
            twilio: Twilio::new(clock, Arc::new(HttpCallbacks::new())),
        });
        let handler = move |_, request| {
            let world = Arc::clone(&world);
            async move { world.answer(request).await }
        };
        Self {
            _server: Server::start(listener, handler),
        }
    }
}

struct World {
    inboxes: Inboxes,
    twilio: Twilio,
}

impl World {
    async fn answer(&self, request: Request<Incoming>) -> Response<Bytes> {
        let path = request.uri().path().to_owned();
        match path.trim_start_matches('/').split_once('/') {
            Some(("inbox", rest)) if !rest.is_empty() => self.inboxes.answer(rest, request).await,
            Some(("twilio", _)) => self.twilio(request).await,
            _ => json(
                StatusCode::NOT_FOUND,
                r#"{"message":"try /inbox/{name} or /twilio/2010-04-01/…"}"#,
            ),
        }
    }

    async fn twilio(&self, request: Request<Incoming>) -> Response<Bytes> {
        let (mut parts, body) = request.into_parts();
        let Ok(body) = read_body(body, twilio::MAX_REQUEST_BYTES).await else {
            return empty(StatusCode::PAYLOAD_TOO_LARGE);
        };
        let below = parts.uri.path_and_query().and_then(|uri| {
            let below = uri.as_str().strip_prefix("/twilio")?;
            below.parse().ok()
        });
        let Some(below) = below else {
            return empty(StatusCode::BAD_REQUEST);
        };
        parts.uri = below;
        match self.twilio.answer(Request::from_parts(parts, body)).await {
            Reply::Response(response) => response,
            Reply::Silence => {
                tokio::time::sleep(SILENCE).await;
                empty(StatusCode::GATEWAY_TIMEOUT)
            }
        }
    }
}
