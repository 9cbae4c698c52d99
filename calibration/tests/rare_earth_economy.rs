//! The rare-earth economies: the shipped aggregate, the full table, and what aggregation costs.
#![allow(clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod common;

use calibration::rare_earths::economy::{self, THETA_R, aggregation_gap, misplaced};
use calibration::rare_earths::{CarvedTable, Choices, RareEarthData, rare_earth_world_2009};
use calibration::table::Mapping;
use calibration::{flows_csv, world_2009};
use common::{raw_data, relative};
use model_core::{Economy, Shock, SolverSettings};
use std::path::Path;

/// An export tax of 300 percent on China's rare earths.
fn restriction(economy: &Economy) -> Shock {
    let china = economy.labels().country("CHN").expect("China");
    let critical = economy.labels().sector("Rare earths").expect("rare earths");
    let mut tax = economy.export_tax().clone();
    for n in (0..economy.labels().countries().len()).filter(|n| *n != china) {
        tax[[n, china, critical]] = 3.0;
    }
    Shock { export_tax: Some(tax), ..Shock::default() }
}

/// The baseline is an equilibrium, and the shock of the episode has one with dearer rare earths abroad.
fn solves(economy: &Economy) {
    let settings = SolverSettings::default();
    let still = economy.solve(&Shock::default(), &settings).expect("no shock");
    assert!(still.residual.max() <= 1e-10, "{:?}", still.residual);
    let shocked = economy.solve(&restriction(economy), &settings).expect("restriction");
    assert!(shocked.residual.max() <= 1e-10, "{:?}", shocked.residual);
    let critical = economy.labels().sector("Rare earths").expect("rare earths");
    let price = |country: &str| {
        let n = economy.labels().country(country).expect("country");
        shocked.price_hat[[n, critical]]
    };
    assert!(price("JPN") > 1.2 && price("CHN") < 1.0, "{} {}", price("JPN"), price("CHN"));
}

#[test]
fn the_shipped_economy_is_valid_and_solves() {
    let economy = rare_earth_world_2009().expect("shipped");
    let labels = economy.labels();
    assert_eq!((labels.countries().len(), labels.sectors().len()), (17, 21));
    let critical = labels.sector("Rare earths").expect("rare earths");
    assert_eq!(economy.theta()[critical], THETA_R);
    let china = labels.country("CHN").expect("China");
    let resource = labels.factors().iter().position(|f| f == "rare-earth resource").expect("resource");
    // beta_r of what producers get
    assert!((economy.factor_share()[[china, critical, resource]] - 0.8).abs() < 1e-6);
    let output = economy.output().column(critical).to_owned();
    assert!(output[china] / output.sum() > 0.95);
    for (n, country) in labels.countries().iter().enumerate().filter(|(n, _)| *n != china) {
        let tax = economy.export_tax()[[n, china, critical]];
        assert!((0.1..0.25).contains(&tax), "{country}: the duties of 2009 were 10 to 25 percent, not {tax}");
    }
    solves(&economy);
}

#[test]
fn the_shipped_economy_is_the_world_economy_with_one_sector_more() {
    let (with, without) = (economy::flows().expect("shipped"), world_2009::flows().expect("shipped"));
    assert_eq!(with.labels.countries(), without.labels.countries());
    assert_eq!(&with.labels.sectors()[..20], without.labels.sectors());
    for n in 0..17 {
        let bought = |flows: &model_core::Flows, i: usize| -> f64 {
            (0..flows.theta.len()).map(|j| flows.trade[[n, i, j]]).sum()
        };
        for i in 0..17 {
            // a dollar of rounding per flow
            assert!((bought(&with, i) - bought(&without, i)).abs() < 1e-4, "{n} {i}");
        }
        let spent = |flows: &model_core::Flows| flows.final_demand.row(n).sum();
        assert!((spent(&with) - spent(&without)).abs() < 1e-3);
    }
}

