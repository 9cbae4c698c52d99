//! How much of a solution rounding leaves: condition numbers.

use crate::LinalgError;

/// Below this reciprocal condition number no result may rest on a solution: fewer than about three digits are sure.
pub const LEAST_RECIPROCAL_CONDITION: f64 = 1e-12;

pub(crate) fn require_condition(reciprocal: f64) -> Result<(), LinalgError> {
    if reciprocal >= LEAST_RECIPROCAL_CONDITION {
        Ok(())
    } else {
        Err(LinalgError::IllConditioned { reciprocal_condition: reciprocal })
    }
}

/// `1 / (norm |B^-1|_1)`, the inverse's norm estimated by Hager's method as refined by Higham (1988, ACM TOMS 14). `norm` is
/// `|B|_1`; the two functions solve `B x = b` and `B' x = b` in place.
pub(crate) fn reciprocal(
    n: usize,
    norm: f64,
    solve: impl Fn(&mut [f64]),
    solve_transpose: impl Fn(&mut [f64]),
) -> f64 {
    if n == 0 {
        return 1.0;
    }
    if norm == 0.0 {
        return 0.0;
    }
    let mut x = vec![1.0 / n as f64; n];
    let mut estimate = 0.0_f64;
    for _ in 0..5 {
        let mut y = x.clone();
        solve(&mut y);
        let size: f64 = y.iter().map(|v| v.abs()).sum();
        if size <= estimate {
            break;
        }
        estimate = size;
        let mut z: Vec<f64> = y.iter().map(|v| if *v < 0.0 { -1.0 } else { 1.0 }).collect();
        solve_transpose(&mut z);
        let aligned: f64 = z.iter().zip(&x).map(|(a, b)| a * b).sum();
        let (best, size) = z
            .iter()
            .enumerate()
            .fold((0, 0.0), |(i, m), (j, v)| if v.abs() > m { (j, v.abs()) } else { (i, m) });
        if size <= aligned {
            break;
        }
        x = vec![0.0; n];
        x[best] = 1.0;
    }
    // Higham's alternating vector guards against the matrices on which the search is fooled.
    let step = (n.max(2) - 1) as f64;
    let mut v: Vec<f64> =
        (0..n).map(|i| (1.0 + i as f64 / step) * if i % 2 == 0 { 1.0 } else { -1.0 }).collect();
    solve(&mut v);
    let alternative = 2.0 * v.iter().map(|x| x.abs()).sum::<f64>() / (3.0 * n as f64);
    let inverse_norm = estimate.max(alternative);
    if inverse_norm.is_finite() { 1.0 / (norm * inverse_norm) } else { 0.0 }
}
