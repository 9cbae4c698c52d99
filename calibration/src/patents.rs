//! Patents by technology field, and from them by industry.
//!
//! Files (National Science Foundation, Science and Engineering Indicators; concordance of Neuhaeusler, Frietsch and Kroll 2019):
//! `ncses_wipo35_country_year_1998_2020.csv[.gz]` (`kind,field,path,entity,year,value`: USPTO utility grants and international
//! patent families by WIPO field, place and year), `wipo35_fields.csv` (`Code,Description`) and `nace2_wipo35_concordance.csv` (`NACE` and
//! one column for each field: the probability that a patent of the field belongs to the NACE revision 2 division; columns
//! sum to one).
//!
//! Places nest (`World -> Asia -> Japan`). Only places that hold no other place are countries here, and what the world has
//! beyond them is [`REST`]: nothing is counted twice, and the sum over places is the world's up to the rounding of the source.

use crate::source::{CsvFile, LoadError, positions};
use ndarray::{Array2, Array3};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::io::Read;
use std::path::Path;

/// The place that makes the sum over places the world's.
pub const REST: &str = "rest of the world";

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Utility patents granted by the US Patent and Trademark Office, by year of grant.
    UsptoUtility,
    /// International patent families, by year of first filing abroad.
    InternationalFamilies,
}

impl Kind {
    /// Both kinds.
    pub const ALL: [Self; 2] = [Self::UsptoUtility, Self::InternationalFamilies];

    /// Name in the files.
    pub fn code(self) -> &'static str {
        match self {
            Self::UsptoUtility => "uspto_utility",
            Self::InternationalFamilies => "ipf",
        }
    }
}

/// Patents by field, and the concordance.
#[derive(Debug, Clone)]
pub struct Patents {
    places: Vec<String>,
    years: Vec<i32>,
    divisions: Vec<String>,
    fields: Vec<String>,
    codes: Vec<String>,
    /// `[division, field]`, columns sum to one.
    concordance: Array2<f64>,
    /// By kind: `[field, place, year]`.
    counts: HashMap<Kind, Array3<f64>>,
}

impl Patents {
    /// Loads the three files from `folder`.
    ///
    /// # Errors
    /// [`LoadError`] naming file, line and column.
    pub fn load(folder: &Path) -> Result<Self, LoadError> {
        let packed = folder.join("ncses_wipo35_country_year_1998_2020.csv.gz");
        let counts = if packed.exists() { packed } else { packed.with_extension("") };
        Self::from_files(
            &CsvFile::open(&counts)?,
            &CsvFile::open(&folder.join("wipo35_fields.csv"))?,
            &CsvFile::open(&folder.join("nace2_wipo35_concordance.csv"))?,
        )
    }

    /// Reads counts, fields and concordance from CSV text; the path is for error messages.
    ///
    /// # Errors
    /// As [`Patents::load`].
    pub fn from_readers(
        path: &Path,
        counts: impl Read,
        fields: impl Read,
        concordance: impl Read,
    ) -> Result<Self, LoadError> {
        Self::from_files(
            &CsvFile::from_reader(path, counts)?,
            &CsvFile::from_reader(path, fields)?,
            &CsvFile::from_reader(path, concordance)?,
        )
    }

    fn from_files(counts: &CsvFile, fields: &CsvFile, concordance: &CsvFile) -> Result<Self, LoadError> {
        let [code, description] = fields.columns(["Code", "Description"])?;
        let codes: Vec<String> = fields.rows().map(|row| row.text(code).to_owned()).collect();
        let field_at: HashMap<String, usize> =
            fields.rows().enumerate().map(|(i, row)| (plain(row.text(description)), i)).collect();
        let (divisions, concordance) = read_concordance(concordance, &codes)?;
        let (places, years, counts) = read_counts(counts, &field_at)?;
        let fields = fields.rows().map(|row| row.text(description).to_owned()).collect();
        Ok(Self { places, years, divisions, fields, codes, concordance, counts })
    }

    /// Places: countries in the order of the file, then [`REST`].
    pub fn places(&self) -> &[String] {
        &self.places
    }

