//! Nothing that a workspace configures or an event carries adds a header, a request or a line to what a gateway receives.
//! Over real sockets, in real time.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use deliver_sms::DeliverSms;
use domain::endpoint_url::{EndpointUrl, UrlRules};
use domain::event::AlertItem;
use domain::ids::EventId;
use domain::secret::WebhookSecret;
use domain::signing::plain_signature;
use domain::sms::delivery::{SmsDelivery, Status};
use domain::sms::provider::{Carrier, Gateway};
use platform::http::{GuardedClient, SystemResolver};
use platform::secrets::Purpose;
use serde_json::{Value, json};

use crate::captured_log::Log;
use crate::hostile::HOSTILE;
use crate::world::{PUBLIC, World};

const LOCAL: UrlRules = UrlRules {
    allow_plain_http: true,
    allow_private_networks: true,
};
const PHONE: &str = "+14155551234";

/// Every header of a signed request, in order.
const HEADERS: [&str; 14] = [
    "accept",
    "accept-encoding",
    "content-length",
    "content-type",
    "host",
    "idempotency-key",
    "user-agent",
    "webhook-id",
    "webhook-signature",
    "webhook-timestamp",
    "x-setget-delivery-id",
    "x-setget-event",
    "x-setget-signature",
    "x-setget-timestamp",
];

/// A gateway behind a socket, which keeps what each connection brought until the client closed it.
struct Listening {
    address: SocketAddr,
    connections: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Listening {
    fn start() -> Listening {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::<Mutex<Vec<_>>>::default();
        let kept = Arc::clone(&connections);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let came = take(stream.unwrap());
                kept.lock().unwrap().push(came);
            }
        });
        Listening {
            address,
            connections,
        }
    }

    /// The head of the one request that came, in lines, and its body. Nothing follows it.
    async fn sole_request(&self) -> (Vec<String>, String) {
        until(|| !self.connections.lock().unwrap().is_empty()).await;
        let connections = self.connections.lock().unwrap().clone();
        assert_eq!(connections.len(), 1);
        let request = String::from_utf8(connections[0].clone()).unwrap();
        let (head, body) = request.split_once("\r\n\r\n").unwrap();
        let plain = |line: &str| line.bytes().all(|byte| (0x20..0x7f).contains(&byte));
        assert!(head.split("\r\n").all(plain), "{head:?}");
        let head = head.split("\r\n").map(str::to_owned).collect();
        (head, body.to_owned())
    }
}

/// Answers a request once its body is there, and reads on until the client has no more to say.
fn take(mut stream: TcpStream) -> Vec<u8> {
    let mut came = Vec::new();
    let mut buffer = [0; 4_096];
    while !is_whole(&came) {
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return came,
            Ok(bytes) => came.extend_from_slice(&buffer[..bytes]),
        }
    }
    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    stream.write_all(answer).unwrap();
    // A client that closes in a hurry resets the connection: then, too, nothing more comes.
    let _ = stream.read_to_end(&mut came);
    came
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, _)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let mut lines = head.lines();
    let length = lines.find_map(|line| line.strip_prefix("content-length: "));
    let length: usize = length.unwrap().parse().unwrap();
    request.len() >= head.len() + 4 + length
}

async fn until(holds: impl Fn() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waiting)
        .await
        .expect("within 20 s");
}

/// The same function, with the real way out.
fn over_sockets(deliver: DeliverSms) -> DeliverSms {
    let client = GuardedClient::without_kept_connections(Arc::new(SystemResolver), LOCAL);
    DeliverSms {
        http: Arc::new(client.unwrap()),
        url_rules: LOCAL,
        ..deliver
    }
}

/// A workspace with a gateway at this URL and a member of this name.
async fn world(url: &str, secret: &str, name: &str) -> World {
    let world = World::altered(PUBLIC, over_sockets).await;
    let gateway = Gateway {
        url: world.seal(Purpose::GatewayUrl, url).await,
        shown_url: "http://127.0.0.1/send?***".to_owned(),
        idempotent: false,
        signing_secret: Some(world.seal(Purpose::GatewaySecret, secret).await),
    };
    world.use_carrier(Carrier::Http(gateway)).await;
    world
        .member_with("u1", |member| {
            member.name = name.to_owned();
            member.phone = Some(PHONE.parse().unwrap());
            let wanted = &mut member.preferences.0;
            wanted.insert(domain::catalogue::AlertType::PriorityChanged);
        })
        .await;
    world
}

/// An event of which every free text is this, as far as events may have it.
fn event(text: &str) -> Value {
    let or = |fits: bool, other: &str| if fits { text } else { other }.to_owned();
    let link = format!("https://app.setget.io/{text}");
    let link = Some(link).filter(|link| AlertItem::is_link(link));
    json!({
        "id": or(EventId::parse(text).is_ok(), "evt_1"), "timestamp": "2026-03-29T14:30:00Z",
        "workspace": { "id": "ws_1", "slug": text },
        "project": { "id": "proj_1", "name": text, "identifier": text },
        "actor": { "id": "user_1", "email": text, "display_name": text },
        "alert": {
            "event_type": "priority_changed", "summary": text,
            "item": {
                "identifier": or(text.chars().count() <= 128, "ENG-42"), "title": text,
                "url": link.as_deref().unwrap_or("https://app.setget.io/1"),
            },
            "recipients": ["u1"],
        },
    })
}

