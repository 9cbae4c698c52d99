//! Elasticities of substitution: the simulated panel is the model's, and the estimators find what it was drawn with.

#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use calibration::substitution::monte_carlo::{Experiment, Size, rank_correlation};
use calibration::substitution::simulate::{self, Backdrop, Noise, SEED, Truth};
use calibration::substitution::{
    Equations, Groups, Inference, Lambda, Panel, Residual, Specification, Stocks, SubstitutionError,
    robustness,
};
use ndarray::Axis;

fn backdrop() -> Backdrop {
    Backdrop::solve(Truth::default()).unwrap()
}

/// One elasticity for all sectors.
fn common() -> Backdrop {
    let mut truth = Truth::default();
    truth.sigma.iter_mut().for_each(|(_, sigma)| *sigma = 0.3);
    Backdrop::solve(truth).unwrap()
}

fn experiment(backdrop: &Backdrop, noise: Noise, specification: Specification) -> Experiment<'_> {
    Experiment { backdrop, noise, size: Size::Shipped, candidates: vec![specification.into()] }
}

#[test]
fn without_noise_the_panel_is_the_path_of_the_model() {
    let backdrop = backdrop();
    let panel = backdrop.expected();
    let before = backdrop.years().len() - backdrop.path.years.len();
    let mut largest: f64 = 0.0;
    for (t, year) in backdrop.path.years.iter().enumerate() {
        for (row, at) in backdrop.places().iter().enumerate() {
            let of = |t: usize| panel.patents_critical[[row, t]] / panel.patents_other[[row, t]];
            let model = year.innovations.critical[*at] / year.innovations.other[*at];
            largest = largest.max((of(before + t) / of(0) / model - 1.0).abs());
        }
    }
    assert!(largest < 1e-7, "patents differ from the model's innovations by {largest:e}");
    assert!(
        backdrop.path.years.iter().any(|y| y.equilibrium.restrictions[0].wedge > 5.0),
        "the quota never binds hard"
    );
}

#[test]
fn a_draw_depends_on_seed_and_number_alone() {
    let backdrop = backdrop();
    let noise = Noise::default();
    let experiment = experiment(&backdrop, noise, Specification::patents(0.5).pooled());
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| experiment.run(6, 3).unwrap().remove(0))
    };
    assert_eq!(run(1), run(3));
    assert_eq!(backdrop.draw(&noise, 1, 2), backdrop.draw(&noise, 1, 2));
    assert_ne!(backdrop.draw(&noise, 1, 2), backdrop.draw(&noise, 1, 3));
    assert_ne!(backdrop.draw(&noise, 1, 2), backdrop.draw(&noise, 2, 2));
}

#[test]
fn the_shipped_panel_says_that_it_is_simulated_and_gives_its_elasticities_back() {
    let panel = simulate::shipped().unwrap();
    assert!(panel.simulated && panel.provenance.contains("simulated"));
    let fit = Specification::default().estimate(&panel).unwrap();
    assert!(fit.in_words().contains("simulated"));
    assert!(fit.gmm.report.residual() < 1e-6);
    let truth: Vec<f64> = Truth::default().sigma.into_iter().map(|(_, sigma)| sigma).collect();
    let inside = fit.sectors.iter().zip(&truth).filter(|(sector, sigma)| {
        let (low, high) = fit.interval(&format!("sigma.{sector}"), 0.95).unwrap();
        (low..=high).contains(*sigma)
    });
    let inside = inside.count() as f64 / truth.len() as f64;
    assert!(inside >= 0.9, "{inside} of the sectors are inside their intervals");
    assert!(rank_correlation(&fit.sigma().to_vec(), &truth) > 0.9);
    assert!(fit.hansen().unwrap().unwrap().p_value > 0.01);
}

#[test]
fn intervals_cover_and_bias_is_small() {
    let (apart, common) = (backdrop(), common());
    let cases = [
        (&apart, Specification::patents(0.5)),
        (&apart, Specification::spending()),
        (&common, Specification::default().pooled()),
    ];
    for (backdrop, specification) in cases {
        let words = specification.words();
        let results = experiment(backdrop, Noise::default(), specification).run(60, 11).unwrap().remove(0);
        assert_eq!(results.failed, 0, "{words}");
        let [bias, _, _, coverage] = results.sigma();
        // Several standard errors of the simulation: about 500 intervals by sector, 60 pooled.
        assert!(bias < 0.05 && (0.87..=1.0).contains(&coverage), "{words}: bias {bias}, coverage {coverage}");
        assert!(results.rejections.unwrap() < 0.16, "{words}: {:?}", results.rejections);
    }
}

