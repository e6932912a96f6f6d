//! What this process has told the [statistics](super::webhook_stats) already.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::ids::WebhookId;
use jiff::Timestamp;

/// A touch holds for the writes of the next minutes, too: far shorter than the hour before which a touched hour is not
/// rolled up, by more than clocks differ.
const HOLDS: Duration = Duration::from_secs(5 * 60);
/// Remembered at most; beyond it the memory starts over, which costs another touch.
const REMEMBERED: usize = 10_000;

/// When this process touched which hours, since 1970, of which webhooks' logs. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct Touches(Arc<Mutex<HashMap<(WebhookId, i64), LastTouch>>>);

/// When an hour was touched. Locked while it is, so that of many writes at a time one touches and the others wait for it.
pub(crate) type LastTouch = Arc<tokio::sync::Mutex<Option<Timestamp>>>;

impl Touches {
    pub(crate) fn last(&self, webhook: &WebhookId, hour: i64) -> LastTouch {
        // A panic elsewhere cannot leave the map half changed.
        let mut touches = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if touches.len() >= REMEMBERED {
            touches.clear();
        }
        Arc::clone(touches.entry((webhook.clone(), hour)).or_default())
    }
}

/// Whether the last touch is good for a write now.
pub(crate) fn holds(last: Option<Timestamp>, now: Timestamp) -> bool {
    last.is_some_and(|at| (at..at + HOLDS).contains(&now))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_touch_holds_for_five_minutes_and_for_no_write_before_it() {
        let at = |second: i64| Timestamp::from_second(1_800_000_000 + second).unwrap();
        assert!(!holds(None, at(0)));
        assert!(holds(Some(at(0)), at(0)) && holds(Some(at(0)), at(299)));
        assert!(!holds(Some(at(0)), at(300)) && !holds(Some(at(0)), at(-1)));
    }

    #[test]
    fn each_webhook_and_hour_is_remembered_by_itself() {
        let touches = Touches::default();
        let webhook = |byte| WebhookId::from_random([byte; 16]);
        let now = Timestamp::UNIX_EPOCH;
        *touches.last(&webhook(1), 7).try_lock().unwrap() = Some(now);
        let last = |byte, hour| {
            *touches
                .clone()
                .last(&webhook(byte), hour)
                .try_lock()
                .unwrap()
        };
        assert_eq!(
            (last(1, 7), last(1, 8), last(2, 7)),
            (Some(now), None, None)
        );
    }
}
