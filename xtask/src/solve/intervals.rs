//! Intervals from draws of a scenario's uncertain numbers.

use counterfactuals::{Draws, Outcome, Question, Scenario, draws};
use model_core::{Economy, SolverSettings};

use super::Answer;
use super::tables::{footer, title};
use crate::error::Error;
use crate::report::table::{Column, Format, Kind, Provenance, Table};

/// Coverage of the intervals.
const COVERAGE: f64 = 0.9;

/// The numbers reported, percent, each by country: welfare of a path (discounted) or of the long run, and, in the last year, the
/// price of consumption and what users pay for each critical input. [`names`] has them in words.
fn numbers(question: &Question, outcome: &Outcome) -> Vec<f64> {
    let percent = |hat: &f64| 100.0 * (hat - 1.0);
    let Some(last) = outcome.last() else { return Vec::new() };
    let welfare = match outcome {
        Outcome::Path(path) => path.discounted_real_income_hat(),
        Outcome::LongRun(equilibrium) => equilibrium.real_income_hat.clone(),
    };
    let mut numbers: Vec<f64> = welfare.iter().map(percent).collect();
    numbers.extend(last.consumption_price_hat.iter().map(percent));
    for &input in critical(&question.economy) {
        numbers.extend(last.price_hat.column(input).iter().map(percent));
    }
    numbers
}

/// What [`numbers`] are.
fn names(economy: &Economy) -> Vec<String> {
    let inputs = critical(economy).iter().map(|j| format!("price of {}", economy.labels().sectors()[*j]));
    ["welfare", "consumption price"].map(str::to_owned).into_iter().chain(inputs).collect()
}

fn critical(economy: &Economy) -> &[usize] {
    economy.critical().map_or(&[], |critical| &critical.sectors)
}

/// How many draws are asked for: so many, as many as the scenario says, or none. What has no spread is refused before anything
/// is solved.
pub(super) fn count(asked: Option<Option<usize>>, scenario: &Scenario) -> Result<usize, Error> {
    let refused = |problem: &str| Err(Error::Intervals { problem: problem.to_owned() });
    match asked.map(|number| number.unwrap_or(scenario.draws)) {
        Some(0) if asked == Some(None) => {
            refused("neither `--draws` nor the scenario's `draws` says how many")
        }
        Some(1) => refused("they need two draws or more, and one was asked for"),
        count => Ok(count.unwrap_or(0)),
    }
}

pub(super) fn draw(
    scenario: &Scenario,
    economy: &Economy,
    count: usize,
    seed: u64,
    settings: &SolverSettings,
) -> Result<Draws, Error> {
    let drawn = draws(scenario, economy, count, seed, settings, numbers)
        .map_err(Error::bad_input("no draws of the scenario"))?;
    match (drawn.numbers.len(), drawn.failures.first()) {
        (0 | 1, Some(failed)) => Err(Error::Intervals {
            problem: format!(
                "they need two draws with an equilibrium, and {} of {count} have one; draw {}: {}",
                drawn.numbers.len(),
                failed.number,
                failed.reason
            ),
        }),
        _ => Ok(drawn),
    }
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
    let economy = &answer.question.economy;
    let countries = economy.labels().countries();
    let (median, interval, spread) = (draws.quantile(0.5), draws.interval(COVERAGE), draws.std_deviation());
    let names = names(economy);
    let rows = names.iter().flat_map(|name| countries.iter().map(move |country| (name, country)));
    for (k, (name, country)) in rows.enumerate().take(draws.central.len()) {
        table.row(vec![
            name.as_str().into(),
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
