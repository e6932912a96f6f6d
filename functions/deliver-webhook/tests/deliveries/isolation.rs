//! The wall between endpoints, and between workspaces: one that hangs does not hold up another.
//!
//! Beside a healthy endpoint that gets 20 events a second, another one hangs for the full 10 s of each attempt, with a
//! backlog as deep as the lanes are wide. Compared is the healthy one's time from the events queue to its arrival, with
//! and without the other.

use std::time::Duration;

use aws_lambda_events::event::sqs::SqsMessage;
use domain::webhook::{Lane, Webhook};

use crate::load::{Arrivals, Dice, Latency, Trip, p99};
use crate::world::{Answer, Setup, World};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HEALTHY: &str = "healthy.example.com";
const HANGING: &str = "hanging.example.com";
/// Events a second.
const RATE: u64 = 20;

/// How much of it there is.
#[derive(Clone, Copy)]
struct Scale {
    /// Events that wait for the hanging endpoint.
    waiting: usize,
    fast_lane: usize,
    slow_lane: usize,
    /// So long events come for the healthy endpoint.
    lasts: Duration,
}

/// The template's concurrency.
const FULL: Scale = Scale {
    waiting: 20_000,
    fast_lane: 100,
    slow_lane: 50,
    lasts: MINUTE,
};
/// Narrower lanes, and still more waiting than they take at a time.
const NARROW: Scale = Scale {
    waiting: 2_500,
    fast_lane: 20,
    slow_lane: 20,
    lasts: Duration::from_secs(30),
};

/// The healthy endpoint.
#[derive(Clone, Copy)]
struct Healthy {
    lane: Lane,
    answers_after: Duration,
}

/// A world with a healthy endpoint.
async fn world(scale: Scale, healthy: Healthy) -> (World, Webhook) {
    let setup = Setup {
        parameters: vec![
            ("FastLaneConcurrency", scale.fast_lane.to_string()),
            ("SlowLaneConcurrency", scale.slow_lane.to_string()),
        ],
        gate: Some(Latency::seeded(1)),
        ..Setup::default()
    };
    let world = World::with(setup).await;
    let in_lane = |webhook: &mut Webhook| webhook.lane = healthy.lane;
    let webhook = world.webhook_with(HEALTHY, in_lane).await;
    (world, webhook)
}

/// The trips of the events to the healthy endpoint.
async fn publish(world: &World, webhook: &Webhook, arrivals: &Arrivals, scale: Scale) -> Vec<Trip> {
    let mut dice = Dice::new(2);
    arrivals
        .publish(world, webhook, RATE, scale.lasts, &mut dice)
        .await;
    world
        .until(MINUTE, "all have arrived", async |_: &World| {
            arrivals.missing() == 0
        })
        .await;
    arrivals.trips()
}

/// The same, beside an endpoint that hangs in that lane.
async fn trips(scale: Scale, healthy: Healthy, hanging: Option<Lane>) -> Vec<Trip> {
    let (world, webhook) = world(scale, healthy).await;
    let arrivals = Arrivals::watch(&world, HEALTHY, healthy.answers_after);
    if let Some(lane) = hanging {
        let in_lane = |webhook: &mut Webhook| webhook.lane = lane;
        let webhook = world.webhook_with(HANGING, in_lane).await;
        world.answer(HANGING, |_| Answer::After(MINUTE, 200));
        let queue = match lane {
            Lane::Fast => "WebhookFastQueue",
            Lane::Slow => "WebhookSlowQueue",
        };
        world
            .first_attempts(&webhook, queue, world.now(), 0..scale.waiting)
            .await;
    }
    publish(&world, &webhook, &arrivals, scale).await
}

async fn hardly_slower(scale: Scale, healthy: Healthy, hanging: Lane) {
    let alone = p99(&trips(scale, healthy, None).await);
    let beside = p99(&trips(scale, healthy, Some(hanging)).await);
    println!("p99 alone {alone:?}, beside one that hangs {beside:?}");
    assert!(
        beside <= alone.mul_f64(1.2),
        "p99 alone {alone:?}, beside one that hangs {beside:?}"
    );
}

