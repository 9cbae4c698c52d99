//! Properties of multi-region tables: construction, aggregation, repair.

#![allow(clippy::expect_used, clippy::unwrap_used)]

mod common;

use calibration::table::{Mapping, MappingError, TableError, TableParts, WorldTable};
use common::{random_table, relative};
use ndarray::{Array2, Axis};
use proptest::prelude::*;

fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().map(|(from, to)| ((*from).to_owned(), (*to).to_owned())).collect()
}

/// Changes one thing in a good table and returns the error.
fn broken(change: impl FnOnce(&mut TableParts)) -> TableError {
    let mut parts = random_table(2, 3, 7).into_parts();
    change(&mut parts);
    WorldTable::new(parts).expect_err("the change must be refused")
}

#[test]
fn malformed_tables_are_refused_by_name() {
    let message = |change: fn(&mut TableParts)| broken(change).to_string();
    assert!(message(|p| p.sectors.clear()).contains("no sectors"));
    assert!(message(|p| p.countries[1] = "C0".into()).contains("`C0` occurs twice"));
    assert!(message(|p| p.intermediate = Array2::zeros((6, 5))).contains("6 x 5"));
    assert!(message(|p| p.final_demand = Array2::zeros((1, 4))).contains("`final_demand` is 1 x 4"));
    assert!(message(|p| p.factor_payments = Array2::zeros((3, 6))).contains("`factor_payments` is 3 x 6"));
    assert!(message(|p| p.intermediate[[4, 1]] = f64::NAN).contains("row C1.S1, column C0.S1"));
    assert!(message(|p| p.final_demand[[0, 2]] = f64::INFINITY).contains("column C1.consumption"));
    assert!(message(|p| p.factor_payments[[0, 5]] = f64::NAN).contains("column C1.S2"));
    assert!(message(|p| p.intermediate[[4, 1]] = -1.0).contains("sale of C1.S1 to C0.S1 is -1"));
    assert!(message(|p| p.final_demand[[3, 0]] = -1e6).contains("C1.S0 has output"));
    assert!(message(|p| p.factor_payments[[0, 2]] += 1.0).contains("C0.S2 sells"));
}

#[test]
fn malformed_mappings_are_refused_by_line_or_label() {
    let read = |text: &str| Mapping::from_csv(text.as_bytes()).expect_err("refused").to_string();
    assert!(read("kind,from\ncountry,C0\n").contains("kind,from,to"));
    assert!(read("kind,from,to\nregion,C0,A\n").contains("line 2"));
    assert!(read("kind,from,to\ncountry,C0,\n").contains("leaves `to` empty"));
    assert!(read("kind,from,to\nsector,S0,A\nsector,S0,B\n").contains("names the sector `S0` twice"));

    let table = random_table(3, 2, 1);
    let missing = Mapping::new(pairs(&[("C0", "A")]), vec![]).unwrap();
    assert!(matches!(table.aggregate(&missing), Err(MappingError::Missing { from, .. }) if from == "C1"));
    let unknown = Mapping::new(pairs(&[("X", "A"), ("*", "B")]), vec![]).unwrap();
    assert!(matches!(table.aggregate(&unknown), Err(MappingError::Unknown { from, .. }) if from == "X"));
}

#[test]
fn a_star_takes_what_is_left_and_order_follows_the_file() {
    let text = "kind,from,to,note\n# the rest of the world first\ncountry,*,ROW,\ncountry,C1,ONE,kept\n";
    let table = random_table(3, 2, 5).aggregate(&Mapping::from_csv(text.as_bytes()).unwrap()).unwrap();
    assert_eq!(table.countries(), ["ROW", "ONE"]);
    assert_eq!(table.sectors(), ["S0", "S1"]);
}

#[test]
fn negative_value_added_moves_inputs_to_final_demand() {
    let mut parts = random_table(2, 2, 3).into_parts();
    // Industry C0.S1 buys 50 more from C1.S0, which sells that much less to final users; its value added turns negative.
    let spare = parts.factor_payments[[0, 1]] + parts.factor_payments[[1, 1]] + 50.0;
    parts.final_demand[[2, 0]] += 1e4;
    parts.factor_payments[[0, 2]] += 1e4;
    parts.final_demand[[2, 0]] -= spare;
    parts.intermediate[[2, 1]] += spare;
    parts.factor_payments[[0, 1]] -= spare;
    let table = WorldTable::new(parts).unwrap();
    assert!(relative(table.value_added()[1], -50.0) < 1e-9);
    let (repaired, report) = table.clear_negative_value_added(1).unwrap();
    assert!(repaired.value_added().iter().all(|v| *v >= 0.0));
    assert_eq!(report.steps[0].changed, 1);
    assert_eq!(report.steps[0].largest_at, "C0.S1");
    assert!(relative(report.steps[0].total, 50.0) < 1e-9);
    for (new, old) in repaired.output().iter().zip(table.output()) {
        assert!(relative(*new, *old) < 1e-12);
    }
    assert!(table.clear_negative_value_added(2).is_err());
}

