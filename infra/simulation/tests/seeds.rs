//! Random runs. The long form is `cargo run -p simulation -- forever`.

use simulation::explore;

const SEEDS: u64 = 10_000;

#[test]
fn whatever_a_seed_lets_happen_everything_holds() {
    let report = explore::seeds(1, SEEDS);
    println!("{report}");
    assert!(report.failures.is_empty(), "{report}");
    assert_eq!(report.runs, SEEDS);
}
