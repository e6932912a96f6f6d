//! Defects that seeds have found, each made likely.

use std::time::Duration;

use simulation::flows;
use simulation::invariants::violations;
use simulation::play::{Detail, play};
use simulation::scenario::{Action, Mischief, Scenario};

/// The job that removes a log once read it weakly, and nobody looks again for what it missed.
#[test]
fn a_delivery_of_just_now_goes_with_its_webhook_however_stale_reads_are() {
    let delete = flows::named("delete").unwrap().scenario;
    for seed in 1..=40 {
        let scenario = Scenario {
            seed,
            actions: vec![
                (Duration::ZERO, Action::event(1)),
                (Duration::from_secs(5), Action::Delete { webhook: 0 }),
            ],
            mischief: Mischief {
                stale: 100,
                ..Mischief::default()
            },
            ..delete.clone()
        };
        let played = play(&scenario, &[], Detail::Calls);
        assert_eq!(violations(&played.end), [], "seed {seed}");
    }
}
