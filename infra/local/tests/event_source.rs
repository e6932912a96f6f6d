//! Queues to real functions: what is deleted, what comes back.

mod support;

use std::path::Path;

use aws_sdk_sqs::types::QueueAttributeName::{
    self, ApproximateNumberOfMessages, ApproximateNumberOfMessagesNotVisible,
};
use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use local::stack::Stack;
use support::{kill_hard, start, until};

const QUEUE: &str = "EventsQueue";

async fn send(stack: &Stack, bodies: &[&str]) {
    let entries = bodies.iter().enumerate().map(|(at, body)| {
        SendMessageBatchRequestEntry::builder()
            .id(at.to_string())
            .message_body(*body)
            .build()
            .unwrap()
    });
    let sqs = aws_sdk_sqs::Client::new(&stack.aws().sdk_config());
    let sent = sqs
        .send_message_batch()
        .queue_url(stack.aws().queue_url(QUEUE))
        .set_entries(Some(entries.collect()));
    assert!(sent.send().await.unwrap().failed().is_empty());
}

/// Messages in the queue, in flight or not.
async fn left(stack: &Stack) -> u32 {
    let sqs = aws_sdk_sqs::Client::new(&stack.aws().sdk_config());
    let url = stack.aws().queue_url(QUEUE);
    let attributes = sqs
        .get_queue_attributes()
        .queue_url(url)
        .attribute_names(QueueAttributeName::All)
        .send()
        .await;
    let attributes = attributes.unwrap().attributes.unwrap();
    let count = |name| attributes[&name].parse::<u32>().unwrap();
    count(ApproximateNumberOfMessages) + count(ApproximateNumberOfMessagesNotVisible)
}

fn log(output: &Path) -> String {
    std::fs::read_to_string(output.join("logs/Function.log")).unwrap_or_default()
}

#[tokio::test]
async fn several_receives_make_one_batch_and_only_what_the_function_names_stays() {
    let output = tempfile::tempdir().unwrap();
    let stack = start(output.path(), &[]).await;
    send(
        &stack,
        &["ok", "fail", "ok", "ok", "ok", "ok", "ok", "ok", "ok", "ok"],
    )
    .await;
    send(&stack, &["ok", "ok", "fail"]).await;
    until("the batch is worked on", || async {
        left(&stack).await == 2
    })
    .await;
    assert_eq!(
        log(output.path())
            .lines()
            .filter(|line| line.starts_with("batch"))
            .collect::<Vec<_>>(),
        ["batch of 13"]
    );
    stack.stop().await;
}

/// Longer than the batching window, or a message could come twice in one batch.
const SHORT: [(&str, &str); 1] = [("Visibility", "3")];

#[tokio::test]
async fn an_answer_that_names_an_unknown_message_deletes_nothing() {
    let output = tempfile::tempdir().unwrap();
    let stack = start(output.path(), &SHORT).await;
    send(&stack, &["ok", "unknown"]).await;
    let batches = || log(output.path()).matches("batch of 2").count();
    until("both messages came again", || async { batches() >= 2 }).await;
    assert_eq!(left(&stack).await, 2);
    stack.stop().await;
}

#[tokio::test]
async fn a_function_that_dies_or_times_out_deletes_nothing_and_its_messages_come_again() {
    for command in ["exit", "hang"] {
        let output = tempfile::tempdir().unwrap();
        let stack = start(output.path(), &SHORT).await;
        send(&stack, &["ok", command]).await;
        let processes = || log(output.path()).matches("fixture started").count();
        until("a second process saw them", || async { processes() >= 2 }).await;
        assert_eq!(left(&stack).await, 2, "{command}");
        stack.stop().await;
    }
}

#[tokio::test]
async fn killing_processes_under_load_loses_no_message() {
    let output = tempfile::tempdir().unwrap();
    let stack = start(output.path(), &SHORT).await;
    let (mut sent, mut killed) = (0, 0);
    while killed < 10 {
        send(&stack, &["slow"; 10]).await;
        sent += 10;
        until("a process is up", || async {
            !stack.function_pids("Function").is_empty()
        })
        .await;
        for pid in stack.function_pids("Function") {
            killed += usize::from(kill_hard(pid));
        }
    }
    until("the queue is empty", || async { left(&stack).await == 0 }).await;
    let sizes = log(output.path());
    let handled: usize = sizes
        .lines()
        .filter_map(|line| line.strip_prefix("batch of ")?.parse::<usize>().ok())
        .sum();
    assert!(handled >= sent, "{handled} of {sent}");
    stack.stop().await;
}
