//! Part C, elements: restricting the medium and heavy ones only (C7).

use calibration::rare_earths::{Element, Facts, Files, OreComposition, element_world_2009};
use counterfactuals::scenario::Closure;
use counterfactuals::{Draws, Outcome, Scenario, draws};
use model_core::{Economy, SolverSettings};

use super::quota::{COVERAGE, in_words, interval_cells, with_interval};
use super::{Inputs, Made};
use crate::economies;
use crate::error::Error;
use crate::report::figure::{Bars, Chart, Figure};
use crate::report::table::{Cell, Column, Footer, Format, Kind, Provenance, Table};
use crate::sources::Sources;

const SCENARIO: &str = include_str!("../../../scenarios/heavy-2025.toml");

/// Draws for the intervals; a scenario run by itself takes as many as its file says.
const DRAWS: usize = 100;

/// The elements of the restriction of 2025 that the economy has apart.
const HEAVY: [Element; 5] = [Element::Sm, Element::Gd, Element::Tb, Element::Dy, Element::Y];

/// Numbers of each element: price outside China, price in China, China's exports in volume.
const OF_ELEMENT: usize = 3;

/// One experiment.
struct Experiment {
    key: &'static str,
    name: &'static str,
    restricted: fn(Element) -> bool,
    /// Whether the elements come out of one ore.
    joint: bool,
    closure: Closure,
}

const EXPERIMENTS: [Experiment; 5] = [
    Experiment {
        key: "all",
        name: "all elements",
        restricted: |_| true,
        joint: true,
        closure: Closure::Exogenous,
    },
    Experiment {
        key: "heavy",
        name: "medium and heavy",
        restricted: |e| HEAVY.contains(&e),
        joint: true,
        closure: Closure::Exogenous,
    },
    Experiment {
        key: "light",
        name: "light",
        restricted: |e| !HEAVY.contains(&e),
        joint: true,
        closure: Closure::Exogenous,
    },
    Experiment {
        key: "heavy_apart",
        name: "medium and heavy, each mined by itself",
        restricted: |e| HEAVY.contains(&e),
        joint: false,
        closure: Closure::Exogenous,
    },
    Experiment {
        key: "heavy_directed",
        name: "medium and heavy, directed technology",
        restricted: |e| HEAVY.contains(&e),
        joint: true,
        closure: Closure::FreeEntry,
    },
];

impl Experiment {
    /// The scenario file with the experiment's quotas.
    fn scenario(&self, economy: &Economy, sources: &Sources) -> Result<Scenario, Error> {
        let mut text = SCENARIO.split("[[quota]]").next().unwrap_or(SCENARIO).to_owned();
        if !self.joint {
            text = text.replace("joint_products = true", "joint_products = false");
        }
        for element in Element::ALL.into_iter().filter(|e| (self.restricted)(*e)) {
            let symbol = element.symbol();
            text += &format!("\n[[quota]]\nexporter = \"CHN\"\nsector = \"{symbol}\"\nvolume = 0.6\n");
        }
        let estimates = sources.named_in(&text)?;
        let scenario =
            Scenario::parse(&text, economy, &estimates).map_err(Error::library("the scenario of C7"))?;
        Ok(scenario.with_closure(self.closure))
    }
}

/// The economy with its elements, and where they stand.
struct World {
    economy: Economy,
    china: usize,
    /// Position of each element of [`Element::ALL`].
    sectors: Vec<usize>,
}

impl World {
    fn open() -> Result<Self, Error> {
        let economy = element_world_2009().map_err(Error::library("the economy with elements"))?;
        let missing = |what: &str| Error::Report {
            table: "C7".to_owned(),
            problem: format!("the economy with elements has no `{what}`"),
        };
        let china = economy.labels().country("CHN").ok_or_else(|| missing("CHN"))?;
        let sectors = Element::ALL
            .into_iter()
            .map(|e| economy.labels().sector(e.symbol()).ok_or_else(|| missing(e.symbol())))
            .collect::<Result<_, _>>()?;
        Ok(Self { economy, china, sectors })
    }

