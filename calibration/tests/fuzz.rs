//! Every parser on thousands of damaged files: an error or a result, never a panic.
//!
//! Inputs are small valid files with bytes changed, removed, doubled, swapped or replaced by what parsers stumble over; the
//! sequence is seeded, so a failure repeats.
#![allow(clippy::expect_used)]

mod common;

use calibration::caliendo_parro::{ElasticityData, NaftaData};
use calibration::footprint::FootprintPanels;
use calibration::panels::Panel;
use calibration::patent_text::{
    exchange, industries::Concordance, labelled, model::TextModel, rules::Rules, terms::Terms,
};
use calibration::patents::Patents;
use calibration::sea::Sea;
use calibration::substitution;
use calibration::table::{Inventories, Mapping};
use calibration::trade_elasticity::unit_values;
use calibration::us_klems::Accounts;
use calibration::wiod::WiodLabels;
use calibration::{LoadError, bea, flows_csv, icio, official, store, table_csv, wiod};
use common::{Random, random_table};
use model_core::{Metadata, synthetic::Recipe};
use ndarray::{Array1, Array2};
use ndarray_npy::NpzWriter;
use std::io::Cursor;
use std::path::Path;

const ROUNDS: usize = 10_000;

const STUMBLES: [&[u8]; 16] = [
    b"",
    b",",
    b"\n",
    b"\"",
    b"-",
    b"NaN",
    b"inf",
    b"1e308",
    b"-1e308",
    b"1e-320",
    b"99999999999999999999",
    b"\xff\xfe",
    b"\0",
    b"0",
    b"#",
    b"\xf0\x9f\x92\xa5",
];

/// One to four random changes.
fn damage(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len() + 1);
        let end = (at + random.below(8)).min(bytes.len());
        match random.below(6) {
            0 if at < bytes.len() => bytes[at] = random.next() as u8,
            1 => drop(bytes.drain(at..end)),
            2 => {
                let copy = bytes[at..end].to_vec();
                bytes.splice(at..at, copy);
            }
            3 => {
                let word = STUMBLES[random.below(STUMBLES.len())];
                bytes.splice(at..end, word.iter().copied());
            }
            4 => bytes.truncate(at),
            _ if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
            _ => {}
        }
    }
    bytes
}

/// Runs `parse` on damaged versions of `files`, one of them damaged each time, and counts what still parses.
fn fuzz(files: &[Vec<u8>], mut parse: impl FnMut(&[Vec<u8>]) -> bool) {
    assert!(parse(files), "the undamaged files must parse");
    let mut random = Random(2010);
    let mut accepted = 0;
    for _ in 0..ROUNDS {
        let mut damaged = files.to_vec();
        let which = random.below(files.len());
        damaged[which] = damage(&damaged[which], &mut random);
        accepted += usize::from(parse(&damaged));
    }
    // A mutation that no parser could ever refuse, or accept, would test nothing.
    assert!(accepted < ROUNDS, "every damaged file was accepted");
    assert!(accepted > 0, "no damaged file was accepted");
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn here() -> &'static Path {
    Path::new("fuzzed")
}

#[test]
fn mapping() {
    let file = b"kind,from,to,note\n# all\ncountry,A,X,\ncountry,*,Y,rest\nsector,1,one,\"a, b\"\n".to_vec();
    let table = random_table(2, 2, 1);
    fuzz(&[file], |files| match Mapping::from_csv(files[0].as_slice()) {
        Ok(mapping) => {
            let _ = table.aggregate(&mapping);
            true
        }
        Err(_) => false,
    });
}

#[test]
fn long_table() {
    let file = table_csv::write(&random_table(2, 2, 5)).into_bytes();
    fuzz(&[file], |files| table_csv::from_reader(here(), files[0].as_slice(), 2000, "USD").is_ok());
}

