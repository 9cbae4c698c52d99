//! The parts of the output: one file per part, one function per table.

mod a;
mod a_estimators;
mod a_gravity;
mod a_monte_carlo;
mod b;
mod b_calibration;
mod b_footprint;
mod b_panels;
mod b_patents;
mod b_substitution;
mod c_elements;
mod c_long_run;
mod c_path;
mod c_policy;
mod c_robustness;
mod d;
mod quota;
mod study;

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::data::sets;
use crate::error::Error;
use crate::hash;
use crate::report::checks::{Check, Published};
use crate::report::figure::Figure;
use crate::report::table::Table;
use crate::sources::{OWN, PANEL as OWN_PANEL, TRADE_PANEL, UNIT_VALUE_PANEL};
use crate::workspace::RawData;

/// Folders of raw data that hold a user's own files, and what explains them.
pub(crate) const OWN_SETS: [(&str, &str); 4] = [
    (
        b_patents::OWN,
        "counts from patents' text, as `patents classify` writes them (cargo xtask help patents)",
    ),
    (
        OWN_PANEL,
        "patents, spending and prices by sector, three CSV files (calibration::substitution::Panel::read)",
    ),
    (
        TRADE_PANEL,
        "trade and tariffs by sector and year, flows.csv, and which sectors they are, sectors.csv (cargo xtask help elasticities)",
    ),
    (
        UNIT_VALUE_PANEL,
        "sales of goods by exporter and year, sales.csv, and which sectors goods are, sectors.csv (cargo xtask help elasticities)",
    ),
];

/// What makes a part.
type Make = Box<dyn Fn(&Inputs) -> Result<Made, Error> + Send + Sync>;

/// A unit of the output that is made, skipped or fails as a whole.
pub(crate) struct Part {
    /// Its identifier, as `--only` takes it.
    pub(crate) id: &'static str,
    /// What it is called.
    pub(crate) title: &'static str,
    /// The raw data sets without which it cannot be made.
    pub(crate) needs: &'static [&'static str],
    /// The raw data sets that it reads when they are there.
    pub(crate) uses: &'static [&'static str],
    /// The function that makes it, with its modules.
    pub(crate) code: &'static str,
    /// Makes it.
    pub(crate) make: Make,
}

impl Part {
    /// The file and the function that make it.
    pub(crate) fn source(&self) -> (String, &'static str) {
        let mut modules: Vec<&str> = self.code.split("::").skip(1).collect();
        let function = modules.pop().unwrap_or(self.code);
        (format!("xtask/src/{}.rs", modules.join("/")), function)
    }
}

/// What a part may use.
pub(crate) struct Inputs<'a> {
    /// The raw data.
    pub(crate) raw: &'a RawData,
    /// The published values.
    pub(crate) published: &'a Published,
}

impl Inputs<'_> {
    /// The folder of a raw data set.
    pub(crate) fn set(&self, name: &str) -> Result<PathBuf, Error> {
        self.raw.set(name).ok_or_else(|| Error::MissingSet { set: name.to_owned(), place: self.raw.place() })
    }
}

/// What a part makes.
#[derive(Default)]
pub(crate) struct Made {
    /// Its tables.
    pub(crate) tables: Vec<Table>,
    /// Its figures.
    pub(crate) figures: Vec<Figure>,
    /// Its comparisons with published numbers.
    pub(crate) checks: Vec<Check>,
}

fn part<M: Fn(&Inputs) -> Result<Made, Error> + Send + Sync + 'static>(
    id: &'static str,
    title: &'static str,
    needs: &'static [&'static str],
    uses: &'static [&'static str],
    make: M,
) -> Part {
    Part { id, title, needs, uses, code: std::any::type_name::<M>(), make: Box::new(make) }
}

/// All parts, in the order of the report.
pub(crate) fn all() -> Vec<Part> {
    vec![
        part("A1", "Trade elasticities", &["cp2015"], &[], a::elasticities),
        part("A2", "Welfare effects of NAFTA", &["cp2015"], &[], a::nafta),
        part("A3", "Estimator benchmarks", &["gravity", "gmm"], &[], a_estimators::benchmarks),
        part("A4", "Monte Carlo of the structural estimators", &[], &[], a_monte_carlo::monte_carlo),
        part("B1", "The rare-earth episode", &[], &[], b::the_episode),
        part("B2", "The rare-earth footprint", &[], &["wiod2013", "bea_io"], b_footprint::footprints),
        part("B3", "Exports and rare-earth intensity", &[], &["wiod2013"], b_panels::exports),
        part("B4", "Patents and rare-earth intensity", &[], &["patents"], b_panels::patents),
        part(
            "B5",
            "Productivity and rare-earth intensity",
            &[],
            &["us_klems", "wiod_sea2013"],
            b_panels::productivity,
        ),
        part("B6", "Rare-earth patents by type", &[], &[b_patents::OWN], b_patents::by_type),
        part("B7", "Elasticities of substitution", &[], &[OWN_PANEL], b_substitution::elasticities),
        part("B8", "Calibrated parameters and target moments", &[], &[], b_calibration::calibration),
        // The scenarios of part C may name estimates on panels of the user's own.
        part("C1", "The export restriction in the long run", &[], OWN, c_long_run::restriction),
        part("C2", "The export restriction year by year", &[], OWN, c_path::years),
        part("C3", "Real income by channel", &[], OWN, c_long_run::channels),
        part(
            "C4",
            "Robustness of the long run",
            &[],
            &["wiod2013", OWN_PANEL, TRADE_PANEL, UNIT_VALUE_PANEL],
            c_robustness::robustness,
        ),
        part("C5", "China's optimal export tax", &[], OWN, c_policy::optimal_tax),
        part("C6", "What importers can do", &[], OWN, c_policy::menu),
        part("C7", "Medium and heavy elements only", &[], OWN, c_elements::heavy),
        part("D1", "Gains from trade against autarky", &[], &[], d::gains),
        part("D2", "A tariff of the USA on China", &[], &[], d::tariff),
    ]
}

