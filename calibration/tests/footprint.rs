//! Footprints: Leontief identities, aggregation, and the world table itself.
#![allow(clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod common;
mod rare_earth_tables;

use calibration::bea::UseMake;
use calibration::footprint::{
    self, FootprintError, country_exposure, requirements, total_requirements, us_requirements,
};
use calibration::rare_earths::{CarveOut, Choices, Element, RareEarthData};
use calibration::table::{Inventories, Mapping, TableParts, WorldTable};
use calibration::wiod;
use common::{raw_data, relative};
use ndarray::{Array1, Array2, Axis, array};
use proptest::prelude::*;
use rare_earth_tables::{carve, data, large_table};

/// Final sales by industry of all buyers, `[N*S]`.
fn final_sales(table: &WorldTable) -> Array1<f64> {
    table.final_demand().sum_axis(Axis(1))
}

/// Use per unit of output of the sector called `Rare earths`, from the table alone.
fn direct_from_row(table: &WorldTable) -> Array2<f64> {
    let critical = table.sector("Rare earths").expect("the critical sector");
    let a = table.input_coefficients();
    let mut direct = Array2::zeros((1, table.output().len()));
    for i in 0..table.n_countries() {
        let mut sum = direct.row_mut(0);
        sum += &a.row(table.index(i, critical));
    }
    direct
}

fn embodied(table: &WorldTable) -> f64 {
    let total = total_requirements(table.input_coefficients().view(), direct_from_row(table).view())
        .expect("Leontief");
    total.row(0).dot(&final_sales(table))
}

fn value_used(carved: &CarveOut) -> f64 {
    carved.usage.value().sum()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    /// What final demand embodies is what is used: `d (I - A)^-1 f = d y`, in value and in tonnes of each element.
    #[test]
    fn final_demand_embodies_all_use(seed in any::<u64>()) {
        let carved = carve(&large_table(seed), 2009, 0.8);
        let r = requirements(&carved).expect("requirements");
        let finals = final_sales(&carved.table);
        let at = |i: usize, j: usize| finals[carved.table.index(i, j)];
        let value: f64 = r.total_value.indexed_iter().map(|((i, j), t)| t * at(i, j)).sum();
        prop_assert!(relative(value, value_used(&carved)) < 1e-9);
        let tonnes = carved.usage.tonnes_by_element().sum_axis(Axis(0)).sum_axis(Axis(0));
        for e in Element::ALL {
            let kg: f64 = r.total_kg.index_axis(Axis(2), e.index()).indexed_iter().map(|((i, j), t)| t * at(i, j)).sum();
            prop_assert!(relative(kg / 1000.0, tonnes[e.index()]) < 1e-9);
        }
        for (direct, total) in r.direct_value.iter().zip(&r.total_value) {
            prop_assert!(total >= direct);
        }
        let exposure = country_exposure(&carved, &r, &data().risk).expect("exposure");
        let consumed: f64 = exposure.iter().map(|e| e.embodied_in_final_demand_tonnes).sum();
        prop_assert!(relative(consumed, tonnes.sum()) < 1e-9);
        for e in &exposure {
            prop_assert!(e.risk_hhi <= e.hhi && e.hhi <= 1.0 + 1e-12);
            prop_assert!((0.0..=1.0).contains(&e.value_added_behind) && (0.0..=1.0).contains(&e.exports_intensive));
        }
    }

    /// Adding up any countries and sectors leaves what the world's final demand embodies.
    #[test]
    fn aggregation_keeps_the_embodied_total(seed in any::<u64>(), groups in prop::collection::vec(0_usize..3, 6), regions in prop::collection::vec(0_usize..3, 5)) {
        let carved = carve(&large_table(seed), 2009, 0.8);
        let pair = |code: &String, group: &usize| (code.clone(), format!("G{group}"));
        let mut sectors: Vec<_> = carved.table.sectors().iter().zip(&groups).map(|(c, g)| pair(c, g)).collect();
        sectors.push(("Rare earths".to_owned(), "Rare earths".to_owned()));
        let countries: Vec<_> = carved.table.countries().iter().zip(&regions).map(|(c, g)| pair(c, g)).collect();
        let small = carved.table.aggregate(&Mapping::new(countries, sectors).expect("mapping")).expect("aggregate");
        prop_assert!(relative(embodied(&small), value_used(&carved)) < 1e-9);
        prop_assert!(relative(embodied(&carved.table), value_used(&carved)) < 1e-9);
    }

    /// Industries with the same cost structure can be added up without changing anybody's requirements.
    #[test]
    fn aggregating_equal_industries_commutes(seed in any::<u64>(), share in 0.1_f64..0.9) {
        let carved = carve(&large_table(seed), 2009, 0.8);
        let table = &carved.table;
        // split the last ordinary sector of every country in two, of sizes share and 1 - share
        let (s, split) = (table.n_sectors(), table.n_sectors() - 2);
        let wide = s + 1;
        let source = |k: usize| match k % wide {
            j if j <= split => (k / wide) * s + j,
            j => (k / wide) * s + j - 1,
        };
        let weight = |k: usize| match k % wide {
            j if j == split => share,
            j if j == split + 1 => 1.0 - share,
            _ => 1.0,
        };
        let size = table.n_countries() * wide;
        let mut labels = table.sectors().to_vec();
        labels.insert(split + 1, "twin".to_owned());
        let parts = table.parts();
        let large = WorldTable::new(TableParts {
            sectors: labels,
            intermediate: Array2::from_shape_fn((size, size), |(r, c)| weight(r) * weight(c) * parts.intermediate[[source(r), source(c)]]),
            final_demand: Array2::from_shape_fn((size, parts.final_demand.ncols()), |(r, g)| weight(r) * parts.final_demand[[source(r), g]]),
            factor_payments: Array2::from_shape_fn((parts.factors.len(), size), |(f, c)| weight(c) * parts.factor_payments[[f, source(c)]]),
            ..parts.clone()
        }).expect("the split table balances");
        let before = total_requirements(large.input_coefficients().view(), direct_from_row(&large).view()).expect("Leontief");
        let after = total_requirements(table.input_coefficients().view(), direct_from_row(table).view()).expect("Leontief");
        for k in 0..size {
            prop_assert!((before[[0, k]] - after[[0, source(k)]]).abs() <= 1e-12 * after[[0, source(k)]].max(1e-6));
        }
    }
}

