//! GMM on degenerate input, its reports, and the delta method.

#![allow(clippy::unwrap_used, clippy::panic)]

use estimation::gmm::{
    Automatic, CentralDifferences, CovarianceOfEstimates, Differentiable, DualMoments, DualNum, FirstWeight,
    Gmm, GmmError, LinearIv, MomentCovariance, Moments, Restarts, Restricted, Stage, Steps, Subset,
    delta_method, delta_method_numeric, distance_test, exogeneity_test, wald_test,
};
use estimation::identification::FirstStage;
use estimation::statistic::NullDistribution;
use ndarray::{Array1, Array2, ArrayView1, ArrayViewMut2, Axis, array, stack};
use rand_distr::{Distribution, StandardNormal};

/// `E[(1, x) (y - exp(a x))] = 0`, and a second parameter that no moment sees when `blind`.
struct Growth {
    y: Vec<f64>,
    x: Vec<f64>,
    blind: bool,
}

impl DualMoments for Growth {
    fn observations(&self) -> usize {
        self.y.len()
    }
    fn moments(&self) -> usize {
        2
    }
    fn parameters(&self) -> usize {
        if self.blind { 2 } else { 1 }
    }
    fn contribution<D: DualNum<Primitive = f64> + Copy>(&self, i: usize, theta: &[D], out: &mut [D]) {
        let error = -((theta[0] * self.x[i]).exp() - self.y[i]);
        out[0] = error;
        out[1] = error * self.x[i];
    }
    fn parameter_names(&self) -> Vec<String> {
        ["growth", "ghost"].iter().take(self.parameters()).map(|s| s.to_string()).collect()
    }
    fn moment_names(&self) -> Vec<String> {
        vec!["level".into(), "slope".into()]
    }
}

fn growth(blind: bool) -> Automatic<Growth> {
    let x: Vec<f64> = (0..40).map(|i| f64::from(i % 7) / 3.0 - 1.0).collect();
    let y = x.iter().enumerate().map(|(i, x)| (0.7 * x).exp() + 0.1 * f64::from(i as u8 % 3) - 0.1).collect();
    Automatic(Growth { y, x, blind })
}

fn two_step() -> Gmm {
    Gmm::new(MomentCovariance::heteroskedastic(), FirstWeight::Identity, Steps::Two)
}

#[test]
fn what_is_wrong_is_named() {
    /// A level that is not there in the third of its rows, and what is there.
    struct Gap;
    impl DualMoments for Gap {
        fn observations(&self) -> usize {
            5
        }
        fn moments(&self) -> usize {
            2
        }
        fn parameters(&self) -> usize {
            1
        }
        fn contribution<D: DualNum<Primitive = f64> + Copy>(&self, i: usize, theta: &[D], out: &mut [D]) {
            out[0] = theta[0] - i as f64;
            out[1] = theta[0] * if i == 2 { f64::NAN } else { 1.0 };
        }
    }
    let gap = two_step().fit(&Automatic(Gap), array![0.5].view()).unwrap_err();
    assert!(matches!(&gap, GmmError::NotFinite { moment, row: 2, .. } if moment == "moment2"), "{gap}");
    let blind = two_step().fit(&growth(true), array![0.5, 0.0].view()).unwrap_err();
    assert!(matches!(&blind, GmmError::NotIdentified { direction } if direction == "ghost"), "{blind}");
    let overflow = two_step().fit(&growth(false), array![1e6].view()).unwrap_err();
    assert!(matches!(&overflow, GmmError::NotFinite { moment, .. } if moment == "level"), "{overflow}");
    let x = Array2::from_shape_fn((10, 2), |(i, k)| (i * (k + 1)) as f64 + 1.0);
    let y: Array1<f64> = x.column(0).to_owned();
    let few = LinearIv::new(y.view(), x.view(), x.select(Axis(1), &[0]).view()).unwrap_err();
    assert!(matches!(few, GmmError::Underidentified { moments: 1, parameters: 2 }));
    let with_nan = array![1.0, f64::NAN];
    let one = Array2::ones((2, 1));
    let nan = LinearIv::new(with_nan.view(), one.view(), one.view()).unwrap_err();
    assert!(matches!(nan, GmmError::InvalidInput { what: "outcome", index: 1 }));
    let one_cluster = Gmm { moment_covariance: MomentCovariance::clustered(&[7; 40]), ..two_step() };
    let error = one_cluster.fit(&growth(false), array![0.5].view()).unwrap_err();
    assert!(matches!(error, GmmError::TooFew { what: "clusters", .. }));
    let halves = MomentCovariance::clustered(&(0..40).map(|i| i / 20).collect::<Vec<_>>());
    let two_clusters = Gmm::new(halves, FirstWeight::Identity, Steps::One);
    assert_eq!(two_clusters.fit(&growth(false), array![0.5].view()).unwrap().overidentification(), 1);
    let shape = two_step().fit(&growth(false), array![0.5, 0.5].view()).unwrap_err();
    assert!(matches!(shape, GmmError::Shape { what: "starting value", expected: 1, found: 2 }), "{shape}");
    let nothing = two_step().fit(&Restricted::fixing(&growth(false), &[(0, 0.5)]).unwrap(), array![].view());
    assert!(
        matches!(nothing, Err(GmmError::TooFew { what: "observations and parameters", .. })),
        "{nothing:?}"
    );
    let corrected = Gmm { steps: Steps::One, ..two_step().covariance(CovarianceOfEstimates::Windmeijer) };
    assert!(matches!(
        corrected.fit(&growth(false), array![0.5].view()),
        Err(GmmError::Setting { setting: "covariance", .. })
    ));
}

