//! Fits brought to one form, and several of them side by side.

use serde::Serialize;

use crate::{Dropped, Estimates, LinearFit, MultinomialFit, PoissonFit};

/// What a table or a file says of a fit.
#[derive(Debug, Clone, Serialize)]
pub struct Summary {
    /// The outcome.
    pub outcome: String,
    /// The estimator.
    pub estimator: String,
    /// Names, coefficients, variance matrix.
    pub estimates: Estimates,
    /// Observations used.
    pub observations: f64,
    /// Measures of fit, by name.
    pub fit: Vec<(String, f64)>,
    /// Absorbed effects.
    pub effects: Vec<String>,
    /// Regressors left out as collinear.
    pub dropped_regressors: Vec<String>,
    /// Rows left out: weight zero, singletons, separated.
    pub dropped_rows: [usize; 3],
}

fn rows(dropped: &Dropped) -> [usize; 3] {
    [dropped.weightless.len(), dropped.singletons.len(), dropped.separated.len()]
}

impl LinearFit {
    fn measures(&self) -> Vec<(String, f64)> {
        let mut measures = vec![("R2".to_owned(), self.r_squared())];
        if let Some(tests) = self.instrument_tests() {
            measures.push(("first-stage F".into(), tests.first_stage_f));
            measures.push(("underidentification, p".into(), tests.underidentification.p_value));
            measures.extend(tests.effective_f.map(|f| ("effective F".into(), f)));
            measures.extend(tests.over_identification.map(|j| ("Hansen J, p".into(), j.p_value)));
        }
        measures
    }

    /// The fit in the form that tables and files take.
    pub fn summary(&self) -> Summary {
        Summary {
            outcome: self.outcome().into(),
            estimator: self.estimator().into(),
            estimates: self.estimates().clone(),
            observations: self.observations(),
            fit: self.measures(),
            effects: self.effects(),
            dropped_regressors: self.dropped().regressors.clone(),
            dropped_rows: rows(self.dropped()),
        }
    }
}

impl PoissonFit {
    /// The fit in the form that tables and files take.
    pub fn summary(&self) -> Summary {
        Summary {
            outcome: self.outcome().into(),
            estimator: "Poisson PML".into(),
            estimates: self.estimates().clone(),
            observations: self.observations(),
            fit: vec![
                ("deviance R2".into(), self.deviance_r_squared()),
                ("deviance".into(), self.deviance()),
            ],
            effects: self.effects(),
            dropped_regressors: self.dropped().regressors.clone(),
            dropped_rows: rows(self.dropped()),
        }
    }
}

impl MultinomialFit {
    /// The fit in the form that tables and files take.
    pub fn summary(&self) -> Summary {
        Summary {
            estimator: "multinomial PML".into(),
            fit: vec![("pseudo-likelihood".into(), self.pseudo_likelihood())],
            ..PoissonFit::summary(self)
        }
    }
}

/// Regressions side by side, one per column, as they are published: coefficients with standard errors below
/// them, then fixed effects, observations, fit, estimator and variance.
///
/// Stars are left to the reader: the standard errors are there, and so is how they were made.
#[derive(Debug, Clone, Default)]
pub struct RegressionTable {
    columns: Vec<Summary>,
    digits: usize,
}

impl RegressionTable {
    /// A table of these fits, printing `digits` decimals.
    pub fn new(columns: impl IntoIterator<Item = Summary>, digits: usize) -> Self {
        Self { columns: columns.into_iter().collect(), digits }
    }

    /// What the columns hold between them, in the order in which they name it.
    fn union(&self, of: impl Fn(&Summary) -> Vec<String>) -> Vec<String> {
        let mut all: Vec<String> = Vec::new();
        for name in self.columns.iter().flat_map(of) {
            if !all.contains(&name) {
                all.push(name);
            }
        }
        all
    }

    fn coefficients(&self) -> Vec<String> {
        self.union(|c| c.estimates.names().to_vec())
    }

