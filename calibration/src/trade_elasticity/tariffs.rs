//! Trade elasticities from tariffs: `ln X[n,i,j] = ... - theta_j ln tau[n,i,j]`, `tau` one plus the rate.
//!
//! On Caliendo and Parro's sample: [`triples`] is their estimator for all sectors at once, so that the covariance between sectors
//! is there (triples that share a pair of countries share its errors); [`pooled`] is one elasticity for all sectors by efficient GMM on
//! the sectors' moments `E[x_j e_j] = 0`, and Hansen's J tests whether sectors differ; [`effects`] takes exporter, importer and
//! symmetric pair effects in place of triples; [`poisson`] has the same effects in levels, with zeros. On panels: [`gravity`], Poisson,
//! with exporter-year, importer-year and pair effects.

use super::feenstra::add_square;
use crate::caliendo_parro::ElasticityData;
use crate::source::{CsvFile, LoadError};
use estimation::distribution::Reference;
use estimation::gmm::{FirstWeight, Gmm, GmmError, GmmFit, LinearIv, MomentCovariance, Steps};
use estimation::{Categories, Estimates, EstimationError, PoissonFit, Regression, SmallSample, Vcov};
use linalg::SymmetricEigen;
use ndarray::{Array1, Array2};
use std::collections::{BTreeMap, HashSet};
use std::io::Read;
use std::path::Path;

/// One observation of a sector: outcome, regressor and cluster.
struct Row {
    sector: usize,
    y: f64,
    x: f64,
    cluster: String,
}

/// Regressors by sector: `[row, sector]`, zero elsewhere.
fn by_sector(rows: &[Row], sectors: usize) -> Array2<f64> {
    let mut x = Array2::zeros((rows.len(), sectors));
    rows.iter().enumerate().for_each(|(i, row)| x[[i, row.sector]] = row.x);
    x
}

fn outcome(rows: &[Row]) -> Array1<f64> {
    rows.iter().map(|row| row.y).collect()
}

fn clusters(name: &str, rows: &[Row]) -> Vcov {
    Vcov::cluster([Categories::new(name, rows.iter().map(|row| &row.cluster))], SmallSample::Fixest)
}

/// Triple differences of all sectors at their own estimates, and what they say about the covariance of the moments.
struct Triples {
    rows: Vec<Row>,
    /// Estimates by sector.
    theta: Array1<f64>,
    /// `sum x^2` by sector.
    squares: Array1<f64>,
    /// Covariance of the sums `sum_t x_jt e_jt`.
    meat: Array2<f64>,
}

impl Triples {
    fn new(data: &ElasticityData) -> Self {
        let sectors = data.sectors().len();
        let mut rows = Vec::new();
        let (mut theta, mut squares) = (Array1::zeros(sectors), Array1::zeros(sectors));
        let mut scores: BTreeMap<[usize; 3], Array1<f64>> = BTreeMap::new();
        for sector in 0..sectors {
            let sample = data.triples(sector);
            squares[sector] = sample.x.iter().map(|x| x * x).sum();
            theta[sector] =
                -sample.x.iter().zip(&sample.y).map(|(x, y)| x * y).sum::<f64>() / squares[sector];
            for ((y, x), triple) in sample.y.iter().zip(&sample.x).zip(&sample.triples) {
                let score = scores.entry(*triple).or_insert_with(|| Array1::zeros(sectors));
                score[sector] = -x * (y + theta[sector] * x);
                rows.push(Row { sector, y: *y, x: -x, cluster: String::new() });
            }
        }
        // Two triples share at most one pair of countries, and each shares three with itself: the sum over pairs counts every
        // product of scores that share a pair once, and a triple's own square three times.
        let mut of_pair: BTreeMap<(usize, usize), Array1<f64>> = BTreeMap::new();
        let mut meat = Array2::zeros((sectors, sectors));
        for ([i, h, m], score) in &scores {
            for pair in [(*i, *h), (*h, *m), (*i, *m)] {
                *of_pair.entry(pair).or_insert_with(|| Array1::zeros(sectors)) += score;
            }
            add_square(&mut meat, -2.0, score);
        }
        of_pair.values().for_each(|score| add_square(&mut meat, 1.0, score));
        Self { rows, theta, squares, meat }
    }
}