/// The only delivery, once it is sent.
async fn sent(world: &World) -> SmsDelivery {
    loop {
        let mut history = world.history().await.into_iter();
        if let Some(delivery) = history.find(|sms| sms.status() == Status::Sent) {
            assert_eq!(world.only().await.key, delivery.key);
            return delivery;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// What comes of an event with this text in a workspace that has it wherever it can be configured.
async fn try_with(text: &str) {
    let gateway = Listening::start();
    let few: String = text.chars().take(200).collect();
    let url = format!("http://{}/send?token={few}", gateway.address);
    let log = Log::start();
    let world = world(&url, &few, text).await;
    world.send("EventsQueue", event(text).to_string()).await;
    let sent = tokio::time::timeout(Duration::from_secs(20), sent(&world)).await;
    let delivery = sent.unwrap_or_else(|_| panic!("{text:?} is sent"));
    let (head, body) = gateway.sole_request().await;
    check_target(&head[0], &url, &few);
    let headers = headers(&head[1..]);
    assert_eq!(headers["host"], gateway.address.to_string());
    assert_eq!(headers["content-length"], body.len().to_string());
    assert_eq!(headers["x-setget-event"], "priority_changed");
    for id in ["idempotency-key", "x-setget-delivery-id", "webhook-id"] {
        assert_eq!(headers[id], delivery.key.id.as_str());
    }
    let secret = WebhookSecret::parse(few).unwrap();
    let signature = plain_signature(&secret, body.as_bytes());
    assert_eq!(headers["x-setget-signature"], signature);
    check_message(&body, &delivery.text);
    check_log(&log);
}

/// The URL's query stands in the request line, and says what was configured.
fn check_target(line: &str, url: &str, token: &str) {
    let url = EndpointUrl::parse(url, LOCAL).unwrap();
    let query = url.as_url().query().unwrap();
    assert_eq!(line, format!("POST /send?{query} HTTP/1.1"));
    // Parsers of URLs drop these: https://url.spec.whatwg.org/#concept-basic-url-parser
    let kept = token.replace(['\r', '\n', '\t'], "");
    let given = format!("token={kept}");
    let decoded = |query: &str| -> Vec<(String, String)> {
        url::form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect()
    };
    assert_eq!(decoded(query), decoded(&given));
}

/// The headers that each request has, each once.
fn headers(lines: &[String]) -> BTreeMap<&str, &str> {
    let pairs = lines.iter().map(|line| line.split_once(": ").unwrap());
    let headers: BTreeMap<_, _> = pairs.collect();
    assert_eq!(headers.len(), lines.len(), "{lines:?}");
    assert!(headers.keys().copied().eq(HEADERS), "{lines:?}");
    headers
}

/// The body has the fields that it always has, and the text the two lines that it always has.
fn check_message(body: &str, text: &str) {
    let message: Value = serde_json::from_str(body).unwrap();
    let expected = json!({
        "to": PHONE, "body": text, "workspace_id": "ws_1", "event_type": "priority_changed",
        "timestamp": "2026-03-29T14:30:00Z",
    });
    assert_eq!(message, expected);
    let (said, link) = text.split_once("\nView: https://").unwrap();
    assert!(said.starts_with("SetGet Alert: "), "{text:?}");
    assert!(!said.contains(char::is_control), "{text:?}");
    assert!(!link.contains(char::is_control), "{text:?}");
}

/// Lines of JSON, and of all that was given only the event's id in them.
fn check_log(log: &Log) {
    assert_eq!(log.of("SMS attempt made").len(), 1, "{}", log.text());
    for line in log.text().lines() {
        let mut line: Value = serde_json::from_str(line).unwrap();
        line.as_object_mut().unwrap().remove("event_id");
        assert!(!line.to_string().to_lowercase().contains("evil"), "{line}");
    }
}

#[tokio::test]
async fn a_gateway_receives_one_request_with_our_headers_whatever_is_configured_and_said() {
    for text in HOSTILE {
        try_with(text).await;
    }
    println!("{} alerts to a gateway", HOSTILE.len());
}

#[tokio::test]
async fn very_long_texts_add_nothing_either() {
    let texts = ["\r\nX-Evil: 1", "é\0\u{2028}X-Evil: 1 "];
    for text in texts {
        try_with(&text.repeat(1_000)).await;
    }
    println!("{} alerts to a gateway", texts.len());
}

#[tokio::test]
async fn an_event_whose_id_has_control_characters_is_dead_lettered_and_nothing_is_sent() {
    let gateway = Listening::start();
    let url = format!("http://{}/send", gateway.address);
    let world = world(&url, "secret", "Member").await;
    let refused: Vec<_> = HOSTILE
        .iter()
        .filter(|text| EventId::parse(text).is_err())
        .collect();
    assert!(refused.len() > 8);
    for text in &refused {
        let mut event = event("plain");
        event["id"] = json!(text);
        world.send("EventsQueue", event.to_string()).await;
    }
    until(|| world.held("EventsQueue") == 0).await;
    assert_eq!(world.held("EventsDeadLetterQueue"), refused.len());
    assert_eq!(world.held("SmsQueue"), 0);
    assert!(gateway.connections.lock().unwrap().is_empty());
    println!("{} events with such an id", refused.len());
}
