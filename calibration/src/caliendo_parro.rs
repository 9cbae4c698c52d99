//! Caliendo and Parro (2015), "Estimates of the Trade and Welfare Effects of NAFTA", Review of Economic Studies 82(1):
//! their data, their baseline economy, their experiment and their estimates of trade elasticities.
//!
//! # Files
//! A folder with
//!
//! | file | columns |
//! |---|---|
//! | `trade_tariffs.csv` | `sector,importer,exporter,imports_1993_thousand_usd,tariff_1993_pct,tariff_2005_pct` |
//! | `production.csv` | `sector,country,gross_output_1993` (USD)`,value_added_share` |
//! | `input_shares.csv` | `country,using_sector,input_SECTOR...`: shares of each input in intermediate spending |
//! | `theta_used_in_nafta.csv` | `sector,theta` |
//! | `elasticity_sample_1993.csv` | see [`ElasticityData`] |
//!
//! # The experiment
//! ```no_run
//! use calibration::caliendo_parro::NaftaData;
//! use model_core::{Deficits, SolverSettings};
//! let data = NaftaData::load("cp2015".as_ref())?;
//! let settings = SolverSettings::default();
//! let (baseline, _) = data.parts().equilibrate(&Deficits::Zero, &settings)?;
//! let nafta = baseline.solve(&data.nafta(&baseline), &settings)?;
//! println!("{}", nafta.real_income_hat);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod elasticity;

pub use elasticity::{ElasticityData, TripleSample};

use crate::source::{CsvFile, LoadError, positions};
use model_core::{Economy, EconomyParts, Labels, Metadata, Shock};
use ndarray::{Array1, Array2, Array3, Axis};
use std::collections::{HashMap, HashSet};
use std::path::Path;

/// The members of the North American Free Trade Agreement.
pub const NAFTA: [&str; 3] = ["CAN", "MEX", "USA"];

/// An input share may be this far below zero, and is then set to zero and its row scaled to sum to one. The data have
/// one: -0.0008 for Canada's basic metals.
const NEGATIVE_SHARE: f64 = 1e-3;

/// Data of the NAFTA experiment: 31 countries (one of them the rest of the world), 40 sectors (the first 20 tradable).
#[derive(Debug, Clone)]
pub struct NaftaData {
    labels: Labels,
    /// Imports before tariffs, `[importer, exporter, sector]`, USD; zero on the diagonal.
    imports: Array3<f64>,
    /// Applied tariff rates 1993 and 2005, `[importer, exporter, sector]`.
    tariff_1993: Array3<f64>,
    tariff_2005: Array3<f64>,
    /// Gross output as reported, `[country, sector]`, USD.
    gross_output: Array2<f64>,
    /// Share of value added in gross output, `[country, sector]`.
    value_added_share: Array2<f64>,
    /// Share of input `k` in intermediate spending, `[country, using sector, k]`.
    input_shares: Array3<f64>,
    theta: Array1<f64>,
}

impl NaftaData {
    /// Loads the folder (see the [module](self) for its files).
    ///
    /// # Errors
    /// [`LoadError`] naming file, line and column, or what is missing.
    pub fn load(folder: &Path) -> Result<Self, LoadError> {
        let open = |name: &str| CsvFile::open(&folder.join(name));
        Self::from_files(
            &open("production.csv")?,
            &open("trade_tariffs.csv")?,
            &open("input_shares.csv")?,
            &open("theta_used_in_nafta.csv")?,
        )
    }

    /// Reads production, trade, input shares and elasticities from CSV text; the path is for error messages.
    ///
    /// # Errors
    /// As [`NaftaData::load`].
    pub fn from_texts(path: &Path, texts: [&str; 4]) -> Result<Self, LoadError> {
        let [production, trade, inputs, elasticities] = texts;
        let open = |text: &str| CsvFile::from_reader(path, text.as_bytes());
        Self::from_files(&open(production)?, &open(trade)?, &open(inputs)?, &open(elasticities)?)
    }

