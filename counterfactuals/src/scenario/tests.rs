//! Scenarios that are right, and every way in which they are wrong.

use model_core::{Deficits, Economy, EconomyParts, Labels, Metadata, Shock};
use ndarray::{Array1, Array2, Array3};

use super::refusals::{CRITICAL, MALFORMED, QUOTA, REFUSED};
use super::*;

/// Three countries, two sectors, two factors; every country alike, tariffs of 5 percent.
fn economy() -> Economy {
    let (n, j, f) = (3, 2, 2);
    let labels =
        Labels::new(["CHN", "JPN", "USA"], ["Machinery", "Services"], ["labour", "capital"]).unwrap();
    let own = |a: usize, b: usize, x: f64, y: f64| if a == b { x } else { y };
    let tariff = Array3::from_shape_fn((n, n, j), |(n, i, _)| own(n, i, 0.0, 0.05));
    let trade_share = Array3::from_shape_fn((n, n, j), |(n, i, _)| own(n, i, 0.6, 0.2));
    let parts = EconomyParts {
        labels,
        metadata: Metadata { unit: "USD".to_owned(), ..Metadata::default() },
        trade_share,
        expenditure: Array2::from_elem((n, j), 50.0),
        factor_share: Array3::from_elem((n, j, f), 0.5),
        input_share: Array3::zeros((n, j, j)),
        final_share: Array2::from_elem((n, j), 0.5),
        tariff,
        export_tax: Array3::zeros((n, n, j)),
        deficit: Array1::zeros(n),
        factor_income: Array2::from_elem((n, f), 50.0),
        theta: Array1::from_elem(j, 4.0),
        kappa: 1.0,
        critical: None,
    };
    parts.equilibrate(&Deficits::Zero, &Default::default()).unwrap().0
}

fn parse(text: &str) -> Result<Scenario, ScenarioError> {
    Scenario::parse(text, &economy(), &[])
}

/// The shock of a scenario of the long run.
fn shock(scenario: &Scenario) -> Shock {
    scenario.resolve(&economy(), &scenario.central()).unwrap().periods[0].shock.clone()
}

#[test]
fn entries_act_in_order_on_what_earlier_ones_left() {
    let file = parse(
        "title = \"A war of tariffs\"\n\
         [[tariff]]\nimporter = \"USA\"\nexporter = \"all\"\nsector = \"Machinery\"\nrate = 0.1\n\
         [[tariff]]\nimporter = [\"USA\", \"JPN\"]\nexporter = \"CHN\"\nsector = \"all\"\nadd = 0.2\n\
         [[tariff]]\nimporter = { all-but = [\"CHN\"] }\nexporter = \"CHN\"\nsector = \"Services\"\ntimes = 2\n",
    )
    .unwrap();
    let shock = shock(&file);
    let tariff = shock.tariff.as_ref().unwrap();
    let at = |n, i, j| (tariff[[n, i, j]] * 1e12).round() / 1e12;
    assert_eq!([at(2, 0, 0), at(2, 1, 0), at(2, 2, 0)], [0.3, 0.1, 0.0]);
    assert_eq!([at(2, 0, 1), at(2, 1, 1)], [0.5, 0.05]);
    assert_eq!([at(1, 0, 0), at(1, 0, 1), at(1, 2, 0)], [0.25, 0.5, 0.05]);
    assert_eq!([at(0, 1, 0), at(0, 2, 1)], [0.05, 0.05]);
    assert_eq!(file.title, "A war of tariffs");
    assert_eq!(
        file.words,
        [
            "tariff: USA from all countries, Machinery: 2 rates set to 0.1",
            "tariff: USA and JPN from CHN, all sectors: 4 rates raised by 0.2",
            "tariff: all countries but CHN from CHN, Services: 2 rates multiplied by 2",
        ]
    );
    assert!(shock.export_tax.is_none() && shock.iceberg_hat.is_none());
}

