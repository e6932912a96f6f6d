//! Forms that are cut off, altered, too large or no forms.

use axum::body::{Body, Bytes};
use axum::http::{Request, StatusCode};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use futures::stream;
use serde_json::json;

use crate::world::{Form, INBOUND, PUBLIC, STATUS, World};

type Fields = Vec<(String, String)>;
type Change = Box<dyn Fn(&mut Fields)>;

/// The request as API Gateway hands it to the function: forms come in base64, other text as it is.
fn through_api_gateway(form: &Form, body: &[u8], in_base64: bool) -> Request<Body> {
    let (path, query) = form
        .path_and_query
        .split_once('?')
        .unwrap_or((&form.path_and_query, ""));
    let text = match in_base64 {
        true => BASE64_STANDARD.encode(body),
        false => String::from_utf8(body.to_vec()).unwrap(),
    };
    let event = json!({
        "version": "2.0", "routeKey": format!("POST {path}"), "rawPath": path, "rawQueryString": query,
        "headers": {
            "content-type": "application/x-www-form-urlencoded; charset=UTF-8",
            "host": "setget.example.com",
            "x-twilio-signature": form.signature(),
        },
        "requestContext": {
            "accountId": "123456789012", "apiId": "api", "domainName": "setget.example.com", "domainPrefix": "setget",
            "http": {
                "method": "POST", "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1", "userAgent": "TwilioProxy/1.1",
            },
            "requestId": "id", "routeKey": format!("POST {path}"), "stage": "$default",
            "time": "29/Mar/2026:14:30:00 +0000", "timeEpoch": 1_774_794_600_000_i64,
        },
        "body": text, "isBase64Encoded": in_base64,
    });
    let request = lambda_http::request::from_str(&event.to_string()).unwrap();
    request.map(|body| Body::from(body.to_vec()))
}

#[tokio::test(start_paused = true)]
async fn every_part_of_a_receipt_is_refused_and_the_whole_of_it_taken() {
    let world = World::new().await;
    let form = world.a.receipt("undelivered");
    let body = form.body();
    let before = world.dump().await;
    let mut refused = 0;
    for in_base64 in [true, false] {
        let starts = (0..body.len()).map(|end| &body[..end]);
        let ends = (1..body.len()).map(|start| &body[start..]);
        for part in starts.chain(ends) {
            let request = through_api_gateway(&form, part.as_bytes(), in_base64);
            let status = world.post(request).await;
            // Without a whole AccountSid nobody can say whose token is to be tried.
            let expected = [StatusCode::FORBIDDEN, StatusCode::BAD_REQUEST];
            assert!(expected.contains(&status), "{status} {in_base64} {part}");
            refused += 1;
        }
    }
    assert!(refused > 900, "{refused}");
    assert_eq!(world.dump().await, before);
    for in_base64 in [true, false] {
        let whole = through_api_gateway(&form, body.as_bytes(), in_base64);
        assert_eq!(world.post(whole).await, StatusCode::OK);
    }
}

#[tokio::test(start_paused = true)]
async fn every_altered_byte_of_a_receipt_is_refused() {
    let world = World::new().await;
    let form = world.a.receipt("undelivered");
    let body = form.body().into_bytes();
    let before = world.dump().await;
    for at in 0..body.len() {
        for byte in [body[at] ^ 1, b'&', b'=', b'%', 0xff, 0] {
            let mut altered = body.clone();
            altered[at] = byte;
            if altered == body {
                continue;
            }
            let signature = form.signature();
            let status = world
                .post(form.posting(altered, signature.as_bytes()))
                .await;
            assert!(status.is_client_error(), "{status} {at} {byte:#x}");
        }
    }
    assert_eq!(world.dump().await, before);
}

fn set(name: &str, value: &str) -> impl Fn(&mut Fields) + use<> {
    let (name, value) = (name.to_owned(), value.to_owned());
    move |fields| {
        for field in fields.iter_mut().filter(|field| field.0 == name) {
            field.1.clone_from(&value);
        }
    }
}

fn add(at: usize, name: &str, value: &str) -> impl Fn(&mut Fields) + use<> {
    let added = (name.to_owned(), value.to_owned());
    move |fields| fields.insert(at, added.clone())
}