const PROVEN_FAST: Healthy = Healthy {
    lane: Lane::Fast,
    answers_after: Duration::from_millis(50),
};
const NEW: Healthy = Healthy {
    lane: Lane::Slow,
    answers_after: Duration::from_millis(50),
};
const SLOW: Healthy = Healthy {
    lane: Lane::Slow,
    answers_after: Duration::from_millis(2_500),
};

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_hangs_does_not_hold_up_one_that_is_proven_fast() {
    hardly_slower(NARROW, PROVEN_FAST, Lane::Slow).await;
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_hangs_does_not_hold_up_a_new_one() {
    hardly_slower(NARROW, NEW, Lane::Slow).await;
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_hangs_does_not_hold_up_one_that_is_slow() {
    hardly_slower(NARROW, SLOW, Lane::Slow).await;
}

/// A workspace whose many endpoints hang, each with a few deliveries: none of them is a crowd.
const HANGING_ENDPOINTS: usize = 125;

async fn beside_a_workspace_that_hangs(scale: Scale, healthy: Healthy) -> Vec<Trip> {
    let (world, webhook) = world(scale, healthy).await;
    let arrivals = Arrivals::watch(&world, HEALTHY, healthy.answers_after);
    let (happened, each) = (world.now(), scale.waiting / HANGING_ENDPOINTS);
    let mut hanging = Vec::new();
    for place in 0..HANGING_ENDPOINTS {
        let host = format!("{place}.{HANGING}");
        world.answer(&host, |_| Answer::After(MINUTE, 200));
        let elsewhere = |webhook: &mut Webhook| webhook.workspace = "ws_hanging".parse().unwrap();
        hanging.push(world.webhook_with(&host, elsewhere).await);
    }
    // Event by event, as fan-out brings them.
    for event in 0..each {
        for webhook in &hanging {
            let queue = "WebhookSlowQueue";
            world
                .first_attempts(webhook, queue, happened, event..event + 1)
                .await;
        }
    }
    publish(&world, &webhook, &arrivals, scale).await
}

/// No slower than so many times what it is alone.
async fn beside_a_workspace_at_most(times: f64, scale: Scale, healthy: Healthy) {
    let alone = p99(&trips(scale, healthy, None).await);
    let beside = p99(&beside_a_workspace_that_hangs(scale, healthy).await);
    println!("p99 alone {alone:?}, beside a workspace that hangs {beside:?}");
    assert!(
        beside <= alone.mul_f64(times),
        "p99 alone {alone:?}, beside {beside:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_workspace_of_endpoints_that_hang_does_not_hold_up_a_new_one_of_another() {
    beside_a_workspace_at_most(1.2, NARROW, NEW).await;
}

#[tokio::test(start_paused = true)]
async fn a_workspace_of_endpoints_that_hang_does_not_hold_up_a_slow_one_of_another() {
    beside_a_workspace_at_most(1.2, NARROW, SLOW).await;
}

/// After the wave the healthy endpoint's events take as long as ever.
async fn costs_one_wave(scale: Scale) {
    let alone = p99(&trips(scale, PROVEN_FAST, None).await);
    let beside = trips(scale, PROVEN_FAST, Some(Lane::Fast)).await;
    let begin = beside.iter().map(|trip| trip.published).min().unwrap();
    let longest = beside.iter().map(|trip| trip.took).max().unwrap();
    let after = beside
        .into_iter()
        .filter(|trip| trip.published >= begin + 11 * SECOND);
    let after = p99(&after.collect::<Vec<_>>());
    println!("p99 alone {alone:?}; beside, longest {longest:?}, p99 after the wave {after:?}");
    assert!(longest <= 11 * SECOND, "{longest:?}");
    assert!(after <= alone.mul_f64(1.2), "{after:?}, alone {alone:?}");
}

#[tokio::test(start_paused = true)]
async fn a_fast_endpoint_that_begins_to_hang_costs_its_neighbours_one_wave() {
    costs_one_wave(NARROW).await;
}

/// An event with an alert for so many who are no members.
fn alert(number: usize, recipients: usize) -> SqsMessage {
    let recipients: Vec<_> = (0..recipients).map(|user| format!("u{user}")).collect();
    let body = serde_json::json!({
        "id": format!("evt_{number}"), "timestamp": "2026-03-29T14:30:00Z",
        "workspace": { "id": format!("ws_{number}"), "slug": "s" },
        "alert": {
            "event_type": "mentioned", "summary": "mentioned you",
            "item": { "identifier": "ENG-1", "title": "t", "url": "https://app.setget.io/1" },
            "recipients": recipients,
        },
    });
    let mut record = SqsMessage::default();
    record.message_id = Some(format!("m-{number}"));
    record.body = Some(body.to_string());
    record
}

#[tokio::test(start_paused = true)]
async fn a_batch_of_alerts_takes_no_longer_than_the_one_with_the_most_recipients() {
    let setup = || Setup {
        gate: Some(Latency::seeded(3)),
        ..Setup::default()
    };
    let takes = async |records: Vec<SqsMessage>| {
        let world = World::with(setup()).await;
        let begin = world.now();
        let deadline = begin + MINUTE;
        let answer = world.fan_out.handle(records, deadline).await;
        assert!(answer.batch_item_failures.is_empty());
        Duration::try_from(world.now().duration_since(begin)).unwrap()
    };
    let one = takes(vec![alert(0, 500)]).await;
    let ten = takes((0..10).map(|number| alert(number, 500)).collect()).await;
    println!("an alert to 500 takes {one:?}, ten of them {ten:?}");
    assert!(ten <= one * 3, "{one:?}, ten of them {ten:?}");
}

#[tokio::test(start_paused = true)]
#[ignore = "takes minutes; the same in small is a test, and README names the command for this one"]
async fn walls_isolation_at_full_size() {
    for healthy in [PROVEN_FAST, NEW, SLOW] {
        hardly_slower(FULL, healthy, Lane::Slow).await;
    }
    // Its 20,000 messages are of many groups: no fair queue lets others pass them, and to hold them back takes a moment.
    for healthy in [NEW, SLOW] {
        beside_a_workspace_at_most(2.0, FULL, healthy).await;
    }
    costs_one_wave(FULL).await;
}
