//! Constant elasticity of substitution in hats: price index, shares and their derivatives.
//!
//! For cost shares `a_k` that sum to one and price hats `p_k`,
//!
//! ```text
//! c = ( sum_k a_k p_k^(1-sigma) )^(1/(1-sigma)),      s_k = a_k (p_k / c)^(1-sigma)
//! ```
//!
//! with `sigma = 1` Cobb-Douglas and `sigma = 0` Leontief (Arrow, Chenery, Minhas and Solow 1961; in hats Dekle, Eaton
//! and Kortum 2008). Everything is in logarithms. There is no switch near `sigma = 1`: with `rho = 1 - sigma`, the
//! Cobb-Douglas mean `m = sum_k a_k ln p_k` and `d_k = ln p_k - m`,
//!
//! ```text
//! ln c = m + log1p( sum_k a_k expm1(rho d_k) ) / rho
//! ```
//!
//! loses no more than a rounding error of `d_k` for any `rho`, however small. Where some `|rho d_k|` exceeds one the
//! sum is taken relative to its largest term instead, so that nothing overflows; the two agree to rounding there.
//!
//! Eaton-Kortum and Armington price indices ([`crate::trade`]) are the same functions at `sigma = 1 + theta`.

use std::ops::{Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Sub, SubAssign};

use num_dual::{DualNum, DualStruct};

/// The numbers that these functions take: `f64`, or numbers that carry derivatives along, such as those of `num_dual`.
pub trait Number:
    Copy
    + From<f64>
    + Neg<Output = Self>
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Add<f64, Output = Self>
    + Sub<f64, Output = Self>
    + Mul<f64, Output = Self>
    + Div<f64, Output = Self>
    + AddAssign
    + SubAssign
    + MulAssign
    + DivAssign
    + AddAssign<f64>
    + SubAssign<f64>
    + MulAssign<f64>
    + DivAssign<f64>
{
    /// Order of the derivatives that ride along: zero for `f64`.
    const DERIVATIVES: usize;
    /// The value.
    fn re(&self) -> f64;
    /// `1 / x`.
    #[must_use]
    fn recip(self) -> Self;
    /// `e^x`.
    #[must_use]
    fn exp(self) -> Self;
    /// `e^x - 1`.
    #[must_use]
    fn exp_m1(self) -> Self;
    /// Natural logarithm.
    #[must_use]
    fn ln(self) -> Self;
    /// `ln(1 + x)`.
    #[must_use]
    fn ln_1p(self) -> Self;
}

impl<T: DualNum<Primitive = f64> + DualStruct<Real = f64> + Copy> Number for T {
    const DERIVATIVES: usize = T::NDERIV;

    #[inline(always)]
    fn re(&self) -> f64 {
        DualStruct::re(self)
    }

    #[inline(always)]
    fn recip(self) -> Self {
        DualNum::recip(&self)
    }

    #[inline(always)]
    fn exp(self) -> Self {
        DualNum::exp(&self)
    }

    #[inline(always)]
    fn exp_m1(self) -> Self {
        DualNum::exp_m1(&self)
    }

    #[inline(always)]
    fn ln(self) -> Self {
        DualNum::ln(&self)
    }

    #[inline(always)]
    fn ln_1p(self) -> Self {
        DualNum::ln_1p(&self)
    }
}

/// `ln c`: log of the CES index of the log prices `ln_price` with baseline cost shares `share` (dimensionless, summing
/// to one) and elasticity of substitution `sigma >= 0`. The two slices have the same length; an item whose share is
/// zero does not count, whatever its price.
///
/// Homogeneous of degree one in prices; `sigma = 1` gives the share-weighted mean exactly.
///
/// ```
/// use model_core::ces::ln_unit_cost;
/// let (share, ln_price) = ([0.25, 0.75], [4.0_f64.ln(), 0.0]);
/// assert!((ln_unit_cost(&share, &ln_price, 0.0) - (0.25 * 4.0 + 0.75_f64).ln()).abs() < 1e-15); // Leontief
/// assert_eq!(ln_unit_cost(&share, &ln_price, 1.0), 0.25 * 4.0_f64.ln()); // Cobb-Douglas
/// ```
#[inline]
pub fn ln_unit_cost<T: Number>(share: &[T], ln_price: &[T], sigma: T) -> T {
    let rho = T::from(1.0) - sigma;
    let mean = mean(share, ln_price);
    if rho.re() == 0.0 {
        return cobb_douglas(share, ln_price, mean, rho);
    }
    if !mean.re().is_finite() {
        return with_infinite_price(share, ln_price, rho);
    }
    let mut sum = T::from(0.0);
    let mut largest = f64::NEG_INFINITY;
    let mut smallest = f64::INFINITY;
    for (&a, &l) in share.iter().zip(ln_price) {
        if a.re() != 0.0 {
            let x = rho * (l - mean);
            largest = largest.max(x.re());
            smallest = smallest.min(x.re());
            sum += a * x.exp_m1();
        }
    }
    if largest <= 1.0 && smallest >= -1.0 {
        return mean + sum.ln_1p() / rho;
    }
    let mut scaled = T::from(0.0);
    for (&a, &l) in share.iter().zip(ln_price) {
        if a.re() != 0.0 {
            scaled += a * (rho * (l - mean) - largest).exp();
        }
    }
    mean + (scaled.ln() + largest) / rho
}

