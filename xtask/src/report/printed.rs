//! Tables as they are printed, as JSON: what a page needs of a table that another run has made.

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::report::table::{Format, Kind, Table};

/// A table as it is printed. The CSV file beside it holds the exact values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Printed {
    /// Its identifier.
    pub(crate) id: String,
    /// Its title.
    pub(crate) title: String,
    /// What kind of result it holds.
    pub(crate) kind: Kind,
    /// Its columns.
    pub(crate) columns: Vec<Heading>,
    /// Its rows, as many as are printed.
    pub(crate) rows: Vec<Row>,
    /// Notes, in order.
    pub(crate) notes: Vec<String>,
    /// What it rests on, a sentence each.
    pub(crate) footer: Vec<String>,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Heading {
    /// The name in the CSV header.
    pub(crate) key: String,
    /// The heading.
    pub(crate) heading: String,
    /// The unit; empty when there is none.
    pub(crate) unit: String,
    /// Whether it holds words, which stand to the left.
    pub(crate) words: bool,
}

/// A row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Row {
    /// Whether a rule stands above it.
    pub(crate) rule_above: bool,
    /// Its cells as printed.
    pub(crate) cells: Vec<String>,
}

impl From<&Table> for Printed {
    fn from(table: &Table) -> Self {
        let columns = table.columns.iter().map(|column| Heading {
            key: column.key.clone(),
            heading: column.heading.clone(),
            unit: column.unit.clone(),
            words: column.format == Format::Text,
        });
        let rows = (0..table.printed_rows()).map(|r| Row {
            rule_above: table.rule_above(r),
            cells: (0..table.columns.len()).map(|c| table.printed(r, c)).collect(),
        });
        Self {
            id: table.id.clone(),
            title: table.title.clone(),
            kind: table.kind,
            columns: columns.collect(),
            rows: rows.collect(),
            notes: table.notes.clone(),
            footer: table.footer_lines(),
        }
    }
}

/// Renders a table.
pub(crate) fn render(table: &Table) -> Result<Vec<u8>, Error> {
    let mut bytes = serde_json::to_vec_pretty(&Printed::from(table))
        .map_err(|e| Error::Report { table: table.id.clone(), problem: e.to_string() })?;
    bytes.push(b'\n');
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::table::tests::sample;

    #[test]
    fn a_table_is_read_back_as_it_was_printed() {
        let table = sample();
        let back: Printed = serde_json::from_slice(&render(&table).unwrap()).unwrap();
        assert_eq!(back, Printed::from(&table));
        assert_eq!(back.rows[1].cells, ["a|b, \"c\"", "0.00", "–", "0"]);
        assert!(back.rows[1].rule_above && back.columns[0].words && !back.columns[1].words);
        assert!(back.footer.iter().any(|line| line == "Seed: 7."));
    }
}
