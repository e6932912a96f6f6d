//! What happens to a message after it was accepted, and which callbacks tell of it.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::sleep;

use super::Desk;
use super::behaviour::{AuthToken, Callbacks};
use super::callback::Callback;
use super::fate::Fate;
use super::message::{AcceptedMessage, Status};
use super::messages::Number;
use super::overrides::{Outcome, Overrides};

/// The shortest and the longest time between two statuses.
const LEAST_WAIT_MS: u64 = 50;
const MOST_WAIT_MS: u64 = 200;

/// A message's way to its end.
pub(super) struct Lifecycle {
    pub(super) number: Number,
    /// The token that its callbacks are signed with.
    pub(super) token: AuthToken,
    pub(super) steps: Vec<Step>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Wait(Duration),
    Become(Status),
    Post(Status),
}

/// The steps of a message with that fate.
pub(super) fn steps(fate: Fate, callbacks: Callbacks, number: Number) -> Vec<Step> {
    let statuses = || fate.statuses().iter().copied();
    let wait = |index| Step::Wait(wait(number, index));
    let ways = |posts: usize| {
        statuses().enumerate().flat_map(move |(index, status)| {
            let posts = std::iter::repeat_n(Step::Post(status), posts);
            [wait(index), Step::Become(status)].into_iter().chain(posts)
        })
    };
    match callbacks {
        Callbacks::None => ways(0).collect(),
        Callbacks::Normal => ways(1).collect(),
        Callbacks::Repeated => ways(2).collect(),
        Callbacks::Reordered => ways(0).chain(statuses().rev().map(Step::Post)).collect(),
        Callbacks::Early => statuses()
            .flat_map(|status| [Step::Become(status), Step::Post(status)])
            .collect(),
    }
}

/// Between [`LEAST_WAIT_MS`] and [`MOST_WAIT_MS`], the same on every run.
fn wait(number: Number, index: usize) -> Duration {
    let spread = number.0.wrapping_mul(31).wrapping_add(index as u64 * 53);
    Duration::from_millis(LEAST_WAIT_MS + spread % (MOST_WAIT_MS - LEAST_WAIT_MS + 1))
}

impl Lifecycle {
    /// Takes the steps, unless the message is forgotten meanwhile.
    pub(super) async fn run(self, desk: Arc<Desk>) {
        for step in &self.steps {
            match *step {
                Step::Wait(time) => sleep(time).await,
                Step::Become(status) => desk.change(self.number, status),
                Step::Post(status) => self.post(&desk, status).await,
            }
        }
    }

    async fn post(&self, desk: &Desk, status: Status) {
        let Some(message) = desk.message(self.number) else {
            return;
        };
        let Some(target) = &message.status_callback else {
            return;
        };
        let idempotency_token = format!("{}-{}", message.sid, status.as_str());
        let callback = Callback::signed(
            target,
            &self.token,
            &idempotency_token,
            &parameters(&message, status),
        );
        let outcome = Overrides::of(target).post(&*desk.deliver, &callback).await;
        if !matches!(outcome, Outcome::Answered(200..=299)) {
            let (sid, status) = (&message.sid, status.as_str());
            tracing::warn!(sid, status, ?outcome, "a status callback was not taken");
        }
    }
}

/// Source: [Twilio's request to the StatusCallback
/// URL](https://www.twilio.com/docs/messaging/api/message-resource#twilios-request-to-the-statuscallback-url).
fn parameters(message: &AcceptedMessage, status: Status) -> Vec<(&'static str, String)> {
    let sid = || message.sid.clone();
    let mut parameters = vec![
        ("SmsSid", sid()),
        ("SmsStatus", status.as_str().into()),
        ("MessageStatus", status.as_str().into()),
        ("To", message.to.clone()),
        ("MessageSid", sid()),
        ("AccountSid", message.account.clone()),
        ("From", message.from.clone().unwrap_or_default()),
        ("ApiVersion", "2010-04-01".into()),
    ];
    let service = message.messaging_service.clone();
    parameters.extend(service.map(|service| ("MessagingServiceSid", service)));
    let error = message.error_code.filter(|_| status.is_failure());
    parameters.extend(error.map(|code| ("ErrorCode", code.to_string())));
    if matches!(status, Status::Delivered | Status::Undelivered) {
        let done = message.since(status).map(delivery_report_date);
        parameters.extend(done.map(|done| ("RawDlrDoneDate", done)));
    }
    parameters
}

/// When the carrier says that it was done: `YYMMDDhhmm`.
fn delivery_report_date(at: Timestamp) -> String {
    at.strftime("%y%m%d%H%M").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn posts(callbacks: Callbacks) -> Vec<Status> {
        let steps = steps(Fate::Landline, callbacks, Number(7));
        let posts = steps.iter().filter_map(|step| match step {
            Step::Post(status) => Some(*status),
            _ => None,
        });
        posts.collect()
    }

    #[test]
    fn callbacks_come_as_the_behaviour_says() {
        use Status::{Failed, Queued, Sending};
        assert_eq!(posts(Callbacks::Normal), [Queued, Sending, Failed]);
        assert_eq!(posts(Callbacks::Early), [Queued, Sending, Failed]);
        assert_eq!(
            posts(Callbacks::Repeated),
            [Queued, Queued, Sending, Sending, Failed, Failed]
        );
        assert_eq!(posts(Callbacks::Reordered), [Failed, Sending, Queued]);
        assert_eq!(posts(Callbacks::None), []);
    }

    #[test]
    fn whatever_the_callbacks_are_the_message_takes_the_same_way() {
        for callbacks in [
            Callbacks::Normal,
            Callbacks::Repeated,
            Callbacks::Reordered,
            Callbacks::Early,
            Callbacks::None,
        ] {
            let steps = steps(Fate::Delivered, callbacks, Number(7));
            let way = steps.iter().filter_map(|step| match step {
                Step::Become(status) => Some(*status),
                _ => None,
            });
            assert!(way.eq(Fate::Delivered.statuses().iter().copied()));
        }
    }

    #[test]
    fn waits_are_within_their_bounds_and_early_has_none() {
        for number in 0..1000 {
            for step in steps(Fate::Delivered, Callbacks::Normal, Number(number)) {
                if let Step::Wait(time) = step {
                    assert!((50..=200).contains(&time.as_millis()), "{time:?}");
                }
            }
        }
        let early = steps(Fate::Delivered, Callbacks::Early, Number(0));
        assert!(!early.iter().any(|step| matches!(step, Step::Wait(_))));
    }
}
