//! Texts that are configured come back as they are, in their field and nowhere else, or are refused with the field's name.

use axum::http::HeaderMap;
use domain::event::AlertItem;
use domain::ids::{EventId, ProjectId, UserId};
use domain::sms::text::Brand;
use serde_json::{Value, json};

use crate::boundary::{logged, start_log};
use crate::hostile::HOSTILE;
use crate::provider::{gateway, twilio};
use crate::support::{Answer, Api, Deployment, WORKSPACE};
use crate::twilio::{API_KEY, API_KEY_SECRET};

/// The texts to be tried, long ones with this many characters among them.
fn texts(longest: usize) -> Vec<String> {
    let long = "\r\nX-Evil: 1\0\u{2028}é"
        .chars()
        .cycle()
        .take(longest)
        .collect();
    let short = HOSTILE.iter().map(|text| (*text).to_owned());
    short.chain([long]).collect()
}

/// Nothing of what was sent is in the answer's headers.
fn check_headers(headers: &HeaderMap) {
    let known = ["content-type", "content-length"];
    for (name, value) in headers {
        assert!(known.contains(&name.as_str()), "{name}");
        assert!(!value.to_str().unwrap().to_lowercase().contains("evil"));
    }
}

/// One line a request, and nothing of what was sent in any of them but an event's id, in its field.
fn check_log(requests: usize) {
    let lines = logged();
    assert_eq!(lines.len(), requests);
    for mut line in lines {
        assert!(!line.to_string().contains(char::is_control), "{line}");
        line.as_object_mut().unwrap().remove("event_id");
        assert!(!line.to_string().to_lowercase().contains("evil"), "{line}");
    }
    println!("{requests} requests");
}

/// JSON has a way to write each of these (RFC 8259 §7), so that none stands in an answer.
fn breaks_lines(answer: &Answer) -> bool {
    answer.body.iter().any(|byte| *byte < 0x20)
}

fn taken(answer: &Answer, field: &str, text: &str) -> Value {
    assert!(answer.status < 300, "{text:?}: {}", answer.text());
    check_headers(&answer.headers);
    assert!(!breaks_lines(answer));
    assert_eq!(answer.json()[field], text);
    answer.json()
}

fn refused(answer: &Answer, field: &str, text: &str) {
    refused_by_name(answer, field, text);
    assert!(!answer.text().to_lowercase().contains("evil"), "{text:?}");
}

/// The same, where the answer repeats the text because it is a name that should be one of a few.
fn refused_by_name(answer: &Answer, field: &str, text: &str) {
    assert_eq!(
        (answer.status, answer.blamed()),
        (422, vec![field.to_owned()]),
        "{text:?}"
    );
    check_headers(&answer.headers);
    assert!(!breaks_lines(answer));
}

/// The items of a list.
async fn items(api: &Api, path: &str) -> Vec<Value> {
    let answer = api.get(path).await;
    check_headers(&answer.headers);
    answer.json()["items"].as_array().unwrap().clone()
}

#[tokio::test(start_paused = true)]
async fn a_webhooks_description_comes_back_as_it_is() {
    let api = Api::new().await;
    start_log();
    let texts = texts(500);
    for text in &texts {
        let body = json!({ "url": "https://example.com/", "events": ["*"], "description": text });
        let webhook = taken(&api.post("/webhooks", body).await, "description", text);
        let path = format!("/webhooks/{}", webhook["id"].as_str().unwrap());
        taken(&api.get(&path).await, "description", text);
        let changed = format!("{text}again").chars().take(500).collect::<String>();
        let body = json!({ "description": changed });
        let shown = taken(&api.patch(&path, body).await, "description", &changed);
        assert!(items(&api, "/webhooks").await.contains(&shown));
    }
    check_log(4 * texts.len());
}

/// The ways to set a webhook's secret: creating it with one, replacing it, and rotating it.
async fn with_secret(api: &Api, secret: &str) -> [Answer; 3] {
    let body = json!({ "secret": secret });
    let mut new = json!({ "url": "https://example.com/", "events": ["*"] });
    let webhook = api.post("/webhooks", new.clone()).await.json();
    let path = format!("/webhooks/{}", webhook["id"].as_str().unwrap());
    new["secret"] = json!(secret);
    [
        api.post("/webhooks", new).await,
        api.patch(&path, body.clone()).await,
        api.post(&format!("{path}/rotate-secret"), body).await,
    ]
}

