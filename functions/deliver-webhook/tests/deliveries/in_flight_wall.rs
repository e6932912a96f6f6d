//! The wall of a queue: with 120,000 messages in flight a standard queue gives out nothing any more
//! (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-queues.html>), and those that
//! sleep in a visibility time-out count. How many those are, the queue tells a minute late, as AWS's may.
//!
//! Two and a half times as many deliveries fail at once. What the slow queue has no room for waits in the table, and is
//! sent back in time by `sweep`: every attempt comes on time, and whoever else uses the queue sees nothing of it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use domain::webhook::Webhook;
use jiff::Timestamp;
use platform::queue::room::RoomLimits;

use crate::load::{Arrivals, Dice, Latency, p99};
use crate::world::{Answer, Setup, World};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);

const BYSTANDER: &str = "bystander.example.com";
/// It stays in the slow lane.
const BYSTANDER_TAKES: Duration = Duration::from_millis(2_500);
/// What the failing endpoints take to say so.
const FAILS_AFTER: Duration = Duration::from_millis(50);
const WAITS: [Duration; 5] = [
    MINUTE,
    Duration::from_secs(5 * 60),
    Duration::from_secs(30 * 60),
    Duration::from_secs(2 * 3_600),
    Duration::from_secs(12 * 3_600),
];
const FAILING_ENDPOINTS: usize = 10;

/// How much of it there is.
#[derive(Clone, Copy)]
struct Scale {
    failing: usize,
    /// Of the slow queue.
    in_flight: usize,
    /// Events a second.
    rate: usize,
    /// After so many failures the endpoints are back.
    failures: usize,
}

const FULL: Scale = Scale {
    failing: 300_000,
    in_flight: 120_000,
    rate: 2_000,
    failures: 3,
};
const SMALL: Scale = Scale {
    failing: 1_500,
    in_flight: 600,
    rate: 100,
    failures: 3,
};

const ALL_WAITS: Scale = Scale {
    failing: 300,
    in_flight: 200,
    rate: 100,
    failures: 5,
};

/// What the failing endpoints have seen of each delivery, and of each wait the least and the most by which it was longer
/// than the schedule has it.
struct Seen {
    failures: usize,
    last: HashMap<String, (usize, Timestamp)>,
    late: Vec<(f64, f64)>,
}

impl Seen {
    fn nothing(scale: Scale) -> Seen {
        Seen {
            failures: scale.failures,
            last: HashMap::new(),
            late: vec![(f64::INFINITY, f64::NEG_INFINITY); scale.failures],
        }
    }

    /// An attempt; whether it is the one that succeeds.
    fn attempt(&mut self, delivery: &str, at: Timestamp) -> bool {
        let before = self.last.get(delivery).copied();
        let number = before.map_or(0, |(number, _)| number + 1);
        self.last.insert(delivery.to_owned(), (number, at));
        if let Some((_, last)) = before {
            let waited = Duration::try_from(at.duration_since(last)).unwrap() - FAILS_AFTER;
            let wait = WAITS[number - 1].as_secs_f64();
            let late = (waited.as_secs_f64() - wait) / wait;
            let (least, most) = self.late[number - 1];
            self.late[number - 1] = (least.min(late), most.max(late));
        }
        number == self.failures
    }

    fn ended(&self) -> usize {
        let done = self
            .last
            .values()
            .filter(|(number, _)| *number == self.failures);
        done.count()
    }
}

/// The most that was seen of something at any moment.
#[derive(Debug, Default, Clone, Copy)]
struct Peak {
    in_flight: usize,
    delayed: usize,
    parked: u64,
}

/// The template's, of the slow lane.
const PROCESSES: u64 = 50;

async fn world(scale: Scale, processes: u64) -> World {
    let setup = Setup {
        parameters: vec![("SlowLaneConcurrency", processes.to_string())],
        gate: Some(Latency::seeded(4)),
        room: RoomLimits {
            most_in_flight: (scale.in_flight / 2) as u64,
            processes,
        },
        forgets_calls: true,
        ..Setup::default()
    };
    let world = World::with(setup).await;
    world.limit_in_flight("WebhookSlowQueue", scale.in_flight);
    world.lag_counts("WebhookSlowQueue", MINUTE);
    world
}

/// Endpoints that fail some times and then succeed.
async fn failing_endpoints(world: &World, seen: &Arc<Mutex<Seen>>) -> Vec<Webhook> {
    let mut webhooks = Vec::new();
    for number in 0..FAILING_ENDPOINTS {
        let host = format!("{number}.failing.example.com");
        let seen = Arc::clone(seen);
        world.answer(&host, move |call| {
            let is_last = seen.lock().unwrap().attempt(&call.delivery, call.at);
            Answer::After(FAILS_AFTER, if is_last { 200 } else { 503 })
        });
        // Not the bystander's events.
        let project = "proj_failing".parse().unwrap();
        let of_project = |webhook: &mut Webhook| webhook.project_id = Some(project);
        webhooks.push(world.webhook_with(&host, of_project).await);
    }
    webhooks
}

/// Has the first attempts of all failing deliveries made, so many a second.
async fn fail(world: &World, webhooks: &[Webhook], scale: Scale) {
    let each = scale.rate / webhooks.len();
    for first in (0..scale.failing / webhooks.len()).step_by(each) {
        let (now, events) = (world.now(), first..first + each);
        for webhook in webhooks {
            world
                .first_attempts(webhook, "WebhookSlowQueue", now, events.clone())
                .await;
        }
        world.pass(SECOND).await;
    }
}

