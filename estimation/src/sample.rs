//! From a [`Regression`] to the checked rows it is estimated on.

use std::collections::HashSet;

use ndarray::{Array2, ArrayView2, Axis};

use crate::effects::Effects;
use crate::{EstimationError, Regression, Weights};

/// What was left out of an estimation, and why. Rows are counted from 0 in the caller's data.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Dropped {
    /// Regressors and instruments that others, the constant or the fixed effects span.
    pub regressors: Vec<String>,
    /// Rows of weight zero.
    pub weightless: Vec<usize>,
    /// Rows that are alone in a level of a fixed effect, found repeatedly until none is left.
    pub singletons: Vec<usize>,
    /// Poisson only: rows whose zero outcome is predicted perfectly, so that they carry no information.
    pub separated: Vec<usize>,
}

/// The rows of a regression that are used, checked.
pub(crate) struct Sample {
    pub(crate) outcome: String,
    pub(crate) y: Vec<f64>,
    /// Exogenous regressors, the constant first when there is one, then the endogenous ones; `[k, n]`.
    pub(crate) x: Array2<f64>,
    pub(crate) names: Vec<String>,
    /// Excluded instruments, `[m, n]`.
    pub(crate) instruments: Array2<f64>,
    pub(crate) instrument_names: Vec<String>,
    /// How many of the regressors are endogenous: the last ones.
    pub(crate) endogenous: usize,
    pub(crate) constant: bool,
    pub(crate) effects: Effects,
    pub(crate) weights: Weights,
    pub(crate) offset: Option<Vec<f64>>,
    /// Whether each row of the caller's data is in the sample: a byte a row, where their numbers would take eight all the while
    /// that effects are taken out.
    used: Vec<bool>,
    pub(crate) dropped: Dropped,
}

/// Which rows carry information.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Linear,
    /// Levels of fixed effects whose outcomes are all zero are fitted by minus infinity and say nothing.
    Poisson,
}

impl Sample {
    pub(crate) fn new(regression: &Regression, purpose: Purpose) -> Result<Self, EstimationError> {
        check(regression)?;
        let n = regression.y.len();
        let mut dropped = Dropped::default();
        let mut used = vec![true; n];
        if let Some(w) = regression.weights.values() {
            dropped.weightless = (0..n).filter(|&i| w[i] == 0.0).collect();
            dropped.weightless.iter().for_each(|&i| used[i] = false);
        }
        prune(regression, purpose, &mut used, &mut dropped);
        Self::on_rows(regression, used, dropped)
    }

    fn on_rows(regression: &Regression, used: Vec<bool>, dropped: Dropped) -> Result<Self, EstimationError> {
        let rows = numbers(&used);
        if rows.is_empty() {
            return Err(EstimationError::NoRows { because: reason(used.len(), &dropped) });
        }
        let constant = regression.has_constant();
        let lead = usize::from(constant);
        let exogenous = regression.x.nrows();
        let endogenous = regression.endogenous.nrows();
        let mut x = Array2::ones((lead + exogenous + endogenous, rows.len()));
        let sources = regression.x.axis_iter(Axis(0)).chain(regression.endogenous.axis_iter(Axis(0)));
        for (mut target, source) in x.axis_iter_mut(Axis(0)).skip(lead).zip(sources) {
            if rows.len() == source.len() {
                target.assign(&source);
            } else {
                target.iter_mut().zip(&rows).for_each(|(t, &row)| *t = source[row]);
            }
        }
        let names = constant
            .then(|| CONSTANT.to_owned())
            .into_iter()
            .chain(regression.names.iter().cloned())
            .chain(regression.endogenous_names.iter().cloned())
            .collect();
        Ok(Self {
            outcome: regression.outcome.clone(),
            y: rows.iter().map(|&r| regression.y[r]).collect(),
            x,
            names,
            instruments: on_columns(&regression.instruments, &rows),
            instrument_names: regression.instrument_names.clone(),
            endogenous,
            constant,
            effects: regression.effects.select(&rows),
            weights: regression.weights.select(&rows),
            offset: regression.offset.as_ref().map(|o| rows.iter().map(|&r| o[r]).collect()),
            used,
            dropped,
        })
    }

    /// The rows of the sample in the caller's data.
    pub(crate) fn rows(&self) -> Vec<usize> {
        numbers(&self.used)
    }

    /// Rows in the caller's data.
    pub(crate) fn all_rows(&self) -> usize {
        self.used.len()
    }

    /// The same sample without the rows numbered in `separated` (positions in this sample), pruned again.
    pub(crate) fn without(
        self,
        regression: &Regression,
        separated: &[usize],
    ) -> Result<Self, EstimationError> {
        let mut dropped = self.dropped;
        let rows = numbers(&self.used);
        let mut used = self.used;
        for &i in separated {
            used[rows[i]] = false;
            dropped.separated.push(rows[i]);
        }
        prune(regression, Purpose::Poisson, &mut used, &mut dropped);
        Self::on_rows(regression, used, dropped)
    }

    /// Observations: rows, or what the frequency weights add up to.
    pub(crate) fn observations(&self) -> f64 {
        match &self.weights {
            Weights::Frequency(w) => w.iter().sum(),
            _ => self.used.iter().filter(|used| **used).count() as f64,
        }
    }

    pub(crate) fn frequency(&self) -> Option<&[f64]> {
        match &self.weights {
            Weights::Frequency(w) => Some(w),
            _ => None,
        }
    }
}

