//! The invariants notice what a product would come to that did not use its services as it should.

use std::collections::BTreeSet;

use simulation::invariants::violations;
use simulation::play::{Detail, play_sabotaged};
use simulation::random;
use simulation::sabotage::Sabotage;

/// More than enough seeds to run into any of it.
const SEEDS: u64 = 3_000;

/// What does not hold in the first runs, until this invariant is among it.
fn noticed(sabotage: Sabotage, expected: &str) -> BTreeSet<&'static str> {
    let mut noticed = BTreeSet::new();
    for seed in 1..=SEEDS {
        let (scenario, strikes) = random::run_of(seed);
        let played = play_sabotaged(&scenario, &strikes, Detail::Calls, Some(sabotage));
        noticed.extend(violations(&played.end).iter().map(|it| it.invariant));
        if noticed.contains(expected) {
            println!("{sabotage:?}: seed {seed}");
            return noticed;
        }
    }
    noticed
}

#[track_caller]
fn is_noticed(sabotage: Sabotage, expected: &str) {
    let noticed = noticed(sabotage, expected);
    assert!(noticed.contains(expected), "{sabotage:?}: {noticed:?}");
}

#[test]
fn writes_without_conditions_are_noticed() {
    is_noticed(Sabotage::ConditionsAreVoid, "no alert is sent twice");
    is_noticed(Sabotage::ConditionsAreVoid, "a retry is made once");
    is_noticed(
        Sabotage::ConditionsAreVoid,
        "the SMS numbers are the history's",
    );
}

#[test]
fn messages_that_were_not_sent_and_not_looked_after_are_noticed() {
    let lost = "each event has one delivery for each webhook";
    is_noticed(Sabotage::FailedEntriesAreHidden, lost);
}

#[test]
fn a_second_send_without_a_look_at_the_list_is_noticed() {
    is_noticed(Sabotage::TheListIsEmpty, "no alert is sent twice");
}

#[test]
fn wake_ups_that_nobody_makes_good_are_noticed() {
    let waits = "nothing is left to happen, and nothing waits";
    is_noticed(Sabotage::TheIndexIsEmpty, waits);
}