/// `sum_k a_k ln p_k` over the items that count, in four running sums.
#[inline(always)]
fn mean<T: Number>(share: &[T], ln_price: &[T]) -> T {
    let mut sums = [T::from(0.0); 4];
    let ((a4, a_rest), (l4, l_rest)) = (share.as_chunks::<4>(), ln_price.as_chunks::<4>());
    for (a, l) in a4.iter().zip(l4) {
        for lane in 0..4 {
            sums[lane] += a[lane] * l[lane];
        }
    }
    for (sum, (a, l)) in sums.iter_mut().zip(a_rest.iter().zip(l_rest)) {
        *sum += *a * *l;
    }
    let all = (sums[0] + sums[1]) + (sums[2] + sums[3]);
    if all.re().is_finite() {
        return all;
    }
    let counts = share.iter().zip(ln_price).filter(|(a, _)| a.re() != 0.0);
    counts.fold(T::from(0.0), |sum, (a, l)| sum + *a * *l)
}

/// The mean, and with it the derivative in the direction of `rho`: `ln c = m + rho var / 2 + O(rho^2)`.
fn cobb_douglas<T: Number>(share: &[T], ln_price: &[T], mean: T, rho: T) -> T {
    if T::DERIVATIVES == 0 {
        return mean;
    }
    let mut variance = T::from(0.0);
    for (&a, &l) in share.iter().zip(ln_price) {
        if a.re() != 0.0 {
            variance += a * (l - mean) * (l - mean);
        }
    }
    mean + rho * variance * 0.5
}

/// The index where some item cannot be had at any price (or is free): it drops out if `sigma > 1`, and is decisive
/// otherwise.
fn with_infinite_price<T: Number>(share: &[T], ln_price: &[T], rho: T) -> T {
    let terms = || share.iter().zip(ln_price).filter(|(a, _)| a.re() != 0.0);
    let largest = terms().map(|(_, l)| rho.re() * l.re()).fold(f64::NEG_INFINITY, f64::max);
    if !largest.is_finite() {
        return T::from(largest) / rho;
    }
    let sum = terms().fold(T::from(0.0), |sum, (a, l)| sum + *a * (rho * *l - largest).exp());
    (sum.ln() + largest) / rho
}

/// The CES index in levels: [`ln_unit_cost`] of the logarithms of positive prices.
pub fn unit_cost(share: &[f64], price: &[f64], sigma: f64) -> f64 {
    let ln_price: Vec<f64> = price.iter().map(|p| p.ln()).collect();
    ln_unit_cost(share, &ln_price, sigma).exp()
}

/// Cost shares after the price change, `s_k = a_k (p_k / c)^(1-sigma)`, written to `shares`; returns `ln c`.
///
/// By Shephard's lemma the shares are also the derivatives `d ln c / d ln p_k`. They sum to one to rounding. Where the cost has no
/// limit, or is nothing, the items that make it so share it out as they did before. All slices have the same length.
#[inline]
pub fn shares<T: Number>(share: &[T], ln_price: &[T], sigma: T, shares: &mut [T]) -> T {
    let ln_cost = ln_unit_cost(share, ln_price, sigma);
    let rho = T::from(1.0) - sigma;
    if rho.re() == 0.0 && T::DERIVATIVES == 0 {
        shares.iter_mut().zip(share).for_each(|(s, a)| *s = *a);
        return ln_cost;
    }
    if ln_cost.re().is_infinite() {
        let decisive = |a: T, l: T| if l.re() == ln_cost.re() { a } else { T::from(0.0) };
        let pairs = || share.iter().zip(ln_price);
        let total = pairs().fold(T::from(0.0), |sum, (&a, &l)| sum + decisive(a, l));
        shares.iter_mut().zip(pairs()).for_each(|(s, (&a, &l))| *s = decisive(a, l) / total);
        return ln_cost;
    }
    for ((s, &a), &l) in shares.iter_mut().zip(share).zip(ln_price) {
        *s = if a.re() == 0.0 { T::from(0.0) } else { a * (rho * (l - ln_cost)).exp() };
    }
    ln_cost
}