/// Looks every second, for so long.
async fn watch(world: &World, time: Duration, peak: &Mutex<Peak>) {
    let end = world.now() + time;
    while world.now() < end {
        world.pass(SECOND).await;
        let counts = world.counts("WebhookSlowQueue");
        let parked = if world.now().as_second() % 60 == 0 {
            world.parked().await
        } else {
            0
        };
        let mut peak = peak.lock().unwrap();
        peak.in_flight = peak.in_flight.max(counts.in_flight);
        peak.delayed = peak.delayed.max(counts.delayed);
        peak.parked = peak.parked.max(parked);
    }
}

/// The bystander's p99 over half a minute.
async fn bystander(world: &World, webhook: &Webhook, seed: u64) -> Duration {
    let arrivals = Arrivals::watch(world, BYSTANDER, BYSTANDER_TAKES);
    let mut dice = Dice::new(seed);
    arrivals
        .publish(world, webhook, 20, MINUTE / 2, &mut dice)
        .await;
    let all = async |_: &World| arrivals.missing() == 0;
    world.until(MINUTE, "all have arrived", all).await;
    p99(&arrivals.trips())
}

fn assert_on_time(seen: &Seen, scale: Scale) {
    for (wait, (least, most)) in WAITS.iter().zip(&seen.late) {
        println!(
            "waits of {wait:?}: {:.2} % to {:.2} % late",
            least * 100.0,
            most * 100.0
        );
    }
    assert_eq!(seen.ended(), scale.failing, "all got through");
    for (least, most) in &seen.late {
        assert!(*least >= 0.0, "none is early");
        assert!(*most <= 0.1, "none is more than 10 % late");
    }
}

async fn on_time_and_undisturbed(scale: Scale) {
    let world = world(scale, PROCESSES).await;
    let _sweeps = world.sweep_every(MINUTE);
    let webhook = world.webhook(BYSTANDER).await;
    let alone = bystander(&world, &webhook, 5).await;

    let seen = Arc::new(Mutex::new(Seen::nothing(scale)));
    let peak = Mutex::<Peak>::default();
    let webhooks = failing_endpoints(&world, &seen).await;
    let fail = fail(&world, &webhooks, scale);
    let (_, first, ()) = futures::join!(
        watch(&world, MINUTE * 34, &peak),
        bystander(&world, &webhook, 6),
        fail
    );
    // The retries after half an hour, which `sweep` has sent.
    let ((), later) = futures::join!(watch(&world, MINUTE * 10, &peak), async {
        world.pass(MINUTE * 4).await;
        bystander(&world, &webhook, 7).await
    });
    world.until_quiet(HOUR).await;

    let (seen, peak) = (seen.lock().unwrap(), *peak.lock().unwrap());
    println!("{peak:?} of {} deliveries", scale.failing);
    println!("bystander's p99: alone {alone:?}, first {first:?}, later {later:?}");
    assert_on_time(&seen, scale);
    assert!(
        peak.in_flight < scale.in_flight,
        "the wall is not reached: {peak:?}"
    );
    assert!(
        peak.parked as usize > scale.failing / 2,
        "most had no room: {peak:?}"
    );
    for disturbed in [first, later] {
        assert!(
            disturbed <= alone.mul_f64(1.2),
            "{disturbed:?}, alone {alone:?}"
        );
    }
    assert_eq!(world.held("WebhookDeadLetterQueue"), 0);
}

#[tokio::test(start_paused = true)]
async fn more_deliveries_wait_than_may_be_in_flight_and_each_is_on_time() {
    on_time_and_undisturbed(SMALL).await;
}

/// Failures that come quicker than the count of those in flight: in the minute by which it is late, they would fill the
/// queue several times.
#[tokio::test(start_paused = true)]
async fn no_more_sleep_than_have_room_however_late_the_queue_tells_how_many_do() {
    let scale = Scale {
        failing: 1_200,
        in_flight: 200,
        rate: 20,
        failures: 3,
    };
    let world = world(scale, 2).await;
    let seen = Arc::new(Mutex::new(Seen::nothing(scale)));
    let peak = Mutex::<Peak>::default();
    let webhooks = failing_endpoints(&world, &seen).await;
    let fail = fail(&world, &webhooks, scale);
    futures::join!(watch(&world, MINUTE * 8, &peak), fail);
    let peak = *peak.lock().unwrap();
    let room = scale.in_flight / 2;
    println!("{peak:?} with room for {room}");
    // Beside the sleepers, what is being worked on.
    assert!(
        (room / 2..room + 2 * scale.rate).contains(&peak.in_flight),
        "{peak:?}"
    );
}

/// A visibility time-out ends before the last wait does: whoever sleeps is woken early once, and sleeps again.
#[tokio::test(start_paused = true)]
async fn of_all_five_waits_each_is_on_time_where_most_have_no_room() {
    let scale = ALL_WAITS;
    let world = world(scale, PROCESSES).await;
    let _sweeps = world.sweep_every(MINUTE * 10);
    let seen = Arc::new(Mutex::new(Seen::nothing(scale)));
    let webhooks = failing_endpoints(&world, &seen).await;
    fail(&world, &webhooks, scale).await;
    world.pass(HOUR).await;
    let room = scale.in_flight / 2;
    let sleeping = world.counts("WebhookSlowQueue").in_flight;
    let parked = world.parked().await as usize;
    println!("{sleeping} sleep and {parked} are parked, with room for {room}");
    assert!(sleeping > 0 && sleeping <= room && parked > room);
    world.pass(HOUR * 15).await;
    assert_on_time(&seen.lock().unwrap(), scale);
    assert_eq!(world.held("WebhookDeadLetterQueue"), 0);
}

#[tokio::test(start_paused = true)]
#[ignore = "takes more than half an hour; the same in small is a test, and README names the command for this one"]
async fn walls_in_flight_at_full_size() {
    on_time_and_undisturbed(FULL).await;
}
