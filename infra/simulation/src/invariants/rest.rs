//! Nothing waits without a wake-up.

use domain::delivery::State;
use domain::sms::delivery;

use crate::actions::GARBAGE;
use crate::play::End;
use crate::scenario::Action;

/// The run came to rest: no message is left, and whatever waits would have been woken by one, or by the sweep.
#[must_use]
pub fn nothing_waits(end: &End) -> Vec<String> {
    let mut broken = Vec::new();
    if !end.at_rest {
        broken.push("the run does not come to rest".to_owned());
    }
    for (queue, held) in &end.held {
        broken.push(format!("{held} messages are left in {queue}"));
    }
    for (key, delivery) in &end.deliveries {
        if let State::Pending(pending) = &delivery.state {
            broken.push(format!("{} waits for nothing: {pending:?}", key.id));
        }
    }
    for sms in &end.sms {
        if !matches!(sms.state, delivery::State::Settled(_)) {
            broken.push(format!("{} waits for nothing: {:?}", sms.key.id, sms.state));
        }
    }
    let due = end.due.iter();
    broken.extend(due.map(|due| format!("still in the index of what waits: {due:?}")));
    broken
}

/// What is no event is a dead letter, at least once; nothing else is.
#[must_use]
pub fn dead_letters_are_deserved(end: &End) -> Vec<String> {
    let deserves =
        |(queue, body): &&(String, String)| queue == "EventsDeadLetterQueue" && body == GARBAGE;
    let mut actions = end.scenario.actions.iter();
    let sent = actions.any(|(_, action)| *action == Action::Garbage);
    let letters = end.dead_letters.iter();
    let mut broken: Vec<String> = letters
        .clone()
        .filter(|letter| !(sent && deserves(letter)))
        .map(|(queue, body)| format!("in {queue}: {body}"))
        .collect();
    if sent && !letters.clone().any(|letter| deserves(&letter)) {
        broken.push("what is no event is nowhere".to_owned());
    }
    broken
}
