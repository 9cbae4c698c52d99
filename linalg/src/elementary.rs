//! Exponentials and logarithms of many numbers at once.
//!
//! The library's functions are called for one number at a time. These are written without branches, so that a loop over them is
//! compiled to vector instructions, and give the same bits whatever the width of the vectors.

const LN2_HIGH: f64 = 6.931_471_803_691_238e-1;
const LN2_LOW: f64 = 1.908_214_929_270_587_7e-10;

/// `exp(x)` without branches, so that a loop over it vectorises: `2^k e^r` with `|r| <= ln(2)/2`, the Taylor series of `e^r`
/// to where it is exact. Within two units in the last place of the exact value for `-708 <= x <= 709`; zero below, infinite above.
#[inline(always)]
pub fn exp(x: f64) -> f64 {
    const LOW: f64 = -708.0;
    const HIGH: f64 = 709.0;
    /// Adding it leaves the nearest integer in the low bits.
    const ROUND: f64 = 6_755_399_441_055_744.0;
    let clipped = if x < LOW { LOW } else { x };
    let clipped = if clipped > HIGH { HIGH } else { clipped };
    let shifted = clipped * std::f64::consts::LOG2_E + ROUND;
    let k = shifted - ROUND;
    let r = (clipped - k * LN2_HIGH) - k * LN2_LOW;
    let mut series = 1.0 / 6_227_020_800.0;
    for coefficient in [
        1.0 / 479_001_600.0,
        1.0 / 39_916_800.0,
        1.0 / 3_628_800.0,
        1.0 / 362_880.0,
        1.0 / 40_320.0,
        1.0 / 5_040.0,
        1.0 / 720.0,
        1.0 / 120.0,
        1.0 / 24.0,
        1.0 / 6.0,
        0.5,
        1.0,
        1.0,
    ] {
        series = series * r + coefficient;
    }
    let power = f64::from_bits((shifted.to_bits() << 52).wrapping_add(1.0_f64.to_bits()));
    let value = series * power;
    let value = if x < LOW { 0.0 } else { value };
    if x > HIGH { f64::INFINITY } else { value }
}

/// `ln(x)` of a positive normal number without branches: the reduction and the polynomial of FreeBSD's `e_log.c` (Sun
/// Microsystems 1993), within one unit in the last place.
#[inline(always)]
pub fn ln(x: f64) -> f64 {
    /// Bits of `sqrt(1/2)`, and the bias that keeps the exponent positive while it is shifted.
    const ROOT_HALF: u64 = 0x3fe6_a09e_0000_0000;
    const BIAS: u64 = 1024;
    const WHOLE: u64 = 0x4330_0000_0000_0000;
    let biased = x.to_bits().wrapping_sub(ROOT_HALF).wrapping_add(BIAS << 52) >> 52;
    let k = f64::from_bits(biased | WHOLE) - (4_503_599_627_370_496.0 + BIAS as f64);
    let f = f64::from_bits(x.to_bits().wrapping_sub(biased.wrapping_sub(BIAS) << 52)) - 1.0;
    let s = f / (2.0 + f);
    let z = s * s;
    let mut series = 1.479_819_860_511_658_6e-1;
    for coefficient in [
        1.531_383_769_920_937_3e-1,
        1.818_357_216_161_805e-1,
        2.222_219_843_214_978_4e-1,
        2.857_142_874_366_239e-1,
        3.999_999_999_940_942e-1,
        6.666_666_666_666_735e-1,
    ] {
        series = series * z + coefficient;
    }
    let half_square = 0.5 * f * f;
    k * LN2_HIGH + ((s * (half_square + z * series) + k * LN2_LOW) - half_square + f)
}

/// `exp` of every entry, in place, at the widest vectors that the processor has.
pub fn exp_each(values: &mut [f64]) {
    pulp::Arch::new().dispatch(ExpEach(values));
}

/// A loop to be compiled for a vector width.
struct ExpEach<'v>(&'v mut [f64]);

impl pulp::WithSimd for ExpEach<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) {
        self.0.iter_mut().for_each(|x| *x = exp(*x));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        #[test]
        fn exponentials_and_logarithms_are_those_of_the_library(x in -707.0_f64..709.0, y in -700.0_f64..700.0) {
            prop_assert!((exp(x) / x.exp() - 1.0).abs() <= 4.5e-16, "{x}");
            let v = y.exp();
            prop_assert!((ln(v) - v.ln()).abs() <= 2.3e-16 * v.ln().abs(), "{v}");
        }

        #[test]
        fn near_one(step in -0.3_f64..0.3) {
            prop_assert!((ln(1.0 + step) - (1.0 + step).ln()).abs() <= 2.3e-16 * (1.0 + step).ln().abs());
            prop_assert!((exp(step) - step.exp()).abs() <= 4.5e-16);
        }
    }

    #[test]
    fn ends_of_the_range() {
        assert_eq!((exp(0.0), exp(f64::NEG_INFINITY), exp(f64::INFINITY)), (1.0, 0.0, f64::INFINITY));
        assert!(exp(f64::NAN).is_nan());
        assert_eq!(ln(1.0), 0.0);
    }

    #[test]
    fn many_at_once_are_each_alone_to_the_bit() {
        for count in 0..20 {
            let values: Vec<f64> = (0..count).map(|k| f64::from(k) * 1.7 - 12.0).collect();
            let mut all = values.clone();
            exp_each(&mut all);
            assert!(all.iter().zip(&values).all(|(a, v)| a.to_bits() == exp(*v).to_bits()));
        }
    }
}
