//! Biproportional balancing: a matrix with known margins that stays as close as it can to a seed.
//!
//! [`balance`] is GRAS (Junius and Oosterhaven 2003, with the correction of Lenzen, Wood and Gallego 2007):
//! it minimises the information loss `sum |a| z ln(z / e)` subject to the margins, where `z = x / a`. Every entry keeps its
//! sign and every zero stays a zero. For a non-negative seed it is RAS, the entropy-balancing (Kullback-Leibler) projection.
//!
//! The solution has the form `x = r P s - N / (r s)` with `P` the positive and `N` the negative part of the seed. Given the
//! other side, a multiplier solves `p r^2 - u r - n = 0`, `p = (P s)`, `n = (N / s)`, `u` the margin:
//!
//! ```text
//! r = (u + sqrt(u^2 + 4 p n)) / (2 p)      p > 0
//! r = -n / u                               p = 0
//! ```

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};

/// When to stop.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BalanceSettings {
    /// Largest margin error accepted, relative to the largest margin.
    pub tolerance: f64,
    /// Sweeps (one over rows and one over columns each) before giving up.
    pub max_iterations: usize,
}

impl Default for BalanceSettings {
    fn default() -> Self {
        Self { tolerance: 1e-13, max_iterations: 10_000 }
    }
}

/// A balanced matrix.
#[derive(Debug, Clone, PartialEq)]
pub struct Balanced {
    /// The matrix, rows by columns, in the unit of the margins.
    pub matrix: Array2<f64>,
    /// Row multipliers `r`.
    pub row_multipliers: Array1<f64>,
    /// Column multipliers `s`.
    pub column_multipliers: Array1<f64>,
    /// Largest margin error relative to the largest margin, after each sweep.
    pub history: Vec<f64>,
}

/// Why a matrix could not be balanced.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BalanceError {
    /// Seed and margins disagree in length.
    #[error("the seed is {rows} x {columns}, the margins have {row_margins} and {column_margins} entries")]
    Shape {
        /// Rows of the seed.
        rows: usize,
        /// Columns of the seed.
        columns: usize,
        /// Entries of the row margin.
        row_margins: usize,
        /// Entries of the column margin.
        column_margins: usize,
    },
    /// An entry is infinite or not a number.
    #[error("{what} {index} is not finite")]
    NotFinite {
        /// "seed row", "row margin" or "column margin".
        what: &'static str,
        /// Its position.
        index: usize,
    },
    /// The margins have different totals, so no matrix has both.
    #[error(
        "row margins sum to {rows}, column margins to {columns}: they must agree to {tolerance:e} (scale one of them)"
    )]
    Totals {
        /// Sum of the row margins.
        rows: f64,
        /// Sum of the column margins.
        columns: f64,
        /// Relative difference accepted.
        tolerance: f64,
    },
    /// A margin cannot be reached because the seed has no entry of the sign it needs.
    #[error("{side} {index} must sum to {margin}, but its seed has no {needed} entry")]
    Unreachable {
        /// "row" or "column".
        side: &'static str,
        /// Its position.
        index: usize,
        /// The margin.
        margin: f64,
        /// "positive", "negative" or "non-zero".
        needed: &'static str,
    },
    /// The sweeps did not bring the margins within the tolerance: the zeros of the seed contradict the margins, or nearly so.
    #[error(
        "margins still off by {error:e} (relative) after {iterations} sweeps, tolerance {tolerance:e}: \
         the zeros of the seed leave no matrix with these margins, or only a limiting one"
    )]
    NotConverged {
        /// Last relative margin error.
        error: f64,
        /// Sweeps done.
        iterations: usize,
        /// Tolerance asked for.
        tolerance: f64,
        /// Relative margin error after each sweep.
        history: Vec<f64>,
        /// The last matrix.
        last: Box<Array2<f64>>,
    },
}

/// Relative difference between the two grand totals that counts as rounding and is removed by scaling the columns.
pub const TOTALS_TOLERANCE: f64 = 1e-10;

/// Finds the matrix with the given row and column sums that is closest to `seed` in information loss.
///
/// Signs and zeros of the seed are kept. A row or column whose margin is zero and whose seed has one sign becomes zero.
///
/// # Errors
/// See [`BalanceError`]; not converging carries the error after every sweep and the last matrix.
pub fn balance(
    seed: ArrayView2<'_, f64>,
    rows: ArrayView1<'_, f64>,
    columns: ArrayView1<'_, f64>,
    settings: &BalanceSettings,
) -> Result<Balanced, BalanceError> {
    check_shape(seed, rows, columns)?;
    let scale = rows.iter().chain(columns.iter()).fold(0.0_f64, |m, x| m.max(x.abs()));
    let (m, n) = seed.dim();
    if scale == 0.0 && seed.iter().all(|&a| a >= 0.0) {
        return Ok(Balanced {
            matrix: Array2::zeros((m, n)),
            row_multipliers: Array1::zeros(m),
            column_multipliers: Array1::zeros(n),
            history: vec![0.0],
        });
    }
    let columns = matched_totals(rows, columns)?;
    check_reachable(seed, rows, "row", Axis(0))?;
    check_reachable(seed, columns.view(), "column", Axis(1))?;

    let positive = seed.mapv(|a| a.max(0.0));
    let negative = seed.mapv(|a| (-a).max(0.0));
    let mut r = Array1::<f64>::ones(m);
    let mut s = Array1::<f64>::ones(n);
    let mut history = Vec::new();
    for _ in 0..settings.max_iterations {
        multipliers(&mut r, &positive, &negative, &s, rows);
        multipliers(&mut s, &positive.t().to_owned(), &negative.t().to_owned(), &r, columns.view());
        let error = row_error(&positive, &negative, &r, &s, rows) / scale;
        history.push(error);
        if !error.is_finite() {
            break;
        }
        if error <= settings.tolerance {
            return Ok(Balanced {
                matrix: assemble(&positive, &negative, &r, &s),
                row_multipliers: r,
                column_multipliers: s,
                history,
            });
        }
    }
    Err(BalanceError::NotConverged {
        error: history.last().copied().unwrap_or(f64::NAN),
        iterations: history.len(),
        tolerance: settings.tolerance,
        last: Box::new(assemble(&positive, &negative, &r, &s)),
        history,
    })
}

