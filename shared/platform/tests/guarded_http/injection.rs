//! Nothing that a customer configures or an event carries adds a header, a request or a line to what is sent.

use bytes::Bytes;
use domain::catalogue::{AlertType, EventType};
use domain::endpoint_url::EndpointUrl;
use domain::event::Body;
use domain::ids::{DeliveryId, EventId, WebhookId, WorkspaceId};
use domain::secret::WebhookSecret;
use domain::signing::{SigningKeys, gateway_headers, request_headers};
use jiff::Timestamp;
use platform::http::{HttpSend, OutboundRequest, header_map};
use proptest::prelude::*;

use crate::hostile::HOSTILE;
use crate::support::{AMPLE, LOCAL, NO_CONTENT, Server, local_client, post, tell};

pub(crate) const OF_EVERY_REQUEST: [&str; 4] =
    ["accept", "accept-encoding", "content-length", "host"];

/// The head of the one request that came, in lines, and its body.
pub(crate) fn sole_request(server: &Server) -> (Vec<String>, String) {
    let requests = server.log.requests();
    assert_eq!(
        (requests.len(), server.log.connections()),
        (1, 1),
        "{requests:?}"
    );
    let (head, body) = requests[0].split_once("\r\n\r\n").unwrap();
    assert!(
        head.split("\r\n")
            .all(|line| line.bytes().all(|byte| (0x20..0x7f).contains(&byte))),
        "{head:?}"
    );
    (
        head.split("\r\n").map(str::to_owned).collect(),
        body.to_owned(),
    )
}

pub(crate) fn header_names(head: &[String]) -> Vec<&str> {
    let mut names: Vec<_> = head[1..]
        .iter()
        .map(|line| line.split_once(": ").unwrap().0)
        .collect();
    names.sort_unstable();
    names
}

#[tokio::test]
async fn a_url_stays_in_the_request_line() {
    let client = local_client();
    for hostile in HOSTILE {
        for place in ["/{}", "/a?token={}", "/a?{}=b", "/{}/b?c=d"] {
            let server = Server::answering(NO_CONTENT).await;
            let port = server.address.port();
            let text = format!("http://127.0.0.1:{port}{}", place.replace("{}", hostile));
            let hook = EndpointUrl::parse(&text, LOCAL).unwrap();
            assert_eq!(post(&client, &hook).await.unwrap().status, 204);
            let (head, body) = sole_request(&server);
            let parts: Vec<_> = head[0].split(' ').collect();
            assert!(
                matches!(parts[..], ["POST", target, "HTTP/1.1"] if target.starts_with('/')),
                "{parts:?}"
            );
            assert_eq!(header_names(&head), OF_EVERY_REQUEST);
            assert_eq!(
                head.iter()
                    .filter(|line| **line == format!("host: 127.0.0.1:{port}"))
                    .count(),
                1
            );
            assert_eq!(body, "{\"a\":1}");
        }
    }
}

#[test]
fn no_host_holds_what_would_split_the_host_header() {
    let places = [
        "exa{}mple.com",
        "{}example.com",
        "example.com{}",
        "example.com:80{}",
        "127.0.0.1{}",
    ];
    tell("hosts", HOSTILE.len() * places.len());
    for hostile in HOSTILE {
        for place in places {
            let text = format!("http://{}/", place.replace("{}", hostile));
            let Ok(url) = EndpointUrl::parse(&text, LOCAL) else {
                continue;
            };
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._[]:".contains(&byte);
            assert!(url.host().bytes().all(plain), "{text:?} became {url}");
        }
    }
}

fn hostile_body(text: &str) -> Body {
    Body::from(serde_json::json!({ "data": text }).to_string())
}

pub(crate) fn delivery(event: &str) -> Option<DeliveryId> {
    let workspace = WorkspaceId::parse("ws_1").unwrap();
    let event = EventId::parse(event).ok()?;
    let webhook = WebhookId::from_random([7; 16]);
    Some(DeliveryId::for_webhook(
        &workspace,
        &event,
        Timestamp::UNIX_EPOCH,
        &webhook,
    ))
}

fn keys(current: &str, previous: &str) -> SigningKeys {
    SigningKeys {
        current: WebhookSecret::parse(current).unwrap(),
        retiring: vec![WebhookSecret::parse(previous).unwrap()],
    }
}

