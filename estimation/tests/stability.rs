//! Estimates do not depend on the order of rows or regressors, nor on units, to a hundred-millionth; and what they differ by is
//! within what the fit says of its own accuracy.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use estimation::{Categories, Estimates, Fit, KClass, Regression, SmallSample, Vcov};
use ndarray::{Array1, Array2, Axis};
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_distr::{Distribution, StandardNormal};
use rand_xoshiro::Xoshiro256PlusPlus;

const ROWS: usize = 300;
const STABLE: f64 = 1e-8;

/// A small panel: outcome, a mean for counts, three regressors of which the last is endogenous, an instrument, two effects.
#[derive(Clone)]
struct Panel {
    y: Array1<f64>,
    counts: Array1<f64>,
    x: Array2<f64>,
    instrument: Array1<f64>,
    unit: Vec<usize>,
    period: Vec<usize>,
}

fn panel(seed: u64) -> Panel {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut normals = |n: usize| -> Vec<f64> { (0..n).map(|_| StandardNormal.sample(&mut random)).collect() };
    let (a, b, instrument, shock) = (normals(30), normals(10), normals(ROWS), normals(ROWS));
    let (x1, x2, noise) = (normals(ROWS), normals(ROWS), normals(ROWS));
    let unit: Vec<usize> = (0..ROWS).map(|i| i / 10).collect();
    let period: Vec<usize> = (0..ROWS).map(|i| i % 10).collect();
    // The second regressor is close to the first, so that conditioning matters.
    let x = Array2::from_shape_fn((ROWS, 3), |(i, j)| match j {
        0 => x1[i] + a[unit[i]],
        1 => x1[i] + 0.05 * x2[i] + b[period[i]],
        _ => instrument[i] + shock[i],
    });
    let index =
        |i: usize| 0.3 * x[[i, 0]] - 0.2 * x[[i, 1]] + 0.1 * x[[i, 2]] + 0.5 * (a[unit[i]] + b[period[i]]);
    let y = Array1::from_shape_fn(ROWS, |i| index(i) + 0.5 * shock[i] + noise[i]);
    let counts = Array1::from_shape_fn(ROWS, |i| (index(i) + 0.3 * noise[i]).exp());
    Panel { y, counts, x, instrument: Array1::from_vec(instrument), unit, period }
}

impl Panel {
    fn rows(&self, order: &[usize]) -> Self {
        Self {
            y: self.y.select(Axis(0), order),
            counts: self.counts.select(Axis(0), order),
            x: self.x.select(Axis(0), order),
            instrument: self.instrument.select(Axis(0), order),
            unit: order.iter().map(|&i| self.unit[i]).collect(),
            period: order.iter().map(|&i| self.period[i]).collect(),
        }
    }

    /// The fits of every estimator, regressors in the given order. The last is endogenous in two-stage least squares and LIML.
    fn fits(&self, order: &[usize], effects: bool) -> Vec<Fit> {
        let unit = Categories::new("unit", self.unit.iter().copied());
        let vcov = Vcov::cluster([unit.clone()], SmallSample::Fixest);
        let with = |regression: Regression| {
            if effects {
                regression.absorb([unit.clone(), Categories::new("period", self.period.iter().copied())])
            } else {
                regression
            }
        };
        let names: Vec<String> = order.iter().map(|j| format!("x{j}")).collect();
        let x = self.x.select(Axis(1), order);
        let ols = with(Regression::new(self.y.clone(), x.clone()).names(names.clone())).ols(&vcov).unwrap();
        let poisson = with(Regression::new(self.counts.clone(), x).names(names)).poisson(&vcov).unwrap();
        let exogenous: Vec<usize> = order.iter().copied().filter(|j| *j < 2).collect();
        let equation = with(
            Regression::new(self.y.clone(), self.x.select(Axis(1), &exogenous))
                .names(exogenous.iter().map(|j| format!("x{j}")))
                .endogenous(["x2"], self.x.select(Axis(1), &[2]))
                .instruments(["z"], self.instrument.clone().insert_axis(Axis(1))),
        );
        let iv = equation.iv(KClass::TwoStage, &vcov).unwrap();
        let liml = equation.iv(KClass::Liml, &vcov).unwrap();
        [&*ols, &*poisson, &*iv, &*liml].map(Clone::clone).to_vec()
    }
}

fn shuffled(seed: u64, length: usize) -> Vec<usize> {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut order: Vec<usize> = (0..length).collect();
    for k in (1..length).rev() {
        order.swap(k, random.random_range(0..=k));
    }
    order
}

