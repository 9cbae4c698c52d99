use crate::EstimationError;

/// How rows count.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Weights {
    /// Every row once.
    #[default]
    None,
    /// Inverse error variances: a row of weight 4 is four times as precise. Their scale does not matter for
    /// least squares. Rows of weight 0 are left out.
    Analytic(Vec<f64>),
    /// The row stands for that many identical observations. Rows of weight 0 are left out.
    Frequency(Vec<f64>),
}

impl Weights {
    /// The values, absent for [`Weights::None`].
    pub fn values(&self) -> Option<&[f64]> {
        match self {
            Self::None => None,
            Self::Analytic(w) | Self::Frequency(w) => Some(w),
        }
    }

    pub(crate) fn select(&self, rows: &[usize]) -> Self {
        let pick = |w: &Vec<f64>| rows.iter().map(|&r| w[r]).collect();
        match self {
            Self::None => Self::None,
            Self::Analytic(w) => Self::Analytic(pick(w)),
            Self::Frequency(w) => Self::Frequency(pick(w)),
        }
    }

    pub(crate) fn check(&self, rows: usize) -> Result<(), EstimationError> {
        let Some(w) = self.values() else { return Ok(()) };
        if w.len() != rows {
            return Err(EstimationError::Length { what: "weights".into(), expected: rows, found: w.len() });
        }
        let whole = matches!(self, Self::Frequency(_));
        let rule = if whole {
            "frequency weights must be whole numbers, 0 or more"
        } else {
            "weights must be finite and 0 or more"
        };
        match w.iter().position(|v| !v.is_finite() || *v < 0.0 || (whole && v.fract() != 0.0)) {
            Some(row) => Err(EstimationError::Weight { row, value: w[row], rule }),
            None => Ok(()),
        }
    }
}
