//! The satellite data against their own identities and known totals.

mod common;

use calibration::patents::{Kind, Patents, REST};
use calibration::sea::Sea;
use calibration::table::Inventories;
use calibration::table::{TableParts, WorldTable};
use calibration::us_klems::Accounts;
use calibration::{bea, wiod};
use common::{raw_data, relative};
use ndarray::{Array1, Array2, Axis, array};
use std::path::Path;

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

/// Value added made as `A H^s K^(1-s)` has productivity `A`, whatever hours and capital do.
#[test]
fn productivity_of_a_cobb_douglas_industry_is_its_efficiency() {
    let years = [2000, 2001, 2002, 2003, 2004];
    let (efficiency, hours, capital) =
        ([1.0, 1.1, 0.9, 1.3, 1.4], [100.0_f64, 90.0, 120.0, 80.0, 85.0], [50.0_f64, 60.0, 55.0, 70.0, 71.0]);
    let share = 0.6;
    let made = |t: usize| efficiency[t] * hours[t].powf(share) * capital[t].powf(1.0 - share);
    let line = |variable: &str, of: &dyn Fn(usize) -> String| {
        format!("A,{variable},x,{}\n", (0..5).map(of).collect::<Vec<_>>().join(","))
    };
    let accounts = |gap: Option<usize>| {
        let text = "country,variable,industry,2000,2001,2002,2003,2004\n".to_owned()
            + &line("VA", &|t| (10.0 * (t + 1) as f64).to_string())
            + &line("LAB", &|t| (10.0 * share * (t + 1) as f64).to_string())
            + &line("VA_QI", &|t| if gap == Some(t) { String::new() } else { made(t).to_string() })
            + &line("H_EMP", &|t| hours[t].to_string())
            + &line("K_GFCF", &|t| capital[t].to_string());
        Sea::from_reader(Path::new("sea.csv"), text.as_bytes()).unwrap()
    };
    let index = accounts(None).productivity("A", "x", &years);
    for (index, efficiency) in index.iter().zip(efficiency) {
        assert!((index - efficiency).abs() < 1e-12, "{index} against {efficiency}");
    }
    // From the first year with data, and to the first gap: no year is made up.
    let late = accounts(Some(0)).productivity("A", "x", &years);
    assert!(late[0].is_nan() && (late[1] - 1.0).abs() < 1e-12);
    assert!((late[4] - efficiency[4] / efficiency[1]).abs() < 1e-12);
    let broken = accounts(Some(2)).productivity("A", "x", &years);
    assert!((broken[1] - 1.1).abs() < 1e-12 && broken[2..].iter().all(|v| v.is_nan()));
    assert!(accounts(None).productivity("B", "x", &years).iter().all(|v| v.is_nan()));
}

#[test]
fn factor_shares_come_from_the_accounts_from_an_earlier_year_or_from_the_sector_elsewhere() {
    let text = "country,variable,industry,1999,2000\nA,VA,x,10,20\nA,LAB,x,4,10\nA,LABHS,x,.5,.25\nA,LABMS,x,.3,.25\nA,LABLS,x,.2,.5\n\
        A,VA,y,10,20\nA,LAB,y,12,14\nA,LABHS,y,1,\nA,LABMS,y,0,\nA,LABLS,y,0,\nA,GO,x,30,60\nA,GO,y,30,40\n";
    let sea = Sea::from_reader(Path::new("sea.csv"), text.as_bytes()).unwrap();
    let table = WorldTable::new(TableParts {
        countries: vec!["A".into(), "B".into()],
        sectors: vec!["x".into(), "y".into()],
        year: 2000,
        unit: "USD".into(),
        factors: vec!["value added".into()],
        final_categories: vec!["use".into()],
        intermediate: Array2::zeros((4, 4)),
        final_demand: array![[12.0, 0.0], [8.0, 0.0], [0.0, 1.0], [0.0, 2.0]],
        factor_payments: array![[12.0, 8.0, 1.0, 2.0]],
    })
    .unwrap();
    let shares = sea.factor_shares(&table);
    // x: half to labour, a quarter of it highly skilled. y: wages of 1999 exceed value added, so that there is no capital.
    assert_eq!(shares.shares.column(0).to_vec(), [0.5, 0.125, 0.125, 0.25]);
    assert_eq!(shares.shares.column(1).to_vec(), [0.0, 1.0, 0.0, 0.0]);
    assert_eq!((shares.earlier, shares.without_capital), (vec!["A.y".to_owned()], vec!["A.y".to_owned()]));
    // B is in no account: its sectors have A's shares.
    assert_eq!(shares.filled, ["B.x", "B.y"]);
    assert_eq!(shares.shares.column(2), shares.shares.column(0));
    assert_eq!(shares.shares.column(3), shares.shares.column(1));
    // 60 + 40 of local currency for 12 + 8 USD.
    let rates = sea.exchange_rates(&table, &Array1::from(vec![12.0, 8.0, 1.0, 2.0])).unwrap();
    assert_eq!(rates.len(), 1);
    assert_eq!((rates[0].country.as_str(), rates[0].rate), ("A", 5.0));
}

/// With every commodity made by one industry, market shares are one and the industry table is the use table.
#[test]
fn industries_that_make_one_commodity_each_buy_what_the_use_table_says() {
    // `S` is imported alone: nobody makes it, and `b` uses 2 of it.
    let uses = "code,a,b,T001,F01000,F03000\nA,1,2,3,6,1\nB,3,1,4,5,-1\nS,0,2,2,0,0\nT005,4,5,9,11,0\n\
        V00100,3,2,5,0,0\nV00200,1,0,1,0,0\nV00300,2,1,3,0,0\n";
    let make = "code,A,B,S,T008\na,10,0,0,10\nb,0,8,0,8\nT007,10,8,0,18\n";
    let tables =
        bea::UseMake::from_readers(Path::new("bea"), 2012, uses.as_bytes(), make.as_bytes()).unwrap();
    assert_eq!(tables.industries, ["a", "b"]);
    assert_eq!(tables.commodity_output().to_vec(), [10.0, 8.0, 0.0]);
    let (table, report) = tables.industry_table().unwrap();
    assert_eq!(table.intermediate(), array![[1.0, 2.0], [3.0, 1.0]]);
    assert_eq!(table.output().to_vec(), [10.0, 8.0]);
    // Compensation, taxes, surplus as the residual, and what no industry makes.
    assert_eq!(table.factors().last().map(String::as_str), Some(bea::NOT_PRODUCED));
    assert_eq!(table.factor_payments().column(0).to_vec(), [3.0, 1.0, 2.0, 0.0]);
    assert_eq!(table.factor_payments().column(1).to_vec(), [2.0, 0.0, 1.0, 2.0]);
    assert!(report.steps.iter().all(|step| step.changed == 0), "{report:?}");
}
