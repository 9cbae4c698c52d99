//! The iterative rectifier.
//!
//! Let `S` be the span of regressors and effects, and `C` the vectors that are zero where the outcome is
//! positive and nonnegative where it is zero. A row is separated when some vector of both `S` and `C` is positive
//! there. Starting from the indicator of zero outcomes, project on `S`, then on `C`, and again: alternating
//! projections between two convex sets, which converge to a common point. The inner product with any such
//! vector never falls along the way, so the limit is not zero while there is one; the rows where the limit is
//! positive are separated. Weights `K` on the positive outcomes hasten it without moving the sets.

use ndarray::{Array2, ArrayView2};

use crate::EstimationError;
use crate::absorb::Absorber;
use crate::columns::{combine, rows_mut};
use crate::sample::Sample;
use crate::solve::{Kept, least_squares, sums_of_squares};

/// Weight of rows with positive outcome.
const K: f64 = 1e4;
/// What counts as zero, the start being at one.
const ZERO: f64 = 1e-5;
const MAX_ITERATIONS: usize = 1_000;
const DEMEAN_TOLERANCE: f64 = 1e-9;

/// Positions in the sample of rows that are separated; empty when there are none. The rows found may make
/// others separated: call again on what is left.
pub(super) fn find(sample: &Sample, x: ArrayView2<'_, f64>) -> Result<Vec<usize>, EstimationError> {
    let positive: Vec<bool> = sample.y.iter().map(|y| *y > 0.0).collect();
    if positive.iter().all(|p| *p) {
        return Ok(Vec::new());
    }
    let weights: Vec<f64> = positive.iter().map(|p| if *p { K } else { 1.0 }).collect();
    let mut absorber = Absorber::new(&sample.effects, 1 + x.nrows());
    let mut net = absorber.weighted(Some(&weights));
    let mut x: Array2<f64> = x.to_owned();
    let scale = sums_of_squares(x.view(), Some(&weights));
    net.demean(&mut rows_mut(&mut x), DEMEAN_TOLERANCE)?;
    let names: Vec<String> = (0..x.nrows()).map(|j| j.to_string()).collect();
    let kept = Kept::among(x.view(), &names, Some(&weights), &scale, false)?;
    let x = x.select(ndarray::Axis(0), &kept.index);
    let mut u: Vec<f64> = positive.iter().map(|p| if *p { 0.0 } else { 1.0 }).collect();
    for _ in 0..MAX_ITERATIONS {
        let mut left = u.clone();
        net.demean(&mut [&mut left], DEMEAN_TOLERANCE)?;
        if x.nrows() > 0 {
            let b = least_squares(x.view(), &left, Some(&weights))?.coefficients;
            combine(x.view(), b.view()).iter().zip(&mut left).for_each(|(f, l)| *l -= f);
        }
        let mut gap = 0.0_f64;
        let mut largest = 0.0_f64;
        for (i, (u, l)) in u.iter_mut().zip(&left).enumerate() {
            let projection = *u - l;
            let rectified = if positive[i] { 0.0 } else { projection.max(0.0) };
            gap = gap.max((projection - rectified).abs());
            largest = largest.max(rectified);
            *u = rectified;
        }
        if largest < ZERO {
            return Ok(Vec::new());
        }
        if gap < ZERO * largest {
            return Ok((0..u.len()).filter(|&i| u[i] > ZERO.sqrt() * largest).collect());
        }
    }
    Err(EstimationError::Separation { iterations: MAX_ITERATIONS })
}

#[cfg(test)]
mod tests {
    use ndarray::{Array1, Axis};

    use super::*;
    use crate::sample::Purpose;
    use crate::{Categories, Regression};

    /// Rows that are separated where the regressor is `x`, with an effect of two halves.
    fn found(y: &[f64], x: &[f64]) -> Vec<usize> {
        let half = Categories::new("half", (0..y.len()).map(|i| 2 * i / y.len()));
        let x = Array1::from_vec(x.to_vec()).insert_axis(Axis(1));
        let sample = Sample::new(&Regression::new(y.to_vec(), x).absorb([half]), Purpose::Poisson).unwrap();
        find(&sample, sample.x.view()).unwrap()
    }

    #[test]
    fn separated_rows_are_those_on_the_far_side_of_every_positive_outcome() {
        let y = [1.0, 0.0, 2.0, 0.0, 3.0, 0.0, 1.0, 0.0];
        // Constant where the outcome is positive, in each half, and larger in two of the rows where it is zero.
        assert_eq!(found(&y, &[1.0, 1.0, 1.0, 4.0, 2.0, 2.5, 2.0, 2.0]), [3, 5]);
        // Larger in one and smaller in another: no row is.
        assert_eq!(found(&y, &[1.0, 1.0, 1.0, 4.0, 2.0, 1.5, 2.0, 2.0]), [0; 0]);
        // Of another order of size: what is small beside it is found once it is gone.
        assert_eq!(found(&y, &[1.0, 1.0, 1.0, 1.0 + 1e-3, 2.0, 2.0, 2.0, 1e3]), [7]);
        // Positive outcomes on both sides.
        assert_eq!(found(&y, &[1.0, 4.0, 2.0, 3.0, 5.0, 7.0, 9.0, 1.0]), [0; 0]);
        assert_eq!(found(&[1.0, 2.0, 3.0, 1.0], &[1.0, 4.0, 2.0, 3.0]), [0; 0]);
    }
}