#[test]
fn collinear_moments_and_instruments_are_refused() {
    let y = Array1::from_shape_fn(30, |i| (i % 5) as f64);
    let x = Array1::from_shape_fn(30, |i| ((i * 3) % 11) as f64);
    let z = stack![Axis(1), x, &x * 2.0];
    let x = x.insert_axis(Axis(1));
    let iv = LinearIv::new(y.view(), x.view(), z.view()).unwrap();
    assert!(matches!(iv.two_stage_weight(), Err(GmmError::Collinear { what: "instruments" })));
    let error = two_step().fit(&iv, array![0.0].view()).unwrap_err();
    assert!(matches!(error, GmmError::SingularMomentCovariance { moments: 2 }), "{error}");
    let stage = FirstStage::new(x.view(), z.view(), None, 0);
    assert!(matches!(stage, Err(GmmError::Collinear { what: "instruments" })));
    // A perfect fit has moments without variance.
    let exact = &x.column(0) * 2.0;
    let iv = LinearIv::new(exact.view(), x.view(), x.view()).unwrap();
    assert!(two_step().fit(&iv, array![0.0].view()).is_err());
}

#[test]
fn running_out_of_iterations_is_an_error_with_the_history() {
    let gmm = Gmm { max_iterations: 1, ..two_step() };
    let error = gmm.fit(&growth(false), array![-3.0].view()).unwrap_err();
    let GmmError::NotConverged { residual, tolerance, report } = error else { panic!("{error}") };
    assert!(residual > tolerance);
    assert_eq!(report.stages[0].stage, Stage::First);
    assert_eq!(report.stages[0].starts[0].start, [-3.0]);
    assert!(!report.stages[0].starts[0].history.is_empty());
}

#[test]
fn a_search_that_is_told_what_suffices_ends_sooner_at_the_same_place() {
    let to_rounding = two_step().fit(&growth(false), array![-1.0].view()).unwrap();
    let enough = Gmm { sufficient: 1e-9, tolerance: 1e-4, ..two_step() };
    let sooner = enough.fit(&growth(false), array![-1.0].view()).unwrap();
    let steps = |fit: &estimation::gmm::GmmFit| {
        fit.report.stages.iter().map(|stage| stage.starts[0].history.len()).sum::<usize>()
    };
    assert!(steps(&sooner) < steps(&to_rounding), "{} {}", steps(&sooner), steps(&to_rounding));
    let gap = (sooner.theta[0] - to_rounding.theta[0]).abs() / to_rounding.standard_errors()[0];
    assert!(gap < 1e-4, "{gap}");
    let negative = Gmm { sufficient: -1.0, ..two_step() };
    assert!(matches!(
        negative.fit(&growth(false), array![-1.0].view()),
        Err(GmmError::Setting { setting: "sufficient", .. })
    ));
}

