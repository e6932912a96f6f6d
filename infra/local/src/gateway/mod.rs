//! API Gateway's HTTP API with Lambda proxy integrations, payload format 2.0
//! (<https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>).
//!
//! `admission` refuses what goes no further, `routes` finds the function, `event` writes what it gets, `answer` reads what
//! it says.

mod admission;
mod answer;
mod event;
mod routes;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use tokio::net::TcpListener;

use crate::http_server::{BodyError, Server, json, read_body};
use crate::lambda::{FunctionError, Lambda};
use crate::template::Function;

use admission::Refusal;
use event::Caller;
use routes::Routes;

pub use admission::MAX_HEAD_BYTES;

/// The longest time that an integration may take
/// (<https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html>).
pub const INTEGRATION_TIMEOUT: Duration = Duration::from_secs(30);
/// The largest request (same page).
pub const MAX_BODY_BYTES: usize = 10 * 1024 * 1024;

/// The API at work. Dropping it stops it.
#[derive(Debug)]
pub struct Gateway {
    _server: Server,
}

impl Gateway {
    /// Serves the functions' routes on `listener`; an invocation that takes longer than `limit`
    /// ([`INTEGRATION_TIMEOUT`]) is no longer waited for.
    #[must_use]
    pub fn start(
        listener: TcpListener,
        lambda: Lambda,
        functions: &[Function],
        limit: Duration,
    ) -> Self {
        let api = Arc::new(Api {
            lambda,
            routes: Routes::of(functions),
            limit,
        });
        let handler = move |caller, request| {
            let api = Arc::clone(&api);
            async move { api.answer(caller, request).await }
        };
        Self {
            _server: Server::start(listener, handler),
        }
    }
}

struct Api {
    lambda: Lambda,
    routes: Routes,
    limit: Duration,
}

impl Api {
    async fn answer(&self, caller: SocketAddr, request: Request<Incoming>) -> Response<Bytes> {
        let (parts, body) = request.into_parts();
        if let Some(refusal) = Refusal::of(&parts) {
            let (status, text) = refusal.answer();
            return message(status, text);
        }
        let Some(found) = self.routes.find(&parts.method, parts.uri.path()) else {
            return message(StatusCode::NOT_FOUND, "Not Found");
        };
        let body = match read_body(body, MAX_BODY_BYTES).await {
            Ok(body) => body,
            Err(BodyError::TooLarge) => return too_large(),
            Err(BodyError::CutOff) => return message(StatusCode::BAD_REQUEST, "Bad Request"),
        };
        let event = event::write(&parts, &body, &found, &Caller::now(caller));
        let invocation = self.lambda.invoke(found.function, event.into());
        match tokio::time::timeout(self.limit, invocation).await {
            Err(_) => message(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable"),
            // What Lambda does not take as an event: less than API Gateway takes as a body.
            Ok(Err(FunctionError::RequestTooLarge)) => too_large(),
            Ok(Err(error)) => {
                tracing::warn!(function = found.function, %error, "a request failed");
                message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
            }
            Ok(Ok(answer)) => answer::read(&answer).unwrap_or_else(|| {
                message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
            }),
        }
    }
}

fn too_large() -> Response<Bytes> {
    message(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large")
}

fn message(status: StatusCode, text: &str) -> Response<Bytes> {
    json(status, format!(r#"{{"message":"{text}"}}"#))
}