#[tokio::test(start_paused = true)]
async fn parameters_added_dropped_or_changed_are_403_and_change_nothing() {
    let world = World::new().await;
    let form = world.a.receipt("undelivered");
    let before = world.dump().await;
    let last = form.fields.len();
    let mut changes: Vec<Change> = vec![
        Box::new(set("MessageStatus", "delivered")),
        Box::new(set("MessageStatus", "DELIVERED")),
        Box::new(set("MessageSid", &world.b.message)),
        Box::new(set("AccountSid", &world.b.account)),
        Box::new(add(0, "MessageStatus", "delivered")),
        Box::new(add(last, "MessageStatus", "delivered")),
        Box::new(add(0, "AccountSid", &world.b.account)),
        Box::new(add(0, "MessageSid", &world.b.message)),
        Box::new(add(0, "ErrorCode", "21610")),
        Box::new(add(last, "ErrorCode", "30003")),
        Box::new(add(0, "ErrorCode", "")),
        Box::new(add(0, "", "x")),
        Box::new(add(0, "x", "")),
        Box::new(add(0, "messagestatus", "delivered")),
        Box::new(add(0, "MessageStatus[]", "delivered")),
        Box::new(add(0, "MessageStatus ", "delivered")),
        Box::new(|fields: &mut Fields| fields.reverse_values()),
    ];
    for at in 0..last {
        changes.push(Box::new(move |fields| drop(fields.remove(at))));
        changes.push(Box::new(move |fields| fields[at].1.clear()));
        changes.push(Box::new(move |fields| fields[at].1.push(' ')));
        changes.push(Box::new(move |fields| fields[at].0.insert(0, ' ')));
    }
    for (number, change) in changes.into_iter().enumerate() {
        let status = world.post(form.tampered(change)).await;
        assert!(
            matches!(status, StatusCode::FORBIDDEN | StatusCode::BAD_REQUEST),
            "{number}: {status}"
        );
    }
    assert_eq!(world.dump().await, before);
}

/// Gives the values to the names in the opposite order.
trait ReverseValues {
    fn reverse_values(&mut self);
}

impl ReverseValues for Fields {
    fn reverse_values(&mut self) {
        let values: Vec<_> = self.iter().rev().map(|(_, value)| value.clone()).collect();
        for (field, value) in self.iter_mut().zip(values) {
            field.1 = value;
        }
    }
}

/// Twilio signs parameters sorted, each once: their order and repeats mean nothing, here as there.
#[tokio::test(start_paused = true)]
async fn parameters_in_another_order_or_twice_are_the_same_receipt() {
    for rotated in 0..8 {
        let world = World::new().await;
        let form = world.a.receipt("undelivered");
        let request = form.tampered(|fields| {
            fields.extend(fields.clone());
            fields.rotate_left(rotated);
        });
        assert_eq!(world.post(request).await, StatusCode::OK);
        let changed = world.delivery(&world.a).await;
        assert_eq!(changed.status().as_str(), "undelivered");
    }
}

/// What Twilio signs has no marks between names and values, so that other parameters can have the same signature. No
/// such others are a receipt that says something else.
#[tokio::test(start_paused = true)]
async fn parameters_cut_elsewhere_under_the_same_signature_say_nothing() {
    let world = World::new().await;
    let fields = [
        ("AccountSid", world.a.account.as_str()),
        ("MessageSid", &world.a.message),
        ("MessageStatus", "undelivered"),
    ];
    let form = Form::new(&world.a.callback(), &fields, &world.a.token);
    let before = world.dump().await;
    for (name, value) in [
        ("MessageStatusun", "delivered"),
        ("MessageStatusundelivered", ""),
        ("MessageStatu", "sundelivered"),
    ] {
        let request = form.tampered(|fields| fields[2] = (name.into(), value.into()));
        assert_eq!(
            world.post(request).await,
            StatusCode::OK,
            "the signature is good"
        );
    }
    let joined = form.tampered(|fields| {
        fields[1].1.push_str("MessageStatusundelivered");
        fields.truncate(2);
    });
    assert_eq!(world.post(joined).await, StatusCode::OK);
    assert_eq!(world.dump().await, before);
}

#[tokio::test(start_paused = true)]
async fn what_stands_in_the_query_is_no_part_of_the_form() {
    let world = World::new().await;
    let form = world.a.receipt("undelivered");
    let before = world.dump().await;
    let all = form.body();
    for query in [
        format!("{}&MessageStatus=delivered", form.path_and_query),
        format!("{}&{all}", form.path_and_query),
        format!(
            "{STATUS}?MessageStatus=delivered&{}",
            &form.path_and_query[STATUS.len() + 1..]
        ),
        format!("{STATUS}?{all}"),
    ] {
        // Signed as it was, and posted to there.
        let moved = Form {
            path_and_query: query.clone(),
            ..form.clone()
        };
        assert_eq!(
            world.post(moved.request()).await,
            StatusCode::FORBIDDEN,
            "{query}"
        );
        // Signed as it is posted, without a form.
        let bare = Form {
            fields: vec![],
            signed_url: format!("{PUBLIC}{query}"),
            ..moved
        };
        assert_eq!(
            world.post(bare.request()).await,
            StatusCode::BAD_REQUEST,
            "{query}"
        );
    }
    assert_eq!(world.dump().await, before);
}

