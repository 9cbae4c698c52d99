use std::collections::BTreeSet;

use ndarray::Array2;

use super::EventStudyError;
use super::error::{require, require_finite};

/// The regressors of an event study with treatment intensity: `d_i 1[t = tau]` for each period `tau` but the
/// reference one.
#[derive(Debug, Clone, PartialEq)]
pub struct EventTerms {
    /// One column per period, `[n, periods]`, in the order of [`periods`](Self::periods).
    pub columns: Array2<f64>,
    /// The periods, ascending, without the reference one.
    pub periods: Vec<i64>,
    /// The reference period, whose coefficient is zero.
    pub reference: i64,
    /// Names of the columns, `intensity::2012` and the like.
    pub names: Vec<String>,
}

impl EventTerms {
    /// Builds the terms from each row's period, calendar or relative to the row's own event, and intensity.
    ///
    /// `period` is `None` for rows that are never treated: their terms are zero. Periods outside `window` are
    /// binned into its ends, which assumes that effects are constant beyond them.
    ///
    /// # Errors
    /// [`EventStudyError::Shape`], [`EventStudyError::NotFinite`], [`EventStudyError::ReferenceAbsent`].
    pub fn new(
        name: &str,
        period: &[Option<i64>],
        intensity: &[f64],
        reference: i64,
        window: Option<(i64, i64)>,
    ) -> Result<Self, EventStudyError> {
        require("rows of the intensity", period.len(), intensity.len())?;
        require_finite("intensity", intensity)?;
        let binned: Vec<Option<i64>> = period
            .iter()
            .map(|p| p.map(|t| window.map_or(t, |(first, last)| t.max(first).min(last))))
            .collect();
        let mut periods: BTreeSet<i64> = binned.iter().flatten().copied().collect();
        if !periods.remove(&reference) {
            return Err(EventStudyError::ReferenceAbsent(reference));
        }
        let periods: Vec<i64> = periods.into_iter().collect();
        let mut columns = Array2::zeros((period.len(), periods.len()));
        for (row, t) in binned.iter().enumerate() {
            if let Some(column) = t.and_then(|t| periods.binary_search(&t).ok()) {
                columns[[row, column]] = intensity[row];
            }
        }
        let names = periods.iter().map(|t| format!("{name}::{t}")).collect();
        Ok(Self { columns, periods, reference, names })
    }
}
