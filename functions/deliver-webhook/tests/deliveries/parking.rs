//! What waits while the slow queue has no room for sleepers.

use std::time::Duration;

use domain::delivery::{Delivery, FailedBecause, Pending, State, WokenBy};
use domain::webhook::{Lane, Webhook};
use platform::queue::room::COUNTS_LAG;

use crate::schedule::assert_on_time;
use crate::world::{Answer, World};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);

/// A webhook that always fails, and its one delivery once the wait of 30 minutes has begun.
async fn parked(world: &World) -> (Webhook, Delivery) {
    let webhook = world.webhook("down.example.com").await;
    world.answer("down.example.com", |_| Answer::Status(500));
    world.publish("evt_1").await;
    world
        .until(MINUTE * 10, "it is parked", async |world: &World| {
            world.parked().await == 1
        })
        .await;
    let delivery = world.log(&webhook, None).await.remove(0);
    (webhook, delivery)
}

fn pending(delivery: &Delivery) -> &Pending {
    match &delivery.state {
        State::Pending(pending) => pending,
        other => panic!("{other:?}"),
    }
}

/// What is in flight is being worked on: it is gone within moments.
async fn none_sleeps(world: &World) {
    let most = MINUTE / 2;
    let gone = async |world: &World| world.counts("WebhookSlowQueue").in_flight == 0;
    world.until(most, "nothing sleeps", gone).await;
}

#[tokio::test(start_paused = true)]
async fn the_whole_schedule_is_kept_without_a_single_sleeper() {
    let world = World::with_room(0).await;
    let _sweep = world.sweep_every(MINUTE * 10);
    let webhook = world.webhook("down.example.com").await;
    world.answer("down.example.com", |_| Answer::Status(500));
    for event in 0..20 {
        world.publish(&format!("evt_{event}")).await;
    }
    world.pass(MINUTE / 2).await;
    world
        .until(HOUR * 17, "the third has failed", async |world: &World| {
            none_sleeps(world).await;
            !world.reload(&webhook).await.is_active()
        })
        .await;
    assert_eq!(world.refusals(), 0);
    for delivery in world.log(&webhook, None).await {
        assert!(delivery.history.attempts().len() >= 5);
        assert_on_time(&delivery);
    }
}

#[tokio::test(start_paused = true)]
async fn sleepers_take_the_room_that_there_is_and_the_others_are_parked() {
    let world = World::with_room(12).await;
    world.webhook("down.example.com").await;
    world.answer("down.example.com", |_| Answer::Status(500));
    for event in 0..20 {
        world.publish(&format!("evt_{event}")).await;
    }
    // All of them are in the wait of 30 minutes.
    world.pass(MINUTE * 10).await;
    let counts = world.counts("WebhookSlowQueue");
    assert!((1..=12).contains(&counts.in_flight), "{counts:?}");
    assert_eq!((counts.delayed, counts.visible), (0, 0));
    assert_eq!(world.parked().await, 20 - counts.in_flight as u64);
}

#[tokio::test(start_paused = true)]
async fn a_process_takes_the_places_that_it_saw_until_it_looks_again() {
    let world = World::new().await;
    for _ in 0..3 {
        world
            .send("SmsDeadLetterQueue", "in flight".to_owned())
            .await;
    }
    let room = world.room(5, "SmsDeadLetterQueue");
    assert!(!room.take(), "not looked yet");
    assert_eq!(world.receive("SmsDeadLetterQueue").await.len(), 3);
    let takes = || {
        [0; 6]
            .map(|_| room.take())
            .into_iter()
            .filter(|taken| *taken)
            .count()
    };
    room.look().await;
    assert_eq!(takes(), 2);
    world.pass(Duration::from_secs(9)).await;
    room.look().await;
    assert_eq!(takes(), 0, "the last look was a moment ago");
    world.pass(Duration::from_secs(1)).await;
    room.look().await;
    assert_eq!(takes(), 0, "the count may not show those that were taken");
    world.pass(COUNTS_LAG).await;
    room.look().await;
    assert_eq!(takes(), 5, "nothing is in flight any more");
}

#[tokio::test(start_paused = true)]
async fn where_nobody_can_tell_how_full_the_queue_is_messages_sleep_while_there_are_places() {
    let world = World::with_room_in(1_000, "NoSuchQueue").await;
    let webhook = world.webhook("down.example.com").await;
    world.answer("down.example.com", |_| Answer::Status(500));
    world.publish("evt_1").await;
    world.pass(MINUTE / 2).await;
    assert_eq!(world.counts("WebhookSlowQueue").in_flight, 1);
    let delivery = world.settled(&webhook, HOUR * 17).await;
    assert_eq!(delivery.state, State::Failed(FailedBecause::Exhausted));
    assert_on_time(&delivery);
}

