//! The rare-earth facts, prices and volumes, and the carve-out on random tables.
#![allow(clippy::expect_used, clippy::panic)]

mod common;
mod rare_earth_tables;

use calibration::rare_earths::facts::PolicyMeasure;
use calibration::rare_earths::{
    ChinaExports, Choices, Element, Facts, Files, Fill, IndexForm, IndustryMapping, Market, OreComposition,
    Origins, PriceTable, RareEarthData, Region, Regions, RestrictionRisk, SectorPrices, Status,
    VolumeSettings, Volumes, episode,
};
use calibration::table::{Mapping, WorldTable};
use common::relative;
use ndarray::{Array2, Axis};
use proptest::prelude::*;
use rare_earth_tables::{carve, large_table, try_carve};

fn facts() -> Facts {
    Facts::embedded().expect("the embedded facts are valid")
}

fn prices() -> PriceTable {
    PriceTable::new(&facts(), 1995..=2018).expect("prices")
}

fn volumes(year: i32) -> Volumes {
    Volumes::new(&facts(), year, &VolumeSettings::default()).expect("volumes")
}

#[test]
fn every_embedded_file_parses() {
    let (files, facts) = (Files::embedded(), facts());
    assert_eq!(files.names().count(), 14);
    OreComposition::parse(&files, &facts).expect("ores");
    for (classification, least) in [("wiod2013", 4), ("bea", 4)] {
        let names = IndustryMapping::alternatives(&files, &facts, classification).expect("alternatives");
        assert!(names.len() >= least, "{names:?}");
        for name in names {
            IndustryMapping::parse(&files, &facts, classification, &name).expect("mapping");
        }
    }
    for name in ["base", "chemicals", "mining"] {
        Origins::parse(&files, &facts, "wiod2013", name).expect("origins");
    }
    Regions::parse(&files).expect("regions");
    RestrictionRisk::parse(&files, &facts).expect("risk");
}

#[test]
fn china_mined_98_2_percent_in_2010() {
    let volumes = volumes(2010);
    assert!((volumes.china_share() - 0.982).abs() < 5e-4, "{}", volumes.china_share());
    let world: f64 = volumes.mines.iter().map(|m| m.1).sum();
    assert_eq!(world, 121_027.0);
    assert_eq!(facts().world_output("BGS", 2010).map(|w| w.0), Some(121_027.0));
}

#[test]
fn quotas_are_those_of_the_sources() {
    let facts = facts();
    let quota = |year| facts.policy_volume(PolicyMeasure::ExportQuota, year).map(|q| q.value);
    assert_eq!(quota(2009), Some(50_145.0));
    assert_eq!(quota(2010), Some(30_258.0));
    assert_eq!(quota(2015), None);
    for row in facts.policy.iter().filter(|p| p.measure == PolicyMeasure::ExportQuota) {
        let parts: f64 = facts
            .policy
            .iter()
            .filter(|p| {
                p.measure == row.measure
                    && p.year == row.year
                    && p.holder != calibration::rare_earths::facts::Holder::Total
            })
            .map(|p| p.value)
            .sum();
        let total = quota(row.year).expect("a total for every year");
        assert!(parts == 0.0 || parts == total, "{}: {parts} of {total}", row.year);
    }
}

#[test]
fn duties_are_averaged_over_days() {
    let facts = facts();
    assert_eq!(facts.oxide_duty(Element::Nd, 2005).0, 0.0);
    assert!((facts.oxide_duty(Element::Nd, 2006).0 - 0.10 * 61.0 / 365.0).abs() < 1e-12);
    assert!((facts.oxide_duty(Element::Nd, 2007).0 - 0.10).abs() < 1e-12);
    assert!((facts.oxide_duty(Element::Dy, 2009).0 - 0.25).abs() < 1e-12);
    assert!((facts.oxide_duty(Element::Dy, 2015).0 - 0.25 * 120.0 / 365.0).abs() < 1e-12);
    assert_eq!(facts.oxide_duty(Element::Dy, 2016).0, 0.0);
}