#[test]
fn every_kind_of_change_reaches_its_array() {
    let file = parse(
        "deficits = \"share-of-income\"\n\
         [[export_tax]]\nexporter = \"CHN\"\nimporter = \"all\"\nsector = \"Machinery\"\nrate = 0.15\n\
         [[iceberg]]\nexporter = \"CHN\"\nimporter = \"JPN\"\nsector = \"Machinery\"\nhat = inf\n\
         [[productivity]]\ncountry = \"JPN\"\nsector = \"all\"\nhat = 1.1\n\
         [[productivity]]\ncountry = \"all\"\nsector = \"Services\"\nhat = 2\n\
         [[endowment]]\ncountry = \"USA\"\nfactor = \"labour\"\nhat = 1.01\n\
         [[preference]]\ncountry = \"USA\"\nsector = \"Services\"\nhat = 0\n",
    )
    .unwrap();
    let shock = shock(&file);
    assert_eq!(shock.export_tax.as_ref().unwrap()[[2, 0, 0]], 0.15);
    assert_eq!(shock.export_tax.as_ref().unwrap()[[0, 0, 0]], 0.0);
    assert_eq!(shock.iceberg_hat.as_ref().unwrap()[[1, 0, 0]], f64::INFINITY);
    assert_eq!(shock.productivity_hat.as_ref().unwrap()[[1, 1]], 2.2);
    assert_eq!(shock.endowment_hat.as_ref().unwrap()[[2, 0]], 1.01);
    assert_eq!(shock.preference_hat.as_ref().unwrap()[[2, 1]], 0.0);
    assert_eq!(shock.deficits, Deficits::ShareOfIncome);
    shock.validate(&economy()).unwrap();
}

#[test]
fn deficits_may_be_given_as_levels() {
    let file = parse("deficits = { USA = 3.5, CHN = -3.5 }").unwrap();
    assert_eq!(file.deficits, Deficits::Levels(Array1::from(vec![-3.5, 0.0, 3.5])));
}

#[test]
fn every_malformed_file_is_refused_with_its_line_and_a_remedy() {
    for (text, expected) in MALFORMED {
        let message = parse(text).unwrap_err().to_string();
        for part in *expected {
            assert!(message.contains(part), "for\n{text}\n`{message}` does not say `{part}`");
        }
    }
}

/// Three countries, of which only CHN has ore; machines and services use rare earths.
fn mines() -> Economy {
    let (n, j, f) = (3, 3, 2);
    let labels =
        Labels::new(["CHN", "JPN", "USA"], ["Machinery", "Services", "Rare earths"], ["labour", "ore"])
            .unwrap();
    let trade_share = Array3::from_shape_fn((n, n, j), |(n, i, j)| match (j, i == n, i) {
        (2, _, i) => f64::from(u8::from(i == 0)),
        (_, own, _) => {
            if own {
                0.6
            } else {
                0.2
            }
        }
    });
    let mut factor_share = Array3::zeros((n, j, f));
    let mut input_share = Array3::zeros((n, j, j));
    for i in 0..n {
        for (j, share) in [(0, 0.02), (1, 0.001)] {
            factor_share[[i, j, 0]] = 1.0 - share;
            input_share[[i, j, 2]] = share;
        }
        factor_share[[i, 2, 0]] = 0.5;
        factor_share[[i, 2, 1]] = 0.5;
    }
    let parts = EconomyParts {
        labels,
        metadata: Metadata { unit: "USD".to_owned(), ..Metadata::default() },
        trade_share,
        expenditure: ndarray::array![[50.0, 50.0, 1.0], [50.0, 50.0, 1.0], [50.0, 50.0, 1.0]],
        factor_share,
        input_share,
        final_share: ndarray::array![[0.5, 0.5, 0.0], [0.5, 0.5, 0.0], [0.5, 0.5, 0.0]],
        tariff: Array3::zeros((n, n, j)),
        export_tax: Array3::zeros((n, n, j)),
        deficit: Array1::zeros(n),
        factor_income: ndarray::array![[100.0, 1.6], [100.0, 0.0], [100.0, 0.0]],
        theta: ndarray::array![4.0, 4.0, 8.0],
        kappa: 1.0,
        critical: None,
    };
    parts.equilibrate(&Deficits::Zero, &Default::default()).unwrap().0
}

