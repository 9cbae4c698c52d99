use std::collections::HashMap;

use ndarray::ArrayView2;

use crate::absorb::Absorber;
use crate::sample::Dropped;
use crate::{Categories, Estimates, EstimationError, Regression};

/// The tolerance to which fixed effects are recovered.
const RECOVERY_TOLERANCE: f64 = 1e-12;

/// A coefficient that varies by level, absorbed like a fixed effect: `by[variable]`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct VaryingSlope {
    pub(crate) by: Categories,
    pub(crate) variable: String,
    pub(crate) values: Vec<f64>,
}

impl VaryingSlope {
    /// `by[variable]`.
    pub(crate) fn name(&self) -> String {
        format!("{}[{}]", self.by.name(), self.variable)
    }
}

/// What is absorbed: a value per level of each of these, and slopes per level.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Effects {
    pub(crate) levels: Vec<Categories>,
    pub(crate) slopes: Vec<VaryingSlope>,
}

impl Effects {
    pub(crate) fn is_empty(&self) -> bool {
        self.levels.is_empty() && self.slopes.is_empty()
    }

    /// The same on a selection of rows.
    pub(crate) fn select(&self, rows: &[usize]) -> Self {
        let slope = |s: &VaryingSlope| VaryingSlope {
            by: s.by.select(rows),
            variable: s.variable.clone(),
            values: rows.iter().map(|&r| s.values[r]).collect(),
        };
        Self {
            levels: self.levels.iter().map(|e| e.select(rows)).collect(),
            slopes: self.slopes.iter().map(slope).collect(),
        }
    }

    /// Names, those of slopes last.
    pub(crate) fn names(&self) -> Vec<String> {
        let levels = self.levels.iter().map(|e| e.name().to_owned());
        levels.chain(self.slopes.iter().map(VaryingSlope::name)).collect()
    }

    /// Parameters that they use up: the levels of every effect, less one for each effect after the first, and those of slopes.
    /// Of what is nested in a clustering variable one level of each effect counts, and no slope.
    pub(crate) fn parameters(&self, clusters: &[Categories]) -> usize {
        let nested = |c: &Categories| clusters.iter().any(|by| c.nested_in(by));
        let levels: usize = self.levels.iter().map(|e| if nested(e) { 1 } else { e.count() }).sum();
        let slopes: usize = self.slopes.iter().filter(|s| !nested(&s.by)).map(|s| s.by.count()).sum();
        levels + slopes - self.levels.len().saturating_sub(1)
    }

    /// What each name takes its levels from, in the order of the names.
    pub(crate) fn categories(&self) -> impl Iterator<Item = &Categories> {
        self.levels.iter().chain(self.slopes.iter().map(|s| &s.by))
    }
}

/// The estimated values of absorbed effects, slopes that vary by level among them (named `by[variable]`).
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
    effects: Effects,
    /// Whether the first coefficient is the constant's.
    constant: bool,
    weights: Option<Vec<f64>>,
    /// Sum of the effects in each row used.
    sum: Vec<f64>,
}