/// Triple differences of all sectors at once: the estimates of each sector alone, with their joint covariance. Triples that share
/// a pair of countries share its errors, in every sector; the covariance is robust to that, as for dyads (Fafchamps and Gubert
/// 2007; Aronow, Samii and Assenova 2015), negative eigenvalues set to zero.
///
/// # Errors
/// [`EstimationError`] when a sector has no variation in tariffs.
pub fn triples(data: &ElasticityData) -> Result<Estimates, EstimationError> {
    let triples = Triples::new(data);
    let covariance = Array2::from_shape_fn(triples.meat.dim(), |(a, b)| {
        triples.meat[[a, b]] / (triples.squares[a] * triples.squares[b])
    });
    let covariance = SymmetricEigen::new(covariance.view())
        .map_err(|source| EstimationError::Algebra { context: "covariance of triple differences", source })?
        .map(|l| l.max(0.0));
    let label = "robust to pairs of countries that triples share";
    Estimates::new(data.sectors().to_vec(), triples.theta, covariance, label, Reference::Normal)
}

/// One elasticity for all sectors by efficient GMM on the sectors' moments, their covariance as in [`triples`]. Its Hansen test
/// ([`GmmFit::hansen`]) rejects when sectors differ.
///
/// # Errors
/// [`GmmError`].
pub fn pooled(data: &ElasticityData) -> Result<GmmFit, GmmError> {
    let Triples { rows, meat, .. } = Triples::new(data);
    let y = outcome(&rows);
    let z = by_sector(&rows, data.sectors().len());
    let x = z.sum_axis(ndarray::Axis(1)).insert_axis(ndarray::Axis(1));
    let moments = LinearIv::new(y.view(), x.view(), z.view())?.with_names(vec!["theta".to_owned()])?;
    let covariance = MomentCovariance::known(meat / rows.len() as f64);
    Gmm::new(covariance, FirstWeight::AtStart, Steps::One).fit(&moments, ndarray::array![1.0].view())
}

/// A year of flows with exporter, importer and symmetric pair effects, each by sector: what is left is the asymmetry of tariffs
/// within pairs.
struct CrossSection {
    rows: Vec<Row>,
    effects: [Categories; 3],
}

impl CrossSection {
    /// Of the sample's flows with a tariff, zeros among them or not; the sample does not tell a zero from a missing flow.
    fn new(data: &ElasticityData, zeros: bool) -> Self {
        let (mut rows, mut importers, mut exporters, mut pairs) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for sector in 0..data.sectors().len() {
            let (trade, tariff) = (data.imports(sector), data.gross_tariff(sector));
            for ((n, i), &value) in trade.indexed_iter() {
                if n != i && (value > 0.0 || zeros) && tariff[[n, i]] > 0.0 {
                    let pair = format!("{}-{}", n.min(i), n.max(i));
                    importers.push(format!("{n} {sector}"));
                    exporters.push(format!("{i} {sector}"));
                    pairs.push(format!("{pair} {sector}"));
                    rows.push(Row { sector, y: value, x: -tariff[[n, i]].ln(), cluster: pair });
                }
            }
        }
        let effects = [
            Categories::new("importer-sector", &importers),
            Categories::new("exporter-sector", &exporters),
            Categories::new("pair-sector", &pairs),
        ];
        Self { rows, effects }
    }

    fn regression(&self, y: Array1<f64>, outcome: &str, x: Array2<f64>, names: &[String]) -> Regression {
        Regression::new(y, x).outcome(outcome).names(names.iter().cloned()).absorb(self.effects.clone())
    }
}