fn ask(text: &str) -> Result<Scenario, ScenarioError> {
    let estimates = Estimates::new(
        "ours",
        "estimated",
        vec!["sigma".to_owned(), "Machinery".to_owned(), "Services".to_owned(), "Rare earths".to_owned()],
        ndarray::array![0.3, 5.0, 8.22, 9.0],
        &Array2::from_diag(&ndarray::array![0.0025, 0.25, 0.0, 1.0]),
    )
    .unwrap();
    let goods = vec!["Machinery".to_owned()];
    let goods = Estimates::new("goods", "", goods, ndarray::array![5.0], &ndarray::array![[0.25]]).unwrap();
    Scenario::parse(text, &mines(), &[estimates, goods])
}

#[test]
fn a_quota_by_year_is_there_in_its_years_and_lifted_after_them() {
    let text = format!(
        "mode = \"dynamic\"\nyears = [2010, 2014]\n{QUOTA}volume = {{ 2011 = 0.4, 2010 = 0.9, 2012 = 0.37 }}\nrent_share = 0.25\n\
         {CRITICAL}[technology]\nclosure = \"free-entry\"\nxi = 0.01\n\
         [[capacity]]\ncountry = \"CHN\"\nsector = \"Rare earths\"\nhat = 1.5\ndecided = 2011\nlag = 2\n"
    );
    let scenario = ask(&text).unwrap();
    let question = scenario.resolve(&mines(), &scenario.central()).unwrap();
    let limits: Vec<Option<model_core::Limit>> =
        question.periods.iter().map(|p| p.shock.restrictions.first().map(|r| r.limit)).collect();
    let volume = |v| Some(model_core::Limit::Volume(v));
    assert_eq!(limits, [volume(0.9), volume(0.4), volume(0.37), None, None]);
    assert_eq!(question.periods[0].shock.restrictions[0].rent_share, 0.25);
    let ore: Vec<f64> =
        question.periods.iter().map(|p| p.shock.endowment_hat.as_ref().unwrap()[[0, 1]]).collect();
    assert_eq!(ore, [1.0, 1.0, 1.0, 1.5, 1.5], "decided in 2011, there two years later");
    let dynamics = question.dynamics.unwrap();
    assert_eq!((dynamics.delta, dynamics.g), (0.15, 0.03));
    assert_eq!(dynamics.technology.innovation().unwrap().xi, 0.01);
    assert_eq!(question.economy.critical().unwrap().sigma[0], 0.2);
}

