//! `max c'g` over `W g = b`, `g >= 0`, for the small programmes of conditional tests: many right sides `c`, one `W`.

use ndarray::{Array1, Array2, ArrayView1};

/// What counts as zero, rows of `W` being of unit size.
const ZERO: f64 = 1e-10;
const MAX_PIVOTS: usize = 2_000;

/// The constraints in the form of a feasible basis.
#[derive(Debug, Clone)]
pub(super) struct Simplex {
    /// `[rows, columns + 1]`: `B^-1 W` and `B^-1 b`.
    tableau: Array2<f64>,
    basis: Vec<usize>,
}

impl Simplex {
    /// Finds a feasible basis; nothing when there is none. Redundant rows are left out.
    pub(super) fn new(w: &Array2<f64>, b: ArrayView1<'_, f64>) -> Option<Self> {
        let (rows, columns) = w.dim();
        let mut tableau = Array2::zeros((rows, columns + rows + 1));
        for i in 0..rows {
            let size = w.row(i).iter().fold(b[i].abs(), |m, v| m.max(v.abs()));
            let sign = if b[i] < 0.0 { -1.0 } else { 1.0 } / if size > 0.0 { size } else { 1.0 };
            for j in 0..columns {
                tableau[[i, j]] = sign * w[[i, j]];
            }
            tableau[[i, columns + i]] = 1.0;
            tableau[[i, columns + rows]] = sign * b[i];
        }
        let mut artificial = Self { tableau, basis: (columns..columns + rows).collect() };
        let costs = Array1::from_shape_fn(columns + rows, |j| if j < columns { 0.0 } else { -1.0 });
        let (value, _) = artificial.maximise(costs.view())?;
        if value < -1e-8 {
            return None;
        }
        // Artificial variables still in the basis are zero: trade them for others, or drop the redundant row.
        let mut keep = Vec::new();
        for i in 0..rows {
            if artificial.basis[i] >= columns {
                match (0..columns).find(|&j| artificial.tableau[[i, j]].abs() > 1e-8) {
                    Some(j) => artificial.pivot(i, j),
                    None => continue,
                }
            }
            keep.push(i);
        }
        let tableau = Array2::from_shape_fn((keep.len(), columns + 1), |(i, j)| {
            artificial.tableau[[keep[i], if j < columns { j } else { columns + rows }]]
        });
        Some(Self { tableau, basis: keep.iter().map(|&i| artificial.basis[i]).collect() })
    }

    fn pivot(&mut self, row: usize, column: usize) {
        let by = self.tableau[[row, column]];
        self.tableau.row_mut(row).mapv_inplace(|v| v / by);
        let pivot = self.tableau.row(row).to_owned();
        for (i, mut other) in self.tableau.rows_mut().into_iter().enumerate() {
            let factor = other[column];
            if i != row && factor != 0.0 {
                other.scaled_add(-factor, &pivot);
            }
        }
        self.basis[row] = column;
    }

    /// The largest value and where it is taken, by Bland's rule, which does not cycle. The basis stays for the next
    /// objective. Nothing when it is unbounded or rounding keeps it from an end.
    pub(super) fn maximise(&mut self, c: ArrayView1<'_, f64>) -> Option<(f64, Array1<f64>)> {
        let columns = c.len();
        let last = self.tableau.ncols() - 1;
        let scale = c.iter().fold(0.0_f64, |m, v| m.max(v.abs())).max(f64::MIN_POSITIVE);
        for _ in 0..MAX_PIVOTS {
            let prices: Vec<f64> = self.basis.iter().map(|&j| c[j]).collect();
            let gain = |j: usize| {
                c[j] - prices.iter().enumerate().map(|(i, p)| p * self.tableau[[i, j]]).sum::<f64>()
            };
            let Some(entering) = (0..columns).find(|&j| !self.basis.contains(&j) && gain(j) > ZERO * scale)
            else {
                let mut at = Array1::zeros(columns);
                for (i, &j) in self.basis.iter().enumerate() {
                    at[j] = self.tableau[[i, last]].max(0.0);
                }
                return Some((c.dot(&at), at));
            };
            let ratio = |i: usize| self.tableau[[i, last]].max(0.0) / self.tableau[[i, entering]];
            let leaving = (0..self.basis.len())
                .filter(|&i| self.tableau[[i, entering]] > ZERO)
                .min_by(|&a, &b| ratio(a).total_cmp(&ratio(b)).then(self.basis[a].cmp(&self.basis[b])))?;
            self.pivot(leaving, entering);
        }
        None
    }
}