    /// Years, ascending.
    pub fn years(&self) -> &[i32] {
        &self.years
    }

    /// NACE revision 2 divisions, two digits.
    pub fn divisions(&self) -> &[String] {
        &self.divisions
    }

    /// Names of the 35 fields.
    pub fn fields(&self) -> &[String] {
        &self.fields
    }

    /// Codes of the 35 fields, such as `W35F01`.
    pub fn codes(&self) -> &[String] {
        &self.codes
    }

    /// Probabilities that a patent of a field belongs to a division, `[division, field]`; columns sum to one.
    pub fn concordance(&self) -> &Array2<f64> {
        &self.concordance
    }

    /// Patents by field, `[field, place, year]`, fractional; `None` if the file has none of this kind.
    pub fn by_field(&self, kind: Kind) -> Option<&Array3<f64>> {
        self.counts.get(&kind)
    }

    /// Patents by industry, `[division, place, year]`: `sum_f P(division | f) n_f`. The sum over divisions is the sum over fields.
    pub fn by_industry(&self, kind: Kind) -> Option<Array3<f64>> {
        let counts = self.counts.get(&kind)?;
        let (_, places, years) = counts.dim();
        let mut patents = Array3::zeros((self.divisions.len(), places, years));
        for ((division, field), &probability) in self.concordance.indexed_iter() {
            if probability > 0.0 {
                let mut of_division = patents.index_axis_mut(ndarray::Axis(0), division);
                of_division.scaled_add(probability, &counts.index_axis(ndarray::Axis(0), field));
            }
        }
        Some(patents)
    }
}

/// A field's name without case, hyphens and spaces, so that `Micro-structural and nano-technology` is found; the two sources
/// write one field differently.
fn plain(name: &str) -> String {
    let name: String = name.to_lowercase().chars().filter(|c| c.is_alphanumeric()).collect();
    name.replace("microstructuraltechnologyandnanotechnology", "microstructuralandnanotechnology")
}

fn read_concordance(file: &CsvFile, codes: &[String]) -> Result<(Vec<String>, Array2<f64>), LoadError> {
    let division = file.column("NACE")?;
    let columns = codes.iter().map(|code| file.column(code)).collect::<Result<Vec<_>, _>>()?;
    let mut divisions = Vec::new();
    let mut seen = HashSet::new();
    let mut matrix = Array2::zeros((file.rows().len(), codes.len()));
    for (position, row) in file.rows().enumerate() {
        let number = row.integer(division)?;
        if !seen.insert(number) {
            return Err(row.duplicate(format!("division {number}")));
        }
        divisions.push(format!("{number:02}"));
        for (field, &column) in columns.iter().enumerate() {
            matrix[[position, field]] = row.non_negative(column)?;
        }
    }
    for (field, column) in matrix.columns().into_iter().enumerate() {
        let sum = column.sum();
        if (sum - 1.0).abs() > 1e-3 {
            return Err(file
                .inconsistent(format!("the probabilities of field {} sum to {sum}, not one", codes[field])));
        }
    }
    for mut column in matrix.columns_mut() {
        let sum = column.sum();
        column /= sum;
    }
    Ok((divisions, matrix))
}

type Counts = (Vec<String>, Vec<i32>, HashMap<Kind, Array3<f64>>);

