//! A seed repeats a run exactly.

use simulation::play::{Detail, play};
use simulation::random;

const SEEDS: u64 = 40;

/// Everything that happened, in words: each call with its virtual time, each log line.
fn told(seed: u64) -> Vec<String> {
    let (scenario, strikes) = random::run_of(seed);
    let played = play(&scenario, &strikes, Detail::All);
    assert!(!played.trace.is_empty());
    played.trace.iter().map(ToString::to_string).collect()
}

#[test]
fn a_seed_repeats_a_run_exactly() {
    for seed in 1..=SEEDS {
        let first = told(seed);
        // On another thread, where nothing is left of the first.
        let again = std::thread::spawn(move || told(seed)).join().unwrap();
        let differ = first.iter().zip(&again).position(|(a, b)| a != b);
        if let Some(place) = differ {
            panic!("seed {seed}: {:?}, then {:?}", first[place], again[place]);
        }
        assert_eq!(first.len(), again.len(), "seed {seed}");
    }
}

#[test]
fn seeds_differ() {
    assert_ne!(told(1), told(2));
}
