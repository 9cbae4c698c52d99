//! From the page's settings to numbers, by the same code as `solve`.

use std::time::Instant;

use counterfactuals::Scenario;
use counterfactuals::scenario::ScenarioError;
use model_core::{Economy, SolverSettings};
use serde_json::{Value as Json, json};

use super::controls::Controls;
use crate::economies;
use crate::error::Error;
use crate::report::map::{self, Map};
use crate::report::printed::Printed;
use crate::report::table::{Format, Table, Value};
use crate::solve::Answer;

/// The tables that the page shows.
const SHOWN: [&str; 6] = ["countries", "sectors", "prices", "restrictions", "path", "decomposition"];

/// An economy that questions are put to, with the name that scenario files know it by.
pub(super) struct Asked {
    name: String,
    economy: Economy,
    /// Its sectors that are elements of one ore, which are critical inputs together.
    elements: Vec<String>,
}

impl Asked {
    /// An economy by its name.
    pub(super) fn new(name: String, economy: Economy) -> Self {
        let elements = economies::elements(&economy);
        Self { name, economy, elements }
    }

    /// What the page must know of the economy before it asks: labels, and which economy each country of the map belongs to.
    pub(super) fn describe(&self) -> Result<Json, Error> {
        let labels = self.economy.labels();
        let members = map::membership(labels.countries())?;
        let countries = map::countries().map(|country| {
            let economy = members.get(country.code).map(|at| labels.countries()[*at].as_str());
            json!({ "code": country.code, "name": country.name, "path": country.path, "economy": economy })
        });
        let critical = self.economy.critical().and_then(|critical| critical.sectors.first().copied());
        let critical = critical.or_else(|| labels.sector("Rare earths"));
        let critical = critical.or_else(|| labels.sector(self.elements.iter().max_by_key(|e| *e == "Dy")?));
        Ok(json!({
            "name": self.name,
            "year": self.economy.metadata().year,
            "unit": self.economy.metadata().unit,
            "countries": labels.countries(),
            "sectors": labels.sectors(),
            "critical": critical.map(|at| labels.sectors()[at].as_str()),
            "world": countries.collect::<Vec<_>>(),
        }))
    }

    /// Solves what the page asks. Welfare is decomposed where `channels` says so, which takes a dozen equilibria more.
    pub(super) fn solve(&self, controls: &Controls, channels: bool) -> Result<Json, Error> {
        let start = Instant::now();
        let text = controls.scenario(&self.name, &self.elements);
        let refused = Error::bad_input::<ScenarioError>("the scenario");
        let scenario = Scenario::parse(&text, &self.economy, &[]).map_err(refused)?;
        let title = scenario.title.clone();
        let mut answer = Answer::find(scenario, &self.economy, &SolverSettings::default(), "this scenario")?;
        if channels {
            answer.decompose();
        }
        let tables = answer.tables(|name| SHOWN.contains(&name));
        let mut shown = serde_json::Map::new();
        for table in &tables {
            table.check()?;
            shown.insert(table.id.clone(), exact_and_printed(table));
        }
        Ok(json!({
            "title": title,
            "scenario": text,
            "seconds": start.elapsed().as_secs_f64(),
            "residual": answer.worst_residual(),
            "moments": self.moments(&answer, controls),
            "tables": shown,
        }))
    }

    /// What is shown of each year, or of the long run: the map of real income, and the price of the input over the baseline's
    /// abroad (mean over the other countries, weighted by what they spend in the baseline) and at home.
    fn moments(&self, answer: &Answer, controls: &Controls) -> Json {
        let labels = self.economy.labels();
        let years: Vec<Option<i32>> = match answer.outcome.path() {
            Some(path) => path.years.iter().map(|year| Some(year.year)).collect(),
            None => vec![None],
        };
        let place = labels.country(&controls.exporter).zip(labels.sector(&controls.sector));
        let moments = years.iter().zip(answer.outcome.equilibria()).map(|(year, equilibrium)| {
            let real_income = labels.countries().iter().cloned().zip(&equilibrium.real_income_hat);
            let map = Map {
                value: String::new(),
                signed: true,
                format: Format::Fixed(4),
                values: real_income.map(|(label, hat)| (label, 100.0 * (hat - 1.0))).collect(),
            };
            json!({
                "year": year,
                "map": map.as_json(),
                "abroad": place.map(|(home, j)| economies::price_abroad(&self.economy, equilibrium, home, j)),
                "home": place.map(|place| equilibrium.price_hat[place]),
            })
        });
        moments.collect()
    }
}

/// A table with the values that the CSV file holds beside the text that is printed.
fn exact_and_printed(table: &Table) -> Json {
    let printed = Printed::from(table);
    let exact = table.rows().iter().map(|row| {
        let cells = row.iter().map(|cell| match &cell.value {
            Value::Text(text) => json!(text),
            Value::Number(x) => json!(x),
            Value::Absent => Json::Null,
        });
        cells.collect::<Vec<_>>()
    });
    json!({ "columns": printed.columns, "rows": printed.rows, "exact": exact.collect::<Vec<_>>(), "notes": printed.notes })
}