    /// All lines of text; the first is the heading, and each coefficient has two.
    fn cells(&self) -> Vec<Vec<String>> {
        let line = |head: &str, cell: &dyn Fn(&Summary) -> String| -> Vec<String> {
            std::iter::once(head.to_owned()).chain(self.columns.iter().map(cell)).collect()
        };
        let digits = self.digits;
        let mut lines = vec![line("", &|c| c.outcome.clone())];
        for name in self.coefficients() {
            let of = |c: &Summary, pick: &dyn Fn(f64, f64) -> String| {
                c.estimates.coefficient(&name).map_or(String::new(), |b| pick(b.estimate, b.std_error))
            };
            lines.push(line(&name, &|c| of(c, &|b, _| format!("{b:.digits$}"))));
            lines.push(line("", &|c| of(c, &|_, s| format!("({s:.digits$})"))));
        }
        for effect in self.union(|c| c.effects.clone()) {
            lines.push(line(&format!("effect: {effect}"), &|c| {
                if c.effects.contains(&effect) { "yes".into() } else { String::new() }
            }));
        }
        lines.push(line("observations", &|c| c.observations.to_string()));
        for measure in self.union(|c| c.fit.iter().map(|f| f.0.clone()).collect()) {
            lines.push(line(&measure, &|c| {
                c.fit.iter().find(|f| f.0 == measure).map_or(String::new(), |f| format!("{:.digits$}", f.1))
            }));
        }
        lines.push(line("estimator", &|c| c.estimator.clone()));
        lines.push(line("standard errors", &|c| c.estimates.vcov_label().to_owned()));
        lines
    }

    /// As a Markdown table.
    pub fn markdown(&self) -> String {
        let lines = self.cells();
        let mut out = String::new();
        for (i, line) in lines.iter().enumerate() {
            let cells: Vec<String> = line.iter().map(|c| c.replace('|', "\\|")).collect();
            out.push_str(&format!("| {} |\n", cells.join(" | ")));
            if i == 0 {
                out.push_str(&format!("|---|{}\n", "---:|".repeat(line.len() - 1)));
            }
        }
        out
    }

    /// As a LaTeX `tabular` for the `booktabs` package.
    pub fn latex(&self) -> String {
        let escape = |text: &str| {
            text.chars().fold(String::new(), |mut out, c| {
                match c {
                    '&' | '%' | '$' | '#' | '_' | '{' | '}' => out.extend(['\\', c]),
                    '^' => out.push_str("\\textasciicircum{}"),
                    '~' => out.push_str("\\textasciitilde{}"),
                    '\\' => out.push_str("\\textbackslash{}"),
                    _ => out.push(c),
                }
                out
            })
        };
        let lines = self.cells();
        let mut out = format!("\\begin{{tabular}}{{l{}}}\n\\toprule\n", "r".repeat(self.columns.len()));
        let rest = 1 + 2 * self.coefficients().len();
        for (i, line) in lines.iter().enumerate() {
            if i == 1 || i == rest {
                out.push_str("\\midrule\n");
            }
            let cells: Vec<String> = line.iter().map(|c| escape(c)).collect();
            out.push_str(&format!("{} \\\\\n", cells.join(" & ")));
        }
        out.push_str("\\bottomrule\n\\end{tabular}\n");
        out
    }

    /// As comma-separated values in long form, one line per coefficient, in full precision.
    pub fn csv(&self) -> String {
        let quote = |text: &str| {
            if text.contains([',', '"', '\n']) {
                format!("\"{}\"", text.replace('"', "\"\""))
            } else {
                text.to_owned()
            }
        };
        let mut out = String::from(
            "model,outcome,estimator,coefficient,estimate,std_error,statistic,p_value,observations,standard_errors\n",
        );
        for (i, column) in self.columns.iter().enumerate() {
            for c in column.estimates.table() {
                out.push_str(&format!(
                    "{},{},{},{},{},{},{},{},{},{}\n",
                    i + 1,
                    quote(&column.outcome),
                    quote(&column.estimator),
                    quote(&c.name),
                    c.estimate,
                    c.std_error,
                    c.statistic,
                    c.p_value,
                    column.observations,
                    quote(column.estimates.vcov_label())
                ));
            }
        }
        out
    }
}
