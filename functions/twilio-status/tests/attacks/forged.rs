//! Signatures that are none, another's, or over something else.

use axum::http::{Method, StatusCode};
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE};
use domain::sms::delivery::Status;

use crate::captured_log::Log;
use crate::world::{Form, INBOUND, PHONE, PUBLIC, STATUS, Tenant, World};

/// A signature spoilt in every way that leaves something like one.
fn spoilt(good: &str) -> Vec<Vec<u8>> {
    let bytes = BASE64_STANDARD.decode(good).unwrap();
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut spoilt: Vec<String> = (0..good.len()).map(|end| good[..end].to_owned()).collect();
    for at in 0..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1;
        spoilt.push(BASE64_STANDARD.encode(flipped));
    }
    let longer = BASE64_STANDARD.encode([&bytes[..], &[0]].concat());
    let shorter = BASE64_STANDARD.encode(&bytes[..19]);
    spoilt.extend([hex.clone(), hex.to_uppercase(), longer, shorter]);
    spoilt.extend([
        good.to_lowercase(),
        good.to_uppercase(),
        good.chars().rev().collect(),
        good.repeat(2),
        format!("{good},{good}"),
        format!(" {good}"),
        format!("{good}=="),
        format!("\"{good}\""),
        format!("sha1={good}"),
        BASE64_STANDARD.encode(good),
        BASE64_STANDARD.encode([0; 20]),
        BASE64_STANDARD.encode([0; 64]),
        "A".repeat(8_000),
        "null".to_owned(),
        "replaceMeReplaceMeReplaceMe=".to_owned(),
    ]);
    let url_safe = BASE64_URL_SAFE.encode(&bytes);
    spoilt.extend((url_safe != good).then_some(url_safe));
    let mut spoilt: Vec<_> = spoilt.into_iter().map(String::into_bytes).collect();
    spoilt.push([good.as_bytes(), b"\xff"].concat());
    spoilt
}

/// URLs that are not the one that is posted to, but perhaps near it.
fn other_urls(path_and_query: &str) -> Vec<String> {
    let url = format!("{PUBLIC}{path_and_query}");
    let mut urls = vec![
        url.replace("https://", "http://"),
        url.replace("https://", "HTTPS://"),
        url.replace("setget.example.com", "evil.example.com"),
        url.replace("setget.example.com", "SETGET.example.com"),
        url.replace("setget.example.com", "setget.example.com."),
        url.replace("setget.example.com", "user@setget.example.com"),
        url.replace("setget.example.com", "setget.example.com:8443"),
        url.replace("/webhooks/", "//webhooks/"),
        url.replace("/webhooks/", "/%77ebhooks/"),
        url.replace("/twilio/", "/twilio/../twilio/"),
        url.replace(STATUS, "/webhooks/twilio/other"),
        format!("{url}/"),
        format!("{url}?"),
        format!("{url}&x=1"),
        format!("{url}#"),
        format!("{url}#rc=5"),
        path_and_query.to_owned(),
        String::new(),
    ];
    match path_and_query.split_once('?') {
        None => urls.push(format!("{url}?w=1")),
        Some((path, query)) => {
            let (w, d) = query.split_once('&').unwrap();
            urls.extend([format!("{PUBLIC}{path}"), format!("{PUBLIC}{path}?{d}&{w}")]);
        }
    }
    urls.retain(|other| *other != url);
    urls
}

fn forms(tenant: &Tenant) -> [Form; 3] {
    let by_number = Form {
        path_and_query: STATUS.to_owned(),
        signed_url: format!("{PUBLIC}{STATUS}"),
        ..tenant.receipt("undelivered")
    };
    [
        tenant.receipt("undelivered"),
        by_number,
        tenant.text(1, "STOP"),
    ]
}

#[tokio::test(start_paused = true)]
async fn a_signature_that_is_none_is_403_and_changes_nothing() {
    let world = World::new().await;
    let before = world.dump().await;
    let log = Log::start();
    let mut tried = 0;
    for form in forms(&world.a) {
        let mut unsigned = form.request();
        unsigned.headers_mut().remove("X-Twilio-Signature");
        assert_eq!(world.post(unsigned).await, StatusCode::FORBIDDEN);
        for signature in spoilt(&form.signature()) {
            let shown = signature.escape_ascii();
            let status = world.post(form.posting(form.body(), &signature)).await;
            assert_eq!(status, StatusCode::FORBIDDEN, "{shown}");
            tried += 1;
        }
    }
    assert!(tried >= 3 * 60, "{tried}");
    assert_eq!(world.dump().await, before);
    let text = log.text();
    for secret in [PHONE, &world.a.token, &forms(&world.a)[0].signature()] {
        assert!(!text.contains(secret), "{secret}");
    }
}