fn check_shape(
    seed: ArrayView2<'_, f64>,
    rows: ArrayView1<'_, f64>,
    columns: ArrayView1<'_, f64>,
) -> Result<(), BalanceError> {
    let (m, n) = seed.dim();
    if m != rows.len() || n != columns.len() {
        return Err(BalanceError::Shape {
            rows: m,
            columns: n,
            row_margins: rows.len(),
            column_margins: columns.len(),
        });
    }
    let bad_row = seed.outer_iter().position(|row| row.iter().any(|a| !a.is_finite()));
    let bad = |v: ArrayView1<'_, f64>| v.iter().position(|a| !a.is_finite());
    for (what, index) in [("seed row", bad_row), ("row margin", bad(rows)), ("column margin", bad(columns))] {
        if let Some(index) = index {
            return Err(BalanceError::NotFinite { what, index });
        }
    }
    Ok(())
}

/// Columns scaled so that both totals agree to the last digit.
fn matched_totals(
    rows: ArrayView1<'_, f64>,
    columns: ArrayView1<'_, f64>,
) -> Result<Array1<f64>, BalanceError> {
    let (total_rows, total_columns) = (rows.sum(), columns.sum());
    let size = rows.iter().map(|x| x.abs()).sum::<f64>().max(columns.iter().map(|x| x.abs()).sum());
    if (total_rows - total_columns).abs() > TOTALS_TOLERANCE * size {
        return Err(BalanceError::Totals {
            rows: total_rows,
            columns: total_columns,
            tolerance: TOTALS_TOLERANCE,
        });
    }
    if total_columns == 0.0 { Ok(columns.to_owned()) } else { Ok(&columns * (total_rows / total_columns)) }
}

fn check_reachable(
    seed: ArrayView2<'_, f64>,
    margins: ArrayView1<'_, f64>,
    side: &'static str,
    axis: Axis,
) -> Result<(), BalanceError> {
    for (index, (line, &margin)) in seed.axis_iter(axis).zip(margins).enumerate() {
        let has = |wanted: fn(&f64) -> bool| line.iter().any(wanted);
        let needed = match (has(|a| *a > 0.0), has(|a| *a < 0.0)) {
            (false, _) if margin > 0.0 => "positive",
            (_, false) if margin < 0.0 => "negative",
            _ => continue,
        };
        return Err(BalanceError::Unreachable { side, index, margin, needed });
    }
    Ok(())
}

/// Multipliers of one side given the other's.
fn multipliers(
    r: &mut Array1<f64>,
    positive: &Array2<f64>,
    negative: &Array2<f64>,
    s: &Array1<f64>,
    margins: ArrayView1<'_, f64>,
) {
    for (((r, p_line), n_line), &u) in
        r.iter_mut().zip(positive.outer_iter()).zip(negative.outer_iter()).zip(margins.iter())
    {
        let p: f64 = p_line.iter().zip(s).map(|(a, s)| if *a == 0.0 { 0.0 } else { a * s }).sum();
        let n: f64 = n_line.iter().zip(s).map(|(a, s)| if *a == 0.0 { 0.0 } else { a / s }).sum();
        *r = if n == 0.0 {
            if p == 0.0 { 1.0 } else { u / p }
        } else if p == 0.0 {
            -n / u
        } else if u >= 0.0 {
            (u + (u * u + 4.0 * p * n).sqrt()) / (2.0 * p)
        } else {
            // the same root without cancellation
            2.0 * n / ((u * u + 4.0 * p * n).sqrt() - u)
        };
    }
}

fn assemble(positive: &Array2<f64>, negative: &Array2<f64>, r: &Array1<f64>, s: &Array1<f64>) -> Array2<f64> {
    Array2::from_shape_fn(positive.dim(), |(i, j)| entry(positive[[i, j]], negative[[i, j]], r[i], s[j]))
}

fn entry(p: f64, n: f64, r: f64, s: f64) -> f64 {
    let up = if p == 0.0 { 0.0 } else { p * r * s };
    let down = if n == 0.0 { 0.0 } else { n / (r * s) };
    up - down
}

fn row_error(
    positive: &Array2<f64>,
    negative: &Array2<f64>,
    r: &Array1<f64>,
    s: &Array1<f64>,
    rows: ArrayView1<'_, f64>,
) -> f64 {
    let mut worst = 0.0_f64;
    for (i, &u) in rows.iter().enumerate() {
        let sum: f64 =
            s.iter().enumerate().map(|(j, &s)| entry(positive[[i, j]], negative[[i, j]], r[i], s)).sum();
        let error = (sum - u).abs();
        if error.is_nan() {
            return f64::NAN;
        }
        worst = worst.max(error);
    }
    worst
}
