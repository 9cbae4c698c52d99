//! Tables as one JSON file with exact values, for programs.

use serde_json::{Map, Value as Json, json};

use crate::error::Error;
use crate::report::table::{Cell, Table, Value};

/// Renders tables by identifier: title, kind, columns (key, heading, unit, provenance), rows in the order of the columns, notes,
/// footer. Numbers read back to the same bits; a cell that holds nothing is `null`.
pub(crate) fn render(name: &str, tables: &[Table]) -> Result<Vec<u8>, Error> {
    let all: Map<String, Json> = tables.iter().map(|table| (table.id.clone(), as_json(table))).collect();
    let mut bytes = serde_json::to_vec(&all)
        .map_err(|e| Error::Report { table: name.to_owned(), problem: e.to_string() })?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn as_json(table: &Table) -> Json {
    let columns = table.columns.iter().map(|column| {
        json!({
            "key": column.key,
            "heading": column.heading,
            "unit": column.unit,
            "provenance": column.provenance.map(|p| p.word()),
        })
    });
    let rows = table.rows().iter().map(|row| row.iter().map(cell).collect::<Vec<_>>());
    json!({
        "title": table.title,
        "kind": table.kind.word(),
        "columns": columns.collect::<Vec<_>>(),
        "rows": rows.collect::<Vec<_>>(),
        "notes": table.notes,
        "footer": table.footer_lines(),
    })
}

fn cell(cell: &Cell) -> Json {
    match &cell.value {
        Value::Text(text) => json!(text),
        Value::Number(x) => json!(x),
        Value::Absent => Json::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::table::tests::sample;

    #[test]
    fn json_holds_exact_values_by_table_and_column() {
        let table = sample();
        let bytes = render("tables.json", std::slice::from_ref(&table)).unwrap();
        let back: Json = serde_json::from_slice(&bytes).unwrap();
        let there = &back[&table.id];
        assert_eq!(there["columns"][1]["key"], "theta");
        assert_eq!(there["kind"], table.kind.word());
        assert_eq!(there["rows"][0][1], 2.345678);
        assert!(there["rows"][1][2].is_null());
    }
}
