//! The small HTTP server that every part of the stack listens with.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header::CONTENT_TYPE};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// A server at work. Dropping it stops it and cuts its connections.
#[derive(Debug)]
pub(crate) struct Server {
    task: JoinHandle<()>,
}

impl Server {
    /// Serves `listener` with `handler`, which also gets the caller's address.
    pub(crate) fn start<Handler, Answer>(listener: TcpListener, handler: Handler) -> Self
    where
        Handler: Fn(SocketAddr, Request<Incoming>) -> Answer + Clone + Send + Sync + 'static,
        Answer: Future<Output = Response<Bytes>> + Send + 'static,
    {
        Self {
            task: tokio::spawn(accept(listener, handler)),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept<Handler, Answer>(listener: TcpListener, handler: Handler)
where
    Handler: Fn(SocketAddr, Request<Incoming>) -> Answer + Clone + Send + Sync + 'static,
    Answer: Future<Output = Response<Bytes>> + Send + 'static,
{
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => if let Ok((stream, caller)) = accepted {
                connections.spawn(connection(stream, caller, handler.clone()));
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection<Handler, Answer>(stream: TcpStream, caller: SocketAddr, handler: Handler)
where
    Handler: Fn(SocketAddr, Request<Incoming>) -> Answer,
    Answer: Future<Output = Response<Bytes>>,
{
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| {
        let answer = handler(caller, request);
        async move { Ok::<_, Infallible>(answer.await.map(Full::new)) }
    });
    // A connection that its other end cut is no event here.
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

/// Why a request's body could not be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyError {
    /// It is longer than the limit.
    #[error("the body is over the limit")]
    TooLarge,
    /// The connection broke.
    #[error("the body was cut off")]
    CutOff,
}

/// Reads a body of at most `limit` bytes.
pub(crate) async fn read_body(body: Incoming, limit: usize) -> Result<Bytes, BodyError> {
    match Limited::new(body, limit).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(BodyError::TooLarge),
        Err(_) => Err(BodyError::CutOff),
    }
}

/// A JSON answer.
pub(crate) fn json(status: StatusCode, body: impl Into<Bytes>) -> Response<Bytes> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// An answer without a body.
pub(crate) fn empty(status: StatusCode) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = status;
    response
}
