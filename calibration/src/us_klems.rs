//! Production accounts of 63 US industries, 1963-2023, with indices of total factor productivity (Elbadri and Vizcaino 2025,
//! doi 10.5281/zenodo.17600449, from the accounts of the Bureaus of Economic Analysis and of Labor Statistics).
//!
//! Two files: `production_accounts_63_1963_2023.csv` (`industry_id,year` and one column for each variable: `GO`, `VA`, `II`, `CAP`,
//! `LAB` in million USD; quantity indices `*_QI` and productivity indices `TFPGO`, `TFPVA`, `LPGO`, `LPVA`, 1963 = 1) and
//! `industries_63.csv` (`industry_id,industry`; an id such as 2936 names the industries 29 to 36 together).

use crate::source::{CsvFile, LoadError};
use ndarray::Array2;
use std::collections::{BTreeSet, HashMap};
use std::io::Read;
use std::path::Path;

/// The accounts.
#[derive(Debug, Clone)]
pub struct Accounts {
    industries: Vec<(i32, String)>,
    years: Vec<i32>,
    values: HashMap<String, Array2<f64>>,
}

impl Accounts {
    /// Loads the two files from `folder`.
    ///
    /// # Errors
    /// [`LoadError`] naming file, line and column, or the industry and year that is missing.
    pub fn load(folder: &Path) -> Result<Self, LoadError> {
        Self::from_files(
            &CsvFile::open(&folder.join("production_accounts_63_1963_2023.csv"))?,
            &CsvFile::open(&folder.join("industries_63.csv"))?,
        )
    }

    /// Reads the accounts and the names from CSV text; the path is for error messages.
    ///
    /// # Errors
    /// As [`Accounts::load`].
    pub fn from_readers(path: &Path, accounts: impl Read, names: impl Read) -> Result<Self, LoadError> {
        Self::from_files(&CsvFile::from_reader(path, accounts)?, &CsvFile::from_reader(path, names)?)
    }

    fn from_files(accounts: &CsvFile, names: &CsvFile) -> Result<Self, LoadError> {
        let [id, year] = accounts.columns(["industry_id", "year"])?;
        let variables: Vec<(usize, String)> = accounts
            .headers()
            .iter()
            .enumerate()
            .filter(|(column, _)| *column != id && *column != year)
            .map(|(column, header)| (column, header.clone()))
            .collect();
        let mut rows = HashMap::new();
        let (mut ids, mut years) = (BTreeSet::new(), BTreeSet::new());
        for row in accounts.rows() {
            let key = (row.integer(id)?, row.year(year)?);
            ids.insert(key.0);
            years.insert(key.1);
            if rows.insert(key, row).is_some() {
                return Err(row.duplicate(format!("industry {}, {}", key.0, key.1)));
            }
        }
        let (ids, years): (Vec<i32>, Vec<i32>) = (ids.into_iter().collect(), years.into_iter().collect());
        if rows.len() != ids.len() * years.len() {
            let gap = ids
                .iter()
                .flat_map(|i| years.iter().map(move |y| (*i, *y)))
                .find(|key| !rows.contains_key(key));
            let (industry, year) = gap.unwrap_or_default();
            return Err(accounts.missing(format!("industry {industry} in {year}")));
        }
        let mut values = HashMap::new();
        for (column, variable) in variables {
            let mut array = Array2::zeros((ids.len(), years.len()));
            for (i, industry) in ids.iter().enumerate() {
                for (t, year) in years.iter().enumerate() {
                    if let Some(row) = rows.get(&(*industry, *year)) {
                        array[[i, t]] = row.number(column)?;
                    }
                }
            }
            values.insert(variable, array);
        }
        let named = read_names(names)?;
        let industries = ids
            .into_iter()
            .map(|id| {
                let (name, group) = named
                    .iter()
                    .find(|(first, last, _)| (*first..=*last).contains(&id))
                    .map(|(first, last, name)| (name.clone(), first != last))
                    .ok_or_else(|| names.missing(format!("industry {id}")))?;
                Ok((id, if group { format!("{name} ({id})") } else { name }))
            })
            .collect::<Result<Vec<_>, LoadError>>()?;
        Ok(Self { industries, years, values })
    }

    /// Number and name of every industry; one that the names only cover as part of a group has the group's name and its
    /// number.
    pub fn industries(&self) -> &[(i32, String)] {
        &self.industries
    }

    /// Years, ascending.
    pub fn years(&self) -> &[i32] {
        &self.years
    }

    /// A variable, `[industry, year]`.
    pub fn variable(&self, name: &str) -> Option<&Array2<f64>> {
        self.values.get(name)
    }
}

/// First and last industry of every name. An id of four digits names a range of two-digit numbers.
fn read_names(file: &CsvFile) -> Result<Vec<(i32, i32, String)>, LoadError> {
    let [id, name] = file.columns(["industry_id", "industry"])?;
    file.rows()
        .map(|row| {
            let number = row.integer(id)?;
            let (first, last) = if number >= 1000 { (number / 100, number % 100) } else { (number, number) };
            Ok((first, last, row.text(name).to_owned()))
        })
        .collect()
}
