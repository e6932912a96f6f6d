//! Random runs. The long form is `cargo run -p simulation -- forever`.

use simulation::explore;
use simulation::fault::Fault;
use simulation::happening::Happening;

const SEEDS: u64 = 10_000;
/// What happens less often than this in all of them is as good as not tried.
const LEAST: u64 = 15;

#[test]
fn whatever_a_seed_lets_happen_everything_holds() {
    let report = explore::seeds(1, SEEDS);
    println!("{report}");
    assert!(report.failures.is_empty(), "{report}");
    assert_eq!(report.runs, SEEDS);
    for fault in Fault::ALL {
        let met = report.faults.get(&fault).copied().unwrap_or_default();
        assert!(met >= LEAST, "{fault:?}: {met}");
    }
    for happening in Happening::ALL {
        let happened = report.happened.get(&happening).copied().unwrap_or_default();
        assert!(happened >= LEAST, "{happening}: {happened}");
    }
}
