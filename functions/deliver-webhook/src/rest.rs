//! How a delivery waits: its message hidden, a new one delayed, or parked without any.

use domain::delivery::{Pending, State, WokenBy};
use domain::webhook::Lane;
use jiff::Timestamp;
use platform::queue::waits::{Wait, is_out_of_sight};
use platform::store::due::Moved;
use platform::store::{StoreError, Stored};

use crate::DeliverWebhook;
use crate::settle::Disposition;

impl DeliverWebhook {
    /// What becomes of the message when the delivery goes into this state, which is not written yet: where it waits
    /// long and there is no room, it is to be written as parked.
    pub(crate) fn rest(&self, lane: Lane, state: State) -> (State, Disposition) {
        let State::Pending(pending) = state else {
            return (state, Disposition::Done);
        };
        let until = pending.earliest();
        match self.choose(lane, until) {
            Wait::Hidden => (State::Pending(pending), Disposition::HideUntil(until)),
            Wait::Delayed => (State::Pending(pending), Disposition::DelayUntil(until)),
            Wait::Parked => (State::Pending(pending.parked()), Disposition::Done),
        }
    }

    /// What becomes of the message of a delivery that is written and waits, and that was woken early.
    ///
    /// Where there is no room and much to wait for, it is parked as well, by an update of the index alone. A hidden
    /// message that sleeps on takes no place more than before; but a delivery may have several (queues deliver twice,
    /// `sweep` wakes what is overdue), and of those that find it parked none stays.
    pub(crate) async fn sleep_on(
        &self,
        lane: Lane,
        stored: &Stored,
        pending: &Pending,
    ) -> Result<Disposition, StoreError> {
        let until = pending.earliest();
        if self.has_no_use_for_a_message(pending) {
            return Ok(Disposition::Done);
        }
        match self.choose(lane, until) {
            Wait::Hidden => Ok(Disposition::HideUntil(until)),
            Wait::Delayed => Ok(Disposition::DelayUntil(until)),
            Wait::Parked => Ok(match self.store.park(stored).await? {
                Moved::Moved => Disposition::Done,
                // Somebody else is at it: the next wake-up sees what stands then.
                Moved::Overtaken => Disposition::DelayUntil(until),
            }),
        }
    }

    /// What becomes of the message of a delivery that somebody else has written in this state.
    pub(crate) fn after(&self, lane: Lane, state: &State) -> Disposition {
        let State::Pending(pending) = state else {
            return Disposition::Done;
        };
        if self.has_no_use_for_a_message(pending) {
            return Disposition::Done;
        }
        self.keep_awake(lane, pending.earliest())
    }

    /// What becomes of a message that has to stay, to come back then.
    pub(crate) fn keep_awake(&self, lane: Lane, until: Timestamp) -> Disposition {
        match self.choose(lane, until) {
            Wait::Hidden => Disposition::HideUntil(until),
            Wait::Delayed | Wait::Parked => Disposition::DelayUntil(until),
        }
    }

    fn has_no_use_for_a_message(&self, pending: &Pending) -> bool {
        pending.woken_by == WokenBy::Sweep && is_out_of_sight(self.until(pending.earliest()))
    }

    /// A message that slept in the fast lane would count against that lane, which has no room for any: it goes to the slow
    /// one, delayed.
    fn choose(&self, lane: Lane, until: Timestamp) -> Wait {
        let room = lane == Lane::Slow && self.room.take();
        Wait::choose(self.until(until), room)
    }
}
