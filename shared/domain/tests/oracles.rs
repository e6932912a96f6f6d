//! Signatures against Node's `crypto`, Python's `hmac` and the verifier that Standard Webhooks publishes for Python.
//!
//! They need `node`, and in `ORACLE_PYTHON` a Python with `oracles/requirements.txt` installed:
//!
//! ```sh
//! python3 -m venv target/oracles && target/oracles/bin/pip install -r shared/domain/tests/oracles/requirements.txt
//! ORACLE_PYTHON=$PWD/target/oracles/bin/python cargo test -p domain --features oracles
//! ```

mod oracle_process;
mod signing_cases;

use std::{env, process::Command};

use proptest::{
    prelude::Strategy,
    strategy::ValueTree,
    test_runner::{Config, TestRunner},
};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use signing_cases::{Case, any_case};

const PREPARE: &str = "python3 -m venv target/oracles && target/oracles/bin/pip install -r \
    shared/domain/tests/oracles/requirements.txt && export ORACLE_PYTHON=$PWD/target/oracles/bin/python";
const CASES: usize = 300;

/// What an oracle makes of one secret's share of a request.
#[derive(Debug, Deserialize)]
struct Answer {
    plain: String,
    standard: String,
    verified: Option<bool>,
}

/// The same cases in each run but for the time.
fn drawn() -> Vec<Case> {
    let rng = TestRunner::deterministic().new_rng();
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let mut draw = || {
        any_case()
            .new_tree(&mut runner)
            .expect("a case can be drawn")
            .current()
    };
    (0..CASES).map(|_| draw()).collect()
}

fn header(case: &Case, name: &str) -> String {
    let header = case.headers().into_iter().find(|header| header.0 == name);
    header.expect("a signed request has every header").1
}

/// One line for each secret of each case.
fn questions(cases: &[Case]) -> Vec<(&Case, Value)> {
    let ask = |case: &Case, secret: &str| {
        let headers: Map<String, Value> = case
            .headers()
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.into()))
            .collect();
        json!({
            "secret": secret,
            "id": case.delivery.as_str(),
            "timestamp": case.at.as_second(),
            "body": case.body.as_str(),
            "headers": headers,
        })
    };
    cases
        .iter()
        .flat_map(|case| {
            case.secrets()
                .map(move |secret| (case, ask(case, secret.expose())))
        })
        .collect()
}

/// Runs the oracle over the questions. What is missing fails the test with the command that prepares it.
fn ask(program: &str, script: &str, remedy: &str, questions: &[(&Case, Value)]) -> Vec<Answer> {
    let script = format!("{}/tests/oracles/{script}", env!("CARGO_MANIFEST_DIR"));
    let questions: Vec<String> = questions
        .iter()
        .map(|(_, question)| question.to_string())
        .collect();
    oracle_process::ask(Command::new(program).arg(script), &questions, remedy)
}

/// The plain signature is the current secret's; among the standard ones each secret has its place.
fn check(case: &Case, question: &Value, answer: &Answer) {
    let standard = header(case, "webhook-signature");
    assert!(
        standard
            .split(' ')
            .any(|signature| signature == answer.standard),
        "{case:?}"
    );
    if question["secret"] == case.keys.current.expose() {
        assert_eq!(header(case, "X-SetGet-Signature"), answer.plain, "{case:?}");
        assert_eq!(
            standard.split(' ').next(),
            Some(answer.standard.as_str()),
            "{case:?}"
        );
    }
    assert_ne!(answer.verified, Some(false), "{case:?}");
}

fn check_all(questions: &[(&Case, Value)], answers: &[Answer]) {
    assert_eq!(answers.len(), questions.len());
    for ((case, question), answer) in questions.iter().zip(answers) {
        check(case, question, answer);
    }
}

#[test]
fn node_computes_the_same_signatures() {
    let cases = drawn();
    let questions = questions(&cases);
    let answers = ask(
        "node",
        "sign.mjs",
        "install Node.js 18 or later (apt-get install nodejs)",
        &questions,
    );
    check_all(&questions, &answers);
}

#[test]
fn python_computes_the_same_signatures_and_its_published_verifier_agrees() {
    let cases = drawn();
    let questions = questions(&cases);
    let python = env::var("ORACLE_PYTHON")
        .unwrap_or_else(|_| panic!("ORACLE_PYTHON is not set; prepare it with: {PREPARE}"));
    let answers = ask(
        &python,
        "sign.py",
        &format!("prepare it with: {PREPARE}"),
        &questions,
    );
    assert!(
        answers.iter().all(|answer| answer.verified.is_some()),
        "the verifier judged every request"
    );
    check_all(&questions, &answers);
}

#[test]
fn the_cases_hold_what_tends_to_go_wrong() {
    let cases = drawn();
    let count = |holds: fn(&Case) -> bool| cases.iter().filter(|case| holds(case)).count();
    assert!(count(|case| !case.body.as_str().is_ascii()) > 100);
    assert!(count(|case| !case.keys.current.expose().is_ascii()) > 50);
    assert!(count(|case| case.keys.current.expose().starts_with("whsec_")) > 50);
    assert!(count(|case| case.keys.retiring.len() > 1) > 50);
}
