//! SQS's long polling: the queues answer at once, the waiting is done here
//! (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-short-and-long-polling.html>).

use std::time::Duration;

use bytes::Bytes;
use http::Response;
use serde::Deserialize;
use sqs::{Clock, Sqs};
use tokio::time::Instant;

use super::json_response;
use crate::clock::until;

/// How often to look again at a queue that says a message is due but gives none out (its in-flight limit).
const BLOCKED_QUEUE_RECHECK: Duration = Duration::from_millis(100);

/// Answers one SQS request; a `ReceiveMessage` with a wait is asked again whenever there may be something.
pub(super) async fn call(sqs: &Sqs, clock: &Clock, target: &str, body: &Bytes) -> Response<Bytes> {
    match Poll::of(sqs, target, body) {
        Some(poll) => poll.run(sqs, clock, target, body).await,
        None => into_http(sqs.handle(target, body)),
    }
}

struct Poll {
    queue: String,
    deadline: Instant,
}

impl Poll {
    fn of(sqs: &Sqs, target: &str, body: &[u8]) -> Option<Self> {
        if target != "AmazonSQS.ReceiveMessage" {
            return None;
        }
        let request: ReceiveMessage = serde_json::from_slice(body).ok()?;
        let wait = request
            .wait_time_seconds
            .or_else(|| default_wait(sqs, &request.queue_url))?;
        let queue = request.queue_url.rsplit('/').next()?.to_owned();
        let in_range = (1..=20).contains(&wait);
        in_range.then(|| Self {
            queue,
            deadline: Instant::now() + Duration::from_secs(wait),
        })
    }

    async fn run(&self, sqs: &Sqs, clock: &Clock, target: &str, body: &[u8]) -> Response<Bytes> {
        let mut arrivals = sqs.arrivals();
        loop {
            arrivals.mark_unchanged();
            let response = sqs.handle(target, body);
            if response.status != 200
                || has_messages(&response.body)
                || Instant::now() >= self.deadline
            {
                return into_http(response);
            }
            tokio::select! {
                () = tokio::time::sleep_until(self.next_look(sqs, clock)) => {}
                changed = arrivals.changed() => if changed.is_err() { return into_http(response) },
            }
        }
    }

    fn next_look(&self, sqs: &Sqs, clock: &Clock) -> Instant {
        let Some(visible_at) = sqs.next_visible_at(&self.queue) else {
            return self.deadline;
        };
        let wait = match until(clock(), visible_at) {
            Duration::ZERO => BLOCKED_QUEUE_RECHECK,
            wait => wait,
        };
        self.deadline.min(Instant::now() + wait)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ReceiveMessage {
    queue_url: String,
    wait_time_seconds: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Received {
    #[serde(default)]
    messages: Vec<serde::de::IgnoredAny>,
}

fn has_messages(body: &[u8]) -> bool {
    serde_json::from_slice::<Received>(body).is_ok_and(|received| !received.messages.is_empty())
}

/// The queue's `ReceiveMessageWaitTimeSeconds`, which holds where the request names no wait.
fn default_wait(sqs: &Sqs, queue_url: &str) -> Option<u64> {
    sqs.queue_attributes(queue_url)?
        .get("ReceiveMessageWaitTimeSeconds")?
        .parse()
        .ok()
}

fn into_http(response: sqs::Response) -> Response<Bytes> {
    let mut http = json_response(response.status, response.body);
    for (name, value) in response.headers {
        if let Ok(value) = http::HeaderValue::try_from(value) {
            http.headers_mut().insert(name, value);
        }
    }
    http
}
