//! Chance that a seed decides.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// A sequence of numbers that its seed decides: SplitMix64
/// (<https://doi.org/10.1145/2714064.2660195>), good enough to choose by and nothing else.
#[derive(Debug)]
pub struct Dice(Mutex<u64>);

impl Dice {
    /// The sequence of this seed. What a seed is used `for` tells sequences apart, so that one more throw for one
    /// purpose moves no other.
    #[must_use]
    pub fn new(seed: u64, purpose: u64) -> Dice {
        let dice = Dice(Mutex::new(
            seed ^ purpose.wrapping_mul(0xA076_1D64_78BD_642F),
        ));
        dice.next();
        dice
    }

    /// The next number.
    pub fn next(&self) -> u64 {
        let mut state = self.state();
        *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = *state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// One of 0 to `bound` − 1; 0 where the bound is 0.
    pub fn below(&self, bound: u64) -> u64 {
        self.next().checked_rem(bound).unwrap_or(0)
    }

    /// True in so many of a hundred cases.
    pub fn percent(&self, chance: u64) -> bool {
        self.below(100) < chance
    }

    /// One of them; none of none.
    pub fn pick<'a, T>(&self, choices: &'a [T]) -> Option<&'a T> {
        let place = usize::try_from(self.below(choices.len() as u64)).ok()?;
        choices.get(place)
    }

    /// Fills a buffer.
    pub fn fill(&self, buffer: &mut [u8]) {
        for chunk in buffer.chunks_mut(8) {
            let bytes = self.next().to_le_bytes();
            chunk.copy_from_slice(&bytes[..chunk.len()]);
        }
    }

    fn state(&self) -> MutexGuard<'_, u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_decides_the_sequence_and_a_purpose_has_its_own() {
        let sequence = |seed, purpose| {
            let dice = Dice::new(seed, purpose);
            [dice.next(), dice.next(), dice.next()]
        };
        assert_eq!(sequence(7, 1), sequence(7, 1));
        assert_ne!(sequence(7, 1), sequence(7, 2));
        assert_ne!(sequence(7, 1), sequence(8, 1));
    }

    #[test]
    fn every_choice_comes_up() {
        let dice = Dice::new(1, 1);
        let mut seen = [0; 6];
        for _ in 0..600 {
            seen[*dice.pick(&[0, 1, 2, 3, 4, 5]).unwrap()] += 1;
        }
        assert!(seen.iter().all(|count| *count > 50), "{seen:?}");
        assert_eq!(dice.pick::<u8>(&[]), None);
    }
}
