//! The same for what goes to Twilio: credentials, senders, texts, and addresses.

use std::fmt::Debug;
use std::str::FromStr;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use domain::ids::WorkspaceId;
use domain::secret::SecretText;
use domain::sms::phone::PhoneNumber;
use domain::sms::sender::{FromNumber, TwilioSender};
use domain::sms::text::Brand;
use domain::twilio::receipt::callback_url;
use domain::twilio::sids::{AccountSid, ApiKeySid, MessageSid, MessagingServiceSid};
use platform::twilio::{Asked, Login, NewMessage, TwilioApi};

use crate::hostile::HOSTILE;
use crate::injection::{OF_EVERY_REQUEST, delivery, header_names, sole_request};
use crate::support::{LOCAL, NO_CONTENT, Server, local_client, tell};

const HEX: &str = "0123456789abcdef0123456789abcdef";
const TO: &str = "+14155551234";
const CALLBACK: &str = "https://example.com";

/// What a message is sent with.
struct Given<'a> {
    user: &'a str,
    password: &'a str,
    sender: TwilioSender,
    text: &'a str,
    /// The deployment's public base URL.
    public: &'a str,
    /// What follows the host in the base URL of Twilio's API.
    base_path: &'a str,
}

impl Default for Given<'_> {
    fn default() -> Self {
        Given {
            user: "user",
            password: "password",
            sender: TwilioSender::Number("+14155550100".parse().unwrap()),
            text: "a text",
            public: CALLBACK,
            base_path: "",
        }
    }
}

/// What came of it.
struct Came {
    target: String,
    login: String,
    form: Vec<(String, String)>,
}

/// The callback of a message below this public base URL.
fn callback(public: &str) -> String {
    let workspace = WorkspaceId::parse("ws_1").unwrap();
    callback_url(public, &workspace, &delivery("evt_1").unwrap())
}

fn login(user: &str, password: &str) -> Login {
    Login {
        account: format!("AC{HEX}").parse().unwrap(),
        user: user.to_owned(),
        password: SecretText::new(password),
    }
}

fn api(server: &Server, base_path: &str) -> TwilioApi {
    let base = format!("http://127.0.0.1:{}{base_path}", server.address.port());
    TwilioApi::new(Arc::new(local_client()), &base, LOCAL).unwrap()
}