/// Log imports with exporter, importer and symmetric pair effects, each by sector. Zero and missing flows and tariffs are left
/// out. The joint covariance is clustered by pair.
///
/// # Errors
/// [`EstimationError`] when a sector has no variation in tariffs.
pub fn effects(data: &ElasticityData) -> Result<Estimates, EstimationError> {
    let sample = CrossSection::new(data, false);
    let x = by_sector(&sample.rows, data.sectors().len());
    let fit = sample
        .regression(outcome(&sample.rows).mapv(f64::ln), "ln imports", x, data.sectors())
        .ols(&clusters("pair", &sample.rows))?;
    Ok(fit.estimates().clone())
}

/// Poisson pseudo-maximum likelihood of imports with the effects of [`effects`]. Flows that are zero or missing count as zero
/// where there is a tariff; those whose effects see nothing but zeros drop out. The joint covariance is clustered by pair.
///
/// # Errors
/// [`EstimationError`] when a sector has no variation in tariffs or the likelihood has no maximum.
pub fn poisson(data: &ElasticityData) -> Result<PoissonFit, EstimationError> {
    let sample = CrossSection::new(data, true);
    let x = by_sector(&sample.rows, data.sectors().len());
    sample
        .regression(outcome(&sample.rows), "imports", x, data.sectors())
        .poisson(&clusters("pair", &sample.rows))
}

/// The sector of each flow that a fit of [`poisson`] uses, and whether the flow is zero.
pub fn poisson_rows(data: &ElasticityData, fit: &PoissonFit) -> Vec<(usize, bool)> {
    let rows = CrossSection::new(data, true).rows;
    fit.rows().iter().filter_map(|row| rows.get(*row)).map(|row| (row.sector, row.y == 0.0)).collect()
}

/// As [`poisson`], one elasticity for all sectors.
///
/// # Errors
/// As [`poisson`].
pub fn poisson_pooled(data: &ElasticityData) -> Result<PoissonFit, EstimationError> {
    let sample = CrossSection::new(data, true);
    let x = Array2::from_shape_fn((sample.rows.len(), 1), |(row, _)| sample.rows[row].x);
    sample
        .regression(outcome(&sample.rows), "imports", x, &["theta".to_owned()])
        .poisson(&clusters("pair", &sample.rows))
}

/// A flow of a panel.
#[derive(Debug, Clone, PartialEq)]
pub struct Flow {
    /// Importer.
    pub importer: String,
    /// Exporter.
    pub exporter: String,
    /// Year.
    pub year: i32,
    /// Sector.
    pub sector: String,
    /// Value before tariffs; zero is a value.
    pub trade: f64,
    /// One plus the tariff.
    pub gross_tariff: f64,
}

/// Loads a panel, `importer,exporter,year,sector,trade,gross_tariff`; `.gz` is unpacked.
///
/// # Errors
/// [`LoadError`] naming line and column.
pub fn load_flows(path: &Path) -> Result<Vec<Flow>, LoadError> {
    flows_from_file(&CsvFile::open(path)?)
}

/// Reads a panel from CSV text; the path is for error messages.
///
/// # Errors
/// As [`load_flows`].
pub fn flows_from_reader(path: &Path, reader: impl Read) -> Result<Vec<Flow>, LoadError> {
    flows_from_file(&CsvFile::from_reader(path, reader)?)
}

/// Labels as one, such that other labels never give the same: names may hold spaces, but not what separates units of a record.
fn joined<const K: usize>(labels: [&str; K]) -> String {
    labels.join("\u{1f}")
}

