//! What API Gateway refuses before it looks for a route: heads over its limit, and requests that name no host.

use http::request::Parts;
use http::uri::Authority;
use http::{HeaderMap, StatusCode, header::HOST};
use url::Url;

/// The most bytes that a request's first line and the values of its headers may have together
/// (<https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html>).
pub const MAX_HEAD_BYTES: usize = 10_240;

/// Why a request goes no further. AWS documents the limit but not the answer: it is the one that HTTP has for each case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// There is not one host that the request is for (RFC 9112 §3.2). In the cloud such a request leads to no API.
    NoHost,
    /// The first line alone is over the limit (RFC 9110 §15.5.15).
    UriTooLong,
    /// The first line and the headers are (RFC 6585 §5).
    HeadersTooLarge,
}

impl Refusal {
    /// The first thing that is wrong with the request, if anything is.
    pub(super) fn of(parts: &Parts) -> Option<Self> {
        let line = line_bytes(parts);
        let values = parts.headers.values().map(|value| value.len());
        match line + values.sum::<usize>() {
            _ if line > MAX_HEAD_BYTES => Some(Self::UriTooLong),
            head if head > MAX_HEAD_BYTES => Some(Self::HeadersTooLarge),
            _ if !names_one_host(&parts.headers) => Some(Self::NoHost),
            _ => None,
        }
    }

    /// How it is answered.
    pub(super) fn answer(self) -> (StatusCode, &'static str) {
        match self {
            Self::NoHost => (StatusCode::BAD_REQUEST, "Bad Request"),
            Self::UriTooLong => (StatusCode::URI_TOO_LONG, "URI Too Long"),
            Self::HeadersTooLarge => (
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                "Request Header Fields Too Large",
            ),
        }
    }
}

/// `POST /v1/x?y=z HTTP/1.1`.
fn line_bytes(parts: &Parts) -> usize {
    parts.method.as_str().len() + parts.uri.to_string().len() + "  HTTP/1.1".len()
}

fn names_one_host(headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else {
        return false;
    };
    host.to_str().is_ok_and(is_host)
}

/// A host and perhaps a port. Functions make a URL of it, so nothing may pass that turns into another part of one.
fn is_host(text: &str) -> bool {
    text.parse::<Authority>().is_ok()
        && !text.contains('@')
        && Url::parse(&format!("http://{text}")).is_ok()
}

#[cfg(test)]
mod tests {
    use http::Request;
    use proptest::prelude::*;

    use super::*;

    fn refusal(path: &str, headers: &[(&str, &str)]) -> Option<Refusal> {
        let mut request = Request::get(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Refusal::of(&request.body(()).unwrap().into_parts().0)
    }

    #[test]
    fn hosts_with_and_without_ports_pass() {
        for host in [
            "id.execute-api.us-east-1.amazonaws.com",
            "127.0.0.1:3000",
            "localhost",
            "[::1]:3000",
            "EXAMPLE.com.",
            "a_b",
        ] {
            assert_eq!(refusal("/v1/x", &[("host", host)]), None, "{host}");
        }
    }

    #[test]
    fn what_is_not_one_host_is_a_bad_request() {
        for host in [
            "",
            " ",
            "a b",
            "a/v1/other?",
            "/a",
            "a?b",
            "a#b",
            r"a\b",
            "user@a",
            "@a",
            "a:b",
            "a:99999",
            "a:+80",
            "a:80:80",
            "[::1",
            "::1",
            "[::1]a",
            "a%zz",
            "<a>",
            "a|b",
            "999.999.999.999",
            "http://a",
        ] {
            let refused = refusal("/v1/x", &[("host", host)]);
            assert_eq!(refused, Some(Refusal::NoHost), "{host:?}");
        }
        assert_eq!(refusal("/v1/x", &[]), Some(Refusal::NoHost));
        let twice = [("host", "a"), ("host", "a")];
        assert_eq!(refusal("/v1/x", &twice), Some(Refusal::NoHost));
        assert_eq!(refusal("/v1/x", &[("host", "é")]), Some(Refusal::NoHost));
    }

    #[test]
    fn the_first_line_and_the_headers_values_share_one_limit() {
        let line = |bytes: usize| "/".repeat(bytes - "GET  HTTP/1.1".len());
        let host = ("host", "a");
        let rest = "x".repeat(MAX_HEAD_BYTES - 100 - host.1.len());
        let headers = [host, ("x-long-name-that-does-not-count", rest.as_str())];
        assert_eq!(refusal(&line(100), &headers), None);
        let over = Some(Refusal::HeadersTooLarge);
        assert_eq!(refusal(&line(101), &headers), over);
        assert_eq!(refusal(&line(MAX_HEAD_BYTES), &[host]), over);
        assert_eq!(refusal(&line(MAX_HEAD_BYTES - 1), &[host]), None);
        let too_long = Some(Refusal::UriTooLong);
        assert_eq!(refusal(&line(MAX_HEAD_BYTES + 1), &[host]), too_long);
    }

    proptest! {
        #[test]
        fn whatever_passes_is_the_host_of_a_url_and_no_other_part(text in "[ -~]{0,12}", port in "(:[0-9]{0,6})?") {
            let host = format!("{text}{port}");
            if is_host(&host) {
                let url = Url::parse(&format!("http://{host}/v1/x")).unwrap();
                prop_assert_eq!(url.path(), "/v1/x");
                prop_assert!(url.username().is_empty() && url.password().is_none());
                prop_assert!(url.query().is_none() && url.fragment().is_none());
            }
        }
    }
}
