//! Tables as CSV: exact values, one header line, numbers as the shortest text that reads back to the same bits.

use crate::error::Error;
use crate::report::table::{Table, Value};

/// Renders a table. Where a cell's provenance differs from its column's, the column is followed by one more,
/// `<key>_status`, that gives it for every row.
pub(crate) fn render(table: &Table) -> Result<Vec<u8>, Error> {
    let with_status: Vec<bool> = (0..table.columns.len())
        .map(|c| table.rows().iter().any(|row| row.get(c).is_some_and(|cell| cell.provenance.is_some())))
        .collect();
    let mut header = Vec::new();
    for (column, status) in table.columns.iter().zip(&with_status) {
        header.push(column.key.clone());
        if *status {
            header.push(format!("{}_status", column.key));
        }
    }
    let mut lines = vec![header];
    for (r, row) in table.rows().iter().enumerate() {
        let mut line = Vec::new();
        for (c, cell) in row.iter().enumerate() {
            line.push(match &cell.value {
                Value::Text(text) => text.clone(),
                Value::Number(x) => exact(*x),
                Value::Absent => String::new(),
            });
            if with_status.get(c) == Some(&true) {
                let present = cell.value != Value::Absent;
                let status = table.provenance(r, c).filter(|_| present);
                line.push(status.map_or_else(String::new, |p| p.word().to_owned()));
            }
        }
        lines.push(line);
    }
    write(&table.id, &lines)
}

/// Writes lines as CSV.
pub(crate) fn write(id: &str, lines: &[Vec<String>]) -> Result<Vec<u8>, Error> {
    let defect = |problem: String| Error::Report { table: id.to_owned(), problem };
    let mut writer = csv::Writer::from_writer(Vec::new());
    for line in lines {
        writer.write_record(line).map_err(|e| defect(e.to_string()))?;
    }
    writer.into_inner().map_err(|e| defect(e.to_string()))
}

/// A number as the shortest text that reads back to the same bits.
pub(crate) fn exact(x: f64) -> String {
    let magnitude = x.abs();
    if x == 0.0 {
        "0".to_owned()
    } else if (1e-5..1e16).contains(&magnitude) {
        format!("{x}")
    } else {
        format!("{x:e}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::table::tests::sample;

    #[test]
    fn csv_holds_exact_values_and_marks_cells_of_another_source() {
        let text = String::from_utf8(render(&sample()).unwrap()).unwrap();
        assert_eq!(
            text,
            "sector,theta,theta_status,se,n\n\
             Food & drink,2.345678,estimated,0.1,12345\n\
             \"a|b, \"\"c\"\"\",-0.001,recalled,,0\n"
        );
    }

    #[test]
    fn exact_numbers_read_back_to_the_same_bits() {
        for x in [0.1 + 0.2, 1e-300, -7.25e22, f64::MIN_POSITIVE, 1.0 / 3.0, 123456789.125] {
            assert_eq!(exact(x).parse::<f64>().unwrap().to_bits(), x.to_bits());
        }
    }
}
