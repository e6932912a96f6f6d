//! Nothing in a response makes the client go anywhere else, or send anything more.

use platform::http::{GuardedClient, InboundResponse};

use crate::support::{NO_CONTENT, Server, local_client, post};

/// Sends a request to a server that answers with this head, and makes sure that it got that one request alone.
async fn sole_answer(client: &GuardedClient, head: &str) -> InboundResponse {
    let server = Server::answering(format!("HTTP/1.1 {head}Content-Length: 0\r\n\r\n")).await;
    let response = post(client, &server.url("127.0.0.1", "/")).await;
    assert_eq!(server.log.connections(), 1, "{head}");
    assert_eq!(server.log.requests().len(), 1, "{head}");
    response.unwrap()
}

#[tokio::test]
async fn no_3xx_is_followed_wherever_it_points() {
    let (client, trap) = (local_client(), Server::answering(NO_CONTENT).await);
    let port = trap.address.port();
    let locations = [
        format!("http://127.0.0.1:{port}/"),
        format!("//127.0.0.1:{port}/"),
        format!("http://[::ffff:127.0.0.1]:{port}/"),
        "/elsewhere".to_owned(),
        "?again".to_owned(),
        "file:///etc/passwd".to_owned(),
        "gopher://127.0.0.1:6379/_FLUSHALL".to_owned(),
        "javascript:alert(1)".to_owned(),
        "not a URL".to_owned(),
        "\u{fc}".to_owned(),
        format!("/{}", "a".repeat(10_000)),
    ];
    for status in [300, 301, 302, 303, 304, 305, 306, 307, 308, 399] {
        for location in &locations {
            let head = format!("{status} Elsewhere\r\nLocation: {location}\r\n");
            assert_eq!(sole_answer(&client, &head).await.status, status);
        }
    }
    let two = format!("302 Found\r\nLocation: /a\r\nLocation: http://127.0.0.1:{port}/\r\n");
    assert_eq!(sole_answer(&client, &two).await.status, 302);
    assert_eq!(trap.log.connections(), 0);
}

#[tokio::test]
async fn a_chain_ends_at_its_first_link() {
    let last = Server::answering(NO_CONTENT).await;
    let redirect_to = |next: &Server| {
        format!(
            "HTTP/1.1 307 Elsewhere\r\nLocation: http://127.0.0.1:{}/\r\nContent-Length: 0\r\n\r\n",
            next.address.port()
        )
    };
    let second = Server::answering(redirect_to(&last)).await;
    let first = Server::answering(redirect_to(&second)).await;
    let response = post(&local_client(), &first.url("127.0.0.1", "/")).await;
    assert_eq!(response.unwrap().status, 307);
    let connections = [&first, &second, &last].map(|server| server.log.connections());
    assert_eq!(connections, [1, 0, 0]);
}

#[tokio::test]
async fn no_other_header_leads_elsewhere() {
    let (client, trap) = (local_client(), Server::answering(NO_CONTENT).await);
    let elsewhere = format!("127.0.0.1:{}", trap.address.port());
    for header in [
        format!("Location: http://{elsewhere}/"),
        format!("Content-Location: http://{elsewhere}/"),
        format!("Refresh: 0; url=http://{elsewhere}/"),
        format!("Link: <http://{elsewhere}/>; rel=preload"),
        format!("Alt-Svc: h2=\"{elsewhere}\"; ma=3600"),
        "Upgrade: h2c".to_owned(),
        format!("Report-To: {{\"endpoints\":[{{\"url\":\"http://{elsewhere}/\"}}]}}"),
    ] {
        for status in [200, 201, 202] {
            let response = sole_answer(&client, &format!("{status} OK\r\n{header}\r\n")).await;
            assert_eq!(response.status, status);
        }
    }
    assert_eq!(trap.log.connections(), 0);
}

#[tokio::test]
async fn no_status_makes_it_ask_again() {
    let client = local_client();
    for status in [
        "401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"a\"\r\n",
        "407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n",
        "408 Request Timeout\r\nConnection: close\r\n",
        "417 Expectation Failed\r\n",
        "421 Misdirected Request\r\n",
        "425 Too Early\r\n",
        "426 Upgrade Required\r\nUpgrade: TLS/1.3\r\n",
        "429 Too Many Requests\r\nRetry-After: 0\r\n",
        "503 Service Unavailable\r\nRetry-After: 0\r\n",
        "511 Network Authentication Required\r\n",
    ] {
        sole_answer(&client, status).await;
    }
}

#[tokio::test]
async fn what_one_response_asks_to_be_kept_is_not_in_the_next_request() {
    let response = "HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nETag: \"c\"\r\nLast-Modified: Thu, 01 Jan 1970 00:00:00 GMT\r\n\
        Strict-Transport-Security: max-age=3600\r\nContent-Length: 0\r\n\r\n";
    let server = Server::answering(response).await;
    let client = local_client();
    for _ in 0..2 {
        let hook = server.url("hooks.example.com", "/");
        assert_eq!(post(&client, &hook).await.unwrap().status, 200);
    }
    let requests = server.log.requests();
    assert_eq!(requests.len(), 2);
    assert_eq!(requests[0], requests[1]);
}