impl Absorbed {
    /// `kept` says which regressors (the constant, the exogenous, the endogenous) the estimates are of, `predictor` is the fitted
    /// linear predictor of the rows used, any offset taken out.
    pub(crate) fn new(
        regression: &Regression,
        rows: &[usize],
        effects: Effects,
        weights: Option<Vec<f64>>,
        estimates: &Estimates,
        kept: &[usize],
        predictor: impl FnOnce() -> Vec<f64>,
    ) -> Self {
        let constant = regression.has_constant();
        if effects.is_empty() {
            return Self { effects, constant, weights: None, sum: Vec::new() };
        }
        let mut sum = predictor();
        let (lead, exogenous) = (usize::from(constant), regression.x.nrows());
        for (&j, &b) in kept.iter().zip(estimates.coefficients()) {
            if j < lead {
                sum.iter_mut().for_each(|s| *s -= b);
                continue;
            }
            let j = j - lead;
            let column =
                if j < exogenous { regression.x.row(j) } else { regression.endogenous.row(j - exogenous) };
            sum.iter_mut().zip(rows).for_each(|(s, &row)| *s -= b * column[row]);
        }
        Self { effects, constant, weights, sum }
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
        for (effect, values) in self.effects.levels.iter().zip(&mut values).skip(1) {
            let mean = effect.codes().iter().map(|&c| values[c as usize]).sum::<f64>() / rows;
            values.iter_mut().for_each(|v| *v -= mean);
            shift += mean;
        }
        if let Some(first) = values.first_mut().filter(|_| shift != 0.0) {
            first.iter_mut().for_each(|v| *v += shift);
        }
        let named = self.effects.names().into_iter().zip(self.effects.categories()).zip(values);
        let by_label = |((name, of), values): ((String, &Categories), Vec<f64>)| {
            let mut labelled = HashMap::with_capacity(values.len());
            for (level, value) in of.levels().zip(values) {
                if labelled.insert(level.to_owned(), value).is_some() {
                    let reason = format!("two levels of {name} are called {level}; rename one");
                    return Err(EstimationError::Absorption { reason });
                }
            }
            Ok((name, labelled))
        };
        Ok(FixedEffects { effects: named.map(by_label).collect::<Result<_, _>>()? })
    }

    /// `effects` holds one entry for each name, `slopes` `[m, s]` the variables of those that are slopes.
    pub(crate) fn linear_predictor(
        &self,
        estimates: &Estimates,
        x: ArrayView2<'_, f64>,
        effects: &[Categories],
        slopes: ArrayView2<'_, f64>,
    ) -> Result<Vec<f64>, EstimationError> {
        let coefficients: Vec<f64> =
            estimates.coefficients().iter().copied().skip(usize::from(self.constant)).collect();
        let names = self.effects.names();
        for (given, estimated) in [
            (x.ncols(), coefficients.len()),
            (effects.len(), names.len()),
            (slopes.ncols(), self.effects.slopes.len()),
        ] {
            if given != estimated {
                return Err(EstimationError::Names { names: given, regressors: estimated });
            }
        }
        let intercept = if self.constant { estimates.coefficients()[0] } else { 0.0 };
        let mut out: Vec<f64> = x
            .rows()
            .into_iter()
            .map(|row| intercept + row.iter().zip(&coefficients).map(|(x, b)| x * b).sum::<f64>())
            .collect();
        let known = self.recover()?;
        let first_slope = self.effects.levels.len();
        for (position, (given, name)) in effects.iter().zip(&names).enumerate() {
            let length = |what: &str, found: usize| {
                let (what, expected) = (what.into(), out.len());
                if found == expected {
                    Ok(())
                } else {
                    Err(EstimationError::Length { what, expected, found })
                }
            };
            length(given.name(), given.len())?;
            let values =
                given.levels().map(|level| known.value(name, level)).collect::<Result<Vec<_>, _>>()?;
            if position < first_slope {
                out.iter_mut().zip(given.codes()).for_each(|(o, &c)| *o += values[c as usize]);
            } else {
                let column = slopes.column(position - first_slope);
                length(name, column.len())?;
                let slopes = given.codes().iter().zip(column);
                out.iter_mut().zip(slopes).for_each(|(o, (&c, v))| *o += values[c as usize] * v);
            }
        }
        Ok(out)
    }

    pub(crate) fn describe(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.effects.is_empty() {
            return Ok(());
        }
        let counted = self.effects.names().into_iter().zip(self.effects.categories());
        let list: Vec<String> = counted.map(|(name, of)| format!("{name} ({})", of.count())).collect();
        write!(f, "\nfixed effects (levels): {}", list.join(", "))
    }

    /// Names of the absorbed effects.
    pub(crate) fn names(&self) -> Vec<String> {
        self.effects.names()
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
