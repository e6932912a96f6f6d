//! Serves the queues over HTTP on 127.0.0.1: `cargo run -p sqs --example serve -- --port 0`.
//!
//! Prints `listening on PORT` when it is ready and stops when its standard input ends. Long polls wait here, since the
//! engine itself never does
//! (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-short-and-long-polling.html>).

use std::convert::Infallible;
use std::io::{self, Read, Write};
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::HeaderMap;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use serde_json::Value;
use sqs::{Config, Sqs};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::time::Instant;

/// How often to look again at a queue that says something is due but gives none out: it is at its in-flight limit.
const RECHECK: Duration = Duration::from_millis(100);

#[tokio::main]
async fn main() -> io::Result<()> {
    let Some(port) = port(std::env::args().skip(1)) else {
        return Err(io::Error::other("usage: serve [--port PORT]"));
    };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    let port = listener.local_addr()?.port();
    let config = Config {
        region: "us-east-1".to_owned(),
        account_id: "000000000000".to_owned(),
        endpoint: format!("http://127.0.0.1:{port}"),
        seed: 1,
    };
    let sqs = Sqs::new(config, Arc::new(Timestamp::now));
    let mut stdout = io::stdout();
    writeln!(stdout, "listening on {port}")?;
    stdout.flush()?;
    tokio::select! {
        result = accept(&listener, &sqs) => result,
        _ = input_ended() => Ok(()),
    }
}

fn port(mut arguments: impl Iterator<Item = String>) -> Option<u16> {
    match (arguments.next().as_deref(), arguments.next()) {
        (None, _) => Some(0),
        (Some("--port"), Some(port)) => port.parse().ok(),
        _ => None,
    }
}

/// Ends with the standard input. A thread of its own: a blocking read of the runtime's would hold up its end.
fn input_ended() -> oneshot::Receiver<()> {
    let (ended, wait) = oneshot::channel();
    std::thread::spawn(move || {
        let _ = io::stdin().read_to_end(&mut Vec::new());
        // No receiver: the program is at its end already.
        let _ = ended.send(());
    });
    wait
}

async fn accept(listener: &TcpListener, sqs: &Sqs) -> io::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(serve(stream, sqs.clone()));
    }
}

async fn serve(stream: TcpStream, sqs: Sqs) {
    let service = service_fn(|request| answer(&sqs, request));
    let connection = hyper::server::conn::http1::Builder::new();
    if let Err(error) = connection
        .serve_connection(TokioIo::new(stream), service)
        .await
    {
        eprintln!("connection: {error}");
    }
}

async fn answer(
    sqs: &Sqs,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let Ok(body) = body.collect().await else {
        return Ok(status(StatusCode::BAD_REQUEST));
    };
    Ok(http(
        call(sqs, target(&head.headers), &body.to_bytes()).await,
    ))
}

fn target(headers: &HeaderMap) -> &str {
    let target = headers.get("x-amz-target");
    target
        .and_then(|target| target.to_str().ok())
        .unwrap_or_default()
}

fn http(answer: sqs::Response) -> Response<Full<Bytes>> {
    let mut response = Response::builder().status(answer.status);
    for (name, value) in answer.headers {
        response = response.header(name, value);
    }
    response
        .body(Full::new(answer.body.into()))
        .unwrap_or_else(|_| status(StatusCode::INTERNAL_SERVER_ERROR))
}

fn status(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::default();
    *response.status_mut() = status;
    response
}

/// Answers a call; a long poll that finds nothing asks again whenever there may be something.
async fn call(sqs: &Sqs, target: &str, body: &[u8]) -> sqs::Response {
    let poll = long_poll(sqs, target, body);
    let mut arrivals = sqs.arrivals();
    loop {
        arrivals.mark_unchanged();
        let answer = sqs.handle(target, body);
        let Some((queue, deadline)) = &poll else {
            return answer;
        };
        if Instant::now() >= *deadline || answer.status != 200 || answer.body != b"{}" {
            return answer;
        }
        let look_again = tokio::time::sleep_until(next_look(sqs, queue, *deadline));
        tokio::select! {
            () = look_again => {}
            _ = arrivals.changed() => {}
        }
    }
}

/// The queue that is polled and until when; none if the call does not wait.
fn long_poll(sqs: &Sqs, target: &str, body: &[u8]) -> Option<(String, Instant)> {
    if target != "AmazonSQS.ReceiveMessage" {
        return None;
    }
    let request: Value = serde_json::from_slice(body).ok()?;
    let queue = request["QueueUrl"].as_str()?;
    let queues_wait = || {
        let attributes = sqs.queue_attributes(queue)?;
        attributes
            .get("ReceiveMessageWaitTimeSeconds")?
            .parse()
            .ok()
    };
    let wait = request["WaitTimeSeconds"].as_u64().or_else(queues_wait)?;
    let wait = (1..=20).contains(&wait).then_some(wait)?;
    Some((queue.to_owned(), Instant::now() + Duration::from_secs(wait)))
}

fn next_look(sqs: &Sqs, queue: &str, deadline: Instant) -> Instant {
    let Some(due) = sqs.next_visible_at(queue) else {
        return deadline;
    };
    let wait = Duration::try_from(due.duration_since(Timestamp::now())).unwrap_or_default();
    deadline.min(Instant::now() + if wait.is_zero() { RECHECK } else { wait })
}
