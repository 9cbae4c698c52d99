//! What the equilibrium conditions are evaluated in: numbers, or numbers with a derivative.

use std::ops::Mul;

use linalg::elementary::{exp, ln};

use crate::ces::Number;

/// A number of the sweep: `f64`, or a [`Jet`](super::jet::Jet) that carries derivatives along.
pub(super) trait Scalar: Number + Default + Send + Sync {
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

/// Loops and no closures, which would not be compiled for the width of the sweep; so everywhere that a sweep goes.
impl Scalar for f64 {
    const DIRECTIONS: usize = 0;

    #[inline(always)]
    fn exp_each(values: &mut [f64]) {
        for x in values {
            *x = exp(*x);
        }
    }

    #[inline(always)]
    fn ln_each(values: &mut [f64]) {
        let mut ordinary = true;
        for x in values.iter() {
            ordinary &= (*x >= f64::MIN_POSITIVE) & (*x < f64::INFINITY);
        }
        if ordinary {
            for x in values {
                *x = ln(*x);
            }
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

/// Running sums side by side.
const LANES: usize = 8;

/// Inner product with several running sums, so that it vectorises and its order of summation is fixed. Long ones have more, or each
/// addition would wait for the one before it.
#[inline(always)]
pub(super) fn dot<A: Copy, T: Scalar + Mul<A, Output = T>>(a: &[A], b: &[T]) -> T {
    /// From here on an inner product is long.
    const LONG: usize = 256;
    if T::DIRECTIONS > 1 {
        // Its derivatives fill the registers.
        a.iter().zip(b).fold(T::from(0.0), |sum, (x, y)| sum + *y * *x)
    } else if a.len() >= LONG {
        dot_in_lanes::<A, T, 32>(a, b)
    } else {
        dot_in_lanes::<A, T, LANES>(a, b)
    }
}

/// Running sums as they lie in the registers: without this the compiler arranges the sums of the loop before to suit how they are added
/// up, and shuffles them in every round.
#[inline(always)]
fn in_lanes<T>(sums: T) -> T {
    std::hint::black_box(sums)
}

/// [`dot`] with so many running sums, at least eight.
#[inline(always)]
fn dot_in_lanes<A: Copy, T: Scalar + Mul<A, Output = T>, const L: usize>(a: &[A], b: &[T]) -> T {
    let mut sums = [T::from(0.0); L];
    let ((wide, a_rest), (b_wide, b_rest)) = (a.as_chunks::<L>(), b.as_chunks::<L>());
    for (x, y) in wide.iter().zip(b_wide) {
        for lane in 0..L {
            sums[lane] += y[lane] * x[lane];
        }
    }
    let mut four = [T::from(0.0); 4];
    for sums in in_lanes(sums).as_chunks::<4>().0 {
        for lane in 0..4 {
            four[lane] += sums[lane];
        }
    }
    let ((a4, a_rest), (b4, b_rest)) = (a_rest.as_chunks::<4>(), b_rest.as_chunks::<4>());
    for (x, y) in a4.iter().zip(b4) {
        for lane in 0..4 {
            four[lane] += y[lane] * x[lane];
        }
    }
    let rest = a_rest.iter().zip(b_rest).fold(T::from(0.0), |sum, (x, y)| sum + *y * *x);
    four.iter().fold(rest, |sum, lane| sum + *lane)
}

/// `y[r] = sum_c m[r,c] x[c]`, four rows at a time, so that no addition waits for the one before it.
#[inline(always)]
pub(super) fn row_sums<A: Copy, T: Scalar + Mul<A, Output = T>>(m: &[A], x: &[T], y: &mut [T]) {
    let width = x.len();
    let wide = x.last_chunk::<LANES>().filter(|_| T::DIRECTIONS <= 1 && y.len() >= 4);
    let Some(ends) = wide else {
        for (y, m) in y.iter_mut().zip(m.chunks_exact(width.max(1))) {
            *y = dot(m, x);
        }
        return;
    };
    // What does not fill the lanes is done by lanes too, together with numbers that others have done and that count nothing here.
    let mut last = [T::from(0.0); LANES];
    let new = LANES - width % LANES;
    last[new..].copy_from_slice(&ends[new..]);
    let (four, rest) = y.as_chunks_mut::<4>();
    for (y, m) in four.iter_mut().zip(m.chunks_exact(4 * width)) {
        *y = four_dots(m, x, &last);
    }
    // And so are the rows that are left.
    if !rest.is_empty() {
        let sums = four_dots(&m[m.len() - 4 * width..], x, &last);
        rest.copy_from_slice(&sums[4 - rest.len()..]);
    }
}

/// The inner products of four rows with `x`, whose end beyond full lanes is `last`.
#[inline(always)]
fn four_dots<A: Copy, T: Scalar + Mul<A, Output = T>>(rows: &[A], x: &[T], last: &[T; LANES]) -> [T; 4] {
    let (ab, cd) = rows.split_at(2 * x.len());
    let ((a, b), (c, d)) = (ab.split_at(x.len()), cd.split_at(x.len()));
    let mut sums = [[T::from(0.0); LANES]; 4];
    let first = a.as_chunks().0.iter().zip(b.as_chunks().0);
    let second = c.as_chunks().0.iter().zip(d.as_chunks().0);
    for (x, ((a, b), (c, d))) in x.as_chunks().0.iter().zip(first.zip(second)) {
        add_products(&mut sums, x, [a, b, c, d]);
    }
    if !x.len().is_multiple_of(LANES)
        && let (Some(a), Some(b), Some(c), Some(d)) =
            (a.last_chunk(), b.last_chunk(), c.last_chunk(), d.last_chunk())
    {
        add_products(&mut sums, last, [a, b, c, d]);
    }
    let mut totals = [T::from(0.0); 4];
    for (total, sums) in totals.iter_mut().zip(&in_lanes(sums)) {
        let mut half = [T::from(0.0); LANES / 2];
        for lane in 0..LANES / 2 {
            half[lane] = sums[lane] + sums[lane + LANES / 2];
        }
        *total = (half[0] + half[1]) + (half[2] + half[3]);
    }
    totals
}

/// Adds to each row's running sums.
#[inline(always)]
fn add_products<A: Copy, T: Scalar + Mul<A, Output = T>>(
    sums: &mut [[T; LANES]; 4],
    x: &[T; LANES],
    rows: [&[A; LANES]; 4],
) {
    for (sums, row) in sums.iter_mut().zip(rows) {
        for lane in 0..LANES {
            sums[lane] += x[lane] * row[lane];
        }
    }
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
    match width {
        // Ten registers of four: the widest block that leaves some for the rows.
        40.. if width.is_multiple_of(40) => add_blocks::<A, T, 40>(a, m, y),
        32.. => add_blocks::<A, T, 32>(a, m, y),
        16.. => add_blocks::<A, T, 16>(a, m, y),
        8.. => add_blocks::<A, T, 8>(a, m, y),
        4.. => add_blocks::<A, T, 4>(a, m, y),
        _ => add_blocks::<A, T, 1>(a, m, y),
    }
}

/// [`add_rows`] by blocks of `B` columns. Where they do not fill the width one more ends at it, over columns that others hold too: that
/// takes less time than columns by themselves.
#[inline(always)]
fn add_blocks<A: Copy, T: Scalar + Mul<A, Output = T>, const B: usize>(a: &[T], m: &[A], y: &mut [T]) {
    let (width, left) = (y.len(), y.len() % B);
    let mut last = [T::from(0.0); B];
    if let Some(ends) = y.last_chunk::<B>()
        && left > 0
    {
        last = *ends;
        add_block(a, m, width, width - B, &mut last);
    }
    let (blocks, rest) = y.as_chunks_mut::<B>();
    for (k, block) in blocks.iter_mut().enumerate() {
        add_block(a, m, width, k * B, block);
    }
    for (y, last) in rest.iter_mut().zip(&last[B - left..]) {
        *y = *last;
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

/// A matrix `[rows, columns]` with its rows made columns.
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
        for x in [0.0, f64::INFINITY, 1e-310] {
            let mut alone = [x];
            f64::ln_each(&mut alone);
            assert_eq!(alone, [x.ln()]);
        }
    }

    #[test]
    fn sums_of_rows_are_inner_products_with_columns() {
        for (rows, columns) in [
            (1, 1),
            (3, 31),
            (31, 40),
            (5, 16),
            (2, 21),
            (0, 7),
            (6, 9),
            (4, 70),
            (3, 3),
            (2, 300),
            (6, 12),
            (9, 8),
        ] {
            let m: Vec<f64> = (0..rows * columns).map(|k| ((k * 37) % 101) as f64 / 7.0 - 5.0).collect();
            let a: Vec<f64> = (0..rows).map(|k| 1.0 / (k + 2) as f64).collect();
            let mut y: Vec<f64> = (0..columns).map(|k| k as f64).collect();
            add_rows(&a, &m, &mut y);
            let mut by_column = m.clone();
            transpose(&m, columns, &mut by_column);
            assert_eq!(by_column.len(), m.len());
            for (row, of_columns) in m.chunks_exact(columns).zip(by_column.iter()) {
                assert_eq!(row[0], *of_columns);
                let plain: f64 = row.iter().map(|v| v * v).sum();
                assert!((dot(row, row) - plain).abs() < 1e-12 * plain, "{columns}");
            }
            let x: Vec<f64> = (0..columns).map(|k| 0.5 - k as f64).collect();
            let mut sums = vec![0.0; rows];
            row_sums(&m, &x, &mut sums);
            for (row, sum) in m.chunks_exact(columns).zip(&sums) {
                assert!((sum - dot(row, &x)).abs() < 1e-10, "{rows} {columns}");
            }
            for (c, y) in y.iter().enumerate() {
                let expected = c as f64 + dot(&by_column[c * rows..(c + 1) * rows], &a);
                assert!((y - expected).abs() < 1e-12, "{rows} {columns} {c}: {y} {expected}");
            }
        }
    }
}