#[tokio::test(start_paused = true)]
async fn a_parked_delivery_is_attempted_on_time_after_the_function_died_behind_the_write() {
    let world = World::with_room(0).await;
    let (webhook, delivery) = parked(&world).await;
    // The message that the function had no time to delete comes back.
    world.wake(&delivery.key).await;
    world.pass(MINUTE).await;
    assert_eq!(world.held("WebhookSlowQueue"), 0, "nothing needs it");
    assert_eq!(world.parked().await, 1);

    let _sweep = world.sweep_every(MINUTE * 5);
    world
        .until(HOUR, "the fourth attempt", async |world: &World| {
            world.calls("down.example.com").len() == 4
        })
        .await;
    assert_on_time(&world.log(&webhook, None).await[0]);
}

#[tokio::test(start_paused = true)]
async fn a_parked_delivery_that_is_resent_is_attempted_at_once_and_keeps_its_schedule() {
    let world = World::with_room(0).await;
    let (webhook, delivery) = parked(&world).await;
    let mut stored = world.store.delivery(&delivery.key).await.unwrap().unwrap();
    stored.value.state = stored.value.state.resend(world.now()).unwrap();
    world
        .store
        .save_delivery(&stored, world.now())
        .await
        .unwrap();
    world.wake(&delivery.key).await;
    world.pass(MINUTE / 2).await;
    assert_eq!(world.calls("down.example.com").len(), 4, "at once");
    let again = world.log(&webhook, None).await.remove(0);
    assert_eq!(pending(&again), pending(&delivery), "as it was");
    assert_eq!(pending(&again).woken_by, WokenBy::Sweep);

    let _sweep = world.sweep_every(MINUTE * 5);
    world.pass(MINUTE * 34).await;
    assert_eq!(
        world.calls("down.example.com").len(),
        5,
        "and once on its schedule"
    );
}

#[tokio::test(start_paused = true)]
async fn of_many_messages_of_a_delivery_that_waits_long_those_without_room_come_to_nothing() {
    let world = World::with_room(4).await;
    let webhook = world.webhook("busy.example.com").await;
    world.answer("busy.example.com", |_| Answer::RetryAfter(503, 7_200));
    let record = |event: &str| world.first_attempt(&webhook, event);
    for event in ["evt_1", "evt_2"] {
        world.send("WebhookSlowQueue", record(event)).await;
    }
    world.pass(MINUTE / 2).await;
    assert_eq!(world.counts("WebhookSlowQueue").in_flight, 2, "both sleep");
    let waiting = world.log(&webhook, None).await;
    world.pass(COUNTS_LAG).await;
    for _ in 0..4 {
        world.wake(&waiting[0].key).await;
        world.pass(MINUTE / 2).await;
    }
    let counts = world.counts("WebhookSlowQueue");
    assert_eq!((counts.delayed, counts.visible), (0, 0));
    assert_eq!(counts.in_flight, 3, "one more found room");
    assert_eq!(world.parked().await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_long_wait_that_begins_in_the_fast_lane_is_parked_as_well() {
    let world = World::with_room(0).await;
    let _sweep = world.sweep_every(MINUTE * 10);
    let webhook = world
        .webhook_with("busy.example.com", |webhook| webhook.lane = Lane::Fast)
        .await;
    let mut first = true;
    world.answer("busy.example.com", move |_| {
        if std::mem::take(&mut first) {
            Answer::RetryAfter(429, 3_600)
        } else {
            Answer::Status(200)
        }
    });
    world.publish("evt_1").await;
    world.pass(MINUTE / 2).await;
    assert_eq!(world.parked().await, 1);
    assert_eq!(
        world.held("WebhookFastQueue") + world.held("WebhookSlowQueue"),
        0
    );
    let delivery = world.settled(&webhook, HOUR * 2).await;
    let [first, second] = delivery.history.attempts() else {
        panic!("two attempts")
    };
    let waited = Duration::try_from(second.at.duration_since(first.at)).unwrap();
    assert!(waited >= HOUR && waited <= HOUR.mul_f64(1.1), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn a_delivery_that_lost_its_message_is_attempted_after_all() {
    let world = World::new().await;
    let _sweep = world.sweep_every(MINUTE * 5);
    let webhook = world.webhook("up.example.com").await;
    world.answer("up.example.com", |_| Answer::Status(500));
    let event = world.publish("evt_1").await;
    let timestamp = world.now();
    world.pass(MINUTE / 2).await;
    world.purge("WebhookSlowQueue").await;
    world.answer("up.example.com", |_| Answer::Status(200));
    let delivery = world.settled(&webhook, MINUTE * 10).await;
    assert_eq!(delivery.key, world.key(&webhook, &event, timestamp));
    assert_eq!(delivery.state, State::Success);
}

#[tokio::test(start_paused = true)]
async fn what_a_deleted_webhook_has_left_behind_ends_so_that_nothing_waits_for_it() {
    let world = World::with_room(0).await;
    let (webhook, delivery) = parked(&world).await;
    world.delete(&webhook).await;
    world.wake(&delivery.key).await;
    world.pass(MINUTE).await;
    let stored = world.store.delivery(&delivery.key).await.unwrap().unwrap();
    assert_eq!(
        stored.value.state,
        State::Failed(FailedBecause::WebhookDisabled)
    );
    assert_eq!(world.parked().await, 0);
    assert_eq!(world.held("WebhookSlowQueue"), 0);
}
