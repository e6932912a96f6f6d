//! Another program as oracle: one question a line on its standard input, one JSON answer a line on its output.

use std::{
    io::Write,
    process::{Command, Stdio},
    thread,
};

use serde::de::DeserializeOwned;

/// Runs the oracle once over all questions. What is missing fails the test with the remedy.
pub fn ask<A: DeserializeOwned>(
    oracle: &mut Command,
    questions: &[String],
    remedy: &str,
) -> Vec<A> {
    let mut child = oracle
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{oracle:?} cannot be run ({error}); {remedy}"));
    let mut input = child.stdin.take().expect("stdin is piped");
    let lines: String = questions
        .iter()
        .flat_map(|question| [question, "\n"])
        .collect();
    let writer = thread::spawn(move || input.write_all(lines.as_bytes()));
    let output = child
        .wait_with_output()
        .expect("the oracle's output can be read");
    assert!(
        output.status.success(),
        "{oracle:?} failed, see its message above; {remedy}"
    );
    writer
        .join()
        .expect("the writer does not panic")
        .expect("the oracle reads every line");
    let answers: Vec<A> = String::from_utf8(output.stdout)
        .expect("the oracle writes UTF-8")
        .lines()
        .map(|line| serde_json::from_str(line).expect("the oracle answers in JSON"))
        .collect();
    assert_eq!(answers.len(), questions.len(), "one answer a question");
    answers
}
