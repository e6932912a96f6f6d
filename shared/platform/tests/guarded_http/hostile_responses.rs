//! Responses meant to fill memory, to hold a function up, or to be taken for another request's.

use std::sync::Arc;

use platform::http::{BodyFault, MAX_RESPONSE_BODY, ResponseFault, ResponseHead, SendError};
use tokio::io::AsyncWriteExt;
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::support::{AMPLE, NO_CONTENT, Server, local_client, post};

/// Sends `start`, and then `more` again and again without a pause until the client has gone away, which it tells.
async fn pouring(start: impl Into<String>, more: impl Into<String>) -> (Server, Arc<Notify>) {
    let (start, more) = (start.into(), more.into());
    let gone = Arc::new(Notify::new());
    let tell = Arc::clone(&gone);
    let server = Server::start(move |mut stream, log| {
        let (start, more, tell) = (start.clone(), more.clone(), Arc::clone(&tell));
        async move {
            log.read_request(&mut stream).await;
            let _ = stream.write_all(start.as_bytes()).await;
            while stream.write_all(more.as_bytes()).await.is_ok() {}
            tell.notify_one();
        }
    })
    .await;
    (server, gone)
}

async fn fault_of(server: &Server) -> ResponseFault {
    match post(&local_client(), &server.url("127.0.0.1", "/")).await {
        Err(SendError::ResponseInvalid(fault)) => fault,
        other => panic!("{other:?}"),
    }
}

/// Of a 200 whose body is none.
fn bad_body() -> SendError {
    let error = SendError::BodyIncomplete {
        head: ResponseHead {
            status: 200,
            retry_after: None,
        },
        fault: BodyFault::Invalid(ResponseFault::MalformedBody),
    };
    assert_eq!(error.to_string(), "invalid response: malformed body");
    error
}

#[tokio::test]
async fn an_endless_body_is_cut_and_its_connection_closed_however_it_is_framed() {
    let kibibyte = "0123456789abcdef".repeat(64);
    for (framing, more) in [
        ("", kibibyte.clone()),
        ("Content-Length: 1000000000000000000\r\n", kibibyte.clone()),
        (
            "Transfer-Encoding: chunked\r\n",
            format!("400\r\n{kibibyte}\r\n"),
        ),
        ("Transfer-Encoding: chunked\r\n", "1\r\na\r\n".repeat(100)),
    ] {
        let (server, gone) = pouring(format!("HTTP/1.1 200 OK\r\n{framing}\r\n"), more).await;
        let client = local_client();
        let response = post(&client, &server.url("127.0.0.1", "/")).await.unwrap();
        assert_eq!(
            (response.body.len(), response.body_truncated),
            (MAX_RESPONSE_BODY, true),
            "{framing}"
        );
        timeout(AMPLE, gone.notified())
            .await
            .expect("the client closes the connection");
    }
}

#[tokio::test]
async fn endless_heads_trailers_and_chunk_lines_are_given_up_and_their_connection_closed() {
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let many = "a".repeat(1_024);
    let bad_head = || SendError::ResponseInvalid(ResponseFault::HeadTooLarge);
    for (what, start, more, expected) in [
        (
            "status line",
            "HTTP/1.1 200 ".to_owned(),
            many.clone(),
            bad_head(),
        ),
        (
            "header name",
            "HTTP/1.1 200 OK\r\n".to_owned(),
            many.clone(),
            bad_head(),
        ),
        (
            "header value",
            "HTTP/1.1 200 OK\r\nX-A: ".to_owned(),
            many.clone(),
            bad_head(),
        ),
        (
            "headers",
            "HTTP/1.1 200 OK\r\n".to_owned(),
            "X-A: b\r\n".repeat(100),
            bad_head(),
        ),
        (
            "chunk extension",
            format!("{chunked}1;"),
            many.clone(),
            bad_body(),
        ),
        (
            "trailer value",
            format!("{chunked}0\r\nX-A: "),
            many.clone(),
            bad_body(),
        ),
        (
            "trailers",
            format!("{chunked}0\r\n"),
            "X-A: b\r\n".repeat(100),
            bad_body(),
        ),
    ] {
        let (server, gone) = pouring(start, more).await;
        let client = local_client();
        let sent = timeout(AMPLE / 2, post(&client, &server.url("127.0.0.1", "/"))).await;
        assert_eq!(sent, Ok(Err(expected)), "{what}");
        timeout(AMPLE, gone.notified()).await.expect(what);
    }
}

