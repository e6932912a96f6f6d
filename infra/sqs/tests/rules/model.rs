//! Random calls on the engine and on a model so naive that it can be read: a list of messages, searched from end to end.
//! After every call both must hold the same messages in the same states, and give them out in the same order.
//!
//! SQS promises no order; this engine's is the one in which messages became visible, noisy groups aside
//! (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/standard-queues-message-order.html>).

use std::time::Duration;

use jiff::Timestamp;
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::json;

use crate::support::{Queue, World, handle, text};

const MAX_RECEIVES: u32 = 3;
const VISIBILITY: u64 = 30;
const LONGEST: Duration = Duration::from_secs(43_200);
const DEAD_RETENTION: Duration = Duration::from_secs(1_209_600);
/// One fewer than make a group noisy: below that, who waits longest is next, whatever its group.
const MOST_MESSAGES: usize = 29;

const INVALID: (&str, &str) = ("InvalidParameterValueException", "InvalidParameterValue");
const NOT_IN_FLIGHT: (&str, &str) = (
    "MessageNotInflight",
    "AWS.SimpleQueueService.MessageNotInflight",
);

#[derive(Debug, Clone)]
enum Step {
    Send {
        delay: u64,
        group: Option<u8>,
    },
    Receive {
        most: usize,
        visibility: Option<u64>,
    },
    Change {
        handle: Index,
        timeout: u64,
    },
    Delete {
        handle: Index,
    },
    Pass {
        millis: u64,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let delay = prop_oneof![3 => Just(0), 1 => 1..60_u64];
    let timeout = prop_oneof![2 => Just(0), 4 => 1..200_u64, 2 => 43_100..=43_200_u64];
    // Whole seconds as well, to meet time-outs and retention at the very moment of their end.
    let whole_seconds = (0..60_u64).prop_map(|seconds| seconds * 1_000);
    let millis = prop_oneof![4 => whole_seconds, 4 => 0..60_000_u64, 1 => 0..43_200_000_u64];
    prop_oneof![
        4 => (delay, prop::option::of(0..3_u8))
            .prop_map(|(delay, group)| Step::Send { delay, group }),
        5 => (1..=10_usize, prop::option::of(0..100_u64))
            .prop_map(|(most, visibility)| Step::Receive { most, visibility }),
        4 => (any::<Index>(), timeout)
            .prop_map(|(handle, timeout)| Step::Change { handle, timeout }),
        2 => any::<Index>().prop_map(|handle| Step::Delete { handle }),
        4 => millis.prop_map(|millis| Step::Pass { millis }),
    ]
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Here,
    DeadLetters,
    Gone,
}

#[derive(Debug)]
struct Message {
    id: String,
    place: Place,
    sent_at: Timestamp,
    /// Hidden until then.
    visible_at: Timestamp,
    received_at: Option<Timestamp>,
    receives: u32,
}

#[derive(Debug)]
struct Handle {
    text: String,
    message: usize,
    /// Of which receive of the message, counted from one.
    receive: u32,
}

/// The engine's queues and what the model knows about them.
struct Run<'a> {
    world: &'a World,
    queue: Queue<'a>,
    dead_letters: Queue<'a>,
    retention: Duration,
    now: Timestamp,
    messages: Vec<Message>,
    /// The messages that were moved, in this order.
    moved: Vec<usize>,
    /// Every handle ever given.
    handles: Vec<Handle>,
}

impl<'a> Run<'a> {
    fn new(world: &'a World, retention: Duration) -> Self {
        let kept = DEAD_RETENTION.as_secs().to_string();
        let dead_letters = world.queue("dead", &json!({"MessageRetentionPeriod": kept}));
        let policy =
            json!({"deadLetterTargetArn": dead_letters.arn(), "maxReceiveCount": MAX_RECEIVES});
        let attributes = json!({
            "VisibilityTimeout": VISIBILITY.to_string(),
            "MessageRetentionPeriod": retention.as_secs().to_string(),
            "RedrivePolicy": policy.to_string(),
        });
        Self {
            world,
            queue: world.queue("work", &attributes),
            dead_letters,
            retention,
            now: world.now(),
            messages: Vec::new(),
            moved: Vec::new(),
            handles: Vec::new(),
        }
    }

