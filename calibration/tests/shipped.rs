//! What the crate ships: a rebuild equals it, and it is an economy.

mod common;

use calibration::footprint::FootprintPanels;
use calibration::rare_earths::{Element, RareEarthData, element_use_2009};
use calibration::table::Inventories;
use calibration::theta::{Elasticities, NOT_ESTIMATED};
use calibration::{shipped, wiod, world_2009};
use common::{raw_data, relative};
use model_core::{Deficits, Shock, SolverSettings};
use std::path::Path;

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data");

#[test]
fn a_rebuild_equals_what_is_committed() {
    let Some(raw) = raw_data("") else { return };
    let files = shipped::build(&raw).unwrap();
    let differences = shipped::differences(&files, Path::new(DATA)).unwrap();
    assert!(differences.is_empty(), "run `cargo xtask data build`:\n{}", differences.join("\n"));
}

#[test]
fn the_shipped_world_solves_a_tariff_and_autarky_of_deficits() {
    let world = world_2009().unwrap();
    let settings = SolverSettings::default();
    let still = world.solve(&Shock::default(), &settings).unwrap();
    assert!(still.real_income_hat.iter().all(|hat| (hat - 1.0).abs() < 1e-9), "{}", still.real_income_hat);
    let mut tariff = world.tariff().clone();
    let labels = world.labels();
    let (usa, chn, electrical) = (
        labels.country("USA").unwrap(),
        labels.country("CHN").unwrap(),
        labels.sector("Electrical").unwrap(),
    );
    tariff[[usa, chn, electrical]] = 0.25;
    let shock = Shock { tariff: Some(tariff), deficits: Deficits::Fixed, ..Shock::default() };
    let equilibrium = world.solve(&shock, &settings).unwrap();
    assert!(equilibrium.residual.max() <= 1e-10);
    assert!(equilibrium.real_income_hat[chn] < 1.0);
    assert!(equilibrium.trade_share[[usa, chn, electrical]] < world.trade_share()[[usa, chn, electrical]]);
}

#[test]
fn the_shipped_world_conserves_the_totals_of_its_source() {
    let Some(raw) = raw_data("") else { return };
    let full = world_2009::full_table(&raw).unwrap();
    let world = world_2009().unwrap();
    let labels = world.labels();
    for code in ["CHN", "USA", "JPN", "KOR", "TWN", "DEU", "AUS"] {
        let (big, small) = (full.country(code).unwrap(), labels.country(code).unwrap());
        let output = (full.output_by_country().row(big).sum(), world.output().row(small).sum());
        let added = (full.value_added_by_country().row(big).sum(), world.factor_income().row(small).sum());
        assert!(relative(output.0, output.1) < 1e-9, "{code}: {output:?}");
        assert!(relative(added.0, added.1) < 1e-9, "{code}: {added:?}");
        let flows = world.border_flows();
        let exports: f64 =
            flows.indexed_iter().filter(|((n, i, _), _)| *i == small && *n != small).map(|(_, v)| v).sum();
        assert!(relative(full.exports().row(big).sum(), exports) < 1e-9, "{code}: {exports}");
    }
    // Against the table as published, value added of the world changes by the inventories that are produced.
    let kept = wiod::load(&raw.join("wiod2013"), 2009, Inventories::Keep).unwrap();
    let change = world.factor_income().sum() / kept.table.value_added().sum() - 1.0;
    assert!((0.0..1e-3).contains(&change), "{change}");
}

#[test]
fn elasticities_follow_the_rule() {
    let shipped = Elasticities::shipped().unwrap();
    let of = |industry: &str| shipped.estimates().iter().find(|e| e.industry == industry).unwrap().clone();
    assert_eq!(shipped.estimates().len(), 20);
    assert_eq!(shipped.of(&["H", "F"]), NOT_ESTIMATED);
    assert_eq!(shipped.of(&["34t35"]), NOT_ESTIMATED);
    assert!((shipped.of(&["24"]) - of("Chemicals").theta).abs() < 1e-12);
    let (basic, products) = (of("Basic metals"), of("Metal products"));
    let mean = (basic.theta * basic.imports + products.theta * products.imports)
        / (basic.imports + products.imports);
    assert!((shipped.of(&["27t28"]) - mean).abs() < 1e-12);
    // An industry named twice counts once.
    assert_eq!(shipped.of(&["17t18", "19"]), shipped.of(&["19"]));
}

#[test]
fn the_shipped_footprints_read_back_as_they_were_written() {
    let panels = FootprintPanels::shipped().unwrap();
    let texts = panels.to_texts();
    let again = FootprintPanels::from_texts([&texts[0], &texts[1], &texts[2]]).unwrap();
    assert_eq!(panels, again);

    let alternatives: Vec<&str> = panels.sectors.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(alternatives, ["base", "dominant", "upstream", "downstream"]);
    for (name, requirements) in &panels.sectors {
        assert_eq!(requirements.len(), 35);
        let shares: f64 = requirements.iter().map(|r| r.use_share).sum();
        assert!((shares - 1.0).abs() < 1e-4, "{name}: {shares}");
        assert!(requirements.iter().all(|r| r.total_value >= r.direct_value), "{name}");
    }
    let years: Vec<i32> = panels.years.iter().map(|year| year.year).collect();
    assert_eq!(years, (1995..=2011).collect::<Vec<_>>());
    for year in &panels.years {
        assert_eq!(year.exposure.len(), 41);
        let used: f64 = year.exposure.iter().map(|c| c.use_tonnes).sum();
        let consumed: f64 = year.exposure.iter().map(|c| c.embodied_in_final_demand_tonnes).sum();
        // Leontief: what is used is in what is consumed
        assert!((used / year.use_tonnes - 1.0).abs() < 1e-4, "{}", year.year);
        assert!((consumed / used - 1.0).abs() < 1e-4, "{}", year.year);
    }
    let us: Vec<(i32, usize)> = panels.us.iter().map(|p| (p.year, p.industries.len())).collect();
    assert_eq!(us, [(2012, 405), (2017, 402)]);
}

#[test]
fn shipped_data_are_small() {
    let mut folders = vec![std::path::PathBuf::from(DATA)];
    let mut bytes = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let about = entry.metadata().unwrap();
            if about.is_dir() { folders.push(entry.path()) } else { bytes += about.len() }
        }
    }
    assert!(bytes < 8_000_000, "{bytes} bytes");
}

#[test]
fn elements_add_up_to_what_the_shipped_economy_buys() {
    let uses = element_use_2009().unwrap();
    let flows = calibration::rare_earths::economy::flows().unwrap();
    let critical = flows.labels.sector("Rare earths").unwrap();
    let mut bought = std::collections::BTreeMap::new();
    for u in &uses {
        let at = [flows.labels.country(&u.country).unwrap(), flows.labels.sector(&u.sector).unwrap()];
        *bought.entry(at).or_insert(0.0) += u.value;
    }
    for (at, value) in bought {
        let paid = flows.intermediate[[at[0], at[1], critical]];
        assert!((value - paid).abs() <= 1e-4 * paid + 2e-6, "{at:?}: {value} {paid}");
    }
    // the world uses what it mines
    let data = RareEarthData::embedded().unwrap();
    let world = data.volumes(2009, &Default::default()).unwrap().world;
    let used: f64 = uses.iter().map(|u| u.tonnes).sum();
    assert!(relative(used, world) < 1e-4, "{used} {world}");
    for element in Element::ALL {
        assert!(uses.iter().any(|u| u.element == element && u.tonnes > 0.0), "{element:?}");
    }
}