#[tokio::test]
async fn headers_are_taken_up_to_a_limit() {
    let answer = |headers: String| format!("HTTP/1.1 200 OK\r\n{headers}Content-Length: 0\r\n\r\n");
    for headers in [
        "X-A: b\r\n".repeat(99),
        format!("X-A: {}\r\n", "b".repeat(300 * 1_024)),
    ] {
        let server = Server::answering(answer(headers)).await;
        let sent = post(&local_client(), &server.url("127.0.0.1", "/")).await;
        assert_eq!(sent.unwrap().status, 200);
    }
    for headers in [
        "X-A: b\r\n".repeat(100),
        "X-A: b\r\n".repeat(50_000),
        format!("X-A: {}\r\n", "b".repeat(500 * 1_024)),
        format!("{}: b\r\n", "X".repeat(500 * 1_024)),
    ] {
        let server = Server::answering(answer(headers)).await;
        assert_eq!(fault_of(&server).await, ResponseFault::HeadTooLarge);
    }
}

#[tokio::test]
async fn heads_that_two_parsers_may_read_differently_are_refused() {
    for head in [
        "Content-Length: 1\r\nContent-Length: 2\r\n",
        "Content-Length: -1\r\n",
        "Content-Length: +1\r\n",
        "Content-Length: 0x1\r\n",
        "Content-Length: 1 1\r\n",
        "Content-Length: 99999999999999999999999\r\n",
        "Content-Length : 1\r\n",
        "Content-Length: 1\r\n X-A: folded\r\n",
        "X-A: a\0b\r\nContent-Length: 1\r\n",
        "X-A: a\rb\r\nContent-Length: 1\r\n",
        "X A: b\r\nContent-Length: 1\r\n",
        ": b\r\nContent-Length: 1\r\n",
    ] {
        let server = Server::answering(format!("HTTP/1.1 200 OK\r\n{head}\r\na")).await;
        assert_eq!(fault_of(&server).await, ResponseFault::NotHttp, "{head:?}");
    }
    for line in [
        "HTTP/2.0 200 OK",
        "HTTP/1.1 20 OK",
        "HTTP/1.1 2000 OK",
        "HTTP/1.1 200\0OK",
        "HTP/1.1 200 OK",
        "200 OK",
    ] {
        let server = Server::answering(format!("{line}\r\nContent-Length: 0\r\n\r\n")).await;
        assert_eq!(fault_of(&server).await, ResponseFault::NotHttp, "{line:?}");
    }
}

#[tokio::test]
async fn chunks_that_two_parsers_may_read_differently_are_refused() {
    for chunk in [
        "zz\r\n",
        "-1\r\na\r\n",
        "+1\r\na\r\n",
        "0x1\r\na\r\n",
        "10000000000000000\r\na",
        "1\na\r\n",
        "1\r\nab\r\n",
        "\r\n",
        "1\ra\r\n",
    ] {
        let server = Server::answering(format!(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}0\r\n\r\n"
        ))
        .await;
        let sent = post(&local_client(), &server.url("127.0.0.1", "/")).await;
        assert_eq!(sent, Err(bad_body()), "{chunk:?}");
    }
}

/// Answers the first connection with these bytes, and every later one with 204.
async fn first_answering(first: &'static str) -> Server {
    Server::start(move |mut stream, log| async move {
        let answer = if log.connections() == 1 {
            first
        } else {
            NO_CONTENT
        };
        while log.read_request(&mut stream).await.is_some() {
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    })
    .await
}

#[tokio::test]
async fn a_response_nobody_asked_for_is_not_taken_for_the_next_requests() {
    for first in [
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 418 Unasked\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 418 Unasked\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nHTTP/1.1 418 Unasked\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nHTTP/1.1 418 Unasked\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\nHTTP/1.1 418 Unasked\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: a\r\nConnection: upgrade\r\n\r\nHTTP/1.1 418 Unasked\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nrubbish",
    ] {
        let server = first_answering(first).await;
        let client = local_client();
        let hook = server.url("hooks.example.com", "/");
        let status: u16 = first[9..12].parse().unwrap();
        assert_eq!(
            post(&client, &hook).await.unwrap().status,
            status,
            "{first}"
        );
        assert_eq!(post(&client, &hook).await.unwrap().status, 204, "{first}");
        assert_eq!(server.log.requests().len(), 2);
    }
}
