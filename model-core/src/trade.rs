//! Trade: Eaton-Kortum (2002) price index and trade shares, and the value ladder of a flow.
//!
//! With baseline trade shares `pi`, cost hats `c`, delivered-price-factor hats `tau` and trade elasticity `theta`,
//!
//! ```text
//! P[n]     = ( sum_i pi[n,i] (c[i] tau[n,i])^(-theta) )^(-1/theta)
//! pi'[n,i] = pi[n,i] (c[i] tau[n,i] / P[n])^(-theta)
//! ```
//!
//! These are the CES functions of [`crate::ces`] at `sigma = 1 + theta`, which is Armington's model; the hats of the two
//! models are the same (Arkolakis, Costinot and Rodriguez-Clare 2012).
//!
//! # The value ladder
//! A flow is worth `X pi` at purchaser prices, that divided by `1 + tariff` at the importer's border, and that divided
//! by `1 + export tax` to its producer. [`border_value`] and [`producer_value`] go down, [`purchaser_value`] goes up.

use ndarray::{Array2, Array3};

use crate::ces;

/// Log of the price-index hat of one importer and sector: `share` are its trade shares `pi[n,.]`, `ln_price` the logs of
/// delivered price hats `c[i] tau[n,i]`, `theta > 0` the trade elasticity.
pub fn ln_price_index(share: &[f64], ln_price: &[f64], theta: f64) -> f64 {
    ces::ln_unit_cost(share, ln_price, 1.0 + theta)
}

/// New trade shares of one importer and sector, written to `shares`; returns the log of the price-index hat.
pub fn trade_shares(share: &[f64], ln_price: &[f64], theta: f64, shares: &mut [f64]) -> f64 {
    ces::shares(share, ln_price, 1.0 + theta, shares)
}

/// Value at the importer's border of a flow worth `purchaser` to its buyer; `tariff` is the ad-valorem rate.
pub fn border_value(purchaser: f64, tariff: f64) -> f64 {
    purchaser / (1.0 + tariff)
}

/// What the producer gets for a flow worth `border` at the border; `export_tax` is the ad-valorem rate on that.
pub fn producer_value(border: f64, export_tax: f64) -> f64 {
    border / (1.0 + export_tax)
}

/// Values `[n,i,j]` at the importers' borders of flows that are shares `[n,i,j]` of expenditure `[n,j]`.
pub(crate) fn border_flows(
    share: &Array3<f64>,
    expenditure: &Array2<f64>,
    tariff: &Array3<f64>,
) -> Array3<f64> {
    let mut flows = share.clone();
    for ((n, i, j), flow) in flows.indexed_iter_mut() {
        *flow = border_value(expenditure[[n, j]] * *flow, tariff[[n, i, j]]);
    }
    flows
}

/// Value to the buyer of a flow worth `producer` to its producer.
pub fn purchaser_value(producer: f64, export_tax: f64, tariff: f64) -> f64 {
    producer * (1.0 + export_tax) * (1.0 + tariff)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ladder_goes_both_ways() {
        let producer = producer_value(border_value(115.5, 0.05), 0.1);
        assert!((producer - 100.0).abs() < 1e-12);
        assert!((purchaser_value(producer, 0.1, 0.05) - 115.5).abs() < 1e-12);
    }

    #[test]
    fn arkolakis_costinot_rodriguez_clare_identity() {
        // With the domestic cost unchanged, P = pi'_nn^(1/theta) / pi_nn^(1/theta).
        let (share, theta) = ([0.7, 0.2, 0.1], 4.0);
        let mut new = [0.0; 3];
        let ln_p = trade_shares(&share, &[0.0, 0.3, f64::INFINITY], theta, &mut new);
        assert_eq!(new[2], 0.0);
        assert_eq!(ln_p, ln_price_index(&share, &[0.0, 0.3, f64::INFINITY], theta));
        assert!((ln_p - (new[0] / share[0]).ln() / theta).abs() < 1e-14);
    }
}