#[test]
fn a_number_changes_its_source_in_one_line() {
    let with = |sigma: &str| {
        let text = format!("[critical]\nsectors = \"Rare earths\"\nsigma = {sigma}\n{QUOTA}volume = 0.6\n");
        let scenario = ask(&text).unwrap();
        let sigma = scenario.parameter("sigma").unwrap();
        let drawn: Vec<f64> = (0..2000).map(|k| scenario.draw(7, k).unwrap().values[sigma]).collect();
        let mean = drawn.iter().sum::<f64>() / drawn.len() as f64;
        let sd = (drawn.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / drawn.len() as f64).sqrt();
        (scenario.parameters[sigma].value, mean, sd, drawn)
    };
    // Four standard errors of a mean of 2,000, and of their spread.
    let near = |a: f64, b: f64, sd: f64| (a - b).abs() < 4.0 * sd / 2000_f64.sqrt();
    assert!(with("0.2").2 < 1e-12, "a known number varies only by the rounding of a mean");
    let (value, mean, sd, _) = with("{ value = 0.5, sd = 0.1 }");
    assert!(value == 0.5 && near(mean, 0.5, 0.1) && near(sd, 0.1, 0.1), "{mean} {sd}");
    let (_, mean, sd, _) = with("{ value = 0.2, uniform = [0.1, 0.4] }");
    assert!(near(mean, 0.25, 0.087) && near(sd, 0.3 / 12_f64.sqrt(), 0.087), "{mean} {sd}");
    let (_, _, _, mut drawn) = with("{ value = 0.2, lognormal = [0.1, 0.4] }");
    drawn.sort_by(f64::total_cmp);
    assert!((drawn[1000] / 0.2).ln().abs() < 0.05, "the value is the median: {}", drawn[1000]);
    let outside = drawn.iter().filter(|v| !(0.1..=0.4).contains(*v)).count() as f64 / 2000.0;
    assert!((outside - 0.05).abs() < 0.02, "the range holds 95 percent: {outside}");
    let (value, mean, sd, _) = with("\"ours\"");
    assert!(value == 0.3 && near(mean, 0.3, 0.05) && near(sd, 0.05, 0.05), "{mean} {sd}");
    // Truncation: a wide normal is drawn again where it is negative.
    let (_, _, _, drawn) = with("{ value = 0.1, sd = 0.2 }");
    assert!(drawn.iter().all(|v| *v >= 0.0));
}

#[test]
fn scenarios_share_the_draws_of_what_they_share() {
    let one = ask(&format!(
        "[critical]\nsectors = \"Rare earths\"\nsigma = {{ value = 0.2, uniform = [0.1, 0.4] }}\n[theta]\nestimates = \"ours\"\n{QUOTA}volume = 0.6\n"
    ))
    .unwrap();
    let two = ask(&format!(
        "[critical]\nsectors = \"Rare earths\"\nsigma = {{ value = 0.2, uniform = [0.1, 0.4] }}\n[theta]\nestimates = \"ours\"\n\
         [technology]\nclosure = \"free-entry\"\nlambda = {{ value = 0.5, uniform = [0.3, 0.7] }}\n{QUOTA}volume = 0.6\n"
    ))
    .unwrap();
    for number in 0..20 {
        let (a, b) = (one.draw(3, number).unwrap().values, two.draw(3, number).unwrap().values);
        for name in ["sigma", "theta.Machinery", "theta.Services", "theta.Rare earths"] {
            let at = |s: &Scenario| s.parameter(name).unwrap();
            assert_eq!(a[at(&one)].to_bits(), b[at(&two)].to_bits(), "{name}");
        }
        assert_eq!(a[one.parameter("theta.Services").unwrap()], 8.22, "a zero variance is a known number");
    }
    assert_ne!(one.draw(3, 0).unwrap().values, one.draw(3, 1).unwrap().values);
    assert_ne!(one.draw(3, 0).unwrap().values, one.draw(4, 0).unwrap().values);
}

#[test]
fn trade_elasticities_are_named_in_one_line_and_what_estimates_lack_is_said() {
    let of = |theta: &str| {
        let (head, section) = match theta.strip_prefix("[theta]") {
            Some(_) => ("", theta),
            None => (theta, ""),
        };
        ask(&format!("{head}\n{CRITICAL}{section}\n{QUOTA}volume = 0.6\n"))
    };
    let theta = |scenario: &Scenario, number: u64| {
        let values = scenario.draw(3, number).unwrap().values;
        scenario.resolve(&mines(), &values).unwrap().economy.theta().to_vec()
    };
    let (short, long) = (of("theta = \"ours\"").unwrap(), of("[theta]\nestimates = \"ours\"\n").unwrap());
    for number in 0..5 {
        assert_eq!(theta(&short, number), theta(&long, number));
    }
    assert!(theta(&short, 0)[0] != theta(&short, 1)[0], "the covariance goes into the draws");

    // `goods` hold one sector of three: a critical input keeps the economy's elasticity, another sector must be given.
    let lacking = of("theta = \"goods\"").unwrap_err();
    assert!(
        matches!(&lacking, super::ScenarioError::NoElasticity { line: 1, estimates, sector, .. }
            if estimates == "goods" && sector == "Services"),
        "{lacking}"
    );
    let given = of("[theta]\nestimates = \"goods\"\nother = 5\n").unwrap();
    assert_eq!(theta(&given, 1)[1..], [5.0, 5.0]);
    let own = of("[theta]\nestimates = \"goods\"\nServices = 6\n").unwrap();
    assert_eq!(theta(&own, 1)[1..], [6.0, mines().theta()[2]]);
    let kept = own.parameters.iter().find(|p| p.name == "theta.Rare earths").unwrap();
    assert_eq!((kept.spread.clone(), kept.source.as_str()), (super::Spread::Exact, "the economy's"));
    assert_eq!(theta(&of("[theta]\nother = 7\n").unwrap(), 0), [7.0; 3]);
}