#[test]
fn oecd_table() {
    let file = b"V1,AUS_A,AUS_B,CN1_A,CN1_B,AUS_HFCE,CHN_HFCE,OUT\nAUS_A,1,2,0,1,9,3,16\nAUS_B,2,1,1,0,8,2,14\nCN1_A,0,1,2,1,1,9,14\n\
        CN1_B,1,0,1,3,2,9,16\nTLS,1,1,1,1,0,0,4\nVA,11,9,9,10,0,0,39\nOUT,16,14,14,16,0,0,60\n";
    fuzz(&[file.to_vec()], |files| icio::from_reader(here(), files[0].as_slice(), 2018).is_ok());
}

#[test]
fn accounts() {
    let file = b"country,variable,industry,1995,1996\nA,GO,TOT,10,11\nA,LAB,TOT,4,\nA,LAB,x,4,\nA,VA,x,6,7\nA,LABHS,x,.5,.5\nA,LABMS,x,.3,.3\n\
        A,LABLS,x,.2,.2\n";
    let table = random_table(2, 2, 3);
    fuzz(&[file.to_vec()], |files| match Sea::from_reader(here(), files[0].as_slice()) {
        Ok(sea) => {
            let _ = sea.factor_shares(&table);
            let _ = sea.exchange_rates(&table, table.output());
            true
        }
        Err(_) => false,
    });
}

#[test]
fn us_tables() {
    let uses = b"\"\",\"11\",\"22\",\"T001\",\"F01000\",\"F03000\"\n\"11\",1,2,3,5,-1\n\"22\",2,1,3,6,1\n\"T005\",3,3,6,11,0\n\"V00100\",2,3,5,0,0\n\
        \"V00200\",1,1,2,0,0\n\"V00300\",1,3,4,0,0\n";
    let make = b"\"\",\"11\",\"22\",\"T008\"\n\"11\",6,1,7\n\"22\",1,9,10\n";
    fuzz(&[uses.to_vec(), make.to_vec()], |files| {
        match bea::UseMake::from_readers(here(), 2012, files[0].as_slice(), files[1].as_slice()) {
            Ok(tables) => {
                let _ = tables.industry_table();
                true
            }
            Err(_) => false,
        }
    });
}

#[test]
fn data_of_gretl() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("hall.gdt");
    let file = b"<?xml version=\"1.0\"?>\n<gretldata name=\"hall\">\n<variables count=\"2\">\n<variable name=\"a\"\n label=\"x &amp; y\"\n/>\n\
        <variable name=\"b\"/>\n</variables>\n<observations count=\"2\">\n<obs>1.5 2 </obs>\n<obs>3 4.25 </obs>\n</observations>\n</gretldata>\n";
    fuzz(&[file.to_vec()], |files| {
        std::fs::write(&path, &files[0]).expect("a temporary file");
        let mut take = |_: &str, _: &[u8]| Ok::<(), calibration::LoadError>(());
        calibration::official::convert("gmm", std::slice::from_ref(&path), &mut take).is_ok()
    });
}

#[test]
fn us_productivity() {
    let accounts = b"industry_id,year,GO,TFPGO\n1,1963,10,1\n1,1964,11,1.1\n29,1963,5,1\n29,1964,6,.9\n";
    let names = b"industry_id,industry\n1,Farms\n2936,\"Transportation, and warehousing\"\n";
    fuzz(&[accounts.to_vec(), names.to_vec()], |files| {
        Accounts::from_readers(here(), files[0].as_slice(), files[1].as_slice()).is_ok()
    });
}

#[test]
fn patents() {
    let counts = b"kind,field,path,entity,year,value,modal_id\nipf,optics,World,World,1998,10,1\nipf,optics,World -> Asia,Asia,1998,6,1\n\
        ipf,optics,World -> Asia -> Japan,Japan,1998,4,1\nuspto_utility,control,World,World,1999,3,1\n";
    let fields = b"Code,Description\nW35F01,Optics\nW35F02,Control\n";
    let concordance = b"NACE,W35F01,W35F02\n26,0.75,0.5\n27,0.25,0.5\n";
    fuzz(&[counts.to_vec(), fields.to_vec(), concordance.to_vec()], |files| {
        match Patents::from_readers(here(), files[0].as_slice(), files[1].as_slice(), files[2].as_slice()) {
            Ok(patents) => {
                for kind in calibration::patents::Kind::ALL {
                    let _ = patents.by_industry(kind);
                }
                true
            }
            Err(_) => false,
        }
    });
}