    fn from_files(
        production: &CsvFile,
        trade: &CsvFile,
        inputs: &CsvFile,
        elasticities: &CsvFile,
    ) -> Result<Self, LoadError> {
        let [sector, country] = production.columns(["sector", "country"])?;
        let sectors = distinct(production, sector);
        let countries = distinct(production, country);
        let labels = Labels::new(countries.clone(), sectors.clone(), ["labour"])
            .map_err(|error| production.inconsistent(error.to_string()))?;
        let at = Positions { country: positions(&countries), sector: positions(&sectors) };
        let (gross_output, value_added_share) = read_production(production, &at)?;
        let [imports, tariff_1993, tariff_2005] = read_trade(trade, &at)?;
        let input_shares = read_inputs(inputs, &at, &sectors, &value_added_share)?;
        let theta = read_theta(elasticities, &at, &sectors)?;
        Ok(Self {
            labels,
            imports,
            tariff_1993,
            tariff_2005,
            gross_output,
            value_added_share,
            input_shares,
            theta,
        })
    }

    /// Countries, sectors and the one factor.
    pub fn labels(&self) -> &Labels {
        &self.labels
    }

    /// Trade elasticities of the experiment, `[sector]`.
    pub fn theta(&self) -> &Array1<f64> {
        &self.theta
    }

    /// Imports before tariffs in 1993, `[importer, exporter, sector]`, USD.
    pub fn imports(&self) -> &Array3<f64> {
        &self.imports
    }

    /// Applied tariff rates of 1993, `[importer, exporter, sector]`.
    pub fn tariff_1993(&self) -> &Array3<f64> {
        &self.tariff_1993
    }

    /// The 1993 world in shares, prepared as Caliendo and Parro do. Markets do not clear in it, because negative final
    /// demands were set to zero: pass it to [`EconomyParts::equilibrate`] with deficits closed for their baseline.
    ///
    /// - output is the larger of reported output and exports; domestic sales are output less exports;
    /// - expenditure `X[n,j]` includes tariffs, and so do trade shares;
    /// - final demand is expenditure less intermediate use, over income (value added, tariff revenue, less the trade
    ///   surplus); negative shares become zero and the rest is scaled to sum to one;
    /// - ours, not theirs: the one negative input share (-0.0008, Canada's basic metals) is zero and its row scaled.
    pub fn parts(&self) -> EconomyParts {
        let (n, j) = self.gross_output.dim();
        let exports = self.imports.sum_axis(Axis(0));
        let imported = self.imports.sum_axis(Axis(1));
        let output = Array2::from_shape_fn((n, j), |at| self.gross_output[at].max(exports[at]));

        let mut purchases =
            Array3::from_shape_fn((n, n, j), |at| self.imports[at] * (1.0 + self.tariff_1993[at]));
        for ((country, sector), sold) in output.indexed_iter() {
            purchases[[country, country, sector]] = sold - exports[[country, sector]];
        }
        let expenditure = purchases.sum_axis(Axis(1));
        let trade_share = Array3::from_shape_fn((n, n, j), |(importer, exporter, sector)| {
            let total = expenditure[[importer, sector]];
            if total > 0.0 { purchases[[importer, exporter, sector]] / total } else { 0.0 }
        });

        let input_share = Array3::from_shape_fn((n, j, j), |(country, user, input)| {
            (1.0 - self.value_added_share[[country, user]]) * self.input_shares[[country, user, input]]
        });
        let value_added = &output * &self.value_added_share;
        let revenue = (&self.imports * &self.tariff_1993).sum_axis(Axis(2)).sum_axis(Axis(1));
        let surplus = (&exports - &imported).sum_axis(Axis(1));
        let income = value_added.sum_axis(Axis(1)) + revenue - &surplus;

        let mut final_share = Array2::from_shape_fn((n, j), |(country, input)| {
            let used: f64 =
                (0..j).map(|user| input_share[[country, user, input]] * output[[country, user]]).sum();
            ((expenditure[[country, input]] - used) / income[country]).max(0.0)
        });
        for mut shares in final_share.rows_mut() {
            let sum = shares.sum();
            shares /= sum;
        }
        EconomyParts {
            labels: self.labels.clone(),
            metadata: Metadata {
                name: "caliendo-parro-1993".to_owned(),
                year: Some(1993),
                unit: "current USD".to_owned(),
                provenance: vec![
                    "Caliendo and Parro (2015), Review of Economic Studies 82(1), replication data; prepared by their \
                     rules"
                        .to_owned(),
                ],
            },
            trade_share,
            expenditure,
            factor_share: self.value_added_share.clone().insert_axis(Axis(2)),
            input_share,
            final_share,
            tariff: self.tariff_1993.clone(),
            export_tax: Array3::zeros((n, n, j)),
            deficit: -surplus,
            factor_income: value_added.sum_axis(Axis(1)).insert_axis(Axis(1)),
            theta: self.theta.clone(),
            kappa: 1.0,
            critical: None,
        }
    }

