//! The satellite data against their own identities and known totals.

mod common;

use calibration::patents::{Kind, Patents, REST};
use calibration::sea::Sea;
use calibration::table::Inventories;
use calibration::us_klems::Accounts;
use calibration::{bea, wiod};
use common::{raw_data, relative};
use ndarray::Axis;

#[test]
fn output_over_output_is_one_exchange_rate_per_country_and_year() {
    let (Some(folder), Some(tables)) = (raw_data("wiod_sea2013"), raw_data("wiod2013")) else { return };
    let sea = Sea::load(&folder).unwrap();
    for year in [1995, 2009, 2011] {
        let wiod = wiod::load(&tables, year, Inventories::Keep).unwrap();
        let rates = sea.exchange_rates(&wiod.table, &wiod.published_output).unwrap();
        assert_eq!(rates.len(), 40, "all but the rest of the world");
        for rate in &rates {
            assert!(rate.dispersion < 1e-3, "{year}: {rate:?}");
        }
        let of = |code: &str| rates.iter().find(|r| r.country == code).unwrap().rate;
        assert!((of("USA") - 1.0).abs() < 1e-5);
        if year == 2009 {
            assert!(relative(of("CHN"), 6.8314) < 1e-4 && relative(of("JPN"), 93.4545) < 1e-4);
            assert!(relative(of("DEU"), of("FRA")) < 1e-4, "one euro");
        }
    }
}

#[test]
fn accounts_add_up() {
    let Some(folder) = raw_data("wiod_sea2013") else { return };
    let sea = Sea::load(&folder).unwrap();
    for country in ["USA", "CHN", "JPN", "DEU"] {
        for year in [1995, 2005, 2011] {
            let value = |variable| sea.value(country, variable, "30t33", year).unwrap();
            assert!(relative(value("GO"), value("II") + value("VA")) < 1e-6, "{country} {year}");
        }
        assert!(sea.value(country, "LABHS", "30t33", 2010).is_none());
    }
}

#[test]
fn factor_shares_cover_every_industry() {
    let (Some(folder), Some(tables)) = (raw_data("wiod_sea2013"), raw_data("wiod2013")) else { return };
    let sea = Sea::load(&folder).unwrap();
    let table = wiod::load(&tables, 2010, Inventories::Produced).unwrap().table;
    let shares = sea.factor_shares(&table);
    assert!(shares.earlier.len() > 1_000, "skills end in 2009");
    assert!(shares.shares.iter().all(|share| (0.0..=1.0).contains(share)));
    assert!(shares.filled.iter().filter(|label| label.starts_with("RoW.")).count() == 35);
    let industry = table.index(table.country("USA").unwrap(), table.sector("30t33").unwrap());
    // LAB / VA = 197688.3 / 273393.6, of which 0.6127043 highly skilled.
    assert!((shares.shares[[1, industry]] - 197_688.3 / 273_393.6 * 0.612_704_3).abs() < 1e-6);
    let before = table.value_added();
    let split = table
        .with_factor_shares(calibration::sea::FACTORS.map(str::to_owned).to_vec(), &shares.shares)
        .unwrap();
    for (new, old) in split.value_added().iter().zip(&before) {
        assert!(relative(*new, *old) < 1e-12);
    }
    println!("filled {}, without capital {}", shares.filled.len(), shares.without_capital.len());
}

#[test]
fn us_tables_have_the_known_value_added() {
    let Some(folder) = raw_data("bea_io") else { return };
    for (year, industries, total) in [(2012, 405, 16_253_960.0), (2017, 402, 19_612_089.0)] {
        let tables = bea::UseMake::load(&folder, year).unwrap();
        assert_eq!(tables.industries.len(), industries);
        assert_eq!(tables.value_added.sum(), total, "{year}");
        let (table, report) = tables.industry_table().unwrap();
        for step in &report.steps {
            println!("{year}: {step:?}");
        }
        // The industry-by-industry table keeps output, and value added up to rounding and moved scrap.
        // The published rows of about 400 rounded cells miss the published totals by up to 26.
        assert!(
            report.steps[1].largest < 26.0 && report.steps[1].total / tables.make.sum() < 1e-4,
            "{report:?}"
        );
        let added: f64 = (0..3).map(|factor| table.factor_payments().row(factor).sum()).sum();
        assert!(relative(added, total) < 2e-4, "{year}: {added}");
        let names = bea::industry_names(&folder, year).unwrap();
        assert!(tables.industries.iter().filter(|code| !names.contains_key(*code)).count() <= 2);
        assert!(names["2122A0"].contains("mining"), "{}", names["2122A0"]);
        let made = tables.commodity_output();
        let used: f64 = tables
            .uses
            .rows()
            .into_iter()
            .zip(&made)
            .filter(|(_, made)| **made > 0.0)
            .map(|(row, _)| row.iter().filter(|v| **v > 0.0).sum::<f64>())
            .sum();
        assert!(relative(table.intermediate().sum(), used) < 1e-9, "market shares sum to one");
    }
}

#[test]
fn us_productivity_is_indexed_to_the_first_year() {
    let Some(folder) = raw_data("us_klems") else { return };
    let accounts = Accounts::load(&folder).unwrap();
    assert_eq!((accounts.industries().len(), accounts.years().len()), (63, 61));
    let tfp = accounts.variable("TFPGO").unwrap();
    assert!(tfp.column(0).iter().all(|v| *v == 1.0));
    let (output, inputs, added) = (
        accounts.variable("GO").unwrap(),
        accounts.variable("II").unwrap(),
        accounts.variable("VA").unwrap(),
    );
    for ((go, ii), va) in output.iter().zip(inputs).zip(added) {
        assert!((go - ii - va).abs() < 0.02);
    }
    let (_, name) = &accounts.industries()[12];
    assert_eq!(name, "Computer and electronic products");
}

#[test]
fn patents_are_counted_once() {
    let Some(folder) = raw_data("patents") else { return };
    let patents = Patents::load(&folder).unwrap();
    assert_eq!((patents.years().len(), patents.fields().len(), patents.divisions().len()), (23, 35, 88));
    assert_eq!(patents.places().last().map(String::as_str), Some(REST));
    assert!(["Japan", "United States", "China"].iter().all(|c| patents.places().iter().any(|p| p == c)));
    assert!(!patents.places().iter().any(|p| p == "EU-27" || p == "Asia" || p.starts_with("Other")));
    for kind in Kind::ALL {
        let (fields, industries) = (patents.by_field(kind).unwrap(), patents.by_industry(kind).unwrap());
        for year in 0..23 {
            let (a, b) = (fields.index_axis(Axis(2), year).sum(), industries.index_axis(Axis(2), year).sum());
            assert!(relative(a, b) < 1e-12, "{a} {b}");
        }
        // World grants of audio-visual technology in 1998: 8048.
        if kind == Kind::UsptoUtility {
            let field = patents.fields().iter().position(|f| f == "Audio-visual technology").unwrap();
            let world: f64 = fields.index_axis(Axis(0), field).column(0).sum();
            assert!((world - 8048.0).abs() < 1.0, "{world}");
        }
    }
}
