//! What the function says, as an HTTP response: payload format 2.0
//! (<https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html#http-api-develop-integrations-lambda.v2>).

use std::collections::BTreeMap;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, SET_COOKIE};
use http::{HeaderName, HeaderValue, Response, StatusCode};
use serde::Deserialize;
use serde_json::Value;

use crate::http_server::json;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Proxied {
    status_code: u16,
    #[serde(default)]
    headers: Option<BTreeMap<String, Value>>,
    #[serde(default)]
    cookies: Option<Vec<String>>,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
}

/// The response; `None` if the function's answer is no valid one. An answer without a `statusCode` is the body of a
/// 200, as it stands.
pub(super) fn read(answer: &Bytes) -> Option<Response<Bytes>> {
    let parsed: Value = serde_json::from_slice(answer).ok()?;
    if parsed.get("statusCode").is_none() {
        return Some(json(StatusCode::OK, inferred(parsed, answer)));
    }
    response(serde_json::from_value(parsed).ok()?)
}

/// A JSON string is unwrapped, everything else is passed on as it came.
fn inferred(parsed: Value, answer: &Bytes) -> Bytes {
    match parsed {
        Value::String(text) => text.into(),
        _ => answer.clone(),
    }
}

fn response(proxied: Proxied) -> Option<Response<Bytes>> {
    let body = proxied.body.unwrap_or_default();
    let body = if proxied.is_base64_encoded {
        BASE64_STANDARD.decode(body).ok()?
    } else {
        body.into_bytes()
    };
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = StatusCode::from_u16(proxied.status_code).ok()?;
    for (name, value) in proxied.headers.unwrap_or_default() {
        let value = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        // The server frames the body itself.
        if name != http::header::CONTENT_LENGTH && name != http::header::TRANSFER_ENCODING {
            response
                .headers_mut()
                .insert(name, HeaderValue::try_from(value).ok()?);
        }
    }
    for cookie in proxied.cookies.unwrap_or_default() {
        response
            .headers_mut()
            .append(SET_COOKIE, HeaderValue::try_from(cookie).ok()?);
    }
    let plain = HeaderValue::from_static("text/plain;charset=UTF-8");
    response.headers_mut().entry(CONTENT_TYPE).or_insert(plain);
    Some(response)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn answered(answer: &str) -> Option<Response<Bytes>> {
        read(&Bytes::copy_from_slice(answer.as_bytes()))
    }

    #[test]
    fn a_full_answer_sets_status_headers_cookies_and_body() {
        let answer = r#"{"statusCode":201,"headers":{"Content-Type":"application/problem+json","x-n":7},
            "cookies":["a=1","b=2"],"body":"aGk=","isBase64Encoded":true}"#;
        let response = answered(answer).unwrap();
        assert_eq!(response.status(), 201);
        assert_eq!(response.body(), "hi");
        assert_eq!(
            response.headers()["content-type"],
            "application/problem+json"
        );
        assert_eq!(response.headers()["x-n"], "7");
        assert_eq!(response.headers().get_all("set-cookie").iter().count(), 2);
    }

    #[test]
    fn json_without_a_status_code_is_the_body_of_a_200() {
        for (answer, body) in [
            (r#"{"a":1}"#, r#"{"a":1}"#),
            (r#""hi""#, "hi"),
            ("[1]", "[1]"),
        ] {
            let response = answered(answer).unwrap();
            assert_eq!(
                (response.status().as_u16(), &response.body()[..]),
                (200, body.as_bytes())
            );
            assert_eq!(response.headers()["content-type"], "application/json");
        }
    }

    #[test]
    fn what_is_no_valid_answer_is_none() {
        for answer in [
            "",
            "{",
            r#"{"statusCode":"x"}"#,
            r#"{"statusCode":200,"body":7}"#,
            r#"{"statusCode":42}"#,
        ] {
            assert!(answered(answer).is_none(), "{answer}");
        }
    }

    proptest! {
        #[test]
        fn no_answer_makes_the_gateway_panic(answer in ".{0,60}") {
            let _ = answered(&answer);
            let _ = answered(&format!(r#"{{"statusCode":200,"headers":{{"{answer}":"{answer}"}}}}"#));
        }
    }
}