    fn take(&mut self, step: &Step) {
        match step {
            Step::Send { delay, group } => self.send(*delay, *group),
            Step::Receive { most, visibility } => self.receive(*most, *visibility),
            Step::Change { handle, timeout } if !self.handles.is_empty() => {
                self.change(handle.index(self.handles.len()), *timeout);
            }
            Step::Delete { handle } if !self.handles.is_empty() => {
                self.delete(handle.index(self.handles.len()));
            }
            Step::Change { .. } | Step::Delete { .. } => {}
            Step::Pass { millis } => self.pass(Duration::from_millis(*millis)),
        }
        self.compare();
    }

    fn send(&mut self, delay: u64, group: Option<u8>) {
        if self.here().count() == MOST_MESSAGES {
            return;
        }
        let mut request = json!({"MessageBody": "a", "DelaySeconds": delay});
        if let Some(group) = group {
            request["MessageGroupId"] = json!(format!("ws_{group}"));
        }
        let sent = self.queue.ok("SendMessage", request);
        self.messages.push(Message {
            id: text(&sent["MessageId"]),
            place: Place::Here,
            sent_at: self.now,
            visible_at: self.now + Duration::from_secs(delay),
            received_at: None,
            receives: 0,
        });
    }

    fn receive(&mut self, most: usize, visibility: Option<u64>) {
        let mut request =
            json!({"MaxNumberOfMessages": most, "MessageSystemAttributeNames": ["All"]});
        if let Some(visibility) = visibility {
            request["VisibilityTimeout"] = json!(visibility);
        }
        let received = self.queue.receive(request);
        let hidden_for = Duration::from_secs(visibility.unwrap_or(VISIBILITY));
        let expected = self.hand_out(most, hidden_for);
        let ids: Vec<_> = received.iter().map(|m| text(&m["MessageId"])).collect();
        assert_eq!(ids, self.ids(&expected));
        for (received, message) in received.iter().zip(expected) {
            let receive = self.messages[message].receives;
            let count = &received["Attributes"]["ApproximateReceiveCount"];
            assert_eq!(text(count), receive.to_string());
            self.handles.push(Handle {
                text: handle(received),
                message,
                receive,
            });
        }
    }

    /// The messages that a receive gives. Those in front of them that were received too often move on.
    fn hand_out(&mut self, most: usize, hidden_for: Duration) -> Vec<usize> {
        let mut given = Vec::new();
        for index in self.line() {
            if given.len() == most {
                break;
            }
            let message = &mut self.messages[index];
            if message.receives == MAX_RECEIVES {
                message.place = Place::DeadLetters;
                self.moved.push(index);
            } else {
                message.receives += 1;
                message.received_at = Some(self.now);
                message.visible_at = self.now + hidden_for;
                given.push(index);
            }
        }
        given
    }

    fn change(&mut self, handle: usize, timeout: u64) {
        let expected = self.check_change(handle, Duration::from_secs(timeout));
        let Handle { text, message, .. } = &self.handles[handle];
        let answer = self
            .queue
            .change_visibility(text, i64::try_from(timeout).unwrap());
        if expected.is_ok() {
            self.messages[*message].visible_at = self.now + Duration::from_secs(timeout);
        }
        let answer = answer.map_err(|refusal| (refusal.shape, refusal.query_code));
        let expected = expected.map_err(|(shape, code)| (shape.to_owned(), code.to_owned()));
        assert_eq!(answer.map(drop), expected);
    }

    /// The shape and the code of the refusal, if the change is not allowed.
    fn check_change(
        &self,
        handle: usize,
        timeout: Duration,
    ) -> Result<(), (&'static str, &'static str)> {
        let message = &self.messages[self.latest(handle).ok_or(INVALID)?];
        if message.visible_at <= self.now {
            return Err(NOT_IN_FLIGHT);
        }
        let elapsed = self.now.duration_since(message.received_at.unwrap());
        let elapsed = Duration::try_from(elapsed).unwrap();
        if elapsed.max(Duration::from_millis(1)) + timeout > LONGEST {
            return Err(INVALID);
        }
        Ok(())
    }

