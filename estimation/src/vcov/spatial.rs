//! Dependence over space.

use ndarray::Array2;

use super::SpatialKernel;
use super::sandwich::{Ingredients, used_values};
use crate::EstimationError;

/// Mean radius of the Earth in km.
const EARTH_KM: f64 = 6371.0088;

/// Great-circle distance in km between two points in degrees (haversine).
fn distance((lat1, lon1): (f64, f64), (lat2, lon2): (f64, f64)) -> f64 {
    let (a, b) = ((lat2 - lat1).to_radians() / 2.0, (lon2 - lon1).to_radians() / 2.0);
    let h = a.sin().powi(2) + lat1.to_radians().cos() * lat2.to_radians().cos() * b.sin().powi(2);
    2.0 * EARTH_KM * h.sqrt().min(1.0).asin()
}

/// `sum_ij k(d_ij) s_i s_j'`, over pairs whose latitudes alone do not part them.
pub(super) fn meat(
    parts: &Ingredients<'_>,
    latitude: &[f64],
    longitude: &[f64],
    cutoff_km: f64,
    kernel: SpatialKernel,
) -> Result<Array2<f64>, EstimationError> {
    let unavailable = |reason: String| EstimationError::VcovUnavailable { vcov: "Conley".into(), reason };
    if !cutoff_km.is_finite() || cutoff_km <= 0.0 {
        return Err(unavailable(format!("the cutoff is {cutoff_km} km; it must be positive")));
    }
    let latitude = used_values(parts, "the latitude", latitude)?;
    let longitude = used_values(parts, "the longitude", longitude)?;
    if let Some(bad) = latitude.iter().find(|l| !(-90.0..=90.0).contains(*l)) {
        return Err(unavailable(format!("latitude {bad} lies outside -90 to 90 degrees")));
    }
    if let Some(bad) = longitude.iter().find(|l| !(-360.0..=360.0).contains(*l)) {
        return Err(unavailable(format!("longitude {bad} lies outside -360 to 360 degrees")));
    }
    let mut order: Vec<usize> = (0..latitude.len()).collect();
    order.sort_by(|&a, &b| latitude[a].total_cmp(&latitude[b]));
    let factors = parts.score_factors();
    let k = parts.regressors.nrows();
    let score = |i: usize, j: usize| parts.regressors[[j, i]] * factors[i];
    let span = (cutoff_km / EARTH_KM).to_degrees();
    let mut meat = Array2::zeros((k, k));
    let mut near = vec![0.0; k];
    for (place, &i) in order.iter().enumerate() {
        // Half the own score and all of the neighbours to the north; the transpose brings the rest.
        near.iter_mut().enumerate().for_each(|(j, s)| *s = 0.5 * score(i, j));
        for &other in order[place + 1..].iter().take_while(|&&o| latitude[o] - latitude[i] <= span) {
            let d = distance((latitude[i], longitude[i]), (latitude[other], longitude[other]));
            if d > cutoff_km {
                continue;
            }
            let weight = match kernel {
                SpatialKernel::Uniform => 1.0,
                SpatialKernel::Bartlett => 1.0 - d / cutoff_km,
            };
            near.iter_mut().enumerate().for_each(|(j, s)| *s += weight * score(other, j));
        }
        for a in 0..k {
            for b in 0..k {
                meat[[a, b]] += score(i, a) * near[b];
            }
        }
    }
    Ok(&meat + &meat.t())
}
