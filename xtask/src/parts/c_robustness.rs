//! C4: the long run of the restriction under other parameters and closures, one at a time.

use counterfactuals::scenario::Spread;
use counterfactuals::{Outcome, Scenario, draws};
use model_core::{Deficits, Diffusion, SolverSettings};

use super::c_long_run::SCENARIO;
use super::quota::{COVERAGE, World, fix, interval_cells, with_interval};
use super::{Inputs, Made};
use crate::error::Error;
use crate::report::figure::{Bars, Chart, Figure};
use crate::report::table::{Cell, Column, Format, Kind, Table};
use crate::sources::Sources;

/// Draws of the trade elasticities for each row.
const DRAWS: usize = 50;

/// A change of one thing.
type Change = Box<dyn Fn(&mut Scenario)>;

/// A row pair of the table: what is changed, and in which economy.
struct Variation {
    name: String,
    change: Change,
    world: World,
}

fn variations(inputs: &Inputs) -> Result<Vec<Variation>, Error> {
    let mut all = Vec::new();
    let add = |all: &mut Vec<Variation>, name: String, change: Change| -> Result<(), Error> {
        all.push(Variation { name, change, world: World::open(inputs.raw)? });
        Ok(())
    };
    add(&mut all, "base".to_owned(), Box::new(|_| {}))?;
    let parameters: [(&'static str, &str, &[f64]); 6] = [
        ("sigma", "sigma", &[0.05, 0.1, 0.4, 0.9]),
        ("theta.Rare earths", "theta of rare earths", &[4.0, 20.0]),
        ("lambda", "lambda", &[0.3, 0.7]),
        ("phi", "phi", &[0.2, 1.0]),
        ("xi", "xi", &[0.01, 0.03]),
        ("quota.1.rent_share", "rent share of buyers", &[0.5, 1.0]),
    ];
    for (name, printed, values) in parameters {
        for &value in values {
            let change = Box::new(move |s: &mut Scenario| fix(s, name, value));
            add(&mut all, format!("{printed} = {value}"), change)?;
        }
    }
    let diffusion = |diffusion: Diffusion| -> Change {
        Box::new(move |scenario: &mut Scenario| {
            if let Some(research) = &mut scenario.research {
                research.diffusion = diffusion.clone();
            }
        })
    };
    add(&mut all, "diffusion: global".to_owned(), diffusion(Diffusion::Global))?;
    let base = World::open(inputs.raw)?;
    let blocs = (0..base.countries().len()).map(|n| usize::from(n != base.china)).collect();
    add(&mut all, "diffusion: all but China together".to_owned(), diffusion(Diffusion::Blocs(blocs)))?;
    add(
        &mut all,
        "deficits: share of income".to_owned(),
        Box::new(|s| s.deficits = Deficits::ShareOfIncome),
    )?;
    // Closed before the restriction, or closing them would be most of what the row shows.
    let (balanced, _) = base
        .economy
        .parts()
        .equilibrate(&Deficits::Zero, &SolverSettings::default())
        .map_err(Error::library("the balanced economy of C4"))?;
    all.push(Variation {
        name: "deficits: closed before".to_owned(),
        change: Box::new(|_| {}),
        world: World::of(balanced, Sources::shipped(inputs.raw))?,
    });
    if let Some(folder) = inputs.raw.set("wiod2013") {
        let root = folder.parent().unwrap_or(&folder);
        let world = World::full(root, inputs.raw)?;
        all.push(Variation { name: "41 economies, 36 sectors".to_owned(), change: Box::new(|_| {}), world });
    }
    Ok(all)
}

/// C4: one change at a time, with the intervals that the sampling error of the trade elasticities gives.
pub(super) fn robustness(inputs: &Inputs) -> Result<Made, Error> {
    let world = World::open(inputs.raw)?;
    let shown = ["CHN", "JPN", "KOR", "DEU", "USA"];
    let mut columns = vec![Column::label("change", "Change"), Column::label("technology", "Technology")];
    for country in shown {
        columns.extend(with_interval((&country.to_lowercase(), "_pct"), country, "%", Format::Fixed(3)));
    }
    columns.extend(with_interval(
        ("price_outside", ""),
        "Price outside China",
        "over baseline",
        Format::Fixed(2),
    ));
    let method = format!(
        "as table C1, one thing changed at a time; intervals from {DRAWS} draws of the trade elasticities' joint sampling distribution, \
         everything else at its value"
    );
    let seed = Some(world.scenario(SCENARIO)?.seed);
    let title = "Robustness of the long run: real income and the price outside China";
    let mut table = Table::new("C4", title, Kind::Simulated, columns, world.footer(&method, seed));
    let settings = SolverSettings::default();
    let (mut failed, mut drawn) = (0, 0);
    let mut japan = [Vec::new(), Vec::new()];
    let variations = variations(inputs)?;
    for (number, variation) in variations.iter().enumerate() {
        let world = &variation.world;
        let labels = world.economy.labels();
        let numbers = |outcome: &Outcome| -> Vec<f64> {
            let Some(e) = outcome.last() else { return Vec::new() };
            let income =
                shown.iter().filter_map(|c| labels.country(c)).map(|n| 100.0 * (e.real_income_hat[n] - 1.0));
            income.chain([world.price_outside(e)]).collect()
        };
        let [exogenous, directed, _] = world.cases(SCENARIO)?;
        if number > 0 {
            table.rule();
        }
        for (case, japan) in [&exogenous, &directed].into_iter().zip(&mut japan) {
            let mut scenario = case.scenario.clone();
            for parameter in &mut scenario.parameters {
                if !matches!(parameter.spread, Spread::Estimated { .. }) {
                    parameter.spread = Spread::Exact;
                }
            }
            (variation.change)(&mut scenario);
            let draws = draws(&scenario, &world.economy, DRAWS, scenario.seed, &settings, |_, outcome| {
                numbers(outcome)
            })
            .map_err(Error::library("draws of C4"))?;
            failed += draws.failures.len();
            drawn += DRAWS;
            let interval = draws.interval(COVERAGE);
            let mut row: Vec<Cell> = vec![variation.name.as_str().into(), case.name.into()];
            row.extend(draws.central.iter().zip(interval).flat_map(|(v, ends)| interval_cells(*v, ends)));
            table.row(row);
            japan.push(draws.central.get(1).copied());
        }
    }
    table.note(format!(
        "Base: the scenario of table C1 without spillover. Real income in percent. Draws without an equilibrium: {failed} of {drawn}. \
         Deficits closed before: the restriction in the economy whose deficits have been closed. The full table of 41 economies is \
         added where the raw data are."
    ));
    let [first, second] = japan;
    let figure = Figure {
        id: "C4".to_owned(),
        title: "Robustness: real income of Japan".to_owned(),
        description: "Bars by change: Japan's real income under the restriction with exogenous and with directed technology.".to_owned(),
        chart: Chart::Bar {
            value: "% of real income".to_owned(),
            categories: variations.iter().map(|v| v.name.clone()).collect(),
            series: vec![
                Bars { name: "exogenous".to_owned(), values: first },
                Bars { name: "directed".to_owned(), values: second },
            ],
        },
    };
    Ok(Made { tables: vec![table], figures: vec![figure], checks: Vec::new() })
}
