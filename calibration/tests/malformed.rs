//! What is wrong with a file of raw data is named: the file, the line or cell, and what should stand there.

#![allow(clippy::unwrap_used)]

mod common;
mod rare_earth_tables;

use calibration::bea::{self, UseMake};
use calibration::caliendo_parro::NaftaData;
use calibration::flows_csv;
use calibration::patents::Patents;
use calibration::rare_earths::{
    CarveSettings, ChinaExports, Choices, Facts, Files, IndustryMapping, OreComposition, Origins, PriceTable,
    RareEarthData, Regions, RestrictionRisk, VolumeSettings, Volumes,
};
use calibration::sea::{FACTORS, Sea};
use calibration::table::{Mapping, WorldTable};
use calibration::us_klems::Accounts;
use common::random_table;
use model_core::Metadata;
use ndarray::{Array1, Array2};
use rare_earth_tables::{data, large_table, small_mapping};
use std::fmt::{Debug, Display};
use std::ops::RangeInclusive;
use std::path::Path;

#[track_caller]
fn refused<T: Debug, E: Display + Debug>(result: Result<T, E>, message: &str) {
    assert_eq!(result.map(|_| ()).unwrap_err().to_string(), message);
}

fn here() -> &'static Path {
    Path::new("raw.csv")
}

#[test]
fn socio_economic_accounts() {
    let read = |text: &str| Sea::from_reader(here(), text.as_bytes());
    refused(
        read("country,industry,1995\nA,x,1\n"),
        "raw.csv has no column `variable`; its columns are: country, industry, 1995",
    );
    refused(
        read("country,variable,industry,unit\nA,GO,x,1\n"),
        "raw.csv has nothing for any year (columns named by a year)",
    );
    refused(
        read("country,variable,industry,1995\nA,GO,x,1\nA,VA,x,n.a.\n"),
        "raw.csv line 3: column `1995` holds `n.a.`, where a finite number is needed",
    );
    refused(
        read("country,variable,industry,1995\nA,GO,x,1\nA,VA,x,1\nA,GO,x,2\n"),
        "raw.csv line 4: a second row for A, GO, x",
    );
    let sea = read("country,variable,industry,2009\nC0,GO,S0,1\n").unwrap();
    refused(
        sea.exchange_rates(&random_table(2, 2, 1), &Array1::ones(3)),
        "published output has 3 entries, but the table has 4",
    );
    // Shares that do not add up are refused by the table, with the industry.
    let table = random_table(2, 2, 1);
    let mut shares = Array2::from_elem((4, 4), 0.25);
    shares[[1, 2]] = 0.75;
    refused(
        table.with_factor_shares(FACTORS.map(str::to_owned).to_vec(), &shares),
        "the factor shares of C1.S0 sum to 1.5, not to one",
    );
}

#[test]
fn production_accounts_of_the_united_states() {
    let read =
        |accounts: &str, names: &str| Accounts::from_readers(here(), accounts.as_bytes(), names.as_bytes());
    let names = "industry_id,industry\n1,Farms\n2936,Transport\n";
    refused(
        read("industry_id,year,GO\n1,1963,10\n1,1964,11\n29,1963,5\n", names),
        "raw.csv has nothing for industry 29 in 1964",
    );
    refused(
        read("industry_id,year,GO\n1,1963,10\n1,1963,11\n", names),
        "raw.csv line 3: a second row for industry 1, 1963",
    );
    refused(
        read("industry_id,year,GO\n1,1963,\n", names),
        "raw.csv line 2: column `GO` holds ``, where a number is needed",
    );
    refused(read("industry_id,year,GO\n37,1963,1\n", names), "raw.csv has nothing for industry 37");
    refused(
        read("industry_id,year,GO\n1,MCMLXIII,1\n", names),
        "raw.csv line 2: column `year` holds `MCMLXIII`, where a year, a whole number between 1900 and 2100 is needed",
    );
}

