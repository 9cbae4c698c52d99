//! Negative final demand and negative value added: what a model economy cannot hold, removed by stated methods that
//! keep every market cleared.

use super::{TableError, WorldTable};
use ndarray::{Array1, Axis, Slice};
use std::fmt;

/// What to do with inventories, the final-demand category that is negative when stocks are drawn down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Inventories {
    /// Keep them as a category of final demand, negative values included: the table as published.
    #[default]
    Keep,
    /// Make final demand non-negative, see [`WorldTable::produce_inventories`].
    Produced,
}

/// One thing a repair did, in the table's unit.
#[derive(Debug, Clone, PartialEq)]
pub struct RepairStep {
    /// What was done and why.
    pub what: &'static str,
    /// Number of cells or industries changed.
    pub changed: usize,
    /// Sum of the absolute changes.
    pub total: f64,
    /// Largest absolute change.
    pub largest: f64,
    /// Where the largest change is, `country.sector` (and buyer), empty when nothing changed.
    pub largest_at: String,
}

/// What a repair did, step by step.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RepairReport {
    /// The steps in the order in which they were taken.
    pub steps: Vec<RepairStep>,
}

impl fmt::Display for RepairStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} places, {:.0} in all", self.what, self.changed, self.total)?;
        if self.changed > 0 {
            write!(f, ", at most {:.0} ({})", self.largest, self.largest_at)?;
        }
        Ok(())
    }
}

impl RepairStep {
    pub(crate) fn new(what: &'static str) -> Self {
        Self { what, changed: 0, total: 0.0, largest: 0.0, largest_at: String::new() }
    }

    pub(crate) fn record(&mut self, change: f64, at: impl FnOnce() -> String) {
        let change = change.abs();
        if change > 0.0 {
            self.changed += 1;
            self.total += change;
            if change > self.largest {
                self.largest = change;
                self.largest_at = at();
            }
        }
    }
}

/// Rounds of inputs after which [`WorldTable::produce_inventories`] gives up.
const MAX_SWEEPS: usize = 2_000;
/// Largest relative change of an output at which it is taken to have settled.
const SETTLED: f64 = 1e-14;

impl WorldTable {
    /// Makes final demand non-negative.
    ///
    /// 1. Within one country's final purchases from one industry, negative categories are netted against the positive
    ///    ones, in proportion: the country's total final purchase from that industry stays as it is.
    /// 2. Where that total is itself negative it becomes zero: what was drawn from stock is taken to be produced in the
    ///    year. Input and value-added coefficients stay, and output is `y = a y + f` with the new final demand `f`
    ///    (the treatment of Costinot and Rodriguez-Clare 2014, Handbook of International Economics 4, online appendix).
    ///    An industry that made nothing, and sold from stock alone, makes it with value added alone.
    ///
    /// The result balances to rounding. Step 2 raises world output; the report says by how much.
    ///
    /// # Errors
    /// [`TableError::NotProductive`] if the outputs do not settle.
    pub fn produce_inventories(&self) -> Result<(Self, RepairReport), TableError> {
        let categories = self.final_categories().len();
        let mut netted =
            RepairStep::new("negative final demand netted against other final uses of the same flow");
        let mut produced = RepairStep::new("negative final flows set to zero and produced in the year");
        let mut parts = self.parts().clone();
        for (row, mut uses) in parts.final_demand.rows_mut().into_iter().enumerate() {
            for (buyer, mut cell) in uses.axis_chunks_iter_mut(Axis(0), categories).enumerate() {
                let negative: f64 = cell.iter().filter(|v| **v < 0.0).sum();
                if negative == 0.0 {
                    continue;
                }
                let total = cell.sum();
                let positive = total - negative;
                let at = || format!("{} to {}", self.industry_label(row), self.countries()[buyer]);
                netted.record(negative.abs().min(positive), at);
                produced.record(total.min(0.0), at);
                let scale = if positive > 0.0 { total.max(0.0) / positive } else { 0.0 };
                cell.mapv_inplace(|v| v.max(0.0) * scale);
            }
        }

        let coefficients = self.input_coefficients();
        let mut value_added = self.factor_payments() / &self.output().mapv(|y| if y > 0.0 { y } else { 1.0 });
        for (index, _) in self.output().indexed_iter().filter(|(_, y)| **y == 0.0) {
            // All that such an industry sold came from stock. What it now makes has no input coefficients to go by: value
            // added alone, in the proportions of its country.
            let first = index / self.n_sectors() * self.n_sectors();
            let country = Slice::from(first..first + self.n_sectors());
            let own = self.factor_payments().slice_axis(Axis(1), country).sum_axis(Axis(1));
            if own.sum() > 0.0 {
                value_added.column_mut(index).assign(&(&own / own.sum()));
            }
        }
        let final_demand = parts.final_demand.sum_axis(Axis(1));
        let output = total_output(&coefficients, &final_demand, self.output().clone())?;
        let mut raised =
            RepairStep::new("output raised by what stocks had supplied, and by the inputs into it");
        for (index, (new, old)) in output.iter().zip(self.output()).enumerate() {
            // A table that needed nothing differs by rounding alone.
            if (new - old).abs() > super::BALANCE_TOLERANCE * old.abs() {
                raised.record(new - old, || self.industry_label(index));
            }
        }
        parts.intermediate = &coefficients * &output;
        parts.factor_payments = value_added * &output;
        Ok((Self::new(parts)?, RepairReport { steps: vec![netted, produced, raised] }))
    }

