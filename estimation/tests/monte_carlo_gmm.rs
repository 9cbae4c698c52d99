//! Simulate and recover, 2,000 draws per design. Where theory promises a 95% interval or a 5% test the share must lie
//! within 1.5 points (three standard errors of the simulation are 1.46 points); where it does not (few clusters,
//! weak instruments, many moments, shared shocks) the failure is shown beside the method that repairs it.

// Counting the lines that it reaches would take hours.
#![cfg(not(tarpaulin))]
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use estimation::gmm::{
    Automatic, CovarianceOfEstimates, DualMoments, DualNum, FirstWeight, Gmm, GmmFit, LinearIv,
    MomentCovariance, Restricted, Steps, distance_test, exogeneity_test,
};
use estimation::identification::FirstStage;
use estimation::resample::{WildCluster, WildWeights, romano_wolf, stream};
use estimation::shift_share::ShiftShare;
use ndarray::{Array1, Array2, Axis, array, stack};
use rand_distr::{Distribution, Poisson, StandardNormal};
use rand_xoshiro::Xoshiro256PlusPlus;
use rayon::prelude::*;

const DRAWS: u64 = 2_000;
const Z: f64 = 1.959963984540054;

fn normal(rng: &mut Xoshiro256PlusPlus) -> f64 {
    StandardNormal.sample(rng)
}

fn normals(rng: &mut Xoshiro256PlusPlus, n: usize) -> Array1<f64> {
    Array1::from_shape_fn(n, |_| normal(rng))
}

/// The mean of each number over the draws.
fn simulate<const K: usize>(seed: u64, f: impl Fn(&mut Xoshiro256PlusPlus) -> [f64; K] + Sync) -> [f64; K] {
    let all: Vec<[f64; K]> = (0..DRAWS).into_par_iter().map(|d| f(&mut stream(seed, d))).collect();
    std::array::from_fn(|k| all.iter().map(|v| v[k]).sum::<f64>() / DRAWS as f64)
}

fn indicator(holds: bool) -> f64 {
    f64::from(u8::from(holds))
}

fn covers(fit: &GmmFit, k: usize, truth: f64) -> f64 {
    indicator((fit.theta[k] - truth).abs() <= Z * fit.standard_errors()[k])
}

#[track_caller]
fn about(what: &str, share: f64, target: f64) {
    println!("{what}: {share:.4} (target {target})");
    assert!((share - target).abs() <= 0.015, "{what}: {share}, not {target}");
}

/// A linear design: one endogenous regressor, `strength` of each of `l` instruments, heteroskedastic errors.
struct Iv {
    y: Array1<f64>,
    x: Array2<f64>,
    z: Array2<f64>,
}

fn linear(rng: &mut Xoshiro256PlusPlus, n: usize, l: usize, strength: f64) -> Iv {
    let mut z = Array2::from_shape_fn((n, l + 1), |_| normal(rng));
    z.column_mut(0).fill(1.0);
    let u = Array1::from_shape_fn(n, |i| normal(rng) * (0.5 + 0.5 * z[[i, 1]].powi(2)).sqrt());
    let x1 = Array1::from_shape_fn(n, |i| {
        strength * z.row(i).iter().skip(1).sum::<f64>() + 0.6 * u[i] + 0.8 * normal(rng)
    });
    let y = 1.0 + &x1 * 0.5 + &u;
    Iv { y, x: stack![Axis(1), Array1::ones(n), x1], z }
}

fn two_stage_first(iv: &LinearIv<'_>) -> FirstWeight {
    FirstWeight::Given(iv.two_stage_weight().unwrap())
}

#[test]
fn linear_gmm_with_strong_instruments() {
    for (name, steps) in
        [("two-step", Steps::Two), ("iterated", Steps::iterated()), ("updated", Steps::ContinuouslyUpdated)]
    {
        // The tests of distance need a weight that both criteria share.
        let shared = steps != Steps::ContinuouslyUpdated;
        let [bias, coverage, hansen, distance, exogeneity] = simulate(1, |rng| {
            let d = linear(rng, 1_000, 3, 0.4);
            let iv = LinearIv::new(d.y.view(), d.x.view(), d.z.view()).unwrap();
            let gmm = Gmm::new(MomentCovariance::heteroskedastic(), two_stage_first(&iv), steps);
            let fit = gmm.fit(&iv, array![0.0, 0.0].view()).unwrap();
            let hansen = fit.hansen().unwrap().unwrap();
            let (distance, exogeneity) = if shared {
                let null = Restricted::fixing(&iv, &[(1, 0.5)]).unwrap();
                let test = distance_test(&gmm, &fit, &null, array![0.0].view()).unwrap().0;
                let suspect = exogeneity_test(&gmm, &fit, &iv, &[3]).unwrap();
                (indicator(test.p_value < 0.05), indicator(suspect.p_value < 0.05))
            } else {
                (f64::NAN, f64::NAN)
            };
            let bias = fit.theta[1] - 0.5;
            [bias, covers(&fit, 1, 0.5), indicator(hansen.p_value < 0.05), distance, exogeneity]
        });
        assert!(bias.abs() < 0.025 * 0.5, "{name} bias {bias}");
        about(&format!("{name} coverage"), coverage, 0.95);
        about(&format!("{name} J"), hansen, 0.05);
        if shared {
            about(&format!("{name} distance test"), distance, 0.05);
            about(&format!("{name} exogeneity test"), exogeneity, 0.05);
        }
    }
}