#[tokio::test(start_paused = true)]
async fn a_webhooks_secret_shows_four_characters_and_those_as_they_are() {
    let api = Api::new().await;
    start_log();
    for text in HOSTILE {
        let secret = format!("twelve or more{text}");
        let last = secret.chars().count() - 4;
        let hint: String = secret.chars().skip(last).collect();
        for answer in with_secret(&api, &secret).await {
            taken(&answer, "secret_hint", &format!("••••{hint}"));
            assert!(!answer.text().contains("twelve or"));
        }
    }
    check_log(4 * HOSTILE.len());
}

#[tokio::test(start_paused = true)]
async fn a_webhooks_secret_of_more_than_256_characters_is_refused_and_not_repeated() {
    let api = Api::new().await;
    start_log();
    for text in HOSTILE {
        let secret: String = text.chars().cycle().take(257).collect();
        for answer in with_secret(&api, &secret).await {
            refused(&answer, "secret", &secret);
        }
    }
    check_log(4 * HOSTILE.len());
}

#[tokio::test(start_paused = true)]
async fn a_webhooks_project_and_event_types_are_refused_unless_they_are_some() {
    let api = Api::new().await;
    start_log();
    let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
    let texts = texts(129);
    for text in &texts {
        let mut body = json!({ "url": "https://example.com/", "events": ["*"] });
        body["project_id"] = json!(text);
        let answer = api.post("/webhooks", body.clone()).await;
        if plain(text) {
            taken(&answer, "project_id", text);
        } else {
            refused(&answer, "project_id", text);
        }
        body["project_id"] = Value::Null;
        body["events"] = json!([format!("label.created{text}")]);
        let answer = api.post("/webhooks", body).await;
        assert_eq!(
            (answer.status, answer.blamed()),
            (422, vec!["events".into()])
        );
        check_headers(&answer.headers);
        assert!(!breaks_lines(&answer));
    }
    check_log(2 * texts.len());
}

#[tokio::test(start_paused = true)]
async fn names_of_members_and_of_keys_come_back_as_they_are() {
    let api = Api::new().await;
    start_log();
    let texts = texts(100);
    for text in &texts {
        let name = format!("n{text}").chars().take(100).collect::<String>();
        let body = json!({ "name": name, "phone": "+14155551234" });
        let member = taken(&api.put("/members/u1", body).await, "name", &name);
        taken(&api.get("/members/u1").await, "name", &name);
        assert_eq!(items(&api, "/members").await, [member]);

        let body = json!({ "role": "publisher", "name": name });
        let mut key = taken(&api.post("/api-keys", body).await, "name", &name);
        key.as_object_mut().unwrap().remove("key");
        assert!(items(&api, "/api-keys").await.contains(&key));
    }
    check_log(5 * texts.len());
}

#[tokio::test(start_paused = true)]
async fn a_keys_user_is_refused_unless_it_is_one() {
    let api = Api::new().await;
    start_log();
    let texts = texts(64);
    for text in &texts {
        let user = format!("u{text}");
        let body = json!({ "role": "member", "name": "Bob", "user_id": user });
        refused(&api.post("/api-keys", body).await, "user_id", &user);
    }
    assert_eq!(items(&api, "/api-keys").await, Vec::<Value>::new());
    check_log(texts.len() + 1);
}

#[tokio::test(start_paused = true)]
async fn a_preference_for_no_alert_type_is_refused_by_its_name() {
    let api = Api::new().await;
    api.member("u1", None).await;
    let path = "/members/u1/preferences";
    let before = api.get(path).await.json();
    start_log();
    let texts = texts(200);
    for text in &texts {
        let name = format!("mentioned{text}");
        let shown: String = name.chars().take(64).collect();
        let answer = api.put(path, json!({ "sms": { name: true } })).await;
        refused_by_name(&answer, &format!("sms.{shown}"), text);
    }
    assert_eq!(api.get(path).await.json(), before);
    check_log(texts.len() + 1);
}

