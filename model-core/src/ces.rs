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
pub fn ln_unit_cost(share: &[f64], ln_price: &[f64], sigma: f64) -> f64 {
    let rho = 1.0 - sigma;
    let mut mean = 0.0;
    for (&a, &l) in share.iter().zip(ln_price) {
        if a != 0.0 {
            mean += a * l;
        }
    }
    if rho == 0.0 {
        return mean;
    }
    if !mean.is_finite() {
        return with_infinite_price(share, ln_price, rho);
    }
    let mut sum = 0.0;
    let mut largest = f64::NEG_INFINITY;
    let mut smallest = f64::INFINITY;
    for (&a, &l) in share.iter().zip(ln_price) {
        if a != 0.0 {
            let x = rho * (l - mean);
            largest = largest.max(x);
            smallest = smallest.min(x);
            sum += a * x.exp_m1();
        }
    }
    if largest <= 1.0 && smallest >= -1.0 {
        return mean + sum.ln_1p() / rho;
    }
    let mut scaled = 0.0;
    for (&a, &l) in share.iter().zip(ln_price) {
        if a != 0.0 {
            scaled += a * (rho * (l - mean) - largest).exp();
        }
    }
    mean + (largest + scaled.ln()) / rho
}

/// The index where some item cannot be had at any price (or is free): it drops out if `sigma > 1`, and is decisive
/// otherwise.
fn with_infinite_price(share: &[f64], ln_price: &[f64], rho: f64) -> f64 {
    let terms = || share.iter().zip(ln_price).filter(|(a, _)| **a != 0.0);
    let largest = terms().map(|(_, l)| rho * l).fold(f64::NEG_INFINITY, f64::max);
    if !largest.is_finite() {
        return largest / rho;
    }
    let sum: f64 = terms().map(|(a, l)| a * (rho * l - largest).exp()).sum();
    (largest + sum.ln()) / rho
}

/// The CES index in levels: [`ln_unit_cost`] of the logarithms of positive prices.
pub fn unit_cost(share: &[f64], price: &[f64], sigma: f64) -> f64 {
    let ln_price: Vec<f64> = price.iter().map(|p| p.ln()).collect();
    ln_unit_cost(share, &ln_price, sigma).exp()
}

/// Cost shares after the price change, `s_k = a_k (p_k / c)^(1-sigma)`, written to `shares`; returns `ln c`.
///
/// By Shephard's lemma the shares are also the derivatives `d ln c / d ln p_k`. They sum to one to rounding.
pub fn shares(share: &[f64], ln_price: &[f64], sigma: f64, shares: &mut [f64]) -> f64 {
    let ln_cost = ln_unit_cost(share, ln_price, sigma);
    let rho = 1.0 - sigma;
    if rho == 0.0 {
        shares.copy_from_slice(share);
        return ln_cost;
    }
    for ((s, &a), &l) in shares.iter_mut().zip(share).zip(ln_price) {
        *s = if a == 0.0 { 0.0 } else { a * (rho * (l - ln_cost)).exp() };
    }
    ln_cost
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
    fn extremes_do_not_overflow() {
        let a = [0.5, 0.5];
        // At sigma = 61 only the cheaper of the two is bought: c = (0.5 e^(50 * 60))^(-1/60).
        assert!((ln_unit_cost(&a, &[50.0, -50.0], 61.0) - (-50.0 - 0.5_f64.ln() / 60.0)).abs() < 1e-12);
        assert_eq!(ln_unit_cost(&a, &[0.0, f64::INFINITY], 0.5), f64::INFINITY);
        assert_eq!(ln_unit_cost(&a, &[0.0, f64::NEG_INFINITY], 3.0), f64::NEG_INFINITY);
        assert!(ln_unit_cost(&a, &[700.0, -700.0], 0.0).is_finite());
        assert_eq!(ln_unit_cost(&[1.0, 0.0], &[0.3, f64::INFINITY], 0.5), 0.3);
    }
}