#[test]
fn prices_say_how_they_were_filled() {
    let table = prices();
    let price = |market, year, element| table.price(market, year, element).expect("price");
    let la = price(Market::Fob, 2009, Element::La);
    assert_eq!((la.usd_per_kg, la.fill, la.status), (4.88, Fill::Annual, Status::Read));
    let ce = price(Market::Fob, 2013, Element::Ce);
    assert_eq!((ce.usd_per_kg, ce.fill), (0.5 * (11.0 + 5.5), Fill::YearEnds));
    // a domestic price that includes value-added tax is taken without it
    let nd = price(Market::Domestic, 2012, Element::Nd);
    assert!((nd.usd_per_kg - 75.335 / 1.17).abs() < 1e-12);
    assert_eq!(nd.fill, Fill::Within);
    // 2009: the quota did not bind, so the wedge is the duty
    let domestic = price(Market::Domestic, 2009, Element::La);
    assert!((domestic.usd_per_kg * 1.15 - 4.88).abs() < 1e-12);
    assert_eq!((domestic.fill, domestic.status), (Fill::Wedge, Status::Derived));
    assert_eq!(price(Market::Fob, 2009, Element::Gd).fill, Fill::Companion);
    assert_eq!(price(Market::Fob, 1995, Element::Nd).fill, Fill::Held);
    assert_eq!(price(Market::Fob, 1995, Element::Nd).status, Status::Assumption);
    assert!(table.price(Market::Fob, 2030, Element::La).is_err());
}

#[test]
fn every_price_is_positive_and_the_composite_is_a_mean() {
    let table = prices();
    for year in 1995..=2018 {
        for market in [Market::Fob, Market::Domestic] {
            let all = table.prices(market, year).expect("prices");
            assert!(all.iter().all(|p| *p > 0.0 && p.is_finite()));
            let composite = table.composite(market, year).expect("composite");
            let (low, high) = all.iter().fold((f64::MAX, 0.0_f64), |(l, h), p| (l.min(*p), h.max(*p)));
            assert!(low < composite && composite < high);
        }
        for element in Element::ALL {
            let ratio = table.price(Market::Fob, year, element).expect("fob").usd_per_kg
                / table.price(Market::Domestic, year, element).expect("domestic").usd_per_kg;
            if element != Element::Other {
                let wedge = table.wedge(year, element).expect("wedge");
                assert!((ratio / wedge - 1.0).abs() < 1e-12, "{year} {element}: {ratio} {wedge}");
            }
        }
    }
}

#[test]
fn volumes_close() {
    for year in 1995..=2018 {
        let v = volumes(year);
        assert!(relative(v.use_by_region.iter().sum(), v.world) < 1e-12);
        assert!(v.use_by_region.iter().all(|u| *u > 0.0));
    }
    let v = volumes(2009);
    assert_eq!(v.use_by_region[Region::China.index()], 73_000.0);
    assert_eq!(v.exports.recorded, Some(43_895.0));
    assert_eq!(v.exports.total, 129_400.0 - 73_000.0);
    let settings = VolumeSettings {
        china_exports: ChinaExports::Recorded { unrecorded: 0.0 },
        ..VolumeSettings::default()
    };
    let recorded = Volumes::new(&facts(), 2009, &settings).expect("volumes");
    assert!(relative(recorded.exports.total, 43_895.0) < 1e-12);
}

