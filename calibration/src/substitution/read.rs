use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;
use std::path::Path;

use ndarray::{Array2, Array3};

use super::{Panel, ShockSeries, SubstitutionError, Unit};
use crate::source::{CsvFile, positions};

/// Names of the three files in a folder.
const FILES: [&str; 3] = ["panel.csv", "exposure.csv", "shocks.csv"];

/// Columns of the panel's file that every panel has.
const COLUMNS: [&str; 8] = [
    "country",
    "sector",
    "market",
    "year",
    "patents_critical",
    "patents_other",
    "price_critical",
    "price_other",
];

impl Panel {
    /// Reads a panel from a folder with three CSV files.
    ///
    /// | file | columns |
    /// |---|---|
    /// | `panel.csv` | `country`, `sector`, `market`, `year`; `patents_critical`, `patents_other`: counts of patents on the critical input and on everything else; `price_critical`, `price_other`: price of the sector's bundle of the input and of its other inputs, any unit; optional `spending_critical`, `spending_other`: spending on both, any unit, without which only the patents equation can be estimated |
    /// | `exposure.csv` | `sector`, `element`, `weight`: predetermined share of the element in the sector's bundle; weights of a sector sum to one; pairs without a row are zero |
    /// | `shocks.csv` | `market`, `element`, `year`, and a column for each kind of shock, such as `quota` and `duty`, named as you like; markets, elements and years without a row have no shock |
    ///
    /// `market` says where prices of elements differ, such as inside and outside the country that restricts. Years are
    /// consecutive. A country and sector may lack rows, and rows may have empty cells, for what was not observed; [`Panel`] says
    /// what is made of them. A line `# simulated` at the top of `panel.csv` marks a panel
    /// that is not observed.
    ///
    /// # Errors
    /// [`SubstitutionError::Load`] that names file, line and column; [`SubstitutionError::Panel`] for what contradicts itself.
    pub fn read(folder: &Path) -> Result<Self, SubstitutionError> {
        let [panel, exposure, shocks] = FILES.map(|name| CsvFile::open(&folder.join(name)));
        let (panel, exposure, shocks) = (panel?, exposure?, shocks?);
        let marked = std::fs::read_to_string(folder.join(FILES[0]));
        // Some editors put a byte order mark before the first line.
        let simulated =
            marked.is_ok_and(|text| text.trim_start_matches('\u{feff}').starts_with("# simulated"));
        let read = Self::from_files(&panel, &exposure, &shocks, simulated)?;
        read.check()?;
        Ok(read)
    }