#[test]
fn hansens_test_sees_a_policy_that_reaches_patents_directly_and_pooling_that_does_not_hold() {
    let (apart, common) = (backdrop(), common());
    let pooled = Specification::default().pooled();
    let wrong = experiment(&apart, Noise::default(), pooled.clone()).run(10, 5).unwrap().remove(0);
    assert!(wrong.rejections.unwrap() > 0.9, "sectors differ, and one elasticity for all is rejected");
    let leak = Noise { duty_on_patents: 2.0, ..Noise::default() };
    let leaking = experiment(&common, leak, pooled).run(20, 5).unwrap().remove(0);
    assert!(leaking.rejections.unwrap() > 0.9, "{:?}", leaking.rejections);
}

#[test]
fn errors_that_come_with_elements_need_exposure_robust_inference() {
    let common = common();
    let noise = Noise { element_policy: 0.5, element_error: 0.2, ..Noise::default() };
    let coverage = |inference| {
        let specification = Specification { inference, phi: Some(0.5), ..Specification::default().pooled() };
        experiment(&common, noise, specification).run(40, 2).unwrap().remove(0).sigma()[3]
    };
    let (unit, exposure) = (coverage(Inference::Unit), coverage(Inference::Exposure));
    assert!(unit < 0.75 && exposure > 0.82, "unit {unit}, exposure {exposure}");
}

#[test]
fn weights_of_counts_that_answer_to_prices_need_the_multiplicative_moment() {
    let common = common();
    let noise = Noise { patents_error: 0.8, price: 0.5, endogeneity: 0.9, ..Noise::default() };
    let bias = |residual| {
        let specification =
            Specification { residual, phi: Some(0.5), ..Specification::patents(0.5).pooled() };
        experiment(&common, noise, specification).run(30, 4).unwrap().remove(0).of("sigma").unwrap().clone()
    };
    let (multiplicative, additive) = (bias(Residual::Multiplicative), bias(Residual::Additive));
    assert!(multiplicative.bias.abs() < 0.05, "{multiplicative:?}");
    assert!(additive.bias.abs() > multiplicative.bias.abs(), "{additive:?}");
}

#[test]
fn shrinking_keeps_what_is_precise_and_draws_in_what_is_not() {
    let fit = Specification::patents(0.5).estimate(&simulate::shipped().unwrap()).unwrap();
    let shrunken = fit.shrink().unwrap();
    assert!(shrunken.tau > 0.1 && shrunken.tau < 0.4, "{}", shrunken.tau);
    for (k, (raw, drawn)) in fit.sigma().iter().zip(&shrunken.sigma).enumerate() {
        let (before, after) = (fit.sigma_covariance()[[k, k]], shrunken.covariance[[k, k]]);
        assert!(after < before * 1.001, "variance {before} grows to {after}");
        assert!((raw - drawn).abs() < 2.0 * before.sqrt());
    }
    let few = Specification { groups: Groups::Pooled, ..Specification::patents(0.5) };
    assert!(few.estimate(&simulate::shipped().unwrap()).unwrap().shrink().is_err());
}

#[test]
fn leaving_out_elements_and_sectors_and_other_lambdas() {
    let panel = common().draw(&Noise::default(), SEED, 0);
    let pooled = Specification::default().pooled();
    let elements = robustness::leave_one_element_out(&pooled, &panel);
    assert!(elements.len() >= 9);
    let sectors = robustness::leave_one_sector_out(&pooled, &panel).unwrap();
    assert_eq!(sectors.len(), 8);
    for variant in elements.iter().chain(&sectors) {
        let (sigma, error) = variant.fit.as_ref().unwrap().parameter("sigma").unwrap();
        assert!((sigma - 0.3).abs() < 4.0 * error, "{}: {sigma} ({error})", variant.name);
    }
    assert!(robustness::leave_one_sector_out(&Specification::default(), &panel).is_err());
    // Patents alone see lambda (1 - sigma) only.
    let fits = robustness::lambda_sensitivity(&pooled, &panel, &[0.4, 0.5, 0.6]);
    let slope = |k: usize, lambda: f64| lambda * (1.0 - fits[k].fit.as_ref().unwrap().sigma()[0]);
    assert!((slope(0, 0.4) - slope(1, 0.5)).abs() < 1e-4 && (slope(2, 0.6) - slope(1, 0.5)).abs() < 1e-4);
}

