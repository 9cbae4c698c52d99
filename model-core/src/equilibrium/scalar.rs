//! What the equilibrium conditions are evaluated in: numbers, or numbers with a derivative.

use std::ops::Mul;

use linalg::elementary::{exp, ln};

use crate::ces::Number;

/// A number of the sweep: `f64`, or a [`Jet`](super::jet::Jet) that carries derivatives along.
pub(super) trait Scalar: Number + Send + Sync {
    /// How many derivatives it carries; none for a number alone.
    const DIRECTIONS: usize;
    /// `exp` of every entry, in place.
    fn exp_each(values: &mut [Self]);
    /// `ln` of every entry, in place.
    fn ln_each(values: &mut [Self]);
    /// The derivatives.
    fn tangents(&self) -> &[f64];
    /// The derivatives, to be set.
    fn tangents_mut(&mut self) -> &mut [f64];
}

impl Scalar for f64 {
    const DIRECTIONS: usize = 0;

    #[inline(always)]
    fn exp_each(values: &mut [f64]) {
        values.iter_mut().for_each(|x| *x = exp(*x));
    }

    #[inline(always)]
    fn ln_each(values: &mut [f64]) {
        if values.iter().all(|x| (f64::MIN_POSITIVE..f64::INFINITY).contains(x)) {
            values.iter_mut().for_each(|x| *x = ln(*x));
        } else {
            values.iter_mut().for_each(|x| *x = f64::ln(*x));
        }
    }

    fn tangents(&self) -> &[f64] {
        &[]
    }

    fn tangents_mut(&mut self) -> &mut [f64] {
        &mut []
    }
}

