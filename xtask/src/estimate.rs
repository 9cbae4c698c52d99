//! `estimate`: a regression on a file of one's own.

use std::collections::HashMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use estimation::{
    Categories, Column, Formula, FormulaError, KClass, RegressionTable, Summary, Table, VcovFormula,
    WeightColumn,
};

use crate::console;
use crate::error::Error;

/// Estimate a regression on a CSV file
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The estimator
    #[arg(value_enum)]
    estimator: Estimator,
    /// The data: a CSV file with a heading, plain or gzipped
    #[arg(long, value_name = "FILE")]
    data: PathBuf,
    /// The model, as in fixest: `y ~ x1 + log(x2) | fe1 + fe2^fe3 | endogenous ~ z`; repeat for several side by side
    #[arg(long, required = true, value_name = "FORMULA")]
    formula: Vec<String>,
    /// The variance: classical, HC0 to HC3, `cluster(a + b, ssc=fixest)`, `wild(a, draws=9999)`, `NW(time=t, lags=2)`,
    /// `DK(..)`, `conley(..)`
    #[arg(long, value_name = "VARIANCE")]
    vcov: String,
    /// A column of weights: inverse error variances
    #[arg(long, value_name = "COLUMN", conflicts_with = "frequency_weights")]
    weights: Option<String>,
    /// A column of weights: how many observations a row stands for
    #[arg(long, value_name = "COLUMN")]
    frequency_weights: Option<String>,
    /// The column of groups whose shares `multinomial` explains
    #[arg(long, value_name = "COLUMN", required_if_eq("estimator", "multinomial"))]
    group: Option<String>,
    /// The member of the k-class that `iv` estimates
    #[arg(long, value_enum, default_value = "2sls")]
    class: Class,
    /// Print full-precision JSON instead of a table
    #[arg(long)]
    json: bool,
    /// How to print the table
    #[arg(long, value_enum, default_value = "text", conflicts_with = "json")]
    format: Format,
    /// Decimals of a Markdown or LaTeX table
    #[arg(long, default_value_t = 3, value_name = "N")]
    digits: usize,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Estimator {
    /// Least squares
    Ols,
    /// Instrumental variables
    Iv,
    /// Poisson pseudo-maximum likelihood
    Ppml,
    /// Multinomial pseudo-maximum likelihood: shares in the groups that --group names
    Multinomial,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Class {
    /// Two-stage least squares
    #[value(name = "2sls")]
    TwoStage,
    /// Limited-information maximum likelihood
    Liml,
    /// Fuller's modification of LIML, with a = 1
    Fuller,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For reading in a terminal
    Text,
    /// A Markdown table, models side by side
    Markdown,
    /// A LaTeX tabular, models side by side
    Latex,
    /// One line per coefficient, full precision
    Csv,
}

/// Runs the command.
pub(crate) fn run(arguments: Arguments) -> Result<(), Error> {
    let table = read(&arguments.data)?;
    let vcov = VcovFormula::parse(&arguments.vcov)
        .map_err(Error::bad_input(format!("--vcov '{}'", arguments.vcov)))?;
    let mut summaries: Vec<Summary> = Vec::new();
    for text in &arguments.formula {
        let (shown, summary) = estimate(&arguments, &table, text, &vcov)?;
        if arguments.format == Format::Text && !arguments.json {
            console::result(format!("{text}\n{shown}\n"));
        }
        summaries.push(summary);
    }
    if arguments.json {
        let models = arguments
            .formula
            .iter()
            .zip(&summaries)
            .map(|(formula, summary)| {
                Ok(serde_json::json!({
                    "formula": formula,
                    "model": summary,
                    "coefficients": summary.estimates.table(),
                    "intervals_95": summary.estimates.intervals(0.95)?,
                }))
            })
            .collect::<Result<Vec<_>, estimation::EstimationError>>()
            .map_err(Error::library("intervals"))?;
        let text = serde_json::to_string_pretty(&models).map_err(Error::library("writing JSON"))?;
        console::result(text);
        return Ok(());
    }
    let side_by_side = RegressionTable::new(summaries, arguments.digits);
    match arguments.format {
        Format::Text => {}
        Format::Markdown => console::result(side_by_side.markdown().trim_end()),
        Format::Latex => console::result(side_by_side.latex().trim_end()),
        Format::Csv => console::result(side_by_side.csv().trim_end()),
    }
    Ok(())
}

fn estimate(
    arguments: &Arguments,
    table: &Table,
    text: &str,
    vcov: &VcovFormula,
) -> Result<(String, Summary), Error> {
    let weights = match (&arguments.weights, &arguments.frequency_weights) {
        (Some(column), _) => WeightColumn::Analytic(column),
        (_, Some(column)) => WeightColumn::Frequency(column),
        _ => WeightColumn::None,
    };
    let refuse = || format!("--formula '{text}'");
    let model = Formula::parse(text)
        .and_then(|formula| formula.model(table, vcov, weights))
        .map_err(Error::bad_input(refuse()))?;
    if model.missing > 0 {
        console::notice(format!(
            "{}: {} rows with missing or infinite values left out",
            refuse(),
            model.missing
        ));
    }
    let class = match arguments.class {
        Class::TwoStage => KClass::TwoStage,
        Class::Liml => KClass::Liml,
        Class::Fuller => KClass::Fuller(1.0),
    };
    let failed = Error::bad_input(refuse());
    match arguments.estimator {
        Estimator::Ols => {
            model.regression.ols(&model.vcov).map(|f| (f.to_string(), f.summary())).map_err(failed)
        }
        Estimator::Iv => {
            model.regression.iv(class, &model.vcov).map(|f| (f.to_string(), f.summary())).map_err(failed)
        }
        Estimator::Multinomial => {
            let group = group(arguments, table, &model.rows)?;
            let fit = model.regression.multinomial(&group, &model.vcov);
            fit.map(|f| (f.to_string(), f.summary())).map_err(failed)
        }
        Estimator::Ppml => {
            model.regression.poisson(&model.vcov).map(|f| (f.to_string(), f.summary())).map_err(failed)
        }
    }
}

/// The groups of a multinomial model, on the rows that it starts from.
fn group(arguments: &Arguments, table: &Table, rows: &[usize]) -> Result<Categories, Error> {
    let name = arguments.group.as_deref().unwrap_or_default();
    match table.column(name) {
        Some(Column::Categorical(labels)) => {
            Ok(Categories::new(name, rows.iter().filter_map(|&r| labels.label(r))))
        }
        Some(Column::Numeric(values)) => {
            Ok(Categories::from_numbers(name, &rows.iter().map(|&r| values[r]).collect::<Vec<f64>>()))
        }
        _ => Err(Error::bad_input(format!("--group '{name}'"))(FormulaError::UnknownVariable {
            position: 1,
            name: name.to_owned(),
            available: table.names().collect::<Vec<_>>().join(", "),
        })),
    }
}

/// Reads a CSV file, gzipped or not, in two passes: which columns are numbers, then their values. No text is kept but the
/// labels, once each.
pub(crate) fn read(path: &Path) -> Result<Table, Error> {
    let what = || format!("reading {}", path.display());
    let mut first = open(path)?;
    let names: Vec<String> =
        first.headers().map_err(Error::bad_input(what()))?.iter().map(|h| h.trim().to_owned()).collect();
    let mut numeric = vec![true; names.len()];
    let mut rows = 0;
    each(&mut first, path, |record| {
        rows += 1;
        for (is_number, cell) in numeric.iter_mut().zip(record) {
            *is_number = *is_number && Table::cell_number(cell).is_some();
        }
    })?;
    let mut columns: Vec<Reading> = numeric.iter().map(|n| Reading::new(*n, rows)).collect();
    each(&mut open(path)?, path, |record| {
        columns.iter_mut().zip(record).for_each(|(column, cell)| column.push(cell));
    })?;
    names
        .into_iter()
        .zip(columns)
        .try_fold(Table::new(), |table, (name, column)| match column {
            Reading::Numbers(values) => table.numeric(name, values),
            Reading::Labels { codes, levels, .. } => {
                table.categorical(name, codes.iter().map(|&c| levels[c as usize].as_str()))
            }
        })
        .map_err(Error::bad_input(what()))
}

/// A column while it is read.
enum Reading {
    Numbers(Vec<f64>),
    Labels { known: HashMap<String, u32>, codes: Vec<u32>, levels: Vec<String> },
}

impl Reading {
    fn new(numeric: bool, rows: usize) -> Self {
        if numeric {
            return Self::Numbers(Vec::with_capacity(rows));
        }
        Self::Labels { known: HashMap::new(), codes: Vec::with_capacity(rows), levels: Vec::new() }
    }

    fn push(&mut self, cell: &str) {
        match self {
            Self::Numbers(values) => values.push(Table::cell_number(cell).unwrap_or(f64::NAN)),
            Self::Labels { known, codes, levels } => {
                let label = Table::cell_label(cell);
                let code = known.get(label).copied().unwrap_or_else(|| {
                    let code = levels.len() as u32;
                    levels.push(label.to_owned());
                    known.insert(label.to_owned(), code);
                    code
                });
                codes.push(code);
            }
        }
    }
}

fn open(path: &Path) -> Result<csv::Reader<Box<dyn Read>>, Error> {
    let file = std::fs::File::open(path).map_err(Error::io("read", path))?;
    let gzipped = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("gz"));
    let input: Box<dyn Read> =
        if gzipped { Box::new(flate2::read::MultiGzDecoder::new(file)) } else { Box::new(file) };
    Ok(csv::Reader::from_reader(input))
}

