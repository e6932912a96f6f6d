//! Names that do not resolve, ports that refuse, connections that break: the words, and that nothing is sent twice.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use domain::retry_after::RetryAfter;
use http::{HeaderMap, HeaderValue};
use platform::http::{
    BodyFault, HttpSend, IDLE_CONNECTION_LIFETIME, OutboundRequest, ResponseFault, ResponseHead,
    SendError, SystemResolver,
};
use tokio::io::AsyncWriteExt;

use crate::support::{
    AMPLE, Answers, LOCAL, NO_CONTENT, Server, client, local_client, post, request, unused_port,
    url,
};

#[tokio::test]
async fn a_name_without_an_address_does_not_resolve() {
    for resolver in [Answers::new(&[]), Answers::new(&[&[]])] {
        let client = client(resolver, LOCAL);
        let error = post(&client, &url("http://nowhere.example.com/"))
            .await
            .unwrap_err();
        assert_eq!(error, SendError::NotResolved);
        assert_eq!(error.to_string(), "host name does not resolve");
        assert!(!error.request_may_have_been_written());
        assert_eq!(
            client.check(&url("http://nowhere.example.com/")).await,
            Err(SendError::NotResolved)
        );
    }
}

#[tokio::test]
async fn a_port_without_a_listener_refuses() {
    for host in ["127.0.0.1", "hooks.example.com"] {
        let error = post(&local_client(), &unused_port(host).await)
            .await
            .unwrap_err();
        assert_eq!(error, SendError::ConnectionRefused);
        assert_eq!(error.to_string(), "connection refused");
        assert!(!error.request_may_have_been_written());
    }
}

#[tokio::test]
async fn the_next_address_is_tried_where_the_first_refuses() {
    let server = Server::answering(NO_CONTENT).await;
    let client = client(Answers::new(&[&["127.0.0.9", "127.0.0.1"]]), LOCAL);
    assert_eq!(
        post(&client, &server.url("hooks.example.com", "/"))
            .await
            .unwrap()
            .status,
        204
    );
}

#[tokio::test]
async fn a_connection_dropped_after_the_request_is_reported_and_the_request_not_repeated() {
    let server = Server::start(|mut stream, log| async move {
        log.read_request(&mut stream).await;
    })
    .await;
    let error = post(&local_client(), &server.url("127.0.0.1", "/"))
        .await
        .unwrap_err();
    assert_eq!(error, SendError::ConnectionLost);
    assert_eq!(
        error.to_string(),
        "connection closed before the response was complete"
    );
    assert!(error.request_may_have_been_written());
    assert_eq!(
        (server.log.connections(), server.log.requests().len()),
        (1, 1)
    );
}

#[tokio::test]
async fn a_kept_alive_connection_dropped_under_a_request_is_not_retried_either() {
    let server = Server::start(|mut stream, log| async move {
        log.read_request(&mut stream).await;
        let _ = stream.write_all(NO_CONTENT.as_bytes()).await;
        log.read_request(&mut stream).await;
    })
    .await;
    let client = local_client();
    let hook = server.url("127.0.0.1", "/");
    assert_eq!(post(&client, &hook).await.unwrap().status, 204);
    assert_eq!(post(&client, &hook).await, Err(SendError::ConnectionLost));
    assert_eq!(
        (server.log.connections(), server.log.requests().len()),
        (1, 2)
    );
}

#[tokio::test]
async fn a_response_cut_short_is_no_response() {
    let within_the_body = |status, wait| SendError::BodyIncomplete {
        head: ResponseHead {
            status,
            retry_after: wait,
        },
        fault: BodyFault::ConnectionLost,
    };
    let wait = Some(RetryAfter::Delay(Duration::from_secs(7)));
    for (cut, expected) in [
        ("HTTP/1.1 200 OK\r\nContent-", SendError::ConnectionLost),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
            within_the_body(200, None),
        ),
        (
            "HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
            within_the_body(503, wait),
        ),
    ] {
        let server = Server::start(move |mut stream, log| async move {
            log.read_request(&mut stream).await;
            let _ = stream.write_all(cut.as_bytes()).await;
        })
        .await;
        let error = post(&local_client(), &server.url("127.0.0.1", "/"))
            .await
            .unwrap_err();
        assert_eq!(error, expected, "{cut}");
        assert_eq!(
            error.to_string(),
            "connection closed before the response was complete"
        );
        assert!(error.request_may_have_been_written());
        assert_eq!(server.log.requests().len(), 1);
    }
}

