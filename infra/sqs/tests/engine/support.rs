//! A queue on a clock that moves when it is told to.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use sqs::{Config, QueueCounts, ReceivedMessage, Sqs};

pub const QUEUE: &str = "jobs";
pub const DEAD: &str = "jobs-dead";

#[derive(Clone)]
pub struct World {
    pub sqs: Sqs,
    now: Arc<Mutex<Timestamp>>,
}

/// A refusal, as a client sees it.
#[derive(Debug, PartialEq, Eq)]
pub struct Refusal {
    pub code: String,
    pub message: String,
}

impl World {
    /// Without queues.
    pub fn empty() -> Self {
        Self::seeded(1)
    }

    pub fn seeded(seed: u64) -> Self {
        let start: Timestamp = "2026-03-29T14:30:00Z".parse().unwrap();
        let now = Arc::new(Mutex::new(start));
        let clock = Arc::clone(&now);
        let config = Config {
            region: "us-east-1".into(),
            account_id: "000000000000".into(),
            endpoint: "http://127.0.0.1:4566".into(),
            seed,
        };
        Self {
            sqs: Sqs::new(config, Arc::new(move || *clock.lock().unwrap())),
            now,
        }
    }

    /// With [`QUEUE`], its attributes as given.
    pub fn with_queue(attributes: Value) -> Self {
        let world = Self::empty();
        world.ok(
            "CreateQueue",
            json!({ "QueueName": QUEUE, "Attributes": attributes }),
        );
        world
    }

    /// With [`QUEUE`], whose messages go to [`DEAD`] after `receives` receives.
    pub fn with_dead_letters(receives: u32) -> Self {
        let world = Self::empty();
        world.ok("CreateQueue", json!({ "QueueName": DEAD }));
        let policy = json!({ "deadLetterTargetArn": arn(DEAD), "maxReceiveCount": receives });
        let attributes = json!({ "RedrivePolicy": policy.to_string() });
        world.ok(
            "CreateQueue",
            json!({ "QueueName": QUEUE, "Attributes": attributes }),
        );
        world
    }

    pub fn now(&self) -> Timestamp {
        *self.now.lock().unwrap()
    }

    pub fn pass(&self, time: Duration) {
        *self.now.lock().unwrap() += SignedDuration::try_from(time).unwrap();
    }

    pub fn pass_seconds(&self, seconds: u64) {
        self.pass(Duration::from_secs(seconds));
    }

    pub fn call(&self, action: &str, request: Value) -> Result<Value, Refusal> {
        let response = self.sqs.handle(
            &format!("AmazonSQS.{action}"),
            request.to_string().as_bytes(),
        );
        let body: Value = serde_json::from_slice(&response.body).unwrap();
        if response.status == 200 {
            return Ok(body);
        }
        let code = response
            .headers
            .iter()
            .find(|(name, _)| *name == "x-amzn-query-error")
            .unwrap()
            .1
            .clone();
        let code = code.strip_suffix(";Sender").unwrap().to_owned();
        Err(Refusal {
            code,
            message: body["message"].as_str().unwrap().to_owned(),
        })
    }

    #[track_caller]
    pub fn ok(&self, action: &str, request: Value) -> Value {
        self.call(action, request).unwrap()
    }

    #[track_caller]
    pub fn refused(&self, action: &str, request: Value) -> Refusal {
        self.call(action, request).unwrap_err()
    }

    /// Returns the message's id.
    #[track_caller]
    pub fn send(&self, body: &str) -> String {
        self.send_with(json!({ "MessageBody": body }))
    }

    #[track_caller]
    pub fn send_with(&self, message: Value) -> String {
        self.ok("SendMessage", to_queue(message))["MessageId"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// Up to ten messages, hidden for the queue's time-out.
    pub fn receive(&self) -> Vec<ReceivedMessage> {
        self.sqs.receive(QUEUE, 10, None)
    }

    /// The one message there is.
    #[track_caller]
    pub fn receive_one(&self) -> ReceivedMessage {
        let mut messages = self.receive();
        assert_eq!(messages.len(), 1);
        messages.remove(0)
    }

    pub fn bodies(&self) -> Vec<String> {
        self.receive()
            .into_iter()
            .map(|message| message.body)
            .collect()
    }

    pub fn change_visibility(&self, handle: &str, seconds: i64) -> Result<Value, Refusal> {
        let request = json!({ "ReceiptHandle": handle, "VisibilityTimeout": seconds });
        self.call("ChangeMessageVisibility", to_queue(request))
    }

    pub fn counts(&self) -> QueueCounts {
        self.sqs.counts(QUEUE).unwrap()
    }
}

pub fn url(queue: &str) -> String {
    format!("http://127.0.0.1:4566/000000000000/{queue}")
}

pub fn arn(queue: &str) -> String {
    format!("arn:aws:sqs:us-east-1:000000000000:{queue}")
}

/// The request, meant for [`QUEUE`].
pub fn to_queue(mut request: Value) -> Value {
    request["QueueUrl"] = url(QUEUE).into();
    request
}

pub fn counts(visible: usize, in_flight: usize, delayed: usize) -> QueueCounts {
    QueueCounts {
        visible,
        in_flight,
        delayed,
    }
}
