//! Separated observations whose positions are known by construction.
#![allow(clippy::expect_used, clippy::panic)]

use estimation::{Categories, PoissonSettings, Regression, Vcov, Weights};
use ndarray::{Array1, Array2};
use rand::{RngExt, SeedableRng};
use rand_distr::{Distribution, Poisson, StandardNormal};
use rand_xoshiro::Xoshiro256PlusPlus;

const ROWS: usize = 240;

/// An overlapping Poisson sample that the designs then bend.
struct Sample {
    y: Vec<f64>,
    columns: Vec<Vec<f64>>,
    g: Vec<usize>,
    h: Vec<usize>,
    rng: Xoshiro256PlusPlus,
}

impl Sample {
    fn new(seed: u64) -> Self {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        let x: Vec<f64> = (0..ROWS).map(|_| StandardNormal.sample(&mut rng)).collect();
        let g = (0..ROWS).map(|i| i % 8).collect();
        let h = (0..ROWS).map(|_| rng.random_range(0..6)).collect();
        let y =
            x.iter().map(|x| Poisson::new((0.3 + 0.4 * x).exp()).expect("mean").sample(&mut rng)).collect();
        Self { y, columns: vec![x], g, h, rng }
    }

    /// The first `count` rows with zero outcome.
    fn zeros(&self, count: usize) -> Vec<usize> {
        (0..ROWS).filter(|&i| self.y[i] == 0.0).take(count).collect()
    }

    /// A column that is `base` but moved by a random positive amount times `sign` in `rows`.
    fn bend(&mut self, base: impl Fn(usize) -> f64, rows: &[usize], sign: f64) -> Vec<f64> {
        let mut column: Vec<f64> = (0..ROWS).map(base).collect();
        for &row in rows {
            column[row] += sign * self.rng.random_range(0.2..2.0);
        }
        column
    }

    fn regression(&self, effects: usize) -> Regression {
        let x = Array2::from_shape_fn((ROWS, self.columns.len()), |(i, j)| self.columns[j][i]);
        let all = [
            Categories::new("g", self.g.iter().copied()),
            Categories::new("h", self.h.iter().copied()),
            Categories::new("third", (0..ROWS).map(|i| i / 8 % 5)),
        ];
        Regression::new(Array1::from_vec(self.y.clone()), x).absorb(all.into_iter().take(effects))
    }
}

/// Exactly `expected` is found; the estimates are finite, and those of the sample without these rows.
fn check(name: &str, regression: &Regression, sample: &Sample, effects: usize, mut expected: Vec<usize>) {
    let fit = regression.poisson(&Vcov::Hc1).unwrap_or_else(|e| panic!("{name}: {e}"));
    expected.sort_unstable();
    let mut found = fit.dropped().separated.clone();
    found.sort_unstable();
    assert_eq!(found, expected, "{name}");
    assert!(
        fit.estimates().table().iter().all(|c| c.estimate.is_finite() && c.std_error.is_finite()),
        "{name}"
    );

    let rest: Vec<usize> = (0..ROWS).filter(|i| !expected.contains(i)).collect();
    let x = Array2::from_shape_fn((rest.len(), sample.columns.len()), |(i, j)| sample.columns[j][rest[i]]);
    let all = [
        Categories::new("g", rest.iter().map(|&i| sample.g[i])),
        Categories::new("h", rest.iter().map(|&i| sample.h[i])),
        Categories::new("third", rest.iter().map(|&i| i / 8 % 5)),
    ];
    let clean = Regression::new(Array1::from_iter(rest.iter().map(|&i| sample.y[i])), x)
        .absorb(all.into_iter().take(effects))
        .poisson_with(&PoissonSettings { detect_separation: false, ..PoissonSettings::default() }, &Vcov::Hc1)
        .unwrap_or_else(|e| panic!("{name}, clean: {e}"));
    for c in clean.estimates().table() {
        let full = fit.estimates().coefficient(&c.name).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert!(
            (full.estimate - c.estimate).abs() < 1e-8 * (1.0 + c.estimate.abs()),
            "{name} {c:?} {full:?}"
        );
        assert!((full.std_error - c.std_error).abs() < 1e-8 * (1.0 + c.std_error), "{name} {c:?} {full:?}");
    }
}