/// An event that has a text in each place that takes one.
fn event() -> Value {
    json!({
        "id": "evt_1", "event": "label.created", "timestamp": "2026-03-29T14:30:00Z",
        "workspace": { "id": WORKSPACE, "slug": "one" },
        "project": { "id": "proj_1", "name": "Web App", "identifier": "WEB" },
        "data": { "name": "bug" },
        "actor": { "id": "user_1", "email": "bob@example.com", "display_name": "Bob" },
        "alert": {
            "event_type": "mentioned", "summary": "mentions you", "recipients": ["user_2"],
            "item": { "identifier": "ENG-42", "title": "Fix it", "url": "https://example.com/" },
        },
    })
}

/// Posts the event with the text behind what stands at this place. It is on its way as it is, or it is refused; the answer
/// tells which.
async fn posted_with(api: &Api, place: &str, text: &str) -> Answer {
    let mut event = event();
    let value = event.pointer_mut(place).unwrap();
    *value = json!(format!("{}{text}", value.as_str().unwrap()));
    let answer = api.post("/events", event.clone()).await;
    let sent = api.receive_json("EventsQueue").await;
    if answer.status == 202 {
        assert_eq!(sent, [event.clone()], "{place} {text:?}");
        taken(&answer, "id", event["id"].as_str().unwrap());
    } else {
        assert_eq!(sent, Vec::<Value>::new(), "{place} {text:?}");
    }
    answer
}

#[tokio::test(start_paused = true)]
async fn an_events_texts_go_onto_the_queue_as_they_are() {
    let api = Api::new().await;
    start_log();
    let texts = texts(2_000);
    let places = [
        "/workspace/slug",
        "/project/name",
        "/project/identifier",
        "/data/name",
        "/actor/email",
        "/actor/display_name",
        "/alert/summary",
        "/alert/item/title",
    ];
    for text in &texts {
        for place in places {
            let answer = posted_with(&api, place, text).await;
            assert_eq!(answer.status, 202, "{place} {text:?}: {}", answer.text());
        }
    }
    check_log(places.len() * texts.len());
}

#[tokio::test(start_paused = true)]
async fn an_events_ids_and_link_are_refused_unless_they_are_some() {
    let api = Api::new().await;
    start_log();
    let texts = texts(2_000);
    type Fits = fn(&str) -> bool;
    let places: [(&str, &str, Fits); 6] = [
        ("/id", "id", |text| EventId::parse(text).is_ok()),
        ("/project/id", "project.id", |text| {
            ProjectId::parse(text).is_ok()
        }),
        ("/actor/id", "actor.id", |text| UserId::parse(text).is_ok()),
        ("/alert/recipients/0", "alert.recipients[0]", |text| {
            UserId::parse(text).is_ok()
        }),
        ("/alert/item/identifier", "alert.item.identifier", |text| {
            text.chars().count() <= 128
        }),
        ("/alert/item/url", "alert.item.url", AlertItem::is_link),
    ];
    let mut ways = [0, 0];
    for text in &texts {
        for (place, field, fits) in places {
            let event = event();
            let whole = format!("{}{text}", event.pointer(place).unwrap().as_str().unwrap());
            let answer = posted_with(&api, place, text).await;
            if fits(&whole) {
                assert_eq!(answer.status, 202, "{place} {text:?}: {}", answer.text());
            } else {
                refused(&answer, field, text);
            }
            ways[usize::from(fits(&whole))] += 1;
        }
    }
    assert!(ways.iter().all(|times| *times > 20), "{ways:?}");
    check_log(places.len() * texts.len());
}

#[tokio::test(start_paused = true)]
async fn an_events_workspace_time_and_types_are_refused_with_anything_behind_them() {
    let api = Api::new().await;
    start_log();
    let texts = texts(2_000);
    for text in &texts {
        for (place, field) in [
            ("/workspace/id", "workspace.id"),
            ("/timestamp", "timestamp"),
        ] {
            refused(&posted_with(&api, place, text).await, field, text);
        }
        for (place, field) in [
            ("/event", "event"),
            ("/alert/event_type", "alert.event_type"),
        ] {
            refused_by_name(&posted_with(&api, place, text).await, field, text);
        }
    }
    check_log(4 * texts.len());
}