#[test]
fn a_mine_opens_small_and_grows_to_the_share_that_is_asked_for() {
    let text = format!(
        "{CRITICAL}[[prospect]]\ncountry = \"JPN\"\nsector = \"Rare earths\"\nlike = \"CHN\"\nshare = 1e-4\n\
         [[capacity]]\ncountry = \"JPN\"\nsector = \"Rare earths\"\nshare_of_world = 0.01\n"
    );
    let scenario = ask(&text).unwrap();
    let question = scenario.resolve(&mines(), &scenario.central()).unwrap();
    let opened = &question.economy;
    let share = opened.trade_share()[[2, 1, 2]];
    // The share before prices answer the opening, which they do by about as much.
    assert!((share / 1e-4 - 1.0).abs() < 1e-3, "{share}");
    let equilibrium = opened.solve(&question.periods[0].shock, &Default::default()).unwrap();
    let share = equilibrium.output[[1, 2]] / opened.output().column(2).sum();
    // The rule holds demand given; a hundredth more of a good with little else to it moves prices by about as much.
    assert!((share - 0.0101).abs() < 0.0015, "{share}");
}

#[test]
fn scenarios_survive_serialisation() {
    let text = format!("{CRITICAL}[theta]\nestimates = \"ours\"\n{QUOTA}volume = 0.6\n");
    let scenario = ask(&text).unwrap();
    let json = serde_json::to_string(&scenario).unwrap();
    assert_eq!(serde_json::from_str::<Scenario>(&json).unwrap(), scenario);
    assert_eq!(
        scenario.resolve(&economy(), &scenario.central()).unwrap_err().to_string().split(':').next().unwrap(),
        "the scenario was read against an economy with other labels"
    );
}

#[test]
fn every_bad_scenario_is_refused_with_its_line_and_a_remedy() {
    for (head, rest, expected) in REFUSED {
        let text = format!("{head}{rest}");
        let message = match ask(&text) {
            Err(error) => error.to_string(),
            Ok(_) => panic!("accepted:\n{text}"),
        };
        for part in *expected {
            assert!(message.contains(part), "for\n{text}\n`{message}` does not say `{part}`");
        }
    }
}