#[test]
fn use_and_make_tables_of_the_united_states() {
    let uses = "code,11,22,F01000\n11,1,2,5\n22,2,1,6\nV00100,2,3,0\nV00200,1,1,0\nV00300,1,3,0\n";
    let make = "code,11,22\n11,6,1\n22,1,9\n";
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    let load = || {
        UseMake::load(folder.path(), 2012)
            .map_err(|e| e.to_string().replace(&folder.path().display().to_string(), "raw"))
    };
    refused(load(), "raw has nothing for a file named Detail_Use_2012_PRO_BeforeRedef*.csv or .csv.gz");
    assert!(!bea::has_year(folder.path(), 2012));
    let (of_use, of_make) =
        ("Detail_Use_2012_PRO_BeforeRedef_405.csv", "Detail_Make_2012_BeforeRedef_405.csv");
    write(of_use, uses);
    write(of_make, make);
    load().unwrap();
    assert!(bea::has_year(folder.path(), 2012));
    write(of_make, &make.replace("22,1,9", "22,-1,9"));
    refused(load(), &format!("raw/{of_make}: 22 makes -1 of 11; output cannot be negative"));
    write(of_make, &make.replace("22,1,9", "11,1,9"));
    refused(load(), &format!("raw/{of_make} line 3: a second row for code 11"));
    write(of_make, make);
    write(of_use, &uses.replace("V00200", "V00900"));
    refused(load(), &format!("raw/{of_use} has nothing for the row V00200"));
    write(of_use, &uses.replace("code,11,22", "code,11,23"));
    refused(load(), &format!("raw/{of_use} has nothing for the column 22"));
    write(of_use, &uses.replace("F01000", "T01000"));
    refused(load(), &format!("raw/{of_use} has nothing for industries, commodities and final uses"));
}

#[test]
fn counts_of_patents_and_their_concordance() {
    let fields = "Code,Description\nW35F01,Optics\n";
    let concordance = "NACE,W35F01\n26,0.75\n27,0.25\n";
    let counts =
        "kind,field,path,year,value\nipf,optics,World,1998,10\nipf,optics,World -> Asia -> Japan,1998,4\n";
    let read = |counts: &str, concordance: &str| {
        Patents::from_readers(here(), counts.as_bytes(), fields.as_bytes(), concordance.as_bytes())
    };
    read(counts, concordance).unwrap();
    refused(
        read(counts, &concordance.replace("0.25", "0.5")),
        "raw.csv: the probabilities of field W35F01 sum to 1.25, not one",
    );
    refused(read(counts, &concordance.replace("27,", "26,")), "raw.csv line 3: a second row for division 26");
    refused(
        read(counts, &concordance.replace("W35F01", "W35F02")),
        "raw.csv has no column `W35F01`; its columns are: NACE, W35F02",
    );
    refused(
        read(&counts.replace("ipf,optics,World ->", "ipf,alchemy,World ->"), concordance),
        "raw.csv line 3: column `field` holds `alchemy`, where one of the 35 WIPO fields is needed",
    );
    refused(
        read(&counts.replace("ipf,optics,World ->", "design,optics,World ->"), concordance),
        "raw.csv line 3: column `kind` holds `design`, where uspto_utility or ipf is needed",
    );
    refused(
        read(&counts.replace(",4\n", ",-4\n"), concordance),
        "raw.csv line 3: column `value` holds `-4`, where a number that is not negative is needed",
    );
    refused(
        read(&counts.replace(",4\n", ",14\n"), concordance),
        "raw.csv: countries have 4 patents more than the world",
    );
    refused(
        read(&counts.replace("World,1998", "World -> Asia,1998"), concordance),
        "raw.csv has nothing for the world (a path without `->`)",
    );
    let twice = format!("{counts}ipf,optics,World -> Asia -> Japan,1998,3\n");
    refused(
        read(&twice, concordance),
        "raw.csv line 4: a second row for ipf, optics, World -> Asia -> Japan, 1998",
    );
}

