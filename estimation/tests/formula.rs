//! The formula language: what it builds, and what it says when it cannot.
#![allow(clippy::expect_used)]

use estimation::{Formula, Table, VcovFormula, WeightColumn};

fn table() -> Table {
    let n = 24;
    let cycle = |k: usize| (0..n).map(move |i| ((i * 7 + k * 5) % 11) as f64 + 1.0).collect::<Vec<_>>();
    Table::new()
        .numeric("y", cycle(1))
        .and_then(|t| t.numeric("x", cycle(2)))
        .and_then(|t| t.numeric("z", cycle(3).iter().map(|v| v * v).collect()))
        .and_then(|t| t.numeric("w", cycle(4)))
        .and_then(|t| t.numeric("year", (0..n).map(|i| 2008.0 + (i % 4) as f64).collect()))
        .and_then(|t| t.categorical("country", (0..n).map(|i| ["CHN", "JPN", "USA"][i % 3])))
        .expect("well formed")
}

fn names(formula: &str) -> Vec<String> {
    let model = Formula::parse(formula)
        .and_then(|f| f.model(&table(), &VcovFormula::parse("HC1")?, WeightColumn::None))
        .expect("valid");
    model.regression.ols(&model.vcov).expect("well posed").estimates().names().to_vec()
}

#[test]
fn terms_become_named_regressors() {
    assert_eq!(names("y ~ x + log(z)"), ["constant", "x", "log(z)"]);
    assert_eq!(names("y ~ x - 1"), ["x"]);
    assert_eq!(names("y ~ 0 + x"), ["x"]);
    assert_eq!(names("log( y ) ~ x : z + I(x / z + 1)"), ["constant", "x:z", "I(x/z+1)"]);
    assert_eq!(names("y ~ x*z"), ["constant", "x", "z", "x:z"]);
    assert_eq!(names("y ~ x^2"), ["constant", "x^2"]);
    assert_eq!(names("y ~ i(year, ref=2009)"), ["constant", "year::2008", "year::2010", "year::2011"]);
    assert_eq!(
        names("y ~ i(year, x, ref = 2009) | country"),
        ["year::2008:x", "year::2010:x", "year::2011:x"]
    );
    assert_eq!(names("y ~ i(country) - 1"), ["country::CHN", "country::JPN", "country::USA"]);
    assert_eq!(names("`y` ~ `x` + `country` - 0"), ["constant", "x", "country::JPN", "country::USA"]);
    assert_eq!(names("y ~ ((x + 1)) - 1"), ["((x+1))"]);
    assert_eq!(names("y ~ x + 2"), ["constant", "x"]);
    assert_eq!(Formula::parse(" y ~ x ").expect("valid").to_string(), "y ~ x");
    assert_eq!(names("y ~ country"), ["constant", "country::JPN", "country::USA"]);
    assert_eq!(names("y ~ i(country, ref=JPN)"), ["constant", "country::CHN", "country::USA"]);
    assert_eq!(names("y ~ x | country + year"), ["x"]);
    assert_eq!(names("y ~ x | country^year"), ["x"]);
}

/// The variance does not matter here.
fn coefficients(formula: &str) -> Vec<f64> {
    let model = Formula::parse(formula)
        .and_then(|f| f.model(&table(), &VcovFormula::parse("HC1")?, WeightColumn::None))
        .expect("valid");
    model.regression.ols(&model.vcov).expect("well posed").estimates().coefficients().to_vec()
}

#[test]
fn expressions_have_the_values_that_arithmetic_gives_them() {
    let column = |k: usize| (0..24).map(move |i| ((i * 7 + k * 5) % 11) as f64 + 1.0);
    let rows: Vec<[f64; 3]> =
        column(1).zip(column(2)).zip(column(3)).map(|((y, x), z)| [y, x, z * z]).collect();
    type Value = fn(f64, f64) -> f64;
    let cases: [(&str, Value); 12] = [
        ("I(-x)", |x, _| -x),
        ("I(x + z)", |x, z| x + z),
        ("I(z - x - 1)", |x, z| z - x - 1.0),
        ("I(z / x / 2)", |x, z| z / x / 2.0),
        ("I(2 * x * z)", |x, z| 2.0 * x * z),
        ("I(-x^2^0.5 + 9.5)", |x, _| 9.5 - x.powf(2.0_f64.powf(0.5))),
        ("I((x + z) * .25)", |x, z| (x + z) * 0.25),
        ("I(x * 1e2 + z * 2.5E-1)", |x, z| x * 100.0 + z * 0.25),
        ("I(x * 25e+1)", |x, _| x * 250.0),
        ("exp(x / 10)", |x, _| (x / 10.0).exp()),
        ("sqrt(x)", |x, _| x.sqrt()),
        ("abs(x - 4)", |x, _| (x - 4.0).abs()),
    ];
    for (text, value) in cases {
        let v: Vec<f64> = rows.iter().map(|[_, x, z]| value(*x, *z)).collect();
        let (vy, vv) = rows.iter().zip(&v).fold((0.0, 0.0), |s, (r, v)| (s.0 + v * r[0], s.1 + v * v));
        let found = coefficients(&format!("y ~ {text} - 1"));
        assert!(
            found.len() == 1 && (found[0] / (vy / vv) - 1.0).abs() < 1e-10,
            "{text}: {found:?} {}",
            vy / vv
        );
    }
    // The mean of the outcome in each country.
    for (k, found) in coefficients("y ~ i(country) - 1").into_iter().enumerate() {
        let mean = rows.iter().skip(k).step_by(3).map(|r| r[0]).sum::<f64>() / 8.0;
        assert!((found - mean).abs() < 1e-10, "{found} {mean}");
    }
}

