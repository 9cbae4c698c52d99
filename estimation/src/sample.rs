//! From a [`Regression`] to the checked rows it is estimated on.

use ndarray::{Array2, Axis};

use crate::{EstimationError, Regression, Weights};

/// The rows of a regression that are used, checked.
pub(crate) struct Sample {
    pub(crate) y: Vec<f64>,
    /// `[k, n]`, the constant first when there is one.
    pub(crate) x: Array2<f64>,
    pub(crate) names: Vec<String>,
    pub(crate) weights: Weights,
    /// Numbers of the rows in the caller's data.
    pub(crate) rows: Vec<usize>,
    /// Rows in the caller's data.
    pub(crate) all_rows: usize,
}

impl Sample {
    pub(crate) fn new(regression: &Regression) -> Result<Self, EstimationError> {
        let n = regression.y.len();
        check(regression)?;
        let rows: Vec<usize> = match regression.weights.values() {
            Some(w) => (0..n).filter(|&i| w[i] > 0.0).collect(),
            None => (0..n).collect(),
        };
        if rows.is_empty() {
            let because = if n > 0 { ": every weight is zero" } else { "" };
            return Err(EstimationError::NoRows { because: because.into() });
        }
        let constant = usize::from(regression.constant);
        let mut x = Array2::ones((regression.x.nrows() + constant, rows.len()));
        for (mut target, source) in
            x.axis_iter_mut(Axis(0)).skip(constant).zip(regression.x.axis_iter(Axis(0)))
        {
            for (t, &row) in target.iter_mut().zip(&rows) {
                *t = source[row];
            }
        }
        let mut names = regression.names.clone();
        if regression.constant {
            names.insert(0, CONSTANT.into());
        }
        Ok(Self {
            y: rows.iter().map(|&r| regression.y[r]).collect(),
            x,
            names,
            weights: regression.weights.select(&rows),
            rows,
            all_rows: n,
        })
    }

    /// Observations: rows, or what the frequency weights add up to.
    pub(crate) fn observations(&self) -> f64 {
        match &self.weights {
            Weights::Frequency(w) => w.iter().sum(),
            _ => self.y.len() as f64,
        }
    }

    pub(crate) fn frequency(&self) -> Option<&[f64]> {
        match &self.weights {
            Weights::Frequency(w) => Some(w),
            _ => None,
        }
    }
}

/// The name of the constant term.
pub(crate) const CONSTANT: &str = "constant";

fn check(regression: &Regression) -> Result<(), EstimationError> {
    let n = regression.y.len();
    let k = regression.x.nrows();
    if regression.x.ncols() != n {
        return Err(EstimationError::Length {
            what: "the regressor matrix".into(),
            expected: n,
            found: regression.x.ncols(),
        });
    }
    if regression.names.len() != k {
        return Err(EstimationError::Names { names: regression.names.len(), regressors: k });
    }
    regression.weights.check(n)?;
    let finite = |name: &str, mut values: ndarray::iter::Iter<'_, f64, ndarray::Ix1>| match values
        .position(|v| !v.is_finite())
    {
        Some(row) => Err((name.to_owned(), row)),
        None => Ok(()),
    };
    let fail =
        |(variable, row): (String, usize), value: f64| EstimationError::NotFinite { variable, row, value };
    if let Some(row) = regression.y.iter().position(|v| !v.is_finite()) {
        return Err(fail((regression.outcome.clone(), row), regression.y[row]));
    }
    for (j, name) in regression.names.iter().enumerate() {
        let column = regression.x.row(j);
        finite(name, column.iter()).map_err(|(v, row)| fail((v, row), column[row]))?;
    }
    Ok(())
}