/// The docs have the account's owner set the URLs with Twilio's connection overrides behind them.
#[tokio::test(start_paused = true)]
async fn a_signature_is_good_with_the_documented_overrides_and_without_them() {
    let world = World::new().await;
    for form in forms(&world.a) {
        for overrides in ["", "#rc=5&rp=all"] {
            let signed = Form {
                signed_url: format!("{PUBLIC}{}{overrides}", form.path_and_query),
                ..form.clone()
            };
            let status = world.post(signed.request()).await;
            assert_eq!(status, StatusCode::OK, "{}", signed.signed_url);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_signature_of_another_url_is_403_and_changes_nothing() {
    let world = World::new().await;
    let before = world.dump().await;
    for form in forms(&world.a) {
        for signed_url in other_urls(&form.path_and_query) {
            let signed = Form {
                signed_url: signed_url.clone(),
                ..form.clone()
            };
            let status = world.post(signed.request()).await;
            assert_eq!(status, StatusCode::FORBIDDEN, "{signed_url}");
        }
        // The same, posted to where the signature does not belong.
        for path in [STATUS, INBOUND, &world.a.callback(), &world.b.callback()] {
            if path != form.path_and_query {
                let moved = Form {
                    path_and_query: path.to_owned(),
                    ..form.clone()
                };
                let status = world.post(moved.request()).await;
                assert_eq!(status, StatusCode::FORBIDDEN, "{path}");
            }
        }
    }
    assert_eq!(world.dump().await, before);
}

#[tokio::test(start_paused = true)]
async fn a_signature_with_another_token_is_403_and_changes_nothing() {
    let world = World::new().await;
    let before = world.dump().await;
    let (a, b) = (&world.a, &world.b);
    let upper = a.token.to_uppercase();
    for token in [
        "",
        " ",
        "null",
        &b.token,
        &a.account,
        &a.message,
        &a.token[..31],
        &a.token[1..],
        &upper,
        &format!("{} ", a.token),
        &format!("{0}{0}", a.token),
        "example",
    ] {
        for form in forms(a) {
            let signed = Form {
                token: token.to_owned(),
                ..form
            };
            let status = world.post(signed.request()).await;
            assert_eq!(status, StatusCode::FORBIDDEN, "{token:?}");
        }
    }
    assert_eq!(world.dump().await, before);
}

#[tokio::test(start_paused = true)]
async fn the_good_forms_that_all_of_these_were_made_from_count() {
    let world = World::new().await;
    for form in forms(&world.a) {
        assert_eq!(world.post(form.request()).await, StatusCode::OK);
    }
    let delivery = world.delivery(&world.a).await;
    assert_eq!(delivery.status(), Status::Undelivered);
}

#[tokio::test(start_paused = true)]
async fn what_claims_to_come_from_elsewhere_by_headers_is_judged_by_the_configured_url_alone() {
    let world = World::new().await;
    let before = world.dump().await;
    let form = world.a.receipt("undelivered");
    let evil = Form {
        signed_url: form.signed_url.replace("setget", "evil"),
        ..form
    };
    for name in [
        "host",
        "x-forwarded-host",
        "forwarded",
        "x-original-url",
        "x-forwarded-proto",
    ] {
        let mut request = evil.request();
        let value = "evil.example.com".parse().unwrap();
        request.headers_mut().insert(name, value);
        let status = world.post(request).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{name}");
    }
    assert_eq!(world.dump().await, before);
}

#[tokio::test(start_paused = true)]
async fn other_methods_and_paths_lead_nowhere() {
    let world = World::new().await;
    let before = world.dump().await;
    let form = world.a.receipt("undelivered");
    for method in [
        Method::GET,
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
        Method::OPTIONS,
    ] {
        let mut request = form.request();
        *request.method_mut() = method.clone();
        let status = world.post(request).await;
        assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED, "{method}");
    }
    for path in [
        "/",
        "/webhooks",
        "/webhooks/twilio",
        "/webhooks/twilio/status/",
        "//webhooks/twilio/status",
    ] {
        let moved = Form {
            path_and_query: path.to_owned(),
            ..form.clone()
        };
        assert_eq!(
            world.post(moved.request()).await,
            StatusCode::NOT_FOUND,
            "{path}"
        );
    }
    assert_eq!(world.dump().await, before);
}
