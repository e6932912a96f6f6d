//! More ways to answer so slowly that only the deadline ends it.

use std::time::Duration;

use platform::http::Stage;

use crate::deadlines::{body_times_out, dripping, times_out};
use crate::support::{Server, local_client, url};
use tokio::io::AsyncWriteExt;

const PAUSE: Duration = Duration::from_millis(20);

#[tokio::test]
async fn a_status_line_a_header_or_interim_headers_that_drip() {
    for (start, drip) in [
        ("HTTP/1.1 200 ", "a"),
        ("HTTP/1.1 200 OK\r\nX-A: ", "b"),
        ("HTTP/1.1 103 Early Hints\r\n", "X-A: b\r\n"),
        ("\r\n", "\r\n"),
    ] {
        let server = dripping(start, drip, PAUSE).await;
        times_out(
            &local_client(),
            &server.url("127.0.0.1", "/"),
            Stage::Responding,
        )
        .await;
    }
}

#[tokio::test]
async fn chunks_chunk_lines_or_trailers_that_drip() {
    for (status, start, drip) in [
        (
            200,
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            "1\r\na\r\n",
        ),
        (
            200,
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            "0",
        ),
        (
            200,
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;",
            "a",
        ),
        (
            200,
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
            "X-A: b\r\n",
        ),
        (
            500,
            "HTTP/1.1 500 Oops\r\nContent-Length: 1000000000000000000\r\n\r\n",
            "a",
        ),
    ] {
        let server = dripping(start, drip, PAUSE).await;
        body_times_out(&local_client(), &server.url("127.0.0.1", "/"), status).await;
    }
}

#[tokio::test]
async fn zeros_before_a_chunk_size_poured_out_without_a_pause() {
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let server = dripping(head, "0000000000000000", Duration::ZERO).await;
    body_times_out(&local_client(), &server.url("127.0.0.1", "/"), 200).await;
}

#[tokio::test]
async fn interim_responses_poured_out_without_a_pause() {
    let server = dripping(
        "",
        "HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n",
        Duration::ZERO,
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
async fn a_tls_handshake_that_drips() {
    let server = Server::start(|mut stream, _| async move {
        // RFC 8446 §5.1: the head of a handshake record of 16 KiB, whose content never ends.
        let _ = stream
            .write_all(&[22, 3, 3, 0x40, 0, 2, 0, 0x3f, 0xfc])
            .await;
        while stream.write_all(&[3]).await.is_ok() {
            tokio::time::sleep(PAUSE).await;
        }
    })
    .await;
    let hook = url(&format!("https://127.0.0.1:{}/", server.address.port()));
    times_out(&local_client(), &hook, Stage::Connecting).await;
}