#[test]
fn minimum_distance_is_gmm_with_one_row_and_a_known_covariance() {
    /// Three published moments of two parameters.
    struct Published;
    impl DualMoments for Published {
        fn observations(&self) -> usize {
            1
        }
        fn moments(&self) -> usize {
            3
        }
        fn parameters(&self) -> usize {
            2
        }
        fn contribution<D: DualNum<Primitive = f64> + Copy>(&self, _: usize, theta: &[D], out: &mut [D]) {
            out[0] = -(theta[0] - 1.1);
            out[1] = -(theta[1] - 1.9);
            out[2] = -(theta[0] + theta[1] - 3.3);
        }
    }
    let v = Array2::<f64>::eye(3) * 0.04;
    let gmm = Gmm::new(MomentCovariance::known(v), FirstWeight::AtStart, Steps::One);
    let fit = gmm.fit(&Automatic(Published), array![0.0, 0.0].view()).unwrap();
    // Generalised least squares by hand: the gap of 0.3 is split in three.
    assert!((fit.theta[0] - 1.2).abs() < 1e-12 && (fit.theta[1] - 2.0).abs() < 1e-12);
    assert!((fit.standard_errors()[0] - (0.04 * 2.0 / 3.0_f64).sqrt()).abs() < 1e-12);
    let hansen = fit.hansen().unwrap().unwrap();
    assert!((hansen.statistic - 0.3 * 0.3 / 3.0 / 0.04).abs() < 1e-10, "{hansen}");
}

#[test]
fn rescaling_instruments_changes_nothing_that_should_not_change() {
    let n = 60;
    let z = Array2::from_shape_fn((n, 3), |(i, k)| (((i + 1) * (k * 5 + 3)) % 17) as f64 - 8.0);
    let x =
        (z.column(0).to_owned() + &(&z.column(1) * 0.5) + Array1::from_shape_fn(n, |i| ((i * 5) % 7) as f64))
            .insert_axis(Axis(1));
    let y = &x.column(0) * 0.3 + Array1::from_shape_fn(n, |i| ((i * 11) % 13) as f64);
    let covariance = MomentCovariance::heteroskedastic();
    let statistics = |z: &Array2<f64>| {
        let stage = FirstStage::new(x.view(), z.view(), Some(Array2::ones((n, 1)).view()), 0).unwrap();
        let rk = stage.kleibergen_paap(&covariance).unwrap();
        let f = stage.effective_f(&covariance, Some(y.view())).unwrap();
        let set = stage.anderson_rubin_set(y.view(), &covariance, 0.9).unwrap();
        let critical = f.critical_value_two_stage(0.1, 0.05).unwrap().unwrap().value;
        let cd = stage.cragg_donald().unwrap();
        // One endogenous variable: the Wald and LM forms of the canonical correlation.
        let r2 = cd.anderson_lm.statistic / n as f64;
        assert!((cd.wald.statistic - n as f64 * r2 / (1.0 - r2)).abs() < 1e-9 * cd.wald.statistic);
        [rk.lm.statistic, rk.wald.statistic, f.f, critical, set.intervals[0].lower, cd.f]
    };
    let original = statistics(&z);
    let mixed = z.dot(&array![[2.0, 0.3, 0.0], [0.0, -1.0, 10.0], [0.5, 0.0, 1.0]]);
    for (a, b) in original.iter().zip(statistics(&mixed)) {
        assert!((a - b).abs() < 1e-7 * a.abs().max(1.0), "{original:?} {b}");
    }
}

/// A linear model with a constant, one endogenous regressor and three instruments, in 12 places of different size over 10 periods.
struct Panel {
    y: Array1<f64>,
    x: Array2<f64>,
    z: Array2<f64>,
    place: Vec<usize>,
    period: Vec<usize>,
}

