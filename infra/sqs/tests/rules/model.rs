//! Random calls against a model so naive that it can be read: a list of messages, each with what the documentation says of
//! it. After every call the engine must hold just the messages that the model holds, in just the same states.
//!
//! The model does not say *which* visible messages a receive gives (SQS promises no order), only which it may give and how
//! many.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;
use serde_json::{Value, json};
use crate::support::{Queue, World, text};

const MAX_RECEIVE_COUNT: u32 = 3;
const VISIBILITY: u64 = 30;
const LONGEST: Duration = Duration::from_secs(43_200);

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
        handle: prop::sample::Index,
        timeout: u64,
    },
    Delete {
        handle: prop::sample::Index,
    },
    Pass {
        millis: u64,
    },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let timeout = prop_oneof![
        2 => Just(0),
        4 => 1..90_u64,
        1 => 43_100..=43_200_u64,
    ];
    let step = prop_oneof![
        4 => (prop_oneof![Just(0), 1..40_u64], prop::option::of(0..3_u8))
            .prop_map(|(delay, group)| Step::Send { delay, group }),
        4 => (1..=10_usize, prop::option::of(0..90_u64))
            .prop_map(|(most, visibility)| Step::Receive { most, visibility }),
        3 => (any::<prop::sample::Index>(), timeout)
            .prop_map(|(handle, timeout)| Step::Change { handle, timeout }),
        1 => any::<prop::sample::Index>().prop_map(|handle| Step::Delete { handle }),
        4 => prop_oneof![4 => 0..40_000_u64, 1 => 0..43_200_000_u64]
            .prop_map(|millis| Step::Pass { millis }),
    ];
    prop::collection::vec(step, 1..80)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Visible,
    Delayed(Timestamp),
    InFlight {
        received_at: Timestamp,
        until: Timestamp,
    },
}

#[derive(Debug)]
struct Message {
    id: String,
    sent_at: Timestamp,
    state: State,
    receives: u32,
}

#[derive(Debug)]
struct Handle {
    text: String,
    message: String,
    receive: u32,
}

/// The engine's queues and what the model knows about them.
struct Run<'a> {
    world: &'a World,
    queue: Queue<'a>,
    dead: Queue<'a>,
    retention: Duration,
    messages: Vec<Message>,
    handles: Vec<Handle>,
}

impl<'a> Run<'a> {
    fn new(world: &'a World, retention: u64) -> Self {
        let dead = world.queue("dead", &json!({"VisibilityTimeout": "43200"}));
        let policy =
            json!({"deadLetterTargetArn": dead.arn(), "maxReceiveCount": MAX_RECEIVE_COUNT});
        let attributes = json!({
            "VisibilityTimeout": VISIBILITY.to_string(),
            "MessageRetentionPeriod": retention.to_string(),
            "RedrivePolicy": policy.to_string(),
        });
        Self {
            world,
            queue: world.queue("work", &attributes),
            dead,
            retention: Duration::from_secs(retention),
            messages: Vec::new(),
            handles: Vec::new(),
        }
    }

    fn take(&mut self, step: &Step) -> TestCaseResult {
        match step {
            Step::Send { delay, group } => self.send(*delay, *group),
            Step::Receive { most, visibility } => self.receive(*most, *visibility)?,
            Step::Change { handle, timeout } if !self.handles.is_empty() => {
                self.change(handle.index(self.handles.len()), *timeout)?;
            }
            Step::Delete { handle } if !self.handles.is_empty() => {
                self.delete(handle.index(self.handles.len()));
            }
            Step::Change { .. } | Step::Delete { .. } => {}
            Step::Pass { millis } => self.pass(Duration::from_millis(*millis)),
        }
        self.compare()
    }

    fn send(&mut self, delay: u64, group: Option<u8>) {
        let mut request = json!({"MessageBody": "a", "DelaySeconds": delay});
        if let Some(group) = group {
            request["MessageGroupId"] = json!(format!("ws_{group}"));
        }
        let sent_at = self.world.now();
        let state = match delay {
            0 => State::Visible,
            delay => State::Delayed(sent_at + Duration::from_secs(delay)),
        };
        let sent = self.queue.ok("SendMessage", request);
        self.messages.push(Message {
            id: text(&sent["MessageId"]),
            sent_at,
            state,
            receives: 0,
        });
    }

    fn receive(&mut self, most: usize, visibility: Option<u64>) -> TestCaseResult {
        let mut request =
            json!({"MaxNumberOfMessages": most, "MessageSystemAttributeNames": ["All"]});
        if let Some(visibility) = visibility {
            request["VisibilityTimeout"] = json!(visibility);
        }
        let dead = self.visible().filter(|message| is_dead(message));
        let dead: BTreeSet<_> = dead.map(|message| message.id.clone()).collect();
        let alive = self.visible().count() - dead.len();
        let received = self.queue.receive(request);
        prop_assert_eq!(received.len(), most.min(alive));
        let hidden_for = Duration::from_secs(visibility.unwrap_or(VISIBILITY));
        for message in &received {
            self.handed_out(message, hidden_for)?;
        }
        // Not before: one answer never holds a message twice, even if it hides none.
        self.wake();
        self.moved(&dead, received.len() < most)
    }

    fn handed_out(&mut self, received: &Value, hidden_for: Duration) -> TestCaseResult {
        let now = self.world.now();
        let id = text(&received["MessageId"]);
        let message = self.messages.iter_mut().find(|message| message.id == id);
        prop_assert!(message.is_some(), "handed out what is deleted or expired");
        let message = message.unwrap();
        prop_assert_eq!(message.state, State::Visible, "handed out while hidden");
        prop_assert!(!is_dead(message));
        message.receives += 1;
        message.state = State::InFlight {
            received_at: now,
            until: now + hidden_for,
        };
        let count = text(&received["Attributes"]["ApproximateReceiveCount"]);
        prop_assert_eq!(count, message.receives.to_string());
        let receive = message.receives;
        let text = text(&received["ReceiptHandle"]);
        self.handles.push(Handle {
            text,
            message: id,
            receive,
        });
        Ok(())
    }

