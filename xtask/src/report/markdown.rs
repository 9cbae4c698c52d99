//! Tables as Markdown, as printed: pipes that line up in a plain editor, notes and footer below.

use crate::report::table::{Format, Table};

/// Renders a table.
pub(crate) fn render(table: &Table) -> String {
    let headings: Vec<String> = table
        .columns
        .iter()
        .map(|column| {
            if column.unit.is_empty() {
                escape(&column.heading)
            } else {
                format!("{} ({})", escape(&column.heading), escape(&column.unit))
            }
        })
        .collect();
    let body: Vec<Vec<String>> = (0..table.printed_rows())
        .map(|r| (0..table.columns.len()).map(|c| escape(&table.printed(r, c))).collect())
        .collect();
    let widths: Vec<usize> = headings
        .iter()
        .enumerate()
        .map(|(c, heading)| {
            let cells = body.iter().filter_map(|row| row.get(c)).map(|cell| cell.chars().count());
            cells.chain([heading.chars().count(), 3]).max().unwrap_or(3)
        })
        .collect();
    let left: Vec<bool> = table.columns.iter().map(|column| column.format == Format::Text).collect();
    let line = |cells: &[String]| {
        let padded = cells.iter().zip(&widths).zip(&left).map(|((cell, width), left)| {
            let space = " ".repeat(width.saturating_sub(cell.chars().count()));
            if *left { format!(" {cell}{space} ") } else { format!(" {space}{cell} ") }
        });
        format!("|{}|\n", padded.collect::<Vec<_>>().join("|"))
    };

    let mut text = format!("# {}. {}\n\n", table.id, table.title);
    text.push_str(&line(&headings));
    let rules = widths.iter().zip(&left).map(|(width, left)| {
        let dashes = "-".repeat(*width);
        if *left { format!(" {dashes} ") } else { format!(" {dashes}:") }
    });
    text.push_str(&format!("|{}|\n", rules.collect::<Vec<_>>().join("|")));
    for row in &body {
        text.push_str(&line(row));
    }
    text.push('\n');
    for note in &table.notes {
        text.push_str(&format!("{note}\n\n"));
    }
    for footer in table.footer_lines() {
        text.push_str(&format!("- {footer}\n"));
    }
    text
}

fn escape(text: &str) -> String {
    text.replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::table::tests::sample;

    #[test]
    fn markdown_prints_rounded_values_and_the_footer() {
        let text = render(&sample());
        let expected = "\
# T1. Made-up | elasticities

| Sector       |    θ |   s.e. | N (triples) |
| ------------ | ----:| ------:| -----------:|
| Food & drink | 2.35 | (0.10) |      12,345 |
| a\\|b, \"c\"    | 0.00 |      – |           0 |

An elasticity of 100% is a lot.

- Kind of result: simulated.
- Data: a made-up set & more.
- Method: OLS.
- Variance: HC1.
- Seed: 7.
- Inputs: read.
- Columns: estimated (θ; s.e.), derived (N); cells that differ are marked in the CSV file.
";
        assert_eq!(text, expected);
    }
}
