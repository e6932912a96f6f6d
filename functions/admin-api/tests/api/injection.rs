//! Texts that are configured come back as they are, in their field and nowhere else, or are refused with the field's name.

use axum::http::HeaderMap;
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

/// One line a request, and nothing of what was sent in any of them.
fn check_log(requests: usize) {
    let lines = logged();
    assert_eq!(lines.len(), requests);
    for line in lines {
        let line = line.to_string();
        assert!(!line.to_lowercase().contains("evil"), "{line}");
        assert!(!line.contains(char::is_control), "{line}");
    }
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
    assert_eq!(
        (answer.status, answer.blamed()),
        (422, vec![field.to_owned()]),
        "{text:?}"
    );
    check_headers(&answer.headers);
    assert!(!answer.text().to_lowercase().contains("evil"), "{text:?}");
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

#[tokio::test(start_paused = true)]
async fn a_webhooks_secret_shows_four_characters_and_those_as_they_are() {
    let api = Api::new().await;
    start_log();
    for text in HOSTILE {
        let secret = format!("twelve or more{text}");
        let body = json!({ "url": "https://example.com/", "events": ["*"], "secret": secret });
        let answer = api.post("/webhooks", body).await;
        let last = secret.chars().count() - 4;
        let hint: String = secret.chars().skip(last).collect();
        taken(&answer, "secret_hint", &format!("••••{hint}"));
        assert!(!answer.text().contains("twelve or"));
    }
    check_log(HOSTILE.len());
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
