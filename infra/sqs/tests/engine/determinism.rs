//! The same seed, clock and calls make the same run.

use serde_json::json;

use crate::support::World;

/// What a run of everything random leaves behind.
fn run(seed: u64) -> Vec<String> {
    let world = World::seeded(seed);
    world.ok("CreateQueue", json!({ "QueueName": "jobs" }));
    let mut trace = Vec::new();
    for number in 0..50 {
        trace.push(world.send_with(
            json!({ "MessageBody": "a", "MessageGroupId": format!("g{}", number % 7) }),
        ));
        world.pass_seconds(number % 3);
        if number % 4 == 0 {
            trace.extend(
                world
                    .receive()
                    .into_iter()
                    .map(|message| message.receipt_handle),
            );
        }
    }
    trace
}

/// No rule of AWS's: what simulations are built on.
#[test]
fn a_seed_decides_ids_and_handles() {
    assert_eq!(run(7), run(7));
    assert_ne!(run(7), run(8));
}