/// The parts that a list of identifiers names; all of them when the list is empty.
pub(crate) fn choose(only: &[String]) -> Result<Vec<Part>, Error> {
    let mut parts = all();
    if let Some(unknown) = only.iter().find(|id| !parts.iter().any(|p| p.id.eq_ignore_ascii_case(id))) {
        let known = parts.iter().map(|p| p.id).collect::<Vec<_>>().join(", ");
        return Err(Error::UnknownTable { given: unknown.clone(), known });
    }
    parts.retain(|p| only.is_empty() || only.iter().any(|id| p.id.eq_ignore_ascii_case(id)));
    Ok(parts)
}

/// The files that loaders read in the folders of a user's own.
const OWN_FILES: [(&str, &[&str]); 4] = [
    (b_patents::OWN, &["panel.csv"]),
    (OWN_PANEL, &["panel.csv", "exposure.csv", "shocks.csv"]),
    (TRADE_PANEL, &["flows.csv", "sectors.csv"]),
    (UNIT_VALUE_PANEL, &["sales.csv", "sectors.csv"]),
];

/// Whether a file in a set's folder is one that loaders read, packed or not; whatever is in it of a set that nobody declares.
fn is_read(set: &str, name: &str) -> Result<bool, Error> {
    let own = OWN_FILES.iter().find(|(own, _)| *own == set).map(|(_, files)| files.to_vec());
    let catalogue = sets::all()?;
    let listed = catalogue.iter().find(|known| known.name == set);
    let listed = listed.map(|known| known.files.iter().map(|file| file.name.as_str()).collect());
    let unpacked = |name: &str| name.trim_end_matches(".gz").to_owned();
    Ok(own.or(listed).is_none_or(|files| files.iter().any(|file| unpacked(file) == unpacked(name))))
}

/// The SHA-256 of the files of the raw data sets that a part reads, by path below the data folder.
pub(crate) fn input_hashes(raw: &RawData, sets: &[&str]) -> Result<BTreeMap<String, String>, Error> {
    let mut hashes = BTreeMap::new();
    for set in sets {
        let Some(folder) = raw.set(set) else { continue };
        let entries = std::fs::read_dir(&folder).map_err(Error::io("read", &folder))?;
        for entry in entries {
            let path = entry.map_err(Error::io("read", &folder))?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if !path.is_file() || name.starts_with('.') || name.ends_with(".part") || !is_read(set, &name)? {
                continue;
            }
            hashes.insert(format!("{set}/{name}"), hash::of_file(&path)?);
        }
    }
    Ok(hashes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_says_which_file_makes_it() {
        for part in all() {
            let (file, function) = part.source();
            let path = crate::workspace::root().join(&file);
            let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {file}: {e}", part.id));
            assert!(text.contains(&format!("fn {function}(")), "{}: no {function} in {file}", part.id);
        }
    }

    #[test]
    fn inputs_are_the_files_that_loaders_read() {
        let folder = tempfile::tempdir().unwrap();
        let files = [
            ("gmm", "hall.csv"),
            ("gmm", "notes.txt"),
            ("patents", "ncses_wipo35_country_year_1998_2020.csv"),
            (TRADE_PANEL, "flows.csv.gz"),
            (TRADE_PANEL, "flows.old"),
            ("toy", "anything"),
        ];
        for (set, name) in files {
            std::fs::create_dir_all(folder.path().join(set)).unwrap();
            std::fs::write(folder.path().join(set).join(name), "1").unwrap();
        }
        let raw = RawData::new(Some(folder.path().to_owned()));
        let hashes = input_hashes(&raw, &["gmm", "patents", TRADE_PANEL, "toy", "absent"]).unwrap();
        let read: Vec<&str> = hashes.keys().map(String::as_str).collect();
        let packed = "patents/ncses_wipo35_country_year_1998_2020.csv";
        assert_eq!(read, ["gmm/hall.csv", packed, "toy/anything", "trade_panel/flows.csv.gz"]);
    }
}
