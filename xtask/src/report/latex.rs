//! Tables as LaTeX, as printed: a `table` float with `booktabs` rules, notes and footer in a `minipage`.

use crate::report::table::{Format, Table};

/// Renders a table. The file is to be `\input` into a document that loads `booktabs`.
pub(crate) fn render(table: &Table) -> String {
    let alignment: String =
        table.columns.iter().map(|column| if column.format == Format::Text { 'l' } else { 'r' }).collect();
    let headings = table.columns.iter().map(|column| escape(&column.heading));
    let mut text = String::from("% Needs \\usepackage{booktabs}.\n\\begin{table}[htbp]\n  \\centering\n");
    text.push_str(&format!("  \\caption{{{}}}\n  \\label{{tab:{}}}\n", escape(&table.title), table.id));
    text.push_str(&format!("  \\begin{{tabular}}{{@{{}}{alignment}@{{}}}}\n    \\toprule\n"));
    text.push_str(&format!("    {} \\\\\n", headings.collect::<Vec<_>>().join(" & ")));
    if table.columns.iter().any(|column| !column.unit.is_empty()) {
        let units = table.columns.iter().map(|column| {
            if column.unit.is_empty() { String::new() } else { format!("({})", escape(&column.unit)) }
        });
        text.push_str(&format!("    {} \\\\\n", units.collect::<Vec<_>>().join(" & ")));
    }
    text.push_str("    \\midrule\n");
    for r in 0..table.printed_rows() {
        if table.rule_above(r) {
            text.push_str("    \\midrule\n");
        }
        let cells = (0..table.columns.len()).map(|c| escape(&table.printed(r, c)));
        text.push_str(&format!("    {} \\\\\n", cells.collect::<Vec<_>>().join(" & ")));
    }
    text.push_str("    \\bottomrule\n  \\end{tabular}\n\n  \\vspace{0.5ex}\n");
    text.push_str("  \\begin{minipage}{0.95\\linewidth}\n    \\footnotesize\n");
    let footer = table.footer_lines();
    for sentence in table.notes.iter().chain(&footer) {
        text.push_str(&format!("    {}\n", escape(sentence)));
    }
    text.push_str("  \\end{minipage}\n\\end{table}\n");
    text
}

/// Escapes what LaTeX would take as commands, and spells what its fonts lack.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        if characters.next_if_eq(&COMBINING_MACRON).is_some() {
            escaped.push_str(&format!("$\\bar{{{c}}}$"));
            continue;
        }
        match c {
            '&' | '%' | '$' | '#' | '_' | '{' | '}' => {
                escaped.push('\\');
                escaped.push(c);
            }
            '\\' => escaped.push_str("\\textbackslash{}"),
            '~' => escaped.push_str("\\textasciitilde{}"),
            '^' => escaped.push_str("\\textasciicircum{}"),
            '<' => escaped.push_str("\\textless{}"),
            '>' => escaped.push_str("\\textgreater{}"),
            '|' => escaped.push_str("\\textbar{}"),
            '–' => escaped.push_str("--"),
            '—' => escaped.push_str("---"),
            '“' => escaped.push_str("``"),
            '”' => escaped.push_str("''"),
            '‘' => escaped.push('`'),
            '’' => escaped.push('\''),
            '…' => escaped.push_str("\\dots{}"),
            '\u{a0}' | '\u{202f}' => escaped.push('~'),
            _ => match MATHEMATICS.iter().find(|(symbol, _)| *symbol == c) {
                Some((_, command)) => escaped.push_str(&format!("${command}$")),
                None => escaped.push(c),
            },
        }
    }
    escaped
}

/// A bar over the letter before it.
const COMBINING_MACRON: char = '\u{304}';

/// Symbols that LaTeX has in mathematics only.
const MATHEMATICS: [(char, &str); 50] = [
    ('−', "-"),
    ('×', "\\times"),
    ('·', "\\cdot"),
    ('±', "\\pm"),
    ('≤', "\\le"),
    ('≥', "\\ge"),
    ('≈', "\\approx"),
    ('≠', "\\ne"),
    ('→', "\\to"),
    ('∞', "\\infty"),
    ('∂', "\\partial"),
    ('√', "\\surd"),
    ('°', "^\\circ"),
    ('½', "\\frac{1}{2}"),
    ('¹', "^1"),
    ('²', "^2"),
    ('³', "^3"),
    ('⁻', "^-"),
    ('α', "\\alpha"),
    ('β', "\\beta"),
    ('γ', "\\gamma"),
    ('δ', "\\delta"),
    ('ε', "\\varepsilon"),
    ('ζ', "\\zeta"),
    ('η', "\\eta"),
    ('θ', "\\theta"),
    ('ι', "\\iota"),
    ('κ', "\\kappa"),
    ('λ', "\\lambda"),
    ('μ', "\\mu"),
    ('µ', "\\mu"),
    ('ν', "\\nu"),
    ('ξ', "\\xi"),
    ('π', "\\pi"),
    ('ρ', "\\rho"),
    ('σ', "\\sigma"),
    ('τ', "\\tau"),
    ('υ', "\\upsilon"),
    ('φ', "\\varphi"),
    ('χ', "\\chi"),
    ('ψ', "\\psi"),
    ('ω', "\\omega"),
    ('Γ', "\\Gamma"),
    ('Δ', "\\Delta"),
    ('Θ', "\\Theta"),
    ('Λ', "\\Lambda"),
    ('Π', "\\Pi"),
    ('Σ', "\\Sigma"),
    ('Φ', "\\Phi"),
    ('Ω', "\\Omega"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::table::tests::sample;

    #[test]
    fn symbols_are_spelled_in_mathematics_and_letters_of_europe_stay() {
        assert_eq!(
            escape("β ≤ −1, x\u{304}, 10 µm², Neuhäusler"),
            "$\\beta$ $\\le$ $-$1, $\\bar{x}$, 10 $\\mu$m$^2$, Neuhäusler"
        );
    }

    #[test]
    fn latex_escapes_and_draws_rules() {
        let text = render(&sample());
        for expected in [
            "\\begin{tabular}{@{}lrrr@{}}",
            "Sector & $\\theta$ & s.e. & N \\\\",
            " &  &  & (triples) \\\\",
            "Food \\& drink & 2.35 & (0.10) & 12,345 \\\\\n    \\midrule\n    a\\textbar{}b",
            "An elasticity of 100\\% is a lot.",
            "Data: a made-up set \\& more.",
        ] {
            assert!(text.contains(expected), "no `{expected}` in:\n{text}");
        }
    }
}
