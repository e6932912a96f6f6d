//! What is kept of a response.

use std::time::Duration;

use domain::retry_after::RetryAfter;
use platform::http::{InboundResponse, MAX_RESPONSE_BODY};

use crate::support::{Server, local_client, post};

async fn response_to(bytes: impl Into<Vec<u8>>) -> InboundResponse {
    let server = Server::answering(bytes).await;
    post(&local_client(), &server.url("127.0.0.1", "/"))
        .await
        .unwrap()
}

#[tokio::test]
async fn any_status_is_a_response() {
    for status in [200, 204, 299, 304, 400, 410, 429, 500, 503, 599] {
        let response = response_to(format!(
            "HTTP/1.1 {status} Whatever\r\nContent-Length: 0\r\n\r\n"
        ))
        .await;
        let expected = InboundResponse {
            status,
            retry_after: None,
            body: Vec::new(),
            body_truncated: false,
        };
        assert_eq!(response, expected);
    }
}

#[tokio::test]
async fn a_compressed_body_is_passed_on_as_it_came() {
    // gzip of "hello"
    let gzipped = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff\xcbH\xcd\xc9\xc9\x07\x00\x86\xa6\x106\x05\x00\x00\x00";
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
        gzipped.len()
    );
    let response = response_to([head.as_bytes(), gzipped].concat()).await;
    assert_eq!(response.body, gzipped);
    assert!(!response.body_truncated);
}

#[tokio::test]
async fn sixteen_kibibytes_are_kept_and_more_is_cut() {
    for (length, truncated) in [
        (MAX_RESPONSE_BODY - 1, false),
        (MAX_RESPONSE_BODY, false),
        (MAX_RESPONSE_BODY + 1, true),
        (1 << 20, true),
    ] {
        let body: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
        let response = response_to([head.as_bytes(), &body].concat()).await;
        assert_eq!(
            response.body,
            body[..length.min(MAX_RESPONSE_BODY)],
            "{length}"
        );
        assert_eq!(response.body_truncated, truncated, "{length}");
    }
}

#[tokio::test]
async fn a_chunked_body_is_put_together() {
    let response = response_to(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n",
    )
    .await;
    assert_eq!(
        (response.body.as_slice(), response.body_truncated),
        (&b"hello"[..], false)
    );
}

#[tokio::test]
async fn an_interim_response_is_passed_over() {
    let response =
        response_to("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            .await;
    assert_eq!(
        (response.status, response.body.as_slice()),
        (200, &b"ok"[..])
    );
}

#[tokio::test]
async fn retry_after_is_read_in_either_form_and_ignored_if_it_is_neither() {
    for (value, expected) in [
        ("120", Some(RetryAfter::Delay(Duration::from_secs(120)))),
        (
            "Sun, 06 Nov 1994 08:49:37 GMT",
            Some(RetryAfter::At("1994-11-06T08:49:37Z".parse().unwrap())),
        ),
        ("soon", None),
        ("\u{fc}", None),
    ] {
        let head =
            format!("HTTP/1.1 429 Slow Down\r\nRetry-After: {value}\r\nContent-Length: 0\r\n\r\n");
        let response = response_to(head).await;
        assert_eq!(
            (response.status, response.retry_after),
            (429, expected),
            "{value}"
        );
    }
}