fn panel() -> Panel {
    let n = 120;
    let mut rng = estimation::resample::stream(31, 0);
    let mut draw =
        |n: usize| -> Array1<f64> { Array1::from_shape_fn(n, |_| StandardNormal.sample(&mut rng)) };
    let (place, period): (Vec<usize>, Vec<usize>) = (0..n).map(|i| (i * i / 1_200, i % 10)).unzip();
    let (u, v, common) = (draw(n), draw(n), draw(12));
    let z = stack![Axis(1), Array1::ones(n), draw(n), draw(n), draw(n)];
    let x = Array1::from_shape_fn(n, |i| 0.5 * z.row(i).sum() + v[i]);
    let y = Array1::from_shape_fn(n, |i| {
        1.0 + 0.5 * x[i] + u[i] * (0.4 + z[[i, 1]].abs()) + 0.7 * v[i] + 0.6 * common[place[i]] * z[[i, 2]]
    });
    Panel { y, x: stack![Axis(1), Array1::ones(n), x], z, place, period }
}

impl Panel {
    fn linear(&self) -> LinearIv<'_> {
        LinearIv::new(self.y.view(), self.x.view(), self.z.view()).unwrap()
    }

    /// Contributions of the moments, `z e`.
    fn contributions(&self, beta: &Array1<f64>) -> Array2<f64> {
        &self.z * &(&self.y - &self.x.dot(beta)).insert_axis(Axis(1))
    }

    /// `Z'X/n`, and the minimiser under a weight.
    fn minimiser(&self, weight: &Array2<f64>) -> (Array2<f64>, Array1<f64>) {
        let n = self.y.len() as f64;
        let (zx, zy) = (self.z.t().dot(&self.x) / n, self.z.t().dot(&self.y) / n);
        let bread = linalg::inverse(zx.t().dot(weight).dot(&zx).view()).unwrap();
        let beta = bread.dot(&zx.t().dot(weight).dot(&zy));
        (zx, beta)
    }
}

fn agree(found: &Array2<f64>, expected: &Array2<f64>, tolerance: f64) {
    for (a, b) in found.iter().zip(expected) {
        assert!((a - b).abs() <= tolerance * b.abs(), "{found} {expected}");
    }
}

/// The correction is the delta method in the first step's estimates, on which the second step's weight depends: here
/// the second step is made again around them.
#[test]
fn windmeijers_correction_is_the_second_step_made_again() {
    let p = panel();
    let iv = p.linear();
    let n = p.y.len() as f64;
    let plain = [
        MomentCovariance::heteroskedastic(),
        MomentCovariance::clustered(&p.place),
        MomentCovariance::two_way(&p.place, &p.period).unwrap(),
        MomentCovariance::panel_newey_west(&p.place, 2),
        MomentCovariance::newey_west(3),
    ];
    for covariance in plain.iter().cloned().chain(plain.iter().map(|c| c.clone().centred())) {
        let first_weight = iv.two_stage_weight().unwrap();
        let gmm = Gmm::new(covariance.clone(), FirstWeight::Given(first_weight.clone()), Steps::Two);
        let fit =
            gmm.covariance(CovarianceOfEstimates::Windmeijer).fit(&iv, array![0.0, 0.0].view()).unwrap();
        let (zx, first) = p.minimiser(&first_weight);
        let s = |beta: &Array1<f64>| covariance.estimate(p.contributions(beta).view()).unwrap();
        let second = |beta: &Array1<f64>| p.minimiser(&linalg::inverse(s(beta).view()).unwrap()).1;
        for (a, b) in fit.theta.iter().zip(&second(&first)) {
            assert!((a - b).abs() < 1e-9, "{} {}", fit.theta, second(&first));
        }
        let step = 1e-5;
        let mut moved = Array2::zeros((2, 2));
        for k in 0..2 {
            let (mut up, mut down) = (first.clone(), first.clone());
            up[k] += step;
            down[k] -= step;
            moved.column_mut(k).assign(&((second(&up) - second(&down)) / (2.0 * step)));
        }
        let bread = linalg::inverse(zx.t().dot(&first_weight).dot(&zx).view()).unwrap();
        let lever = bread.dot(&zx.t()).dot(&first_weight);
        let v1 = lever.dot(&s(&first)).dot(&lever.t()) / n;
        let weight = linalg::inverse(s(&first).view()).unwrap();
        let v2 = linalg::inverse(zx.t().dot(&weight).dot(&zx).view()).unwrap() / n;
        let expected = &v2 + &moved.dot(&v2) + v2.dot(&moved.t()) + moved.dot(&v1).dot(&moved.t());
        agree(&fit.covariance, &expected, 1e-6);
        assert!((&expected - &v2).iter().any(|d| d.abs() > 1e-3 * v2[[1, 1]]));
    }
}