/// What the schema says of a value, with its references followed.
fn conforms(
    schema: &serde_json::Value,
    rule: &serde_json::Value,
    value: &serde_json::Value,
) -> Result<(), String> {
    use serde_json::Value;
    if let Some(path) = rule["$ref"].as_str() {
        return conforms(schema, &schema["$defs"][path.rsplit('/').next().unwrap()], value);
    }
    if let Some(options) = rule["anyOf"].as_array() {
        let any = options.iter().any(|option| conforms(schema, option, value).is_ok());
        return if any { Ok(()) } else { Err(format!("{value} is none of the kinds allowed")) };
    }
    if let Some(known) = rule["enum"].as_array() {
        return if known.contains(value) { Ok(()) } else { Err(format!("{value} is not in {known:?}")) };
    }
    match (rule["type"].as_str().unwrap_or("none"), value) {
        ("string", Value::String(_)) | ("boolean", Value::Bool(_)) | ("number", Value::Number(_)) => Ok(()),
        ("integer", Value::Number(number)) if number.is_i64() || number.is_u64() => Ok(()),
        ("array", Value::Array(items)) => {
            items.iter().try_for_each(|item| conforms(schema, &rule["items"], item))
        }
        ("object", Value::Object(members)) => {
            for needed in rule["required"].as_array().into_iter().flatten() {
                if !members.contains_key(needed.as_str().unwrap()) {
                    return Err(format!("{needed} is missing"));
                }
            }
            for (key, member) in members {
                let digits = key.bytes().all(|b| b.is_ascii_digit());
                let known = [
                    &rule["properties"][key],
                    &rule["patternProperties"]["^-?[0-9]+$"],
                    &rule["additionalProperties"],
                ];
                let usable = |r: &&&Value| r.is_object();
                let own = if digits {
                    known.iter().skip(1).find(usable)
                } else {
                    known.iter().step_by(2).find(usable)
                };
                let own = own.ok_or_else(|| format!("{key} is not known"))?;
                conforms(schema, own, member).map_err(|e| format!("{key}: {e}"))?;
            }
            Ok(())
        }
        (wanted, found) => Err(format!("{found} is not of type {wanted}")),
    }
}

#[test]
fn the_schema_accepts_what_the_parser_accepts_and_knows_the_same_keys() {
    let schema: serde_json::Value = serde_json::from_str(SCHEMA).unwrap();
    let mut top: Vec<&str> = schema["properties"].as_object().unwrap().keys().map(String::as_str).collect();
    let mut known = super::parse::TOP.to_vec();
    top.sort_unstable();
    known.sort_unstable();
    assert_eq!(top, known);
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("scenarios");
    let mut count = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|e| e == "toml") {
            let value: serde_json::Value = toml::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
            conforms(&schema, &schema, &value).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            count += 1;
        }
    }
    assert!(count >= 6, "{count} shipped scenarios");
    // What a schema can know: keys, but not labels, sums or years.
    let mut refused = 0;
    let unknown = |said: &&str| said.contains("no key");
    for (head, rest, said) in REFUSED.iter().filter(|(_, _, said)| said.iter().any(unknown)) {
        // A wrong key beside `value` could be a sector's name.
        let value: serde_json::Value = toml::from_str(&format!("{head}{rest}")).unwrap();
        match conforms(&schema, &schema, &value) {
            Err(_) => refused += 1,
            Ok(()) => assert!(rest.contains("value"), "the schema accepts {said:?}\n{head}{rest}"),
        }
    }
    assert!(refused > 0);
}

#[test]
fn rates_are_held_to_their_range_in_every_year_and_only_there() {
    let tariff = |change: &str| {
        format!("[[tariff]]\nimporter = \"USA\"\nexporter = \"CHN\"\nsector = \"Machinery\"\n{change}\n")
    };
    let years = "mode = \"dynamic\"\nyears = [2010, 2012]\n";
    // Each takes a tariff of 5 percent to a subsidy of 65; both at once would be below -1.
    let (early, late) = (tariff("add = -0.7\nuntil = 2010"), tariff("add = -0.7\nfrom = 2012"));
    parse(&format!("{years}{early}{late}")).unwrap();
    let both = format!("{years}{early}{}", tariff("add = -0.7\nfrom = 2010"));
    let error = parse(&both).unwrap_err();
    assert!(matches!(error, ScenarioError::Rate { line: 13, .. }), "{error:?}");
    // What an earlier year's entry adds does not save one of a later year.
    let saved = format!("{years}{}{}", tariff("add = 1\nuntil = 2010"), tariff("add = -1.2\nfrom = 2012"));
    assert!(matches!(parse(&saved).unwrap_err(), ScenarioError::Rate { line: 13, .. }));
}

