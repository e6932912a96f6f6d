//! The one source of chance: everything random about a run follows from its seed.

/// SplitMix64 (<https://prng.di.unimi.it/splitmix64.c>): small, and the same numbers for ever, which a general-purpose
/// generator of a library does not promise.
#[derive(Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// A version 4 UUID (RFC 9562, section 5.4).
    pub(crate) fn uuid(&mut self) -> String {
        let high = (self.number() & !0xf000) | 0x4000;
        let low = (self.number() >> 2) | (1 << 63);
        let (time, middle, version) = (high >> 32, high >> 16 & 0xffff, high & 0xffff);
        format!(
            "{time:08x}-{middle:04x}-{version:04x}-{:04x}-{:012x}",
            low >> 48,
            low & 0xffff_ffff_ffff
        )
    }
}

/// SplitMix64's output function: spreads every input bit over all output bits.
pub(crate) fn mix(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first outputs of the reference implementation for seed 1234567.
    #[test]
    fn the_numbers_are_those_of_the_reference_implementation() {
        let mut random = Random::new(1_234_567);
        let numbers = [random.number(), random.number(), random.number()];
        assert_eq!(
            numbers,
            [
                6_457_827_717_110_365_317,
                3_203_168_211_198_807_973,
                9_817_491_932_198_370_423
            ]
        );
    }

    #[test]
    fn a_uuid_says_version_4_and_variant_1() {
        let mut random = Random::new(1);
        for _ in 0..100 {
            let uuid = random.uuid();
            let parts: Vec<&str> = uuid.split('-').collect();
            assert_eq!(
                parts.iter().map(|part| part.len()).collect::<Vec<_>>(),
                [8, 4, 4, 4, 12]
            );
            assert!(parts[2].starts_with('4'), "{uuid}");
            assert!(parts[3].starts_with(['8', '9', 'a', 'b']), "{uuid}");
        }
    }
}