#[test]
fn nafta() {
    let files = [
        "sector,country,gross_output_1993,value_added_share\nx,CAN,100,.5\ny,CAN,50,1\nx,USA,300,.4\ny,USA,90,1\n",
        "sector,importer,exporter,imports_1993_thousand_usd,tariff_1993_pct,tariff_2005_pct\nx,CAN,USA,5,3,0\nx,USA,CAN,4,2,0\n",
        "country,using_sector,input_x,input_y\nCAN,x,.5,.5\nCAN,y,0,0\nUSA,x,.7,.3\nUSA,y,0,0\n",
        "sector,theta\nx,5\ny,8.22\n",
    ];
    let files: Vec<Vec<u8>> = files.iter().map(|file| file.as_bytes().to_vec()).collect();
    fuzz(&files, |files| {
        let texts: Vec<String> = files.iter().map(|file| text(file)).collect();
        match NaftaData::from_texts(here(), [&texts[0], &texts[1], &texts[2], &texts[3]]) {
            Ok(data) => {
                let _ = model_core::Economy::from_parts(data.parts());
                true
            }
            Err(_) => false,
        }
    });
}

#[test]
fn elasticity_sample() {
    let mut file = String::from(
        "isic_rev3_2digit,sector,importer,exporter,imports_1993_thousand_usd,gross_tariff_1989,gross_tariff_1990,gross_tariff_1991,\
         gross_tariff_1992,gross_tariff_1993,gross_tariff_1994,gross_tariff_1995\n",
    );
    for (row, pair) in ["A,B", "A,C", "B,A", "B,C", "C,A", "C,B"].iter().enumerate() {
        file += &format!("24,Chemicals,{pair},{}.5,,,,1.0{row},,1.1,\n", row + 2);
    }
    fuzz(&[file.into_bytes()], |files| match ElasticityData::from_reader(here(), files[0].as_slice()) {
        Ok(data) => {
            let _ = data.pooled().theta(&estimation::Vcov::Hc1);
            true
        }
        Err(_) => false,
    });
}

#[test]
fn flows() {
    let table = random_table(2, 2, 9);
    let flows = table.to_flows(Array1::from_elem(2, 5.0), Metadata::default()).expect("flows");
    let files: Vec<Vec<u8>> = flows_csv::write(&flows).expect("text").map(String::into_bytes).to_vec();
    fuzz(&files, |files| {
        let texts: Vec<String> = files.iter().map(|file| text(file)).collect();
        let texts = [&*texts[0], &*texts[1], &*texts[2], &*texts[3], &*texts[4], &*texts[5]];
        match flows_csv::read(here(), texts) {
            Ok(flows) => {
                let _ = model_core::Economy::from_flows(flows);
                true
            }
            Err(_) => false,
        }
    });
}

fn archive(add: impl FnOnce(&mut NpzWriter<Cursor<Vec<u8>>>), packed: bool) -> Vec<u8> {
    let writer = Cursor::new(Vec::new());
    let mut npz = if packed { NpzWriter::new_compressed(writer) } else { NpzWriter::new(writer) };
    add(&mut npz);
    npz.finish().expect("an archive").into_inner()
}

#[test]
fn world_table_archive() {
    let labels = WiodLabels {
        countries: vec!["A".into(), "B".into()],
        industries: vec!["x".into()],
        descriptions: vec!["all".into()],
        final_categories: vec!["c41".into(), "c42".into()],
    };
    for packed in [false, true] {
        let file = archive(
            |npz| {
                npz.add_array("inter", &Array2::from_elem((2, 2), 3_i32)).expect("written");
                npz.add_array("final", &Array2::from_shape_fn((2, 4), |(i, j)| 7 - 2 * (i * j) as i32))
                    .expect("written");
                npz.add_array("output", &Array1::from_elem(2, 30_i32)).expect("written");
            },
            packed,
        );
        fuzz(&[file], |files| {
            wiod::from_reader(here(), Cursor::new(&files[0]), &labels, 2000, Inventories::Produced).is_ok()
        });
    }
}