fn each(
    reader: &mut csv::Reader<Box<dyn Read>>,
    path: &Path,
    mut act: impl FnMut(&csv::StringRecord),
) -> Result<(), Error> {
    let mut record = csv::StringRecord::new();
    while reader.read_record(&mut record).map_err(Error::bad_input(format!("reading {}", path.display())))? {
        act(&record);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(estimator: Estimator, data: PathBuf, formula: &str) -> Arguments {
        Arguments {
            estimator,
            data,
            formula: vec![formula.to_owned()],
            vcov: "HC1".to_owned(),
            weights: None,
            frequency_weights: None,
            group: None,
            class: Class::TwoStage,
            json: false,
            format: Format::Markdown,
            digits: 3,
        }
    }

    #[test]
    fn a_gzipped_file_is_estimated_and_mistakes_are_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("trade.csv.gz");
        let mut text = String::from("trade,dist,exporter\n");
        for i in 0..40 {
            text.push_str(&format!(
                "{},{},{}\n",
                (i * 7) % 11,
                100 + (i * 37) % 900,
                ["CHN", "JPN", "USA"][i % 3]
            ));
        }
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut gz, text.as_bytes()).expect("written");
        std::fs::write(&path, gz.finish().expect("finished")).expect("written");

        let table = read(&path).expect("readable");
        let vcov = VcovFormula::parse("cluster(exporter)").expect("valid");
        let call = arguments(Estimator::Ppml, path.clone(), "");
        let (shown, summary) =
            estimate(&call, &table, "trade ~ log(dist) | exporter", &vcov).expect("well posed");
        assert!(shown.contains("clustered by exporter"));
        assert_eq!(summary.observations, 40.0);

        let bootstrap = Arguments {
            vcov: "wild(exporter, draws=99)".to_owned(),
            ..arguments(Estimator::Ppml, path.clone(), "trade ~ log(dist)")
        };
        assert!(run(bootstrap).is_ok());
        let mut multinomial = arguments(Estimator::Multinomial, path.clone(), "trade ~ log(dist)");
        multinomial.group = Some("exporter".to_owned());
        assert!(run(multinomial).is_ok());
        let mut absent = arguments(Estimator::Multinomial, path.clone(), "trade ~ log(dist)");
        absent.group = Some("importer".to_owned());
        assert!(run(absent).unwrap_err().explain().contains("no column importer"));

        assert!(run(arguments(Estimator::Ols, path.clone(), "trade ~ log(dist)")).is_ok());
        let wrong = run(arguments(Estimator::Ols, path, "trade ~ log(distance)")).unwrap_err();
        assert!(wrong.explain().contains("the data have no column distance"), "{}", wrong.explain());
        let absent = run(arguments(Estimator::Ols, folder.path().join("absent.csv"), "y ~ x")).unwrap_err();
        assert!(absent.explain().contains("absent.csv"), "{}", absent.explain());
    }
}