#[test]
fn mutated_files_are_read_or_refused_but_never_panic() {
    use proptest::prelude::*;
    use proptest::test_runner::{Config, TestRunner};

    let economy = economy();
    let sound = "title = \"t\"\ndeficits = { USA = 3.5, CHN = -3.5 }\n[[tariff]]\nimporter = \"USA\"\nexporter = \
                 { all-but = [\"CHN\"] }\nsector = [\"Services\"]\ntimes = 2\n[[iceberg]]\nimporter = \"JPN\"\nexporter = \
                 \"CHN\"\nsector = \"all\"\nhat = inf\n[[endowment]]\ncountry = \"all\"\nfactor = \"labour\"\nhat = 1.1\n";
    Scenario::parse(sound, &economy, &[]).unwrap();
    let mutation = (0..sound.len(), any::<u8>(), 0..4usize);
    let mutations = proptest::collection::vec(mutation, 1..6);
    let mut runner =
        TestRunner::new(Config { cases: 10_000, failure_persistence: None, ..Config::default() });
    runner
        .run(&mutations, |mutations| {
            let mut bytes = sound.as_bytes().to_vec();
            for (place, byte, what) in mutations {
                let place = place.min(bytes.len().saturating_sub(1));
                match what {
                    0 => bytes.truncate(place),
                    1 => bytes.insert(place, byte),
                    2 if !bytes.is_empty() => drop(bytes.remove(place)),
                    _ if !bytes.is_empty() => bytes[place] = byte,
                    _ => {}
                }
            }
            if let Ok(file) = Scenario::parse(&String::from_utf8_lossy(&bytes), &economy, &[]) {
                prop_assert!(!file.words.is_empty());
            }
            Ok(())
        })
        .unwrap();
}

#[test]
fn estimates_by_sector_give_each_user_its_own_elasticity_with_their_covariance() {
    let items = ["sigma.Machinery", "sigma.Services", "phi"].map(str::to_owned).to_vec();
    let covariance = ndarray::array![[0.01, 0.008, 0.0], [0.008, 0.01, 0.0], [0.0, 0.0, 0.04]];
    let estimates =
        Estimates::new("patents", "estimated", items, ndarray::array![0.2, 0.6, 0.5], &covariance).unwrap();
    let text = format!(
        "[critical]\nsectors = \"Rare earths\"\nsigma = \"patents\"\n[technology]\nclosure = \"free-entry\"\nphi = \"patents\"\n\
         {QUOTA}volume = 0.6\n"
    );
    // The same, sector by sector; estimates of one `sigma` give it to the sector that names them.
    let by_sector = text.replace(
        "sigma = \"patents\"",
        "sigma = { Machinery = \"patents\", Services = \"pooled\", other = \"pooled\" }",
    );
    let pooled = Estimates::new(
        "pooled",
        "",
        vec!["sigma".to_owned()],
        ndarray::array![0.3],
        &ndarray::array![[0.01]],
    );
    let apart = Scenario::parse(&by_sector, &mines(), &[estimates.clone(), pooled.unwrap()]).unwrap();
    let value = |name: &str| apart.central()[apart.parameter(name).unwrap()];
    assert_eq!((value("sigma.Machinery"), value("sigma.Services"), value("sigma")), (0.2, 0.3, 0.3));
    let scenario = Scenario::parse(&text, &mines(), &[estimates]).unwrap();
    let at = |name: &str| scenario.parameter(name).unwrap();
    let (machinery, services) = (at("sigma.Machinery"), at("sigma.Services"));
    assert_eq!(scenario.central()[machinery], 0.2);
    assert_eq!(scenario.central()[services], 0.6);
    assert_eq!(scenario.central()[at("phi")], 0.5);
    let draws: Vec<Vec<f64>> = (0..2000).map(|k| scenario.draw(1, k).unwrap().values).collect();
    let mean = |of: &dyn Fn(&[f64]) -> f64| draws.iter().map(|d| of(d)).sum::<f64>() / draws.len() as f64;
    let together = mean(&|d| (d[machinery] - 0.2) * (d[services] - 0.6));
    assert!((together - 0.008).abs() < 0.002, "{together}");
}
