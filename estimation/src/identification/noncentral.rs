use statrs::distribution::{ChiSquared, ContinuousCDF, Discrete, Poisson};

/// Distribution function of the noncentral chi-squared: a Poisson mixture of central ones.
pub(super) fn cdf(x: f64, df: f64, noncentrality: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    let central = |extra: f64| ChiSquared::new(df + extra).map_or(f64::NAN, |d| d.cdf(x));
    let half = noncentrality / 2.0;
    let Ok(mixture) = Poisson::new(half) else {
        return central(0.0);
    };
    // Terms further than 12 standard deviations from the mixture's mean weigh less than 1e-16.
    let spread = 12.0 * half.sqrt() + 20.0;
    let (from, to) = ((half - spread).max(0.0).floor() as u64, (half + spread).ceil() as u64);
    (from..=to).map(|j| mixture.pmf(j) * central(2.0 * j as f64)).sum()
}

/// Quantile of the noncentral chi-squared.
pub(super) fn quantile(probability: f64, df: f64, noncentrality: f64) -> f64 {
    let (mut low, mut high) = (0.0, df + noncentrality);
    while cdf(high, df, noncentrality) < probability {
        low = high;
        high *= 2.0;
    }
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            break;
        }
        if cdf(middle, df, noncentrality) < probability { low = middle } else { high = middle }
    }
    0.5 * (low + high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_scipy() {
        // scipy.stats.ncx2.ppf (1.17.1) and, without noncentrality, chi2.ppf.
        for (p, df, nc, expected) in [
            (0.95, 1.0, 10.0, 23.108511211606643),
            (0.95, 3.5, 35.0, 59.995035054140985),
            (0.99, 2.0, 200.0, 272.28975498131695),
            (0.95, 2.0, 0.0, 5.991464547107979),
        ] {
            let value = quantile(p, df, nc);
            assert!((value - expected).abs() < 1e-9 * expected, "{p} {df} {nc}: {value}");
        }
    }
}