/// One column bent at some zeros around a base that the model spans.
fn bent(name: &str, seed: u64, effects: usize, sign: f64, scale: f64, base: fn(&Sample, usize) -> f64) {
    let mut sample = Sample::new(seed);
    let rows = sample.zeros(6);
    let bases: Vec<f64> = (0..ROWS).map(|i| base(&sample, i)).collect();
    let mut column = sample.bend(|i| bases[i], &rows, sign);
    column.iter_mut().for_each(|v| *v *= scale);
    sample.columns.push(column);
    check(name, &sample.regression(effects), &sample, effects, rows);
}

const LEVEL: [f64; 8] = [0.4, -1.0, 0.7, 2.0, -0.3, 1.1, 0.0, 0.9];

#[test]
fn one_regressor_zero_elsewhere() {
    bent("positive", 1, 0, 1.0, 1.0, |_, _| 0.0);
    bent("negative", 2, 0, -1.0, 1.0, |_, _| 0.0);
    bent("in large units", 3, 0, 1.0, 1e6, |_, _| 0.0);
    bent("in small units", 4, 0, 1.0, 1e-6, |_, _| 0.0);
    let mut sample = Sample::new(5);
    let rows = sample.zeros(5);
    sample.columns.push((0..ROWS).map(|i| f64::from(u8::from(rows.contains(&i)))).collect());
    check("dummy", &sample.regression(0), &sample, 0, rows);
}

#[test]
fn combinations_of_regressors() {
    bent("a copy of another", 6, 0, 1.0, 1.0, |s, i| s.columns[0][i]);
    bent("an affine image of another", 7, 0, -1.0, 1.0, |s, i| 3.0 - 2.0 * s.columns[0][i]);
    let mut sample = Sample::new(8);
    let rows = sample.zeros(4);
    let v: Vec<f64> = (0..ROWS).map(|i| if rows.contains(&i) { 2.0 } else { (i % 2) as f64 }).collect();
    let square = v.iter().map(|v| v * v).collect();
    sample.columns.extend([v, square]);
    check("a square", &sample.regression(0), &sample, 0, rows);
}

#[test]
fn regressors_with_fixed_effects() {
    bent("above a level", 9, 1, 1.0, 1.0, |s, i| LEVEL[s.g[i]]);
    bent("below a level", 10, 1, -1.0, 1.0, |s, i| LEVEL[s.g[i]]);
    bent("above two levels", 11, 2, 1.0, 1.0, |s, i| LEVEL[s.g[i]] - LEVEL[s.h[i]]);
    bent("above three levels", 12, 3, 1.0, 1.0, |s, i| LEVEL[s.g[i]] - LEVEL[s.h[i]] + LEVEL[i / 8 % 5]);
    bent("levels and a regressor", 13, 2, 1.0, 1.0, |s, i| LEVEL[s.g[i]] + 0.5 * s.columns[0][i]);
}

#[test]
fn fixed_effects_alone() {
    let mut sample = Sample::new(14);
    let rows = sample.zeros(5);
    rows.iter().for_each(|&i| sample.g[i] = 8);
    check("a level of zeros", &sample.regression(1), &sample, 1, rows.clone());
    let more = sample.zeros(9);
    more[5..].iter().for_each(|&i| sample.h[i] = 6);
    check("a level of zeros in each", &sample.regression(2), &sample, 2, more);

    // Levels 0-3 of g trade with 0-2 of h, 4-7 with 3-5; what crosses goes one way and is all zero.
    for (seed, effects) in [(15, 2), (16, 3)] {
        let mut sample = Sample::new(seed);
        for i in 0..ROWS {
            sample.h[i] = sample.h[i] % 3 + if sample.g[i] < 4 { 0 } else { 3 };
        }
        let rows: Vec<usize> = sample.zeros(40).into_iter().filter(|&i| sample.g[i] < 4).take(7).collect();
        rows.iter().for_each(|&i| sample.h[i] += 3);
        check("a one-way bridge", &sample.regression(effects), &sample, effects, rows);
    }
}