#[test]
fn data_of_the_nafta_experiment() {
    let good = [
        "sector,country,gross_output_1993,value_added_share\nx,CAN,100,.5\ny,CAN,50,1\nx,USA,300,.4\ny,USA,90,1\n",
        "sector,importer,exporter,imports_1993_thousand_usd,tariff_1993_pct,tariff_2005_pct\nx,CAN,USA,5,3,0\nx,USA,CAN,4,2,0\n",
        "country,using_sector,input_x,input_y\nCAN,x,.5,.5\nCAN,y,0,0\nUSA,x,.7,.3\nUSA,y,0,0\n",
        "sector,theta\nx,5\ny,8.22\n",
    ];
    NaftaData::from_texts(here(), good).unwrap();
    let changed = |file: usize, from: &str, to: &str| {
        assert!(good[file].contains(from), "{from}");
        let text = good[file].replacen(from, to, 1);
        let mut texts = good;
        texts[file] = &text;
        NaftaData::from_texts(here(), texts).map(|_| ())
    };
    refused(changed(0, "y,USA,90,1\n", ""), "raw.csv has nothing for USA, y");
    refused(changed(0, "y,CAN,50", "x,CAN,50"), "raw.csv line 3: a second row for CAN, x");
    refused(
        changed(0, "300,.4", "300,40"),
        "raw.csv line 4: column `value_added_share` holds `40`, where a share between 0 and 1 is needed",
    );
    refused(
        changed(1, "x,CAN,USA", "x,CAN,CAN"),
        "raw.csv line 2: column `exporter` holds `CAN`, where another country than the importer is needed",
    );
    refused(changed(1, "x,CAN,USA", "x,CAN,MEX"), "raw.csv line 2: unknown country `MEX`");
    refused(changed(1, "x,USA,CAN", "x,CAN,USA"), "raw.csv line 3: a second row for CAN, USA, x");
    refused(changed(2, "USA,x,.7", "USA,x,.9"), "raw.csv: the input shares of USA, x sum to 1.2, not to one");
    refused(
        changed(2, "USA,x,.7", "USA,x,-.7"),
        "raw.csv line 4: column `input_x` holds `-.7`, where a share that is not negative is needed",
    );
    refused(changed(2, "USA,y,0,0\n", ""), "raw.csv has nothing for USA, y");
    refused(changed(2, "USA,y", "USA,x"), "raw.csv line 5: a second row for USA, x");
    refused(changed(3, "y,8.22\n", ""), "raw.csv has nothing for sector y");
    refused(changed(3, "y,8.22", "x,8.22"), "raw.csv line 3: a second row for x");
    refused(
        changed(3, "y,8.22", "y,-8.22"),
        "raw.csv line 3: column `theta` holds `-8.22`, where a positive elasticity is needed",
    );
    refused(changed(0, "x,CAN", ",CAN"), "raw.csv: sector number 1 has an empty name: give it one");
}

#[test]
fn flows_as_text() {
    let flows = random_table(2, 2, 9).to_flows(Array1::from_elem(2, 5.0), Metadata::default()).unwrap();
    let good = flows_csv::write(&flows).unwrap();
    let changed = |file: usize, from: &str, to: &str| {
        assert!(good[file].contains(from), "{from}");
        let mut texts = good.clone();
        texts[file] = texts[file].replacen(from, to, 1);
        let [a, b, c, d, e, f] = &texts;
        flows_csv::read(Path::new("own"), [a, b, c, d, e, f]).map(|_| ())
    };
    refused(changed(5, "S1,5\n", ""), "own/sectors.csv has nothing for sector S1");
    refused(changed(4, "C1,S0", "C2,S0"), "own/final.csv line 4: unknown country `C2`");
    refused(changed(4, "C1,S0", "C0,S0"), "own/final.csv line 4: a second row for C0, S0");
    refused(
        changed(1, "value", "worth"),
        "own/trade.csv has no column `value`; its columns are: importer, exporter, sector, worth",
    );
    let error = changed(0, "\"kappa\"", "\"kapa\"").unwrap_err().to_string();
    assert!(error.starts_with("own/economy.json: unknown field `kapa`"), "{error}");
    let folder = tempfile::tempdir().unwrap();
    let error = flows_csv::load(folder.path()).map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("economy.json"), "{error}");
}

#[test]
fn mappings() {
    let read = |bytes: &[u8]| Mapping::from_csv(bytes).map(|_| ()).unwrap_err().to_string();
    let error = read(b"kind,from,to\ncountry,A\n");
    assert!(error.contains("line: 2") && error.contains("found record with 2 fields"), "{error}");
    assert!(read(b"kind,from,to\ncountry,\xff\xfe,B\n").contains("line 2"));
    assert!(read(b"kind,from,to\nplanet,A,B\n").contains("line 2"));
}

/// The shipped facts with one file changed.
fn with(file: &str, change: impl FnOnce(&str) -> String) -> Files {
    let mut files = Files::embedded();
    let text = change(files.text(file));
    assert_ne!(text, files.text(file));
    assert!(files.replace(file, &text));
    files
}