    /// Real income by country, percent; then [`OF_ELEMENT`] numbers of each element; then the rent of all restrictions.
    fn numbers(&self, outcome: &Outcome) -> Vec<f64> {
        let Some(e) = outcome.last() else { return Vec::new() };
        let mut all: Vec<f64> = e.real_income_hat.iter().map(|hat| 100.0 * (hat - 1.0)).collect();
        let (before, after) = (self.economy.border_flows(), e.border_flows());
        let abroad = || (0..self.economy.dims().countries).filter(|n| *n != self.china);
        for &s in &self.sectors {
            let producer = |flows: &ndarray::Array3<f64>, tax: &ndarray::Array3<f64>| -> f64 {
                abroad().map(|n| flows[[n, self.china, s]] / (1.0 + tax[[n, self.china, s]])).sum()
            };
            let value = producer(&after, &e.export_tax) / producer(&before, self.economy.export_tax());
            all.extend([
                economies::price_abroad(&self.economy, e, self.china, s),
                e.price_hat[[self.china, s]],
                100.0 * (value / e.cost_hat[[self.china, s]] - 1.0),
            ]);
        }
        all.push(e.quota_rent[self.china]);
        all
    }

    fn footer(&self, seed: u64) -> Footer {
        Footer {
            data: "the project's rare-earth world economy of 2009 with each element apart: 17 economies, 20 sectors, 11 elements"
                .to_owned(),
            estimator: format!(
                "exact hat algebra; elements of an ore are joint products; export quotas as complementarity conditions; long run; \
                 {DRAWS} draws, common to the columns"
            ),
            variance: "draws of the scenario's parameters; intervals hold 90 percent of them".to_owned(),
            seed: Some(seed),
            inputs: "derived (economy), recalled (end uses, ore composition), assumed (elasticities), estimated (trade elasticities)"
                .to_owned(),
        }
    }
}

/// C7: medium and heavy elements only, against all and against the light ones.
pub(super) fn heavy(inputs: &Inputs) -> Result<Made, Error> {
    let world = World::open()?;
    let sources = Sources::shipped(inputs.raw);
    let mut all: Vec<Draws> = Vec::with_capacity(EXPERIMENTS.len());
    let mut seed = 0;
    for experiment in &EXPERIMENTS {
        let scenario = experiment.scenario(&world.economy, &sources)?;
        seed = scenario.seed;
        let made = draws(&scenario, &world.economy, DRAWS, seed, &SolverSettings::default(), |_, outcome| {
            world.numbers(outcome)
        });
        all.push(made.map_err(Error::library("draws of C7"))?);
    }
    let tables = vec![by_country(&world, &all, seed), by_element(&world, &all, seed)?];
    Ok(Made { tables, figures: vec![figure(&world, &all)], checks: Vec::new() })
}

fn by_country(world: &World, all: &[Draws], seed: u64) -> Table {
    let mut columns = vec![Column::label("country", "Economy")];
    for experiment in &EXPERIMENTS {
        columns.extend(with_interval((experiment.key, "_pct"), experiment.name, "%", Format::Fixed(4)));
    }
    let title = "Restriction of the medium and heavy rare earths only: real income in the long run";
    let mut table = Table::new("C7", title, Kind::Simulated, columns, world.footer(seed));
    let intervals: Vec<Vec<(f64, f64)>> = all.iter().map(|draws| draws.interval(COVERAGE)).collect();
    for (c, country) in world.economy.labels().countries().iter().enumerate() {
        let mut row: Vec<Cell> = vec![country.as_str().into()];
        for (draws, interval) in all.iter().zip(&intervals) {
            row.extend(interval_cells(draws.central[c], interval[c]));
        }
        table.row(row);
    }
    let rents: Vec<String> = EXPERIMENTS
        .iter()
        .zip(all.iter().zip(&intervals))
        .map(|(experiment, (draws, interval))| {
            let last = draws.central.len() - 1;
            format!("{} {}", experiment.name, in_words(draws.central[last], interval[last], 0))
        })
        .collect();
    let failed: usize = all.iter().map(|draws| draws.failures.len()).sum();
    let heavy: Vec<&str> = HEAVY.iter().map(|e| e.symbol()).collect();
    table.note(format!(
        "China holds exports of the elements named at 60 percent of their volume of 2009. Medium and heavy: {}, those of the \
         announcement of April 2025 (recalled) that the economy has apart. Technology is exogenous where nothing else is said. \
         Quota rents, million USD: {}. Draws without an equilibrium: {failed} of {}.",
        heavy.join(", "),
        rents.join("; "),
        EXPERIMENTS.len() * DRAWS
    ));
    table.note(
        "An ore gives its elements in fixed proportions: what may not be exported of some of them is sold at home, and their \
         price there falls until it is; the others must pay for the ore. Below a hundredth of its price of 2009, relative to the \
         cost of the ore, an element is left in the tailings (our assumption).",
    );
    table
}

