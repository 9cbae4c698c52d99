//! Printed estimates of the gravity literature, from the data that they were printed for.
#![allow(clippy::expect_used)]

mod common;

use common::{numbers, raw_data_or_skip, read};
use estimation::{Categories, Estimates, Regression, SmallSample, Vcov};
use ndarray::{Array1, Array2};

/// Holds a coefficient and its standard error to what was printed, to the last printed digit.
fn check(estimates: &Estimates, name: &str, estimate: &str, std_error: &str) {
    let found = estimates.coefficient(name).expect("named");
    for (value, printed) in [(found.estimate, estimate), (found.std_error, std_error)] {
        let digits = printed.split('.').nth(1).map_or(0, str::len);
        assert_eq!(format!("{value:.digits$}"), printed, "{name}: {value} against {printed}");
    }
}

/// Silva and Tenreyro (2006), table 3, columns 1, 5 and 4: distance.
#[test]
fn log_of_gravity() {
    let Some(data) = raw_data_or_skip("log_of_gravity") else { return };
    let columns = read(&data.join("gravity/log_of_gravity.csv.gz"));
    let regressors = [
        "lypex",
        "lypim",
        "lyex",
        "lyim",
        "ldist",
        "border",
        "comlang",
        "colony",
        "landl_ex",
        "landl_im",
        "lremot_ex",
        "lremot_im",
        "comfrt_wto",
        "open_wto",
    ];
    let trade = numbers(&columns["trade"]);
    let x: Vec<Vec<f64>> = regressors.iter().map(|r| numbers(&columns[*r])).collect();
    let regression = |rows: &[usize], y: Vec<f64>| {
        Regression::new(
            Array1::from_vec(y),
            Array2::from_shape_fn((rows.len(), x.len()), |(i, j)| x[j][rows[i]]),
        )
        .names(regressors)
    };
    let all: Vec<usize> = (0..trade.len()).collect();
    let traded: Vec<usize> = all.iter().copied().filter(|&i| trade[i] > 0.0).collect();
    assert_eq!((all.len(), traded.len()), (18360, 9613));
    let logs = traded.iter().map(|&i| trade[i].ln()).collect();
    let ols = regression(&traded, logs).ols(&Vcov::Hc1).expect("well posed");
    check(ols.estimates(), "ldist", "-1.166", "0.034");
    let levels = traded.iter().map(|&i| trade[i]).collect();
    let positive = regression(&traded, levels).poisson(&Vcov::Hc1).expect("well posed");
    check(positive.estimates(), "ldist", "-0.776", "0.055");
    let full = regression(&all, trade.clone()).poisson(&Vcov::Hc1).expect("well posed");
    check(full.estimates(), "ldist", "-0.784", "0.055");
}

/// Yotov, Piermartini, Monteiro and Larch (2016): three-way gravity on the Advanced Guide's sample.
#[test]
fn advanced_guide() {
    let Some(data) = raw_data_or_skip("advanced_guide") else { return };
    let columns = read(&data.join("gravity/agtpa_applications.csv.gz"));
    let year = numbers(&columns["year"]);
    let fourth = |i: usize| (year[i] - 1986.0) % 4.0 == 0.0;
    let text =
        |rows: &[usize], name: &str| Categories::new(name, rows.iter().map(|&i| columns[name][i].clone()));
    let column = |rows: &[usize], name: &str| -> Vec<f64> {
        let values = numbers(&columns[name]);
        rows.iter().map(|&i| values[i]).collect()
    };

    let abroad: Vec<usize> =
        (0..year.len()).filter(|&i| fourth(i) && columns["exporter"][i] != columns["importer"][i]).collect();
    let years = text(&abroad, "year");
    let pair = text(&abroad, "pair_id");
    let names = ["dist", "cntg", "lang", "clny"];
    let mut x: Vec<Vec<f64>> = names.iter().map(|n| column(&abroad, n)).collect();
    x[0].iter_mut().for_each(|d| *d = d.ln());
    let fit = Regression::new(
        Array1::from_vec(column(&abroad, "trade")),
        Array2::from_shape_fn((abroad.len(), 4), |(i, j)| x[j][i]),
    )
    .names(["ln_dist", "cntg", "lang", "clny"])
    .absorb([text(&abroad, "exporter").interact(&years), text(&abroad, "importer").interact(&years)])
    .poisson(&Vcov::cluster([pair], SmallSample::Stata))
    .expect("well posed");
    check(fit.estimates(), "ln_dist", "-0.841", "0.032");
    check(fit.estimates(), "cntg", "0.437", "0.083");
    check(fit.estimates(), "lang", "0.247", "0.077");
    check(fit.estimates(), "clny", "-0.222", "0.116");

    let rows: Vec<usize> = (0..year.len()).filter(|&i| fourth(i)).collect();
    let years = text(&rows, "year");
    let pair = text(&rows, "pair_id");
    let rta = column(&rows, "rta");
    let fit = Regression::new(
        Array1::from_vec(column(&rows, "trade")),
        Array2::from_shape_fn((rows.len(), 1), |(i, _)| rta[i]),
    )
    .names(["rta"])
    .absorb([
        text(&rows, "exporter").interact(&years),
        text(&rows, "importer").interact(&years),
        pair.clone(),
    ])
    .poisson(&Vcov::cluster([pair], SmallSample::Stata))
    .expect("well posed");
    check(fit.estimates(), "rta", "0.557", "0.102");
}
