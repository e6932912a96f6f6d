//! Who has said stop gets nothing.

use std::time::Duration;

use jiff::Timestamp;
use local::outside::twilio::AcceptedMessage;

use super::first_published_at;
use crate::outside::Texted;
use crate::play::End;
use crate::world;

/// Whoever has looked for opt-outs before one came sends what it has in hand, and lives no longer than this.
const UNDER_WAY: Duration = Duration::from_secs(45);

/// Once we have told Twilio that we have a recipient's STOP, it is given nothing for them until they say START: nothing at
/// all of what happens from then on, and of what has happened before only what is under way.
#[must_use]
pub fn nothing_after_stop(end: &End) -> Vec<String> {
    let texts = end.accepted.iter();
    let theirs = texts.filter(|message| message.to == world::phone(0));
    let late = theirs.filter(|message| end.texted.iter().any(|stop| defies(end, message, *stop)));
    late.map(|message| format!("{:?} at {}", message.body, message.created))
        .collect()
}

/// Whether the message came in spite of this text.
fn defies(end: &End, message: &AcceptedMessage, text: Texted) -> bool {
    let Some(said_at) = text.acknowledged_at.filter(|_| text.stop) else {
        return false;
    };
    let is_new = happened_at(end, message).is_some_and(|at| said_at < at);
    let silent_from = if is_new { said_at } else { said_at + UNDER_WAY };
    silent_from < message.created && !has_started(end, said_at, message.created)
}

/// Whether they said START in between.
fn has_started(end: &End, from: Timestamp, to: Timestamp) -> bool {
    let mut starts = end.texted.iter().filter(|text| !text.stop);
    starts.any(|text| from < text.at && text.at <= to)
}

/// When the event happened that the message tells of; none for a test.
fn happened_at(end: &End, message: &AcceptedMessage) -> Option<Timestamp> {
    let tells_of = |event: &&usize| message.body.contains(&format!(" ENG-{event} "));
    let event = end.published.keys().find(tells_of)?;
    first_published_at(end, *event)
}
