//! The one way out to every URL that a customer gave us: webhooks, SMS gateways, tests of either.
//!
//! Such a URL is an attacker's chance to make us talk to our own network, so each request goes through
//! [`GuardedClient`]:
//!
//! - the host is resolved once, by a [`Resolve`] that is passed in, and only the addresses that were vetted
//!   ([`domain::address`]) are connected to; one private address among them refuses all of them
//! - hosts that are addresses skip the resolver, so they are vetted with the URL, again at every request
//! - no redirects, no proxy from the environment, no cookies, no `Referer`
//! - one deadline over DNS, connection, TLS, headers and body
//! - at most [`MAX_RESPONSE_BODY`] bytes of the response are read unless the request says otherwise, and nothing is decompressed
//! - a request that was begun is never repeated. (Where a kept-alive connection turns out closed before the request
//!   is handed to it, another connection carries it; nothing was written then.)
//!
//! A kept-alive connection leads to an address that was vetted when it was opened, and is dropped after
//! [`IDLE_CONNECTION_LIFETIME`] without a request.

mod client;
mod error;
mod resolver;
mod written;

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use domain::endpoint_url::EndpointUrl;
use domain::retry_after::RetryAfter;
use futures::future::BoxFuture;
use http::{HeaderMap, HeaderName, HeaderValue, Method};

pub use client::{BuildError, GuardedClient};
pub use error::{BodyFault, ResponseFault, SendError, Stage, TlsFault};
pub use resolver::{Resolve, SystemResolver};

/// How much of a response's body is kept, in bytes, unless a request asks for more.
pub const MAX_RESPONSE_BODY: usize = 16 * 1024;

/// How long a connection waits for another request to the same host.
///
/// Shorter than the 5 s after which common servers close one (Node.js `server.keepAliveTimeout`), so that a request
/// seldom meets a connection that is just being closed; and a function that calls many hosts stays below Lambda's
/// 1,024 file descriptors (<https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>).
pub const IDLE_CONNECTION_LIFETIME: Duration = Duration::from_secs(4);

/// One request. `Debug` shows neither headers nor body: they hold signatures and people's data.
#[derive(Clone)]
pub struct OutboundRequest {
    /// `POST`, or `GET` without a body.
    pub method: Method,
    /// Where to.
    pub url: EndpointUrl,
    /// All headers but `Host`, `Content-Length` and `Accept-Encoding`, which the client sets.
    pub headers: HeaderMap,
    /// The body, sent as it is.
    pub body: Bytes,
    /// How many bytes of the response's body are read.
    pub response_limit: usize,
}

impl OutboundRequest {
    /// A `POST` to a customer's endpoint.
    #[must_use]
    pub fn post(url: EndpointUrl, headers: HeaderMap, body: Bytes) -> OutboundRequest {
        OutboundRequest {
            method: Method::POST,
            url,
            headers,
            body,
            response_limit: MAX_RESPONSE_BODY,
        }
    }

    /// A `GET` whose response may have so many bytes.
    #[must_use]
    pub fn get(url: EndpointUrl, headers: HeaderMap, response_limit: usize) -> OutboundRequest {
        OutboundRequest {
            method: Method::GET,
            url,
            headers,
            body: Bytes::new(),
            response_limit,
        }
    }
}

impl fmt::Debug for OutboundRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            method,
            url,
            headers: _,
            body,
            response_limit: _,
        } = self;
        f.debug_struct("OutboundRequest")
            .field("method", method)
            .field("url", url)
            .field("body_bytes", &body.len())
            .finish_non_exhaustive()
    }
}

/// Headers as the client takes them.
///
/// # Errors
/// [`http::Error`] where a name or a value is none.
pub fn header_map(pairs: Vec<(&'static str, String)>) -> Result<HeaderMap, http::Error> {
    let pair = |(name, value): (&str, String)| {
        Ok((HeaderName::try_from(name)?, HeaderValue::try_from(value)?))
    };
    pairs.into_iter().map(pair).collect()
}

/// What comes of a response before its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResponseHead {
    /// The status code, redirects included; they are not followed.
    pub status: u16,
    /// The `Retry-After` header, where it could be read.
    pub retry_after: Option<RetryAfter>,
}

/// What came back, of whatever status. `Debug` leaves the body out.
#[derive(Clone, PartialEq, Eq)]
pub struct InboundResponse {
    /// The status code, redirects included; they are not followed.
    pub status: u16,
    /// The `Retry-After` header, where it could be read.
    pub retry_after: Option<RetryAfter>,
    /// The first bytes of the body, up to the request's limit, as they were sent, compressed if the server compresses uninvited.
    pub body: Vec<u8>,
    /// Whether there was more than that (or no end in sight after exactly that much).
    pub body_truncated: bool,
}

impl fmt::Debug for InboundResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            status,
            retry_after,
            body,
            body_truncated,
        } = self;
        f.debug_struct("InboundResponse")
            .field("status", status)
            .field("retry_after", retry_after)
            .field("body_bytes", &body.len())
            .field("body_truncated", body_truncated)
            .finish()
    }
}

/// Sends a request. [`GuardedClient`] is the real one; tests pass their own.
pub trait HttpSend: Send + Sync {
    /// Sends it once and waits for the response, its body included, no longer than `deadline` in all.
    ///
    /// A response of any status is `Ok`.
    ///
    /// # Errors
    /// Why no complete response came; [`SendError::request_may_have_been_written`] tells whether the endpoint may
    /// have acted on the request, and [`SendError::BodyIncomplete`] holds what it has answered.
    fn send(
        &self,
        request: OutboundRequest,
        deadline: Duration,
    ) -> BoxFuture<'_, Result<InboundResponse, SendError>>;
}