#[test]
fn an_industry_that_sold_from_stock_alone_makes_it_with_value_added() {
    // `y` made nothing: it sold 1 to `x` out of its stock.
    let parts = TableParts {
        countries: vec!["A".into()],
        sectors: vec!["x".into(), "y".into()],
        year: 2000,
        unit: "units".into(),
        factors: vec!["capital".into(), "labour".into()],
        final_categories: vec!["households".into(), "stocks".into()],
        intermediate: ndarray::array![[0.0, 0.0], [1.0, 0.0]],
        final_demand: ndarray::array![[5.0, 0.0], [0.0, -1.0]],
        factor_payments: ndarray::array![[1.0, 0.0], [3.0, 0.0]],
    };
    let (repaired, _) = WorldTable::new(parts).unwrap().produce_inventories().unwrap();
    assert_eq!(repaired.output().to_vec(), [5.0, 1.0]);
    assert_eq!(repaired.factor_payments(), ndarray::array![[1.0, 0.25], [3.0, 0.75]]);
}

#[test]
fn an_unproductive_table_is_refused() {
    // Two industries that use more of each other than they make, kept alive by drawn-down stocks.
    let parts = TableParts {
        countries: vec!["A".into()],
        sectors: vec!["x".into(), "y".into()],
        year: 2000,
        unit: "units".into(),
        factors: vec!["value added".into()],
        final_categories: vec!["stocks".into()],
        intermediate: ndarray::array![[0.0, 12.0], [12.0, 0.0]],
        final_demand: ndarray::array![[-2.0], [-2.0]],
        factor_payments: ndarray::array![[-2.0, -2.0]],
    };
    let error = WorldTable::new(parts).unwrap().produce_inventories();
    // Nothing is produced once the negative final demand is gone: the outputs fall without end or settle at zero.
    assert!(matches!(error, Err(TableError::NotProductive { .. })), "{error:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn aggregation_conserves_every_total(seed in any::<u64>(), n in 2..6_usize, s in 2..5_usize, split in 1..5_usize) {
        let table = random_table(n, s, seed);
        let countries = (0..n).map(|c| (format!("C{c}"), format!("G{}", c.min(split) % 2))).collect();
        let sectors = (0..s).map(|j| (format!("S{j}"), format!("H{}", j % 2))).collect();
        let mapping = Mapping::new(countries, sectors).unwrap();
        let whole = table.aggregate(&mapping).unwrap();
        for (group, name) in whole.countries().iter().enumerate() {
            let members: Vec<usize> = (0..n).filter(|c| *name == format!("G{}", c.min(&split) % 2)).collect();
            let output: f64 = members.iter().map(|&c| table.output_by_country().row(c).sum()).sum();
            let added: f64 = members.iter().map(|&c| table.value_added_by_country().row(c).sum()).sum();
            prop_assert!(relative(whole.output_by_country().row(group).sum(), output) < 1e-12);
            prop_assert!(relative(whole.value_added_by_country().row(group).sum(), added) < 1e-12);
        }
        prop_assert!(relative(whole.final_demand().sum(), table.final_demand().sum()) < 1e-12);
        prop_assert!(relative(whole.intermediate().sum(), table.intermediate().sum()) < 1e-12);
        // By factor and by final-demand category too.
        for (new, old) in whole.factor_payments().rows().into_iter().zip(table.factor_payments().rows()) {
            prop_assert!(relative(new.sum(), old.sum()) < 1e-12);
        }
        // Aggregating in two steps is aggregating at once.
        let by_country = Mapping::new((0..n).map(|c| (format!("C{c}"), format!("G{}", c.min(split) % 2))).collect(), vec![]);
        let by_sector = Mapping::new(vec![], (0..s).map(|j| (format!("S{j}"), format!("H{}", j % 2))).collect());
        let steps = table.aggregate(&by_country.unwrap()).unwrap().aggregate(&by_sector.unwrap()).unwrap();
        for (one, two) in steps.intermediate().iter().zip(whole.intermediate()) {
            prop_assert!(relative(*one, *two) < 1e-12);
        }
    }

    #[test]
    fn produced_inventories_leave_no_negative_and_keep_coefficients(seed in any::<u64>()) {
        let mut parts = random_table(3, 3, seed).into_parts();
        // Draw down stocks: one flow turns negative in total, one only in a category.
        let total: f64 = parts.final_demand[[4, 0]] + parts.final_demand[[4, 1]];
        let draw = total + 0.2 * parts.factor_payments[[0, 4]];
        parts.final_demand[[4, 1]] -= draw;
        parts.factor_payments[[0, 4]] -= draw.min(parts.factor_payments[[0, 4]] * 0.9);
        let balance = parts.intermediate.sum_axis(Axis(1)) + parts.final_demand.sum_axis(Axis(1))
            - parts.intermediate.sum_axis(Axis(0)) - parts.factor_payments.sum_axis(Axis(0));
        for (payment, gap) in parts.factor_payments.row_mut(1).iter_mut().zip(&balance) {
            *payment += gap;
        }
        let Ok(table) = WorldTable::new(parts) else { return Ok(()) };
        let (repaired, report) = table.produce_inventories().unwrap();
        prop_assert!(repaired.final_demand().iter().all(|v| *v >= 0.0));
        prop_assert!(report.steps[1].changed >= 1);
        for (new, old) in repaired.input_coefficients().iter().zip(&table.input_coefficients()) {
            prop_assert!((new - old).abs() < 1e-10);
        }
        prop_assert!(repaired.output().sum() >= table.output().sum());
    }

    #[test]
    fn a_table_without_negatives_is_left_alone(seed in any::<u64>()) {
        let table = random_table(3, 3, seed);
        let (same, report) = table.produce_inventories().unwrap();
        prop_assert!(report.steps.iter().all(|step| step.changed == 0));
        for (new, old) in same.intermediate().iter().zip(table.intermediate()) {
            prop_assert!(relative(*new, *old) < 1e-12);
        }
    }
}