#[test]
fn instruments_follow_the_effects() {
    for text in ["y ~ w | x ~ z", "y ~ w | country | x ~ z", "y ~ w | 0 | x ~ z + log(z)"] {
        let formula = Formula::parse(text).expect("valid");
        let model = formula
            .model(&table(), &VcovFormula::parse("iid").expect("valid"), WeightColumn::None)
            .expect("columns");
        let fit = model.regression.iv(estimation::KClass::TwoStage, &model.vcov).expect("well posed");
        assert_eq!(fit.estimates().names().last().map(String::as_str), Some("x"), "{text}");
        assert!(model.regression.ols(&model.vcov).unwrap_err().to_string().contains("call iv"));
    }
}

#[test]
fn variances_written_out_are_those_of_their_options() {
    let of = |text: &str| {
        let vcov = VcovFormula::parse(text).expect(text);
        Formula::parse("y ~ x")
            .expect("valid")
            .model(&table(), &vcov, WeightColumn::None)
            .expect(text)
            .vcov
            .label()
    };
    assert_eq!(of("conley(lat=x, lon=z, cutoff=250, kernel=bartlett)"), "Conley, Bartlett kernel to 250 km");
    assert_eq!(of("Conley(lon=z, lat=x, cutoff=1e3)"), "Conley, uniform kernel to 1000 km");
    assert_eq!(
        of("NW(time=year, unit=country, lag=2, ssc=none)"),
        "Newey-West within country, 2 lags (no small-sample convention)"
    );
    assert_eq!(
        of("DK(time=year, lags=0, ssc=Stata)"),
        "Driscoll-Kraay, 0 lags (Stata small-sample convention)"
    );
    assert_eq!(
        of("cluster(country + year^country)"),
        "clustered by country and year^country (fixest small-sample convention)"
    );
}

#[test]
fn missing_rows_are_left_out_wherever_they_are_missing() {
    let mut y = vec![1.0, 2.0, f64::NAN, 4.0, 5.0, 7.0, 6.0, 9.0];
    y.extend([3.0, 4.0]);
    let table = Table::new()
        .numeric("y", y)
        .and_then(|t| t.numeric("x", vec![1.0, 0.0, 3.0, 2.0, 5.0, 4.0, 7.0, 6.0, 1.0, 2.0]))
        .and_then(|t| t.categorical("c", ["a", "a", "b", "b", "c", "", "d", "d", "c", "a"]))
        .expect("well formed");
    let model = Formula::parse("y ~ log(x)")
        .and_then(|f| f.model(&table, &VcovFormula::parse("cluster(c)")?, WeightColumn::None))
        .expect("valid");
    assert_eq!(model.rows, [0, 3, 4, 6, 7, 8, 9]);
    assert_eq!(model.missing, 3);
    assert_eq!(model.regression.ols(&model.vcov).expect("well posed").observations(), 7.0);
}