#[test]
fn first_stages_are_strong_with_policy_and_weak_without() {
    let backdrop = backdrop();
    let strength = |policy| {
        let panel = backdrop.draw(&Noise { policy, ..Noise::default() }, SEED, 0);
        Specification::default().first_stage(&panel, 0.5).unwrap()
    };
    let (strong, weak) = (strength(1.0), strength(0.01));
    assert_eq!(strong.len(), 9);
    assert!(
        strong.iter().all(|s| s.effective_f > s.critical_value && s.underidentification_p < 1e-4),
        "{strong:?}"
    );
    assert!(strong.last().unwrap().kleibergen_paap_f > 100.0, "{strong:?}");
    assert!(weak.last().unwrap().kleibergen_paap_f < 10.0, "{weak:?}");
}

#[test]
fn a_panel_survives_its_files() {
    let panel = simulate::shipped().unwrap().select(|unit| unit.country.as_str() < "D");
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in panel.to_csv() {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let read = Panel::read(folder.path()).unwrap();
    assert!(read.simulated);
    let marked = std::fs::read_to_string(folder.path().join("panel.csv")).unwrap();
    std::fs::write(folder.path().join("panel.csv"), format!("\u{feff}{marked}")).unwrap();
    assert!(Panel::read(folder.path()).unwrap().simulated, "a byte order mark hides nothing");
    let specification = Specification { equations: Equations::Joint, ..Specification::default().pooled() };
    let (a, b) = (specification.estimate(&panel).unwrap(), specification.estimate(&read).unwrap());
    let gap = (&a.gmm.theta - &b.gmm.theta).mapv(f64::abs).sum();
    assert!(gap < 1e-9, "{gap}");

    // What is wrong is named.
    let path = folder.path().join("panel.csv");
    let text = std::fs::read_to_string(&path).unwrap();
    let line = text.lines().nth(30).unwrap().to_owned();
    std::fs::write(&path, text.replace(&format!("{line}\n"), "")).unwrap();
    let message = Panel::read(folder.path()).unwrap_err().to_string();
    assert!(message.contains("between years that have them"), "{message}");
    std::fs::write(&path, text.replacen(&line, &line.replacen("outside", "nowhere", 1), 1)).unwrap();
    let message = Panel::read(folder.path()).unwrap_err().to_string();
    assert!(message.contains("two markets"), "{message}");
    std::fs::write(&path, format!("{text}{line}\n")).unwrap();
    let message = Panel::read(folder.path()).unwrap_err().to_string();
    assert!(message.contains("a second row"), "{message}");
}

/// The panel with a third of the units coming late, a quarter going early, and a tenth of prices and of spending unknown.
fn thinned(panel: &Panel, number: u64) -> Panel {
    let mut panel = panel.clone();
    let mut state = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut below = |n: u64| {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 33) % n
    };
    for row in 0..panel.units.len() {
        let late = if below(3) == 0 { 1 + below(5) as usize } else { 0 };
        let early = if below(4) == 0 { 1 + below(4) as usize } else { 0 };
        for t in 0..panel.years.len() {
            if t < late || t + early >= panel.years.len() {
                panel.patents_critical[[row, t]] = f64::NAN;
                panel.patents_other[[row, t]] = f64::NAN;
            }
            if below(10) == 0 {
                panel.price_critical[[row, t]] = f64::NAN;
            }
            if below(10) == 0
                && let Some((critical, _)) = &mut panel.spending
            {
                critical[[row, t]] = f64::NAN;
            }
        }
    }
    panel
}

/// Estimates of a parameter less the truth over their standard errors, one for each panel drawn.
fn ratios(
    specification: &Specification,
    parameter: &str,
    truth: f64,
    draw: impl Fn(u64) -> Panel + Sync,
) -> Vec<f64> {
    (0..40)
        .map(|number| {
            let fit = specification.estimate(&draw(number)).unwrap();
            let (value, error) = fit.parameter(parameter).unwrap();
            (value - truth) / error
        })
        .collect()
}

