use std::collections::HashMap;

use ndarray::ArrayView2;

use crate::absorb::Absorber;
use crate::sample::{CONSTANT, Dropped};
use crate::{Categories, Estimates, EstimationError, Regression};

/// The tolerance to which fixed effects are recovered.
const RECOVERY_TOLERANCE: f64 = 1e-12;

/// The estimated values of absorbed effects.
///
/// Levels are only identified up to a shift between effects (one per connected set of levels). Here every
/// effect after the first averages to zero over the rows used, and the first carries the level.
#[derive(Debug, Clone, PartialEq)]
pub struct FixedEffects {
    effects: Vec<(String, HashMap<String, f64>)>,
}

impl FixedEffects {
    /// The effects' names, in the order they were absorbed.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.effects.iter().map(|(name, _)| name.as_str())
    }

    /// The value of one level.
    ///
    /// # Errors
    /// [`EstimationError::UnknownLevel`] for a level (or effect) that was not estimated.
    pub fn value(&self, effect: &str, level: &str) -> Result<f64, EstimationError> {
        self.effects
            .iter()
            .find(|(name, _)| name == effect)
            .and_then(|(_, values)| values.get(level))
            .copied()
            .ok_or_else(|| EstimationError::UnknownLevel { effect: effect.into(), level: level.into() })
    }

    /// All values of one effect, sorted by level.
    pub fn values(&self, effect: &str) -> Vec<(&str, f64)> {
        let mut values: Vec<(&str, f64)> = self
            .effects
            .iter()
            .filter(|(name, _)| name == effect)
            .flat_map(|(_, values)| values.iter().map(|(level, value)| (level.as_str(), *value)))
            .collect();
        values.sort_by(|a, b| a.0.cmp(b.0));
        values
    }
}

/// What a fit keeps of its fixed effects: enough to recover them when asked.
#[derive(Debug, Clone)]
pub(crate) struct Absorbed {
    effects: Vec<Categories>,
    weights: Option<Vec<f64>>,
    /// Sum of the effects in each row used.
    sum: Vec<f64>,
}

impl Absorbed {
    /// `predictor` is the fitted linear predictor of the rows used, any offset taken out.
    pub(crate) fn new(
        regression: &Regression,
        rows: &[usize],
        effects: Vec<Categories>,
        weights: Option<Vec<f64>>,
        estimates: &Estimates,
        predictor: &[f64],
    ) -> Self {
        let mut sum = if effects.is_empty() { Vec::new() } else { predictor.to_vec() };
        if !effects.is_empty() {
            let names = regression.names.iter().chain(&regression.endogenous_names);
            let columns = regression.x.rows().into_iter().chain(regression.endogenous.rows());
            for (name, column) in names.zip(columns) {
                if let Ok(b) = estimates.coefficient(name) {
                    sum.iter_mut().zip(rows).for_each(|(s, &row)| *s -= b.estimate * column[row]);
                }
            }
        }
        Self { effects, weights, sum }
    }

    pub(crate) fn recover(&self) -> Result<FixedEffects, EstimationError> {
        if self.effects.is_empty() {
            return Ok(FixedEffects { effects: Vec::new() });
        }
        let mut absorber = Absorber::new(&self.effects, 1);
        let mut values =
            absorber.weighted(self.weights.as_deref()).effects_of(&self.sum, RECOVERY_TOLERANCE)?;
        let rows = self.sum.len() as f64;
        let mut shift = 0.0;
        for (effect, values) in self.effects.iter().zip(&mut values).skip(1) {
            let mean = effect.codes().iter().map(|&c| values[c as usize]).sum::<f64>() / rows;
            values.iter_mut().for_each(|v| *v -= mean);
            shift += mean;
        }
        if let Some(first) = values.first_mut() {
            first.iter_mut().for_each(|v| *v += shift);
        }
        let effects = self
            .effects
            .iter()
            .zip(values)
            .map(|(e, values)| (e.name().to_owned(), e.levels().iter().cloned().zip(values).collect()))
            .collect();
        Ok(FixedEffects { effects })
    }

    pub(crate) fn linear_predictor(
        &self,
        estimates: &Estimates,
        x: ArrayView2<'_, f64>,
        effects: &[Categories],
    ) -> Result<Vec<f64>, EstimationError> {
        let constant = estimates.names().first().is_some_and(|n| n == CONSTANT);
        let slopes: Vec<f64> = estimates.coefficients().iter().copied().skip(usize::from(constant)).collect();
        if x.ncols() != slopes.len() {
            return Err(EstimationError::Names { names: x.ncols(), regressors: slopes.len() });
        }
        if effects.len() != self.effects.len() {
            return Err(EstimationError::Names { names: effects.len(), regressors: self.effects.len() });
        }
        let intercept = if constant { estimates.coefficients()[0] } else { 0.0 };
        let mut out: Vec<f64> = x
            .rows()
            .into_iter()
            .map(|row| intercept + row.iter().zip(&slopes).map(|(x, b)| x * b).sum::<f64>())
            .collect();
        let known = self.recover()?;
        for (given, estimated) in effects.iter().zip(&self.effects) {
            if given.len() != out.len() {
                return Err(EstimationError::Length {
                    what: given.name().into(),
                    expected: out.len(),
                    found: given.len(),
                });
            }
            let values = given
                .levels()
                .iter()
                .map(|level| known.value(estimated.name(), level))
                .collect::<Result<Vec<_>, _>>()?;
            out.iter_mut().zip(given.codes()).for_each(|(o, &c)| *o += values[c as usize]);
        }
        Ok(out)
    }

    pub(crate) fn describe(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.effects.is_empty() {
            return Ok(());
        }
        let list: Vec<String> =
            self.effects.iter().map(|e| format!("{} ({})", e.name(), e.count())).collect();
        write!(f, "\nfixed effects (levels): {}", list.join(", "))
    }

    /// Names of the absorbed effects.
    pub(crate) fn names(&self) -> Vec<String> {
        self.effects.iter().map(|e| e.name().to_owned()).collect()
    }
}

impl Dropped {
    pub(crate) fn describe(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if !self.regressors.is_empty() {
            write!(f, "\ndropped as collinear: {}", self.regressors.join(", "))?;
        }
        for (count, what) in [
            (self.weightless.len(), "rows of weight zero"),
            (self.singletons.len(), "singleton rows"),
            (self.separated.len(), "separated rows"),
        ] {
            if count > 0 {
                write!(f, "\ndropped: {count} {what}")?;
            }
        }
        Ok(())
    }
}
