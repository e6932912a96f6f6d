//! Keys that are none: whatever is presented instead of a key opens nothing, tells nothing and is kept nowhere.
//!
//! Keys of other workspaces and other roles are in [`access`](super::access).

use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::types::AttributeValue;
use axum::body::{Body, Bytes};
use axum::http::header::{AUTHORIZATION, COOKIE, HeaderName, PROXY_AUTHORIZATION};
use axum::http::{HeaderValue, Request, Response};
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use domain::access::KeyHash;
use futures::FutureExt;
use futures::future::BoxFuture;
use local::aws::{Aws, Gate};
use serde_json::{Value, json};

use crate::boundary::{logged, start_log};
use crate::description::operations;
use crate::support::{Answer, Api, Deployment, OPERATOR, WORKSPACE};

const ROUTE: &str = "/v1/workspaces/ws_1/webhooks";

/// Asks for something that a key of the workspace opens, with these headers.
async fn present(api: &Api, headers: &[(HeaderName, Vec<u8>)]) -> Answer {
    let mut request = Request::get(ROUTE).body(Body::empty()).unwrap();
    for (name, value) in headers {
        let value = HeaderValue::from_bytes(value).unwrap();
        request.headers_mut().append(name.clone(), value);
    }
    api.call(request).await
}

fn authorization(value: impl Into<Vec<u8>>) -> Vec<(HeaderName, Vec<u8>)> {
    vec![(AUTHORIZATION, value.into())]
}

/// The key with one character changed: to its neighbour, to its other case, or left out.
fn one_character_off(key: &str) -> Vec<String> {
    let changes = |at: usize| {
        let (start, end) = (&key[..at], &key[at + 1..]);
        let own = char::from(key.as_bytes()[at]);
        let neighbour = char::from(key.as_bytes()[at] ^ 1);
        let other_case = match own.is_ascii_uppercase() {
            true => own.to_ascii_lowercase(),
            false => own.to_ascii_uppercase(),
        };
        [
            format!("{start}{neighbour}{end}"),
            format!("{start}{other_case}{end}"),
            format!("{start}{end}"),
        ]
    };
    (0..key.len()).flat_map(changes).collect()
}

/// What may stand where a key should, made from a key that is good.
fn no_tokens(key: &str) -> Vec<String> {
    let mut tokens = one_character_off(key);
    tokens.extend((0..key.len()).map(|length| key[..length].to_owned()));
    tokens.extend((1..=key.len()).map(|start| key[start..].to_owned()));
    let hash = KeyHash::of(key).as_str().to_owned();
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(&key[3..]).unwrap();
    tokens.extend([
        format!("KEYHASH#{hash}"),
        hash,
        BASE64_STANDARD.encode(key),
        String::from_utf8_lossy(&bytes).replace(|c: char| c.is_control(), "?"),
        key.replacen("sk_", "SK_", 1),
        key.replacen('_', "%5F", 1),
        format!("token={key}"),
        format!("\"{key}\""),
        format!("{key},{key}"),
        format!("{key} {key}"),
        format!("{key}, Bearer {key}"),
        format!("{key}="),
        format!("{key}%00"),
        format!("{key}\u{a0}"),
        format!("{key}\u{200b}"),
        key.replace('s', "\u{455}"),
        key.repeat(2),
        key.repeat(10_000 / key.len() + 1),
        "A".repeat(10_000),
        format!("sk_{}", "A".repeat(43)),
        "sk_".to_owned(),
        "null".to_owned(),
        "*".to_owned(),
        "' OR '1'='1".to_owned(),
        "{\"$ne\":\"\"}".to_owned(),
    ]);
    // A letter that has no other case, or a part that is the whole.
    tokens.retain(|token| token != key);
    tokens
}

