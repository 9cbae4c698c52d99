//! One three-way regression on a panel read from a file, timed: the Rust half of `parity/speed.py`.
//!
//! `three_way ols|poisson FILE ROWS REPEATS`: the file holds the columns `y, x1, x2, worker, firm, year` one after
//! the other as little-endian 64-bit floats. Prints one line of JSON: seconds of each repeat, the size of the file,
//! the peak of resident memory before and after (Linux), coefficients and standard errors.
#![allow(missing_docs, clippy::print_stdout)]

use std::error::Error;
use std::io::Read;
use std::time::Instant;

use estimation::{Categories, Estimates, Regression, SmallSample, Vcov};
use ndarray::Array2;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, file, rows, repeats] = arguments.as_slice() else {
        return Err("usage: three_way ols|poisson FILE ROWS REPEATS".into());
    };
    let (rows, repeats): (usize, usize) = (rows.parse()?, repeats.parse()?);
    let mut file = std::io::BufReader::new(std::fs::File::open(file)?);
    let mut append = |values: &mut Vec<f64>| -> Result<(), Box<dyn Error>> {
        let mut bytes = [0; 8];
        for _ in 0..rows {
            file.read_exact(&mut bytes)?;
            values.push(f64::from_le_bytes(bytes));
        }
        Ok(())
    };
    let (mut y, mut x) = (Vec::with_capacity(rows), Vec::with_capacity(2 * rows));
    append(&mut y)?;
    append(&mut x)?;
    append(&mut x)?;
    let mut effects = Vec::new();
    let mut codes = Vec::with_capacity(rows);
    for name in ["worker", "firm", "year"] {
        codes.clear();
        append(&mut codes)?;
        effects.push(Categories::new(name, codes.iter().map(|v| *v as u32)));
    }
    drop(codes);
    let vcov = Vcov::cluster([effects[0].clone()], SmallSample::Fixest);
    let x = Array2::from_shape_vec((2, rows), x)?.reversed_axes();
    let regression = Regression::new(y, x).absorb(effects);
    let data = rows * 6 * size_of::<f64>();
    let before = peak();
    let mut seconds = Vec::new();
    let mut estimates = None;
    for _ in 0..repeats {
        let start = Instant::now();
        estimates = Some(run(&regression, model, &vcov)?);
        seconds.push(start.elapsed().as_secs_f64());
    }
    let estimates = estimates.ok_or("repeats must be 1 or more")?;
    let answer = serde_json::json!({
        "seconds": seconds,
        "data_bytes": data,
        "peak_before": before,
        "peak_after": peak(),
        "coefficients": estimates.coefficients().to_vec(),
        "std_errors": estimates.std_errors().to_vec(),
    });
    println!("{answer}");
    Ok(())
}

fn run(regression: &Regression, model: &str, vcov: &Vcov) -> Result<Estimates, Box<dyn Error>> {
    Ok(match model {
        "ols" => regression.ols(vcov)?.estimates().clone(),
        "poisson" => regression.poisson(vcov)?.estimates().clone(),
        other => return Err(format!("{other} is not a model: ols or poisson").into()),
    })
}

/// The largest resident memory so far, in bytes.
fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|l| l.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kib| kib * 1024)
}
