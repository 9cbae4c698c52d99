//! From symbols of the patent classification to industries, and counts by sector, country and year.
//!
//! A symbol belongs to one of WIPO's 35 fields (`data/patents/wipo_fields.csv`: the longest beginning that fits), a field to
//! industries by the probabilities of Neuhaeusler, Frietsch and Kroll (2019), added up to NACE revision 1 industries as in
//! [`crate::panels::patents`] (`data/patents/sectors_by_field.csv`, derived). Fields are counted once for each patent: a patent
//! with symbols in `m` fields gives each `1/m`, so that every patent adds up to one.

use super::Class;
use crate::panels::Panel;
use crate::source::{CsvFile, LoadError};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::Read;
use std::path::Path;

const FIELDS: &str = include_str!("../../data/patents/wipo_fields.csv");
const SECTORS: &str = include_str!("../../data/patents/sectors_by_field.csv");

/// The sector of patents whose symbols belong to no field.
pub const UNCLASSIFIED: &str = "unclassified";

/// The way from symbols to industries.
#[derive(Debug, Clone, PartialEq)]
pub struct Concordance {
    /// Beginning of a symbol to field.
    field_of: HashMap<String, usize>,
    /// Longest beginning there is.
    longest: usize,
    sectors: Vec<String>,
    /// `[field][sector]`, rows sum to one.
    shares: Vec<Vec<f64>>,
}

impl Concordance {
    /// The concordance that this crate ships.
    ///
    /// # Errors
    /// [`LoadError`] if a shipped file is damaged.
    pub fn shipped() -> Result<Self, LoadError> {
        Self::from_readers(
            Path::new("patents/wipo_fields.csv"),
            FIELDS.as_bytes(),
            Path::new("patents/sectors_by_field.csv"),
            SECTORS.as_bytes(),
        )
    }

    /// A concordance from CSV text: `field,codes` (beginnings of symbols, separated by spaces), and `field` with one column of
    /// shares for each sector, rows summing to one. The paths are for error messages.
    ///
    /// # Errors
    /// [`LoadError`] naming line and column.
    pub fn from_readers(
        fields_path: &Path,
        fields: impl Read,
        sectors_path: &Path,
        sectors: impl Read,
    ) -> Result<Self, LoadError> {
        let table = CsvFile::from_reader(sectors_path, sectors)?;
        let name = table.column("field")?;
        let columns: Vec<(usize, String)> =
            table.headers().iter().cloned().enumerate().filter(|(i, _)| *i != name).collect();
        let (mut position, mut shares) = (HashMap::new(), Vec::new());
        for row in table.rows() {
            let of_sector =
                columns.iter().map(|(c, _)| row.non_negative(*c)).collect::<Result<Vec<_>, _>>()?;
            let sum: f64 = of_sector.iter().sum();
            if (sum - 1.0).abs() > 1e-3 {
                return Err(table
                    .inconsistent(format!("the shares of field {} sum to {sum}, not one", row.text(name))));
            }
            if position.insert(row.text(name).to_owned(), shares.len()).is_some() {
                return Err(row.duplicate(format!("field {}", row.text(name))));
            }
            shares.push(of_sector.into_iter().map(|share| share / sum).collect());
        }
        let file = CsvFile::from_reader(fields_path, fields)?;
        let [field, codes] = file.columns(["field", "codes"])?;
        let mut field_of = HashMap::new();
        for row in file.rows() {
            let at = row.label(field, "field", &position)?;
            for code in row.text(codes).split_whitespace() {
                if field_of.insert(code.to_ascii_uppercase(), at).is_some() {
                    return Err(row.duplicate(format!("symbols that begin with {code}")));
                }
            }
        }
        let longest = field_of.keys().map(String::len).max().unwrap_or(0);
        Ok(Self { field_of, longest, sectors: columns.into_iter().map(|(_, s)| s).collect(), shares })
    }

    /// Sectors, in the order of the file.
    pub fn sectors(&self) -> &[String] {
        &self.sectors
    }

    /// Position of a symbol's field.
    fn field(&self, symbol: &str) -> Option<usize> {
        let symbol: String =
            symbol.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_ascii_uppercase();
        // A beginning that ends in digits must be a whole number of the symbol: `A61K8` is not `A61K80`.
        (1..=self.longest.min(symbol.len())).rev().find_map(|length| {
            let beginning = symbol.get(..length)?;
            let next = symbol.as_bytes().get(length);
            let cut = length > 4 && next.is_some_and(u8::is_ascii_digit);
            self.field_of.get(beginning).copied().filter(|_| !cut)
        })
    }