/// Three industries, the first using 1/4 of its output from itself: 1 / (1 - 1/4) = 4/3.
#[test]
fn total_requirements_are_leontiefs() {
    let a = array![[0.25, 0.5], [0.0, 0.0]];
    let total = total_requirements(a.view(), array![[0.3, 0.0]].view()).expect("Leontief");
    assert!((total[[0, 0]] - 0.4).abs() < 1e-15);
    assert!((total[[0, 1]] - 0.2).abs() < 1e-15);
    let singular = total_requirements(array![[1.0]].view(), array![[0.3]].view());
    assert!(matches!(singular, Err(FootprintError::Leontief(_))), "{singular:?}");
}

#[test]
fn detail_uses_what_the_country_uses() {
    let data = data();
    let mapping =
        data.mapping(&Choices { classification: "bea".to_owned(), ..Choices::default() }).expect("mapping");
    let mut industries: Vec<String> = Vec::new();
    for weight in mapping.end_uses.iter().flatten() {
        if !industries.contains(&weight.code) {
            industries.push(weight.code.clone());
        }
    }
    let n = industries.len();
    let table = WorldTable::new(TableParts {
        countries: vec!["USA".to_owned()],
        sectors: industries.clone(),
        year: 2012,
        unit: "million USD".to_owned(),
        factors: vec!["value added".to_owned()],
        final_categories: vec!["final".to_owned()],
        intermediate: Array2::from_shape_fn(
            (n, n),
            |(i, j)| if i == j { 0.0 } else { 20_000.0 / (n - 1) as f64 },
        ),
        final_demand: Array2::from_elem((n, 1), 30_000.0),
        factor_payments: Array2::from_elem((1, n), 30_000.0),
    })
    .expect("balances");
    let r = us_requirements(&data, &table, "bea", "base").expect("requirements");
    let kg: f64 = r.direct_kg.outer_iter().zip(table.output()).map(|(row, y)| row.sum() * y).sum();
    assert!(relative(kg / 1000.0, r.tonnes) < 1e-12);
    let value: f64 = r.direct_value.iter().zip(table.output()).map(|(d, y)| d * y).sum();
    assert!(relative(value, r.value) < 1e-12);
    assert!(r.total_value.iter().zip(&r.direct_value).all(|(t, d)| t > d));
    let error = us_requirements(&data, &table, "wiod2013", "base").expect_err("other codes");
    assert!(error.to_string().contains("industry 23"), "{error}");
    let several = us_requirements(&data, &large_table(1), "bea", "base").expect_err("five countries");
    assert!(several.to_string().contains("single country"), "{several}");
}

