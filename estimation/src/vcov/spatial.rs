//! Dependence over space.

use ndarray::Array2;

use super::SpatialKernel;
use super::sandwich::Ingredients;
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
    let (latitude, longitude) = (parts.pick(latitude), parts.pick(longitude));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resample::stream;
    use crate::{Regression, Vcov};
    use ndarray::{Array1, Axis, stack};
    use rand::RngExt;

    /// By the angle between the two points' unit vectors.
    fn by_vectors(a: (f64, f64), b: (f64, f64)) -> f64 {
        let unit = |(lat, lon): (f64, f64)| {
            let (lat, lon) = (lat.to_radians(), lon.to_radians());
            [lat.cos() * lon.cos(), lat.cos() * lon.sin(), lat.sin()]
        };
        let dot: f64 = unit(a).iter().zip(unit(b)).map(|(x, y)| x * y).sum();
        EARTH_KM * dot.clamp(-1.0, 1.0).acos()
    }

    #[test]
    fn distances_are_arcs_of_great_circles() {
        let quarter = EARTH_KM * std::f64::consts::FRAC_PI_2;
        assert!((distance((0.0, 10.0), (90.0, -77.0)) - quarter).abs() < 1e-9);
        assert!((distance((0.0, -45.0), (0.0, 45.0)) - quarter).abs() < 1e-9);
        assert!((distance((35.0, 170.0), (-35.0, -10.0)) - 2.0 * quarter).abs() < 1e-3);
        assert_eq!(distance((12.0, 34.0), (12.0, 34.0)), 0.0);
        // Beijing to Tokyo, and the same across the date line and with east counted on.
        let (beijing, tokyo) = ((39.9042, 116.4074), (35.6762, 139.6503));
        assert!((distance(beijing, tokyo) - by_vectors(beijing, tokyo)).abs() < 1e-6);
        assert!(
            (distance((52.0, 179.0), (51.0, -178.5)) - distance((52.0, -181.0), (51.0, -178.5))).abs() < 1e-8
        );
        assert!(
            (distance((52.0, 179.0), (51.0, -178.5)) - by_vectors((52.0, 179.0), (51.0, -178.5))).abs()
                < 1e-6
        );
    }

    #[test]
    fn the_variance_is_the_double_sum_over_pairs_of_rows() {
        let n = 70;
        let mut rng = stream(51, 0);
        let mut draw =
            |low: f64, high: f64| Array1::from_shape_fn(n, |_| low + (high - low) * rng.random::<f64>());
        // Across the date line, so that longitudes do not order the points.
        let (latitude, longitude) =
            (draw(-6.0, 6.0), draw(170.0, 190.0).mapv(|l| if l > 180.0 { l - 360.0 } else { l }));
        let x = draw(-1.0, 1.0) + latitude.mapv(|l| 0.1 * l);
        let y = &x * 0.5 + draw(-1.0, 1.0) + latitude.mapv(|l| (0.5 * l).sin());
        let design = stack![Axis(1), Array1::ones(n), x];
        let bread = linalg::inverse(design.t().dot(&design).view()).unwrap();
        let e = &y - &design.dot(&bread.dot(&design.t().dot(&y)));
        for cutoff_km in [150.0, 400.0, 900.0] {
            for kernel in [SpatialKernel::Uniform, SpatialKernel::Bartlett] {
                let mut sums = Array2::<f64>::zeros((2, 2));
                for i in 0..n {
                    for j in 0..n {
                        let d = by_vectors((latitude[i], longitude[i]), (latitude[j], longitude[j]));
                        let weight = match kernel {
                            _ if i == j => 1.0,
                            _ if d > cutoff_km => 0.0,
                            SpatialKernel::Uniform => 1.0,
                            SpatialKernel::Bartlett => 1.0 - d / cutoff_km,
                        };
                        for (a, b) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
                            sums[[a, b]] += weight * design[[i, a]] * e[i] * design[[j, b]] * e[j];
                        }
                    }
                }
                let expected = bread.dot(&sums).dot(&bread) * (n as f64 / (n as f64 - 2.0));
                assert!(
                    expected[[0, 0]] * expected[[1, 1]] > expected[[0, 1]].powi(2) && expected[[0, 0]] > 0.0
                );
                let vcov = Vcov::Conley {
                    latitude: latitude.to_vec(),
                    longitude: longitude.to_vec(),
                    cutoff_km,
                    kernel,
                };
                let fit = Regression::new(y.clone(), x.clone().insert_axis(Axis(1))).ols(&vcov).unwrap();
                for (found, expected) in fit.estimates().vcov().iter().zip(&expected) {
                    assert!(
                        (found - expected).abs() < 1e-9 * expected.abs(),
                        "{cutoff_km} {kernel:?}: {found} {expected}"
                    );
                }
            }
        }
        for cutoff_km in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            let (latitude, longitude) = (latitude.to_vec(), longitude.to_vec());
            let vcov = Vcov::Conley { latitude, longitude, cutoff_km, kernel: SpatialKernel::Uniform };
            let refused = Regression::new(y.clone(), x.clone().insert_axis(Axis(1))).ols(&vcov);
            assert!(matches!(refused, Err(EstimationError::VcovUnavailable { .. })), "{cutoff_km}");
        }
    }
}
