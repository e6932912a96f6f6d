//! Signatures against the `RequestValidator` of Twilio's Python library, both ways: what it computes and what it takes.
//!
//! It needs a Python in `ORACLE_PYTHON` as `oracles.rs` does.
//!
//! Left out, because the library's way to take URLs apart and to put them together again is not what Twilio signs: an empty
//! query or fragment (`https://a.io/?` loses its `?`), schemes in capitals, and IPv6 addresses with a port (it cuts at the
//! first colon). The product's own URLs have none of them.

mod oracle_process;

use std::{env, process::Command};

use domain::{
    secret::SecretText,
    twilio::{
        credentials::AuthToken,
        signature::{Params, sign, verify},
    },
};
use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, TestRunner},
};
use serde::{Deserialize, Serialize};
use url::form_urlencoded::Serializer;

const REMEDY: &str = "prepare it with: python3 -m venv target/oracles && target/oracles/bin/pip install -r \
    shared/domain/tests/oracles/requirements.txt && export ORACLE_PYTHON=$PWD/target/oracles/bin/python";
const DRAWN: usize = 2_000;

/// A request as it comes in.
#[derive(Debug, Clone, Serialize)]
struct Request {
    url: String,
    form: String,
    token: String,
    signature: String,
}

#[derive(Debug, Deserialize)]
struct Answer {
    computed: String,
    valid: bool,
}

/// What was signed for a request, in place of what came in.
#[derive(Debug, Clone, Copy)]
enum Signed {
    Faithfully,
    WithPort(Option<u16>),
    WithOtherToken,
    WithOtherPath,
    WithAnotherParameter,
    AsRubbish,
}

#[derive(Debug, Clone)]
struct Url {
    scheme: &'static str,
    host: &'static str,
    port: Option<u16>,
    rest: String,
}

impl Url {
    fn with_port(&self, port: Option<u16>) -> String {
        let Self {
            scheme, host, rest, ..
        } = self;
        let port = port.map(|port| format!(":{port}")).unwrap_or_default();
        format!("{scheme}://{host}{port}{rest}")
    }
}

fn any_url() -> impl Strategy<Value = Url> {
    let scheme = prop::sample::select(vec!["https", "http"]);
    let host = prop::sample::select(vec![
        "a.io",
        "api.example.com",
        "127.0.0.1",
        "xn--bcher-kva.example",
    ]);
    let path = "(/[A-Za-z0-9._~%:@!$'()*,=+-]{0,8}){0,3}";
    let value = prop_oneof![
        Just("%2B1415+x%20y%25".to_owned()),
        Just("é:8080/?".to_owned()),
        "[A-Za-z0-9%+:/?@_-]{0,8}",
    ];
    let query = prop::collection::vec(("[a-zA-Z_]{1,5}", value), 0..4);
    let fragment = prop::option::weighted(0.1, "[a-z0-9=&]{1,8}");
    (scheme, host, any_port(), path, query, fragment).prop_map(
        |(scheme, host, port, path, query, fragment)| {
            let query: Vec<_> = query
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            let query = if query.is_empty() {
                String::new()
            } else {
                format!("?{}", query.join("&"))
            };
            let fragment = fragment.map(|text| format!("#{text}")).unwrap_or_default();
            Url {
                scheme,
                host,
                port,
                rest: format!("{path}{query}{fragment}"),
            }
        },
    )
}

fn any_port() -> impl Strategy<Value = Option<u16>> {
    prop::sample::select(vec![None, None, Some(443), Some(80), Some(8443), Some(1)])
}

/// Forms with repeated and empty names and values, as browsers write them or with `%20` for a space.
fn any_form() -> impl Strategy<Value = String> {
    let name = prop_oneof![
        "(Body|To|From|SmsSid|a|A|aa)",
        "[ -~éß中😀]{0,6}",
        "\\PC{1,4}"
    ];
    let value = prop_oneof![
        Just(String::new()),
        "[ab]{1,2}",
        "[ -~éß中😀\r\n]{0,20}",
        "\\PC{0,8}",
        Just("100% + 2 = %2B &".to_owned()),
    ];
    let pairs = prop::collection::vec((name, value), 0..8);
    let tail = prop::sample::select(vec![
        "", "", "", "&flag", "&&x=1&", "&a&a=&=b", "&p=%zz%", "&q=a=b",
    ]);
    (pairs, tail, any::<bool>()).prop_map(|(pairs, tail, plus)| {
        let form = Serializer::new(String::new()).extend_pairs(pairs).finish() + tail;
        if plus { form } else { form.replace('+', "%20") }
    })
}