/// The United States in detail, both benchmark years and every alternative: what final uses embody is what is used.
#[test]
fn the_united_states_in_detail() {
    let Some(folder) = raw_data("bea_io") else { return };
    let data = data();
    for (year, tonnes) in [(2012, 15_000.0), (2017, 9_060.0)] {
        let (table, _) = UseMake::load(&folder, year).expect("BEA").industry_table().expect("table");
        for alternative in data.alternatives("bea").expect("alternatives") {
            let r = us_requirements(&data, &table, "bea", &alternative).expect("requirements");
            assert!(relative(r.tonnes, tonnes) < 1e-12, "{year}: {}", r.tonnes);
            let finals = final_sales(&table);
            let embodied: f64 = r.total_value.iter().zip(&finals).map(|(t, f)| t * f).sum();
            assert!(relative(embodied, r.value) < 1e-9, "{year} {alternative}: {embodied} {}", r.value);
            let mut order: Vec<usize> = (0..r.industries.len()).collect();
            order.sort_by(|a, b| r.total_value[*b].total_cmp(&r.total_value[*a]));
            println!("{year} {alternative} {:.0} t, {:.1} million USD", r.tonnes, r.value);
            for &j in order.iter().take(6) {
                println!(
                    "  {} direct {:.2e} total {:.2e}",
                    r.industries[j], r.direct_value[j], r.total_value[j]
                );
            }
            assert!(r.direct_value[order[0]] > 0.0);
        }
    }
}

/// The world in 2009: electrical and optical equipment first, China's supply everywhere, the mapping's leverage visible.
#[test]
fn world_2009() {
    let Some(folder) = raw_data("wiod2013") else { return };
    let data = RareEarthData::embedded().expect("embedded");
    let table = wiod::load(&folder, 2009, Inventories::Produced).expect("WIOD").table;
    let all = footprint::by_alternative(&data, &table, &Choices::default()).expect("footprints");
    let names: Vec<&str> = all.iter().map(|f| f.name.as_str()).collect();
    assert_eq!(names, ["base", "dominant", "upstream", "downstream"]);
    let first = |f: &footprint::Footprint| {
        f.requirements
            .world()
            .into_iter()
            .max_by(|a, b| a.total_value.total_cmp(&b.total_value))
            .expect("sectors")
            .sector
    };
    assert_eq!(first(&all[0]), "30t33");
    for f in &all {
        let consumed: f64 = f.exposure.iter().map(|e| e.embodied_in_final_demand_tonnes).sum();
        assert!(relative(consumed, 131_534.0) < 1e-9, "{consumed}");
        let china = f.exposure.iter().find(|e| e.country == "CHN").expect("China");
        assert!(china.home_share > 0.99 && china.risk_hhi < 1e-3);
    }
    let japan = all[0].exposure.iter().find(|e| e.country == "JPN").expect("Japan");
    assert!(japan.risk_hhi > 0.9 && japan.use_index > 0.0);
    // where a use is counted moves an industry's requirement by multiples: the reason for showing all of them
    let chemicals = |f: &footprint::Footprint| {
        f.requirements.world().into_iter().find(|s| s.sector == "24").expect("24").direct_value
    };
    assert!(chemicals(&all[2]) > 5.0 * chemicals(&all[0]));
}

/// The shipped intensities are those of the table, and rank the industries that the episode was about first.
#[test]
fn shipped_intensities() {
    let rows = footprint::intensity().expect("shipped");
    let of = |alternative: &str, country: &str, sector: &str| {
        let row =
            rows.iter().find(|r| r.alternative == alternative && r.country == country && r.sector == sector);
        row.unwrap_or_else(|| panic!("{alternative} {country} {sector}")).clone()
    };
    let electrical = of("base", footprint::intensity::WORLD, "30t33");
    let business = of("base", footprint::intensity::WORLD, "71t74");
    assert!(electrical.total_value > 10.0 * business.total_value);
    assert_eq!(business.direct_value, 0.0);
    for row in &rows {
        assert!(
            row.total_value >= row.direct_value * (1.0 - 1e-5)
                && row.total_kg >= row.direct_kg * (1.0 - 1e-5),
            "{row:?}"
        );
    }
    let Some(folder) = raw_data("wiod2013") else { return };
    let table = wiod::load(&folder, 2009, Inventories::Produced).expect("WIOD").table;
    let all = footprint::by_alternative(&data(), &table, &Choices::default()).expect("footprints");
    for f in &all {
        for s in f.requirements.world() {
            let shipped = of(&f.name, footprint::intensity::WORLD, &s.sector);
            assert!((shipped.total_value - s.total_value).abs() <= 1e-5 * s.total_value, "{shipped:?} {s:?}");
        }
    }
}