    /// NAFTA's tariff cuts: tariffs among its three members go to their 2005 levels, all others stay as `baseline` has
    /// them.
    pub fn nafta(&self, baseline: &Economy) -> Shock {
        let members: HashSet<usize> = NAFTA.iter().filter_map(|code| self.labels.country(code)).collect();
        let mut tariff = baseline.tariff().clone();
        for ((importer, exporter, sector), rate) in tariff.indexed_iter_mut() {
            if members.contains(&importer) && members.contains(&exporter) {
                *rate = self.tariff_2005[[importer, exporter, sector]];
            }
        }
        Shock { tariff: Some(tariff), ..Shock::default() }
    }
}

/// Positions of the labels of a set of files.
struct Positions {
    country: HashMap<String, usize>,
    sector: HashMap<String, usize>,
}

/// The values of a column in the order of their first appearance.
fn distinct(file: &CsvFile, column: usize) -> Vec<String> {
    let mut seen = HashSet::new();
    file.rows().map(|row| row.text(column).to_owned()).filter(|label| seen.insert(label.clone())).collect()
}

fn read_production(file: &CsvFile, at: &Positions) -> Result<(Array2<f64>, Array2<f64>), LoadError> {
    let [sector, country, output, share] =
        file.columns(["sector", "country", "gross_output_1993", "value_added_share"])?;
    let shape = (at.country.len(), at.sector.len());
    let mut outputs = Array2::from_elem(shape, f64::NAN);
    let mut shares = Array2::zeros(shape);
    for row in file.rows() {
        let cell = [row.label(country, "country", &at.country)?, row.label(sector, "sector", &at.sector)?];
        if !outputs[cell].is_nan() {
            return Err(row.duplicate(format!("{}, {}", row.text(country), row.text(sector))));
        }
        outputs[cell] = row.non_negative(output)?;
        shares[cell] = row.number(share)?;
        if !(0.0..=1.0).contains(&shares[cell]) {
            return Err(row.bad(share, "a share between 0 and 1"));
        }
    }
    match outputs.indexed_iter().find(|(_, value)| value.is_nan()) {
        Some(((n, j), _)) => Err(file.missing(format!("{}, {}", name(&at.country, n), name(&at.sector, j)))),
        None => Ok((outputs, shares)),
    }
}

