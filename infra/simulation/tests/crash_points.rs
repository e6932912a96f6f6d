//! Every fault at every call of the reference flows, and every pair of deaths of the shorter ones. The long form, with
//! the pairs of all flows, is `cargo run -p simulation -- exhaustive`.

use simulation::explore::{Report, exhaust};
use simulation::flows;

#[test]
fn whatever_dies_or_fails_at_any_call_everything_holds() {
    let mut total = Report::default();
    for flow in flows::all() {
        let report = exhaust(&flow.scenario, flow.tested);
        println!("{}: {report}", flow.scenario.name);
        total.merge(report);
    }
    println!("{total}");
    assert!(total.failures.is_empty(), "{total}");
}
