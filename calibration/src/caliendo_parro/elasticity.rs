//! The sample behind Caliendo and Parro's table 1.

use super::distinct;
use crate::source::{CsvFile, LoadError, positions};
use estimation::{EstimationError, LinearFit, Regression, Vcov};
use ndarray::{Array1, Array2, Array3, Axis};
use std::collections::HashSet;
use std::io::Read;
use std::path::Path;

/// Years from which a missing tariff of 1993 is taken, in order.
const FALLBACK_YEARS: [u16; 6] = [1992, 1991, 1990, 1989, 1994, 1995];

/// Bilateral imports and gross tariffs (1 + rate) of 1993, by sector.
///
/// Read from `elasticity_sample_1993.csv`: `isic_rev3_2digit,sector,importer,exporter,imports_1993_thousand_usd` and
/// `gross_tariff_YEAR` for 1989 to 1995; empty cells are missing. Rules, all Caliendo and Parro's:
///
/// - a missing tariff of 1993 is that of 1992, else 1991, 1990, 1989, 1994, 1995, the first that is there;
/// - a sector's tariff is the mean of its products' tariffs that are not missing, its trade their sum;
/// - tariffs of China as an importer of chemicals are missing.
#[derive(Debug, Clone)]
pub struct ElasticityData {
    countries: Vec<String>,
    sectors: Vec<String>,
    /// `[importer, exporter, sector]`, thousand USD, zero where missing.
    imports: Array3<f64>,
    /// `[importer, exporter, sector]`, NaN where missing.
    gross_tariff: Array3<f64>,
}

/// Triple differences of one sector, or of all pooled.
///
/// For each unordered triple of countries `i < h < n`,
/// `y = ln( X_ih X_hn X_ni / (X_hi X_nh X_in) )` and `x` the same with gross tariffs (the first index imports); triples
/// with a flow or tariff that is zero or missing are left out. The gravity equation gives `y = -theta x + e`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TripleSample {
    /// Triple difference of log imports.
    pub y: Vec<f64>,
    /// Triple difference of log gross tariffs.
    pub x: Vec<f64>,
    /// The three countries of each observation, positions in [`ElasticityData::countries`].
    pub triples: Vec<[usize; 3]>,
}

impl TripleSample {
    /// The trade elasticity: least squares of `y` on `-x` without a constant, whose one coefficient, `theta`, is positive
    /// when trade falls with tariffs. Caliendo and Parro report [`Vcov::Hc1`].
    ///
    /// # Errors
    /// [`EstimationError`], when there are fewer than two triples or tariffs do not vary.
    pub fn theta(&self, vcov: &Vcov) -> Result<LinearFit, EstimationError> {
        let x: Vec<f64> = self.x.iter().map(|x| -x).collect();
        let x = Array1::from(x).insert_axis(Axis(1));
        Regression::new(self.y.clone(), x).outcome("ln trade").names(["theta"]).without_constant().ols(vcov)
    }
}

impl ElasticityData {
    /// Loads `elasticity_sample_1993.csv` from `folder`.
    ///
    /// # Errors
    /// [`LoadError`] naming line and column.
    pub fn load(folder: &Path) -> Result<Self, LoadError> {
        Self::from_file(&CsvFile::open(&folder.join("elasticity_sample_1993.csv"))?)
    }

    /// Reads the sample from CSV text; `path` is for error messages.
    ///
    /// # Errors
    /// As [`ElasticityData::load`].
    pub fn from_reader(path: &Path, reader: impl Read) -> Result<Self, LoadError> {
        Self::from_file(&CsvFile::from_reader(path, reader)?)
    }