    /// Removes negative value added: where an industry pays more for inputs than its output, its purchases are scaled
    /// down in proportion until they equal its output, and what is taken away becomes final demand of the same country
    /// (`category` is the position of the final-demand category that takes it) from the same sellers. Output and every
    /// market stay as they are; value added rises by what is moved. All factors of such an industry become zero.
    ///
    /// # Errors
    /// [`TableError::Length`] if there is no such category.
    pub fn clear_negative_value_added(&self, category: usize) -> Result<(Self, RepairReport), TableError> {
        let categories = self.final_categories().len();
        if category >= categories {
            let what = "the position of the final-demand category";
            return Err(TableError::Length { what, found: category, expected: categories });
        }
        let mut step = RepairStep::new("inputs beyond an industry's output moved to final demand");
        let mut parts = self.parts().clone();
        for (index, &value_added) in self.value_added().iter().enumerate() {
            if value_added >= 0.0 {
                continue;
            }
            step.record(value_added, || self.industry_label(index));
            let mut inputs = parts.intermediate.column_mut(index);
            let excess = -value_added / inputs.sum();
            let buyer = index / self.n_sectors();
            let mut taker = parts.final_demand.column_mut(buyer * categories + category);
            taker.scaled_add(excess, &inputs);
            inputs *= 1.0 - excess;
            parts.factor_payments.column_mut(index).fill(0.0);
        }
        Ok((Self::new(parts)?, RepairReport { steps: vec![step] }))
    }
}

/// The output `y = a y + f` that delivers the final demand `f`, as the limit of rounds of inputs, from a first guess.
fn total_output(
    coefficients: &ndarray::Array2<f64>,
    final_demand: &Array1<f64>,
    guess: Array1<f64>,
) -> Result<Array1<f64>, TableError> {
    let mut output = guess;
    let mut change = f64::INFINITY;
    for _ in 0..MAX_SWEEPS {
        let next = coefficients.dot(&output) + final_demand;
        let scale = next.iter().fold(0.0_f64, |m, y| m.max(y.abs()));
        change = next
            .iter()
            .zip(&output)
            .map(|(new, old)| (new - old).abs() / (new.abs() + 1e-12 * scale))
            .fold(0.0, f64::max);
        output = next;
        if !change.is_finite() {
            break;
        }
        if change <= SETTLED {
            return Ok(output);
        }
    }
    Err(TableError::NotProductive { sweeps: MAX_SWEEPS, change })
}