/// Which rows are used.
fn numbers(used: &[bool]) -> Vec<usize> {
    let mut rows = Vec::with_capacity(used.iter().filter(|u| **u).count());
    rows.extend((0..used.len()).filter(|&i| used[i]));
    rows
}

/// The columns given of a row-major matrix.
fn on_columns(matrix: &Array2<f64>, columns: &[usize]) -> Array2<f64> {
    let mut out = Array2::zeros((matrix.nrows(), columns.len()));
    for (mut target, source) in out.axis_iter_mut(Axis(0)).zip(matrix.axis_iter(Axis(0))) {
        target.iter_mut().zip(columns).for_each(|(t, &column)| *t = source[column]);
    }
    out
}

/// The name of the constant term.
pub(crate) const CONSTANT: &str = "constant";

fn reason(rows: usize, dropped: &Dropped) -> String {
    if rows == 0 {
        return String::new();
    }
    format!(
        ": of {rows}, {} have weight zero, {} are singletons and {} are separated",
        dropped.weightless.len(),
        dropped.singletons.len(),
        dropped.separated.len()
    )
}

/// Drops singletons (and, for Poisson, levels of zeros) until none is left.
fn prune(regression: &Regression, purpose: Purpose, used: &mut [bool], dropped: &mut Dropped) {
    let frequency = match &regression.weights {
        Weights::Frequency(w) => Some(w),
        _ => None,
    };
    let mut gone = Vec::new();
    loop {
        let mut changed = false;
        for effect in &regression.effects.levels {
            let mut count = vec![0_u32; effect.count()];
            // Levels that have a positive outcome.
            let mut fitted = vec![purpose == Purpose::Linear; effect.count()];
            for (i, &code) in effect.codes().iter().enumerate() {
                if used[i] {
                    let copies = frequency.is_some_and(|w| w[i] > 1.0);
                    let count = &mut count[code as usize];
                    *count = count.saturating_add(1 + u32::from(copies));
                    if purpose == Purpose::Poisson {
                        fitted[code as usize] |= regression.y[i] > 0.0;
                    }
                }
            }
            let alone = |code: usize| regression.drop_singletons && count[code] == 1;
            if (0..effect.count()).all(|code| count[code] == 0 || fitted[code] && !alone(code)) {
                continue;
            }
            for (i, &code) in effect.codes().iter().enumerate().filter(|(i, _)| used[*i]) {
                if !fitted[code as usize] {
                    dropped.separated.push(i);
                } else if alone(code as usize) {
                    dropped.singletons.push(i);
                } else {
                    continue;
                }
                gone.push(i);
            }
            changed |= !gone.is_empty();
            gone.drain(..).for_each(|i| used[i] = false);
        }
        if !changed {
            break;
        }
    }
    dropped.separated.sort_unstable();
    dropped.singletons.sort_unstable();
}

pub(crate) fn check(regression: &Regression) -> Result<(), EstimationError> {
    let n = regression.y.len();
    let length = |what: &str, found: usize| {
        if found == n {
            Ok(())
        } else {
            Err(EstimationError::Length { what: what.into(), expected: n, found })
        }
    };
    let block = |what: &str, matrix: ArrayView2<'_, f64>, names: &[String]| {
        if names.len() != matrix.nrows() {
            return Err(EstimationError::Names { names: names.len(), regressors: matrix.nrows() });
        }
        if !names.is_empty() {
            length(what, matrix.ncols())?;
        }
        for (column, name) in matrix.axis_iter(Axis(0)).zip(names) {
            finite(name, column.iter().copied())?;
        }
        Ok(())
    };
    finite(&regression.outcome, regression.y.iter().copied())?;
    block("the regressor matrix", regression.x.view(), &regression.names)?;
    block("the endogenous matrix", regression.endogenous.view(), &regression.endogenous_names)?;
    block("the instrument matrix", regression.instruments.view(), &regression.instrument_names)?;
    let constant = regression.has_constant().then_some(CONSTANT);
    let names = regression.names.iter().chain(&regression.endogenous_names).map(String::as_str);
    distinct("regressors", constant.into_iter().chain(names))?;
    distinct("fixed effects", regression.effects.names().iter().map(String::as_str))?;
    regression.weights.check(n)?;
    if let Some(offset) = &regression.offset {
        length("the offset", offset.len())?;
        finite("the offset", offset.iter().copied())?;
    }
    for effect in regression.effects.categories() {
        length(effect.name(), effect.len())?;
    }
    for slope in &regression.effects.slopes {
        length(&slope.variable, slope.values.len())?;
        finite(&slope.variable, slope.values.iter().copied())?;
    }
    Ok(())
}

/// Names by which results are asked for name one thing each.
fn distinct<'n>(what: &'static str, names: impl IntoIterator<Item = &'n str>) -> Result<(), EstimationError> {
    let mut seen = HashSet::new();
    match names.into_iter().find(|name| !seen.insert(*name)) {
        Some(name) => Err(EstimationError::DuplicateName { what, name: name.into() }),
        None => Ok(()),
    }
}

fn finite(variable: &str, values: impl Iterator<Item = f64>) -> Result<(), EstimationError> {
    match values.enumerate().find(|(_, v)| !v.is_finite()) {
        Some((row, value)) => Err(EstimationError::NotFinite { variable: variable.into(), row, value }),
        None => Ok(()),
    }
}
