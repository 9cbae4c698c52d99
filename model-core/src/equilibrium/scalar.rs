//! What the equilibrium conditions are evaluated in: numbers, or numbers with a derivative.

use num_dual::{Dual64, DualNum, DualStruct};

/// A number of the sweep: `f64`, or a dual number that carries a derivative along.
pub(super) trait Scalar:
    DualNum<Primitive = f64> + DualStruct<Real = f64> + Copy + Send + Sync
{
    /// `exp` of every entry, in place.
    fn exp_each(values: &mut [Self]);
    /// `ln` of every entry, in place.
    fn ln_each(values: &mut [Self]);
    /// The derivative that it carries; zero for a number alone.
    fn tangent(&self) -> f64;
    /// A value and, where it can be carried, its derivative.
    fn with_tangent(value: f64, tangent: f64) -> Self;
}

impl Scalar for f64 {
    #[inline(always)]
    fn exp_each(values: &mut [f64]) {
        values.iter_mut().for_each(|x| *x = exp(*x));
    }

    #[inline(always)]
    fn ln_each(values: &mut [f64]) {
        if values.iter().all(|x| (f64::MIN_POSITIVE..f64::INFINITY).contains(x)) {
            values.iter_mut().for_each(|x| *x = ln(*x));
        } else {
            values.iter_mut().for_each(|x| *x = f64::ln(*x));
        }
    }

    fn tangent(&self) -> f64 {
        0.0
    }

    fn with_tangent(value: f64, _: f64) -> f64 {
        value
    }
}

impl Scalar for Dual64 {
    fn exp_each(values: &mut [Dual64]) {
        values.iter_mut().for_each(|x| *x = DualNum::exp(x));
    }

    fn ln_each(values: &mut [Dual64]) {
        values.iter_mut().for_each(|x| *x = DualNum::ln(x));
    }

    fn tangent(&self) -> f64 {
        self.eps
    }

    fn with_tangent(value: f64, tangent: f64) -> Dual64 {
        Dual64::new(value, tangent)
    }
}

const LN2_HIGH: f64 = 6.931_471_803_691_238e-1;
const LN2_LOW: f64 = 1.908_214_929_270_587_7e-10;

