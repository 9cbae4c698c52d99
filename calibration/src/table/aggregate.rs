//! Aggregation by a mapping of countries and sectors.

use super::{TableError, TableParts, WorldTable};
use ndarray::{Array2, Axis};
use std::collections::{HashMap, HashSet};
use std::io::Read;

/// Where every country and every sector of a table goes.
///
/// As a file it is CSV with the columns `kind,from,to` (any further column, such as `note`, is for the reader):
///
/// ```csv
/// kind,from,to
/// country,CHN,CHN
/// country,*,ROW
/// sector,c14,Electrical and optical
/// ```
///
/// `kind` is `country` or `sector`; `*` takes every label that no other row names; a dimension without any row keeps
/// its labels. New labels come in the order in which `to` first names them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mapping {
    countries: Vec<(String, String)>,
    sectors: Vec<(String, String)>,
}

/// Why a mapping cannot be read or does not fit a table.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MappingError {
    /// The text is not the CSV that a mapping is.
    #[error("the mapping cannot be read: {0}; a mapping is CSV with the columns kind,from,to")]
    Csv(#[from] csv::Error),
    /// A row's kind is not known.
    #[error("line {line} of the mapping has kind `{kind}`; use `country` or `sector`")]
    Kind {
        /// Line of the file.
        line: u64,
        /// What was found.
        kind: String,
    },
    /// A row is empty where a label should be.
    #[error("line {line} of the mapping leaves `{field}` empty")]
    EmptyField {
        /// Line of the file.
        line: u64,
        /// `from` or `to`.
        field: &'static str,
    },
    /// A label is sent to two places.
    #[error("the mapping names the {kind} `{from}` twice")]
    Duplicate {
        /// `country` or `sector`.
        kind: &'static str,
        /// The label.
        from: String,
    },
    /// A label of the table is not in the mapping.
    #[error("the mapping does not say where the {kind} `{from}` goes; add a row for it, or a row with `*`")]
    Missing {
        /// `country` or `sector`.
        kind: &'static str,
        /// The label.
        from: String,
    },
    /// A label of the mapping is not in the table.
    #[error("the mapping names the {kind} `{from}`, which the table does not have")]
    Unknown {
        /// `country` or `sector`.
        kind: &'static str,
        /// The label.
        from: String,
    },
    /// The aggregate is not a table.
    #[error(transparent)]
    Table(#[from] TableError),
}

#[derive(serde::Deserialize)]
struct Row {
    kind: String,
    from: String,
    to: String,
}

impl Mapping {
    /// A mapping from pairs of old and new labels. An empty list keeps the labels of that dimension.
    ///
    /// # Errors
    /// [`MappingError::Duplicate`] if a label is mapped twice.
    pub fn new(
        countries: Vec<(String, String)>,
        sectors: Vec<(String, String)>,
    ) -> Result<Self, MappingError> {
        for (kind, pairs) in [("country", &countries), ("sector", &sectors)] {
            let mut seen = HashSet::new();
            if let Some((from, _)) = pairs.iter().find(|(from, _)| !seen.insert(from.as_str())) {
                return Err(MappingError::Duplicate { kind, from: from.clone() });
            }
        }
        Ok(Self { countries, sectors })
    }

    /// Reads a mapping from CSV (see [`Mapping`]).
    ///
    /// # Errors
    /// [`MappingError`], with the line where there is one.
    pub fn from_csv(reader: impl Read) -> Result<Self, MappingError> {
        let (mut countries, mut sectors) = (Vec::new(), Vec::new());
        let mut reader =
            csv::ReaderBuilder::new().comment(Some(b'#')).trim(csv::Trim::All).from_reader(reader);
        let headers = reader.headers()?.clone();
        for record in reader.records() {
            let record = record?;
            let line = record.position().map_or(0, csv::Position::line);
            let row: Row = record.deserialize(Some(&headers))?;
            for (field, value) in [("from", &row.from), ("to", &row.to)] {
                if value.is_empty() {
                    return Err(MappingError::EmptyField { line, field });
                }
            }
            match row.kind.as_str() {
                "country" => countries.push((row.from, row.to)),
                "sector" => sectors.push((row.from, row.to)),
                _ => return Err(MappingError::Kind { line, kind: row.kind }),
            }
        }
        Self::new(countries, sectors)
    }

    /// The sector codes that it names, in its order, without `*`.
    pub fn sector_codes(&self) -> Vec<String> {
        self.sectors.iter().map(|(from, _)| from.clone()).filter(|from| from != "*").collect()
    }

    /// The new label of a country code: its own, or that of `*`; nothing if the mapping has neither.
    pub fn country(&self, code: &str) -> Option<&str> {
        let of =
            |wanted: &str| self.countries.iter().find(|(from, _)| from == wanted).map(|(_, to)| to.as_str());
        of(code).or_else(|| of("*"))
    }

    /// For the given country codes, the new labels and the new position of each.
    ///
    /// # Errors
    /// [`MappingError::Missing`] or [`MappingError::Unknown`].
    pub fn countries(&self, codes: &[String]) -> Result<(Vec<String>, Vec<usize>), MappingError> {
        resolve("country", &self.countries, codes)
    }

    /// For the given sector codes, the new labels and the new position of each.
    ///
    /// # Errors
    /// [`MappingError::Missing`] or [`MappingError::Unknown`].
    pub fn sectors(&self, codes: &[String]) -> Result<(Vec<String>, Vec<usize>), MappingError> {
        resolve("sector", &self.sectors, codes)
    }
}

fn resolve(
    kind: &'static str,
    pairs: &[(String, String)],
    codes: &[String],
) -> Result<(Vec<String>, Vec<usize>), MappingError> {
    if pairs.is_empty() {
        return Ok((codes.to_vec(), (0..codes.len()).collect()));
    }
    let known: HashSet<&str> = codes.iter().map(String::as_str).collect();
    if let Some((from, _)) = pairs.iter().find(|(from, _)| from != "*" && !known.contains(from.as_str())) {
        return Err(MappingError::Unknown { kind, from: from.clone() });
    }
    let target: HashMap<&str, &str> = pairs.iter().map(|(from, to)| (from.as_str(), to.as_str())).collect();
    let goes_to = |code: &str| target.get(code).or_else(|| target.get("*")).copied();
    let mut used = HashSet::new();
    for code in codes {
        let to = goes_to(code).ok_or_else(|| MappingError::Missing { kind, from: code.clone() })?;
        used.insert(to);
    }
    // The order of the file, without a `*` that nothing is left for.
    let mut labels: Vec<String> = Vec::new();
    for (_, to) in pairs {
        if used.contains(to.as_str()) && !labels.contains(to) {
            labels.push(to.clone());
        }
    }
    let position: HashMap<&str, usize> = labels.iter().enumerate().map(|(i, l)| (l.as_str(), i)).collect();
    let positions = codes.iter().filter_map(|code| goes_to(code).and_then(|to| position.get(to))).copied();
    Ok((labels.clone(), positions.collect()))
}

impl WorldTable {
    /// Adds up countries and sectors. Every total of the table (output, value added, intermediate and final sales, by
    /// any union of the groups) is conserved; trade between countries that join becomes domestic.
    ///
    /// # Errors
    /// [`MappingError`] if the mapping does not cover the table or names what the table does not have.
    pub fn aggregate(&self, mapping: &Mapping) -> Result<Self, MappingError> {
        let (countries, country_to) = mapping.countries(self.countries())?;
        let (sectors, sector_to) = mapping.sectors(self.sectors())?;
        let categories = self.final_categories().len();
        let industry_to: Vec<usize> = country_to
            .iter()
            .flat_map(|&country| sector_to.iter().map(move |&sector| (country, sector)))
            .map(|(country, sector)| country * sectors.len() + sector)
            .collect();
        let final_to: Vec<usize> = country_to
            .iter()
            .flat_map(|&country| (0..categories).map(move |category| country * categories + category))
            .collect();

        let industries = countries.len() * sectors.len();
        let finals = countries.len() * categories;
        let intermediate = add_rows(self.intermediate(), &industry_to, industries);
        let final_demand = add_rows(self.final_demand(), &industry_to, industries);
        Ok(Self::new(TableParts {
            intermediate: add_columns(&intermediate, &industry_to, industries),
            final_demand: add_columns(&final_demand, &final_to, finals),
            factor_payments: add_columns(self.factor_payments(), &industry_to, industries),
            year: self.year(),
            unit: self.unit().to_owned(),
            factors: self.factors().to_vec(),
            final_categories: self.final_categories().to_vec(),
            countries,
            sectors,
        })?)
    }
}

fn add_rows(array: &Array2<f64>, to: &[usize], rows: usize) -> Array2<f64> {
    let mut sums = Array2::zeros((rows, array.ncols()));
    for (row, &target) in array.rows().into_iter().zip(to) {
        let mut sum = sums.row_mut(target);
        sum += &row;
    }
    sums
}

fn add_columns(array: &Array2<f64>, to: &[usize], columns: usize) -> Array2<f64> {
    let mut sums = Array2::zeros((array.nrows(), columns));
    for (row, mut sum) in array.axis_iter(Axis(0)).zip(sums.axis_iter_mut(Axis(0))) {
        for (&value, &target) in row.iter().zip(to) {
            sum[target] += value;
        }
    }
    sums
}