#[test]
fn saved_economy() {
    let mut random = Random(4);
    let economy = Recipe::new(2, 2, 1).draw(&mut || random.uniform()).expect("an economy");
    let home = tempfile::tempdir().expect("a folder");
    store::save(&economy, &home.path().join("saved")).expect("saved");
    let read = |name: &str| std::fs::read(home.path().join("saved").join(name)).expect("a file");
    fuzz(&[read(store::ECONOMY_JSON), read(store::ARRAYS_NPZ)], |files| {
        store::from_readers(here(), files[0].as_slice(), Cursor::new(&files[1])).is_ok()
    });
}

#[test]
fn panel() {
    let file = b"country,industry,2008,2009\nCHN,c1,1.5,2\nJPN,c2,,3e2\n".to_vec();
    fuzz(&[file], |files| Panel::from_csv(here(), &text(&files[0])).is_ok());
}

#[test]
fn us_industry_names() {
    let folder = tempfile::tempdir().expect("a folder for damaged files");
    let file = b"\"\",\"BEA_2012_Detail_Industry_Code\",\"BEA_2012_Detail_Industry_Name\"\n\"1\",\"1111A0\",\"Oilseed farming\"\n".to_vec();
    fuzz(&[file], |files| {
        std::fs::write(folder.path().join("Detail_IndustryCodeName_2012.csv"), &files[0])
            .expect("a damaged file");
        bea::industry_names(folder.path(), 2012).is_ok()
    });
}

#[test]
fn footprint_panels() {
    let whole = FootprintPanels::shipped().expect("shipped footprints").to_texts();
    // a few rows of each: the parser is the same on more
    let files: Vec<Vec<u8>> = [6, 8, 8]
        .iter()
        .zip(&whole)
        .map(|(rows, text)| text.split_inclusive('\n').take(*rows).flat_map(str::bytes).collect())
        .collect();
    fuzz(&files, |files| {
        FootprintPanels::from_texts([&text(&files[0]), &text(&files[1]), &text(&files[2])]).is_ok()
    });
}

/// The heading and the first rows of a file.
fn beginning(file: &str, rows: usize) -> Vec<u8> {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("data/patents").join(file));
    let text = text.expect("a shipped file");
    text.split_inclusive('\n').take(1 + rows).flat_map(str::bytes).collect()
}

#[test]
fn unit_values() {
    let file = b"importer,good,exporter,year,value,quantity\nUSA,1,CHN,2001,2,4\nUSA,1,CHN,2002,3,4\nUSA,1,DEU,2001,1,1\n\
        USA,1,DEU,2002,1.5,1\nUSA,2,DEU,2001,1,1\n";
    fuzz(&[file.to_vec()], |files| unit_values::from_reader(here(), files[0].as_slice()).is_ok());
}

#[test]
fn rules_terms_and_labelled_texts() {
    fuzz(&[beginning("rules.csv", 12)], |files| Rules::from_reader(here(), files[0].as_slice()).is_ok());
    fuzz(&[beginning("terms.csv", 12)], |files| Terms::from_reader(here(), files[0].as_slice()).is_ok());
    fuzz(&[beginning("labelled.csv", 3)], |files| labelled::from_reader(here(), files[0].as_slice()).is_ok());
}

