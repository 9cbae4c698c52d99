use linalg::Cholesky;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2};
use serde::{Deserialize, Serialize};

use crate::EstimationError;
use crate::distribution::Reference;
use crate::error::Context;
use crate::statistic::TestStatistic;

/// Named coefficients with their variance matrix and the distribution they are held to: what every estimator
/// of the crate returns at its heart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Estimates {
    names: Vec<String>,
    coefficients: Array1<f64>,
    vcov: Array2<f64>,
    vcov_label: String,
    reference: Reference,
    /// P-values from draws instead of the reference distribution.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    p_values: Option<Vec<f64>>,
}

/// One row of a regression table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Coefficient {
    /// The regressor.
    pub name: String,
    /// The estimate.
    pub estimate: f64,
    /// Its standard error.
    pub std_error: f64,
    /// Estimate over standard error.
    pub statistic: f64,
    /// Two-sided p-value.
    pub p_value: f64,
}

impl Estimates {
    /// Puts an estimator's output together. `vcov_label` is printed with every table.
    ///
    /// # Errors
    /// [`EstimationError::Names`] when the pieces differ in length.
    pub fn new(
        names: Vec<String>,
        coefficients: Array1<f64>,
        vcov: Array2<f64>,
        vcov_label: impl Into<String>,
        reference: Reference,
    ) -> Result<Self, EstimationError> {
        let k = coefficients.len();
        if names.len() != k || vcov.dim() != (k, k) {
            return Err(EstimationError::Names { names: names.len(), regressors: k });
        }
        Ok(Self { names, coefficients, vcov, vcov_label: vcov_label.into(), reference, p_values: None })
    }

    /// The same with p-values of other origin, one per coefficient; the label says which.
    ///
    /// # Errors
    /// [`EstimationError::Names`] when there are more or fewer than coefficients.
    pub fn with_p_values(
        self,
        p_values: Vec<f64>,
        label: impl Into<String>,
    ) -> Result<Self, EstimationError> {
        if p_values.len() != self.names.len() {
            return Err(EstimationError::Names { names: p_values.len(), regressors: self.names.len() });
        }
        Ok(Self { p_values: Some(p_values), vcov_label: label.into(), ..self })
    }

    /// Names of the coefficients.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The coefficients, in the order of [`names`](Self::names).
    pub fn coefficients(&self) -> ArrayView1<'_, f64> {
        self.coefficients.view()
    }

    /// The estimated variance matrix of the coefficients.
    pub fn vcov(&self) -> ArrayView2<'_, f64> {
        self.vcov.view()
    }

    /// Which variance estimator made [`vcov`](Self::vcov).
    pub fn vcov_label(&self) -> &str {
        &self.vcov_label
    }

    /// The distribution that t-ratios are held to.
    pub fn reference(&self) -> Reference {
        self.reference
    }

    /// Standard errors, in the order of [`names`](Self::names).
    pub fn std_errors(&self) -> Array1<f64> {
        self.vcov.diag().mapv(f64::sqrt)
    }

    /// The table row of one coefficient.
    ///
    /// # Errors
    /// [`EstimationError::UnknownCoefficient`].
    pub fn coefficient(&self, name: &str) -> Result<Coefficient, EstimationError> {
        let i = self.position(name)?;
        Ok(self.row(i))
    }

    /// All table rows.
    pub fn table(&self) -> Vec<Coefficient> {
        (0..self.names.len()).map(|i| self.row(i)).collect()
    }

    /// Lower and upper ends of the two-sided interval of every coefficient at `level`, such as 0.95.
    ///
    /// # Errors
    /// [`EstimationError::Level`] for a level outside (0, 1).
    pub fn intervals(&self, level: f64) -> Result<Vec<(f64, f64)>, EstimationError> {
        if !(level > 0.0 && level < 1.0) {
            return Err(EstimationError::Level(level));
        }
        let critical = self.reference.quantile(0.5 + level / 2.0);
        let ends = self
            .coefficients
            .iter()
            .zip(&self.std_errors())
            .map(|(b, s)| (b - critical * s, b + critical * s))
            .collect();
        Ok(ends)
    }

    /// Tests `R b = r`, `R` being `[restrictions, coefficients]`: `(R b - r)' (R V R')^-1 (R b - r)`, chi-squared under
    /// the null, or divided by the number of restrictions and F when t-ratios are held to Student's t.
    ///
    /// # Errors
    /// [`EstimationError::Hypothesis`] when shapes disagree or restrictions are redundant.
    pub fn wald(
        &self,
        r_matrix: ArrayView2<'_, f64>,
        r: ArrayView1<'_, f64>,
    ) -> Result<TestStatistic, EstimationError> {
        let q = r_matrix.nrows();
        if q == 0 || r_matrix.ncols() != self.names.len() || r.len() != q {
            return Err(EstimationError::Hypothesis {
                reason: format!(
                    "R is {} x {} and r has {} entries for {} coefficients",
                    q,
                    r_matrix.ncols(),
                    r.len(),
                    self.names.len()
                ),
            });
        }
        let gap = r_matrix.dot(&self.coefficients) - r;
        let middle = r_matrix.dot(&self.vcov).dot(&r_matrix.t());
        let factor = Cholesky::well_conditioned(middle.view()).map_err(|_| EstimationError::Hypothesis {
            reason: "R V R' is singular: the restrictions are redundant, or outnumber what the variance can tell apart \
                     (with clusters, at most their number)"
                .into(),
        })?;
        let chi_squared = gap.dot(&factor.solve(gap.view()).context("Wald statistic")?);
        Ok(match self.reference {
            Reference::StudentT(df) => TestStatistic::f(chi_squared / q as f64, q, df),
            Reference::Normal => TestStatistic::chi_squared(chi_squared, q),
        })
    }

    /// Tests that the named coefficients are all zero.
    ///
    /// # Errors
    /// [`EstimationError::UnknownCoefficient`] and those of [`wald`](Self::wald).
    pub fn joint_zero<S: AsRef<str>>(&self, names: &[S]) -> Result<TestStatistic, EstimationError> {
        let mut r_matrix = Array2::zeros((names.len(), self.names.len()));
        for (row, name) in names.iter().enumerate() {
            r_matrix[[row, self.position(name.as_ref())?]] = 1.0;
        }
        self.wald(r_matrix.view(), Array1::zeros(names.len()).view())
    }

    fn position(&self, name: &str) -> Result<usize, EstimationError> {
        self.names.iter().position(|n| n == name).ok_or_else(|| EstimationError::UnknownCoefficient {
            name: name.into(),
            available: self.names.join(", "),
        })
    }

    fn row(&self, i: usize) -> Coefficient {
        let estimate = self.coefficients[i];
        let std_error = self.vcov[[i, i]].sqrt();
        let statistic = estimate / std_error;
        Coefficient {
            name: self.names[i].clone(),
            estimate,
            std_error,
            statistic,
            p_value: self.p_values.as_ref().map_or_else(|| self.reference.p_value(statistic), |p| p[i]),
        }
    }
}

impl std::fmt::Display for Estimates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let width = self.names.iter().map(|n| n.chars().count()).max().unwrap_or(0).max(11);
        writeln!(
            f,
            "{:<width$} {:>12} {:>12} {:>9} {:>9}",
            "coefficient", "estimate", "std. error", "t", "p"
        )?;
        for c in self.table() {
            writeln!(
                f,
                "{:<width$} {:>12.6} {:>12.6} {:>9.3} {:>9.4}",
                c.name, c.estimate, c.std_error, c.statistic, c.p_value
            )?;
        }
        write!(f, "standard errors: {}", self.vcov_label)
    }
}