/// Position of a coefficient.
fn at(estimates: &Estimates, name: &str) -> usize {
    estimates.names().iter().position(|n| n == name).unwrap()
}

/// Holds the coefficients and standard errors of `a`, in the unit that `scale` gives each, to those of `b`.
fn alike(a: &Fit, b: &Fit, scale: impl Fn(&str) -> f64) -> Result<(), TestCaseError> {
    let (ours, theirs) = (a.estimates(), b.estimates());
    for (i, name) in ours.names().iter().enumerate() {
        let (j, scale) = (at(theirs, name), scale(name));
        let (one, other) = (ours.coefficients()[i] * scale, theirs.coefficients()[j]);
        let (se, se_other) = (ours.std_errors()[i] * scale, theirs.std_errors()[j]);
        let apart = (one - other).abs();
        // Relative to the standard error where the coefficient happens to be next to nothing.
        prop_assert!(apart <= STABLE * other.abs().max(se_other), "{} {} {}", name, one, other);
        prop_assert!((se - se_other).abs() <= STABLE * se_other, "{} se {} {}", name, se, se_other);
        let allowed = a.accuracy().error[i] * scale + b.accuracy().error[j];
        prop_assert!(apart <= allowed, "{} {:e} apart, {:e} allowed", name, apart, allowed);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_order_of_rows_and_regressors_does_not_matter(seed: u64, effects: bool) {
        let panel = panel(seed);
        let before = panel.fits(&[0, 1, 2], effects);
        let rows = panel.rows(&shuffled(seed, ROWS)).fits(&[0, 1, 2], effects);
        let regressors = panel.fits(&[2, 1, 0], effects);
        for (a, (b, c)) in before.iter().zip(rows.iter().zip(&regressors)) {
            alike(a, b, |_| 1.0)?;
            alike(a, c, |_| 1.0)?;
        }
    }

    #[test]
    fn units_a_million_times_as_large_or_small_change_no_result(seed: u64, effects: bool, powers in prop::array::uniform3(-1..2_i32)) {
        let panel = panel(seed);
        let unit = |j: usize| 1e6_f64.powi(powers[j]);
        let mut other = panel.clone();
        for (j, mut column) in other.x.columns_mut().into_iter().enumerate() {
            column *= unit(j);
        }
        other.instrument *= 1e6;
        let scale = |name: &str| name.strip_prefix('x').and_then(|j| j.parse().ok()).map_or(1.0, |j: usize| 1.0 / unit(j));
        for (a, b) in panel.fits(&[0, 1, 2], effects).iter().zip(&other.fits(&[0, 1, 2], effects)) {
            alike(a, b, scale)?;
        }
    }

    #[test]
    fn a_level_that_effects_take_out_costs_the_digits_that_the_fit_says(seed: u64, power in 0..7_i32) {
        // The regressors stand far from zero; what varies in them is not exact to more digits than are left.
        let panel = panel(seed);
        let mut other = panel.clone();
        other.x += 10.0_f64.powi(power);
        for (a, b) in panel.fits(&[0, 1, 2], true).iter().zip(&other.fits(&[0, 1, 2], true)) {
            let (ours, theirs) = (a.estimates(), b.estimates());
            for (i, name) in ours.names().iter().enumerate() {
                let j = at(theirs, name);
                let apart = (ours.coefficients()[i] - theirs.coefficients()[j]).abs();
                let allowed = a.accuracy().error[i] + b.accuracy().error[j];
                prop_assert!(apart <= allowed, "{} {:e} apart, {:e} allowed", name, apart, allowed);
            }
        }
    }
}

#[test]
fn nearly_collinear_regressors_have_a_condition_number_that_says_so() {
    let mut last = 0.0;
    for closeness in [1.0, 1e-1, 1e-2, 1e-3] {
        let mut panel = panel(7);
        for i in 0..ROWS {
            panel.x[[i, 1]] = panel.x[[i, 0]] + closeness * panel.x[[i, 2]];
        }
        let x = panel.x.select(Axis(1), &[0, 1]);
        let fit = Regression::new(panel.y.clone(), x).ols(&Vcov::Hc1).unwrap();
        let accuracy = fit.accuracy();
        assert!(accuracy.condition > 2.0 * last && accuracy.condition > 0.3 / closeness, "{accuracy:?}");
        let errors = accuracy.error.iter().zip(fit.estimates().std_errors());
        assert!(errors.into_iter().all(|(e, se)| *e > 0.0 && *e < 1e-9 * se), "{accuracy:?}");
        last = accuracy.condition;
    }
}