    /// What went to the dead-letter queue had been received often enough, and all such went if there was room left in the
    /// answer.
    fn moved(&mut self, dead: &BTreeSet<String>, room_left: bool) -> TestCaseResult {
        let mut moved = BTreeSet::new();
        loop {
            let messages = self.dead.receive(json!({"MaxNumberOfMessages": 10}));
            if messages.is_empty() {
                break;
            }
            for message in &messages {
                self.dead.delete(&handle(message)).unwrap();
            }
            moved.extend(all(&messages, "MessageId"));
        }
        prop_assert!(moved.is_subset(dead), "{moved:?} of {dead:?}");
        prop_assert!(!room_left || moved == *dead, "{moved:?} of {dead:?}");
        self.messages.retain(|message| !moved.contains(&message.id));
        Ok(())
    }

    fn change(&mut self, handle: usize, timeout: u64) -> TestCaseResult {
        let now = self.world.now();
        let expected = self.expected_of_change(handle, Duration::from_secs(timeout));
        let Handle { text, message, .. } = &self.handles[handle];
        let timeout = i64::try_from(timeout).unwrap();
        let answer = self.queue.change_visibility(text, timeout);
        match expected {
            Ok(received_at) => {
                prop_assert!(answer.is_ok(), "{answer:?}");
                let until = now + Duration::from_secs(timeout.unsigned_abs());
                let message = self.messages.iter_mut().find(|m| m.id == *message);
                message.unwrap().state = State::InFlight { received_at, until };
                self.wake();
            }
            Err(shape) => {
                prop_assert_eq!(answer.map_err(|refusal| refusal.shape), Err(shape.into()));
            }
        }
        Ok(())
    }

    /// When the message was received, if the change is allowed, or else the error.
    fn expected_of_change(
        &self,
        handle: usize,
        timeout: Duration,
    ) -> Result<Timestamp, &'static str> {
        const INVALID: &str = "InvalidParameterValueException";
        let message = self.latest(handle).ok_or(INVALID)?;
        let State::InFlight { received_at, .. } = message.state else {
            return Err("MessageNotInflight");
        };
        let elapsed = Duration::try_from(self.world.now().duration_since(received_at)).unwrap();
        if elapsed.max(Duration::from_millis(1)) + timeout > LONGEST {
            return Err(INVALID);
        }
        Ok(received_at)
    }

    fn delete(&mut self, handle: usize) {
        let gone = self.latest(handle).map(|message| message.id.clone());
        self.queue.delete(&self.handles[handle].text).unwrap();
        self.messages
            .retain(|message| Some(&message.id) != gone.as_ref());
    }

    /// The message of a handle, if the handle is of its latest receive.
    fn latest(&self, handle: usize) -> Option<&Message> {
        let handle = &self.handles[handle];
        let mut messages = self.messages.iter();
        messages.find(|message| message.id == handle.message && message.receives == handle.receive)
    }

    fn pass(&mut self, time: Duration) {
        self.world.pass(time);
        let now = self.world.now();
        let retention = self.retention;
        self.messages
            .retain(|message| message.sent_at + retention > now);
        self.wake();
    }

    fn wake(&mut self) {
        let now = self.world.now();
        for message in &mut self.messages {
            if until(message).is_some_and(|until| until <= now) {
                message.state = State::Visible;
            }
        }
    }

    fn visible(&self) -> impl Iterator<Item = &Message> {
        let messages = self.messages.iter();
        messages.filter(|message| message.state == State::Visible)
    }

    fn compare(&self) -> TestCaseResult {
        let count = |is: fn(&State) -> bool| {
            let states = self.messages.iter().map(|message| &message.state);
            states.filter(|state| is(state)).count()
        };
        let counts = (
            count(|state| matches!(state, State::Visible)),
            count(|state| matches!(state, State::InFlight { .. })),
            count(|state| matches!(state, State::Delayed(_))),
        );
        prop_assert_eq!(self.queue.counts(), counts);
        let next = self.messages.iter().filter_map(until).min();
        prop_assert_eq!(self.world.sqs.next_visible_at(&self.queue.url), next);
        Ok(())
    }

    /// Every message that is left comes out: through the queue or by way of the dead-letter queue.
    fn drain(&mut self) -> TestCaseResult {
        self.pass(LONGEST);
        while self.visible().next().is_some() {
            self.receive(10, Some(43_200))?;
        }
        let left = self.messages.iter();
        let hidden = left.filter(|message| matches!(message.state, State::InFlight { .. }));
        prop_assert_eq!(hidden.count(), self.messages.len());
        self.compare()
    }
}

fn is_dead(message: &Message) -> bool {
    message.receives >= MAX_RECEIVE_COUNT
}

fn until(message: &Message) -> Option<Timestamp> {
    match message.state {
        State::Visible => None,
        State::Delayed(until) | State::InFlight { until, .. } => Some(until),
    }
}

proptest! {
    #[test]
    fn the_engine_does_what_the_model_does(
        steps in steps(),
        retention in prop_oneof![Just(600_u64), Just(1_209_600)],
    ) {
        let world = World::new();
        let mut run = Run::new(&world, retention);
        for step in &steps {
            run.take(step)?;
        }
        run.drain()?;
    }
}