#[test]
fn several_at_once_and_one_after_another() {
    let mut sample = Sample::new(17);
    let rows = sample.zeros(8);
    let first = sample.bend(|_| 0.0, &rows[..4], 1.0);
    let second = sample.bend(|_| 0.0, &rows[4..], -1.0);
    sample.columns.extend([first, second]);
    check("two regressors", &sample.regression(0), &sample, 0, rows);

    let mut sample = Sample::new(18);
    let rows = sample.zeros(8);
    let mut first = sample.bend(|_| 0.0, &rows[..4], 1.0);
    rows[4..].iter().for_each(|&i| first[i] = -3.0);
    let second = sample.bend(|_| 0.0, &rows[4..], 1.0);
    sample.columns.extend([first, second]);
    check("the second frees the first", &sample.regression(0), &sample, 0, rows);

    let mut sample = Sample::new(19);
    let rows = sample.zeros(6);
    rows[..3].iter().for_each(|&i| sample.g[i] = 8);
    let column = sample.bend(|_| 0.0, &rows[3..], 1.0);
    sample.columns.push(column);
    check("a level and a regressor", &sample.regression(1), &sample, 1, rows);
}

#[test]
fn weights_and_offsets_do_not_matter() {
    let mut sample = Sample::new(20);
    let rows = sample.zeros(6);
    let column = sample.bend(|_| 0.0, &rows, 1.0);
    sample.columns.push(column);
    let weighted =
        sample.regression(1).weights(Weights::Frequency((0..ROWS).map(|i| (1 + i % 3) as f64).collect()));
    let mut found = weighted.poisson(&Vcov::Hc1).expect("solved").dropped().separated.clone();
    found.sort_unstable();
    assert_eq!(found, rows);
    let shifted = sample.regression(1).offset(Array1::from_shape_fn(ROWS, |i| (i % 5) as f64 - 2.0));
    let mut found = shifted.poisson(&Vcov::Hc1).expect("solved").dropped().separated.clone();
    found.sort_unstable();
    assert_eq!(found, rows);
}

#[test]
fn overlap_is_not_separation() {
    for seed in 21..27 {
        let mut sample = Sample::new(seed);
        let rows = sample.zeros(8);
        let mut column = sample.bend(|_| 0.0, &rows[..4], 1.0);
        rows[4..].iter().for_each(|&i| column[i] = -0.7);
        sample.columns.push(column);
        check("both signs", &sample.regression(seed as usize % 3), &sample, seed as usize % 3, Vec::new());
    }
}

/// In large units the deviance settles before separation is suspected from the number of iterations.
#[test]
fn separated_rows_are_found_in_any_unit() {
    for unit in [1e-6, 1.0, 1e6, 1e9] {
        let mut s = Sample::new(23);
        let zeros = s.zeros(9);
        let column = s.bend(|_| 0.0, &zeros, 1.0);
        s.columns.push(column);
        s.y.iter_mut().for_each(|y| *y *= unit);
        let regression = s.regression(1);
        check(&format!("unit {unit}"), &regression, &s, 1, zeros.clone());
        // Unasked nothing is looked for: the rows stay, or the iteration has no end.
        let settings = PoissonSettings { detect_separation: false, ..PoissonSettings::default() };
        if let Ok(fit) = regression.poisson_with(&settings, &Vcov::Hc1) {
            assert!(fit.dropped().separated.is_empty());
        }
    }
}

/// Under a loose tolerance the iteration ends before separation is suspected from its length: then the fit itself is suspicious.
#[test]
fn separated_rows_are_found_where_the_iteration_ends_early() {
    let mut s = Sample::new(29);
    let zeros = s.zeros(6);
    s.columns.push((0..ROWS).map(|i| f64::from(u8::from(zeros.contains(&i)))).collect());
    let loose = PoissonSettings { tolerance: 3e-5, ..PoissonSettings::default() };
    let unasked = PoissonSettings { detect_separation: false, ..loose };
    let kept = s.regression(1).poisson_with(&unasked, &Vcov::Hc1).expect("ppml");
    assert!(kept.dropped().separated.is_empty() && kept.history().len() < 15, "{}", kept.history().len());
    let fit = s.regression(1).poisson_with(&loose, &Vcov::Hc1).expect("ppml");
    assert_eq!(fit.dropped().separated, zeros);
}
