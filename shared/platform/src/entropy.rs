//! Randomness, passed in so that the simulation can repeat a run exactly.

use std::sync::Arc;

use rand::Rng;

/// Fills a buffer with random bytes. Must be cryptographically strong in production: ids, keys and secrets come from
/// it.
#[derive(Clone)]
pub struct Entropy(Arc<Fill>);

type Fill = dyn Fn(&mut [u8]) + Send + Sync;

impl Entropy {
    /// The operating system's randomness, through `rand`'s thread generator.
    pub fn system() -> Entropy {
        Entropy::new(|buffer| rand::rng().fill_bytes(buffer))
    }

    /// A source of one's own.
    pub fn new(fill: impl Fn(&mut [u8]) + Send + Sync + 'static) -> Entropy {
        Entropy(Arc::new(fill))
    }

    /// `N` random bytes.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut buffer = [0; N];
        (self.0)(&mut buffer);
        buffer
    }

    /// A number in `[0, 1)`.
    pub fn unit(&self) -> f64 {
        // 53 bits are what an f64 holds exactly.
        let bits = u64::from_le_bytes(self.bytes()) >> 11;
        #[expect(clippy::cast_precision_loss, reason = "53 bits fit an f64's mantissa")]
        let unit = bits as f64 / (1u64 << 53) as f64;
        unit
    }
}