#[test]
fn the_shipped_files_are_what_a_build_makes() {
    if raw_data("wiod2013").is_none() || raw_data("cp2015").is_none() {
        return;
    }
    let raw = raw_data(".").expect("raw data");
    let texts = economy::build(&raw).expect("build");
    for (name, text) in flows_csv::FILES.iter().zip(&texts) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/rare_earth_world_2009").join(name);
        let committed = std::fs::read_to_string(&path).expect("committed");
        assert!(committed == *text, "{name} differs from a rebuild: run `cargo xtask data build`");
    }
}

#[test]
fn the_full_economy_is_valid_and_solves() {
    if raw_data("wiod2013").is_none() {
        return;
    }
    let raw = raw_data(".").expect("raw data");
    let economy =
        Economy::from_flows(economy::full_flows(&raw, &Choices::default()).expect("flows")).expect("valid");
    assert_eq!((economy.labels().countries().len(), economy.labels().sectors().len()), (41, 36));
    solves(&economy);
}

/// The shipped mapping keeps every industry that uses or contained rare earths apart, so carving its aggregate puts use
/// where it should be; a mapping that lumps them together does not.
#[test]
fn what_carving_an_aggregate_would_misplace() {
    if raw_data("wiod2013").is_none() {
        return;
    }
    let raw = raw_data(".").expect("raw data");
    let (data, table) =
        (RareEarthData::embedded().expect("data"), world_2009::full_table(&raw).expect("table"));
    let mapping = world_2009::mapping().expect("mapping");
    let gap = aggregation_gap(&data, &table, &Choices::default(), &mapping, "Mining", "ROW").expect("gap");
    println!(
        "shipped mapping: use {:e}, trade {:e}, sales {:e}",
        misplaced(&gap.used),
        misplaced(&gap.traded),
        misplaced(&gap.sales)
    );
    assert!(misplaced(&gap.used) < 1e-9);
    assert!(misplaced(&gap.traded) < 0.05);

    let group = |code: &String| match code.as_str() {
        "C" => "Mining",
        "24" | "27t28" => "Materials",
        "23" | "26" | "29" | "30t33" | "34t35" | "36t37" => "Makers",
        _ => "Rest",
    };
    let sectors = table.sectors().iter().map(|c| (c.clone(), group(c).to_owned())).collect();
    let region = |code: &String| match code.as_str() {
        "CHN" | "JPN" | "USA" => code.clone(),
        "DEU" | "FRA" | "GBR" | "ITA" | "ESP" | "NLD" | "BEL" | "AUT" | "SWE" | "POL" | "CZE" | "HUN" => {
            "EUR".to_owned()
        }
        _ => "ROW".to_owned(),
    };
    let countries = table.countries().iter().map(|c| (c.clone(), region(c))).collect();
    let coarse = Mapping::new(countries, sectors).expect("mapping");
    let gap = aggregation_gap(&data, &table, &Choices::default(), &coarse, "Mining", "ROW").expect("gap");
    println!(
        "coarse mapping: use {:e}, trade {:e}, sales {:e}",
        misplaced(&gap.used),
        misplaced(&gap.traded),
        misplaced(&gap.sales)
    );
    assert!(misplaced(&gap.used) > 1e-4);
}

#[test]
fn aggregation_keeps_the_export_tax_collected() {
    if raw_data("wiod2013").is_none() {
        return;
    }
    let raw = raw_data(".").expect("raw data");
    let (data, table) =
        (RareEarthData::embedded().expect("data"), world_2009::full_table(&raw).expect("table"));
    let carved = data.carve_out(&table, &Choices::default()).expect("carve");
    let small =
        CarvedTable::from(&carved).aggregate(&world_2009::mapping().expect("mapping")).expect("aggregate");
    let n = small.table.n_countries();
    let purchases = small.table.purchases();
    let mut collected = 0.0;
    for importer in 0..n {
        for exporter in 0..n {
            let rate = small.export_tax[[importer, exporter]];
            collected +=
                purchases[[importer, small.table.index(exporter, small.critical)]] * rate / (1.0 + rate);
        }
    }
    assert!(relative(collected, carved.export_revenue.sum()) < 1e-9);
}
