//! A table of the report, with its notes and what it rests on.

use maud::{Markup, html};

use crate::report::printed::{Printed, Row};
use crate::report::table::Kind;

/// Tables with more rows than this scroll within their box.
const TALL: usize = 30;

/// A table in a box of its own, which scrolls when it is too wide or too tall.
pub(super) fn table(table: &Printed) -> Markup {
    let id = format!("table-{}", table.id);
    let label = format!("{id}-caption");
    let units = table.columns.iter().any(|column| !column.unit.is_empty());
    html! {
        section.result id=(id) aria-labelledby=(label) {
            h4 id=(label) { span.id { (table.id) } " " (table.title) " " (badge(table.kind)) }
            div.box.tall[table.rows.len() > TALL] tabindex="0" role="region" aria-labelledby=(label) {
                table {
                    thead {
                        tr {
                            @for column in &table.columns {
                                th.words[column.words] scope="col" {
                                    (column.heading)
                                    @if units && !column.unit.is_empty() { span.unit { " " (column.unit) } }
                                }
                            }
                        }
                    }
                    tbody { @for row in &table.rows { (self::row(table, row)) } }
                }
            }
            @for note in &table.notes { p.note { (words(note)) } }
            ul.footer {
                @for line in &table.footer { li { (words(line)) } }
                @let file = format!("tables/{}.csv", table.id);
                li { "Exact values: " a href=(file) { (file) } ", beside this page." }
            }
        }
    }
}

fn row(table: &Printed, row: &Row) -> Markup {
    html! {
        tr.rule[row.rule_above] {
            @for (k, (cell, column)) in row.cells.iter().zip(&table.columns).enumerate() {
                @if k == 0 && column.words { th scope="row" { (cell) } }
                @else { td.words[column.words] { (cell) } }
            }
        }
    }
}

/// Text in which what stands between backticks is code.
pub(super) fn words(text: &str) -> Markup {
    let pieces: Vec<&str> = text.split('`').collect();
    // An odd number of backticks is no pair; the text is left as it is.
    if pieces.len().is_multiple_of(2) {
        return html! { (text) };
    }
    html! {
        @for (k, piece) in pieces.iter().enumerate() { @if k % 2 == 1 { code { (piece) } } @else { (piece) } }
    }
}

/// The kind of a result as a mark.
pub(super) fn badge(kind: Kind) -> Markup {
    html! { span.badge.(kind.word()) { (kind.word()) } }
}