/// `E[z (y - exp(a + b x))] = 0`: counts with an endogenous regressor's instruments.
struct Count {
    y: Array1<f64>,
    x: Array1<f64>,
    z: Array2<f64>,
}

impl DualMoments for Count {
    fn observations(&self) -> usize {
        self.y.len()
    }
    fn moments(&self) -> usize {
        self.z.ncols()
    }
    fn parameters(&self) -> usize {
        2
    }
    fn contribution<D: DualNum<Primitive = f64> + Copy>(&self, i: usize, theta: &[D], out: &mut [D]) {
        let error = -((theta[0] + theta[1] * self.x[i]).exp() - self.y[i]);
        for (o, z) in out.iter_mut().zip(self.z.row(i)) {
            *o = error * *z;
        }
    }
}

#[test]
fn counts_with_an_exponential_mean() {
    let [bias, coverage, hansen] = simulate(2, |rng| {
        let n = 800;
        let z = normals(rng, n);
        let x = Array1::from_shape_fn(n, |i| 0.6 * z[i] + 0.5 * normal(rng));
        let y = Array1::from_shape_fn(n, |i| Poisson::new((0.5 + 0.4 * x[i]).exp()).unwrap().sample(rng));
        let z = Array2::from_shape_fn((n, 4), |(i, k)| [1.0, z[i], x[i], z[i] * z[i]][k]);
        let moments = Automatic(Count { y, x, z });
        let gmm = Gmm::new(MomentCovariance::heteroskedastic(), FirstWeight::Identity, Steps::Two);
        let fit = gmm.fit(&moments, array![0.0, 0.0].view()).unwrap();
        let hansen = fit.hansen().unwrap().unwrap();
        [fit.theta[1] - 0.4, covers(&fit, 1, 0.4), indicator(hansen.p_value < 0.05)]
    });
    assert!(bias.abs() < 0.025 * 0.4, "bias {bias}");
    about("coverage", coverage, 0.95);
    about("J", hansen, 0.05);
}

#[test]
fn dependent_observations() {
    let [naive, clustered] = simulate(3, |rng| {
        // 100 clusters of 5 with effects in regressor and error.
        let (groups, size) = (100, 5);
        let n = groups * size;
        let ids: Vec<usize> = (0..n).map(|i| i / size).collect();
        let (a, b) = (normals(rng, groups), normals(rng, groups));
        let x = Array1::from_shape_fn(n, |i| a[ids[i]] + normal(rng));
        let y = Array1::from_shape_fn(n, |i| 0.5 * x[i] + b[ids[i]] + normal(rng));
        let x = stack![Axis(1), Array1::ones(n), x];
        let iv = LinearIv::new(y.view(), x.view(), x.view()).unwrap();
        [MomentCovariance::heteroskedastic(), MomentCovariance::clustered(&ids)].map(|covariance| {
            let gmm = Gmm::new(covariance, FirstWeight::Identity, Steps::One);
            covers(&gmm.fit(&iv, array![0.0, 0.0].view()).unwrap(), 1, 0.5)
        })
    });
    assert!(naive < 0.90, "independence assumed: {naive}");
    about("100 clusters", clustered, 0.95);
    let [naive, newey_west] = simulate(4, |rng| {
        let n = 2_000;
        let mut state = (normal(rng), normal(rng));
        let (mut x, mut y) = (Array1::zeros(n), Array1::zeros(n));
        for t in 0..n {
            state = (0.5 * state.0 + normal(rng), 0.5 * state.1 + normal(rng));
            (x[t], y[t]) = (state.0, 0.5 * state.0 + state.1);
        }
        let x = stack![Axis(1), Array1::ones(n), x];
        let iv = LinearIv::new(y.view(), x.view(), x.view()).unwrap();
        [MomentCovariance::heteroskedastic(), MomentCovariance::newey_west(15)].map(|covariance| {
            let gmm = Gmm::new(covariance, FirstWeight::Identity, Steps::One);
            covers(&gmm.fit(&iv, array![0.0, 0.0].view()).unwrap(), 1, 0.5)
        })
    });
    assert!(naive < 0.90, "independence assumed: {naive}");
    about("Newey-West, 2,000 periods", newey_west, 0.95);
}