fn expected_headers(more: &[&'static str]) -> Vec<&'static str> {
    let mut names = [&OF_EVERY_REQUEST[..], more].concat();
    names.sort_unstable();
    names
}

/// Sends a message over a socket: one request arrives, with the headers that every message has, each once.
async fn sent(given: Given<'_>) -> Came {
    let server = Server::answering(NO_CONTENT).await;
    let url = callback(given.public);
    let message = NewMessage {
        to: &TO.parse().unwrap(),
        sender: &given.sender,
        body: given.text,
        status_callback: Some(&url),
    };
    let login = login(given.user, given.password);
    let answer = api(&server, given.base_path)
        .create_message(&login, message)
        .await;
    assert_eq!(answer.unwrap().status, 204);
    let (head, body) = sole_request(&server);
    let expected = expected_headers(&["authorization", "content-type"]);
    assert_eq!(header_names(&head), expected);
    let value = |name: &str| {
        let found = head.iter().find_map(|line| line.strip_prefix(name));
        found.unwrap().to_owned()
    };
    assert_eq!(value("content-type: "), "application/x-www-form-urlencoded");
    assert_eq!(
        value("host: "),
        format!("127.0.0.1:{}", server.address.port())
    );
    assert!(body.bytes().all(|byte| byte.is_ascii_graphic()), "{body:?}");
    let login = BASE64.decode(value("authorization: Basic ")).unwrap();
    Came {
        target: target(&head[0], "POST"),
        login: String::from_utf8(login).unwrap(),
        form: url::form_urlencoded::parse(body.as_bytes())
            .into_owned()
            .collect(),
    }
}

/// The target of a request line of this method.
fn target(line: &str, method: &str) -> String {
    let parts: Vec<_> = line.split(' ').collect();
    let [found, target, "HTTP/1.1"] = parts[..] else {
        panic!("{line:?}")
    };
    assert_eq!(found, method);
    target.to_owned()
}

fn form(sender: (&str, &str), text: &str, callback: &str) -> Vec<(String, String)> {
    let pairs = [
        ("To", TO),
        sender,
        ("Body", text),
        ("ShortenUrls", "false"),
        ("SmartEncoded", "false"),
        ("StatusCallback", callback),
    ];
    let owned = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
    owned.to_vec()
}

const FROM: (&str, &str) = ("From", "+14155550100");

/// Texts to be tried, very long ones among them.
fn texts() -> Vec<String> {
    let long = ["\r\nX-Evil: 1".repeat(800), "é&Body=evil\0".repeat(800)];
    let short = HOSTILE.iter().map(|text| (*text).to_owned());
    short
        .chain(["&Body=evil&To=%2B14155550199".to_owned()])
        .chain(long)
        .collect()
}

/// The API takes visible ASCII as a credential and SIDs as users; here it is tried what would happen to the rest.
#[tokio::test]
async fn credentials_arrive_as_they_are_and_as_credentials_only() {
    for text in texts() {
        for (user, password) in [("user", text.as_str()), (&text, "password")] {
            let came = sent(Given {
                user,
                password,
                ..Given::default()
            })
            .await;
            assert_eq!(came.login, format!("{user}:{password}"));
            assert_eq!(came.form, form(FROM, "a text", &callback(CALLBACK)));
        }
    }
}

#[tokio::test]
async fn a_text_is_the_body_and_adds_no_parameter() {
    for text in texts() {
        let came = sent(Given {
            text: &text,
            ..Given::default()
        })
        .await;
        assert_eq!(came.form, form(FROM, &text, &callback(CALLBACK)));
        assert_eq!(came.login, "user:password");
    }
}

#[tokio::test]
async fn a_public_base_url_is_a_part_of_the_callback_and_adds_no_parameter() {
    for text in texts() {
        let public = format!("{CALLBACK}{text}");
        let came = sent(Given {
            public: &public,
            ..Given::default()
        })
        .await;
        let url = callback(&public);
        assert!(url.starts_with(&public));
        assert_eq!(came.form, form(FROM, "a text", &url));
    }
}

#[tokio::test]
async fn a_base_url_of_the_api_stays_in_the_request_line() {
    for text in HOSTILE {
        let base_path = format!("/twilio{text}");
        let came = sent(Given {
            base_path: &base_path,
            ..Given::default()
        })
        .await;
        let end = format!("/2010-04-01/Accounts/AC{HEX}/Messages.json");
        assert!(
            came.target.starts_with("/twilio") && came.target.ends_with(&end),
            "{}",
            came.target
        );
        assert_eq!(came.form, form(FROM, "a text", &callback(CALLBACK)));
    }
}

#[tokio::test]
async fn a_messaging_service_takes_the_place_of_the_number() {
    let service: MessagingServiceSid = format!("MG{HEX}").parse().unwrap();
    let came = sent(Given {
        sender: TwilioSender::MessagingService(service.clone()),
        ..Given::default()
    })
    .await;
    let sender = ("MessagingServiceSid", service.as_str());
    assert_eq!(came.form, form(sender, "a text", &callback(CALLBACK)));
}

/// The path of the next page is Twilio's own word, or that of whoever answers in its place.
#[tokio::test]
async fn the_path_of_a_next_page_stays_in_the_request_line() {
    for text in HOSTILE {
        let server = Server::answering(NO_CONTENT).await;
        let next = format!("/2010-04-01/Accounts/AC{HEX}/Messages.json?Page=1{text}");
        let page = api(&server, "")
            .messages(
                &login("user", "password"),
                Asked::To(&TO.parse().unwrap()),
                Some(&next),
            )
            .await;
        assert!(page.is_err(), "an empty answer is no page");
        let (head, body) = sole_request(&server);
        assert!(target(&head[0], "GET").starts_with("/2010-04-01/Accounts/"));
        let without_body: Vec<_> = expected_headers(&["authorization"])
            .into_iter()
            .filter(|name| *name != "content-length")
            .collect();
        assert_eq!(header_names(&head), without_body);
        assert_eq!(body, "");
    }
}

fn refuses<T: FromStr<Err: Debug> + Debug>(good: &str) {
    assert!(good.parse::<T>().is_ok(), "{good}");
    let long = good.repeat(1_000);
    for text in HOSTILE.iter().copied().chain([long.as_str(), "\n", " "]) {
        let (before, after) = (format!("{text}{good}"), format!("{good}{text}"));
        for wrong in [text, before.as_str(), &after] {
            let read = wrong.parse::<T>();
            assert!(read.is_err(), "{wrong:?} became {read:?}");
        }
    }
    tell("SIDs and numbers", 3 * (HOSTILE.len() + 3));
}

#[test]
fn sids_and_numbers_hold_nothing_else() {
    refuses::<AccountSid>(&format!("AC{HEX}"));
    refuses::<ApiKeySid>(&format!("SK{HEX}"));
    refuses::<MessagingServiceSid>(&format!("MG{HEX}"));
    refuses::<MessageSid>(&format!("SM{HEX}"));
    refuses::<FromNumber>("+14155550100");
    refuses::<FromNumber>("72345");
    refuses::<PhoneNumber>(TO);
}

#[test]
fn a_brand_with_control_characters_is_refused_and_any_other_stays_as_it_is() {
    tell("brands", HOSTILE.len());
    for text in HOSTILE {
        let fits = text.chars().count() <= 32 && !text.contains(char::is_control);
        match text.parse::<Brand>() {
            Ok(brand) => assert!(fits && brand.as_str() == *text, "{text:?}"),
            Err(error) => {
                assert!(!fits, "{text:?}");
                assert!(error.to_string().contains("control characters"));
            }
        }
    }
}
