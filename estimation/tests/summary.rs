//! Tables of regressions: what stands side by side, and what other programs read back.

#![allow(clippy::unwrap_used)]

use estimation::{Categories, KClass, Regression, RegressionTable, Vcov};
use ndarray::{Array1, Array2, Axis};

fn noise(n: usize, seed: usize) -> Array1<f64> {
    Array1::from_shape_fn(n, |i| (((i + 3) * (i + 7) * (seed + 5)) % 23) as f64 - 11.0)
}

fn table() -> (RegressionTable, Vec<estimation::Estimates>) {
    let x: Array2<f64> = noise(24, 2).insert_axis(Axis(1));
    let plain = Regression::new(noise(24, 1), x.clone()).names(["tariff, %"]).outcome("ln_price|fob");
    let ols = plain.ols(&Vcov::Hc1).unwrap();
    let iv = Regression::new(noise(24, 1), x.clone())
        .names(["tariff, %"])
        .endogenous(["quota"], noise(24, 4).insert_axis(Axis(1)))
        .instruments(["z1", "z2"], ndarray::stack![Axis(1), noise(24, 3), noise(24, 6)])
        .iv(KClass::TwoStage, &Vcov::Hc1)
        .unwrap();
    let unit = Categories::new("unit", (0..24).map(|i| i / 6));
    let counts = Regression::new(noise(24, 1).mapv(|v| v + 12.0), x).names(["tariff, %"]).absorb([unit]);
    let poisson = counts.poisson(&Vcov::Hc1).unwrap();
    let estimates = vec![ols.estimates().clone(), iv.estimates().clone(), poisson.estimates().clone()];
    (RegressionTable::new([ols.summary(), iv.summary(), poisson.summary()], 3), estimates)
}

#[test]
fn csv_gives_every_coefficient_back_in_full() {
    let (table, estimates) = table();
    let text = table.csv();
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let mut rows = reader.records().map(Result::unwrap);
    for (model, of) in estimates.iter().enumerate() {
        for row in of.table() {
            let found = rows.next().unwrap();
            assert_eq!((&found[0], &found[3]), ((model + 1).to_string().as_str(), row.name.as_str()));
            let numbers = [row.estimate, row.std_error, row.statistic, row.p_value];
            for (cell, number) in found.iter().skip(4).zip(numbers) {
                assert_eq!(cell.parse::<f64>().unwrap(), number);
            }
        }
    }
    assert!(rows.next().is_none());
}

#[test]
fn a_printed_table_leaves_blank_what_a_model_does_not_have_and_keeps_its_columns() {
    let (table, estimates) = table();
    let markdown = table.markdown();
    // Bars that do not part cells are escaped.
    let cells = |line: &str| line.replace("\\|", "").matches('|').count() - 1;
    assert!(markdown.lines().all(|line| cells(line) == 4), "{markdown}");
    let line = |head: &str| {
        let found = markdown.lines().find(|line| line.starts_with(&format!("| {head} |")));
        found.unwrap().trim_matches('|').split('|').skip(1).map(|c| c.trim().to_owned()).collect::<Vec<_>>()
    };
    let quota = estimates[1].coefficient("quota").unwrap();
    assert_eq!(line("quota"), ["".to_owned(), format!("{:.3}", quota.estimate), "".to_owned()]);
    assert_eq!(line("effect: unit"), ["", "", "yes"]);
    assert_eq!(line("observations"), ["24", "24", "24"]);
    assert!(line("first-stage F")[0].is_empty() && !line("first-stage F")[1].is_empty());
    assert_eq!(line("estimator")[2], "Poisson PML");

    let latex = table.latex();
    assert!(latex.contains("ln\\_price|fob") && latex.contains("tariff, \\%"), "{latex}");
    let body = latex.lines().filter(|line| line.ends_with("\\\\"));
    assert!(body.clone().count() > 8 && body.into_iter().all(|line| line.matches(" & ").count() == 3));
    assert_eq!(latex.matches("\\midrule").count(), 2);
}