/// Imports, tariffs of 1993 and tariffs of 2005.
fn read_trade(file: &CsvFile, at: &Positions) -> Result<[Array3<f64>; 3], LoadError> {
    let [sector, importer, exporter, imports, before, after] = file.columns([
        "sector",
        "importer",
        "exporter",
        "imports_1993_thousand_usd",
        "tariff_1993_pct",
        "tariff_2005_pct",
    ])?;
    let shape = (at.country.len(), at.country.len(), at.sector.len());
    let (mut trade, mut old, mut new) = (Array3::zeros(shape), Array3::zeros(shape), Array3::zeros(shape));
    let mut seen = HashSet::new();
    for row in file.rows() {
        let n = row.label(importer, "country", &at.country)?;
        let i = row.label(exporter, "country", &at.country)?;
        let j = row.label(sector, "sector", &at.sector)?;
        if n == i {
            return Err(row.bad(exporter, "another country than the importer"));
        }
        if !seen.insert((n, i, j)) {
            let key = [importer, exporter, sector].map(|column| row.text(column)).join(", ");
            return Err(row.duplicate(key));
        }
        trade[[n, i, j]] = 1e3 * row.non_negative(imports)?;
        old[[n, i, j]] = row.non_negative(before)? / 100.0;
        new[[n, i, j]] = row.non_negative(after)? / 100.0;
    }
    Ok([trade, old, new])
}

fn read_inputs(
    file: &CsvFile,
    at: &Positions,
    sectors: &[String],
    value_added_share: &Array2<f64>,
) -> Result<Array3<f64>, LoadError> {
    let [country, user] = file.columns(["country", "using_sector"])?;
    let columns =
        sectors.iter().map(|s| file.column(&format!("input_{s}"))).collect::<Result<Vec<_>, _>>()?;
    let (n, j) = value_added_share.dim();
    let mut shares = Array3::zeros((n, j, j));
    let mut seen = HashSet::new();
    for row in file.rows() {
        let cell = (row.label(country, "country", &at.country)?, row.label(user, "sector", &at.sector)?);
        if !seen.insert(cell) {
            return Err(row.duplicate(format!("{}, {}", row.text(country), row.text(user))));
        }
        let mut sum = 0.0;
        for (input, &column) in columns.iter().enumerate() {
            let share = row.number(column)?;
            if share < -NEGATIVE_SHARE {
                return Err(row.bad(column, "a share that is not negative"));
            }
            shares[[cell.0, cell.1, input]] = share.max(0.0);
            sum += share.max(0.0);
        }
        if (sum - 1.0).abs() > NEGATIVE_SHARE && value_added_share[cell] < 1.0 {
            let key = format!("{}, {}", row.text(country), row.text(user));
            return Err(file.inconsistent(format!("the input shares of {key} sum to {sum}, not to one")));
        }
        if sum > 0.0 {
            (0..j).for_each(|input| shares[[cell.0, cell.1, input]] /= sum);
        }
    }
    match (0..n).flat_map(|n| (0..j).map(move |j| (n, j))).find(|cell| !seen.contains(cell)) {
        Some((n, j)) => Err(file.missing(format!("{}, {}", name(&at.country, n), name(&at.sector, j)))),
        None => Ok(shares),
    }
}

fn read_theta(file: &CsvFile, at: &Positions, sectors: &[String]) -> Result<Array1<f64>, LoadError> {
    let [sector, theta] = file.columns(["sector", "theta"])?;
    let mut values = Array1::from_elem(sectors.len(), f64::NAN);
    for row in file.rows() {
        let j = row.label(sector, "sector", &at.sector)?;
        if !values[j].is_nan() {
            return Err(row.duplicate(row.text(sector)));
        }
        values[j] = row.number(theta)?;
        if values[j] <= 0.0 {
            return Err(row.bad(theta, "a positive elasticity"));
        }
    }
    match values.iter().position(|value| value.is_nan()) {
        Some(j) => Err(file.missing(format!("sector {}", sectors[j]))),
        None => Ok(values),
    }
}

/// The label at a position, for messages.
fn name(positions: &HashMap<String, usize>, at: usize) -> &str {
    positions.iter().find(|(_, position)| **position == at).map_or("?", |(label, _)| label)
}
