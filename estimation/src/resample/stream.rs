use rand::{Rng, SeedableRng};
use rand_xoshiro::{SplitMix64, Xoshiro256PlusPlus};

/// The random stream of one draw: it depends on the seed and the draw's number, on nothing else, so results
/// are the same bits whatever the thread count or the order of work.
pub fn stream(seed: u64, draw: u64) -> Xoshiro256PlusPlus {
    let base = SplitMix64::seed_from_u64(seed).next_u64();
    Xoshiro256PlusPlus::seed_from_u64(base ^ draw.wrapping_mul(0x9E37_79B9_7F4A_7C15))
}
