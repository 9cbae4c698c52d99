use ndarray::ArrayView2;

use super::{PoissonFit, PoissonSettings};
use crate::sample::check;
use crate::{Categories, EstimationError, Regression, Vcov};

/// A fitted multinomial (conditional logit) model of shares; [`fitted`](crate::Fit::fitted) holds the shares, which add
/// up to one in every group, less the outcome's share of rows that are left out as alone in a level of an effect
/// ([`Dropped::singletons`](crate::Dropped)). Rows of weight zero count in no total.
///
/// The model is `E(s_i) = exp(x_i'b + effects_i) / sum_(k in group) exp(x_k'b + effects_k)`, `s_i` the share of row `i`
/// in its group's total, and maximises `sum_i s_i ln(fitted_i)`: the multinomial pseudo-likelihood that Eaton, Kortum and
/// Sotelo (2013) use for structural gravity, the group a destination (or a destination, sector and year), the rows its
/// sources, an effect of the source among `effects`. Every group counts alike, whatever its size.
///
/// Its first-order conditions are those of Poisson PML of the shares with an effect for each group: that effect takes the
/// value that makes the shares add up, and that is how it is computed. Weighting groups by their totals gives Poisson PML
/// of the levels with group effects, which [`Regression::poisson`] estimates.
#[derive(Debug, Clone)]
pub struct MultinomialFit {
    fit: PoissonFit,
    pseudo_likelihood: f64,
}

impl std::ops::Deref for MultinomialFit {
    type Target = PoissonFit;

    fn deref(&self) -> &PoissonFit {
        &self.fit
    }
}

impl MultinomialFit {
    /// `sum_i s_i ln(fitted_i)`.
    pub fn pseudo_likelihood(&self) -> f64 {
        self.pseudo_likelihood
    }

    /// Shares of new rows in new groups: `x` `[m, k]` in the order of the coefficients, one entry of `effects` for each
    /// absorbed effect but the group's own, `groups` the group of each row. The shares of every group add up to one, so
    /// that changes in `x` move shares from one row to the others, as in a counterfactual.
    ///
    /// # Errors
    /// Shapes that do not fit, or a level that was not estimated.
    pub fn shares(
        &self,
        x: ArrayView2<'_, f64>,
        effects: &[Categories],
        groups: &Categories,
    ) -> Result<Vec<f64>, EstimationError> {
        if groups.len() != x.nrows() {
            let (expected, found) = (x.nrows(), groups.len());
            return Err(EstimationError::Length { what: groups.name().into(), expected, found });
        }
        // Any level of the group's own effect gives the same shares.
        let names = self.effects();
        let own = names.last().cloned().unwrap_or_default();
        let recovered = self.fixed_effects()?;
        let any = recovered.values(&own).first().map(|(level, _)| (*level).to_owned()).unwrap_or_default();
        let mut all = effects.to_vec();
        all.push(Categories::new(own, (0..x.nrows()).map(|_| any.clone())));
        let eta = self.plain_predictor(x, &all)?;
        let mut largest = vec![f64::NEG_INFINITY; groups.count()];
        for (eta, &g) in eta.iter().zip(groups.codes()) {
            largest[g as usize] = largest[g as usize].max(*eta);
        }
        let mut out: Vec<f64> =
            eta.iter().zip(groups.codes()).map(|(eta, &g)| (eta - largest[g as usize]).exp()).collect();
        let totals = crate::vcov::group_totals(&out, groups);
        out.iter_mut().zip(groups.codes()).for_each(|(s, &g)| *s /= totals[g as usize]);
        Ok(out)
    }
}

impl std::fmt::Display for MultinomialFit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "outcome: {} (multinomial PML)", self.outcome())?;
        writeln!(f, "{}", self.estimates())?;
        write!(f, "observations: {}, pseudo-likelihood: {:.6}", self.observations(), self.pseudo_likelihood)?;
        self.describe(f)
    }
}

pub(crate) fn fit(
    regression: &Regression,
    group: &Categories,
    settings: &PoissonSettings,
    vcov: &Vcov,
) -> Result<MultinomialFit, EstimationError> {
    if group.len() != regression.y.len() {
        let (expected, found) = (regression.y.len(), group.len());
        return Err(EstimationError::Length { what: group.name().into(), expected, found });
    }
    check(regression)?;
    super::refuse_negative(regression)?;
    let counted: Vec<f64> = match regression.weights.values() {
        Some(w) => regression.y.iter().zip(w).map(|(y, w)| if *w > 0.0 { *y } else { 0.0 }).collect(),
        None => regression.y.clone(),
    };
    let totals = crate::vcov::group_totals(&counted, group);
    let mut shares = regression.clone();
    shares.outcome = format!("share of {} in {}", regression.outcome, group.name());
    for (y, &g) in shares.y.iter_mut().zip(group.codes()) {
        let total = totals[g as usize];
        // A group without any outcome has no shares: all its rows are zero, and dropped as such.
        if total > 0.0 {
            *y /= total;
        }
    }
    shares.effects.levels.push(group.clone());
    let fit = super::fit(&shares, settings, vcov)?;
    let pseudo_likelihood =
        fit.y.iter().zip(fit.fitted()).filter(|(s, _)| **s > 0.0).map(|(s, mu)| s * mu.ln()).sum();
    Ok(MultinomialFit { fit, pseudo_likelihood })
}
