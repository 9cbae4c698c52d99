use ndarray::{Array1, ArrayView1, ArrayView2};

use super::ResampleError;
use super::error::{require, require_finite};

/// P-values adjusted for testing several hypotheses at once, Romano and Wolf (2005, 2016): they control the
/// probability of any false rejection, use the joint distribution of the statistics, and step down.
///
/// `t` `[h]` are the t statistics; `t_star` `[draws, h]` their bootstrap draws, *centred at the estimates* (or with
/// the nulls imposed), all hypotheses from the same draw. With `t` ordered from the largest,
/// `p_(j) = (1 + #{max_{l >= j} |t*_(l)| >= |t_(j)|}) / (draws + 1)`, made monotone.
///
/// # Errors
/// [`ResampleError::Shape`], [`ResampleError::NotFinite`], [`ResampleError::TooFew`].
pub fn romano_wolf(
    t: ArrayView1<'_, f64>,
    t_star: ArrayView2<'_, f64>,
) -> Result<Array1<f64>, ResampleError> {
    require("columns of the bootstrap statistics", t.len(), t_star.ncols())?;
    require_finite("t statistics", t)?;
    require_finite("bootstrap t statistics", t_star)?;
    let draws = t_star.nrows();
    if draws == 0 {
        return Err(ResampleError::TooFew { what: "draws", needed: 1, found: 0 });
    }
    let mut order: Vec<usize> = (0..t.len()).collect();
    order.sort_by(|a, b| t[*b].abs().total_cmp(&t[*a].abs()));
    // From the smallest up, the running maximum of each draw over the hypotheses not yet rejected.
    let mut largest = vec![0.0_f64; draws];
    let mut p = Array1::zeros(t.len());
    for h in order.iter().rev() {
        let mut beyond = 0_usize;
        for (top, draw) in largest.iter_mut().zip(t_star.column(*h)) {
            *top = top.max(draw.abs());
            beyond += usize::from(*top >= t[*h].abs());
        }
        p[*h] = (1 + beyond) as f64 / (draws + 1) as f64;
    }
    let mut floor = 0.0_f64;
    for h in order {
        floor = floor.max(p[h]);
        p[h] = floor;
    }
    Ok(p)
}
