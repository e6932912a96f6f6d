//! Scheduled functions: invoked at a fixed rate, as EventBridge does
//! (<https://docs.aws.amazon.com/lambda/latest/dg/with-eventbridge-scheduler.html>). A run that fails is not tried again.

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::json;
use sqs::Clock;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use crate::aws::{ACCOUNT_ID, REGION};
use crate::event_source::Invoke;
use crate::ids;
use crate::template::Schedule;

/// A schedule at work. Dropping it stops it.
#[derive(Debug)]
pub struct Scheduler {
    task: JoinHandle<()>,
}

impl Scheduler {
    /// Invokes `function` at the schedule's rate, the first time after one period.
    #[must_use]
    pub fn start(
        functions: Arc<dyn Invoke>,
        clock: Clock,
        function: String,
        schedule: Schedule,
    ) -> Self {
        Self {
            task: tokio::spawn(run(functions, clock, function, schedule)),
        }
    }
}

impl Drop for Scheduler {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn run(functions: Arc<dyn Invoke>, clock: Clock, function: String, schedule: Schedule) {
    let mut ticks = interval_at(Instant::now() + schedule.every, schedule.every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        ticks.tick().await;
        let event = payload(&schedule, clock());
        if let Err(error) = functions.invoke(&function, event).await {
            tracing::warn!(%function, %error, "a scheduled run failed");
        }
    }
}

/// EventBridge's event, unless the schedule has an input of its own.
fn payload(schedule: &Schedule, now: Timestamp) -> Bytes {
    if let Some(input) = &schedule.input {
        return input.clone().into();
    }
    let event = json!({
        "version": "0",
        "id": ids::uuid(),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": ACCOUNT_ID,
        "time": now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        "region": REGION,
        "resources": [format!("arn:aws:events:{REGION}:{ACCOUNT_ID}:rule/{}", schedule.name)],
        "detail": {},
    });
    event.to_string().into()
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::time::Duration;

    use futures::future::BoxFuture;

    use super::*;
    use crate::clock;
    use crate::lambda::FunctionError;

    /// Takes note of when it is invoked, and fails.
    #[derive(Default)]
    struct Invoked(Mutex<Vec<(String, Instant)>>);

    impl Invoke for Invoked {
        fn invoke<'a>(
            &'a self,
            function: &'a str,
            _: Bytes,
        ) -> BoxFuture<'a, Result<Bytes, FunctionError>> {
            self.0
                .lock()
                .unwrap()
                .push((function.into(), Instant::now()));
            Box::pin(async { Err(FunctionError::Stopped) })
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_function_runs_once_each_period_until_the_schedule_is_dropped() {
        let (invoked, start) = (Arc::new(Invoked::default()), Instant::now());
        let minute = Duration::from_secs(60);
        let schedule = Schedule {
            name: "EveryMinute".into(),
            every: minute,
            input: None,
        };
        let functions = Arc::<Invoked>::clone(&invoked);
        let scheduler = Scheduler::start(functions, clock::system(), "Sweep".into(), schedule);
        tokio::time::sleep(minute * 3 + minute / 2).await;
        drop(scheduler);
        tokio::time::sleep(minute * 3).await;
        let runs = invoked.0.lock().unwrap().clone();
        let expected = [1, 2, 3].map(|run| ("Sweep".to_owned(), start + minute * run));
        assert_eq!(runs, expected);
    }

    #[test]
    fn a_schedule_sends_eventbridges_event_or_its_own_input() {
        let mut schedule = Schedule {
            name: "Sweep".into(),
            every: Duration::from_secs(60),
            input: None,
        };
        let event: serde_json::Value = serde_json::from_slice(&payload(
            &schedule,
            "2026-03-29T14:30:00.5Z".parse().unwrap(),
        ))
        .unwrap();
        assert_eq!(event["time"], "2026-03-29T14:30:00Z");
        assert_eq!(event["detail-type"], "Scheduled Event");
        assert_eq!(
            event["resources"][0],
            "arn:aws:events:us-east-1:000000000000:rule/Sweep"
        );
        schedule.input = Some("{}".into());
        assert_eq!(payload(&schedule, Timestamp::UNIX_EPOCH), "{}");
    }
}
