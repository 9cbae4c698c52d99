//! Scenarios that are right, and every way in which they are wrong.

use model_core::{Deficits, Economy, EconomyParts, Labels, Metadata, Shock};
use ndarray::{Array1, Array2, Array3};

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
    shock.validate(economy().parts()).unwrap();
}

#[test]
fn deficits_may_be_given_as_levels() {
    let file = parse("deficits = { USA = 3.5, CHN = -3.5 }").unwrap();
    assert_eq!(file.deficits, Deficits::Levels(Array1::from(vec![-3.5, 0.0, 3.5])));
}

/// The file, and what its refusal must say.
const MALFORMED: &[(&str, &[&str])] = &[
    ("title = \"x\"\n[[tariff\n", &["line 2", "not TOML"]),
    ("title = 3\ndeficits = \"zero\"", &["line 1", "`title` is of type integer", "text in quotes"]),
    ("\n[[tarif]]\n", &["line 2", "`tarif`", "did you mean `tariff`?"]),
    ("[[embargo]]\n", &["line 1", "`embargo`", "known are", "`iceberg`"]),
    ("[tariff]\nimporter = \"USA\"", &["line 1", "[[tariff]] with double brackets"]),
    ("tariff = [1]", &["line 1", "[[tariff]] with double brackets"]),
    (
        "[[tariff]]\nimporter = \"USA\"\nexporter = \"CHN\"\nsectors = \"all\"\nadd = 0.1",
        &["line 4", "no key `sectors`", "did you mean `sector`?"],
    ),
    (
        "[[tariff]]\nimporter = \"USA\"\nsector = \"all\"\nadd = 0.1",
        &["line 1", "lacks `exporter`", "exporter = \"all\""],
    ),
    (
        "[[tariff]]\nimporter = \"USA\"\nexporter = \"CHN\"\nsector = \"all\"",
        &["line 1", "gives 0 of", "exactly one"],
    ),
    (
        "[[tariff]]\nimporter = \"USA\"\nexporter = \"CHN\"\nsector = \"all\"\nadd = 0.1\nrate = 0.2",
        &["line 1", "gives 2 of"],
    ),
    (
        "[[tariff]]\nimporter = \"USA\"\nexporter = \"CHN\"\nsector = \"all\"\nadd = \"10%\"",
        &["line 5", "`add` is of type string", "must be a number"],
    ),
    (
        "[[tariff]]\nimporter = \"USA\"\nexporter = \"CHN\"\nsector = \"all\"\nadd = 0x1f",
        &["line 5", "must be a number"],
    ),
    (
        "[[tariff]]\nimporter = \"USB\"\nexporter = \"CHN\"\nsector = \"all\"\nadd = 0.1",
        &["line 2", "no country `USB`", "did you mean `USA`?"],
    ),
    (
        "[[tariff]]\nimporter = \"USA\"\nexporter = [\"CHN\",\n  \"Mars\"]\nsector = \"all\"\nadd = 0.1",
        &["line 4", "no country `Mars`", "it has `CHN`, `JPN`, `USA`"],
    ),
    (
        "[[tariff]]\nimporter = \"USA\"\nexporter = \"CHN\"\nsector = \"machines\"\nadd = 0.1",
        &["line 4", "no sector `machines`", "did you mean `Machinery`?"],
    ),
    (
        "[[endowment]]\ncountry = \"USA\"\nfactor = \"labor\"\nhat = 1.1",
        &["line 3", "no factor `labor`", "did you mean `labour`?"],
    ),
    (
        "[[tariff]]\nimporter = []\nexporter = \"CHN\"\nsector = \"all\"\nadd = 0.1",
        &["line 2", "`importer` selects nothing"],
    ),
    (
        "[[tariff]]\nimporter = { all-but = [\"CHN\", \"JPN\", \"USA\"] }\nexporter = \"CHN\"\nsector = \"all\"\nadd = 0.1",
        &["line 2", "`importer` selects nothing"],
    ),
    (
        "[[tariff]]\nimporter = { except = [\"CHN\"] }\nexporter = \"CHN\"\nsector = \"all\"\nadd = 0.1",
        &["line 2", "`importer` is of type table", "all-but"],
    ),
    (
        "[[tariff]]\nimporter = 7\nexporter = \"CHN\"\nsector = \"all\"\nadd = 0.1",
        &["line 2", "`importer` is of type integer", "a label in quotes"],
    ),
    (
        "[[iceberg]]\nimporter = \"USA\"\nexporter = \"USA\"\nsector = \"all\"\nhat = 1.1",
        &["line 1", "USA's purchases from itself"],
    ),
    (
        "[[tariff]]\nimporter = [\"USA\", \"JPN\"]\nexporter = [\"JPN\", \"CHN\"]\nsector = \"all\"\nadd = 0.1",
        &["line 1", "JPN's purchases from itself"],
    ),
    (
        "[[tariff]]\nimporter = \"USA\"\nexporter = \"CHN\"\nsector = \"all\"\nadd = -1.2",
        &["line 5", "from CHN to USA in `Machinery`", "above -1"],
    ),
    (
        "[[tariff]]\nimporter = \"USA\"\nexporter = \"CHN\"\nsector = \"all\"\nrate = nan",
        &["line 5", "would be NaN", "finite"],
    ),
    (
        "[[tariff]]\nimporter = \"USA\"\nexporter = \"CHN\"\nsector = \"all\"\nrate = 25",
        &["line 5", "25 means 2500 percent", "divide by 100"],
    ),
    (
        "[[iceberg]]\nimporter = \"USA\"\nexporter = \"CHN\"\nsector = \"all\"\nhat = 0",
        &["line 5", "`hat` is 0", "`inf` stops the flow"],
    ),
    (
        "[[productivity]]\ncountry = \"USA\"\nsector = \"all\"\nhat = inf",
        &["line 4", "`hat` is inf", "positive and finite"],
    ),
    (
        "[[preference]]\ncountry = \"USA\"\nsector = \"all\"\nhat = -1",
        &["line 4", "`hat` is -1", "not negative"],
    ),
    ("deficits = \"balanced\"", &["line 1", "no deficit rule `balanced`", "`zero`"]),
    ("deficits = \"zeros\"", &["line 1", "did you mean `zero`?"]),
    ("deficits = 0", &["line 1", "`deficits` is of type integer", "a rule in quotes"]),
    ("deficits = { USA = 3.5 }", &["line 1", "sum to 3.5", "USD", "the other countries' too"]),
    ("deficits = { USB = 3.5 }", &["line 1", "no country `USB`"]),
    ("", &["changes nothing"]),
    ("deficits = \"fixed\"", &["changes nothing"]),
];

#[test]
fn every_malformed_file_is_refused_with_its_line_and_a_remedy() {
    for (text, expected) in MALFORMED {
        let message = parse(text).unwrap_err().to_string();
        for part in *expected {
            assert!(message.contains(part), "for\n{text}\n`{message}` does not say `{part}`");
        }
    }
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