#[tokio::test]
async fn what_is_not_http_is_called_so() {
    let too_many_headers = format!("HTTP/1.1 200 OK\r\n{}\r\n", "X-A: b\r\n".repeat(1_000));
    let endless_header = format!("HTTP/1.1 200 OK\r\nX-A: {}", "a".repeat(2 << 20));
    for (response, fault) in [
        ("SSH-2.0-OpenSSH_9.6\r\n".to_owned(), ResponseFault::NotHttp),
        (
            "220 mail.example.com ESMTP\r\n".to_owned(),
            ResponseFault::NotHttp,
        ),
        (too_many_headers, ResponseFault::HeadTooLarge),
        (endless_header, ResponseFault::HeadTooLarge),
    ] {
        let server = Server::answering(response).await;
        let error = post(&local_client(), &server.url("127.0.0.1", "/"))
            .await
            .unwrap_err();
        assert_eq!(error, SendError::ResponseInvalid(fault));
        assert!(error.request_may_have_been_written());
    }
}

#[tokio::test]
async fn the_request_is_what_the_caller_made_and_little_else() {
    let server = Server::answering(NO_CONTENT).await;
    let mut headers = HeaderMap::new();
    headers.insert(
        "x-setget-event",
        HeaderValue::from_static("work_item.created"),
    );
    headers.insert("accept-encoding", HeaderValue::from_static("gzip"));
    headers.insert("user-agent", HeaderValue::from_static("SetGet-Webhook/1.0"));
    let hook = server.url("hooks.example.com", "/path?token=a%20b");
    let body = Bytes::from_static("{\"ü\":1}".as_bytes());
    local_client()
        .send(OutboundRequest::post(hook, headers, body), AMPLE)
        .await
        .unwrap();

    let requests = server.log.requests();
    let (head, body) = requests[0].split_once("\r\n\r\n").unwrap();
    let mut lines: Vec<_> = head.split("\r\n").collect();
    assert_eq!(lines.remove(0), "POST /path?token=a%20b HTTP/1.1");
    lines.sort_unstable();
    let host = format!("host: hooks.example.com:{}", server.address.port());
    let expected = [
        "accept-encoding: identity",
        "accept: */*",
        "content-length: 8",
        &host,
        "user-agent: SetGet-Webhook/1.0",
        "x-setget-event: work_item.created",
    ];
    assert_eq!(lines, expected);
    assert_eq!(body, "{\"ü\":1}");
}

#[tokio::test]
async fn an_empty_body_is_sent_too_and_told_apart_alike() {
    let client = local_client();
    let post_nothing = |url| {
        let request = OutboundRequest::post(url, HeaderMap::new(), Bytes::new());
        client.send(request, AMPLE)
    };
    let answering = Server::answering(NO_CONTENT).await;
    assert_eq!(
        post_nothing(answering.url("127.0.0.1", "/"))
            .await
            .unwrap()
            .status,
        204
    );
    let dropping = Server::start(|mut stream, log| async move {
        log.read_request(&mut stream).await;
    })
    .await;
    let dropped = post_nothing(dropping.url("127.0.0.1", "/")).await;
    assert_eq!(dropped, Err(SendError::ConnectionLost));
    let refused = post_nothing(unused_port("127.0.0.1").await).await;
    assert_eq!(refused, Err(SendError::ConnectionRefused));
}

#[tokio::test]
async fn the_systems_resolver_knows_localhost() {
    let server = Server::answering(NO_CONTENT).await;
    let client = client(Arc::new(SystemResolver), LOCAL);
    assert_eq!(
        post(&client, &server.url("localhost", "/"))
            .await
            .unwrap()
            .status,
        204
    );
}

#[tokio::test]
async fn requests_in_a_row_share_a_connection_and_its_vetting() {
    let server = Server::answering(NO_CONTENT).await;
    let resolver = Answers::loopback();
    let client = client(Arc::clone(&resolver) as _, LOCAL);
    for _ in 0..3 {
        post(&client, &server.url("hooks.example.com", "/"))
            .await
            .unwrap();
    }
    assert_eq!((server.log.connections(), resolver.asked()), (1, 1));
    assert!(IDLE_CONNECTION_LIFETIME.as_secs() < 5);
}

#[tokio::test]
async fn neither_debug_form_shows_headers_bodies_or_the_query() {
    let server = Server::answering("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecret").await;
    let mut request = request(&server.url("127.0.0.1", "/?token=secret"));
    request
        .headers
        .insert("x-signature", HeaderValue::from_static("secret"));
    request.body = Bytes::from_static(b"secret");
    assert!(!format!("{request:?}").contains("secret"));
    let response = local_client().send(request, AMPLE).await.unwrap();
    assert_eq!(response.body, b"secret");
    assert!(!format!("{response:?}").contains("secret"));
}