/// Headers that hold a good key and are none the less no `Authorization: Bearer`.
fn no_bearers(key: &str) -> Vec<Vec<(HeaderName, Vec<u8>)>> {
    let basic = BASE64_STANDARD.encode(format!("{key}:"));
    let schemes = [
        format!("Basic {basic}"),
        format!("Basic {key}"),
        format!("Token {key}"),
        format!("Digest username=\"{key}\""),
        format!("Negotiate {key}"),
        format!("Basic {basic}, Bearer {key}"),
        format!("Bearer{key}"),
        format!("Bearer:{key}"),
        format!("Bearer\t{key}"),
        format!("Bearer,{key}"),
        format!(" Bearer {key}"),
        format!("Bearers {key}"),
        key.to_owned(),
        String::new(),
        " ".to_owned(),
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        "Bearer \t ".to_owned(),
    ];
    let mut headers: Vec<_> = schemes.into_iter().map(authorization).collect();
    let not_text = [b"Bearer ", key.as_bytes(), b"\xff"].concat();
    headers.push(authorization(not_text));
    let good = (AUTHORIZATION, format!("Bearer {key}").into_bytes());
    let bad = (AUTHORIZATION, b"Bearer sk_".to_vec());
    headers.extend([
        vec![good.clone(), good.clone()],
        vec![good.clone(), bad.clone()],
        vec![bad, good.clone()],
    ]);
    let x_api_key = HeaderName::from_static("x-api-key");
    for other in [PROXY_AUTHORIZATION, COOKIE, x_api_key] {
        headers.push(vec![(other.clone(), good.1.clone())]);
        headers.push(vec![(other, key.as_bytes().to_vec())]);
    }
    headers.push(vec![]);
    headers
}

/// Parts of a key that must show up nowhere.
fn parts(key: &str) -> impl Iterator<Item = &str> {
    (3..=key.len() - 8).map(|start| &key[start..start + 8])
}

#[tokio::test(start_paused = true)]
async fn whatever_is_not_a_key_gets_one_and_the_same_answer_and_is_neither_logged_nor_repeated() {
    let api = Api::new().await;
    let key = api.key(WORKSPACE, "admin").await;
    let refused = present(&api, &[]).await;
    start_log();
    let presented: Vec<_> = no_bearers(&key)
        .into_iter()
        .chain(
            no_tokens(&key)
                .into_iter()
                .map(|token| authorization(format!("Bearer {token}"))),
        )
        .collect();
    println!("{} that are no key", presented.len());
    assert!(presented.len() > 240);
    for headers in &presented {
        let answer = present(&api, headers).await;
        let shown: Vec<_> = headers
            .iter()
            .map(|(name, value)| format!("{name}: {}", value.escape_ascii()))
            .collect();
        assert_eq!(
            (answer.status, answer.header("www-authenticate")),
            (401, Some("Bearer")),
            "{shown:?}"
        );
        assert_eq!(answer.body, refused.body, "{shown:?}");
        assert_eq!(answer.headers, refused.headers, "{shown:?}");
    }
    let lines = logged();
    assert_eq!(lines.len(), presented.len());
    let log: String = lines.iter().map(Value::to_string).collect();
    assert!(parts(&key).all(|part| !log.contains(part)));
    assert!(!log.contains(KeyHash::of(&key).as_str()));
}

#[tokio::test(start_paused = true)]
async fn a_key_in_the_url_or_the_body_opens_nothing_and_is_not_logged() {
    let api = Api::new().await;
    let key = api.key(WORKSPACE, "admin").await;
    let nobody = api.with_key(None);
    start_log();
    for name in ["access_token", "api_key", "key", "token", "authorization"] {
        let query = format!("{ROUTE}?{name}={key}");
        assert_eq!(nobody.get(&query).await.status, 401, "{name}");
        let body = json!({ name: key, "url": "https://example.com", "events": ["*"] });
        assert_eq!(nobody.post(ROUTE, body).await.status, 401, "{name}");
    }
    let path = format!("/v1/workspaces/{key}/webhooks/{key}");
    assert_eq!(nobody.get(&path).await.status, 401);
    let log: String = logged().iter().map(Value::to_string).collect();
    assert!(parts(&key).all(|part| !log.contains(part)));
}