fn flows_from_file(file: &CsvFile) -> Result<Vec<Flow>, LoadError> {
    let [importer, exporter, year, sector, trade, tariff] =
        file.columns(["importer", "exporter", "year", "sector", "trade", "gross_tariff"])?;
    let mut seen = HashSet::new();
    file.rows()
        .map(|row| {
            let labels = [importer, exporter, year, sector].map(|column| row.text(column));
            if !seen.insert(labels) {
                return Err(row.duplicate(labels.join(", ")));
            }
            let gross_tariff = row.number(tariff)?;
            if gross_tariff <= 0.0 {
                return Err(row.bad(tariff, "a gross tariff, one plus the rate"));
            }
            Ok(Flow {
                importer: row.text(importer).to_owned(),
                exporter: row.text(exporter).to_owned(),
                year: row.year(year)?,
                sector: row.text(sector).to_owned(),
                trade: row.non_negative(trade)?,
                gross_tariff,
            })
        })
        .collect()
}

/// Poisson pseudo-maximum likelihood of trade on tariffs with exporter-year, importer-year and pair effects, each by sector; zeros
/// count. Each is the elasticity to one plus the tariff of trade as the file values it, positive where trade falls. The joint
/// covariance is clustered by pair.
///
/// # Errors
/// [`EstimationError`], when tariffs do not vary within effects or the likelihood has no maximum.
pub fn gravity(flows: &[Flow]) -> Result<Estimates, EstimationError> {
    let mut sectors: Vec<String> = Vec::new();
    let mut rows = Vec::with_capacity(flows.len());
    for flow in flows {
        let sector = sectors.iter().position(|s| *s == flow.sector).unwrap_or_else(|| {
            sectors.push(flow.sector.clone());
            sectors.len() - 1
        });
        let cluster = joined([&flow.importer, &flow.exporter]);
        rows.push(Row { sector, y: flow.trade, x: -flow.gross_tariff.ln(), cluster });
    }
    let effect = |name: &str, label: &dyn Fn(&Flow) -> String| Categories::new(name, flows.iter().map(label));
    let fit = Regression::new(outcome(&rows), by_sector(&rows, sectors.len()))
        .outcome("trade")
        .names(sectors)
        .absorb([
            effect("exporter-year-sector", &|f| joined([&f.exporter, &f.year.to_string(), &f.sector])),
            effect("importer-year-sector", &|f| joined([&f.importer, &f.year.to_string(), &f.sector])),
            effect("pair-sector", &|f| joined([&f.importer, &f.exporter, &f.sector])),
        ])
        .poisson(&clusters("pair", &rows))?;
    Ok(fit.estimates().clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};
    use rand_distr::{Distribution, StandardNormal};
    use rand_xoshiro::Xoshiro256PlusPlus;

    #[test]
    fn flows_are_told_apart_and_given_once() {
        assert_ne!(joined(["A B", "C"]), joined(["A", "B C"]));
        let row = "A,B,2001,goods,1,1.1\n";
        let read = |rows: &str| {
            let text = format!("importer,exporter,year,sector,trade,gross_tariff\n{rows}");
            flows_from_reader(Path::new("f.csv"), text.as_bytes())
        };
        assert_eq!(read(row).unwrap().len(), 1);
        let error = read(&format!("{row}{row}")).unwrap_err().to_string();
        assert!(error.contains("line 3") && error.contains("A, B, 2001, goods"), "{error}");
    }

    #[test]
    fn gravity_recovers_known_elasticities_with_zeros() {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(9);
        let mut flows = Vec::new();
        for (sector, theta) in [("a", 4.0), ("b", 8.0)] {
            for importer in 0..14 {
                for exporter in (0..14).filter(|e| *e != importer) {
                    let pair: f64 = StandardNormal.sample(&mut rng);
                    for year in 0..6 {
                        let tariff = 1.0 + 0.3 * rng.random::<f64>();
                        let size =
                            0.1 * f64::from(importer * year) - 0.05 * f64::from(exporter * year) + pair;
                        let mean = (size - theta * tariff.ln()).exp();
                        // Mean one: zero in three of ten cases.
                        let shock =
                            if rng.random::<f64>() < 0.3 { 0.0 } else { 2.0 * rng.random::<f64>() / 0.7 };
                        flows.push(Flow {
                            importer: importer.to_string(),
                            exporter: exporter.to_string(),
                            year,
                            sector: sector.to_owned(),
                            trade: mean * shock,
                            gross_tariff: tariff,
                        });
                    }
                }
            }
        }
        let estimates = gravity(&flows).unwrap();
        for (name, theta) in [("a", 4.0), ("b", 8.0)] {
            let found = estimates.coefficient(name).unwrap();
            assert!((found.estimate - theta).abs() < 3.0 * found.std_error, "{found:?}");
            assert!(found.std_error < 1.5, "{found:?}");
        }
        assert_eq!(estimates.vcov().dim(), (2, 2));
    }

    /// A sample whose trade follows the gravity equation with its own elasticity in each sector.
    fn sample(theta: [f64; 2], noise: f64) -> ElasticityData {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(2);
        let mut text = String::from("isic_rev3_2digit,sector,importer,exporter,imports_1993_thousand_usd");
        (1989..=1995).for_each(|year| text.push_str(&format!(",gross_tariff_{year}")));
        text.push('\n');
        for (sector, theta) in theta.into_iter().enumerate() {
            for n in 0..14_i32 {
                for i in (0..14_i32).filter(|i| *i != n) {
                    let tariff = 1.0 + 0.4 * rng.random::<f64>();
                    let shock: f64 = StandardNormal.sample(&mut rng);
                    let size = 0.3 * f64::from(n) - 0.2 * f64::from(i) + 0.1 * f64::from((n - i).abs());
                    let trade = (10.0 + size - theta * f64::ln(tariff) + noise * shock).exp();
                    text.push_str(&format!("{sector},S{sector},C{n},C{i},{trade},,,,,{tariff},,\n"));
                }
            }
        }
        ElasticityData::from_reader(Path::new("e.csv"), text.as_bytes()).unwrap()
    }

    #[test]
    fn poisson_finds_the_elasticities_of_sectors_and_of_all() {
        let data = sample([3.0, 12.0], 0.1);
        let apart = poisson(&data).unwrap();
        for (coefficient, truth) in apart.estimates().table().iter().zip([3.0, 12.0]) {
            assert!((coefficient.estimate - truth).abs() < 3.0 * coefficient.std_error, "{coefficient:?}");
            assert!(coefficient.std_error < 0.5, "{coefficient:?}");
        }
        assert!(apart.estimates().vcov()[[0, 1]] != 0.0, "pairs link sectors");
        assert_eq!(poisson_rows(&data, &apart).len(), 2 * 14 * 13);
        let same = poisson_pooled(&sample([5.0, 5.0], 0.1)).unwrap();
        let one = &same.estimates().table()[0];
        assert!((one.estimate - 5.0).abs() < 3.0 * one.std_error && one.std_error < 0.5, "{one:?}");
    }

    #[test]
    fn triples_and_effects_find_the_elasticities_and_j_tells_whether_sectors_differ() {
        let exact = sample([5.0, 5.0], 1e-4);
        for estimates in [&triples(&exact).unwrap(), &effects(&exact).unwrap()] {
            for value in estimates.coefficients() {
                assert!((value - 5.0).abs() < 1e-3, "{value}");
            }
        }
        let (same, apart) = (sample([5.0, 5.0], 0.5), sample([3.0, 12.0], 0.5));
        let test = |data| pooled(data).unwrap().hansen().unwrap().unwrap();
        assert!(test(&apart).p_value < 0.01);
        assert!(test(&same).p_value > 0.01);
        let alone: Vec<f64> = (0..2)
            .map(|j| apart.triples(j).theta(&Vcov::Hc1).unwrap().estimates().coefficients()[0])
            .collect();
        let joint = triples(&apart).unwrap();
        for (a, b) in alone.iter().zip(joint.coefficients()) {
            assert!((a - b).abs() < 1e-9, "{a} {b}");
        }
    }
}