#[tokio::test]
async fn secrets_event_ids_and_bodies_leave_the_headers_as_they_are() {
    let expected = {
        let names = [
            "content-type",
            "user-agent",
            "webhook-id",
            "webhook-signature",
            "webhook-timestamp",
            "x-setget-delivery-id",
            "x-setget-event",
            "x-setget-signature",
            "x-setget-timestamp",
        ];
        let mut all = [&OF_EVERY_REQUEST[..], &names].concat();
        all.sort_unstable();
        all
    };
    let client = local_client();
    for hostile in HOSTILE {
        let server = Server::answering(NO_CONTENT).await;
        // An id with control characters is refused; every other becomes a hash.
        let delivery = delivery(hostile).or_else(|| delivery("evt_1")).unwrap();
        let (keys, body) = (
            keys(hostile, &format!("whsec_{hostile}")),
            hostile_body(hostile),
        );
        let headers = request_headers(
            EventType::LabelCreated,
            &delivery,
            Timestamp::now(),
            &body,
            Some(&keys),
        );
        let headers = header_map(headers).unwrap();
        let bytes = Bytes::copy_from_slice(body.as_bytes());
        let request = OutboundRequest::post(server.url("127.0.0.1", "/"), headers, bytes);
        assert_eq!(client.send(request, AMPLE).await.unwrap().status, 204);
        let (head, sent) = sole_request(&server);
        assert_eq!(header_names(&head), expected);
        assert!(!head.join("\n").to_lowercase().contains("evil"), "{head:?}");
        assert_eq!(sent, body.as_str());
    }
}

#[test]
fn ids_of_our_own_making_hold_nothing_else() {
    tell("ids and types", 5 * HOSTILE.len());
    for hostile in HOSTILE {
        let id = delivery("evt_1").unwrap().to_string();
        assert!(
            DeliveryId::parse(&format!("{id}{hostile}")).is_err(),
            "{hostile:?}"
        );
        assert!(DeliveryId::parse(hostile).is_err(), "{hostile:?}");
        assert!(WebhookId::parse(hostile).is_err(), "{hostile:?}");
        assert!(
            WorkspaceId::parse(&format!("ws_1{hostile}")).is_err(),
            "{hostile:?}"
        );
        assert!(hostile.parse::<EventType>().is_err(), "{hostile:?}");
    }
}

#[test]
fn a_value_that_would_split_a_header_is_refused_if_it_ever_gets_that_far() {
    let values = [
        "a\r\nX-Evil: 1",
        "a\nb",
        "a\rb",
        "a\0b",
        "a\u{7f}b",
        "a\u{1}b",
    ];
    let names = ["x-a\r\nX-Evil", "x a", "x-a:", "", "x-\u{fc}"];
    for value in values {
        assert!(
            header_map(vec![("x-a", value.to_owned())]).is_err(),
            "{value:?}"
        );
    }
    for name in names {
        assert!(
            header_map(vec![(name, "b".to_owned())]).is_err(),
            "{name:?}"
        );
    }
    tell("headers", values.len() + names.len());
}

proptest! {
    #[test]
    fn any_secret_and_any_event_id_make_headers_of_visible_characters(
        current in any::<String>(), previous in any::<String>(), event in any::<String>(), text in any::<String>(),
    ) {
        let secret = |text: &str| WebhookSecret::parse(text).or_else(|_| WebhookSecret::parse("s")).unwrap();
        let keys = SigningKeys { current: secret(&current), retiring: vec![secret(&previous)] };
        let delivery = delivery(&event).or_else(|| delivery("evt_1")).unwrap();
        let (at, body) = (Timestamp::UNIX_EPOCH, hostile_body(&text));
        let webhook = request_headers(EventType::LabelCreated, &delivery, at, &body, Some(&keys));
        let gateway = gateway_headers(AlertType::Mentioned, &delivery, at, &body, Some(&keys));
        for pairs in [webhook, gateway] {
            let count = pairs.len();
            let headers = header_map(pairs).unwrap();
            prop_assert_eq!(headers.len(), count);
            for value in headers.values() {
                prop_assert!(value.as_bytes().iter().all(|byte| (0x20..0x7f).contains(byte)));
            }
        }
    }

    #[test]
    fn whatever_url_is_accepted_has_visible_characters_only(text in any::<String>(), host in "[a-z{}\"`,;%\u{0}-\u{20}üｅ.]{1,12}") {
        for url in [format!("http://example.com/{text}"), format!("http://example.com/?{text}"), format!("http://{host}/"), text] {
            if let Ok(url) = EndpointUrl::parse(&url, LOCAL) {
                prop_assert!(url.as_str().bytes().all(|byte| byte.is_ascii_graphic()), "{url}");
            }
        }
    }
}