/// Forty ratios that are standard normal: their mean is within three standard errors, and as many as should be are below two.
fn look_normal(ratios: &[f64], what: &str) {
    let n = ratios.len() as f64;
    let mean = ratios.iter().sum::<f64>() / n;
    let sd = (ratios.iter().map(|r| (r - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt();
    let inside = ratios.iter().filter(|r| r.abs() < 2.0).count();
    assert!(
        mean.abs() < 3.0 / n.sqrt() && (0.7..1.35).contains(&sd) && inside >= 34,
        "{what}: {mean} {sd} {inside}"
    );
}

#[test]
fn panels_with_gaps_give_the_parameters_back() {
    let pooled = Specification::default().pooled();
    let backdrop = common();
    let gaps = |number| thinned(&backdrop.draw(&Noise::default(), SEED, number), number);
    let whole = backdrop.draw(&Noise::default(), SEED, 0);
    let (few, all) = (pooled.estimate(&gaps(0)).unwrap(), pooled.estimate(&whole).unwrap());
    assert!(few.observations < all.observations * 85 / 100, "{} {}", few.observations, all.observations);
    for (parameter, truth) in [("sigma", 0.3), ("lambda", 0.5), ("phi", 0.5)] {
        look_normal(&ratios(&pooled, parameter, truth, gaps), parameter);
    }
    // A unit of which nothing is known is as if it were not there.
    let mut unknown = whole.clone();
    unknown.patents_critical.row_mut(3).fill(f64::NAN);
    let name = unknown.units[3].clone();
    let (a, b) =
        (pooled.estimate(&unknown).unwrap(), pooled.estimate(&whole.select(|unit| *unit != name)).unwrap());
    assert!((&a.gmm.theta - &b.gmm.theta).mapv(f64::abs).sum() < 1e-12 && a.dropped == 1);
    // Files keep what is not there.
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in gaps(1).to_csv() {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let read = Panel::read(folder.path()).unwrap();
    let (a, b) = (pooled.estimate(&gaps(1)).unwrap(), pooled.estimate(&read).unwrap());
    assert!((&a.gmm.theta - &b.gmm.theta).mapv(f64::abs).sum() < 1e-9 && a.observations == b.observations);
}

#[test]
fn effects_of_years_take_out_what_all_share_in_a_year() {
    let pooled = Specification::default().pooled();
    let effects = Specification { year_effects: true, ..pooled.clone() };
    // A wave of patenting on the input that has nothing to do with prices, common to all.
    let backdrop = common();
    let wave = |number| {
        let mut panel = backdrop.draw(&Noise::default(), SEED, number);
        for ((_, t), count) in panel.patents_other.indexed_iter_mut() {
            *count *= 1.0 + 0.3 * (t as f64).sin();
        }
        thinned(&panel, number)
    };
    look_normal(&ratios(&effects, "sigma", 0.3, wave), "sigma with effects of years");
    let fit = effects.estimate(&wave(0)).unwrap();
    assert_eq!(fit.gmm.names.iter().filter(|name| name.starts_with("year ")).count(), 2 * 12);
    assert!(fit.as_estimates("own").unwrap().items().iter().all(|item| !item.starts_with("year")));
    let refused = Specification { inference: Inference::Exposure, ..effects };
    assert!(refused.estimate(&wave(0)).unwrap_err().to_string().contains("year_effects"));
}

#[test]
fn settings_that_cannot_identify_are_refused() {
    let panel = simulate::shipped().unwrap();
    let refused = |specification: Specification, panel: &Panel| {
        specification.estimate(panel).map(|fit| fit.units).unwrap_err().to_string()
    };
    let patents = Specification::patents(0.5);
    let lambda = Specification { lambda: Lambda::Estimated, ..patents.clone() };
    assert!(refused(lambda, &panel).contains("one equation alone"));
    let no_spending = Panel { spending: None, ..panel.clone() };
    assert!(refused(Specification::default(), &no_spending).contains("no spending"));
    assert!(patents.estimate(&no_spending).is_ok());
    let groups = Groups::Named([("Chemicals".to_owned(), "a".to_owned())].into());
    assert!(refused(Specification { groups, ..patents.clone() }, &panel).contains("is in no group"));
    let stocks = Stocks { presample: 40, ..Stocks::default() };
    assert!(refused(Specification { stocks, ..patents.clone() }, &panel).contains("years before the sample"));
    let exposure = Specification { inference: Inference::Exposure, ..Specification::default() };
    let few = panel.select(|unit| unit.country == "JPN");
    assert!(matches!(patents.estimate(&few), Err(SubstitutionError::TooFewUnits { .. })));
    let mut bad = panel.clone();
    bad.exposure[[0, 0]] += 0.1;
    assert!(refused(exposure, &bad).contains("must be zero or more and sum to one"));
    let mut bad = panel.clone();
    bad.price_other[[3, 2]] = 0.0;
    assert!(refused(patents.clone(), &bad).contains("price of other inputs is 0"));
    // Counts that begin late, in years without prices: no stock to take the log of.
    let mut bad = panel.clone();
    for t in 0..Stocks::default().presample {
        bad.patents_other[[4, t]] = 0.0;
        bad.price_critical[[4, t]] = f64::NAN;
    }
    let message = refused(patents.clone(), &bad);
    assert!(message.contains("has no stock of patents on anything else"), "{message}");
    let mut bad = panel;
    bad.patents_critical.index_axis_mut(Axis(0), 5).fill(0.0);
    assert_eq!(patents.estimate(&bad).unwrap().dropped, 1);
}
