//! The wall of a partition: it takes 1,000 write units a second
//! (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html>). A workspace whose
//! alerts all come within a second stays below it in each: the history's partitions, the counters', the indexes'.

use std::time::Duration;

use local::aws::Busiest;

use crate::world::World;

const MINUTE: Duration = Duration::from_secs(60);
/// What a partition takes in a second.
const WALL: u64 = 1_000;
/// In one second: about as many as a short code sends (<https://www.twilio.com/docs/api/errors/30001>).
const ALERTS: usize = 100;

#[tokio::test(start_paused = true)]
async fn a_hot_workspaces_alerts_stay_below_the_wall_of_each_partition() {
    let world = World::new().await;
    world.use_twilio().await;
    for number in 0..ALERTS {
        let phone = format!("+1415555{:04}", 1_000 + number);
        world.member(&format!("u{number}"), &phone).await;
    }
    world.write_units().forget();
    for number in 0..ALERTS {
        let (event, user) = (format!("evt_{number}"), format!("u{number}"));
        world.alert(&event, &[&user]).await;
    }
    world.until_quiet(MINUTE).await;
    world.check("a hot workspace").await;
    let busiest = world.write_units().busiest();
    for Busiest { kind, units, .. } in &busiest {
        println!("{ALERTS} alerts: {kind} {units} write units in its busiest second");
    }
    for kind in ["SMS", "SMSCOUNT"] {
        assert!(
            world.write_units().total(kind) > ALERTS as u64,
            "counted: {busiest:?}"
        );
    }
    for partition in busiest {
        assert!(partition.units <= WALL, "{partition:?}");
    }
}
