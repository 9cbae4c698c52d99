//! Regressors held column by column, `[k, n]`, and the few products that a regression needs of them.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, Slice};

/// Rows handled at a time, so that one block of every column stays in the first caches.
const BLOCK: usize = 1024;

/// `sum_i a_i b_i w_i`, with eight running sums so that the processor's lanes fill.
fn dot3(a: &[f64], b: &[f64], w: &[f64]) -> f64 {
    let mut lanes = [0.0_f64; 8];
    let mut chunks = a.chunks_exact(8).zip(b.chunks_exact(8)).zip(w.chunks_exact(8));
    for ((a, b), w) in chunks.by_ref() {
        for l in 0..8 {
            lanes[l] += a[l] * b[l] * w[l];
        }
    }
    let done = a.len() / 8 * 8;
    let tail: f64 = (done..a.len()).map(|i| a[i] * b[i] * w[i]).sum();
    lanes.iter().sum::<f64>() + tail
}

fn dot2(a: &[f64], b: &[f64]) -> f64 {
    let mut lanes = [0.0_f64; 8];
    for (a, b) in a.chunks_exact(8).zip(b.chunks_exact(8)) {
        for l in 0..8 {
            lanes[l] += a[l] * b[l];
        }
    }
    let done = a.len() / 8 * 8;
    let tail: f64 = (done..a.len()).map(|i| a[i] * b[i]).sum();
    lanes.iter().sum::<f64>() + tail
}

/// `A diag(w) B'` for `A [k, n]` and `B [m, n]`; `w` absent means ones. The order of summation is fixed.
pub(crate) fn cross(a: ArrayView2<'_, f64>, b: ArrayView2<'_, f64>, w: Option<&[f64]>) -> Array2<f64> {
    let a = a.as_standard_layout();
    let b = b.as_standard_layout();
    let n = a.ncols();
    let mut out = Array2::zeros((a.nrows(), b.nrows()));
    let rows_a: Vec<&[f64]> = a.axis_iter(Axis(0)).filter_map(|r| r.to_slice()).collect();
    let rows_b: Vec<&[f64]> = b.axis_iter(Axis(0)).filter_map(|r| r.to_slice()).collect();
    let mut start = 0;
    while start < n {
        let span = start..(start + BLOCK).min(n);
        for (i, ra) in rows_a.iter().enumerate() {
            for (j, rb) in rows_b.iter().enumerate() {
                out[[i, j]] += match w {
                    Some(w) => dot3(&ra[span.clone()], &rb[span.clone()], &w[span.clone()]),
                    None => dot2(&ra[span.clone()], &rb[span.clone()]),
                };
            }
        }
        start += BLOCK;
    }
    out
}

/// `A diag(w) A'`, symmetric to the bit.
pub(crate) fn gram(a: ArrayView2<'_, f64>, w: Option<&[f64]>) -> Array2<f64> {
    let full = cross(a, a, w);
    (&full + &full.t()) * 0.5
}

/// `(T A) diag(w) (T A)'` for a small square `T`, without holding `T A` whole.
pub(crate) fn gram_transformed(
    t: ArrayView2<'_, f64>,
    a: ArrayView2<'_, f64>,
    w: Option<&[f64]>,
) -> Array2<f64> {
    let mut out = Array2::zeros(t.raw_dim());
    let mut start = 0;
    while start < a.ncols() {
        let end = (start + BLOCK).min(a.ncols());
        let block = t.dot(&a.slice_axis(Axis(1), Slice::from(start..end)));
        out += &cross(block.view(), block.view(), w.map(|w| &w[start..end]));
        start = end;
    }
    (&out + &out.t()) * 0.5
}

/// `A diag(w) y`.
pub(crate) fn cross_vector(a: ArrayView2<'_, f64>, y: &[f64], w: Option<&[f64]>) -> Array1<f64> {
    let y = ArrayView1::from(y).insert_axis(Axis(0));
    cross(a, y, w).remove_axis(Axis(1))
}

/// `A' b`: fitted values from columns and coefficients.
pub(crate) fn combine(a: ArrayView2<'_, f64>, b: ArrayView1<'_, f64>) -> Vec<f64> {
    let mut out = vec![0.0; a.ncols()];
    add_combination(&mut out, a, b);
    out
}

/// Adds `A' b`.
pub(crate) fn add_combination(out: &mut [f64], a: ArrayView2<'_, f64>, b: ArrayView1<'_, f64>) {
    for (row, &coefficient) in a.axis_iter(Axis(0)).zip(b) {
        for (o, v) in out.iter_mut().zip(row) {
            *o += coefficient * v;
        }
    }
}

/// The rows as slices; the matrix is brought to row-major order first if it is not.
pub(crate) fn rows_mut(x: &mut Array2<f64>) -> Vec<&mut [f64]> {
    if !x.is_standard_layout() {
        *x = x.as_standard_layout().into_owned();
    }
    x.axis_iter_mut(Axis(0)).filter_map(|r| r.into_slice()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_slices_in_either_order_of_memory() {
        let by_rows = Array2::from_shape_fn((2, 3), |(i, j)| (10 * i + j) as f64);
        for mut x in [by_rows.clone(), by_rows.t().as_standard_layout().into_owned().reversed_axes()] {
            let rows = rows_mut(&mut x);
            assert!(
                rows.len() == 2 && *rows[0] == [0.0, 1.0, 2.0] && *rows[1] == [10.0, 11.0, 12.0],
                "{rows:?}"
            );
        }
    }
}