/// Two inputs, the shape of the critical-input nest: with `gap = ln p_1 - ln p_2` and baseline share `share` of the first,
/// `ln c - ln p_2` and the new share of the first. [`shares`] for two items, in the form that costs least; exact in the
/// limits in the same way.
#[inline]
pub fn two_inputs<T: Number>(share: f64, gap: T, sigma: T) -> (T, T) {
    /// Beyond it the exponential dwarfs everything else.
    const LARGE: f64 = 500.0;
    if share == 0.0 {
        return (T::from(0.0), T::from(0.0));
    }
    if share == 1.0 {
        return (gap, T::from(1.0));
    }
    let rho = T::from(1.0) - sigma;
    let tilt = rho * gap;
    if rho.re() == 0.0 {
        // ln c = s gap + rho s (1-s) gap^2 / 2 + O(rho^2), s' = s + rho s (1-s) gap + O(rho^2).
        let spread = tilt * (share * (1.0 - share));
        return (gap * share + spread * gap * 0.5, spread + share);
    }
    if tilt.re() > LARGE {
        let rest = (-tilt).exp() * ((1.0 - share) / share);
        return ((tilt + share.ln() + rest.ln_1p()) / rho, (rest + 1.0).recip());
    }
    let grown = tilt.exp_m1();
    let sum = grown * share;
    (sum.ln_1p() / rho, (grown + 1.0) * share / (sum + 1.0))
}