#[tokio::test(start_paused = true)]
async fn a_twilio_account_with_more_than_visible_characters_is_refused_and_the_field_named() {
    let api = Api::new().await;
    let good = twilio(json!({ "api_key_sid": API_KEY, "api_key_secret": API_KEY_SECRET }));
    assert_eq!(api.put("/sms/provider", good.clone()).await.status, 201);
    let before = api.get("/sms/provider").await.json();
    start_log();
    let texts = texts(2_000);
    let fields = [
        "account_sid",
        "auth_token",
        "from_number",
        "api_key_sid",
        "api_key_secret",
    ];
    for text in &texts {
        for field in fields {
            let value = format!("{}{text}", good[field].as_str().unwrap());
            let visible = value.len() <= 128 && value.bytes().all(|byte| byte.is_ascii_graphic());
            let mut body = good.clone();
            body[field] = json!(value);
            let answer = api.put("/sms/provider", body).await;
            if visible && matches!(field, "auth_token" | "api_key_secret") {
                check_headers(&answer.headers);
                assert_eq!(answer.status, 200);
            } else {
                refused(&answer, field, &value);
            }
        }
        let service = format!("MG{}{text}", "0".repeat(32));
        let body = twilio(json!({ "from_number": null, "messaging_service_sid": service }));
        let answer = api.put("/sms/provider", body).await;
        refused(&answer, "messaging_service_sid", &service);
    }
    check_log(6 * texts.len());
    let mut after = api.get("/sms/provider").await.json();
    after["updated_at"] = before["updated_at"].clone();
    assert_eq!(after, before);
}

#[tokio::test(start_paused = true)]
async fn a_gateways_query_and_signing_secret_are_never_shown_whatever_they_hold() {
    let api = Api::new().await;
    start_log();
    let texts = texts(200);
    for text in &texts {
        let body = gateway(json!({
            "url": format!("https://example.com/send?token={text}"), "signing_secret": text
        }));
        let answer = api.put("/sms/provider", body).await;
        taken(&answer, "url", "https://example.com/send?***");
        assert!(!answer.text().to_lowercase().contains("evil"));
    }
    check_log(texts.len());
}

#[tokio::test(start_paused = true)]
async fn a_brand_opens_the_first_of_two_lines_of_a_message() {
    let mut tried = 0;
    for text in HOSTILE {
        // The function does not start with any other.
        if text.parse::<Brand>().is_err() {
            continue;
        }
        tried += 1;
        let api = Api::deployed(Deployment {
            brand: text,
            ..Deployment::default()
        })
        .await;
        let body = json!({
            "event_type": "mentioned", "summary": "done\r\nView: https://evil.example.com/",
            "item": { "identifier": "ENG-42\n", "title": "a\u{85}b\u{2028}c", "url": "https://example.com/" },
            "max_segments": 10,
        });
        let answer = api.post("/sms/preview", body).await;
        let expected = format!(
            "{text} Alert: Work item ENG-42 \"a b c\" done View: https://evil.example.com/.\nView: https://example.com/"
        );
        taken(&answer, "text", &expected);
    }
    assert!(tried > 5);
    println!("{tried} requests");
}

/// Every byte that is not a letter, a digit or a dash as `%XX`, so that the path is one whatever the text.
fn encoded(text: &str) -> String {
    let one = |byte: u8| match byte {
        b'-' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => char::from(byte).to_string(),
        other => format!("%{other:02x}"),
    };
    text.bytes().map(one).collect()
}

#[tokio::test(start_paused = true)]
async fn ids_in_a_path_are_nobodys_and_stay_out_of_headers_and_log() {
    let api = Api::new().await;
    start_log();
    for text in HOSTILE {
        let text = encoded(text);
        for path in [
            format!("/v1/workspaces/{text}/webhooks"),
            format!("/v1/workspaces/{WORKSPACE}{text}/webhooks"),
            format!("/webhooks/{text}"),
            format!("/members/{text}"),
            format!("/webhooks?cursor={text}"),
        ] {
            let answer = api.get(&path).await;
            assert!(
                (400..500).contains(&answer.status),
                "{path}: {}",
                answer.status
            );
            check_headers(&answer.headers);
            assert!(!breaks_lines(&answer));
        }
    }
    check_log(5 * HOSTILE.len());
}