fn read_counts(file: &CsvFile, field_at: &HashMap<String, usize>) -> Result<Counts, LoadError> {
    let [kind, field, path, year, value] = file.columns(["kind", "field", "path", "year", "value"])?;
    let mut paths: Vec<&str> = Vec::new();
    let mut known = HashSet::new();
    let mut years = BTreeSet::new();
    for row in file.rows() {
        if known.insert(row.text(path)) {
            paths.push(row.text(path));
        }
        years.insert(row.year(year)?);
    }
    let years: Vec<i32> = years.into_iter().collect();
    let Some(world) = paths.iter().find(|path| !path.contains(" -> ")).copied() else {
        return Err(file.missing("the world (a path without `->`)"));
    };
    // A place holds another when its path begins the other's; regions, remainders of regions and the world are no countries.
    let holds = |path: &str| {
        paths.iter().any(|other| other.strip_prefix(path).is_some_and(|r| r.starts_with(" -> ")))
    };
    let country = |path: &str| {
        let name = path.rsplit(" -> ").next().unwrap_or(path);
        path.matches(" -> ").count() >= 2 && !holds(path) && !name.starts_with("Other ")
    };
    let countries: Vec<&str> = paths.iter().copied().filter(|path| country(path)).collect();
    let mut places: Vec<String> =
        countries.iter().map(|path| path.rsplit(" -> ").next().unwrap_or(path).to_owned()).collect();
    let place_at = positions(&countries.iter().map(|path| (*path).to_owned()).collect::<Vec<_>>());
    let rest = places.len();
    places.push(REST.to_owned());

    let year_at: HashMap<i32, usize> = years.iter().enumerate().map(|(i, y)| (*y, i)).collect();
    let n_fields = field_at.values().max().map_or(0, |last| last + 1);
    let shape = (n_fields, places.len(), years.len());
    let mut counts: HashMap<Kind, Array3<f64>> = HashMap::new();
    let mut seen = HashSet::new();
    for row in file.rows() {
        let of_kind = Kind::ALL
            .into_iter()
            .find(|k| k.code() == row.text(kind))
            .ok_or_else(|| row.bad(kind, "uspto_utility or ipf"))?;
        if row.text(field) == "all" {
            continue;
        }
        let f = *field_at
            .get(&plain(row.text(field)))
            .ok_or_else(|| row.bad(field, "one of the 35 WIPO fields"))?;
        if !seen.insert((of_kind, f, row.text(path), row.year(year)?)) {
            let key = [kind, field, path, year].map(|column| row.text(column)).join(", ");
            return Err(row.duplicate(key));
        }
        let Some(&t) = year_at.get(&row.year(year)?) else { continue };
        let number = row.non_negative(value)?;
        let array = counts.entry(of_kind).or_insert_with(|| Array3::zeros(shape));
        if row.text(path) == world {
            array[[f, rest, t]] += number;
        } else if let Some(&place) = place_at.get(row.text(path)) {
            array[[f, place, t]] = number;
            array[[f, rest, t]] -= number;
        }
    }
    // Counts are rounded to whole patents in the source, so the countries may exceed the world by half a patent each.
    let allowed = 0.5 * rest as f64;
    for array in counts.values_mut() {
        for value in array.index_axis_mut(ndarray::Axis(1), rest) {
            if *value < -allowed {
                return Err(
                    file.inconsistent(format!("countries have {} patents more than the world", -*value))
                );
            }
            *value = value.max(0.0);
        }
    }
    Ok((places, years, counts))
}

/// ISO 3166-1 alpha-3 code of a place of the counts.
pub fn iso3(place: &str) -> Option<&'static str> {
    Some(match place {
        "Argentina" => "ARG",
        "Australia" => "AUS",
        "Austria" => "AUT",
        "Belarus" => "BLR",
        "Belgium" => "BEL",
        "Brazil" => "BRA",
        "Canada" => "CAN",
        "China" => "CHN",
        "Denmark" => "DNK",
        "Finland" => "FIN",
        "France" => "FRA",
        "Germany" => "DEU",
        "Hungary" => "HUN",
        "India" => "IND",
        "Ireland" => "IRL",
        "Israel" => "ISR",
        "Italy" => "ITA",
        "Japan" => "JPN",
        "Malaysia" => "MYS",
        "Mexico" => "MEX",
        "Moldova" => "MDA",
        "Netherlands" => "NLD",
        "New Zealand" => "NZL",
        "Norway" => "NOR",
        "Puerto Rico" => "PRI",
        "Russia" => "RUS",
        "Singapore" => "SGP",
        "South Africa" => "ZAF",
        "South Korea" => "KOR",
        "Spain" => "ESP",
        "Sweden" => "SWE",
        "Switzerland" => "CHE",
        "Taiwan" => "TWN",
        "Ukraine" => "UKR",
        "United Kingdom" => "GBR",
        "United States" => "USA",
        _ => return None,
    })
}