#[tokio::test(start_paused = true)]
async fn what_is_no_form_is_refused() {
    let world = World::new().await;
    let before = world.dump().await;
    let form = world.a.receipt("undelivered");
    let json = json!({ "AccountSid": world.a.account, "MessageStatus": "delivered" }).to_string();
    let account = format!("AccountSid={}", world.a.account);
    let bodies: Vec<Vec<u8>> = vec![
        vec![],
        b"&&&&".to_vec(),
        b"=".repeat(1_000),
        b"\0".repeat(100),
        json.into_bytes(),
        b"--x\r\nContent-Disposition: form-data; name=\"AccountSid\"\r\n\r\nAC\r\n--x--".to_vec(),
        b"<?xml version=\"1.0\"?><!DOCTYPE a [<!ENTITY b SYSTEM \"file:///etc/passwd\">]><a>&b;</a>".to_vec(),
        b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff".to_vec(),
        b"AccountSid=AC".to_vec(),
        format!("AccountSid={}%00", world.a.account).into_bytes(),
        format!("AccountSid={}%0d%0a", world.a.account).into_bytes(),
        format!("{account}&x=%ff").into_bytes(),
        format!("{account}&x=%c0%80").into_bytes(),
        format!("{account}&x=%ed%a0%80").into_bytes(),
        [account.as_bytes(), b"&x=\xff\xfe"].concat(),
        [b"\xef\xbb\xbf", account.as_bytes()].concat(),
        form.body().encode_utf16().flat_map(u16::to_le_bytes).collect(),
    ];
    for path in [STATUS, INBOUND] {
        let form = Form {
            path_and_query: path.to_owned(),
            ..form.clone()
        };
        for body in &bodies {
            let request = form.posting(body.clone(), form.signature().as_bytes());
            let status = world.post(request).await;
            assert_eq!(status, StatusCode::BAD_REQUEST, "{}", body.escape_ascii());
        }
    }
    assert_eq!(world.dump().await, before);
}

#[tokio::test(start_paused = true)]
async fn more_than_64_kib_is_413_however_it_comes_and_however_it_is_signed() {
    let world = World::new().await;
    let before = world.dump().await;
    let mut form = world.a.receipt("undelivered");
    form.fields.push(("Padding".to_owned(), String::new()));
    let most = 64 * 1024;
    let room = most - form.body().len();
    form.fields.last_mut().unwrap().1 = "x".repeat(room + 1);
    assert_eq!(form.body().len(), most + 1);
    assert_eq!(
        world.post(form.request()).await,
        StatusCode::PAYLOAD_TOO_LARGE
    );
    let parts = form.body().into_bytes();
    let chunks = parts
        .chunks(1_000)
        .map(|chunk| Ok::<_, std::io::Error>(Bytes::copy_from_slice(chunk)));
    let streamed = Body::from_stream(stream::iter(chunks.collect::<Vec<_>>()));
    let request = form.posting(streamed, form.signature().as_bytes());
    assert_eq!(world.post(request).await, StatusCode::PAYLOAD_TOO_LARGE);
    for bytes in [1 << 20, 6 << 20] {
        let request = form.posting(vec![b'a'; bytes], form.signature().as_bytes());
        assert_eq!(world.post(request).await, StatusCode::PAYLOAD_TOO_LARGE);
    }
    assert_eq!(world.dump().await, before);
    form.fields.last_mut().unwrap().1.pop();
    assert_eq!(world.post(form.request()).await, StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn a_form_of_very_many_parameters_is_judged_all_the_same() {
    let world = World::new().await;
    let before = world.dump().await;
    let account = format!("AccountSid={}", world.a.account);
    for filler in ["&", "&a", "&a=", "&=", "&%", "&+"] {
        let body = format!("{account}{}", filler.repeat((60_000) / filler.len()));
        let form = world.a.receipt("undelivered");
        let request = form.posting(body, form.signature().as_bytes());
        assert_eq!(world.post(request).await, StatusCode::FORBIDDEN, "{filler}");
    }
    assert_eq!(world.dump().await, before);
}
