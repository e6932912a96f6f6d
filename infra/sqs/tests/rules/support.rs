//! A queue service on a clock that stands still until a test moves it, and calls as a client makes them.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use sqs::{Config, Sqs};

/// In seconds.
pub const DAY: u64 = 86_400;

/// The account's queues and the clock that they live by.
pub struct World {
    pub sqs: Sqs,
    now: Arc<Mutex<Timestamp>>,
}

/// An answer that is an error.
#[derive(Debug, PartialEq, Eq)]
pub struct Refusal {
    pub status: u16,
    /// The shape in `__type`, without its namespace.
    pub shape: String,
    /// The first half of the header `x-amzn-query-error`.
    pub query_code: String,
    pub message: String,
}

impl World {
    pub fn new() -> Self {
        let now = Arc::new(Mutex::new(start()));
        let clock = {
            let now = Arc::clone(&now);
            Arc::new(move || *now.lock().unwrap())
        };
        let config = Config {
            region: "us-east-1".to_owned(),
            account_id: "000000000000".to_owned(),
            endpoint: "http://127.0.0.1:4566".to_owned(),
            seed: 1,
        };
        Self {
            sqs: Sqs::new(config, clock),
            now,
        }
    }

    pub fn now(&self) -> Timestamp {
        *self.now.lock().unwrap()
    }

    pub fn pass(&self, time: Duration) {
        *self.now.lock().unwrap() += time;
    }

    pub fn pass_seconds(&self, seconds: u64) {
        self.pass(Duration::from_secs(seconds));
    }

    pub fn call(&self, action: &str, request: &Value) -> Result<Value, Refusal> {
        self.call_raw(
            &format!("AmazonSQS.{action}"),
            request.to_string().as_bytes(),
        )
    }

    pub fn call_raw(&self, target: &str, body: &[u8]) -> Result<Value, Refusal> {
        let response = self.sqs.handle(target, body);
        let answer: Value = serde_json::from_slice(&response.body).unwrap();
        if response.status == 200 {
            return Ok(answer);
        }
        let header = response
            .headers
            .iter()
            .find(|(name, _)| *name == "x-amzn-query-error");
        let query_code = header.unwrap().1.strip_suffix(";Sender").unwrap();
        Err(Refusal {
            status: response.status,
            shape: text(&answer["__type"])
                .rsplit('#')
                .next()
                .unwrap()
                .to_owned(),
            query_code: query_code.to_owned(),
            message: text(&answer["message"]),
        })
    }

    /// A new queue with these attributes.
    pub fn queue(&self, name: &str, attributes: &Value) -> Queue<'_> {
        let request = json!({"QueueName": name, "Attributes": attributes});
        let answer = self.call("CreateQueue", &request).unwrap();
        Queue {
            world: self,
            url: text(&answer["QueueUrl"]),
        }
    }

    pub fn plain_queue(&self) -> Queue<'_> {
        self.queue("plain", &json!({}))
    }
}

/// A queue, and the calls on it.
pub struct Queue<'a> {
    pub world: &'a World,
    pub url: String,
}

