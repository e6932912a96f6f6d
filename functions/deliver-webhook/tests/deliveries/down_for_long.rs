//! The wall of a partition, for an endpoint that stays down: with 2,000 deliveries a second, first attempts and the retries
//! after 1 min, 5 min, 30 min, 2 h and 12 h are all made at the same time, each 2,000 times a second.
//!
//! What a delivery writes in its whole life is what all of them together write each second in that state: it is enough to
//! count a few, attempt by attempt. That the shards of a kind are used alike is tried in
//! [`hot_workspace`](crate::hot_workspace).

use std::collections::BTreeMap;
use std::time::Duration;

use domain::delivery::State;
use domain::ids::{DueShard, LOG_SHARDS};
use domain::webhook::Webhook;

use crate::world::{Answer, World};

const MINUTE: Duration = Duration::from_secs(60);
/// Deliveries a second.
const RATE: f64 = 2_000.0;
/// What a partition takes in a second.
const WALL: f64 = 1_000.0;
/// Deliveries that are counted. Each is to an endpoint of its own, so that each has a failure to tell its webhook.
const COUNTED: usize = 24;

/// Write units that all of them cost together, by kind of partition.
type Units = BTreeMap<String, u64>;

/// Over how many partitions the deliveries of one webhook are spread; `None` where nothing is written for each of them.
fn partitions(kind: &str) -> Option<usize> {
    match kind {
        "LOG" | "unsettled: pending" | "unsettled: failed" => Some(LOG_SHARDS.into()),
        "due: WEBHOOK" | "due: PARKED" => Some(DueShard::all().count()),
        // The third failure in a row disables the webhook; a process touches a day once in five minutes.
        "WORKSPACE" | "ROLLUP" => None,
        other => panic!("not known: {other}"),
    }
}

fn counted(world: &World) -> Units {
    let kinds = world.write_units().busiest().into_iter();
    let units = kinds.map(|busiest| {
        let units = world.write_units().total(&busiest.kind);
        (busiest.kind, units)
    });
    let units = units.collect();
    world.write_units().forget();
    units
}

async fn webhooks(world: &World) -> Vec<Webhook> {
    let mut webhooks = Vec::new();
    for number in 0..COUNTED {
        let host = format!("{number:03}.example.com");
        world.answer(&host, |_| Answer::Status(503));
        webhooks.push(world.webhook(&host).await);
    }
    webhooks
}

/// What each attempt costs, up to the last.
async fn six_failures(world: &World) -> Vec<Units> {
    let webhooks = webhooks(world).await;
    let _sweeps = world.sweep_every(MINUTE * 10);
    world.write_units().forget();
    for (number, webhook) in webhooks.iter().enumerate() {
        let (now, events) = (world.now(), number..number + 1);
        world
            .first_attempts(webhook, "WebhookSlowQueue", now, events)
            .await;
    }
    let mut attempts = Vec::new();
    // Until shortly before the next wait is over.
    for minutes in [0.9, 4.9, 29.0, 110.0, 700.0, 150.0] {
        world.pass(MINUTE.mul_f64(minutes)).await;
        attempts.push(counted(world));
    }
    for webhook in &webhooks {
        let log = world.log(webhook, None).await;
        assert_eq!(log[0].history.attempts().len(), 6);
        assert!(matches!(log[0].state, State::Failed(_)));
    }
    attempts
}

fn below_the_wall(attempts: &[Units], what: &str) {
    let mut sums = Units::new();
    for (number, attempt) in attempts.iter().enumerate() {
        println!("{what}: attempt {} of {COUNTED}: {attempt:?}", number + 1);
        for (kind, units) in attempt {
            *sums.entry(kind.clone()).or_default() += units;
        }
    }
    assert!(
        sums["LOG"] >= 11 * COUNTED as u64,
        "they are counted: {sums:?}"
    );
    for (kind, units) in &sums {
        let each = *units as f64 / COUNTED as f64;
        let Some(partitions) = partitions(kind) else {
            continue;
        };
        let in_each = each * RATE / partitions as f64;
        println!(
            "{what}: {kind} {each:.1} write units a delivery, {in_each:.0} a second and partition"
        );
        assert!(in_each <= WALL, "{what}: {kind}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_stays_down_is_below_the_wall_with_all_attempts_at_the_same_time() {
    let world = World::new().await;
    below_the_wall(&six_failures(&world).await, "with messages");
}

#[tokio::test(start_paused = true)]
async fn the_same_without_room_for_sleepers() {
    let world = World::with_room(0).await;
    let attempts = six_failures(&world).await;
    assert!(attempts[2].contains_key("due: PARKED"), "{attempts:?}");
    below_the_wall(&attempts, "parked");
}