#[test]
fn errors_name_the_place() {
    let cases = [
        ("", "at character 1: found the end"),
        ("y", "at character 2: found the end where '~'"),
        ("y ~", "at character 4: found the end"),
        ("y ~ x +", "at character 8: found the end"),
        ("y ~ log(x", "at character 10: found the end where ')'"),
        ("y ~ x | a b", "at character 11: found b"),
        ("y ~ cube(x)", "at character 5: unknown function cube"),
        ("y ~ x - z", "at character 9: taking a term out"),
        ("y ~ x | f[t", "at character 12: found the end where ']'"),
        ("y ~ x | f[[t]", "at character 14: found the end where a second ']'"),
        ("y ~ i(year, keep=3)", "at character 13: this option of i()"),
        ("y ~ x | a | b", "at character 14: found the end where '~' and the instruments"),
        ("y ~ 'x", "at character 7: found the end where a closing quotation"),
        ("y ~ x*z*w", "at character 10: a product of three"),
        ("y ~ 1.2.3", "at character 5: found 1.2.3 where a number"),
        ("y ~ I(2e)", "at character 8: found e where ')'"),
        ("y ~ I(2e+)", "at character 8: found e where ')'"),
        ("y ~ x @ z", "at character 7: found '@'"),
        ("y ~ \"a\"", "at character 5: found \"a\" where a variable"),
        ("y ~ i(year, ref=)", "at character 17: found ')' where a value"),
        ("y ~ i(year, ref=-JPN)", "at character 18: found JPN where a value"),
        ("y ~ i(year, ref=", "at character 17: found the end where a value"),
    ];
    for (text, message) in cases {
        let error = Formula::parse(text).expect_err(text).to_string();
        assert!(error.starts_with(message), "{text}: {error}");
    }
    let at_data = [
        ("y ~ nothing", "at character 5: the data have no column nothing; they have y, x, z"),
        ("y ~ log(country)", "at character 9: country is categorical"),
        ("y ~ x | country + `no such`", "at character 19: the data have no column no such"),
        ("y ~ i(year, ref=1999)", "at character 7: year has no level 1999"),
        ("country ~ x", "at character 1: country is categorical"),
    ];
    for (text, message) in at_data {
        let formula = Formula::parse(text).expect(text);
        let vcov = VcovFormula::parse("HC1").expect("valid");
        let error = formula.model(&table(), &vcov, WeightColumn::None).expect_err(text).to_string();
        assert!(error.starts_with(message), "{text}: {error}");
    }
    let clock = Table::new()
        .numeric("y", vec![1.0, 2.0, 4.0, 3.0, 6.0, 5.0])
        .and_then(|t| t.numeric("half", vec![2008.0, 2008.5, 2009.0, 2009.5, 2010.0, f64::NAN]))
        .and_then(|t| t.numeric("far", vec![1e16, 2.0, 3.0, 4.0, 5.0, 6.0]))
        .and_then(|t| t.numeric("year", vec![1.0, 2.0, 3.0, 4.0, 5.0, f64::NAN]))
        .expect("well formed");
    for (time, message) in [
        ("half", Some("at character 9: half holds 2008.5; periods must be whole numbers")),
        ("far", Some("at character 9: far holds 10000000000000000; periods must be whole numbers")),
        ("year", None),
    ] {
        let vcov = VcovFormula::parse(&format!("NW(time={time}, lags=1)")).expect("valid");
        let model = Formula::parse("y ~ 1").and_then(|f| f.model(&clock, &vcov, WeightColumn::None));
        match message {
            Some(message) => {
                let error = model.expect_err(time).to_string();
                assert!(error.starts_with(message), "{error}");
            }
            None => assert_eq!(model.expect("whole").rows, [0, 1, 2, 3, 4]),
        }
    }
    for (text, message) in [
        ("HC9", "at character 1: unknown function HC9"),
        ("cluster", "at character 8: found the end where a clustering variable"),
        ("cluster(a, ssc=spss)", "at character 16: found spss where one of the named choices"),
        ("NW(time=t, lags=-1)", "at character 17: found '-' where a whole number of lags"),
        ("NW(time=t, lags=", "at character 17: found the end where a value"),
        (
            "conley(lat=a, lon=b, cutoff=500, kernel=round)",
            "at character 41: found round where one of the named choices",
        ),
        ("NW(time=t)", "at character 11: found the end where lags="),
        ("DK(lags=2)", "at character 11: found the end where time="),
        ("conley(lat=a, lon=b)", "at character 21: found the end where cutoff="),
        ("HC1(firm)", "at character 5: this option is not available; this variance takes no options"),
        ("cluster(id, lags=2)", "at character 13: this option is not available; cluster() takes"),
        (
            "conley(lat=a, lon=b, cutoff=5, ssc=none)",
            "at character 32: this option is not available; conley() takes",
        ),
        ("NW(firm, time=t, lags=2)", "at character 4: this option is not available; NW() takes time, unit"),
        ("DK(time=t, unit=i, lag=2)", "at character 12: this option is not available; DK() takes"),
        ("wild(a, ssc=none)", "at character 9: this option is not available; wild() takes"),
        ("cluster(a, power=2)", "at character 12: this option is not available; there are time"),
    ] {
        let error = VcovFormula::parse(text).expect_err(text).to_string();
        assert!(error.starts_with(message), "{text}: {error}");
    }
}