/// Second derivatives of the log index: `d s_k / d ln p_l = (1-sigma) s_k (1{k=l} - s_l)` at new shares `s`.
pub fn share_derivative(shares: &[f64], sigma: f64, k: usize, l: usize) -> f64 {
    let own = if k == l { 1.0 } else { 0.0 };
    (1.0 - sigma) * shares[k] * (own - shares[l])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn simplex_and_prices() -> impl Strategy<Value = (Vec<f64>, Vec<f64>)> {
        (1_usize..8).prop_flat_map(|k| {
            (prop::collection::vec(0.01_f64..1.0, k), prop::collection::vec(-3.0_f64..3.0, k)).prop_map(
                |(mut a, l)| {
                    let total: f64 = a.iter().sum();
                    a.iter_mut().for_each(|x| *x /= total);
                    (a, l)
                },
            )
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]

        #[test]
        fn homogeneous_of_degree_one((a, l) in simplex_and_prices(), sigma in 0.0_f64..60.0, k in -2.0_f64..2.0) {
            let scaled: Vec<f64> = l.iter().map(|x| x + k).collect();
            let difference = ln_unit_cost(&a, &scaled, sigma) - ln_unit_cost(&a, &l, sigma) - k;
            prop_assert!(difference.abs() < 1e-13, "{difference}");
        }

        #[test]
        fn smooth_through_cobb_douglas((a, l) in simplex_and_prices(), exponent in -15.0_f64..-1.0) {
            // ln c = m + rho var/2 + O(rho^2): approach sigma = 1 from both sides along the exact second-order term.
            let mean: f64 = a.iter().zip(&l).map(|(a, l)| a * l).sum();
            let variance: f64 = a.iter().zip(&l).map(|(a, l)| a * (l - mean).powi(2)).sum();
            for rho in [10f64.powf(exponent), -(10f64.powf(exponent))] {
                let rho = 1.0 - (1.0 - rho); // what sigma can represent
                let error = ln_unit_cost(&a, &l, 1.0 - rho) - (mean + 0.5 * rho * variance);
                prop_assert!(error.abs() < 1e-14 + 40.0 * rho * rho, "rho {rho}: {error}");
            }
        }

        #[test]
        fn no_jump_where_the_summation_changes((a, l) in simplex_and_prices(), sign in prop::bool::ANY) {
            let mean: f64 = a.iter().zip(&l).map(|(a, l)| a * l).sum();
            let spread = l.iter().map(|x| (x - mean).abs()).fold(0.0, f64::max);
            prop_assume!(spread > 1e-3);
            let rho = if sign { 1.0 } else { -1.0 } / spread;
            let left = ln_unit_cost(&a, &l, 1.0 - rho * (1.0 - 1e-14));
            let right = ln_unit_cost(&a, &l, 1.0 - rho * (1.0 + 1e-14));
            prop_assert!((left - right).abs() < 1e-12, "{left} {right}");
        }

        #[test]
        fn shephard_and_adding_up((a, l) in simplex_and_prices(), sigma in 0.0_f64..20.0) {
            let mut s = vec![0.0; a.len()];
            shares(&a, &l, sigma, &mut s);
            prop_assert!((s.iter().sum::<f64>() - 1.0).abs() < 1e-12);
            for k in 0..a.len() {
                let h = 1e-6;
                let (mut up, mut down) = (l.clone(), l.clone());
                up[k] += h;
                down[k] -= h;
                let slope = (ln_unit_cost(&a, &up, sigma) - ln_unit_cost(&a, &down, sigma)) / (2.0 * h);
                prop_assert!((slope - s[k]).abs() < 1e-8, "{slope} {}", s[k]);
                let mut s_up = s.clone();
                shares(&a, &up, sigma, &mut s_up);
                let mut s_down = s.clone();
                shares(&a, &down, sigma, &mut s_down);
                for m in 0..a.len() {
                    let slope = (s_up[m] - s_down[m]) / (2.0 * h);
                    prop_assert!((slope - share_derivative(&s, sigma, m, k)).abs() < 1e-7);
                }
            }
        }
    }

    #[test]
    fn what_cannot_be_had_or_is_free_takes_all_or_nothing() {
        let (infinite, free) = (f64::INFINITY, f64::NEG_INFINITY);
        for (sigma, ln_price, ln_cost, expected) in [
            (0.5, [infinite, 0.0, infinite], infinite, [0.25, 0.0, 0.75]),
            (2.0, [infinite, 0.0, infinite], std::f64::consts::LN_2, [0.0, 1.0, 0.0]),
            (2.0, [free, 0.0, 1.0], free, [1.0, 0.0, 0.0]),
            (1.0, [infinite, 0.0, 0.0], infinite, [0.125, 0.5, 0.375]),
        ] {
            let mut new = [0.0; 3];
            let found = shares(&[0.125, 0.5, 0.375], &ln_price, sigma, &mut new);
            assert!(found == ln_cost || (found - ln_cost).abs() < 1e-15, "{sigma}: {found}");
            assert_eq!(new, expected, "{sigma} {ln_price:?}");
        }
        for gap in [-800.0, -40.0, 1.0, 800.0, infinite, free] {
            for sigma in [0.0, 0.5, 1.0, 3.0] {
                assert_eq!(two_inputs(0.0, gap, sigma), (0.0, 0.0));
                assert_eq!(two_inputs(1.0, gap, sigma), (gap, 1.0));
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1024))]

        #[test]
        fn two_inputs_are_the_general_case(share in 1e-9_f64..1.0, gap in -8.0_f64..8.0, sigma in 0.0_f64..3.0) {
            let mut both = [0.0; 2];
            let ln_cost = shares(&[share, 1.0 - share], &[gap, 0.0], sigma, &mut both);
            let (ln_c, s) = two_inputs(share, gap, sigma);
            prop_assert!((ln_c - ln_cost).abs() <= 1e-13 * (1.0 + gap.abs()), "{ln_c} {ln_cost}");
            prop_assert!((s - both[0]).abs() <= 1e-13, "{s} {}", both[0]);
        }

        #[test]
        fn two_inputs_pass_smoothly_through_cobb_douglas_and_reach_leontief(share in 1e-6_f64..0.9, gap in -3.0_f64..5.0) {
            let (exact, s) = two_inputs(share, gap, 1.0);
            prop_assert_eq!(exact, gap * share);
            prop_assert_eq!(s, share);
            for step in [1e-13, -1e-13] {
                let (near, s_near) = two_inputs(share, gap, 1.0 + step);
                prop_assert!((near - exact).abs() < 1e-12 && (s_near - s).abs() < 1e-12);
            }
            let (leontief, _) = two_inputs(share, gap, 0.0);
            prop_assert!((leontief - (share * gap.exp_m1()).ln_1p()).abs() < 1e-14);
            let (nearly, _) = two_inputs(share, gap, 1e-13);
            prop_assert!((leontief - nearly).abs() < 1e-12);
        }

        #[test]
        fn dual_numbers_give_the_derivatives(share in 0.01_f64..0.9, gap in -2.0_f64..3.0, sigma in 0.0_f64..2.5) {
            use num_dual::Dual64;
            let h = 1e-6;
            let difference = |f: &dyn Fn(f64) -> f64| (f(h) - f(-h)) / (2.0 * h);
            let (by_gap, _) = two_inputs(share, Dual64::new(gap, 1.0), sigma.into());
            let (_, s) = two_inputs(share, gap, sigma);
            prop_assert!((by_gap.eps - s).abs() < 1e-12, "Shephard");
            for at in [sigma, 1.0] {
                let (ln_c, s) = two_inputs(share, Dual64::from(gap), Dual64::new(at, 1.0));
                prop_assert!((ln_c.eps - difference(&|d| two_inputs(share, gap, at + d).0)).abs() < 1e-7);
                prop_assert!((s.eps - difference(&|d| two_inputs(share, gap, at + d).1)).abs() < 1e-7);
                let dual = [Dual64::from(share), Dual64::from(1.0 - share)];
                let mut both = dual;
                let whole = shares(&dual, &[gap.into(), 0.0.into()], Dual64::new(at, 1.0), &mut both);
                prop_assert!((whole.eps - ln_c.eps).abs() < 1e-10);
                prop_assert!((both[0].eps - s.eps).abs() < 1e-10);
            }
        }
    }

    #[test]
    fn extremes_do_not_overflow() {
        let (ln_c, s) = two_inputs(1e-6, 2000.0, 0.0);
        assert!((ln_c - (2000.0 + 1e-6_f64.ln())).abs() < 1e-9 && s == 1.0);
        let a = [0.5, 0.5];
        // At sigma = 61 only the cheaper of the two is bought: c = (0.5 e^(50 * 60))^(-1/60).
        assert!((ln_unit_cost(&a, &[50.0, -50.0], 61.0) - (-50.0 - 0.5_f64.ln() / 60.0)).abs() < 1e-12);
        assert_eq!(ln_unit_cost(&a, &[0.0, f64::INFINITY], 0.5), f64::INFINITY);
        assert_eq!(ln_unit_cost(&a, &[0.0, f64::NEG_INFINITY], 3.0), f64::NEG_INFINITY);
        assert!(ln_unit_cost(&a, &[700.0, -700.0], 0.0).is_finite());
        assert_eq!(ln_unit_cost(&[1.0, 0.0], &[0.3, f64::INFINITY], 0.5), 0.3);
        let rare = ln_unit_cost(&[1e-6, 1.0 - 1e-6], &[2000.0, 0.0], 0.0);
        assert!((rare - (2000.0 + 1e-6_f64.ln())).abs() < 1e-9, "{rare}");
        // A share as small as its price is large: c^(1/2) = 1 + s (e^(gap/2) - 1) = 1 + e^(1/2), to rounding.
        let (ln_c, s) = two_inputs((-510.0_f64).exp(), 1021.0, 0.5);
        let expected = 0.5_f64.exp();
        assert!((ln_c - 2.0 * expected.ln_1p()).abs() < 1e-12, "{ln_c}");
        assert!((s - expected / (1.0 + expected)).abs() < 1e-12, "{s}");
    }

    #[test]
    fn what_cannot_be_had_drops_out_where_it_can_be_replaced() {
        let index = |items: &[(f64, f64)], rho: f64| {
            items.iter().map(|(a, l)| a * (rho * l).exp()).sum::<f64>().ln() / rho
        };
        for sigma in [1.5, 3.0, 7.0] {
            let found = ln_unit_cost(&[0.2, 0.5, 0.3], &[0.4, f64::INFINITY, -1.1], sigma);
            assert!(
                (found - index(&[(0.2, 0.4), (0.3, -1.1)], 1.0 - sigma)).abs() < 1e-14,
                "{sigma}: {found}"
            );
        }
        // What is free counts for nothing where it is a complement.
        let found = ln_unit_cost(&[0.2, 0.5, 0.3], &[0.4, f64::NEG_INFINITY, -1.1], 0.4);
        assert!((found - index(&[(0.2, 0.4), (0.3, -1.1)], 0.6)).abs() < 1e-14, "{found}");
        // Homogeneous of degree one however dear the rest is.
        let (near, far) = ([0.2, f64::INFINITY, -0.3], [900.2, f64::INFINITY, 899.7]);
        let gap = ln_unit_cost(&[0.2, 0.5, 0.3], &far, 3.0) - ln_unit_cost(&[0.2, 0.5, 0.3], &near, 3.0);
        assert!((gap - 900.0).abs() < 1e-12, "{gap}");
    }

    #[test]
    fn unit_cost_is_the_index_in_levels() {
        // Leontief and Cobb-Douglas by hand.
        assert!((unit_cost(&[0.25, 0.75], &[4.0, 2.0], 0.0) - 2.5).abs() < 1e-14);
        assert!((unit_cost(&[0.5, 0.5], &[4.0, 9.0], 1.0) - 6.0).abs() < 1e-14);
    }
}