#[test]
fn windmeijer_repairs_the_two_step_standard_errors() {
    // 150 observations, 15 instruments: the estimated weight's own noise is not in the usual formula.
    let [usual, corrected] = simulate(5, |rng| {
        let d = linear(rng, 150, 15, 0.5);
        let iv = LinearIv::new(d.y.view(), d.x.view(), d.z.view()).unwrap();
        let gmm = Gmm::new(MomentCovariance::heteroskedastic(), two_stage_first(&iv), Steps::Two);
        [CovarianceOfEstimates::Sandwich, CovarianceOfEstimates::Windmeijer]
            .map(|kind| {
                let fit = gmm.clone().covariance(kind).fit(&iv, array![0.0, 0.0].view()).unwrap();
                (fit.theta[1] - 0.5).abs() / fit.standard_errors()[1]
            })
            .map(|t| indicator(t <= Z))
    });
    println!("two-step coverage {usual:.4}, corrected {corrected:.4}");
    assert!(usual < 0.92 && corrected > usual + 0.02, "{usual} {corrected}");
}

#[test]
fn weak_instruments() {
    let [wald, robust, lm, kp_wald, effective] = simulate(6, |rng| {
        let d = linear(rng, 400, 3, 0.03);
        let iv = LinearIv::new(d.y.view(), d.x.view(), d.z.view()).unwrap();
        let covariance = MomentCovariance::heteroskedastic();
        let gmm = Gmm::new(covariance.clone(), two_stage_first(&iv), Steps::One);
        let fit = gmm.fit(&iv, array![0.0, 0.0].view()).unwrap();
        let (x, z) = (d.x.select(Axis(1), &[1]), d.z.select(Axis(1), &[1, 2, 3]));
        let one = Array2::ones((400, 1));
        let stage = FirstStage::new(x.view(), z.view(), Some(one.view()), 0).unwrap();
        let at_truth = stage.anderson_rubin(d.y.view(), array![0.5].view(), &covariance).unwrap();
        // Instruments of no strength at all: the rank test's null.
        let useless = Array2::from_shape_fn((400, 3), |_| normal(rng));
        let none = FirstStage::new(x.view(), useless.view(), Some(one.view()), 0).unwrap();
        let rk = none.kleibergen_paap(&covariance).unwrap();
        let f = stage.effective_f(&covariance, Some(d.y.view())).unwrap();
        let critical = f.critical_value_two_stage(0.1, 0.05).unwrap().unwrap().value;
        assert!(critical <= f.critical_value(0.1, 0.05).unwrap().value * (1.0 + 1e-9));
        [
            covers(&fit, 1, 0.5),
            indicator(at_truth.p_value >= 0.05),
            indicator(rk.lm.p_value < 0.05),
            indicator(rk.wald.p_value < 0.05),
            indicator(f.f > critical),
        ]
    });
    println!("2SLS coverage {wald:.4}, effective F above its critical value {effective:.4}");
    assert!(wald < 0.90, "the usual interval: {wald}");
    about("Anderson-Rubin coverage", robust, 0.95);
    about("Kleibergen-Paap LM under its null", lm, 0.05);
    assert!((0.035..0.08).contains(&kp_wald), "the Wald form leans to rejecting: {kp_wald}");
    assert!(effective < 0.05, "weak instruments called strong: {effective}");
}

#[test]
fn the_anderson_rubin_set_is_what_its_test_does_not_reject() {
    let covariance = MomentCovariance::heteroskedastic();
    let mut shapes = [0; 3];
    for draw in 0..60 {
        let mut rng = stream(10, draw);
        let d = linear(&mut rng, 200, 3, [0.02, 0.1, 0.4][draw as usize % 3]);
        let (x, z) = (d.x.select(Axis(1), &[1]), d.z.select(Axis(1), &[1, 2, 3]));
        let stage = FirstStage::new(x.view(), z.view(), Some(Array2::ones((200, 1)).view()), 0).unwrap();
        let set = stage.anderson_rubin_set(d.y.view(), &covariance, 0.95).unwrap();
        for beta in [-50.0, -2.0, 0.0, 0.3, 0.5, 0.7, 1.5, 4.0, 50.0] {
            let test = stage.anderson_rubin(d.y.view(), array![beta].view(), &covariance).unwrap();
            assert_eq!(set.contains(beta), test.p_value >= 0.05, "{beta} in {set:?}, p {}", test.p_value);
        }
        shapes[if set.is_bounded() { 0 } else { set.intervals.len() }] += 1;
    }
    // Bounded sets, whole lines and pairs of rays all occur.
    assert!(shapes.iter().all(|count| *count > 0), "{shapes:?}");
}

