//! Part C, policies: China's best export tax (C5) and what importers can do (C6).

use counterfactuals::policy::{
    Measure, MenuSettings, OptimalTax, OptimalTaxSettings, PolicyError, optimal_export_tax, policy_menu,
};
use counterfactuals::{Draws, Question, draws_of};
use model_core::{Shock, SolverSettings};

use super::c_long_run::SCENARIO;
use super::quota::{COVERAGE, World, fix, interval_cells, with_interval};
use super::{Inputs, Made};
use crate::error::Error;
use crate::report::figure::{Bars, Chart, Figure, Series};
use crate::report::table::{Cell, Column, Format, Kind, Provenance, Table};

/// Elasticities of substitution at which the best tax is shown.
const SIGMAS: [f64; 4] = [0.1, 0.2, 0.5, 0.9];

/// Draws for the intervals of C5, each of which looks for a best tax, and of C6.
const TAX_DRAWS: usize = 40;
const MENU_DRAWS: usize = 100;

/// Countries whose real income C5 shows.
const SHOWN: [(&str, &str); 5] =
    [("CHN", "China"), ("JPN", "Japan"), ("KOR", "Korea"), ("USA", "USA"), ("DEU", "Germany")];

/// Who acts against the restriction.
const IMPORTERS: [&str; 8] = ["JPN", "KOR", "USA", "DEU", "FRA", "GBR", "ITA", "EUR"];

/// C5: China's optimal export tax under each technology.
pub(super) fn optimal_tax(inputs: &Inputs) -> Result<Made, Error> {
    let world = World::open(inputs.raw)?;
    let settings = OptimalTaxSettings::default();
    // Where the best tax lies is looked for less closely in a draw.
    let coarse = OptimalTaxSettings {
        grid: 9,
        tolerance: 1e-5,
        solver: SolverSettings::default(),
        ..settings.clone()
    };
    let mut columns = vec![
        Column::label("technology", "Technology"),
        Column::number("sigma", "sigma", "", Format::Fixed(2), Provenance::Assumed),
    ];
    columns.extend(with_interval(("tax", "_pct"), "Best tax", "%", Format::Fixed(1)));
    columns.extend(with_interval(("volume", "_pct"), "Exports", "% of baseline", Format::Fixed(1)));
    for (code, name) in SHOWN {
        columns.extend(with_interval((&code.to_lowercase(), "_pct"), name, "%", Format::Fixed(4)));
    }
    columns.push(Column::number(
        "gradient",
        "First-order condition",
        "",
        Format::Fixed(8),
        Provenance::Simulated,
    ));
    columns.push(Column::label("inside", "Optimum"));
    columns.push(Column::number("inside_pct", "Draws inside", "%", Format::Fixed(0), Provenance::Simulated));
    let method = format!(
        "own real income maximised over a uniform ad-valorem wedge on exports of rare earths, long run; first-order condition from the \
         analytic derivative of the equilibrium; intervals from {TAX_DRAWS} draws of everything but sigma"
    );
    let title = "China's optimal export tax on rare earths";
    let seed = Some(world.scenario(SCENARIO)?.seed);
    let mut table = Table::new("C5", title, Kind::Simulated, columns, world.footer(&method, seed));
    let mut curves = Vec::new();
    let (mut failed, mut drawn) = (0, 0);
    let cases = world.cases(SCENARIO)?;
    let labels = world.economy.labels();
    for case in &cases {
        if case.key != cases[0].key {
            table.rule();
        }
        for sigma in SIGMAS {
            let mut scenario = case.scenario.clone();
            fix(&mut scenario, "sigma", sigma);
            let best = |question: &Question, settings: &OptimalTaxSettings| {
                let shock = Shock { restrictions: Vec::new(), ..question.periods[0].shock.clone() };
                optimal_export_tax(&question.economy, &shock, world.china, world.r, settings)
            };
            let numbers = |best: &OptimalTax| -> Vec<f64> {
                let welfare = SHOWN
                    .iter()
                    .filter_map(|(code, _)| labels.country(code))
                    .map(|n| 100.0 * (best.equilibrium.real_income_hat[n] - 1.0));
                let tax = [100.0 * (best.wedge - 1.0), 100.0 * best.volume_hat];
                tax.into_iter().chain(welfare).chain([f64::from(u8::from(best.interior))]).collect()
            };
            let question = scenario
                .resolve(&world.economy, &scenario.central())
                .map_err(Error::library("the scenario of C5"))?;
            let central = best(&question, &settings).map_err(Error::library("the optimal export tax"))?;
            let draws: Draws = draws_of(&scenario, &world.economy, TAX_DRAWS, scenario.seed, |question| {
                best(question, &coarse).map(|best| numbers(&best))
            })
            .map_err(Error::library("draws of C5"))?;
            failed += draws.failures.len();
            drawn += TAX_DRAWS;
            let mut row: Vec<Cell> = vec![case.name.into(), sigma.into()];
            let all = numbers(&central);
            let shown = 2 + SHOWN.len();
            let printed = all.iter().zip(draws.interval(COVERAGE)).take(shown);
            row.extend(printed.flat_map(|(value, ends)| interval_cells(*value, ends)));
            let inside = draws.values.column(shown).mean().map(|share| 100.0 * share);
            row.extend([
                central.gradient.into(),
                if central.interior { "inside" } else { "at the end of the range" }.into(),
                inside.into(),
            ]);
            table.row(row);
            if sigma == 0.2 {
                curves.push(Series {
                    name: case.name.to_owned(),
                    points: central
                        .grid
                        .iter()
                        .map(|(wedge, income)| (wedge.ln(), 100.0 * (income - 1.0)))
                        .collect(),
                });
            }
        }
    }
    table.note(format!(
        "The tax is looked for up to a wedge of {}. At the end of the range China's real income still rises with the tax there \
         (or falls from the start). The first-order condition is how far the search is from its end, and has no interval. Technology that is directed shows whether innovation abroad erodes the monopoly. Draws without \
         an equilibrium at every tax that is looked at: {failed} of {drawn}.",
        settings.highest
    ));
    let figure = Figure {
        id: "C5".to_owned(),
        title: "China's real income by its export tax, sigma 0.2".to_owned(),
        description: "Lines over the logarithm of one plus the tax: China's real income with exogenous technology, with directed \
                      technology and with a spillover."
            .to_owned(),
        chart: Chart::Line {
            x: "ln(1 + tax)".to_owned(),
            y: "% of real income".to_owned(),
            log_y: false,
            series: curves,
        },
    };
    Ok(Made { tables: vec![table], figures: vec![figure], checks: Vec::new() })
}