impl Queue<'_> {
    /// A call on this queue: `request` lacks the URL alone.
    pub fn call(&self, action: &str, mut request: Value) -> Result<Value, Refusal> {
        request["QueueUrl"] = json!(self.url);
        self.world.call(action, &request)
    }

    pub fn ok(&self, action: &str, request: Value) -> Value {
        self.call(action, request)
            .unwrap_or_else(|refusal| panic!("{action}: {refusal:?}"))
    }

    pub fn refusal(&self, action: &str, request: Value) -> Refusal {
        self.call(action, request).expect_err(action)
    }

    /// Sends a body; returns the message's id.
    pub fn send(&self, body: &str) -> String {
        let sent = self.ok("SendMessage", json!({"MessageBody": body}));
        text(&sent["MessageId"])
    }

    /// Sends this many messages to a group, or to none.
    pub fn send_many(&self, count: usize, group: Option<&str>) {
        for start in (0..count).step_by(10) {
            let entries: Vec<_> = (start..count.min(start + 10))
                .map(|number| {
                    let mut entry =
                        json!({"Id": number.to_string(), "MessageBody": format!("{number}")});
                    if let Some(group) = group {
                        entry["MessageGroupId"] = json!(group);
                    }
                    entry
                })
                .collect();
            let answer = self.ok("SendMessageBatch", json!({"Entries": entries}));
            assert_eq!(answer["Failed"], json!([]));
        }
    }

    /// Sends a body that becomes visible after this many seconds.
    pub fn send_delayed(&self, body: &str, seconds: i64) -> String {
        let request = json!({"MessageBody": body, "DelaySeconds": seconds});
        text(&self.ok("SendMessage", request)["MessageId"])
    }

    /// What a receive with these parameters gives.
    pub fn receive(&self, request: Value) -> Vec<Value> {
        match self.ok("ReceiveMessage", request).get_mut("Messages") {
            Some(messages) => messages.as_array_mut().unwrap().drain(..).collect(),
            None => Vec::new(),
        }
    }

    /// The one message that a receive of ten gives, with all its attributes.
    pub fn receive_one(&self) -> Value {
        let mut messages = self.receive(everything());
        assert_eq!(messages.len(), 1, "{messages:?}");
        messages.remove(0)
    }

    /// The handle of the one message that there is to receive.
    pub fn receive_handle(&self) -> String {
        handle(&self.receive_one())
    }

    /// Sends a message and receives it; returns its handle.
    pub fn send_and_receive(&self) -> String {
        self.send("a");
        self.receive_handle()
    }

    pub fn receive_nothing(&self) {
        assert_eq!(self.receive(everything()), Vec::<Value>::new());
    }

    /// Receives this many messages, ten at a time.
    pub fn receive_many(&self, count: usize) {
        for start in (0..count).step_by(10) {
            let most = (count - start).min(10);
            let received = self.receive(json!({"MaxNumberOfMessages": most}));
            assert_eq!(received.len(), most, "of {count}");
        }
    }

    pub fn change_visibility(&self, handle: &str, timeout: i64) -> Result<Value, Refusal> {
        self.call(
            "ChangeMessageVisibility",
            json!({"ReceiptHandle": handle, "VisibilityTimeout": timeout}),
        )
    }

    pub fn delete(&self, handle: &str) -> Result<Value, Refusal> {
        self.call("DeleteMessage", json!({"ReceiptHandle": handle}))
    }

    /// Visible, in flight, delayed.
    pub fn counts(&self) -> (usize, usize, usize) {
        let counts = self.world.sqs.counts(&self.url).unwrap();
        (counts.visible, counts.in_flight, counts.delayed)
    }

    /// Sets one attribute.
    pub fn set(&self, name: &str, value: &str) -> Result<Value, Refusal> {
        self.call("SetQueueAttributes", json!({"Attributes": { name: value }}))
    }

    pub fn attributes(&self) -> Map<String, Value> {
        let answer = self.ok("GetQueueAttributes", json!({"AttributeNames": ["All"]}));
        answer["Attributes"].as_object().unwrap().clone()
    }

    pub fn arn(&self) -> String {
        text(&self.attributes()["QueueArn"])
    }
}

/// Where every test's clock begins.
pub fn start() -> Timestamp {
    "2026-03-29T14:30:00Z".parse().unwrap()
}

/// A receive of all that may be received, with everything that belongs to it.
pub fn everything() -> Value {
    json!({
        "MaxNumberOfMessages": 10,
        "MessageSystemAttributeNames": ["All"],
        "MessageAttributeNames": ["All"],
    })
}

pub fn handle(message: &Value) -> String {
    text(&message["ReceiptHandle"])
}

pub fn text(value: &Value) -> String {
    value
        .as_str()
        .unwrap_or_else(|| panic!("no text: {value}"))
        .to_owned()
}

/// The texts under this name, sorted.
pub fn all(values: &[Value], name: &str) -> Vec<String> {
    let mut texts: Vec<_> = values.iter().map(|value| text(&value[name])).collect();
    texts.sort();
    texts
}