#[test]
fn few_clusters() {
    // 10 clusters, a regressor that varies between clusters: t tests with normal quantiles reject far too often.
    let [usual, wild] = simulate(7, |rng| {
        let (groups, size) = (10, 12);
        let n = groups * size;
        let ids: Vec<usize> = (0..n).map(|i| i / size).collect();
        let (a, b) = (normals(rng, groups), normals(rng, groups));
        let x = Array1::from_shape_fn(n, |i| a[ids[i]] + 0.3 * normal(rng));
        let y = Array1::from_shape_fn(n, |i| b[ids[i]] + normal(rng));
        let x = stack![Axis(1), Array1::ones(n), x];
        let bootstrap = WildCluster { weights: WildWeights::Webb, draws: 399, seed: 1, impose_null: true };
        let test = bootstrap.test(y.view(), x.view(), &ids, array![0.0, 1.0].view(), 0.0).unwrap();
        [indicator(test.t.abs() > Z), indicator(test.p_value <= 0.05)]
    });
    println!("clustered t with 10 clusters rejects in {usual:.4}");
    assert!(usual > 0.10, "{usual}");
    about("wild cluster bootstrap", wild, 0.05);
}

#[test]
fn several_hypotheses() {
    // Four correlated true nulls: one in five draws has a false rejection, one in twenty after adjustment.
    let [alone, adjusted] = simulate(8, |rng| {
        let statistics = |rng: &mut Xoshiro256PlusPlus| {
            let common = normal(rng);
            Array1::from_shape_fn(4, |_| 0.5 * common + 0.75_f64.sqrt() * normal(rng))
        };
        let t = statistics(rng);
        let draws: Vec<Array1<f64>> = (0..399).map(|_| statistics(rng)).collect();
        let views: Vec<_> = draws.iter().map(|d| d.view()).collect();
        let p = romano_wolf(t.view(), stack(Axis(0), &views).unwrap().view()).unwrap();
        [indicator(t.iter().any(|t| t.abs() > Z)), indicator(p.iter().any(|p| *p <= 0.05))]
    });
    assert!(alone > 0.12, "{alone}");
    about("family-wise error of Romano-Wolf", adjusted, 0.05);
}

#[test]
fn shared_shocks() {
    // 200 places, 150 shocks; errors share the exposure structure.
    let [robust, akm, exposure] = simulate(9, |rng| {
        let (n, k) = (200, 150);
        let mut shares = Array2::from_shape_fn((n, k), |_| normal(rng).powi(2));
        for mut row in shares.outer_iter_mut() {
            let sum = row.sum();
            row /= sum;
        }
        let (shocks, hidden) = (normals(rng, k), normals(rng, k));
        let z = shares.dot(&shocks);
        let y = &z * 0.5 + shares.dot(&hidden) * 2.0 + normals(rng, n) * 0.1;
        let one = Array2::ones((n, 1));
        let design =
            ShiftShare::new(y.view(), z.view(), shares.view(), shocks.view(), one.view(), None).unwrap();
        let fit = design.akm::<u8>(None, 0.95).unwrap();
        let level = design.shock_level(None, &MomentCovariance::heteroskedastic()).unwrap();
        let x = stack![Axis(1), Array1::ones(n), z];
        let iv = LinearIv::new(y.view(), x.view(), x.view()).unwrap();
        let gmm = Gmm::new(MomentCovariance::heteroskedastic(), FirstWeight::Identity, Steps::One);
        let usual = gmm.fit(&iv, array![0.0, 0.0].view()).unwrap();
        [
            covers(&usual, 1, 0.5),
            indicator(fit.interval.0 <= 0.5 && 0.5 <= fit.interval.1),
            indicator((level.estimate - 0.5).abs() <= Z * level.standard_error),
        ]
    });
    println!("robust {robust:.4}, AKM {akm:.4}, exposure level {exposure:.4}");
    assert!(robust < 0.85, "{robust}");
    about("AKM", akm, 0.95);
    about("exposure level", exposure, 0.95);
}
