//! Connection overrides: what a callback URL's fragment asks for, and the retries that follow from it.
//! Source: [connection overrides](https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides).

use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::callback::{Callback, DeliverCallback};
use super::form::Form;

/// Before the first retry; doubled each time. Twilio does not say how long it waits.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// What a fragment asks for. What is missing or no number is Twilio's default, what is out of range the nearest value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Overrides {
    retries: u32,
    read_timeout: Duration,
    total_time: Duration,
    policy: RetryPolicy,
}

/// The failures to retry on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct RetryPolicy {
    client_error: bool,
    server_error: bool,
    not_connected: bool,
    silence: bool,
}

/// What became of a callback in the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    Answered(u16),
    /// In words.
    NotConnected(String),
    Silence,
}

impl Overrides {
    /// Reads the fragment of a URL.
    pub(super) fn of(target: &str) -> Self {
        let fragment = target.split_once('#').map_or("", |(_, fragment)| fragment);
        let form = Form::parse(fragment.as_bytes());
        let number = |name, default: u32, least, most| {
            let number = form.get(name).and_then(|text| text.parse().ok());
            number.unwrap_or(default).clamp(least, most)
        };
        let time = |name| Duration::from_millis(number(name, 15_000, 100, 15_000).into());
        Self {
            retries: number("rc", 1, 0, 5),
            read_timeout: time("rt"),
            total_time: time("tt"),
            policy: RetryPolicy::parse(form.get("rp").unwrap_or("ct")),
        }
    }

    /// Posts a callback, with the retries.
    pub(super) async fn post(self, deliver: &dyn DeliverCallback, callback: &Callback) -> Outcome {
        timeout(self.total_time, self.attempts(deliver, callback))
            .await
            .unwrap_or(Outcome::Silence)
    }

    async fn attempts(self, deliver: &dyn DeliverCallback, callback: &Callback) -> Outcome {
        let mut pause = FIRST_PAUSE;
        for _ in 0..self.retries {
            let outcome = self.attempt(deliver, callback).await;
            if !self.policy.covers(&outcome) {
                return outcome;
            }
            sleep(pause).await;
            pause *= 2;
        }
        self.attempt(deliver, callback).await
    }

    async fn attempt(self, deliver: &dyn DeliverCallback, callback: &Callback) -> Outcome {
        match timeout(self.read_timeout, deliver.post(callback.clone())).await {
            Ok(Ok(status)) => Outcome::Answered(status),
            Ok(Err(words)) => Outcome::NotConnected(words),
            Err(_) => Outcome::Silence,
        }
    }
}

impl RetryPolicy {
    fn parse(list: &str) -> Self {
        let has = |kind| list.split(',').any(|found| found == kind || found == "all");
        Self {
            client_error: has("4xx"),
            server_error: has("5xx"),
            not_connected: has("ct"),
            silence: has("rt"),
        }
    }

    fn covers(self, outcome: &Outcome) -> bool {
        match outcome {
            Outcome::Answered(400..=499) => self.client_error,
            Outcome::Answered(500..=599) => self.server_error,
            Outcome::Answered(_) => false,
            Outcome::NotConnected(_) => self.not_connected,
            Outcome::Silence => self.silence,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::time::Duration;

    use futures::future::{BoxFuture, pending, ready};
    use proptest::prelude::*;
    use tokio::time::Instant;

    use super::super::behaviour::AuthToken;
    use super::*;

    /// Answers as the script says, then with 204; `None` is silence.
    struct Scripted(Mutex<Vec<Option<Result<u16, String>>>>, Mutex<usize>);

    impl DeliverCallback for Scripted {
        fn post(&self, _: Callback) -> BoxFuture<'static, Result<u16, String>> {
            *self.1.lock().unwrap() += 1;
            let mut script = self.0.lock().unwrap();
            if script.is_empty() {
                return Box::pin(ready(Ok(204)));
            }
            match script.remove(0) {
                Some(answer) => Box::pin(ready(answer)),
                None => Box::pin(pending()),
            }
        }
    }

    /// The outcome and how many attempts it took.
    async fn post(target: &str, script: &[Option<Result<u16, &str>>]) -> (Outcome, usize) {
        let script = script.iter().cloned();
        let script = script.map(|answer| answer.map(|answer| answer.map_err(str::to_owned)));
        let deliver = Scripted(Mutex::new(script.collect()), Mutex::default());
        let callback = Callback::signed(target, &AuthToken::new("x"), "t", &[]);
        let outcome = Overrides::of(target).post(&deliver, &callback).await;
        (outcome, *deliver.1.lock().unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_fragment_only_a_connection_failure_is_retried_and_once() {
        let refused = Some(Err("refused"));
        let url = "http://a.example/";
        for (script, expected) in [
            (vec![Some(Ok(500))], (Outcome::Answered(500), 1)),
            (vec![Some(Ok(404))], (Outcome::Answered(404), 1)),
            (vec![None], (Outcome::Silence, 1)),
            (vec![refused], (Outcome::Answered(204), 2)),
            (
                vec![refused, refused],
                (Outcome::NotConnected("refused".into()), 2),
            ),
        ] {
            assert_eq!(post(url, &script).await, expected);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_fragment_sets_the_count_and_the_failures() {
        let failures = [Some(Ok(500)), Some(Ok(403)), None, Some(Err("refused"))];
        for (fragment, expected) in [
            ("rc=5&rp=all&rt=1000", (Outcome::Answered(204), 5)),
            (
                "rc=3&rp=all&rt=1000",
                (Outcome::NotConnected("refused".into()), 4),
            ),
            ("rc=5&rp=5xx", (Outcome::Answered(403), 2)),
            ("rc=5&rp=4xx,5xx", (Outcome::Silence, 3)),
            (
                "rc=5&rp=4xx,5xx,rt&rt=1000",
                (Outcome::NotConnected("refused".into()), 4),
            ),
            ("rc=0&rp=all", (Outcome::Answered(500), 1)),
            ("rc=9&rp=all&rt=1000", (Outcome::Answered(204), 5)),
            ("rc=x&rp=all", (Outcome::Answered(403), 2)),
        ] {
            let target = format!("http://a.example/#{fragment}");
            assert_eq!(post(&target, &failures).await, expected, "{fragment}");
        }
    }

    proptest! {
        #[test]
        fn whatever_a_fragment_says_the_bounds_hold(
            fragment in prop_oneof![".*", "(rc|rt|tt|rp)=-?[0-9]{1,12}(&(rc|rt|tt|rp)=[0-9a-z,]*){0,3}"],
        ) {
            let overrides = Overrides::of(&format!("https://a.example/#{fragment}"));
            prop_assert!(overrides.retries <= 5);
            for time in [overrides.read_timeout, overrides.total_time] {
                prop_assert!((100..=15_000).contains(&time.as_millis()));
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn all_attempts_together_take_no_longer_than_the_total_time() {
        let start = Instant::now();
        let silence = [None, None, None];
        let target = "http://a.example/#rc=5&rp=all&rt=1000&tt=2500";
        assert_eq!(post(target, &silence).await, (Outcome::Silence, 3));
        assert_eq!(start.elapsed(), Duration::from_millis(2500));
    }
}
