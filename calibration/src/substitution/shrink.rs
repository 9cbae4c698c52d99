//! Empirical Bayes: sector-specific estimates drawn towards their mean as far as they are noisy.

use linalg::{Cholesky, SymmetricEigen, matmul};
use ndarray::{Array1, Array2};

use super::{Fit, SubstitutionError};

/// Shrunken elasticities.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Shrunken {
    /// Groups, as in the fit.
    pub groups: Vec<String>,
    /// `sigma` of each.
    pub sigma: Array1<f64>,
    /// Posterior covariance, the error of the mean included, that of `tau` not.
    pub covariance: Array2<f64>,
    /// Mean of the true elasticities.
    pub mean: f64,
    /// Its standard error.
    pub mean_error: f64,
    /// Standard deviation of the true elasticities, by restricted maximum likelihood.
    pub tau: f64,
}

impl Fit {
    /// Shrinks `sigma` to its mean: `sigma_j ~ N(m, tau^2)` and the estimates normal about it with their joint covariance `V`.
    /// `tau` maximises the restricted likelihood; then `sigma = m + tau^2 (tau^2 I + V)^-1 (estimate - m)` (Morris 1983).
    ///
    /// # Errors
    /// [`SubstitutionError::Setting`] with fewer than three groups, [`SubstitutionError::Gmm`] when a decomposition fails.
    pub fn shrink(&self) -> Result<Shrunken, SubstitutionError> {
        shrink(&self.groups, &self.sigma(), &self.sigma_covariance())
    }
}

pub(super) fn shrink(
    groups: &[String],
    estimate: &Array1<f64>,
    covariance: &Array2<f64>,
) -> Result<Shrunken, SubstitutionError> {
    let count = estimate.len();
    if count < 3 {
        return Err(SubstitutionError::Setting {
            setting: "groups",
            problem: format!("{count} groups: shrinking takes three, or there is no spread to estimate"),
        });
    }
    let failed = |source: linalg::LinalgError| SubstitutionError::Gmm {
        what: "the shrunken elasticities".to_owned(),
        source: source.into(),
    };
    let eigen = SymmetricEigen::new(covariance.view()).map_err(failed)?;
    let rotated = eigen.vectors.t().dot(estimate);
    let ones = eigen.vectors.t().dot(&Array1::<f64>::ones(count));
    let mean_at = |tau2: f64| {
        let precision = eigen.values.mapv(|v| 1.0 / (v.max(0.0) + tau2));
        let information = (&precision * &ones * &ones).sum();
        ((&precision * &ones * &rotated).sum() / information, information, precision)
    };
    let likelihood = |tau2: f64| {
        let (mean, information, precision) = mean_at(tau2);
        let gap = &rotated - &(&ones * mean);
        precision.iter().map(|p| p.ln()).sum::<f64>() - information.ln() - (&precision * &gap * &gap).sum()
    };
    // The likelihood of a variance has one or two peaks: a grid on the scale of the spread, then golden section.
    let centre = estimate.mean().unwrap_or(0.0);
    let spread = estimate.mapv(|s| (s - centre).powi(2)).sum() / (count - 1) as f64;
    let floor = 1e-9 * (spread + eigen.values.sum() / count as f64).max(f64::MIN_POSITIVE);
    let steps = 60;
    let at = |k: usize| floor + 4.0 * spread * (k as f64 / steps as f64).powi(2);
    let best = (0..=steps).max_by(|a, b| likelihood(at(*a)).total_cmp(&likelihood(at(*b)))).unwrap_or(0);
    let (mut low, mut high) = (at(best.saturating_sub(1)), at((best + 1).min(steps)));
    let golden = 0.5 * (5.0_f64.sqrt() - 1.0);
    for _ in 0..80 {
        let (left, right) = (high - golden * (high - low), low + golden * (high - low));
        if likelihood(left) < likelihood(right) { low = left } else { high = right }
    }
    let mut tau2 = 0.5 * (low + high);
    if likelihood(floor) >= likelihood(tau2) {
        tau2 = floor;
    }
    let (mean, information, _) = mean_at(tau2);
    let total = covariance + &(Array2::<f64>::eye(count) * tau2);
    let factor = Cholesky::well_conditioned(total.view()).map_err(failed)?;
    // How much of an estimate's distance from the mean is kept.
    let keep = factor.inverse().map_err(failed)? * tau2;
    let sigma = keep.dot(&estimate.mapv(|s| s - mean)) + mean;
    let lost = (Array2::<f64>::eye(count) - &keep).dot(&Array1::<f64>::ones(count));
    let outer = Array2::from_shape_fn((count, count), |(a, b)| lost[a] * lost[b] / information);
    let posterior = matmul(keep.view(), covariance.view()).map_err(failed)? + outer;
    let covariance = (&posterior + &posterior.t()) / 2.0;
    Ok(Shrunken {
        groups: groups.to_vec(),
        sigma,
        covariance,
        mean,
        mean_error: information.recip().sqrt(),
        tau: if tau2 <= floor { 0.0 } else { tau2.sqrt() },
    })
}