/// A file without the rows that begin so.
fn without(file: &str, beginning: &str) -> Files {
    with(file, |text| {
        text.lines().filter(|l| !l.starts_with(beginning)).fold(String::new(), |t, l| t + l + "\n")
    })
}

#[test]
fn volumes_of_rare_earths() {
    let facts = Facts::embedded().unwrap();
    let volumes = |year: i32, settings: VolumeSettings| Volumes::new(&facts, year, &settings);
    let defaults = VolumeSettings::default;
    let recorded = |unrecorded| ChinaExports::Recorded { unrecorded };
    refused(
        volumes(2009, VolumeSettings { series: "mine".to_owned(), ..defaults() }),
        "no mine output of series mine in 2009; add rows to production.csv or choose another series",
    );
    refused(
        volumes(2009, VolumeSettings { other_share: 0.5, ..defaults() }),
        "other_share is 0.5, must be at least 0, below 0.5",
    );
    refused(
        volumes(2009, VolumeSettings { oxide_per_product: 0.0, ..defaults() }),
        "oxide_per_product is 0, must be above zero",
    );
    refused(
        volumes(2009, VolumeSettings { china_exports: recorded(-1.0), ..defaults() }),
        "unrecorded is -1, must be at least 0",
    );
    refused(
        volumes(1996, VolumeSettings { china_exports: recorded(0.0), ..defaults() }),
        "no customs exports of China in 1996; add a row to china_policy.csv or use ChinaExports::Consumption",
    );
    let smuggled = volumes(2009, VolumeSettings { china_exports: recorded(9.0), ..defaults() });
    let message = smuggled.unwrap_err().to_string();
    assert!(
        message.starts_with("no room for use outside China in 2009: mine output ")
            && message.ends_with("; check consumption.csv and china_policy.csv"),
        "{message}"
    );
    let silent = Facts::parse(&without("consumption.csv", "JPN,use,")).unwrap();
    refused(
        Volumes::new(&silent, 2009, &defaults()),
        "no consumption of JPN; add a row with item `use` to consumption.csv",
    );
}

#[test]
fn chinas_share_of_the_worlds_output_is_held_outside_the_years_of_its_consumption() {
    // Only 2005 is stated. The source's output of places without a row of their own is nobody's, in either year.
    let files = with("consumption.csv", |text| {
        text.lines()
            .filter(|l| !l.starts_with("CHN,use,") || l.starts_with("CHN,use,2005,"))
            .fold(String::new(), |t, l| t + l + "\n")
    });
    let facts = Facts::parse(&files).unwrap();
    let settings = VolumeSettings { series: "USGS".to_owned(), ..VolumeSettings::default() };
    let share = |year: i32| {
        let volumes = Volumes::new(&facts, year, &settings).unwrap();
        volumes.use_by_region[calibration::rare_earths::Region::China.index()] / volumes.world
    };
    assert!((share(2004) - share(2005)).abs() < 1e-12, "{} and {}", share(2004), share(2005));
    assert!((share(2010) - share(2005)).abs() < 1e-12, "{} and {}", share(2010), share(2005));
}

#[test]
fn prices_of_rare_earths() {
    let facts = Facts::embedded().unwrap();
    refused(
        PriceTable::new(&facts, RangeInclusive::new(2010, 2005)),
        "no years in 2010..=2005; give the first year first",
    );
    let prices = PriceTable::new(&facts, 2005..=2012).unwrap();
    refused(
        prices.composite(calibration::rare_earths::Market::Fob, 2030),
        "no prices for 2030; this price table covers 2005..=2012",
    );
    // Yttrium moves with dysprosium; without either's quotes it has none.
    let mut files = without("prices.csv", "Y,");
    let companions = without("price_companions.csv", "Y,");
    files.replace("price_companions.csv", companions.text("price_companions.csv"));
    refused(
        PriceTable::new(&Facts::parse(&files).unwrap(), 2005..=2012),
        "no quote for Y in any year; add a row to prices.csv or a companion to price_companions.csv",
    );
}