fn by_element(world: &World, all: &[Draws], seed: u64) -> Result<Table, Error> {
    let mut columns = vec![
        Column::label("element", "Element"),
        Column::number(
            "china_share_pct",
            "China's output in the world's, 2009",
            "%",
            Format::Fixed(1),
            Provenance::Derived,
        ),
        Column::number(
            "value_share_pct",
            "Share of value in China's output",
            "%",
            Format::Fixed(1),
            Provenance::Derived,
        ),
        Column::number(
            "ore_pct",
            "Share in China's ore",
            "% of oxide",
            Format::Fixed(2),
            Provenance::Recalled,
        ),
    ];
    for experiment in &EXPERIMENTS {
        for (key, heading, unit) in [
            ("outside", "price outside China", "over baseline"),
            ("inside", "price in China", "over baseline"),
            ("exports", "China's exports, volume", "%"),
        ] {
            let (key, heading) =
                (format!("{}_{key}", experiment.key), format!("{}: {heading}", experiment.name));
            columns.extend(with_interval((&key, ""), &heading, unit, Format::Fixed(2)));
        }
    }
    let title = "Restriction of the medium and heavy rare earths only: the markets of the elements";
    let mut table = Table::new("C7-elements", title, Kind::Simulated, columns, world.footer(seed));
    let intervals: Vec<Vec<(f64, f64)>> = all.iter().map(|draws| draws.interval(COVERAGE)).collect();
    let files = Files::embedded();
    let ores = Facts::parse(&files).and_then(|facts| OreComposition::parse(&files, &facts));
    let ores = ores.map_err(Error::library("the composition of ores"))?;
    let of_ore = ores.of("CHN").map_err(Error::library("the composition of ores"))?;
    let output = world.economy.output();
    let of_china: f64 = world.sectors.iter().map(|&s| output[[world.china, s]]).sum();
    for (k, element) in Element::ALL.into_iter().enumerate() {
        let s = world.sectors[k];
        let mut row: Vec<Cell> = vec![
            element.symbol().into(),
            (100.0 * output[[world.china, s]] / output.column(s).sum()).into(),
            (100.0 * output[[world.china, s]] / of_china).into(),
            (100.0 * of_ore[k]).into(),
        ];
        let first = world.economy.dims().countries + OF_ELEMENT * k;
        for (draws, interval) in all.iter().zip(&intervals) {
            let shown = draws.central.iter().zip(interval).skip(first).take(OF_ELEMENT);
            row.extend(shown.flat_map(|(value, ends)| interval_cells(*value, *ends)));
        }
        table.row(row);
    }
    table.note(
        "The price outside is that of purchasers, weighted by what each economy spends on the element in the baseline. What China \
         sells of an element follows its use and trade in 2009, not the ore: where the two differ, stocks and illegal mining do.",
    );
    Ok(table)
}

fn figure(world: &World, all: &[Draws]) -> Figure {
    let bars = |experiment: &Experiment, draws: &Draws| Bars {
        name: experiment.name.to_owned(),
        values: (0..Element::COUNT)
            .map(|k| draws.central[world.economy.dims().countries + OF_ELEMENT * k])
            .map(|price| (price > 0.0).then(|| price.ln()))
            .collect(),
    };
    Figure {
        id: "C7-elements".to_owned(),
        title: "Prices of the elements outside China".to_owned(),
        description: "Bars by element: logarithm of the price outside China over the baseline when China restricts exports of all \
                      elements, of the medium and heavy ones, and of the light ones."
            .to_owned(),
        chart: Chart::Bar {
            value: "log of price over baseline".to_owned(),
            categories: Element::ALL.iter().map(|e| e.symbol().to_owned()).collect(),
            series: EXPERIMENTS.iter().zip(all).take(3).map(|(experiment, draws)| bars(experiment, draws)).collect(),
        },
    }
}
