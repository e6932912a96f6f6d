//! One deadline over everything, and what it says about the request.

use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::endpoint_url::EndpointUrl;
use platform::http::{
    BodyFault, GuardedClient, HttpSend, MAX_RESPONSE_BODY, ResponseHead, SendError, Stage,
};
use tokio::io::AsyncWriteExt;

use crate::support::{AMPLE, LOCAL, Server, Silent, client, local_client, request, url};

const DEADLINE: Duration = Duration::from_millis(700);

pub(crate) async fn times_out(client: &GuardedClient, url: &EndpointUrl, stage: Stage) {
    let deadline = DEADLINE;
    let error = at_the_deadline(client, url).await;
    assert_eq!(error, SendError::TimedOut { deadline, stage });
    assert_eq!(
        error.request_may_have_been_written(),
        stage != Stage::Connecting
    );
}

/// The head came, with this status, and the body did not end.
pub(crate) async fn body_times_out(client: &GuardedClient, url: &EndpointUrl, status: u16) {
    let deadline = DEADLINE;
    let head = ResponseHead {
        status,
        retry_after: None,
    };
    let fault = BodyFault::TimedOut { deadline };
    let error = at_the_deadline(client, url).await;
    assert_eq!(error, SendError::BodyIncomplete { head, fault });
    assert!(error.request_may_have_been_written());
}

async fn at_the_deadline(client: &GuardedClient, url: &EndpointUrl) -> SendError {
    let start = Instant::now();
    let error = client.send(request(url), DEADLINE).await.unwrap_err();
    assert!(start.elapsed() >= DEADLINE);
    assert!(start.elapsed() < AMPLE);
    error
}

#[tokio::test]
async fn a_resolver_that_never_answers() {
    let client = client(Arc::new(Silent), LOCAL);
    times_out(
        &client,
        &url("http://hooks.example.com/"),
        Stage::Connecting,
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_check_gives_a_resolver_three_seconds() {
    let start = tokio::time::Instant::now();
    let checked = client(Arc::new(Silent), LOCAL)
        .check(&url("http://hooks.example.com/"))
        .await;
    assert_eq!(checked, Err(SendError::NotResolved));
    assert_eq!(start.elapsed().as_secs(), 3);
}

#[tokio::test]
async fn a_server_that_never_begins_the_tls_handshake() {
    let server = Server::start(|stream, _| async move {
        std::future::pending::<()>().await;
        drop(stream);
    })
    .await;
    let hook = url(&format!("https://127.0.0.1:{}/", server.address.port()));
    times_out(&local_client(), &hook, Stage::Connecting).await;
    assert_eq!(server.log.connections(), 1);
}

#[tokio::test]
async fn a_server_that_never_answers() {
    let server = Server::answering("").await;
    times_out(
        &local_client(),
        &server.url("127.0.0.1", "/"),
        Stage::Responding,
    )
    .await;
    assert_eq!(server.log.requests().len(), 1);
}

/// Sends `start`, and then `drip` again and again until the client goes away.
pub(crate) async fn dripping(start: &'static str, drip: &'static str, pause: Duration) -> Server {
    Server::start(move |mut stream, log| async move {
        log.read_request(&mut stream).await;
        let _ = stream.write_all(start.as_bytes()).await;
        while stream.write_all(drip.as_bytes()).await.is_ok() {
            tokio::time::sleep(pause).await;
        }
    })
    .await
}

#[tokio::test]
async fn headers_that_drip() {
    let server = dripping(
        "HTTP/1.1 200 OK\r\n",
        "X-A: b\r\n",
        Duration::from_millis(20),
    )
    .await;
    times_out(
        &local_client(),
        &server.url("127.0.0.1", "/"),
        Stage::Responding,
    )
    .await;
}

#[tokio::test]
async fn interim_responses_without_end() {
    let server = dripping(
        "",
        "HTTP/1.1 103 Early Hints\r\n\r\n",
        Duration::from_millis(20),
    )
    .await;
    times_out(
        &local_client(),
        &server.url("127.0.0.1", "/"),
        Stage::Responding,
    )
    .await;
}

#[tokio::test]
async fn a_body_that_drips() {
    for head in [
        "HTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n",
    ] {
        let server = dripping(head, "a", Duration::from_millis(20)).await;
        body_times_out(&local_client(), &server.url("127.0.0.1", "/"), 200).await;
    }
}

#[tokio::test]
async fn an_endless_body_counts_as_arrived_once_enough_of_it_is_in() {
    let server = dripping(
        "HTTP/1.1 200 OK\r\n\r\n",
        "0123456789abcdef".repeat(64).leak(),
        Duration::ZERO,
    )
    .await;
    let response = local_client()
        .send(request(&server.url("127.0.0.1", "/")), AMPLE)
        .await
        .unwrap();
    assert_eq!(
        (
            response.status,
            response.body.len(),
            response.body_truncated
        ),
        (200, MAX_RESPONSE_BODY, true)
    );
}

#[test]
fn the_words_name_the_deadline() {
    let words = |deadline, stage| SendError::TimedOut { deadline, stage }.to_string();
    let ten_seconds = Duration::from_secs(10);
    assert_eq!(
        words(ten_seconds, Stage::Responding),
        "no response within 10 s"
    );
    assert_eq!(
        words(ten_seconds, Stage::Connecting),
        "no response within 10 s (not connected)"
    );
    let head = ResponseHead {
        status: 200,
        retry_after: None,
    };
    let fault = BodyFault::TimedOut {
        deadline: ten_seconds,
    };
    assert_eq!(
        SendError::BodyIncomplete { head, fault }.to_string(),
        "no response within 10 s (its body did not end)"
    );
    assert_eq!(
        words(Duration::from_millis(2_500), Stage::Responding),
        "no response within 2.5 s"
    );
}