    fn from_files(
        panel: &CsvFile,
        exposure: &CsvFile,
        shocks: &CsvFile,
        simulated: bool,
    ) -> Result<Self, SubstitutionError> {
        let [country, sector, market, year, patents_r, patents_x, price_r, price_x] =
            panel.columns(COLUMNS)?;
        let has = |name: &str| panel.headers().iter().any(|h| h == name);
        let spending = match (has("spending_critical"), has("spending_other")) {
            (false, false) => None,
            _ => Some(panel.columns(["spending_critical", "spending_other"])?),
        };
        let distinct = |file: &CsvFile, column: usize| {
            let mut seen = Vec::<String>::new();
            for row in file.rows() {
                if !seen.iter().any(|s| s == row.text(column)) {
                    seen.push(row.text(column).to_owned());
                }
            }
            seen
        };
        let sectors = distinct(panel, sector);
        let markets = distinct(panel, market);
        let sector_at = positions(&sectors);
        let market_at = positions(&markets);
        let mut years = BTreeSet::new();
        for row in panel.rows() {
            years.insert(row.year(year)?);
        }
        let years: Vec<i32> = years.into_iter().collect();
        let year_at: HashMap<i32, usize> = years.iter().enumerate().map(|(t, y)| (*y, t)).collect();

        let mut units: Vec<Unit> = Vec::new();
        let mut unit_at: HashMap<(String, usize), usize> = HashMap::new();
        let mut cells: Vec<Vec<Option<[f64; 6]>>> = Vec::new();
        for row in panel.rows() {
            let unit = Unit {
                country: row.text(country).to_owned(),
                sector: row.label(sector, "sector", &sector_at)?,
                market: row.label(market, "market", &market_at)?,
            };
            let at = *unit_at.entry((unit.country.clone(), unit.sector)).or_insert_with(|| {
                units.push(unit.clone());
                cells.push(vec![None; years.len()]);
                units.len() - 1
            });
            let name = format!("{} in {}", sectors[unit.sector], unit.country);
            if units[at] != unit {
                return Err(panel.inconsistent(format!("{name} is in two markets: give it one")).into());
            }
            let t = year_at[&row.year(year)?];
            if cells[at][t].is_some() {
                return Err(row.duplicate(format!("{name} in {}", years[t])).into());
            }
            let columns = [patents_r, patents_x, price_r, price_x];
            let mut values = [f64::NAN; 6];
            for (value, column) in values.iter_mut().zip(columns.iter().chain(spending.iter().flatten())) {
                if row.optional(*column)?.is_some() {
                    *value = row.non_negative(*column)?;
                }
            }
            cells[at][t] = Some(values);
        }
        let column = |k: usize| {
            Array2::from_shape_fn((units.len(), years.len()), |(i, t)| cells[i][t].map_or(f64::NAN, |c| c[k]))
        };

        let [e_sector, e_element, e_weight] = exposure.columns(["sector", "element", "weight"])?;
        let elements = distinct(exposure, e_element);
        let element_at = positions(&elements);
        let mut weights = Array2::zeros((sectors.len(), elements.len()));
        for row in exposure.rows() {
            // Sectors that the panel does not have are of no concern.
            let Some(&j) = sector_at.get(row.text(e_sector)) else { continue };
            weights[[j, row.label(e_element, "element", &element_at)?]] += row.non_negative(e_weight)?;
        }
        let [s_market, s_element, s_year] = shocks.columns(["market", "element", "year"])?;
        let keys = [s_market, s_element, s_year];
        let kinds: Vec<usize> = (0..shocks.headers().len()).filter(|k| !keys.contains(k)).collect();
        let mut series: Vec<ShockSeries> = kinds
            .iter()
            .map(|k| ShockSeries {
                name: shocks.headers()[*k].clone(),
                values: Array3::zeros((markets.len(), elements.len(), years.len())),
            })
            .collect();
        let mut seen = BTreeSet::new();
        for row in shocks.rows() {
            let m = row.label(s_market, "market of the panel", &market_at)?;
            let e = row.label(s_element, "element of exposure.csv", &element_at)?;
            let y = row.year(s_year)?;
            if !seen.insert((m, e, y)) {
                return Err(row.duplicate(format!("{}, {} in {y}", markets[m], elements[e])).into());
            }
            if let Some(&t) = year_at.get(&y) {
                for (series, k) in series.iter_mut().zip(&kinds) {
                    series.values[[m, e, t]] = row.number(*k)?;
                }
            }
        }
        let provenance = if simulated { "a simulated panel" } else { "the panel" };
        Ok(Self {
            provenance: format!("{provenance} in {}", panel.path().display()),
            simulated,
            patents_critical: column(0),
            patents_other: column(1),
            price_critical: column(2),
            price_other: column(3),
            spending: spending.map(|_| (column(4), column(5))),
            sectors,
            markets,
            elements,
            years,
            units,
            exposure: weights,
            shocks: series,
        })
    }

    /// The three files of [`Panel::read`] as text, by name.
    pub fn to_csv(&self) -> [(&'static str, String); 3] {
        let mut panel = String::new();
        if self.simulated {
            panel.push_str("# simulated\n");
        }
        panel.push_str(&COLUMNS.join(","));
        if self.spending.is_some() {
            panel.push_str(",spending_critical,spending_other");
        }
        panel.push('\n');
        let quoted = crate::table_csv::quoted;
        for (row, unit) in self.units.iter().enumerate() {
            let mut arrays =
                vec![&self.patents_critical, &self.patents_other, &self.price_critical, &self.price_other];
            arrays.extend(self.spending.iter().flat_map(|(critical, other)| [critical, other]));
            for (t, year) in self.years.iter().enumerate() {
                let values: Vec<f64> = arrays.iter().map(|array| array[[row, t]]).collect();
                if values.iter().all(|value| value.is_nan()) {
                    continue;
                }
                let _ = write!(
                    panel,
                    "{},{},{},{year}",
                    quoted(&unit.country),
                    quoted(&self.sectors[unit.sector]),
                    quoted(&self.markets[unit.market])
                );
                for value in values {
                    let _ = if value.is_nan() { write!(panel, ",") } else { write!(panel, ",{value}") };
                }
                panel.push('\n');
            }
        }
        let mut exposure = "sector,element,weight\n".to_owned();
        for ((j, e), weight) in self.exposure.indexed_iter().filter(|(_, w)| **w > 0.0) {
            let _ = writeln!(exposure, "{},{},{weight}", quoted(&self.sectors[j]), quoted(&self.elements[e]));
        }
        let mut shocks = "market,element,year".to_owned();
        self.shocks.iter().for_each(|series| {
            let _ = write!(shocks, ",{}", quoted(&series.name));
        });
        shocks.push('\n');
        let listed = |e: usize| self.exposure.column(e).iter().any(|w| *w > 0.0);
        for (m, market) in self.markets.iter().enumerate() {
            for (e, element) in self.elements.iter().enumerate().filter(|(e, _)| listed(*e)) {
                for (t, year) in self.years.iter().enumerate() {
                    let _ = write!(shocks, "{},{},{year}", quoted(market), quoted(element));
                    for series in &self.shocks {
                        let _ = write!(shocks, ",{}", series.values[[m, e, t]]);
                    }
                    shocks.push('\n');
                }
            }
        }
        [(FILES[0], panel), (FILES[1], exposure), (FILES[2], shocks)]
    }
}
