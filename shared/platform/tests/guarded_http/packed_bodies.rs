//! Bodies that are small as they come and huge unpacked: nothing unpacks them, whoever they are for.

use std::sync::Arc;

use domain::secret::SecretText;
use domain::sms::sender::TwilioSender;
use domain::twilio::answer::{Answer, judge};
use http::HeaderMap;
use platform::http::{HttpSend, MAX_RESPONSE_BODY, OutboundRequest};
use platform::twilio::{AskError, Asked, Login, NewMessage, TwilioApi};

use crate::support::{AMPLE, LOCAL, Server, local_client, post};

/// Codes bits as DEFLATE packs them: Huffman codes from their highest bit, other numbers from their lowest, into bytes
/// from the lowest bit up (RFC 1951 §3.1.1).
#[derive(Default)]
struct Bits(Vec<bool>);

impl Bits {
    fn code(&mut self, code: u32, length: u32) {
        self.0
            .extend((0..length).rev().map(|at| code >> at & 1 == 1));
    }

    fn bytes(&self) -> Vec<u8> {
        let byte = |bits: &[bool]| {
            bits.iter()
                .rev()
                .fold(0, |byte, bit| byte << 1 | u8::from(*bit))
        };
        self.0.chunks(8).map(byte).collect()
    }
}

/// Some 100 KiB of gzip (RFC 1952) that unpack to 16 MiB: one `a` in a block of fixed codes (RFC 1951 §3.2.6), repeated
/// 258 bytes at a time.
fn gzip_bomb() -> Vec<u8> {
    let mut bits = Bits::default();
    bits.0.extend([true, true, false]); // the last block; fixed codes
    bits.code(0x30 + u32::from(b'a'), 8);
    for _ in 0..65_000 {
        bits.code(0b1100_0101, 8); // length 258
        bits.code(0, 5); // distance 1
    }
    bits.code(0, 7); // end of block
    let header = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    [&header[..], &bits.bytes()].concat()
}

fn packed(status: &str, encoding: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Encoding: {encoding}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

#[tokio::test]
async fn a_bomb_is_passed_on_packed_as_it_came() {
    let bomb = gzip_bomb();
    assert!(bomb.len() > 6 * MAX_RESPONSE_BODY);
    for encoding in [
        "gzip",
        "x-gzip",
        "GZIP",
        "gzip, gzip",
        "deflate",
        "br",
        "zstd",
        "identity, gzip",
    ] {
        let server = Server::answering(packed("200 OK", encoding, &bomb)).await;
        let response = post(&local_client(), &server.url("127.0.0.1", "/"))
            .await
            .unwrap();
        assert_eq!(response.body, bomb[..MAX_RESPONSE_BODY], "{encoding}");
        assert!(response.body_truncated);
        assert!(server.log.requests()[0].contains("accept-encoding: identity\r\n"));
    }
}

#[tokio::test]
async fn a_larger_limit_counts_packed_bytes_too() {
    let bomb = gzip_bomb();
    let server = Server::answering(packed("200 OK", "gzip", &bomb)).await;
    let url = server.url("127.0.0.1", "/");
    for (limit, whole) in [(4 * MAX_RESPONSE_BODY, false), (bomb.len() + 1, true)] {
        let request = OutboundRequest::get(url.clone(), HeaderMap::new(), limit);
        let response = local_client().send(request, AMPLE).await.unwrap();
        assert_eq!(response.body, bomb[..limit.min(bomb.len())]);
        assert_eq!(response.body_truncated, !whole);
    }
}

/// Twilio would not pack what nobody asked it to. Whoever does in its place is not understood, and a send of which that
/// is the answer is looked into like any other without one.
#[tokio::test]
async fn packed_answers_of_twilio_are_not_understood() {
    for status in ["200 OK", "201 Created"] {
        let server = Server::answering(packed(status, "gzip", &gzip_bomb())).await;
        let base = format!("http://127.0.0.1:{}", server.address.port());
        let twilio = TwilioApi::new(Arc::new(local_client()), &base, LOCAL).unwrap();
        let account = format!("AC{}", "a".repeat(32));
        let login = Login {
            account: account.parse().unwrap(),
            user: account,
            password: SecretText::new("token"),
        };
        let to = "+14155551234".parse().unwrap();
        let message = NewMessage {
            to: &to,
            sender: &TwilioSender::Number("+14155550100".parse().unwrap()),
            body: "a",
            status_callback: None,
        };
        let answer = twilio.create_message(&login, message).await.unwrap();
        assert!(answer.body_truncated && answer.body.len() == MAX_RESPONSE_BODY);
        let judged = judge(answer.status, &answer.body);
        assert!(matches!(judged, Answer::Ambiguous { .. }), "{judged:?}");
        let page = twilio.messages(&login, Asked::To(&to), None).await;
        assert_eq!(page.unwrap_err(), AskError::NotUnderstood);
        let asked = twilio.account(&login).await;
        assert_eq!(asked.unwrap_err(), AskError::NotUnderstood);
    }
}