    /// Shares of a patent by sector, summing to one; empty when none of its symbols belongs to a field.
    pub fn shares(&self, symbols: &[String]) -> Vec<(&str, f64)> {
        let fields: BTreeSet<usize> = symbols.iter().filter_map(|s| self.field(s)).collect();
        let mut shares = vec![0.0; self.sectors.len()];
        for field in &fields {
            for (sum, share) in shares.iter_mut().zip(&self.shares[*field]) {
                *sum += share / fields.len() as f64;
            }
        }
        self.sectors.iter().map(String::as_str).zip(shares).filter(|(_, share)| *share > 0.0).collect()
    }
}

/// Patents by class, country, sector and year, added up one by one.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Counts {
    cells: BTreeMap<(Class, String, String), BTreeMap<i32, f64>>,
    patents: usize,
}

impl Counts {
    /// Counts a patent.
    pub fn add(
        &mut self,
        class: Class,
        country: &str,
        year: i32,
        symbols: &[String],
        concordance: &Concordance,
    ) {
        let mut shares = concordance.shares(symbols);
        if shares.is_empty() {
            shares.push((UNCLASSIFIED, 1.0));
        }
        for (sector, share) in shares {
            let key = (class, country.to_owned(), sector.to_owned());
            *self.cells.entry(key).or_default().entry(year).or_default() += share;
        }
        self.patents += 1;
    }

    /// Patents counted; the sum over all cells.
    pub fn patents(&self) -> usize {
        self.patents
    }

    /// Patents of a class, by year.
    pub fn by_year(&self, class: Class) -> BTreeMap<i32, f64> {
        let mut years = BTreeMap::new();
        for ((of, _, _), cells) in &self.cells {
            if *of == class {
                cells.iter().for_each(|(year, n)| *years.entry(*year).or_default() += n);
            }
        }
        years
    }

    /// The panel `class,country,sector` by year, zeros where a series has no patent in a year between the first and the last.
    /// The model's `nu_R` is the class `efficiency`: what raises the productivity of rare earths.
    pub fn panel(&self) -> Panel {
        let years: BTreeSet<i32> = self.cells.values().flat_map(|c| c.keys().copied()).collect();
        let (first, last) = (years.first().copied().unwrap_or(0), years.last().copied().unwrap_or(-1));
        let years: Vec<i32> = (first..=last).collect();
        let keys = self
            .cells
            .keys()
            .map(|(class, country, sector)| vec![class.name().to_owned(), country.clone(), sector.clone()]);
        let rows: Vec<&BTreeMap<i32, f64>> = self.cells.values().collect();
        Panel {
            key_names: ["class", "country", "sector"].map(str::to_owned).to_vec(),
            keys: keys.collect(),
            values: ndarray::Array2::from_shape_fn((rows.len(), years.len()), |(s, t)| {
                rows[s].get(&years[t]).copied().unwrap_or(0.0)
            }),
            years,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_find_their_fields_by_the_longest_beginning() {
        let concordance = Concordance::shipped().unwrap();
        let field = |symbol: &str| concordance.field(symbol).map(|f| f + 1);
        assert_eq!(field("H01F 1/057"), Some(1));
        assert_eq!(field("H01L33/50"), Some(8));
        assert_eq!(field("C22B59/00"), Some(20));
        assert_eq!(field("C09K11/7774"), Some(19));
        assert_eq!(field("G01N33/53"), Some(11));
        assert_eq!(field("G01N3/08"), Some(10));
        assert_eq!(field("A61K8/19"), Some(14));
        assert_eq!(field("A61K49/10"), Some(16));
        assert_eq!(field("B01D53/94"), Some(24));
        assert_eq!(field("B01D11/04"), Some(23));
        assert_eq!(field("Y02W30/84"), None);
    }

    #[test]
    fn every_patent_adds_up_to_one() {
        let concordance = Concordance::shipped().unwrap();
        let mut counts = Counts::default();
        let symbols = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        counts.add(Class::Efficiency, "JPN", 2011, &symbols("H01F1/057 H02K1/27 C22C38/00"), &concordance);
        counts.add(Class::Efficiency, "JPN", 2013, &symbols("C22B59/00"), &concordance);
        counts.add(Class::Use, "USA", 2012, &symbols("Y02W30/84"), &concordance);
        let panel = counts.panel();
        assert!((panel.values.sum() - 3.0).abs() < 1e-12);
        assert_eq!(panel.years, [2011, 2012, 2013]);
        assert!(panel.keys.iter().any(|key| key[0] == "use" && key[2] == UNCLASSIFIED));
        assert!((counts.by_year(Class::Efficiency)[&2011] - 1.0).abs() < 1e-12);
    }
}
