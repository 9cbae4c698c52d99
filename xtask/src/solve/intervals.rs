//! Intervals from draws of a scenario's uncertain numbers.

use counterfactuals::{Draws, Outcome, Question, Scenario, draws};
use model_core::{Economy, SolverSettings};

use super::Answer;
use super::tables::{footer, title};
use crate::error::Error;
use crate::report::table::{Column, Format, Kind, Provenance, Table};

/// Coverage of the intervals.
const COVERAGE: f64 = 0.9;

/// The numbers reported, by country: welfare of a path (discounted) or of the long run, and the last price of the first critical
/// input, percent.
fn numbers(_: &Question, outcome: &Outcome) -> Vec<f64> {
    let percent = |hat: &f64| 100.0 * (hat - 1.0);
    let Some(last) = outcome.last() else { return Vec::new() };
    let welfare = match outcome {
        Outcome::Path(path) => path.discounted_real_income_hat(),
        Outcome::LongRun(equilibrium) => equilibrium.real_income_hat.clone(),
    };
    let mut numbers: Vec<f64> = welfare.iter().map(percent).collect();
    numbers.extend(last.consumption_price_hat.iter().map(percent));
    if let Some(critical) = &last.critical {
        // The bundle costs every sector of a country the same where it is one good; the dearest where it is several.
        let dearest =
            critical.price_hat.rows().into_iter().map(|row| row.iter().fold(0.0, |a: f64, b| a.max(*b)));
        numbers.extend(dearest.map(|hat| percent(&hat)));
    }
    numbers
}

pub(super) fn draw(
    scenario: &Scenario,
    economy: &Economy,
    count: usize,
    seed: u64,
    settings: &SolverSettings,
) -> Result<Draws, Error> {
    draws(scenario, economy, count, seed, settings, numbers)
        .map_err(Error::bad_input("no draws of the scenario"))
}

/// Central values and intervals.
pub(super) fn table(answer: &Answer, draws: &Draws, seed: u64) -> Table {
    let number =
        |key: &str, heading: &str| Column::number(key, heading, "%", Format::Fixed(4), Provenance::Simulated);
    let columns = vec![
        Column::label("number", "Number"),
        Column::label("country", "Country"),
        number("central", "Central"),
        number("median", "Median"),
        number("low", "5 percent"),
        number("high", "95 percent"),
        number("std_deviation", "Standard deviation"),
    ];
    let mut footer = footer(answer);
    footer.seed = Some(seed);
    footer.variance =
        format!("draws of the scenario's uncertain parameters, {} of them", draws.numbers.len());
    let mut table = Table::new("intervals", title(answer), Kind::Simulated, columns, footer);
    let countries = answer.question.economy.labels().countries();
    let (median, interval, spread) = (draws.quantile(0.5), draws.interval(COVERAGE), draws.std_deviation());
    let known = ["welfare", "consumption price", "price of the critical input"];
    let names = known.iter().flat_map(|name| countries.iter().map(move |country| (*name, country)));
    for (k, (name, country)) in names.enumerate().take(draws.central.len()) {
        table.row(vec![
            name.into(),
            country.as_str().into(),
            draws.central[k].into(),
            median[k].into(),
            interval[k].0.into(),
            interval[k].1.into(),
            spread[k].into(),
        ]);
    }
    table.note(format!(
        "Intervals hold {} percent of the draws. {} draws have no equilibrium; {} values were drawn again because they fell \
         outside their range.",
        100.0 * COVERAGE,
        draws.failures.len(),
        draws.redrawn
    ));
    table
}