    fn delete(&mut self, handle: usize) {
        let deleted = self.latest(handle);
        let handle = &self.handles[handle].text;
        let was_there = self.world.sqs.delete(&self.queue.url, handle);
        assert_eq!(was_there, deleted.is_some());
        self.queue.delete(handle).unwrap();
        if let Some(deleted) = deleted {
            self.messages[deleted].place = Place::Gone;
        }
    }

    /// The message of a handle, if it is here and the handle of its latest receive.
    fn latest(&self, handle: usize) -> Option<usize> {
        let handle = &self.handles[handle];
        let message = &self.messages[handle.message];
        (message.place == Place::Here && message.receives == handle.receive)
            .then_some(handle.message)
    }

    fn pass(&mut self, time: Duration) {
        self.world.pass(time);
        self.now = self.world.now();
        for message in &mut self.messages {
            let retention = match message.place {
                Place::Here => self.retention,
                Place::DeadLetters => DEAD_RETENTION,
                Place::Gone => continue,
            };
            if message.sent_at + retention <= self.now {
                message.place = Place::Gone;
            }
        }
    }

    fn here(&self) -> impl Iterator<Item = &Message> {
        let messages = self.messages.iter();
        messages.filter(|message| message.place == Place::Here)
    }

    fn hidden(&self) -> impl Iterator<Item = &Message> {
        self.here().filter(|message| message.visible_at > self.now)
    }

    /// The visible messages, the longest visible one first.
    fn line(&self) -> Vec<usize> {
        let visible = |index: &usize| {
            let message = &self.messages[*index];
            message.place == Place::Here && message.visible_at <= self.now
        };
        let mut line: Vec<_> = (0..self.messages.len()).filter(visible).collect();
        line.sort_by_key(|index| (self.messages[*index].visible_at, *index));
        line
    }

    /// The dead letters, the one that came first in front.
    fn dead(&self) -> Vec<usize> {
        let dead = |index: &usize| self.messages[*index].place == Place::DeadLetters;
        self.moved.iter().copied().filter(dead).collect()
    }

    fn ids(&self, messages: &[usize]) -> Vec<String> {
        let ids = messages
            .iter()
            .map(|index| self.messages[*index].id.clone());
        ids.collect()
    }

    fn compare(&self) {
        let received = |message: &&Message| message.received_at.is_some();
        let in_flight = self.hidden().filter(received).count();
        let delayed = self.hidden().count() - in_flight;
        assert_eq!(self.queue.counts(), (self.line().len(), in_flight, delayed));
        assert_eq!(self.dead_letters.counts(), (self.dead().len(), 0, 0));
        let next = self.hidden().map(|message| message.visible_at).min();
        assert_eq!(self.world.sqs.next_visible_at(&self.queue.url), next);
    }

    /// Every message that is left comes out: through the queue or by way of the dead-letter queue.
    fn drain(&mut self) {
        self.pass(LONGEST);
        while !self.line().is_empty() {
            self.receive(10, Some(LONGEST.as_secs()));
            self.compare();
        }
        let here = self.here().count();
        assert_eq!(self.queue.counts(), (0, here, 0));
        self.drain_dead_letters();
    }

    fn drain_dead_letters(&self) {
        let (sqs, url) = (&self.world.sqs, &self.dead_letters.url);
        let mut ids = Vec::new();
        loop {
            let messages = sqs.receive(url, 10, None);
            if messages.is_empty() {
                break;
            }
            for message in messages {
                let receives = (MAX_RECEIVES + 1).to_string();
                assert_eq!(message.attributes["ApproximateReceiveCount"], receives);
                assert!(sqs.delete(url, &message.receipt_handle));
                ids.push(message.message_id);
            }
        }
        assert_eq!(ids, self.ids(&self.dead()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 768, ..ProptestConfig::default() })]

    /// Nothing lost, nothing handed out while hidden, nothing counted wrong
    /// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-visibility-timeout.html>,
    /// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html>).
    #[test]
    fn the_engine_does_what_the_model_does(
        steps in prop::collection::vec(step(), 1..120),
        retention in prop_oneof![Just(600), Just(1_209_600)],
    ) {
        let world = World::new();
        let mut run = Run::new(&world, Duration::from_secs(retention));
        for step in &steps {
            run.take(step);
        }
        run.drain();
    }
}
