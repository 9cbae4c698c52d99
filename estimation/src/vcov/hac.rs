//! Dependence over time.

use ndarray::{Array2, ArrayView1, Axis};

use super::SmallSample;
use super::sandwich::{Ingredients, group_sums};
use crate::distribution::Reference;
use crate::{Categories, EstimationError};

/// `sum_l (1 - l/(L+1)) (s_t s_{t-l}' + ...)` within each unit.
pub(super) fn newey_west(
    parts: &Ingredients<'_>,
    time: &[i64],
    unit: Option<&Categories>,
    lags: usize,
) -> Result<Array2<f64>, EstimationError> {
    let time = parts.pick(time);
    let unit = unit.map(|u| u.select(parts.rows));
    let code = |i: usize| unit.as_ref().map_or(0, |u| u.codes()[i]);
    let mut order: Vec<usize> = (0..time.len()).collect();
    order.sort_by_key(|&i| (code(i), time[i]));
    let keys: Vec<(u32, i64)> = order.iter().map(|&i| (code(i), time[i])).collect();
    if let Some(twice) = keys.windows(2).position(|w| w[0] == w[1]) {
        let (unit_code, period) = keys[twice];
        let reason = match &unit {
            Some(u) => {
                format!("period {period} occurs twice for {}; keep one row", u.level(unit_code as usize))
            }
            None => format!("period {period} occurs twice; name the unit of the panel, or use DriscollKraay"),
        };
        return Err(EstimationError::VcovUnavailable { vcov: "Newey-West".into(), reason });
    }
    let factors = parts.score_factors();
    let k = parts.regressors.nrows();
    let mut scores = Array2::zeros((order.len(), k));
    for (mut row, &i) in scores.axis_iter_mut(Axis(0)).zip(&order) {
        row.iter_mut().enumerate().for_each(|(j, s)| *s = parts.regressors[[j, i]] * factors[i]);
    }
    Ok(bartlett(&scores, &keys, lags))
}

/// Newey-West on the scores of each period added up.
pub(super) fn driscoll_kraay(parts: &Ingredients<'_>, time: &[i64], lags: usize) -> Array2<f64> {
    let time = parts.pick(time);
    let periods = Categories::new("period", time.iter().copied());
    let sums = group_sums(parts, &periods);
    let mut distinct: Vec<(i64, usize)> = Vec::new();
    let mut seen = vec![false; periods.count()];
    for (&code, &t) in periods.codes().iter().zip(&time) {
        if !std::mem::replace(&mut seen[code as usize], true) {
            distinct.push((t, code as usize));
        }
    }
    distinct.sort_unstable();
    let columns: Vec<usize> = distinct.iter().map(|d| d.1).collect();
    let scores = sums.select(Axis(1), &columns).reversed_axes();
    let keys: Vec<(u32, i64)> = distinct.iter().map(|d| (0, d.0)).collect();
    bartlett(&scores, &keys, lags)
}

/// Scores `[T, k]` sorted by unit and period.
fn bartlett(scores: &Array2<f64>, keys: &[(u32, i64)], lags: usize) -> Array2<f64> {
    let k = scores.ncols();
    let mut meat = Array2::zeros((k, k));
    let mut add = |a: ArrayView1<'_, f64>, b: ArrayView1<'_, f64>, weight: f64| {
        for i in 0..k {
            for j in 0..k {
                meat[[i, j]] += weight * a[i] * b[j];
            }
        }
    };
    for t in 0..keys.len() {
        add(scores.row(t), scores.row(t), 1.0);
        for earlier in (0..t).rev() {
            let distance = keys[t].1.abs_diff(keys[earlier].1) as usize;
            if keys[earlier].0 != keys[t].0 || distance > lags {
                break;
            }
            let weight = 1.0 - distance as f64 / (lags as f64 + 1.0);
            add(scores.row(t), scores.row(earlier), weight);
            add(scores.row(earlier), scores.row(t), weight);
        }
    }
    meat
}

/// Bread, meat and the finite-sample convention; `in_stata` says whether Stata has one for this estimator.
pub(super) fn scaled(
    parts: &Ingredients<'_>,
    meat: &Array2<f64>,
    small_sample: SmallSample,
    time: &[i64],
    in_stata: bool,
    df: f64,
) -> Result<(Array2<f64>, Reference), EstimationError> {
    let n = parts.observations;
    let periods = Categories::new("period", parts.pick(time)).count() as f64;
    if periods < 2.0 {
        return Err(EstimationError::TooFewClusters {
            variable: "the period".into(),
            count: periods as usize,
        });
    }
    let (scale, degrees) = match small_sample {
        SmallSample::Uncorrected => (1.0, None),
        SmallSample::Fixest => (periods / (periods - 1.0) * (n - 1.0) / df, Some(periods - 1.0)),
        SmallSample::Stata if in_stata => (n / df, Some(df)),
        SmallSample::Stata => {
            return Err(EstimationError::VcovUnavailable {
                vcov: "Driscoll-Kraay with Stata's convention".into(),
                reason: "there is none; use fixest's or none".into(),
            });
        }
    };
    let reference = match degrees {
        Some(df) if !parts.likelihood => Reference::StudentT(df),
        _ => Reference::Normal,
    };
    Ok((parts.sandwich(meat) * scale, reference))
}
