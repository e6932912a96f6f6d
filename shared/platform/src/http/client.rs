use std::sync::Arc;
use std::time::Duration;

use domain::endpoint_url::{EndpointUrl, UrlRules};
use domain::retry_after::RetryAfter;
use futures::FutureExt;
use futures::future::BoxFuture;
use http::HeaderValue;
use http::header::{ACCEPT_ENCODING, RETRY_AFTER};
use tokio::time::{Instant, timeout, timeout_at};

use super::error::{BodyFault, classify, classify_body};
use super::resolver::VettingResolver;
use super::written::Written;
use super::{
    HttpSend, IDLE_CONNECTION_LIFETIME, InboundResponse, OutboundRequest, Resolve, ResponseHead,
    SendError, Stage,
};

/// How long one connection may take to come about, shared out among a host's addresses so that a dead one leaves
/// time for the next. As long as a webhook's whole deadline: the deadline is what ends a slow connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long [`GuardedClient::check`] waits for the resolver.
const CHECK_TIMEOUT: Duration = Duration::from_secs(3);

/// The HTTP client for URLs that customers gave. Cheap to clone; clones share their connections.
#[derive(Clone)]
pub struct GuardedClient {
    http: reqwest::Client,
    resolver: VettingResolver,
}

/// The client could not be made: the system has no root certificates, or TLS could not be set up.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client cannot be set up")]
pub struct BuildError(#[from] reqwest::Error);

impl GuardedClient {
    /// Makes a client that resolves names with `resolver` and holds every URL and address to `rules`. It trusts the
    /// operating system's root certificates, or those in the file that `SSL_CERT_FILE` names.
    ///
    /// # Errors
    /// See [`BuildError`].
    pub fn new(resolver: Arc<dyn Resolve>, rules: UrlRules) -> Result<Self, BuildError> {
        Self::keeping(resolver, rules, usize::MAX)
    }

    /// The same with a connection of its own for each request: where a request may be made once only, it must not meet a
    /// kept connection that the other side is just closing, for then nobody knows whether it was taken.
    ///
    /// # Errors
    /// See [`BuildError`].
    pub fn without_kept_connections(
        resolver: Arc<dyn Resolve>,
        rules: UrlRules,
    ) -> Result<Self, BuildError> {
        Self::keeping(resolver, rules, 0)
    }

    fn keeping(
        resolver: Arc<dyn Resolve>,
        rules: UrlRules,
        idle_connections: usize,
    ) -> Result<Self, BuildError> {
        let resolver = VettingResolver { resolver, rules };
        // What is off by default is switched off all the same: another crate's choice of features must not matter.
        let http = reqwest::Client::builder()
            .dns_resolver(resolver.clone())
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .referer(false)
            .no_gzip()
            .no_brotli()
            .no_zstd()
            .no_deflate()
            .http1_only()
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_idle_timeout(IDLE_CONNECTION_LIFETIME)
            .pool_max_idle_per_host(idle_connections)
            .build()?;
        Ok(Self { http, resolver })
    }

    /// The check at configuration time: the URL keeps the rules, and its host resolves, within 3 s, to addresses that
    /// may be connected to. Nothing is sent.
    ///
    /// # Errors
    /// [`SendError::UrlRefused`], [`SendError::NotResolved`] or [`SendError::NotPublic`].
    pub async fn check(&self, url: &EndpointUrl) -> Result<(), SendError> {
        url.keeps(self.resolver.rules)?;
        if url.literal_address().is_some() {
            return Ok(());
        }
        let resolving = self.resolver.vetted_addresses(url.host());
        timeout(CHECK_TIMEOUT, resolving)
            .await
            .map_or(Err(SendError::NotResolved), |vetted| vetted.map(drop))
    }

    async fn exchange(
        &self,
        request: OutboundRequest,
        deadline: Duration,
    ) -> Result<InboundResponse, SendError> {
        request.url.keeps(self.resolver.rules)?;
        let end = Instant::now() + deadline;
        let written = Written::new(&request.body);
        let limit = request.response_limit;
        let timed_out = |stage| SendError::TimedOut { deadline, stage };

        let mut response = match timeout_at(end, self.send(request, &written)).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => return Err(classify(&error, written.settle())),
            Err(_) if written.settle() => return Err(timed_out(Stage::Responding)),
            Err(_) => return Err(timed_out(Stage::Connecting)),
        };
        let head = head(&response);
        let (body, body_truncated) = timeout_at(end, read_body(&mut response, limit))
            .await
            .unwrap_or(Err(BodyFault::TimedOut { deadline }))
            .map_err(|fault| SendError::BodyIncomplete { head, fault })?;
        Ok(InboundResponse {
            status: head.status,
            retry_after: head.retry_after,
            body,
            body_truncated,
        })
    }

    async fn send(
        &self,
        request: OutboundRequest,
        written: &Written,
    ) -> reqwest::Result<reqwest::Response> {
        let OutboundRequest {
            method,
            url,
            mut headers,
            body,
            response_limit: _,
        } = request;
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let request = self
            .http
            .request(method, url.as_url().clone())
            .headers(headers);
        request.body(written.watch(body)).send().await
    }
}

impl HttpSend for GuardedClient {
    fn send(
        &self,
        request: OutboundRequest,
        deadline: Duration,
    ) -> BoxFuture<'_, Result<InboundResponse, SendError>> {
        self.exchange(request, deadline).boxed()
    }
}

/// Reads up to `limit` bytes, and tells whether there was more. What is left unread is dropped with its connection.
async fn read_body(
    response: &mut reqwest::Response,
    limit: usize,
) -> Result<(Vec<u8>, bool), BodyFault> {
    let mut body = Vec::new();
    while body.len() < limit {
        let chunk = response.chunk().await;
        let Some(chunk) = chunk.map_err(|error| classify_body(&error))? else {
            return Ok((body, false));
        };
        body.extend_from_slice(&chunk);
    }
    // Full: whether this is the end is not worth waiting for.
    let ended = body.len() == limit && matches!(response.chunk().now_or_never(), Some(Ok(None)));
    body.truncate(limit);
    Ok((body, !ended))
}

fn head(response: &reqwest::Response) -> ResponseHead {
    ResponseHead {
        status: response.status().as_u16(),
        retry_after: retry_after(response),
    }
}

fn retry_after(response: &reqwest::Response) -> Option<RetryAfter> {
    RetryAfter::parse(response.headers().get(RETRY_AFTER)?.to_str().ok()?)
}
