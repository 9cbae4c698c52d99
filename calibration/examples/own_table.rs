//! A table of your own, as one long CSV file, made into an economy that `cargo xtask solve --economy FOLDER` takes.
//!
//! `cargo run -p calibration --example own_table -- TABLE.csv YEAR UNIT FOLDER`; without arguments it uses a small made-up table
//! and keeps nothing. The columns of the file are in the documentation of `calibration::table_csv`.
#![allow(clippy::print_stdout, reason = "an example shows what it finds")]

use std::error::Error;
use std::path::Path;

use calibration::{store, table_csv};
use model_core::{Economy, Metadata};
use ndarray::Array1;

/// Two countries, two sectors, one category of final demand; value added is what remains.
const SMALL: &str = "from_country,from,to_country,to,value
CHN,Metals,CHN,Machinery,20
CHN,Metals,USA,Machinery,10
CHN,Machinery,CHN,consumption,60
CHN,Machinery,USA,consumption,15
CHN,Metals,CHN,consumption,10
USA,Metals,USA,Machinery,25
USA,Machinery,USA,consumption,90
USA,Machinery,CHN,consumption,10
USA,Metals,USA,consumption,5
";
/// The trade elasticity of every sector, an assumption: give your own.
const THETA: f64 = 5.0;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (table, folder) = match arguments.as_slice() {
        [] => (table_csv::from_reader(Path::new("made-up.csv"), SMALL.as_bytes(), 2010, "USD")?, None),
        [file, year, unit, folder] => {
            (table_csv::load(Path::new(file), year.parse()?, unit)?, Some(Path::new(folder)))
        }
        _ => return Err("usage: own_table TABLE.csv YEAR UNIT FOLDER".into()),
    };
    // Goods that come out of stock are made in the same year instead; the report says how much that changes.
    let (table, report) = table.produce_inventories()?;
    report.steps.iter().filter(|step| step.changed > 0).for_each(|step| println!("repaired: {step}"));

    let metadata = Metadata {
        name: "my table".to_owned(),
        provenance: vec![format!("assumed: trade elasticity {THETA} in every sector")],
        ..Metadata::default()
    };
    let economy =
        Economy::from_flows(table.to_flows(Array1::from_elem(table.sectors().len(), THETA), metadata)?)?;
    let labels = economy.labels();
    println!(
        "{} countries, {} sectors: shares sum to one, markets clear",
        labels.countries().len(),
        labels.sectors().len()
    );
    match folder {
        Some(folder) => {
            store::save(&economy, folder)?;
            println!("saved; now: cargo xtask solve --economy {} --scenario ...", folder.display());
        }
        None => println!("not saved: no folder was given"),
    }
    Ok(())
}
