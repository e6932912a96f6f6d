//! API Gateway's HTTP API with Lambda proxy integrations, payload format 2.0
//! (<https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>).
//!
//! `routes` finds the function, `event` writes what it gets, `answer` reads what it says.

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
use crate::lambda::Lambda;
use crate::template::Function;

use event::Caller;
use routes::Routes;

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
        let Some(found) = self.routes.find(&parts.method, parts.uri.path()) else {
            return message(StatusCode::NOT_FOUND, "Not Found");
        };
        let body = match read_body(body, MAX_BODY_BYTES).await {
            Ok(body) => body,
            Err(BodyError::TooLarge) => {
                return message(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large");
            }
            Err(BodyError::CutOff) => return message(StatusCode::BAD_REQUEST, "Bad Request"),
        };
        let event = event::write(&parts, &body, &found, &Caller::now(caller));
        let invocation = self.lambda.invoke(found.function, event.into());
        match tokio::time::timeout(self.limit, invocation).await {
            Err(_) => message(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable"),
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

fn message(status: StatusCode, text: &str) -> Response<Bytes> {
    json(status, format!(r#"{{"message":"{text}"}}"#))
}
