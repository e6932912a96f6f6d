//! The wall of a partition: it takes 1,000 write units a second
//! (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html>). A workspace that
//! has 2,000 deliveries a second stays below it in each, its indexes' partitions included.

use std::time::Duration;

use domain::webhook::{Lane, Webhook};
use local::aws::Busiest;

use crate::load::Latency;
use crate::world::{Answer, Setup, World};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);
/// Deliveries a second.
const RATE: usize = 2_000;
/// What a partition takes in a second.
const WALL: u64 = 1_000;

async fn world() -> World {
    let setup = Setup {
        gate: Some(Latency::seeded(3)),
        ..Setup::default()
    };
    let world = World::with(setup).await;
    world.write_units().forget();
    world
}

async fn webhooks(world: &World, number: usize) -> Vec<Webhook> {
    let mut webhooks = Vec::new();
    for number in 0..number {
        webhooks.push(world.webhook(&format!("{number:03}.example.com")).await);
    }
    webhooks
}

/// Has deliveries begin for so long, spread over the webhooks, of events that happened so long ago.
async fn deliver(world: &World, webhooks: &[Webhook], seconds: usize, ago: Duration) {
    // Ten times a second.
    for tenth in 0..seconds * 10 {
        for (place, webhook) in webhooks.iter().enumerate() {
            let events = RATE / 10 / webhooks.len();
            let first = (tenth * webhooks.len() + place) * events;
            let (queue, happened) = ("WebhookSlowQueue", world.now() - ago);
            world
                .first_attempts(webhook, queue, happened, first..first + events)
                .await;
        }
        world.pass(SECOND / 10).await;
    }
}

/// The busiest partition of each kind; none is above the wall.
fn below_the_wall(world: &World, what: &str) -> Vec<Busiest> {
    let busiest = world.write_units().busiest();
    for Busiest { kind, units, .. } in &busiest {
        println!("{what}: {kind} {units} write units in its busiest second");
    }
    for partition in &busiest {
        assert!(partition.units <= WALL, "{what}: {partition:?}");
    }
    busiest
}

fn units(busiest: &[Busiest], kind: &str) -> u64 {
    let found = busiest.iter().find(|partition| partition.kind == kind);
    found.map_or(0, |partition| partition.units)
}

/// Succeeds at once with events of so long ago.
async fn succeeding(number: usize, ago: Duration) -> Vec<Busiest> {
    let world = world().await;
    let webhooks = webhooks(&world, number).await;
    for webhook in &webhooks {
        world.answer(webhook.url.host(), |_| Answer::After(SECOND / 20, 200));
    }
    world.write_units().forget();
    deliver(&world, &webhooks, 2, ago).await;
    world.until_quiet(MINUTE).await;
    let written = world.write_units().total("LOG");
    assert_eq!(written, 2 * RATE as u64, "one unit each");
    below_the_wall(
        &world,
        &format!(
            "success, {number} webhooks, events of {} s ago",
            ago.as_secs()
        ),
    )
}

#[tokio::test(start_paused = true)]
async fn a_hot_webhook_succeeds_below_the_wall() {
    let busiest = succeeding(1, Duration::ZERO).await;
    assert!(units(&busiest, "LOG") > 50, "they are counted: {busiest:?}");
}

#[tokio::test(start_paused = true)]
async fn a_hot_workspace_with_many_webhooks_succeeds_below_the_wall() {
    succeeding(20, Duration::ZERO).await;
}

#[tokio::test(start_paused = true)]
async fn a_hot_webhook_fails_and_is_tried_again_below_the_wall() {
    let world = world().await;
    let webhooks = webhooks(&world, 1).await;
    world.answer(webhooks[0].url.host(), |_| Answer::After(SECOND / 20, 503));
    world.write_units().forget();
    deliver(&world, &webhooks, 2, Duration::ZERO).await;
    world.pass(SECOND * 10).await;
    let first = below_the_wall(&world, "first failure");
    assert!(units(&first, "due: WEBHOOK") > 40, "{first:?}");
    assert!(units(&first, "unsettled: pending") > 50, "{first:?}");
    world.write_units().forget();
    world.pass(MINUTE * 2).await;
    below_the_wall(&world, "first retry");
}

/// Each write of an hour long past tells the statistics of it, in the one item of its day.
#[tokio::test(start_paused = true)]
async fn a_hot_webhook_catches_up_with_events_of_hours_ago_below_the_wall() {
    let busiest = succeeding(1, HOUR * 2).await;
    assert!(units(&busiest, "ROLLUP") > 0, "{busiest:?}");
}

/// Many new endpoints prove fast within the same second, each in the eyes of one process.
#[tokio::test(start_paused = true)]
async fn a_workspace_whose_webhooks_all_turn_fast_marks_them_below_the_wall() {
    let world = world().await;
    let webhooks = webhooks(&world, 300).await;
    for webhook in &webhooks {
        world.answer(webhook.url.host(), |_| Answer::After(SECOND / 20, 200));
    }
    world.write_units().forget();
    let events = Lane::PROOF as usize + 1;
    for webhook in &webhooks {
        let now = world.now();
        world
            .first_attempts(webhook, "WebhookSlowQueue", now, 0..events)
            .await;
    }
    world.until_quiet(MINUTE).await;
    let busiest = below_the_wall(&world, "300 webhooks turn fast");
    assert!(units(&busiest, "WORKSPACE") > 0, "{busiest:?}");
}

/// Each of the successes has seen the streak, and would end it.
#[tokio::test(start_paused = true)]
async fn a_hot_webhook_that_recovers_ends_its_streak_below_the_wall() {
    let world = world().await;
    let webhooks = webhooks(&world, 1).await;
    world.answer(webhooks[0].url.host(), |_| Answer::After(SECOND / 20, 200));
    let failed = "evt_failed".parse().unwrap();
    world
        .edit(&webhooks[0], |webhook| {
            assert!(webhook.count_failed_event(&failed, webhook.created_at));
        })
        .await;
    world.write_units().forget();
    deliver(&world, &webhooks, 2, Duration::ZERO).await;
    world.until_quiet(MINUTE).await;
    assert!(world.reload(&webhooks[0]).await.streak.is_empty());
    let busiest = below_the_wall(&world, "recovery");
    assert!(units(&busiest, "WORKSPACE") > 0, "{busiest:?}");
}
