//! A request as the function gets it: payload format 2.0
//! (<https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html#http-api-develop-integrations-lambda.proxy-format>).

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::header::{CONTENT_TYPE, COOKIE, USER_AGENT};
use http::request::Parts;
use http::{HeaderMap, HeaderName};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::routes::{Found, decoded};
use crate::aws::ACCOUNT_ID;
use crate::ids;

/// Who asks, when.
pub(super) struct Caller {
    pub(super) ip: IpAddr,
    pub(super) at: Timestamp,
    pub(super) request_id: String,
}

impl Caller {
    pub(super) fn now(address: SocketAddr) -> Self {
        Self {
            ip: address.ip(),
            at: Timestamp::now(),
            request_id: ids::uuid(),
        }
    }
}

/// The event's JSON.
pub(super) fn write(parts: &Parts, body: &[u8], found: &Found<'_>, caller: &Caller) -> Vec<u8> {
    let query = parts.uri.query().unwrap_or_default();
    let mut event = json!({
        "version": "2.0",
        "routeKey": found.key,
        "rawPath": decoded(parts.uri.path()),
        "rawQueryString": query,
        "headers": headers(&parts.headers, caller.ip),
        "requestContext": context(parts, found.key, caller),
        "isBase64Encoded": false,
    });
    let cookies = cookies(&parts.headers);
    if !cookies.is_empty() {
        event["cookies"] = json!(cookies);
    }
    if !query.is_empty() {
        event["queryStringParameters"] = json!(query_parameters(query));
    }
    if !found.parameters.is_empty() {
        event["pathParameters"] = json!(found.parameters);
    }
    if !body.is_empty() {
        let text = std::str::from_utf8(body)
            .ok()
            .filter(|_| is_text(&parts.headers));
        event["isBase64Encoded"] = Value::Bool(text.is_none());
        event["body"] = text
            .map_or_else(|| BASE64_STANDARD.encode(body), str::to_owned)
            .into();
    }
    event.to_string().into_bytes()
}

fn context(parts: &Parts, route_key: &str, caller: &Caller) -> Value {
    let host = value(&parts.headers, &http::header::HOST).unwrap_or_default();
    json!({
        "accountId": ACCOUNT_ID,
        "apiId": "local",
        "domainName": host,
        "domainPrefix": host.split('.').next(),
        "http": {
            "method": parts.method.as_str(),
            "path": decoded(parts.uri.path()),
            "protocol": "HTTP/1.1",
            "sourceIp": caller.ip.to_string(),
            "userAgent": value(&parts.headers, &USER_AGENT).unwrap_or_default(),
        },
        "requestId": caller.request_id,
        "routeKey": route_key,
        "stage": "$default",
        "time": caller.at.strftime("%d/%b/%Y:%H:%M:%S %z").to_string(),
        "timeEpoch": caller.at.as_millisecond(),
    })
}

/// Names in lower case, several values joined with commas, cookies apart; and the ones that API Gateway adds.
fn headers(headers: &HeaderMap, ip: IpAddr) -> BTreeMap<String, String> {
    let names = headers.keys().filter(|name| **name != COOKIE);
    let mut joined: BTreeMap<_, _> = names
        .filter_map(|name| Some((name.to_string(), value(headers, name)?)))
        .collect();
    // Whatever the caller says: API Gateway knows how it was called.
    joined.insert("x-forwarded-proto".into(), "http".into());
    let forwarded = joined
        .get("x-forwarded-for")
        .map_or_else(|| ip.to_string(), |before| format!("{before}, {ip}"));
    joined.insert("x-forwarded-for".into(), forwarded);
    joined
}

fn value(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let values: Vec<_> = headers
        .get_all(name)
        .iter()
        .map(|value| String::from_utf8_lossy(value.as_bytes()))
        .collect();
    (!values.is_empty()).then(|| values.join(","))
}

fn cookies(headers: &HeaderMap) -> Vec<String> {
    let lines = headers
        .get_all(COOKIE)
        .iter()
        .map(|line| String::from_utf8_lossy(line.as_bytes()).into_owned());
    lines
        .flat_map(|line| {
            line.split(';')
                .map(|cookie| cookie.trim().to_owned())
                .collect::<Vec<_>>()
        })
        .collect()
}

/// Decoded; several values of a name joined with commas.
fn query_parameters(query: &str) -> BTreeMap<String, String> {
    let mut parameters = BTreeMap::<String, String>::new();
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        parameters
            .entry(name.into_owned())
            .and_modify(|before| {
                before.push(',');
                before.push_str(&value);
            })
            .or_insert_with(|| value.into_owned());
    }
    parameters
}