/// Inner product with eight running sums, so that it vectorises and its order of summation is fixed.
#[inline(always)]
pub(super) fn dot<A: Copy, T: Scalar + Mul<A, Output = T>>(a: &[A], b: &[T]) -> T {
    const LANES: usize = 8;
    if T::DIRECTIONS > 1 {
        // Its derivatives fill the registers.
        return a.iter().zip(b).fold(T::from(0.0), |sum, (x, y)| sum + *y * *x);
    }
    let mut sums = [T::from(0.0); LANES];
    let ((a8, a_rest), (b8, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    for (x, y) in a8.iter().zip(b8) {
        for lane in 0..LANES {
            sums[lane] += y[lane] * x[lane];
        }
    }
    let mut half = [T::from(0.0); LANES / 2];
    for lane in 0..LANES / 2 {
        half[lane] = sums[lane] + sums[lane + LANES / 2];
    }
    // One after the other: a tree of sums here makes the compiler shuffle the lanes above.
    let rest = a_rest.iter().zip(b_rest).fold(T::from(0.0), |sum, (x, y)| sum + *y * *x);
    half.iter().fold(rest, |sum, lane| sum + *lane)
}

/// `y[c] += sum_r a[r] m[r,c]`, row by row: a block of `y` stays in registers while the rows go by. The sum over rows has one
/// order, whatever the width of the registers.
#[inline(always)]
pub(super) fn add_rows<A: Copy, T: Scalar + Mul<A, Output = T>>(a: &[T], m: &[A], y: &mut [T]) {
    let width = y.len();
    if T::DIRECTIONS > 1 {
        // A number is as wide as the registers: column by column.
        for (c, y) in y.iter_mut().enumerate() {
            let column = m.iter().skip(c).step_by(width);
            *y = a.iter().zip(column).fold(*y, |sum, (a, m)| sum + *a * *m);
        }
        return;
    }
    let (blocks, rest) = y.as_chunks_mut::<16>();
    let mut from = 0;
    for block in blocks {
        add_block(a, m, width, from, block);
        from += 16;
    }
    let (blocks, rest) = rest.as_chunks_mut::<4>();
    for block in blocks {
        add_block(a, m, width, from, block);
        from += 4;
    }
    for y in rest.as_chunks_mut::<1>().0 {
        add_block(a, m, width, from, y);
        from += 1;
    }
}

/// [`add_rows`] for the columns from `from` on that `y` holds.
#[inline(always)]
fn add_block<A: Copy, T: Scalar + Mul<A, Output = T>, const B: usize>(
    a: &[T],
    m: &[A],
    width: usize,
    from: usize,
    y: &mut [T; B],
) {
    let mut sums = *y;
    for (a, row) in a.iter().zip(m.chunks_exact(width)) {
        if let Some(row) = row.get(from..).and_then(|row| row.first_chunk::<B>()) {
            for lane in 0..B {
                sums[lane] += *a * row[lane];
            }
        }
    }
    *y = sums;
}

/// `sums[r] = sum_c m[r,c] x[c]` and `y[c] += sum_r a[r] m[r,c]`: one walk through the matrix for both, since it is reading it that
/// takes the time.
#[inline(always)]
pub(super) fn both_sides<A: Copy, T: Scalar + Mul<A, Output = T>>(
    (a, x): (&[T], &[T]),
    m: &[A],
    sums: &mut [T],
    y: &mut [T],
) {
    for ((row, a), sum) in m.chunks_exact(x.len().max(1)).zip(a).zip(sums) {
        *sum = dot(row, x);
        for (y, m) in y.iter_mut().zip(row) {
            *y += *a * *m;
        }
    }
}

/// A matrix `[rows, columns]` with its rows made columns.
pub(super) fn transposed<A: Copy>(matrix: &[A], columns: usize) -> Vec<A> {
    let mut all = matrix.to_vec();
    transpose(matrix, columns, &mut all);
    all
}

/// The same into a place of its size.
pub(super) fn transpose<A: Copy>(matrix: &[A], columns: usize, to: &mut [A]) {
    let rows = matrix.len().checked_div(columns).unwrap_or(0);
    for (r, row) in matrix.chunks_exact(columns.max(1)).enumerate() {
        to.iter_mut().skip(r).step_by(rows).zip(row).for_each(|(to, value)| *to = *value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logarithms_of_what_has_none_are_those_of_the_library() {
        let mut odd = [0.0, f64::INFINITY, 1.0];
        f64::ln_each(&mut odd);
        assert_eq!(odd, [f64::NEG_INFINITY, f64::INFINITY, 0.0]);
    }

    #[test]
    fn sums_of_rows_are_inner_products_with_columns() {
        for (rows, columns) in [(1, 1), (3, 31), (31, 40), (5, 16), (2, 21), (0, 7)] {
            let m: Vec<f64> = (0..rows * columns).map(|k| ((k * 37) % 101) as f64 / 7.0 - 5.0).collect();
            let a: Vec<f64> = (0..rows).map(|k| 1.0 / (k + 2) as f64).collect();
            let mut y: Vec<f64> = (0..columns).map(|k| k as f64).collect();
            add_rows(&a, &m, &mut y);
            let by_column = transposed(&m, columns);
            let x: Vec<f64> = (0..columns).map(|k| 0.5 - k as f64).collect();
            let (mut sums, mut twice) = (vec![0.0; rows], y.clone());
            both_sides((&a, &x), &m, &mut sums, &mut twice);
            for (row, sum) in m.chunks_exact(columns).zip(&sums) {
                assert!((sum - dot(row, &x)).abs() < 1e-12);
            }
            for (c, (twice, once)) in twice.iter().zip(&y).enumerate() {
                let added = dot(&by_column[c * rows..(c + 1) * rows], &a);
                assert!((twice - once - added).abs() < 1e-12);
            }
            assert_eq!(by_column.len(), m.len());
            for (c, y) in y.iter().enumerate() {
                let expected = c as f64 + dot(&by_column[c * rows..(c + 1) * rows], &a);
                assert!((y - expected).abs() < 1e-12, "{rows} {columns} {c}: {y} {expected}");
            }
        }
    }
}
