//! trial
use std::time::{Duration, Instant};
use simulation::play::{Detail, play};
use simulation::scenario::*;
fn main() {
    let scenario = Scenario { name: "trial".into(), seed: 1, webhooks: vec![Hook::answering(&[Answer::Status(500), Answer::Status(200)])], provider: Some(ProviderPlan::Twilio{behaviour:"{}".into()}), members: 1,
        actions: vec![(Duration::ZERO, Action::Publish{event:1,webhooks:true,alert:true})], mischief: Mischief::default() };
    let played = play(&scenario, &[], Detail::All);
    for e in &played.trace { println!("{e}"); }
    for v in simulation::invariants::violations(&played.end) { println!("VIOLATION {v}"); }
    println!("calls {}", played.calls.len());
    let t = Instant::now();
    for _ in 0..20 { let _ = play(&scenario, &[], Detail::Calls); }
    println!("per run {:?}", t.elapsed()/20);
}
