//! Random calls on the engine and on a naive model of a queue, which must agree after every one: nothing lost, nothing
//! handed out while hidden, nothing counted wrong
//! (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-visibility-timeout.html>,
//! <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html>).

use std::time::Duration;

use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::json;

use crate::support::{DEAD, QUEUE, World, counts, to_queue};

const MAX_RECEIVES: u32 = 3;
const RETENTION_MS: i64 = 600_000;
const LIMIT_MS: i64 = 43_200_000;
/// One fewer than make a tenant noisy: below that, who waits longest is next, whatever its group.
const MOST_MESSAGES: usize = 29;

#[derive(Debug, Clone)]
enum Step {
    Send { delay: i64, group: Option<u8> },
    Receive { max: usize, visibility: u64 },
    Change { handle: Index, seconds: i64 },
    Delete { handle: Index },
    Pass { millis: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (prop_oneof![3 => Just(0), 1 => 1..60_i64], prop::option::of(0..3_u8))
            .prop_map(|(delay, group)| Step::Send { delay, group }),
        5 => (1..=10_usize, 0..100_u64).prop_map(|(max, visibility)| Step::Receive { max, visibility }),
        4 => (any::<Index>(), prop_oneof![3 => 0..200_i64, 1 => 43_100..=43_200_i64])
            .prop_map(|(handle, seconds)| Step::Change { handle, seconds }),
        2 => any::<Index>().prop_map(|handle| Step::Delete { handle }),
        4 => (0..60_000_u64).prop_map(|millis| Step::Pass { millis }),
    ]
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Here,
    Dead,
    Gone,
}

#[derive(Debug)]
struct Message {
    id: String,
    place: Place,
    sent_at: i64,
    /// Hidden until then.
    visible_at: i64,
    received_at: Option<i64>,
    receives: u32,
}

/// A queue as one would write it down first: a list, searched from end to end.
struct Model {
    world: World,
    now: i64,
    messages: Vec<Message>,
    /// Every handle ever given, with its message and the number of its receive.
    handles: Vec<(String, usize, u32)>,
}

impl Model {
    fn new() -> Self {
        let world = World::with_dead_letters(MAX_RECEIVES);
        world.ok(
            "SetQueueAttributes",
            to_queue(json!({ "Attributes": { "MessageRetentionPeriod": "600" } })),
        );
        let now = world.now().as_millisecond();
        Self {
            world,
            now,
            messages: Vec::new(),
            handles: Vec::new(),
        }
    }

    fn run(&mut self, step: &Step) {
        match step {
            Step::Send { delay, group } => self.send(*delay, *group),
            Step::Receive { max, visibility } => self.receive(*max, *visibility),
            Step::Change { handle, seconds } => self.change(*handle, *seconds),
            Step::Delete { handle } => self.delete(*handle),
            Step::Pass { millis } => self.pass(*millis),
        }
        self.check();
    }

    fn send(&mut self, delay: i64, group: Option<u8>) {
        if self.messages.len() == MOST_MESSAGES {
            return;
        }
        let mut message = json!({ "MessageBody": "a", "DelaySeconds": delay });
        if let Some(group) = group {
            message["MessageGroupId"] = group.to_string().into();
        }
        self.messages.push(Message {
            id: self.world.send_with(message),
            place: Place::Here,
            sent_at: self.now,
            visible_at: self.now + delay * 1_000,
            received_at: None,
            receives: 0,
        });
    }

    fn receive(&mut self, max: usize, visibility: u64) {
        let received = self
            .world
            .sqs
            .receive(QUEUE, max, Some(Duration::from_secs(visibility)));
        let mut expected = Vec::new();
        for index in self.line() {
            if expected.len() == max {
                break;
            }
            let message = &mut self.messages[index];
            if message.receives == MAX_RECEIVES {
                message.place = Place::Dead;
                continue;
            }
            message.receives += 1;
            message.received_at = Some(self.now);
            message.visible_at = self.now + i64::try_from(visibility).unwrap() * 1_000;
            expected.push(index);
        }
        let ids: Vec<&str> = received
            .iter()
            .map(|message| message.message_id.as_str())
            .collect();
        let expected_ids: Vec<&str> = expected
            .iter()
            .map(|index| self.messages[*index].id.as_str())
            .collect();
        assert_eq!(ids, expected_ids);
        for (message, index) in received.into_iter().zip(expected) {
            let receives = self.messages[index].receives;
            assert_eq!(
                message.attributes["ApproximateReceiveCount"],
                receives.to_string()
            );
            self.handles.push((message.receipt_handle, index, receives));
        }
    }

    /// The visible messages, the longest visible one first.
    fn line(&self) -> Vec<usize> {
        let visible = |index: &usize| {
            let message = &self.messages[*index];
            message.place == Place::Here && message.visible_at <= self.now
        };
        let mut line: Vec<usize> = (0..self.messages.len()).filter(visible).collect();
        line.sort_by_key(|index| (self.messages[*index].visible_at, *index));
        line
    }

    fn change(&mut self, handle: Index, seconds: i64) {
        if self.handles.is_empty() {
            return;
        }
        let (handle, index, receive) = handle.get(&self.handles);
        let answer = self
            .world
            .change_visibility(handle, seconds)
            .map_err(|refusal| refusal.code);
        let message = &mut self.messages[*index];
        let elapsed = message.received_at.map_or(0, |at| self.now - at).max(1);
        let refused = if message.place != Place::Here || message.receives != *receive {
            Some("InvalidParameterValue")
        } else if message.visible_at <= self.now {
            Some("AWS.SimpleQueueService.MessageNotInflight")
        } else if elapsed + seconds * 1_000 > LIMIT_MS {
            Some("InvalidParameterValue")
        } else {
            message.visible_at = self.now + seconds * 1_000;
            None
        };
        assert_eq!(answer.err().as_deref(), refused);
    }

    fn delete(&mut self, handle: Index) {
        if self.handles.is_empty() {
            return;
        }
        let (handle, index, receive) = handle.get(&self.handles);
        let message = &mut self.messages[*index];
        let deletes = message.place == Place::Here && message.receives == *receive;
        if deletes {
            message.place = Place::Gone;
        }
        assert_eq!(self.world.sqs.delete(QUEUE, handle), deletes);
    }

    fn pass(&mut self, millis: u64) {
        self.world.pass(Duration::from_millis(millis));
        self.now = self.world.now().as_millisecond();
        for message in &mut self.messages {
            if message.place == Place::Here && message.sent_at + RETENTION_MS <= self.now {
                message.place = Place::Gone;
            }
        }
    }

    fn check(&self) {
        let here = || {
            self.messages
                .iter()
                .filter(|message| message.place == Place::Here)
        };
        let hidden = || here().filter(|message| message.visible_at > self.now);
        let in_flight = hidden()
            .filter(|message| message.received_at.is_some())
            .count();
        let expected = counts(self.line().len(), in_flight, hidden().count() - in_flight);
        assert_eq!(self.world.counts(), expected);
        let dead = self
            .messages
            .iter()
            .filter(|message| message.place == Place::Dead)
            .count();
        assert_eq!(self.world.sqs.counts(DEAD), Some(counts(dead, 0, 0)));
        let next = self
            .world
            .sqs
            .next_visible_at(QUEUE)
            .map(|at| at.as_millisecond());
        assert_eq!(next, hidden().map(|message| message.visible_at).min());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    /// Naive and quick agree on every sequence of calls.
    #[test]
    fn the_engine_does_what_the_model_does(steps in prop::collection::vec(step(), 1..120)) {
        let mut model = Model::new();
        for step in &steps {
            model.run(step);
        }
    }
}