/// Whether API Gateway passes the body on as text: everything else, forms included, comes in base64.
fn is_text(headers: &HeaderMap) -> bool {
    let Some(kind) = headers.get(CONTENT_TYPE) else {
        return true;
    };
    let kind = String::from_utf8_lossy(kind.as_bytes()).to_ascii_lowercase();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    kind.starts_with("text/")
        || matches!(
            kind,
            "application/json" | "application/javascript" | "application/xml"
        )
        || kind.ends_with("+json")
        || kind.ends_with("+xml")
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn event(request: Request<&[u8]>, found: &Found<'_>) -> Value {
        let (parts, body) = request.into_parts();
        let at = "2020-03-12T19:03:58.390Z".parse().unwrap();
        let caller = Caller {
            ip: "192.0.2.1".parse().unwrap(),
            at,
            request_id: "id".into(),
        };
        serde_json::from_slice(&write(&parts, body, found, &caller)).unwrap()
    }

    fn found(parameters: &[(&str, &str)]) -> Found<'static> {
        let parameters = parameters
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        Found {
            function: "f",
            key: "ANY /{proxy+}",
            parameters,
        }
    }

    /// AWS's documented example, as far as it does not hang on a deployment (authorizer, certificate, stage variables).
    #[test]
    fn a_request_becomes_the_event_of_awss_documented_example() {
        let request = Request::builder()
            .method("POST")
            .uri("/path/to/resource?parameter1=value1&parameter1=value2&parameter2=value")
            .header("Header1", "value1")
            .header("Header2", "value1")
            .header("Header2", "value2")
            .header("Cookie", "cookie1; cookie2")
            .header("Host", "id.execute-api.us-east-1.amazonaws.com")
            .header("User-Agent", "agent")
            .body(b"Hello from Lambda".as_slice())
            .unwrap();
        let expected = json!({
            "version": "2.0",
            "routeKey": "ANY /{proxy+}",
            "rawPath": "/path/to/resource",
            "rawQueryString": "parameter1=value1&parameter1=value2&parameter2=value",
            "cookies": ["cookie1", "cookie2"],
            "headers": {
                "header1": "value1",
                "header2": "value1,value2",
                "host": "id.execute-api.us-east-1.amazonaws.com",
                "user-agent": "agent",
                "x-forwarded-for": "192.0.2.1",
                "x-forwarded-proto": "http"
            },
            "queryStringParameters": { "parameter1": "value1,value2", "parameter2": "value" },
            "requestContext": {
                "accountId": "000000000000",
                "apiId": "local",
                "domainName": "id.execute-api.us-east-1.amazonaws.com",
                "domainPrefix": "id",
                "http": {
                    "method": "POST",
                    "path": "/path/to/resource",
                    "protocol": "HTTP/1.1",
                    "sourceIp": "192.0.2.1",
                    "userAgent": "agent"
                },
                "requestId": "id",
                "routeKey": "ANY /{proxy+}",
                "stage": "$default",
                "time": "12/Mar/2020:19:03:58 +0000",
                "timeEpoch": 1_584_039_838_390_i64
            },
            "body": "Hello from Lambda",
            "pathParameters": { "proxy": "path/to/resource" },
            "isBase64Encoded": false
        });
        assert_eq!(
            event(request, &found(&[("proxy", "path/to/resource")])),
            expected
        );
    }

    #[test]
    fn a_form_body_comes_in_base64() {
        let request = Request::post("/x")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(b"a=1&b=%2B".as_slice())
            .unwrap();
        let event = event(request, &found(&[]));
        assert_eq!(event["isBase64Encoded"], true);
        assert_eq!(event["body"], BASE64_STANDARD.encode("a=1&b=%2B"));
    }

    #[test]
    fn bytes_that_are_not_utf8_come_in_base64_whatever_they_say_they_are() {
        let request = Request::post("/x")
            .header("content-type", "application/json")
            .body(b"\xff".as_slice())
            .unwrap();
        assert_eq!(event(request, &found(&[]))["isBase64Encoded"], true);
    }

    #[test]
    fn the_raw_path_is_decoded_and_the_raw_query_is_not() {
        let request = Request::get("/a%20b/c?d=%2F").body(b"".as_slice()).unwrap();
        let event = event(request, &found(&[]));
        assert_eq!(event["rawPath"], "/a b/c");
        assert_eq!(event["rawQueryString"], "d=%2F");
        assert_eq!(event["queryStringParameters"]["d"], "/");
        assert!(event.get("body").is_none() && event.get("cookies").is_none());
    }
}