fn largest_difference(a: &Array2<f64>, b: &Array2<f64>) -> f64 {
    a.iter().zip(b).map(|(x, y)| (x - y).abs()).fold(0.0, f64::max)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_carve_out_conserves_and_can_be_undone(seed in any::<u64>(), beta_r in 0.5_f64..0.9, year in 1995_i32..=2012) {
        let table = large_table(seed);
        let carved = carve(&table, year, beta_r);
        let new = &carved.table;
        let critical = carved.sector();

        // every market clears: the table's own constructor asks for 1e-9, here it is 1e-10 of output
        let cost = new.intermediate().sum_axis(Axis(0)) + new.factor_payments().sum_axis(Axis(0));
        for (output, cost) in new.output().iter().zip(&cost) {
            prop_assert!((output - cost).abs() <= 1e-10 * output.max(1.0));
        }
        // totals by country
        let old_output = table.output_by_country().sum_axis(Axis(1));
        let new_output = new.output_by_country().sum_axis(Axis(1));
        let old_added = table.value_added_by_country().sum_axis(Axis(1));
        let new_added = new.value_added_by_country().sum_axis(Axis(1));
        for c in 0..5 {
            prop_assert!(relative(old_output[c], new_output[c]) < 1e-9);
            prop_assert!(relative(old_added[c], new_added[c]) < 1e-9);
        }
        // trade between every two countries
        let bilateral = |t: &WorldTable| {
            let (p, s) = (t.purchases(), t.n_sectors());
            Array2::from_shape_fn((5, 5), |(n, i)| (0..s).map(|j| p[[n, i * s + j]]).sum::<f64>())
        };
        for (a, b) in bilateral(&table).iter().zip(&bilateral(new)) {
            prop_assert!(relative(*a, *b) < 1e-9);
        }
        // sectors that are not origins sell what they sold
        let (old_sector, new_sector) = (table.output_by_country(), new.output_by_country());
        for c in 0..5 {
            for j in [1, 4, 5] {
                prop_assert!(relative(old_sector[[c, j]], new_sector[[c, j]]) < 1e-9);
            }
        }
        // the new sector sells what is used and pays beta_r to its resource
        prop_assert!(relative(carved.output.sum(), carved.usage.value().sum()) < 1e-9);
        let factors = new.factor_payments();
        for c in 0..5 {
            let resource = factors[[new.factors().len() - 1, new.index(c, critical)]];
            let tax = carved.export_revenue[c];
            prop_assert!(relative(resource - tax, beta_r * (carved.output[c] - tax)) < 1e-9);
            // a duty is on file from November 2006, for Chinese exports only
            prop_assert_eq!(tax > 0.0, c == 0 && year >= 2006);
        }
        // all factor income but the resource's rent, which leaves capital
        let old_factors = table.factor_payments().sum_axis(Axis(1));
        let new_factors = factors.sum_axis(Axis(1));
        prop_assert!(relative(old_factors[0], new_factors[0] + new_factors[2]) < 1e-9);
        prop_assert!(relative(old_factors[1], new_factors[1]) < 1e-9);

        let back = carved.restore().expect("the table before");
        let scale = table.output().iter().fold(0.0_f64, |m, y| m.max(*y));
        prop_assert!(largest_difference(back.intermediate(), table.intermediate()) <= 1e-9 * scale);
        prop_assert!(largest_difference(back.factor_payments(), table.factor_payments()) <= 1e-9 * scale);
        prop_assert_eq!(back.final_demand(), table.final_demand());
        prop_assert_eq!(back.sectors(), table.sectors());
    }

    #[test]
    fn use_has_the_years_volumes(seed in any::<u64>(), year in 1995_i32..=2012) {
        let table = large_table(seed);
        let carved = carve(&table, year, 0.8);
        let volumes = volumes(year);
        let tonnes = carved.usage.total_tonnes();
        prop_assert!(relative(tonnes.sum(), volumes.world) < 1e-9);
        for (c, region) in [(0, Region::China), (1, Region::Japan), (2, Region::UnitedStates), (3, Region::Europe), (4, Region::Other)] {
            prop_assert!(relative(tonnes.row(c).sum(), volumes.use_by_region[region.index()]) < 1e-9);
        }
        // each element in the world proportions of 2008
        let by_element = carved.usage.tonnes_by_element().sum_axis(Axis(0)).sum_axis(Axis(0));
        let facts = facts();
        let world: f64 = facts.end_uses.iter().map(|e| e.total()).sum();
        for element in Element::ALL {
            let fact: f64 = facts.end_uses.iter().map(|e| e.tonnes[element.index()]).sum();
            prop_assert!(relative(by_element[element.index()], fact * volumes.world / world) < 1e-9);
        }
        // mines deliver what they mine
        let delivered = carved.trade_tonnes().sum_axis(Axis(0));
        prop_assert!(relative(delivered[0], volumes.mine("CHN")) < 1e-9);
        let exports = delivered[0] - carved.trade_tonnes()[[0, 0]];
        // China imports little, so its exports are the accounts' exports plus those imports
        let imports = tonnes.row(0).sum() - carved.trade_tonnes()[[0, 0]];
        prop_assert!(relative(exports - imports, volumes.exports.total) < 1e-9);
    }

    /// Carving, then adding sectors up, conserves what carving conserves.
    #[test]
    fn aggregation_after_carving_keeps_the_sector(seed in any::<u64>()) {
        let carved = carve(&large_table(seed), 2009, 0.8);
        let pairs = [("C", "goods"), ("23", "goods"), ("24", "origin"), ("27t28", "origin"), ("30t33", "users"), ("34t35", "users"), ("Rare earths", "Rare earths")];
        let mapping = Mapping::new(vec![], pairs.map(|(a, b)| (a.to_owned(), b.to_owned())).to_vec()).expect("mapping");
        let small = carved.table.aggregate(&mapping).expect("aggregate");
        let critical = small.sector("Rare earths").expect("kept");
        for c in 0..5 {
            prop_assert!(relative(small.output_by_country()[[c, critical]], carved.output[c]) < 1e-12);
        }
    }
}

#[test]
fn a_table_too_small_for_the_carve_out_says_where() {
    let mut parts = large_table(1).into_parts();
    for array in [&mut parts.intermediate, &mut parts.final_demand, &mut parts.factor_payments] {
        *array *= 1e-4;
    }
    let table = WorldTable::new(parts).expect("balances");
    let error = try_carve(&table, 2009, 0.8).expect_err("too small");
    assert!(error.to_string().contains("to be carved out of"), "{error}");
}

