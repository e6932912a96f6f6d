//! The outside world on one port. Each thing in it has the first segment of the path as its own.

mod behaviour;
mod inbox;

use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use sqs::Clock;
use tokio::net::TcpListener;

use crate::http_server::{Server, json};

pub use inbox::{MAX_BODY_BYTES, MAX_INBOX_BYTES, MAX_REQUESTS};

use inbox::Inboxes;

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
            inboxes: Inboxes::new(clock),
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
}

impl World {
    async fn answer(&self, request: Request<Incoming>) -> Response<Bytes> {
        let path = request.uri().path().to_owned();
        match path.trim_start_matches('/').split_once('/') {
            Some(("inbox", rest)) if !rest.is_empty() => self.inboxes.answer(rest, request).await,
            _ => json(StatusCode::NOT_FOUND, r#"{"message":"try /inbox/{name}"}"#),
        }
    }
}