    fn from_file(file: &CsvFile) -> Result<Self, LoadError> {
        let [product, sector, importer, exporter, imports, tariff] = file.columns([
            "isic_rev3_2digit",
            "sector",
            "importer",
            "exporter",
            "imports_1993_thousand_usd",
            "gross_tariff_1993",
        ])?;
        let mut tariffs = vec![tariff];
        for year in FALLBACK_YEARS {
            tariffs.push(file.column(&format!("gross_tariff_{year}"))?);
        }
        let countries = distinct(file, importer);
        let sectors = distinct(file, sector);
        let (country_at, sector_at) = (positions(&countries), positions(&sectors));
        let shape = (countries.len(), countries.len(), sectors.len());
        let mut trade = Array3::zeros(shape);
        let mut sums = Array3::<f64>::zeros(shape);
        let mut counts = Array3::<f64>::zeros(shape);
        let mut seen = HashSet::new();
        for row in file.rows() {
            let n = row.label(importer, "importer", &country_at)?;
            let i = row.label(exporter, "exporter", &country_at)?;
            let j = row.label(sector, "sector", &sector_at)?;
            if !seen.insert((row.text(product), n, i)) {
                let key = [product, importer, exporter].map(|column| row.text(column)).join(", ");
                return Err(row.duplicate(key));
            }
            if row.optional(imports)?.is_some() {
                trade[[n, i, j]] += row.non_negative(imports)?;
            }
            for &column in &tariffs {
                if let Some(rate) = row.optional(column)? {
                    if rate <= 0.0 {
                        return Err(row.bad(column, "a gross tariff, one plus the rate"));
                    }
                    sums[[n, i, j]] += rate;
                    counts[[n, i, j]] += 1.0;
                    break;
                }
            }
        }
        let mut gross_tariff = sums / counts;
        if let (Some(&china), Some(&chemicals)) = (country_at.get("CHN"), sector_at.get("Chemicals")) {
            gross_tariff.index_axis_mut(Axis(2), chemicals).row_mut(china).fill(f64::NAN);
        }
        Ok(Self { countries, sectors, imports: trade, gross_tariff })
    }

    /// Country codes, in the file's order.
    pub fn countries(&self) -> &[String] {
        &self.countries
    }

    /// Sector names, in the file's order.
    pub fn sectors(&self) -> &[String] {
        &self.sectors
    }

    /// The triple differences of each sector, with its name, in the order of [`ElasticityData::sectors`].
    pub fn by_sector(&self) -> impl Iterator<Item = (&str, TripleSample)> {
        self.sectors.iter().enumerate().map(|(position, sector)| (sector.as_str(), self.triples(position)))
    }

    /// Imports of one sector, `[importer, exporter]`, thousand USD, zero where missing.
    pub(crate) fn imports(&self, sector: usize) -> Array2<f64> {
        self.imports.index_axis(Axis(2), sector).to_owned()
    }

    /// Gross tariffs of one sector, `[importer, exporter]`, NaN where missing.
    pub(crate) fn gross_tariff(&self, sector: usize) -> Array2<f64> {
        self.gross_tariff.index_axis(Axis(2), sector).to_owned()
    }

    /// The triple differences of one sector.
    pub(crate) fn triples(&self, sector: usize) -> TripleSample {
        let trade = self.imports.index_axis(Axis(2), sector);
        let tariff = self.gross_tariff.index_axis(Axis(2), sector);
        let n = self.countries.len();
        let mut sample = TripleSample::default();
        for i in 0..n {
            for h in i + 1..n {
                for m in h + 1..n {
                    let pairs = [(i, h), (h, m), (m, i), (h, i), (m, h), (i, m)];
                    let usable = |&(a, b): &(usize, usize)| trade[[a, b]] > 0.0 && tariff[[a, b]] > 0.0;
                    if !pairs.iter().all(usable) {
                        continue;
                    }
                    let difference = |value: &dyn Fn(usize, usize) -> f64| -> f64 {
                        let ln = |k: usize| value(pairs[k].0, pairs[k].1).ln();
                        (ln(0) + ln(1) + ln(2)) - (ln(3) + ln(4) + ln(5))
                    };
                    sample.y.push(difference(&|a, b| trade[[a, b]]));
                    sample.x.push(difference(&|a, b| tariff[[a, b]]));
                    sample.triples.push([i, h, m]);
                }
            }
        }
        sample
    }

    /// The triple differences of all sectors, one after another.
    pub fn pooled(&self) -> TripleSample {
        let mut pooled = TripleSample::default();
        for sector in 0..self.sectors.len() {
            let sample = self.triples(sector);
            pooled.y.extend(sample.y);
            pooled.x.extend(sample.x);
            pooled.triples.extend(sample.triples);
        }
        pooled
    }
}