/// `exp(x)` without branches, so that a loop over it vectorises: `2^k e^r` with `|r| <= ln(2)/2`, the Taylor series of `e^r`
/// to where it is exact. Within two units in the last place of the exact value; zero below the smallest normal result.
#[inline(always)]
fn exp(x: f64) -> f64 {
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
fn ln(x: f64) -> f64 {
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

/// Inner product with eight running sums, so that it vectorises and its order of summation is fixed.
#[inline(always)]
pub(super) fn dot<A: Copy, T: Scalar + std::ops::Mul<A, Output = T>>(a: &[A], b: &[T]) -> T {
    const LANES: usize = 8;
    let mut sums = [T::from(0.0); LANES];
    let ((a8, a_rest), (b8, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    for (x, y) in a8.iter().zip(b8) {
        for lane in 0..LANES {
            sums[lane] += y[lane] * x[lane];
        }
    }
    let mut half = [T::from(0.0); LANES / 2];
    for lane in 0..LANES / 2 {
        half[lane] = sums[lane] + sums[lane + LANES / 2];
    }
    // One after the other: a tree of sums here makes the compiler shuffle the lanes above.
    let rest = a_rest.iter().zip(b_rest).fold(T::from(0.0), |sum, (x, y)| sum + *y * *x);
    half.iter().fold(rest, |sum, lane| sum + *lane)
}

/// `y[c] += sum_r a[r] m[r,c]`, row by row: a block of `y` stays in registers while the rows go by. The sum over rows has one
/// order, whatever the width of the registers.
#[inline(always)]
pub(super) fn add_rows<A: Copy, T: Scalar + std::ops::Mul<A, Output = T>>(a: &[T], m: &[A], y: &mut [T]) {
    let width = y.len();
    let (blocks, rest) = y.as_chunks_mut::<16>();
    let mut from = 0;
    for block in blocks {
        add_block(a, m, width, from, block);
        from += 16;
    }
    let (blocks, rest) = rest.as_chunks_mut::<4>();
    for block in blocks {
        add_block(a, m, width, from, block);
        from += 4;
    }
    for y in rest.as_chunks_mut::<1>().0 {
        add_block(a, m, width, from, y);
        from += 1;
    }
}

/// [`add_rows`] for the columns from `from` on that `y` holds.
#[inline(always)]
fn add_block<A: Copy, T: Scalar + std::ops::Mul<A, Output = T>, const B: usize>(
    a: &[T],
    m: &[A],
    width: usize,
    from: usize,
    y: &mut [T; B],
) {
    let mut sums = *y;
    for (a, row) in a.iter().zip(m.chunks_exact(width)) {
        if let Some(row) = row.get(from..).and_then(|row| row.first_chunk::<B>()) {
            for lane in 0..B {
                sums[lane] += *a * row[lane];
            }
        }
    }
    *y = sums;
}

/// A matrix `[rows, columns]` with its rows made columns.
pub(super) fn transposed<A: Scalar>(matrix: &[A], columns: usize) -> Vec<A> {
    let mut all = vec![A::from(0.0); matrix.len()];
    transpose(matrix, columns, &mut all);
    all
}

/// The same into a place of its size.
pub(super) fn transpose<A: Copy>(matrix: &[A], columns: usize, to: &mut [A]) {
    let rows = matrix.len().checked_div(columns).unwrap_or(0);
    for (r, row) in matrix.chunks_exact(columns.max(1)).enumerate() {
        to.iter_mut().skip(r).step_by(rows).zip(row).for_each(|(to, value)| *to = *value);
    }
}

/// `sums[n] = sum_i flows[n,i] e[i]`, by columns where they are at hand.
#[inline(always)]
pub(super) fn imports<T: Scalar>(flows: &[T], columns: Option<&[T]>, e: &[T], sums: &mut [T]) {
    if let Some(columns) = columns {
        sums.fill(T::from(0.0));
        add_rows(e, columns, sums);
    } else {
        sums.iter_mut().zip(flows.chunks_exact(e.len())).for_each(|(sum, row)| *sum = dot(row, e));
    }
}

/// `column[i] = sum_m q[m] flows[m,i]`.
#[inline(always)]
pub(super) fn exports<T: Scalar>(q: &[T], flows: &[T], column: &mut [T]) {
    column.fill(T::from(0.0));
    add_rows(q, flows, column);
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
        let mut odd = [0.0, f64::INFINITY, 1.0];
        f64::ln_each(&mut odd);
        assert_eq!(odd, [f64::NEG_INFINITY, f64::INFINITY, 0.0]);
    }

    #[test]
    fn sums_of_rows_are_inner_products_with_columns() {
        for (rows, columns) in [(1, 1), (3, 31), (31, 40), (5, 16), (2, 21), (0, 7)] {
            let m: Vec<f64> = (0..rows * columns).map(|k| ((k * 37) % 101) as f64 / 7.0 - 5.0).collect();
            let a: Vec<f64> = (0..rows).map(|k| 1.0 / (k + 2) as f64).collect();
            let mut y: Vec<f64> = (0..columns).map(|k| k as f64).collect();
            add_rows(&a, &m, &mut y);
            let by_column = transposed(&m, columns);
            assert_eq!(by_column.len(), m.len());
            for (c, y) in y.iter().enumerate() {
                let expected = c as f64 + dot(&by_column[c * rows..(c + 1) * rows], &a);
                assert!((y - expected).abs() < 1e-12, "{rows} {columns} {c}: {y} {expected}");
            }
        }
    }

    #[test]
    fn derivatives_ride_along() {
        let mut x = [Dual64::new(2.0, 1.0)];
        Dual64::exp_each(&mut x);
        assert_eq!((x[0].re, x[0].eps), (2.0_f64.exp(), 2.0_f64.exp()));
        Dual64::ln_each(&mut x);
        assert!((x[0].eps - 1.0).abs() < 1e-15);
    }
}