#[test]
fn files_that_assign_rare_earths() {
    let facts = Facts::embedded().unwrap();
    refused(
        IndustryMapping::parse(&Files::embedded(), &facts, "wiod2013", "mine"),
        "no industry for wiod2013, mine, fcc_catalysts; add rows to industries.csv",
    );
    refused(
        Origins::parse(&Files::embedded(), &facts, "isic", "base"),
        "no origin for isic, base; add rows to origins.csv",
    );
    let heavy = with("origins.csv", |t| t.replace("wiod2013,base,24,0.7", "wiod2013,base,24,0.9"));
    let message = Origins::parse(&heavy, &facts, "wiod2013", "base").unwrap_err().to_string();
    assert!(message.starts_with("origins.csv: weights of wiod2013, base sum to 1.2"), "{message}");
    let regions = Regions::parse(&without("regions.csv", "*,")).unwrap();
    refused(regions.of("ATL"), "no region of ATL; add rows to regions.csv");
    let risk = RestrictionRisk::parse(&without("restriction_risk.csv", "*,"), &facts).unwrap();
    refused(risk.of("ATL"), "no restriction risk of ATL; add rows to restriction_risk.csv");
    let ores = OreComposition::parse(&without("ore_composition.csv", "Bayan Obo,CHN,La"), &facts);
    let message = ores.unwrap_err().to_string();
    assert!(message.starts_with("ore_composition.csv: weights of Bayan Obo sum to 0.7"), "{message}");
    let ores = OreComposition::parse(&without("ore_composition.csv", "Bayan Obo,CHN,output"), &facts);
    let message = ores.unwrap_err().to_string();
    assert!(message.starts_with("ore_composition.csv: weights of CHN sum to 0.4"), "{message}");
    let twice = with("regions.csv", |t| t.to_owned() + "AUS,other\n");
    refused(Regions::parse(&twice), "regions.csv: \"AUS\" is given twice; keep one row");
    let ragged = with("regions.csv", |t| t.replace("AUS,other\n", "AUS\n"));
    let message = Regions::parse(&ragged).unwrap_err().to_string();
    assert!(message.starts_with("regions.csv, line 3: ") && message.contains("1 field"), "{message}");
    // A mapping for other industries names those that it lacks.
    let none = std::collections::BTreeMap::new();
    let message = data().mapping(&Choices::default()).unwrap().aggregate(&none).unwrap_err().to_string();
    assert_eq!(message, "no aggregate for industry 23; add rows to the aggregation mapping");
}

/// A carve-out of a small table with choices or the table changed.
fn carved(
    choices: impl FnOnce(&mut Choices),
    table: impl FnOnce(&mut calibration::table::TableParts),
) -> String {
    let data: RareEarthData = data();
    let mut parts = large_table(3).into_parts();
    table(&mut parts);
    let mut changed = Choices::default();
    choices(&mut changed);
    let origins = Origins::parse(&data.files, &data.facts, "wiod2013", "base").unwrap();
    let table = WorldTable::new(parts).unwrap();
    data.carve_out_with(&table, &changed, &small_mapping(&data), &origins)
        .map(|_| ())
        .unwrap_err()
        .to_string()
}

#[test]
fn tables_and_settings_that_rare_earths_cannot_be_carved_out_with() {
    assert_eq!(carved(|c| c.carve.beta_r = 1.0, |_| ()), "beta_r is 1, must be above 0 and below 1");
    assert_eq!(
        carved(|c| c.carve = CarveSettings { mining: "B".to_owned(), ..CarveSettings::default() }, |_| ()),
        "no sector B in the table; check origins.csv and CarveSettings::mining"
    );
    assert_eq!(
        carved(|_| (), |t| t.sectors[2] = "20".to_owned()),
        "no sector 24 in the table; origins.csv names it; aggregate the mapping with the table, or choose another classification"
    );
    let message = carved(|c| c.carve.rest_of_world = "ROW".to_owned(), |_| ());
    assert!(
        message.starts_with("no country for the mines of ")
            && message.ends_with(" in the table; set CarveSettings::rest_of_world to a country of the table"),
        "{message}"
    );
    // Japan uses rare earths, and the table has no Japan.
    assert_eq!(
        carved(|_| (), |t| t.countries[1] = "KOR".to_owned()),
        "no country of region japan in the table, where rare earths are used; give a country this region in regions.csv"
    );
    let message = carved(|_| (), |t| t.year = 1950);
    assert!(message.starts_with("no mine output of series BGS in 1950"), "{message}");
}
