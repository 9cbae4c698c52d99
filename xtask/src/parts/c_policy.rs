//! Part C, policies: China's best export tax (C5) and what importers can do (C6).

use counterfactuals::policy::{
    Measure, MenuSettings, OptimalTax, OptimalTaxSettings, optimal_export_tax, policy_menu,
};
use model_core::Shock;

use super::c_long_run::SCENARIO;
use super::quota::{World, fix, long_run};
use super::{Inputs, Made};
use crate::error::Error;
use crate::report::figure::{Bars, Chart, Figure, Series};
use crate::report::table::{Cell, Column, Format, Kind, Provenance, Table};

/// Elasticities of substitution at which the best tax is shown.
const SIGMAS: [f64; 4] = [0.1, 0.2, 0.5, 0.9];

/// Who acts against the restriction.
const IMPORTERS: [&str; 8] = ["JPN", "KOR", "USA", "DEU", "FRA", "GBR", "ITA", "EUR"];

/// C5: China's optimal export tax under each technology.
pub(super) fn optimal_tax(_inputs: &Inputs) -> Result<Made, Error> {
    let world = World::open()?;
    let settings = OptimalTaxSettings::default();
    let mut columns = vec![
        Column::label("technology", "Technology"),
        Column::number("sigma", "sigma", "", Format::Fixed(2), Provenance::Assumed),
    ];
    let number = |key: &str, heading: &str, unit: &str, digits| {
        Column::number(key, heading, unit, Format::Fixed(digits), Provenance::Simulated)
    };
    columns.extend([
        number("tax_pct", "Best tax", "%", 1),
        number("volume_pct", "Exports", "% of baseline", 1),
        number("china_pct", "China's gain", "%", 4),
        number("japan_pct", "Japan", "%", 4),
        number("korea_pct", "Korea", "%", 4),
        number("usa_pct", "USA", "%", 4),
        number("germany_pct", "Germany", "%", 4),
        number("gradient", "First-order condition", "", 8),
    ]);
    columns.push(Column::label("inside", "Optimum"));
    let method = "own real income maximised over a uniform ad-valorem wedge on exports of rare earths, long run; first-order condition \
                  from the analytic derivative of the equilibrium";
    let title = "China's optimal export tax on rare earths";
    let mut table = Table::new("C5", title, Kind::Simulated, columns, world.footer(method, None));
    let mut curves = Vec::new();
    let cases = world.cases(SCENARIO)?;
    let labels = world.economy.labels();
    for case in &cases {
        if case.key != cases[0].key {
            table.rule();
        }
        for sigma in SIGMAS {
            let mut scenario = case.scenario.clone();
            fix(&mut scenario, "sigma", sigma);
            let question = scenario
                .resolve(&world.economy, &scenario.central())
                .map_err(Error::library("the scenario of C5"))?;
            let shock = Shock { restrictions: Vec::new(), ..question.periods[0].shock.clone() };
            let best: OptimalTax =
                optimal_export_tax(&question.economy, &shock, world.china, world.r, &settings)
                    .map_err(Error::library("the optimal export tax"))?;
            let welfare = |country: &str| -> Cell {
                labels.country(country).map(|n| 100.0 * (best.equilibrium.real_income_hat[n] - 1.0)).into()
            };
            table.row(vec![
                case.name.into(),
                sigma.into(),
                (100.0 * (best.wedge - 1.0)).into(),
                (100.0 * best.volume_hat).into(),
                welfare("CHN"),
                welfare("JPN"),
                welfare("KOR"),
                welfare("USA"),
                welfare("DEU"),
                best.gradient.into(),
                if best.interior { "inside" } else { "at the end of the range" }.into(),
            ]);
            if sigma == 0.2 {
                curves.push(Series {
                    name: case.name.to_owned(),
                    points: best
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
         (or falls from the start). Technology that is directed shows whether innovation abroad erodes the monopoly.",
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
pub(super) fn menu(_inputs: &Inputs) -> Result<Made, Error> {
    let world = World::open()?;
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
    let number = |key: &str, heading: &str, digits| {
        Column::number(key, heading, "million USD a year", Format::Fixed(digits), Provenance::Simulated)
    };
    let columns = vec![
        Column::label("technology", "Technology"),
        Column::label("measure", "Measure"),
        number("loss_musd", "Loss left", 1),
        number("avoided_musd", "Loss avoided", 1),
        number("cost_musd", "Cost", 1),
        Column::number(
            "cost_per_unit",
            "Cost per unit avoided",
            "ratio",
            Format::Fixed(2),
            Provenance::Simulated,
        ),
        number("normal_times_musd", "In normal times", 1),
    ];
    let method =
        "long run with the export quota of 60 percent; each measure added alone; costs by the stated rules";
    let title = "What importers can do against the restriction";
    let mut table = Table::new("C6", title, Kind::Simulated, columns, world.footer(method, None));
    let mut figure_bars = Vec::new();
    for case in &world.cases(SCENARIO)?[..2] {
        let (question, _) = long_run(case, &world)?;
        let list: Vec<Measure> = measures.iter().map(|(_, measure)| *measure).collect();
        let menu = policy_menu(&question.economy, &question.periods[0].shock, &list, &settings)
            .map_err(Error::library("the policy menu"))?;
        if case.key != "exogenous" {
            table.rule();
        }
        table.row(vec![
            case.name.into(),
            "none".into(),
            menu.loss.into(),
            0.0.into(),
            0.0.into(),
            Cell::absent(),
            0.0.into(),
        ]);
        for ((name, _), row) in measures.iter().zip(&menu.rows) {
            let unit = row.cost_per_unit();
            table.row(vec![
                case.name.into(),
                name.as_str().into(),
                row.loss.into(),
                row.avoided.into(),
                row.cost.into(),
                if unit.is_finite() { unit.into() } else { Cell::absent() },
                row.normal_times.into(),
            ]);
        }
        figure_bars.push(Bars {
            name: case.name.to_owned(),
            values: menu.rows.iter().map(|row| Some(100.0 * row.avoided / menu.loss)).collect(),
        });
    }
    table.note(format!(
        "Acting: {}. Loss: what their real income falls short of the baseline's. Cost per unit: – where nothing is avoided. In normal \
         times: what the measure does to their real income without the restriction. Assumptions: carrying a stockpile costs {} of its \
         value; recycled material costs {} times the baseline price; new resource its baseline rent times {}; private research is {} \
         of spending on rare earths.",
        IMPORTERS.join(", "),
        settings.carrying,
        settings.recycling_cost,
        settings.mine_cost,
        settings.research_intensity
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