#[test]
fn text_models() {
    let zeros = vec!["0.25"; 18].join(",");
    let file = format!(
        "{{\"words\":{{\"cerium\":[0,1.5],\"magnet\":[1,2.5]}},\"coefficients\":[{zeros}],\"penalty\":1e-3,\"gradient\":1e-9}}"
    );
    let terms = Terms::shipped().expect("they are shipped");
    fuzz(&[file.into_bytes()], |f| match serde_json::from_slice::<TextModel>(&f[0]) {
        Ok(model) => model.probabilities("a cerium magnet", &terms).iter().all(|p| (0.0..=1.0).contains(p)),
        Err(_) => false,
    });
}

#[test]
fn fields_and_sectors_of_patents() {
    let files = [
        b"field,codes\nMotors,H02K H02P\nGlass,C03B C03C\n".to_vec(),
        b"field,c26,c27\nMotors,0.25,0.75\nGlass,1,0\n".to_vec(),
    ];
    fuzz(&files, |files| {
        Concordance::from_readers(here(), files[0].as_slice(), here(), files[1].as_slice()).is_ok()
    });
}

#[test]
fn answers_of_labellers() {
    let file = b"{\"id\": \"1\", \"labeller\": \"a\", \"class\": \"use\"}\n\n{\"id\": \"2\", \"labeller\": \"b\", \"class\": \"mining\"}\n";
    fuzz(&[file.to_vec()], |files| {
        let answers = exchange::read_labels(files[0].as_slice(), |id| id == "1" || id == "2")
            .expect("a reader in memory");
        // Every line that is not blank is taken or rejected.
        let lines = files[0].split(|b| *b == b'\n').filter(|l| !String::from_utf8_lossy(l).trim().is_empty());
        assert_eq!(answers.taken as usize + answers.rejected.len(), lines.count());
        answers.rejected.is_empty()
    });
}

#[test]
fn panels_of_patents_and_spending() {
    let files = [
        b"country,sector,market,year,patents_critical,patents_other,price_critical,price_other,spending_critical,spending_other\n\
        USA,motors,outside,2009,3,10,1,1,2,9\nUSA,motors,outside,2010,4,9,1.5,1,2,8\n\
        CHN,motors,inside,2009,1,8,1,1,3,9\nCHN,motors,inside,2010,1,9,1.1,1,3,8\n"
            .to_vec(),
        b"sector,element,weight\nmotors,Nd,.75\nmotors,Dy,.25\n".to_vec(),
        b"market,element,year,quota\noutside,Nd,2010,.5\noutside,Dy,2010,.7\n".to_vec(),
    ];
    let folder = tempfile::tempdir().expect("a folder for damaged files");
    fuzz(&files, |files| {
        for (name, file) in ["panel.csv", "exposure.csv", "shocks.csv"].iter().zip(files) {
            std::fs::write(folder.path().join(name), file).expect("a damaged file");
        }
        substitution::Panel::read(folder.path()).is_ok()
    });
}

/// What Stata and R wrote, each by itself: `official::convert` reads files.
fn gravity(name: &str, files: &[&[u8]]) {
    let folder = tempfile::tempdir().expect("a folder");
    let paths: Vec<_> = (0..files.len()).map(|k| folder.path().join(format!("{k} {name}"))).collect();
    let files: Vec<Vec<u8>> = files.iter().map(|file| file.to_vec()).collect();
    fuzz(&files, |files| {
        for (path, file) in paths.iter().zip(files) {
            std::fs::write(path, file).expect("a file");
        }
        official::convert::<LoadError>("gravity", &paths, &mut |_, _| Ok(())).is_ok()
    });
}

#[test]
fn stata_data() {
    gravity("Log of Gravity.dta", &[include_bytes!("gravity/Log of Gravity.dta")]);
}

#[test]
fn r_data() {
    gravity("agtpa_applications.rda", &[include_bytes!("gravity/plain.rda")]);
}

#[test]
fn packed_r_data() {
    gravity("agtpa_applications.rda", &[include_bytes!("gravity/gzip.rda")]);
    gravity("agtpa_applications.rda", &[include_bytes!("gravity/bzip2.rda")]);
    gravity("agtpa_applications.rda", &[include_bytes!("gravity/xz.rda")]);
}