#[tokio::test(start_paused = true)]
async fn a_bearer_is_one_in_any_case_and_with_any_white_space_around_its_key() {
    let api = Api::new().await;
    let key = api.key(WORKSPACE, "admin").await;
    for value in [
        format!("Bearer {key}"),
        format!("bearer {key}"),
        format!("BEARER {key}"),
        format!("Bearer   {key}"),
        format!("Bearer {key} \t"),
    ] {
        let answer = present(&api, &authorization(value.clone())).await;
        assert_eq!(answer.status, 200, "{value:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_that_has_just_been_used_everywhere_is_refused_everywhere_once_it_is_revoked() {
    let api = Api::new().await;
    for role in ["admin", "publisher", "member"] {
        let made = api
            .post(
                "/api-keys",
                json!({ "role": role, "name": "n", "user_id": "user_1" }),
            )
            .await
            .json();
        let holder = api.with_key(made["key"].as_str());
        let routes: Vec<_> = operations()
            .into_iter()
            .filter(|(_, path)| path.contains("{workspace_id}"))
            .map(|(method, path)| (method, path.replace("{workspace_id}", WORKSPACE)))
            .collect();
        for (method, path) in &routes {
            let answer = holder.send(method, path, Some(json!({}))).await;
            assert_ne!(answer.status, 401, "{role} {method} {path}");
        }
        let own = format!("/api-keys/{}", made["id"].as_str().unwrap());
        assert_eq!(api.delete(&own).await.status, 204);
        for (method, path) in &routes {
            let answer = holder.send(method, path, Some(json!({}))).await;
            assert_eq!(answer.status, 401, "{role} {method} {path}");
        }
    }
}

/// The calls of AWS that a request leads to.
#[derive(Debug, Default)]
struct Calls(Mutex<Vec<(String, Value)>>);

impl Calls {
    fn taken(&self) -> Vec<(String, Value)> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl Gate for Calls {
    fn call<'a>(
        &'a self,
        aws: &'a Aws,
        target: &'a str,
        body: Bytes,
    ) -> BoxFuture<'a, Response<Bytes>> {
        let request = serde_json::from_slice(&body).unwrap();
        self.0.lock().unwrap().push((target.to_owned(), request));
        aws.call(target, body).boxed()
    }
}

/// How long a request takes can tell nothing about a key: what is looked up is the hash of what was presented, and
/// hashes of near keys are as far apart as any others.
#[tokio::test(start_paused = true)]
async fn near_and_far_keys_cost_one_and_the_same_read_of_the_hash_of_what_was_presented() {
    let calls = Arc::new(Calls::default());
    let api = Api::deployed(Deployment {
        gate: Some(calls.clone()),
        ..Deployment::default()
    })
    .await;
    let key = api.key(WORKSPACE, "admin").await;
    let far = format!("sk_{}", "A".repeat(43));
    let near: Vec<_> = [key.as_str(), OPERATOR]
        .into_iter()
        .flat_map(one_character_off)
        .filter(|near| near != &key && near != OPERATOR)
        .collect();
    println!("{} near keys", near.len());
    assert!(near.len() > 180);
    for presented in near.iter().chain([&far, &key]) {
        calls.taken();
        api.with_key(Some(presented)).get("/webhooks").await;
        let (target, request) = calls.taken().swap_remove(0);
        let hash = KeyHash::of(presented);
        let looked_up = format!("KEYHASH#{}", hash.as_str());
        let expected = json!({
            "TableName": "Table", "ConsistentRead": true,
            "Key": { "pk": { "S": looked_up }, "sk": { "S": "KEY" } },
        });
        assert_eq!(target, "DynamoDB_20120810.GetItem", "{presented}");
        assert_eq!(request, expected, "{presented}");
    }
    for presented in near.iter().chain([&far]) {
        calls.taken();
        let answer = api.with_key(Some(presented)).get("/webhooks").await;
        let made = calls.taken().len();
        assert_eq!((answer.status, made), (401, 1), "{presented}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_table_holds_no_key() {
    let api = Api::new().await;
    let key = api.key(WORKSPACE, "admin").await;
    assert_eq!(api.with_key(Some(&key)).get("/webhooks").await.status, 200);
    let scan = api.db.scan().table_name("Table").send().await.unwrap();
    let texts: Vec<&String> = scan
        .items()
        .iter()
        .flat_map(|item| item.values())
        .filter_map(|value| AttributeValue::as_s(value).ok())
        .collect();
    let all: String = texts.iter().map(|text| format!("{text}\n")).collect();
    assert!(all.contains(KeyHash::of(&key).as_str()));
    assert!(parts(&key).all(|part| !all.contains(part)));
    assert!(!all.contains(OPERATOR));
}
