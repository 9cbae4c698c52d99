//! From the items of estimates, such as the sectors of a panel or goods, to the sectors of an economy.
//!
//! A table says which items make up a sector, in a CSV file:
//!
//! ```text
//! sector,item,weight
//! Metals,Basic metals,2
//! Metals,Metal products,1
//! Services,none,1
//! ```
//!
//! The elasticity of a sector is the mean of those of its items, weighted; weights are made to sum to one. The item `none`
//! stands for [`NOT_ESTIMATED`], the elasticity that Caliendo and Parro give to what is hardly traded, known without error. A
//! sector that the table does not have is the item of its name, so that no table is needed where names agree.

use crate::source::{CsvFile, LoadError, positions};
use crate::theta::NOT_ESTIMATED;
use crate::world_2009::SectorElasticities;
use estimation::Estimates;
use ndarray::{Array1, Array2};
use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

/// The item of a sector without an estimate.
pub const NONE: &str = "none";

/// Which items make up the sectors of an economy.
#[derive(Debug, Clone, PartialEq)]
pub struct SectorTable {
    path: PathBuf,
    /// By sector: lines, items and weights, which sum to one.
    sectors: BTreeMap<String, Vec<(u64, String, f64)>>,
}

impl SectorTable {
    /// Loads a table.
    ///
    /// # Errors
    /// [`LoadError`] naming line and column: a weight that is not positive, a pair of sector and item that occurs twice.
    pub fn load(path: &Path) -> Result<Self, LoadError> {
        Self::from_file(&CsvFile::open(path)?)
    }

    /// Reads a table from CSV text; the path is for error messages.
    ///
    /// # Errors
    /// As [`SectorTable::load`].
    pub fn from_reader(path: &Path, reader: impl Read) -> Result<Self, LoadError> {
        Self::from_file(&CsvFile::from_reader(path, reader)?)
    }

    fn from_file(file: &CsvFile) -> Result<Self, LoadError> {
        let [sector, item, weight] = file.columns(["sector", "item", "weight"])?;
        let mut sectors: BTreeMap<String, Vec<(u64, String, f64)>> = BTreeMap::new();
        for row in file.rows() {
            let value = row.number(weight)?;
            if value <= 0.0 {
                return Err(row.bad(weight, "a positive number"));
            }
            let items = sectors.entry(row.text(sector).to_owned()).or_default();
            if items.iter().any(|(_, known, _)| known == row.text(item)) {
                return Err(row.duplicate(format!("{}, {}", row.text(sector), row.text(item))));
            }
            items.push((row.line(), row.text(item).to_owned(), value));
        }
        for items in sectors.values_mut() {
            let total: f64 = items.iter().map(|(_, _, weight)| weight).sum();
            items.iter_mut().for_each(|(_, _, weight)| *weight /= total);
        }
        Ok(Self { path: file.path().to_owned(), sectors })
    }

    /// No table: items are sectors.
    pub fn none() -> Self {
        Self { path: PathBuf::new(), sectors: BTreeMap::new() }
    }

    /// The elasticities of the table's sectors, and of items that it has no sector of the name of, with their joint covariance.
    ///
    /// # Errors
    /// [`LoadError::UnknownLabel`] with the line of an item that there is no estimate of.
    pub fn apply(&self, estimates: &Estimates) -> Result<SectorElasticities, LoadError> {
        let items = estimates.names();
        let at = positions(items);
        let mut names = Vec::new();
        let mut rows = Vec::new();
        let mut known = Vec::new();
        for (sector, parts) in &self.sectors {
            let (mut row, mut constant) = (vec![0.0; items.len()], 0.0);
            for (line, item, weight) in parts {
                match at.get(item) {
                    Some(&i) => row[i] = *weight,
                    None if item == NONE => constant += weight * NOT_ESTIMATED,
                    None => {
                        return Err(LoadError::UnknownLabel {
                            path: self.path.clone(),
                            line: *line,
                            kind: "item of the estimates",
                            label: item.clone(),
                        });
                    }
                }
            }
            names.push(sector.clone());
            rows.extend(row);
            known.push(constant);
        }
        for (i, item) in items.iter().enumerate() {
            if !self.sectors.contains_key(item) {
                names.push(item.clone());
                rows.extend((0..items.len()).map(|k| f64::from(u8::from(k == i))));
                known.push(0.0);
            }
        }
        let weights = Array2::from_shape_vec((names.len(), items.len()), rows).unwrap_or_default();
        let theta = weights.dot(&estimates.coefficients()) + Array1::from(known);
        let covariance = weights.dot(&estimates.vcov()).dot(&weights.t());
        let symmetric = Array2::from_shape_fn(covariance.dim(), |(a, b)| covariance[[a.max(b), a.min(b)]]);
        Ok((names, theta, symmetric))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use estimation::distribution::Reference;
    use ndarray::array;

    fn estimates() -> Estimates {
        let names = ["Basic metals", "Metal products", "Food"].map(str::to_owned).to_vec();
        let covariance = array![[4.0, 1.0, 0.5], [1.0, 2.0, 0.0], [0.5, 0.0, 1.0]];
        Estimates::new(names, array![8.0, 5.0, 3.0], covariance, "", Reference::Normal).unwrap()
    }

    fn table(rows: &str) -> Result<SectorTable, LoadError> {
        SectorTable::from_reader(Path::new("sectors.csv"), format!("sector,item,weight\n{rows}").as_bytes())
    }

    #[test]
    fn a_sector_is_the_weighted_mean_of_its_items_and_covaries_as_they_do() {
        let text =
            "Metals,Basic metals,2\nMetals,Metal products,1\nServices,none,1\nHalf,none,1\nHalf,Food,1\n";
        let (names, theta, covariance) = table(text).unwrap().apply(&estimates()).unwrap();
        assert_eq!(names, ["Half", "Metals", "Services", "Basic metals", "Metal products", "Food"]);
        let expected = [0.5 * (3.0 + NOT_ESTIMATED), 7.0, NOT_ESTIMATED, 8.0, 5.0, 3.0];
        assert!(theta.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12), "{theta}");
        let metals = (4.0 * 4.0 + 2.0 + 2.0 * 2.0) / 9.0;
        assert!((covariance[[1, 1]] - metals).abs() < 1e-12 && covariance[[2, 2]] == 0.0);
        assert!((covariance[[0, 1]] - 0.5 * 2.0 / 3.0 * 0.5).abs() < 1e-12);
        let (names, theta, _) = SectorTable::none().apply(&estimates()).unwrap();
        assert_eq!((names.as_slice(), theta), (estimates().names(), array![8.0, 5.0, 3.0]));
    }

    #[test]
    fn mistakes_are_named_with_their_line() {
        for (rows, words) in [
            ("Metals,Food,0\n", "positive"),
            ("Metals,Food,1\nMetals,Food,2\n", "second row"),
            ("Metals,Food,many\n", "finite number"),
        ] {
            let error = table(rows).unwrap_err().to_string();
            assert!(error.contains(words) && error.contains("line"), "{error}");
        }
        let error =
            table("Metals,Food,1\nWood,Timber,1\n").unwrap().apply(&estimates()).unwrap_err().to_string();
        assert!(
            error.contains("line 3") && error.contains("Timber") && error.contains("sectors.csv"),
            "{error}"
        );
    }
}