/// Outputs that deliver a final demand, `y = (1 - a)^-1 f`.
fn leontief(coefficients: &Array2<f64>, final_demand: &ndarray::Array1<f64>) -> ndarray::Array1<f64> {
    let system = Array2::eye(coefficients.nrows()) - coefficients;
    linalg::Lu::factor(system.view()).unwrap().solve(final_demand.view()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Hatanaka's condition: where the industries of a group buy the same from every group (however they spread it within
    /// the group), aggregating and solving for output commute, for any final demand.
    #[test]
    fn aggregation_commutes_with_leontief_where_theory_says_so(seed in any::<u64>(), groups in 2..5_usize) {
        let mut random = common::Random(seed);
        let size = 2 * groups;
        let between = Array2::from_shape_fn((groups, groups), |_| 0.8 * random.uniform() / groups as f64);
        let mut coefficients = Array2::zeros((size, size));
        for buyer in 0..size {
            for seller in 0..groups {
                let share = random.uniform();
                coefficients[[2 * seller, buyer]] = share * between[[seller, buyer / 2]];
                coefficients[[2 * seller + 1, buyer]] = (1.0 - share) * between[[seller, buyer / 2]];
            }
        }
        let mut demand = || ndarray::Array1::from_shape_fn(size, |_| 1.0 + random.uniform());
        let (base, other) = (demand(), demand());
        let output = leontief(&coefficients, &base);
        let intermediate = &coefficients * &output;
        let table = WorldTable::new(TableParts {
            countries: vec!["A".into()],
            sectors: (0..size).map(|j| format!("S{j}")).collect(),
            year: 2009,
            unit: "units".into(),
            factors: vec!["value added".into()],
            final_categories: vec!["use".into()],
            factor_payments: (&output - &intermediate.sum_axis(Axis(0))).insert_axis(Axis(0)),
            final_demand: base.insert_axis(Axis(1)),
            intermediate,
        }).unwrap();
        let sectors = (0..size).map(|j| (format!("S{j}"), format!("G{}", j / 2))).collect();
        let small = table.aggregate(&Mapping::new(vec![], sectors).unwrap()).unwrap();
        let add = |fine: &ndarray::Array1<f64>| ndarray::Array1::from_shape_fn(groups, |g| fine[2 * g] + fine[2 * g + 1]);
        let after = add(&leontief(&table.input_coefficients(), &other));
        let before = leontief(&small.input_coefficients(), &add(&other));
        for (a, b) in after.iter().zip(&before) {
            prop_assert!(relative(*a, *b) < 1e-10, "{} {}", a, b);
        }
    }
}
