//! The wall of a partition: it takes 1,000 write units a second
//! (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html>). A workspace whose
//! alerts all come within a second stays below it in each: the history's partitions, the counters', the indexes'.

use std::time::Duration;

use local::aws::Busiest;

use crate::world::World;

const MINUTE: Duration = Duration::from_secs(60);
/// What a partition takes in a second.
const WALL: u64 = 1_000;
/// The most recipients that an alert may have.
const RECIPIENTS: usize = 500;
/// In one second: about as many as a short code sends (<https://www.twilio.com/docs/api/errors/30001>).
const ALERTS: usize = 100;

async fn world(members: usize) -> World {
    let world = World::new().await;
    world.use_twilio().await;
    for number in 0..members {
        let phone = format!("+1415555{:04}", 1_000 + number);
        world.member(&format!("u{number}"), &phone).await;
    }
    world.write_units().forget();
    world
}

async fn below_the_wall(world: &World, alerts: usize, what: &str) {
    world.until_quiet(MINUTE).await;
    world.check(what).await;
    let busiest = world.write_units().busiest();
    for Busiest { kind, units, .. } in &busiest {
        println!("{what}: {kind} {units} write units in its busiest second");
    }
    for kind in ["SMS", "SMSCOUNT"] {
        assert!(
            world.write_units().total(kind) > alerts as u64,
            "counted: {busiest:?}"
        );
    }
    for partition in busiest {
        assert!(partition.units <= WALL, "{partition:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_hot_workspaces_alerts_stay_below_the_wall_of_each_partition() {
    let world = world(ALERTS).await;
    for number in 0..ALERTS {
        let (event, user) = (format!("evt_{number}"), format!("u{number}"));
        world.alert(&event, &[&user]).await;
    }
    below_the_wall(&world, ALERTS, "100 alerts").await;
}

#[tokio::test(start_paused = true)]
async fn an_alert_with_the_most_recipients_stays_below_the_wall_of_each_partition() {
    let world = world(RECIPIENTS).await;
    let users: Vec<_> = (0..RECIPIENTS).map(|number| format!("u{number}")).collect();
    let users: Vec<_> = users.iter().map(String::as_str).collect();
    world.alert("evt_1", &users).await;
    below_the_wall(&world, RECIPIENTS, "500 recipients").await;
}