fn any_request() -> impl Strategy<Value = Request> {
    let signed = prop_oneof![
        3 => Just(Signed::Faithfully),
        4 => any_port().prop_map(Signed::WithPort),
        1 => Just(Signed::WithOtherToken),
        1 => Just(Signed::WithOtherPath),
        1 => Just(Signed::WithAnotherParameter),
        1 => Just(Signed::AsRubbish),
    ];
    let token = prop_oneof!["[0-9a-f]{32}", "\\PC{1,70}"];
    (any_url(), any_form(), token, signed).prop_map(|(url, form, token, signed)| {
        let came_to = url.with_port(url.port);
        let make = |url: &str, form: &str, token: &str| sign(url, &params(form), &auth(token));
        let signature = match signed {
            Signed::Faithfully => make(&came_to, &form, &token),
            Signed::WithPort(port) => make(&url.with_port(port), &form, &token),
            Signed::WithOtherToken => make(&came_to, &form, &format!("{token}0")),
            Signed::WithOtherPath => make(&format!("{came_to}0"), &form, &token),
            Signed::WithAnotherParameter => make(&came_to, &format!("{form}&a=b0"), &token),
            Signed::AsRubbish => came_to.chars().take(28).collect(),
        };
        Request {
            url: came_to,
            form,
            token,
            signature,
        }
    })
}

fn params(form: &str) -> Params {
    Params::parse(form.as_bytes()).expect("a form")
}

fn auth(token: &str) -> AuthToken {
    AuthToken(SecretText::new(token))
}

/// The same requests in each run.
fn drawn() -> Vec<Request> {
    let rng = TestRunner::deterministic().new_rng();
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let mut draw = || {
        any_request()
            .new_tree(&mut runner)
            .expect("a request can be drawn")
            .current()
    };
    (0..DRAWN).map(|_| draw()).collect()
}

fn ask(requests: &[Request]) -> Vec<Answer> {
    let python =
        env::var("ORACLE_PYTHON").unwrap_or_else(|_| panic!("ORACLE_PYTHON is not set; {REMEDY}"));
    let questions: Vec<_> = requests
        .iter()
        .map(|request| serde_json::to_string(request).expect("a request is JSON"))
        .collect();
    let script = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/oracles/twilio_signature.py"
    );
    oracle_process::ask(Command::new(python).arg(script), &questions, REMEDY)
}

#[test]
fn twilios_library_computes_the_same_signatures_and_takes_the_same_ones() {
    let requests = drawn();
    let mut taken = 0;
    for (request, answer) in requests.iter().zip(ask(&requests)) {
        let (params, token) = (params(&request.form), auth(&request.token));
        let (computed, valid) = (
            sign(&request.url, &params, &token),
            verify(&request.signature, &request.url, &params, &token),
        );
        assert_eq!(
            (computed, valid),
            (answer.computed, answer.valid),
            "{request:?}"
        );
        taken += usize::from(valid);
    }
    assert!((DRAWN / 4..DRAWN * 3 / 4).contains(&taken), "{taken}");
}

#[test]
fn the_requests_hold_what_tends_to_go_wrong() {
    let requests = drawn();
    let count = |holds: fn(&Request) -> bool| requests.iter().filter(|r| holds(r)).count();
    assert!(count(|r| r.form.is_empty()) > 20);
    assert!(count(|r| r.form.contains("%20")) > 100);
    assert!(count(|r| r.form.contains('+')) > 100);
    assert!(count(|r| r.form.contains("%F0")) > 100);
    assert!(count(|r| r.form.contains("=&")) > 100);
    assert!(count(|r| r.url.contains('?')) > 500);
    assert!(count(|r| r.url.contains(":8443")) > 100);
    assert!(count(|r| has_repeated_names(&r.form)) > 100);
}

fn has_repeated_names(form: &str) -> bool {
    let params = params(form);
    let mut names: Vec<_> = params.iter().map(|(name, _)| name).collect();
    names.sort_unstable();
    names.windows(2).any(|pair| pair[0] == pair[1])
}
