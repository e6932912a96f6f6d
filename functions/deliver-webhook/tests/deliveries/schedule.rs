//! The real schedule: 14 h 36 min of it.

use std::time::Duration;

use domain::delivery::{Delivery, FailedBecause, State};
use domain::webhook::{Activity, DisabledReason};

use crate::world::{Answer, World};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);
pub const WAITS: [Duration; 5] = [
    MINUTE,
    Duration::from_secs(5 * 60),
    Duration::from_secs(30 * 60),
    Duration::from_secs(2 * 3_600),
    Duration::from_secs(12 * 3_600),
];

/// Asserts that each attempt came in its time after the one before: never early, and at most a tenth late.
pub fn assert_on_time(delivery: &Delivery) {
    for (waited, asked) in waits(delivery).into_iter().zip(WAITS) {
        assert!(waited >= asked, "early: {waited:?} for {asked:?}");
        assert!(
            waited <= asked.mul_f64(1.1),
            "late: {waited:?} for {asked:?}"
        );
    }
}

fn waits(delivery: &Delivery) -> Vec<Duration> {
    let attempts = delivery.history.attempts();
    let wait = |pair: &[domain::delivery::Attempt]| {
        Duration::try_from(pair[1].at.duration_since(pair[0].at + pair[0].duration)).unwrap()
    };
    attempts.windows(2).map(wait).collect()
}

#[tokio::test(start_paused = true)]
async fn a_failing_endpoint_is_tried_six_times_over_fourteen_and_a_half_hours_never_early() {
    let world = World::new().await;
    let webhook = world.webhook("down.example.com").await;
    world.answer("down.example.com", |_| Answer::Status(500));
    world.publish("evt_1").await;
    let delivery = world.settled(&webhook, HOUR * 17).await;

    assert_eq!(delivery.state, State::Failed(FailedBecause::Exhausted));
    assert_eq!(delivery.history.attempts().len(), 6);
    assert_on_time(&delivery);
    let calls = world.calls("down.example.com");
    assert_eq!(calls.len(), 6);
    assert!(
        calls
            .iter()
            .all(|call| call.delivery == delivery.key.id.as_str()),
        "one id on every attempt"
    );
    assert!(
        calls
            .iter()
            .all(|call| call.body == calls[0].body && call.body.contains(r#"{"id" : "wi_1"}"#))
    );
    assert_eq!(
        world.refusals(),
        0,
        "the queue never refused to hide a message"
    );
    world.until_quiet(MINUTE).await;
}

#[tokio::test(start_paused = true)]
async fn many_failing_deliveries_keep_the_schedule_side_by_side() {
    let world = World::new().await;
    let webhook = world.webhook("down.example.com").await;
    world.answer("down.example.com", |_| {
        Answer::After(Duration::from_secs(11), 200)
    });
    for number in 0..90 {
        world.publish(&format!("evt_{number}")).await;
    }
    world
        .until(
            HOUR * 17,
            "the third has failed for good",
            async |world: &World| !world.reload(&webhook).await.is_active(),
        )
        .await;
    assert_eq!(world.refusals(), 0);
    let log = world.log(&webhook, None).await;
    assert!(
        log.iter()
            .filter(|delivery| delivery.history.attempts().len() == 6)
            .count()
            >= 3
    );
    for delivery in log {
        assert!(delivery.history.attempts().len() >= 5);
        assert_on_time(&delivery);
    }
}

#[tokio::test(start_paused = true)]
async fn the_third_event_in_a_row_that_fails_disables_the_webhook() {
    let world = World::new().await;
    let webhook = world.webhook("down.example.com").await;
    world.answer("down.example.com", |_| Answer::Status(503));
    for number in 1..=3 {
        world.publish(&format!("evt_{number}")).await;
        world.pass(MINUTE * 10).await;
        assert!(world.reload(&webhook).await.is_active());
    }
    world
        .until(HOUR * 17, "disabled", async |world: &World| {
            !world.reload(&webhook).await.is_active()
        })
        .await;
    let disabled = world.reload(&webhook).await;
    assert!(matches!(
        disabled.activity,
        Activity::Disabled { reason: DisabledReason::EventsFailedInARow, at } if at <= world.now()
    ));
    assert_eq!(disabled.streak.len(), 3);
    assert_eq!(world.calls("down.example.com").len(), 18);
}

#[tokio::test(start_paused = true)]
async fn a_success_in_between_starts_the_count_again() {
    let world = World::new().await;
    let webhook = world.webhook("flaky.example.com").await;
    world.answer("flaky.example.com", |_| Answer::Status(500));
    world.publish("evt_1").await;
    world.publish("evt_2").await;
    world
        .until(HOUR * 17, "two in a row", async |world: &World| {
            world.reload(&webhook).await.streak.len() == 2
        })
        .await;
    world.pass(HOUR * 48).await;
    world.answer("flaky.example.com", |_| Answer::Status(200));
    world.publish("evt_3").await;
    world
        .until(MINUTE, "the count is back", async |world: &World| {
            world.reload(&webhook).await.streak.is_empty()
        })
        .await;
    world.answer("flaky.example.com", |_| Answer::Status(500));
    world.publish("evt_4").await;
    world.publish("evt_5").await;
    world
        .until(HOUR * 17, "two in a row again", async |world: &World| {
            world.reload(&webhook).await.streak.len() == 2
        })
        .await;
    assert!(world.reload(&webhook).await.is_active());
}

#[tokio::test(start_paused = true)]
async fn retry_after_lengthens_a_wait_and_never_shortens_it() {
    for (asked, waited) in [(600, 600), (5, 60), (100_000, 43_200)] {
        let world = World::new().await;
        let webhook = world.webhook("busy.example.com").await;
        let mut first = true;
        world.answer("busy.example.com", move |_| {
            if std::mem::take(&mut first) {
                Answer::RetryAfter(429, asked)
            } else {
                Answer::Status(200)
            }
        });
        world.publish("evt_1").await;
        let delivery = world.settled(&webhook, HOUR * 15).await;
        let least = Duration::from_secs(waited);
        let wait = waits(&delivery)[0];
        assert!(
            wait >= least && wait <= least.mul_f64(1.1),
            "{asked}: {wait:?}"
        );
        assert_eq!(world.refusals(), 0);
    }
}
