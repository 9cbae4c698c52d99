//! Trade in one sector under a shock: `G[n,i] = pi tau^(-theta)`, formed once for a solve.

use ndarray::{Array3, Axis, Zip};

use crate::economy::EconomyParts;
use crate::labels::Dims;
use crate::shock::{Shock, ShockError};

/// Trade in one sector.
pub(super) enum Market {
    /// Nobody imports: the price is the domestic cost times the domestic price factor.
    Domestic {
        ln_tau: Vec<f64>,
        keep_border: Vec<f64>,
        keep_producer: Vec<f64>,
        buys: Vec<bool>,
        taxed: bool,
    },
    /// `g[n,i]`, row by row, divided by its largest entry `exp(shift[n])`; with tariffs and export taxes taken off where
    /// there are any.
    Traded { g: Vec<f64>, shift: Vec<f64>, border: Option<Vec<f64>>, producer: Option<Vec<f64>> },
}

/// The markets of all sectors. Fails where the shock cuts off all suppliers of something that is needed.
pub(super) fn markets(parts: &EconomyParts, shock: &Shock) -> Result<Vec<Market>, ShockError> {
    let Dims { countries: n, sectors: j, .. } = parts.dims();
    let shares = by_sector(&parts.trade_share);
    let change = price_factor(parts, shock).map(|a| by_sector(&a));
    let kept = |rates: &Array3<f64>| {
        rates.iter().any(|r| *r != 0.0).then(|| by_sector(&rates.mapv(|r| 1.0 / (1.0 + r))))
    };
    let keep_border = kept(shock.tariff.as_ref().unwrap_or(&parts.tariff));
    let keep_producer = kept(shock.export_tax.as_ref().unwrap_or(&parts.export_tax));
    let cells = n * n;
    (0..j)
        .map(|s| {
            let sector = |all: &'_ Vec<f64>| all[s * cells..(s + 1) * cells].to_vec();
            let shares = sector(&shares);
            let change = change.as_ref().map(sector);
            let border = keep_border.as_ref().map(sector);
            let producer = keep_producer.as_ref().map(sector);
            let market = if (0..cells).any(|at| at / n != at % n && shares[at] > 0.0) {
                traded(n, shares, change, parts.theta[s], border, producer)
            } else {
                domestic(n, &shares, change, border, producer)
            };
            market.map_err(|importer| ShockError::NoSupplier {
                country: parts.labels.countries()[importer].clone(),
                sector: parts.labels.sectors()[s].clone(),
            })
        })
        .collect()
}

/// `[n,i,j]` as `[j][n][i]`.
fn by_sector(array: &Array3<f64>) -> Vec<f64> {
    let (n, _, j) = array.dim();
    let mut all = vec![0.0; n * n * j];
    for (pair, sectors) in array.lanes(Axis(2)).into_iter().enumerate() {
        for (s, value) in sectors.iter().enumerate() {
            all[s * n * n + pair] = *value;
        }
    }
    all
}

/// Hat of the delivered-price factor, if the shock moves any.
fn price_factor(parts: &EconomyParts, shock: &Shock) -> Option<Array3<f64>> {
    let gross = |new: &Array3<f64>, old: &Array3<f64>| {
        Zip::from(new)
            .and(old)
            .map_collect(|new, old| if new == old { 1.0 } else { (1.0 + new) / (1.0 + old) })
    };
    let tariff = shock.tariff.as_ref().map(|new| gross(new, &parts.tariff));
    let tax = shock.export_tax.as_ref().map(|new| gross(new, &parts.export_tax));
    [tariff, tax, shock.iceberg_hat.clone()].into_iter().flatten().reduce(|a, b| a * b)
}

/// The error is the importer without a supplier.
fn domestic(
    n: usize,
    shares: &[f64],
    change: Option<Vec<f64>>,
    border: Option<Vec<f64>>,
    producer: Option<Vec<f64>>,
) -> Result<Market, usize> {
    let own = |all: &Option<Vec<f64>>, i: usize| all.as_ref().map_or(1.0, |a| a[i * n + i]);
    let buys: Vec<bool> = (0..n).map(|i| shares[i * n + i] > 0.0).collect();
    let ln_tau: Vec<f64> = (0..n).map(|i| own(&change, i).ln()).collect();
    if let Some(i) = (0..n).find(|&i| buys[i] && ln_tau[i] == f64::INFINITY) {
        return Err(i);
    }
    let keep_border: Vec<f64> = (0..n).map(|i| own(&border, i)).collect();
    let keep_producer: Vec<f64> = (0..n).map(|i| keep_border[i] * own(&producer, i)).collect();
    let taxed = keep_border.iter().chain(&keep_producer).any(|k| *k != 1.0);
    Ok(Market::Domestic { ln_tau, keep_border, keep_producer, buys, taxed })
}

/// The error is the importer without a supplier.
fn traded(
    n: usize,
    mut g: Vec<f64>,
    change: Option<Vec<f64>>,
    theta: f64,
    border: Option<Vec<f64>>,
    producer: Option<Vec<f64>>,
) -> Result<Market, usize> {
    let mut shift = vec![0.0; n];
    for (m, row) in g.chunks_exact_mut(n).enumerate() {
        if row.iter().all(|g| *g == 0.0) {
            shift[m] = f64::NEG_INFINITY;
            continue;
        }
        // Where nothing moved the baseline shares are kept to the last bit.
        let Some(change) = change.as_ref().map(|c| &c[m * n..(m + 1) * n]) else { continue };
        if row.iter().zip(change).all(|(g, c)| *g == 0.0 || *c == 1.0) {
            continue;
        }
        for (g, c) in row.iter_mut().zip(change) {
            *g = if *g > 0.0 { g.ln() - theta * c.ln() } else { f64::NEG_INFINITY };
        }
        shift[m] = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if shift[m] == f64::NEG_INFINITY {
            return Err(m);
        }
        row.iter_mut().for_each(|g| *g = (*g - shift[m]).exp());
    }
    let taken_off =
        |from: &[f64], keep: Vec<f64>| -> Vec<f64> { from.iter().zip(keep).map(|(g, k)| g * k).collect() };
    let border = border.map(|keep| taken_off(&g, keep));
    let producer = producer.map(|keep| taken_off(border.as_ref().unwrap_or(&g), keep));
    Ok(Market::Traded { g, shift, border, producer })
}