/// C6: what importers can do against the restriction, and at what cost.
pub(super) fn menu(inputs: &Inputs) -> Result<Made, Error> {
    let world = World::open(inputs.raw)?;
    let labels = world.economy.labels();
    let importers: Vec<usize> = IMPORTERS.iter().filter_map(|c| labels.country(c)).collect();
    let resource = labels.factor("rare-earth resource");
    let output = world.economy.output().column(world.r).to_owned();
    // The importer that mines most, or whoever does abroad.
    let mine =
        (0..output.len()).filter(|n| *n != world.china).max_by(|a, b| output[*a].total_cmp(&output[*b]));
    let mut measures = vec![
        ("stockpile, 5% of use".to_owned(), Measure::Stockpile { share: 0.05 }),
        ("stockpile, 20% of use".to_owned(), Measure::Stockpile { share: 0.2 }),
        ("recycling, 5% of use".to_owned(), Measure::Recycling { share: 0.05 }),
        ("recycling, 20% of use".to_owned(), Measure::Recycling { share: 0.2 }),
        ("research subsidy, 20%".to_owned(), Measure::ResearchSubsidy { share: 0.2 }),
        ("research subsidy, 50%".to_owned(), Measure::ResearchSubsidy { share: 0.5 }),
        ("tariff on Chinese rare earths, 10 points".to_owned(), Measure::FriendShoring { tariff: 0.1 }),
        ("tariff on Chinese rare earths, 50 points".to_owned(), Measure::FriendShoring { tariff: 0.5 }),
    ];
    if let (Some(country), Some(factor)) = (mine, resource) {
        for hat in [2.0, 5.0] {
            let name = format!("mines of {} times {hat}", labels.countries()[country]);
            measures.push((name, Measure::NewMines { country, factor, hat }));
        }
    }
    let settings = MenuSettings::new(importers, world.china);
    let mut columns = vec![Column::label("technology", "Technology"), Column::label("measure", "Measure")];
    for (key, heading, unit, digits) in [
        ("loss_musd", "Loss left", "million USD a year", 1),
        ("avoided_musd", "Loss avoided", "million USD a year", 1),
        ("cost_musd", "Cost", "million USD a year", 1),
        ("cost_per_unit", "Cost per unit avoided", "ratio", 2),
        ("normal_times_musd", "In normal times", "million USD a year", 1),
    ] {
        columns.extend(with_interval((key, ""), heading, unit, Format::Fixed(digits)));
    }
    let method = format!(
        "long run with the export quota of 60 percent; each measure added alone; costs by the stated rules; intervals from {MENU_DRAWS} \
         draws, common to the measures"
    );
    let title = "What importers can do against the restriction";
    let seed = Some(world.scenario(SCENARIO)?.seed);
    let mut table = Table::new("C6", title, Kind::Simulated, columns, world.footer(&method, seed));
    let mut figure_bars = Vec::new();
    let mut failed = 0;
    for case in &world.cases(SCENARIO)?[..2] {
        let list: Vec<Measure> = measures.iter().map(|(_, measure)| *measure).collect();
        // The loss alone, then five numbers of each measure.
        let numbers = |question: &Question| {
            let menu = policy_menu(&question.economy, &question.periods[0].shock, &list, &settings)?;
            let of_rows = menu
                .rows
                .iter()
                .flat_map(|row| [row.loss, row.avoided, row.cost, row.cost_per_unit(), row.normal_times]);
            Ok::<_, PolicyError>([menu.loss].into_iter().chain(of_rows).collect())
        };
        let draws = draws_of(&case.scenario, &world.economy, MENU_DRAWS, case.scenario.seed, numbers)
            .map_err(Error::library("draws of C6"))?;
        failed += draws.failures.len();
        let intervals = draws.interval(COVERAGE);
        let cells = |at: usize| interval_cells(draws.central[at], intervals[at]);
        if case.key != "exogenous" {
            table.rule();
        }
        let mut row: Vec<Cell> = vec![case.name.into(), "none".into()];
        row.extend(cells(0));
        row.extend(std::iter::repeat_with(Cell::absent).take(12));
        table.row(row);
        for (k, (name, _)) in measures.iter().enumerate() {
            let mut row: Vec<Cell> = vec![case.name.into(), name.as_str().into()];
            row.extend((1 + 5 * k..6 + 5 * k).flat_map(cells));
            table.row(row);
        }
        figure_bars.push(Bars {
            name: case.name.to_owned(),
            values: (0..measures.len())
                .map(|k| Some(100.0 * draws.central[2 + 5 * k] / draws.central[0]))
                .collect(),
        });
    }
    table.note(format!(
        "Acting: {}. Loss: what their real income falls short of the baseline's. Cost per unit: – where nothing is avoided. In normal \
         times: what the measure does to their real income without the restriction. Assumptions: carrying a stockpile costs {} of its \
         value; recycled material costs {} times the baseline price; new resource its baseline rent times {}; private research is {} \
         of spending on rare earths. Draws without an equilibrium: {failed} of {}.",
        IMPORTERS.join(", "),
        settings.carrying,
        settings.recycling_cost,
        settings.mine_cost,
        settings.research_intensity,
        2 * MENU_DRAWS
    ));
    let figure = Figure {
        id: "C6".to_owned(),
        title: "Share of the importers' loss that a measure avoids".to_owned(),
        description: "Bars by measure: the share of the loss from the restriction that it avoids, with exogenous and with directed \
                      technology."
            .to_owned(),
        chart: Chart::Bar {
            value: "% of the loss".to_owned(),
            categories: measures.iter().map(|(name, _)| name.clone()).collect(),
            series: figure_bars,
        },
    };
    Ok(Made { tables: vec![table], figures: vec![figure], checks: Vec::new() })
}