#[test]
fn differences_of_criteria_are_quadratic_forms_in_a_linear_model() {
    let p = panel();
    let iv = p.linear();
    let n = p.y.len() as f64;
    let first = FirstWeight::Given(iv.two_stage_weight().unwrap());
    let gmm = Gmm::new(MomentCovariance::clustered(&p.place), first, Steps::Two);
    let fit = gmm.fit(&iv, array![0.0, 0.0].view()).unwrap();
    let zx = p.z.t().dot(&p.x) / n;
    // Imposing a value costs the squared t-ratio under the efficient weight.
    let v = linalg::inverse(zx.t().dot(&fit.weight).dot(&zx).view()).unwrap() / n;
    let null = Restricted::fixing(&iv, &[(1, 0.1)]).unwrap();
    let (distance, constrained) = distance_test(&gmm, &fit, &null, array![0.0].view()).unwrap();
    let expected = (fit.theta[1] - 0.1).powi(2) / v[[1, 1]];
    assert!((distance.statistic / expected - 1.0).abs() < 1e-8, "{distance} {expected}");
    // The other coefficient moves along the covariance.
    let other = fit.theta[0] - v[[0, 1]] / v[[1, 1]] * (fit.theta[1] - 0.1);
    assert!((constrained.theta[0] - other).abs() < 1e-9 && constrained.names == ["x1"]);
    // Without the last instrument, under the weight of the others out of the same S.
    let c = exogeneity_test(&gmm, &fit, &iv, &[3]).unwrap();
    let s = linalg::inverse(fit.weight.view()).unwrap();
    let kept = [0, 1, 2];
    let sub = linalg::inverse(s.select(Axis(0), &kept).select(Axis(1), &kept).view()).unwrap();
    let (gx, gy) = (zx.select(Axis(0), &kept), (p.z.t().dot(&p.y) / n).select(Axis(0), &kept));
    let bread = linalg::inverse(gx.t().dot(&sub).dot(&gx).view()).unwrap();
    let g = &gy - &gx.dot(&bread.dot(&gx.t().dot(&sub).dot(&gy)));
    let j = n * fit.moments.dot(&fit.weight.dot(&fit.moments));
    let without = n * g.dot(&sub.dot(&g));
    assert!(without > 0.0 && (c.statistic / (j - without) - 1.0).abs() < 1e-7, "{c} {j} {without}");

    let one = Gmm { steps: Steps::One, ..gmm.clone() }.fit(&iv, array![0.0, 0.0].view()).unwrap();
    let settings = [
        distance_test(&gmm, &one, &null, array![0.0].view()).map(|t| t.0),
        exogeneity_test(&gmm, &one, &iv, &[3]),
        exogeneity_test(&gmm, &fit, &iv, &[]),
        exogeneity_test(&gmm, &fit, &iv, &[3, 3]),
        distance_test(&gmm, &fit, &Restricted::fixing(&iv, &[]).unwrap(), array![0.0, 0.0].view())
            .map(|t| t.0),
    ];
    for (k, refused) in settings.into_iter().enumerate() {
        assert!(matches!(refused, Err(GmmError::Setting { .. })), "{k}");
    }
    assert!(matches!(exogeneity_test(&gmm, &fit, &iv, &[1, 2, 3]), Err(GmmError::Underidentified { .. })));
    assert!(matches!(
        Restricted::fixing(&iv, &[(2, 0.0)]),
        Err(GmmError::Shape { expected: 2, found: 2, .. })
    ));
}

