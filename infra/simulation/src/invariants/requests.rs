//! What endpoints received.

use std::time::Duration;

use domain::delivery::{Attempt, Delivery};
use jiff::Timestamp;

use crate::outside::Request;
use crate::play::End;

/// First attempts are made without a claim, as often as their message is handed out at a time; each begins before this
/// has passed since the recorded one ended. No retry comes so soon.
const FIRST_ATTEMPTS: Duration = Duration::from_secs(5);

/// The requests for this delivery.
fn requests_for<'a>(end: &'a End, delivery: &'a Delivery) -> impl Iterator<Item = &'a Request> {
    let id = delivery.key.id.as_str();
    let requests = end.requests.iter();
    requests.filter(move |request| request.delivery == id)
}

/// Of two wake-ups for a retry only one makes it: there are no more requests than recorded attempts, but for those
/// whose process died, or could not record them.
#[must_use]
pub fn retries_once(end: &End) -> Vec<String> {
    let twice = |delivery: &Delivery| {
        let first = delivery.history.attempts().first()?;
        let recorded = delivery.history.attempts().len() - 1;
        let made = requests_for(end, delivery)
            .filter(|request| request.at > ends(first) + FIRST_ATTEMPTS)
            .count();
        (made > recorded + end.faults).then(|| {
            let (id, faults) = (&delivery.key.id, end.faults);
            format!("{id}: {made} requests for {recorded} retries, {faults} faults")
        })
    };
    end.deliveries.values().filter_map(twice).collect()
}

fn ends(attempt: &Attempt) -> Timestamp {
    attempt.at + attempt.duration
}

/// What is logged is what was sent, each time.
#[must_use]
pub fn all_the_same(end: &End) -> Vec<String> {
    let differs = |delivery: &Delivery| {
        let other =
            requests_for(end, delivery).find(|request| request.body != delivery.body.as_bytes())?;
        Some(format!("{} at {}", delivery.key.id, other.at))
    };
    end.deliveries.values().filter_map(differs).collect()
}