#[test]
fn wrong_files_are_named() {
    let cases = [
        ("production.csv", "series,place,year,t_reo,status,source\nBGS,CHN,2009,-5,read,bgs\n", "t_reo"),
        (
            "production.csv",
            "series,place,year,t_reo,status,source\nBGS,CHN,2009,5,read,nobody\n",
            "sources.csv",
        ),
        (
            "prices.csv",
            "item,market,period,kind,vat,usd_per_kg,status,source\nLa,mars,2009,annual,no,5,read,bgs\n",
            "market",
        ),
        ("end_uses.csv", "end_use,label\nmagnets,Magnets\n", "header"),
    ];
    for (name, text, expected) in cases {
        let mut files = Files::embedded();
        assert!(files.replace(name, text));
        let error = Facts::parse(&files).expect_err("wrong").to_string();
        assert!(error.contains(name) && error.contains(expected), "{error}");
    }
    let mut files = Files::embedded();
    let lighter = files
        .text("industries.csv")
        .replace("wiod2013,base,metallurgy,27t28,1.0", "wiod2013,base,metallurgy,27t28,0.9");
    files.replace("industries.csv", &lighter);
    let error =
        IndustryMapping::parse(&files, &facts(), "wiod2013", "base").expect_err("weights").to_string();
    assert!(error.contains("metallurgy") && error.contains("0.9"), "{error}");
}

#[test]
fn the_episode_has_the_known_figures() {
    let data = RareEarthData::embedded().expect("embedded");
    let rows = episode(&data, 2005..=2018).expect("episode");
    assert_eq!(rows.len(), 14);
    let of = |year: i32| rows.iter().find(|r| r.year == year).expect("year");
    assert_eq!(of(2010).export_quota.map(|q| q.value), Some(30_258.0));
    assert_eq!(of(2010).exports.map(|q| (q.value, q.status)), Some((39_813.0, Status::Read)));
    assert!((of(2010).china_share.expect("share").value - 0.9824).abs() < 1e-4);
    assert!(of(2015).export_quota.is_none());
    assert!((of(2009).duty_heavy.value - 0.25).abs() < 0.01, "{:?}", of(2009).duty_heavy);
    assert!(of(2011).fob.value / of(2009).fob.value > 10.0, "a tenfold price rise");
    assert!(of(2011).wedge.value > 1.9 && of(2017).wedge.value < 1.02);
    // recalled prices show as recalled, filled ones as assumption
    assert_eq!(of(2011).fob_by_element[Element::La.index()].status, Status::Recalled);
    assert!(of(2011).fob.status >= Status::Recalled);
}

#[test]
fn sector_price_indices_follow_their_elements() {
    let data = RareEarthData::embedded().expect("embedded");
    let mapping = data.mapping(&Choices::default()).expect("mapping");
    let years: Vec<i32> = (2007..=2014).collect();
    let of = |form| SectorPrices::new(&data, &mapping, Market::Fob, &years, 2009, form).expect("indices");
    let (fixed, geometric) = (of(IndexForm::Laspeyres), of(IndexForm::Geometric));
    let price = |year, element| data.prices.price(Market::Fob, year, element).expect("price").usd_per_kg;
    for prices in [&fixed, &geometric] {
        for row in prices.value_share.outer_iter().chain(prices.tonnes_share.outer_iter()) {
            assert!((row.sum() - 1.0).abs() < 1e-12);
        }
        for sector in &prices.sectors {
            assert!((prices.get(sector, 2009).expect("index") - 1.0).abs() < 1e-12);
            // between the smallest and the largest rise of an element
            let rises = Element::ALL.map(|e| price(2011, e) / price(2009, e));
            let (low, high) = rises.iter().fold((f64::MAX, 0.0_f64), |(l, h), r| (l.min(*r), h.max(*r)));
            let index = prices.get(sector, 2011).expect("index");
            assert!(low < index && index < high, "{sector} {index}");
        }
    }
    for sector in &fixed.sectors {
        // the geometric mean is below the arithmetic one
        assert!(geometric.get(sector, 2011) < fixed.get(sector, 2011));
        let j = fixed.sectors.iter().position(|s| s == sector).expect("sector");
        let ratio = fixed.level[[j, 4]] / fixed.level[[j, 2]];
        assert!(relative(ratio, fixed.get(sector, 2011).expect("index")) < 1e-12);
    }
    // refineries use lanthanum with a tenth of cerium
    let la = fixed.get("23", 2011).expect("index");
    let shares = [17_800.0 * price(2009, Element::La), 1_980.0 * price(2009, Element::Ce)];
    let expected = (shares[0] * price(2011, Element::La) / price(2009, Element::La)
        + shares[1] * price(2011, Element::Ce) / price(2009, Element::Ce))
        / (shares[0] + shares[1]);
    assert!(relative(la, expected) < 1e-12);
}