/// `S = sum_ij K_ij m_i m_j' / n`, the kernel written out pair by pair.
#[test]
fn moment_covariances_are_double_sums_of_their_kernel() {
    let p = panel();
    let n = p.y.len();
    let m = p.contributions(&array![0.8, 0.6]);
    let centred = &m - &(m.sum_axis(Axis(0)) / n as f64);
    let same = |labels: &[usize], i: usize, j: usize| f64::from(u8::from(labels[i] == labels[j]));
    let bartlett =
        |lags: usize, i: usize, j: usize| (1.0 - i.abs_diff(j) as f64 / (lags as f64 + 1.0)).max(0.0);
    type Kernel<'a> = Box<dyn Fn(usize, usize) -> f64 + 'a>;
    let cases: [(MomentCovariance, Kernel<'_>, &str); 5] = [
        (
            MomentCovariance::heteroskedastic(),
            Box::new(|i, j| f64::from(u8::from(i == j))),
            "heteroskedasticity-robust",
        ),
        (
            MomentCovariance::clustered(&p.place),
            Box::new(|i, j| same(&p.place, i, j)),
            "clustered (12 clusters)",
        ),
        (
            MomentCovariance::two_way(&p.place, &p.period).unwrap(),
            Box::new(|i, j| {
                let (a, b) = (same(&p.place, i, j), same(&p.period, i, j));
                a + b - a * b
            }),
            "two-way clustered (12 and 10 clusters)",
        ),
        (MomentCovariance::newey_west(3), Box::new(|i, j| bartlett(3, i, j)), "Newey-West (3 lags)"),
        (
            MomentCovariance::panel_newey_west(&p.place, 2),
            Box::new(|i, j| same(&p.place, i, j) * bartlett(2, i, j)),
            "Newey-West (2 lags)",
        ),
    ];
    for (covariance, kernel, name) in &cases {
        assert_eq!(covariance.describe(), *name);
        assert_eq!(covariance.clone().centred().describe(), format!("{name}, centred"));
        for (covariance, m) in [(covariance.clone(), &m), (covariance.clone().centred(), &centred)] {
            let mut expected = Array2::<f64>::zeros((4, 4));
            for (i, j) in (0..n).flat_map(|i| (0..n).map(move |j| (i, j))) {
                let weight = kernel(i, j) / n as f64;
                for (a, b) in (0..4).flat_map(|a| (0..4).map(move |b| (a, b))) {
                    expected[[a, b]] += weight * m[[i, a]] * m[[j, b]];
                }
            }
            let found = covariance.estimate(p.contributions(&array![0.8, 0.6]).view()).unwrap();
            for (a, b) in found.iter().zip(&expected) {
                assert!((a - b).abs() < 1e-10 * expected.diag().sum(), "{name}: {found} {expected}");
            }
        }
    }
    // Series whose rows are scattered, and lags that reach past the sample.
    let scattered = MomentCovariance::panel_newey_west(&p.period, 2).estimate(m.view());
    assert!(matches!(scattered, Err(GmmError::Setting { setting: "series", .. })));
    let far = MomentCovariance::newey_west(n).estimate(m.view());
    assert!(matches!(far, Err(GmmError::Setting { setting: "lags", .. })));
    assert!(MomentCovariance::newey_west(n - 1).estimate(m.view()).is_ok());
}

#[test]
fn names_pass_through_restrictions_subsets_and_differences() {
    let growth = growth(true);
    let check = |moments: &dyn Moments, parameters: &[&str], names: &[&str]| {
        assert_eq!(moments.parameter_names(), parameters);
        assert_eq!(moments.moment_names(), names);
        assert_eq!((moments.parameters(), moments.moments()), (parameters.len(), names.len()));
    };
    check(&growth, &["growth", "ghost"], &["level", "slope"]);
    check(&Restricted::fixing(&growth, &[(0, 0.5)]).unwrap(), &["ghost"], &["level", "slope"]);
    check(&Subset::new(&growth, vec![1]).unwrap(), &["growth", "ghost"], &["slope"]);
    let plain = CentralDifferences { moments: Mean, typical: 1.0 };
    check(&plain, &["theta1"], &["moment1", "moment2"]);
    // Derivatives of a quadratic by central differences are exact but for rounding.
    let jacobian = plain.mean_jacobian(array![3.0].view());
    assert!((jacobian[[0, 0]] + 1.0).abs() < 1e-8 && (jacobian[[1, 0]] + 6.0).abs() < 1e-7, "{jacobian}");
}

/// `E(x - theta) = 0` and `E(x^2 - theta^2) = 0`, of two observations, without names of its own.
struct Mean;

impl Moments for Mean {
    fn observations(&self) -> usize {
        2
    }
    fn moments(&self) -> usize {
        2
    }
    fn parameters(&self) -> usize {
        1
    }
    fn contributions(&self, theta: ArrayView1<'_, f64>, mut out: ArrayViewMut2<'_, f64>) {
        for (mut row, x) in out.outer_iter_mut().zip([1.0, 4.0]) {
            row[0] = x - theta[0];
            row[1] = x * x - theta[0] * theta[0];
        }
    }
}

/// For moments that are not linear, where the Jacobian moves between the steps: the correction's formula, the derivative of the
/// moments' covariance by differences.
#[test]
fn windmeijers_correction_of_nonlinear_moments_is_its_formula() {
    let moments = growth(false);
    let n = moments.0.y.len() as f64;
    let covariance = MomentCovariance::clustered(&(0..40).map(|i| i * i / 200).collect::<Vec<_>>()).centred();
    let gmm = Gmm::new(covariance.clone(), FirstWeight::Identity, Steps::Two);
    let start = array![0.5];
    let first = Gmm { steps: Steps::One, ..gmm.clone() }.fit(&moments, start.view()).unwrap();
    let fit = gmm.covariance(CovarianceOfEstimates::Windmeijer).fit(&moments, start.view()).unwrap();
    let s = |theta: f64| {
        let mut rows = Array2::zeros((moments.observations(), 2));
        moments.contributions(array![theta].view(), rows.view_mut());
        covariance.estimate(rows.view()).unwrap()
    };
    let at = first.theta[0];
    let moved = (s(at + 1e-5) - s(at - 1e-5)) / 2e-5;
    let (g, w) = (fit.jacobian.column(0), linalg::inverse(s(at).view()).unwrap());
    let bread = 1.0 / g.dot(&w.dot(&g));
    let d = bread * g.dot(&w.dot(&moved.dot(&w.dot(&fit.moments))));
    let v2 = bread / n;
    let expected = v2 + 2.0 * d * v2 + d * d * first.covariance[[0, 0]];
    assert!((fit.covariance[[0, 0]] / expected - 1.0).abs() < 1e-7, "{} {expected}", fit.covariance[[0, 0]]);
    assert!((expected / v2 - 1.0).abs() > 1e-3);
}

#[test]
fn tests_of_restrictions_and_moments_need_no_correction_of_the_variance() {
    let p = panel();
    let iv = p.linear();
    let gmm = Gmm::new(
        MomentCovariance::heteroskedastic(),
        FirstWeight::Given(iv.two_stage_weight().unwrap()),
        Steps::Two,
    );
    let corrected = gmm.clone().covariance(CovarianceOfEstimates::Windmeijer);
    let restricted = Restricted::fixing(&iv, &[(1, 0.5)]).unwrap();
    let tests = |gmm: &Gmm| {
        let fit = gmm.fit(&iv, array![0.0, 0.0].view()).unwrap();
        let distance = distance_test(gmm, &fit, &restricted, array![0.0].view()).unwrap().0;
        (distance.statistic, exogeneity_test(gmm, &fit, &iv, &[3]).unwrap().statistic)
    };
    assert_eq!(tests(&gmm), tests(&corrected));
}

#[test]
fn reports_say_how_far_the_last_step_goes_and_what_the_criterion_is() {
    let p = panel();
    let iv = p.linear();
    let fit = two_step().fit(&iv, array![0.0, 0.0].view()).unwrap();
    for stage in &fit.report.stages {
        assert_eq!(stage.starts[0].status, "closed form");
    }
    let last = &fit.report.stages[1];
    assert!((last.criterion / fit.criterion() - 1.0).abs() < 1e-10, "{} {}", last.criterion, fit.criterion());
    assert_eq!(fit.overidentification(), 2);
    assert!(fit.report.residual() < 1e-8);
    let slope = p.x.select(Axis(1), &[1]);
    let sargan = LinearIv::new(p.y.view(), slope.view(), p.z.view()).unwrap().sargan(array![0.5].view());
    assert_eq!(sargan.unwrap().unwrap().null, NullDistribution::ChiSquared { df: 3.0 });

    // One moment for one parameter: the step is -g / G, and se = sqrt(s / n) / |G|.
    let rough = Gmm { sufficient: 1.0, tolerance: 10.0, steps: Steps::One, ..two_step() };
    let all = growth(false);
    let one = Subset::new(&all, vec![1]).unwrap();
    let fit = rough.fit(&one, array![-0.2].view()).unwrap();
    let expected = fit.moments[0].abs() / (fit.moment_covariance[[0, 0]] / fit.observations as f64).sqrt();
    assert!(expected > 1e-3 && (fit.report.residual() / expected - 1.0).abs() < 1e-9, "{expected}");
}

#[test]
fn restarts_lie_around_the_starts_in_turn_by_their_size_and_the_spread() {
    let starts = [array![0.3], array![-4.0]];
    let gmm = Gmm { steps: Steps::One, tolerance: f64::INFINITY, max_iterations: 0, ..two_step() }
        .restarts(Restarts { count: 4, spread: 0.1, seed: 5 });
    for starts in [&starts[..], &starts[1..]] {
        let report = gmm.fit_from(&growth(false), starts).unwrap().report;
        let runs: Vec<f64> = report.stages[0].starts.iter().map(|run| run.start[0]).collect();
        let again = (0..4).map(|k| {
            let around = starts[k % starts.len()][0];
            let draw: f64 = StandardNormal.sample(&mut estimation::resample::stream(5, k as u64));
            around + 0.1 * around.abs().max(1.0) * draw
        });
        assert_eq!(runs, starts.iter().map(|s| s[0]).chain(again).collect::<Vec<_>>());
    }
}

#[test]
fn weights_that_do_not_settle_are_an_error_with_their_last_change() {
    let gmm = Gmm { steps: Steps::Iterated { max_rounds: 1, tolerance: 1e-12 }, ..two_step() };
    let error = gmm.fit(&growth(false), array![0.5].view()).unwrap_err();
    let GmmError::WeightNotConverged { iterations: 1, change, report } = error else { panic!("{error}") };
    assert!(change > 1e-12 && report.stages.len() == 2, "{change}");
}

#[test]
fn the_delta_method_agrees_with_itself_and_with_a_reparametrisation() {
    let fit = two_step().fit(&growth(false), array![0.5].view()).unwrap();
    let f = |t: ArrayView1<'_, f64>| array![t[0].exp(), t[0] * t[0]];
    let numeric = delta_method_numeric(fit.theta.view(), fit.covariance.view(), f).unwrap();
    let jacobian = array![[fit.theta[0].exp()], [2.0 * fit.theta[0]]];
    let exact = delta_method(f(fit.theta.view()), jacobian.view(), fit.covariance.view()).unwrap();
    for (a, b) in numeric.covariance.iter().zip(&exact.covariance) {
        assert!((a - b).abs() < 1e-6 * b.abs(), "{a} {b}");
    }
    // theta = 2 phi - 1.
    let moments = growth(false);
    let half = Restricted::new(&moments, array![-1.0], array![[2.0]], vec!["phi".into()]).unwrap();
    let other = two_step().fit(&half, array![0.8].view()).unwrap();
    assert!((2.0 * other.theta[0] - 1.0 - fit.theta[0]).abs() < 1e-9);
    assert!((2.0 * other.standard_errors()[0] - fit.standard_errors()[0]).abs() < 1e-9);
    let wald =
        wald_test(fit.theta.view(), fit.covariance.view(), array![[1.0]].view(), array![0.0].view()).unwrap();
    assert!(
        (wald.statistic - (fit.theta[0] / fit.standard_errors()[0]).powi(2)).abs() < 1e-9 * wald.statistic
    );
}
