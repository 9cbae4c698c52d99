//! What importers can do against a restriction of a critical input: cost and loss avoided. Our specification.
//!
//! The loss of the importers is what their real income falls short of the baseline's, in the baseline's unit,
//! `L = sum_n I[n] (1 - W^[n])`. A measure avoids `L(restriction) - L(restriction and measure)`. Volumes are valued at baseline
//! prices, `v = s' Y' / pR^` bought of the input by the importers in the equilibrium with the measure. It costs a year:
//!
//! | measure | cost |
//! |---|---|
//! | stockpile that meets a share `r` of use | volume released, `v r / (1 - r)`, times one plus `carrying` (storage and interest until it is needed) |
//! | recycling of a share `r` of use | volume recovered, `v r / (1 - r)`, times `recycling_cost` over the baseline price |
//! | new mines | the new resource at its baseline rent, times `mine_cost` |
//! | research subsidy of a share `z` | `z / (1 - z)` of private research, which is `research_intensity` of spending on the input |
//! | friend-shoring by a tariff on the supplier | the importers' loss from it in normal times, without the restriction |
//!
//! Stocks and recycling meet a share of use at home whatever the price, so they act as if each unit bought gave `1/(1-r)`.

use model_core::{Augmentation, Economy, Equilibrium, Shock, SolverSettings};
use ndarray::{Array1, Array2};
use serde::{Deserialize, Serialize};

use super::{PolicyError, solving};
use crate::path;

/// Something that importers do. Shares are from 0 to below 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Measure {
    /// Stocks that meet a share of use for the year.
    Stockpile {
        /// The share.
        share: f64,
    },
    /// Recycling that meets a share of use.
    Recycling {
        /// The share.
        share: f64,
    },
    /// More of the resource in a country that mines.
    NewMines {
        /// The country.
        country: usize,
        /// The resource, a factor.
        factor: usize,
        /// The resource, new over baseline.
        hat: f64,
    },
    /// A share of the price of research on the critical input.
    ResearchSubsidy {
        /// The share.
        share: f64,
    },
    /// An addition to the importers' tariffs on the supplier's critical inputs.
    FriendShoring {
        /// The addition, a rate.
        tariff: f64,
    },
}

/// Who acts against whom, and what things cost.
#[derive(Debug, Clone, PartialEq)]
pub struct MenuSettings {
    /// The countries that act, and whose loss counts.
    pub importers: Vec<usize>,
    /// The country that restricts.
    pub supplier: usize,
    /// Storage and interest of a stockpile until it is needed, over its purchase price. An assumption.
    pub carrying: f64,
    /// Cost of what is recycled over the baseline price of the input. An assumption.
    pub recycling_cost: f64,
    /// Annual cost of new resource over its baseline rent. An assumption.
    pub mine_cost: f64,
    /// Private research on the input over spending on it. An assumption.
    pub research_intensity: f64,
    /// Settings of every solve.
    pub solver: SolverSettings,
}

impl MenuSettings {
    /// These countries against this one; carrying cost 0.5 (five years at ten percent), recycling at twice the baseline price,
    /// mines at their baseline rent, research of five percent of spending. All assumptions.
    pub fn new(importers: Vec<usize>, supplier: usize) -> Self {
        Self {
            importers,
            supplier,
            carrying: 0.5,
            recycling_cost: 2.0,
            mine_cost: 1.0,
            research_intensity: 0.05,
            solver: SolverSettings { tolerance: 1e-12, ..SolverSettings::default() },
        }
    }
}

/// A measure, what it avoids and what it costs; in the baseline's unit, a year.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MenuRow {
    /// The measure.
    pub measure: Measure,
    /// The importers' loss with the restriction and the measure.
    pub loss: f64,
    /// What of the loss it avoids.
    pub avoided: f64,
    /// What it costs.
    pub cost: f64,
    /// What it does to the importers' real income without the restriction.
    pub normal_times: f64,
    /// Real income hats with the restriction and the measure.
    pub real_income_hat: Array1<f64>,
}

impl MenuRow {
    /// Cost per unit of loss avoided; infinite if it avoids none.
    pub fn cost_per_unit(&self) -> f64 {
        if self.avoided > 0.0 { self.cost / self.avoided } else { f64::INFINITY }
    }
}

/// All measures against one restriction.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Menu {
    /// The importers' loss from the restriction alone.
    pub loss: f64,
    /// The measures, in the order given.
    pub rows: Vec<MenuRow>,
}

/// What every measure does against `restriction`, a shock with the technology that answers it.
///
/// # Errors
/// A [`PolicyError`].
pub fn policy_menu(
    economy: &Economy,
    restriction: &Shock,
    measures: &[Measure],
    settings: &MenuSettings,
) -> Result<Menu, PolicyError> {
    let dims = economy.dims();
    if economy.critical().is_none() {
        return Err(PolicyError::NoCriticalInput);
    }
    let outside = settings.importers.iter().chain([&settings.supplier]).find(|n| **n >= dims.countries);
    if let Some(&position) = outside {
        return Err(PolicyError::Position { what: "a country", position });
    }
    for measure in measures {
        measure.check(economy)?;
    }
    let loss = |equilibrium: &Equilibrium| -> f64 {
        settings.importers.iter().map(|&n| economy.income()[n] * (1.0 - equilibrium.real_income_hat[n])).sum()
    };
    let alone =
        economy.solve(restriction, &settings.solver).map_err(solving("with the restriction alone"))?;
    let before = loss(&alone);
    let normal = Shock { restrictions: Vec::new(), ..restriction.clone() };
    let calm = economy.solve(&normal, &settings.solver).map_err(solving("without the restriction"))?;
    let calm_loss = loss(&calm);
    let mut rows = Vec::with_capacity(measures.len());
    for &measure in measures {
        let at = |when: &str| solving(format!("with {measure:?} {when}"));
        let with = |shock: &Shock, start: &Equilibrium| {
            path::solve(
                economy,
                &measure.added(economy, shock, settings),
                &settings.solver,
                Some(&start.iterate),
            )
        };
        let answered = with(restriction, &alone).map_err(at("and the restriction"))?;
        let quiet = with(&normal, &calm).map_err(at("in normal times"))?;
        let normal_times = calm_loss - loss(&quiet);
        let after = loss(&answered);
        rows.push(MenuRow {
            measure,
            loss: after,
            avoided: before - after,
            cost: measure.cost(economy, &answered, normal_times, settings),
            normal_times,
            real_income_hat: answered.real_income_hat,
        });
    }
    Ok(Menu { loss: before, rows })
}

impl Measure {
    fn check(&self, economy: &Economy) -> Result<(), PolicyError> {
        let dims = economy.dims();
        match *self {
            Measure::Stockpile { share }
            | Measure::Recycling { share }
            | Measure::ResearchSubsidy { share } => {
                if !(0.0..1.0).contains(&share) {
                    let remedy = "give a share from 0 to below 1";
                    return Err(PolicyError::Setting { name: "share", value: share, remedy });
                }
            }
            Measure::NewMines { country, factor, .. } => {
                if country >= dims.countries {
                    return Err(PolicyError::Position {
                        what: "the country of new mines",
                        position: country,
                    });
                }
                if factor >= dims.factors {
                    return Err(PolicyError::Position {
                        what: "the resource of new mines",
                        position: factor,
                    });
                }
            }
            Measure::FriendShoring { tariff } => {
                if !(tariff > -1.0 && tariff.is_finite()) {
                    let remedy = "give a rate above -1; 5 percent is 0.05";
                    return Err(PolicyError::Setting { name: "tariff", value: tariff, remedy });
                }
            }
        }
        Ok(())
    }

    /// The shock with the measure.
    fn added(&self, economy: &Economy, shock: &Shock, settings: &MenuSettings) -> Shock {
        let dims = economy.dims();
        let mut shock = shock.clone();
        match *self {
            Measure::Stockpile { share } | Measure::Recycling { share } => {
                let none = || Augmentation::none(dims.countries, dims.sectors);
                let given = shock.augmentation.get_or_insert_with(none);
                for &n in &settings.importers {
                    given.critical.row_mut(n).mapv_inplace(|a| a / (1.0 - share));
                }
            }
            Measure::NewMines { country, factor, hat } => {
                let ones = || Array2::ones((dims.countries, dims.factors));
                shock.endowment_hat.get_or_insert_with(ones)[[country, factor]] *= hat;
            }
            Measure::ResearchSubsidy { share } => {
                let hats = shock.research_cost_hat.get_or_insert_with(|| Array1::ones(dims.countries));
                settings.importers.iter().for_each(|&n| hats[n] *= 1.0 - share);
            }
            Measure::FriendShoring { tariff } => {
                let sectors = economy.critical().map_or(&[][..], |critical| &critical.sectors);
                let rates = shock.tariff.get_or_insert_with(|| economy.tariff().clone());
                for &n in settings.importers.iter().filter(|n| **n != settings.supplier) {
                    sectors.iter().for_each(|&j| rates[[n, settings.supplier, j]] += tariff);
                }
            }
        }
        shock
    }

    fn cost(
        &self,
        economy: &Economy,
        after: &Equilibrium,
        normal_times: f64,
        settings: &MenuSettings,
    ) -> f64 {
        let Some(critical) = &after.critical else { return 0.0 };
        let sum = |value: &dyn Fn([usize; 2]) -> f64| -> f64 {
            let cells =
                settings.importers.iter().flat_map(|&n| (0..economy.dims().sectors).map(move |j| [n, j]));
            cells.map(value).sum()
        };
        let spending = |at: [usize; 2]| critical.share[at] * after.output[at];
        let bought = |at: [usize; 2]| spending(at) / critical.price_hat[at];
        match *self {
            Measure::Stockpile { share } => sum(&bought) * share / (1.0 - share) * (1.0 + settings.carrying),
            Measure::Recycling { share } => sum(&bought) * share / (1.0 - share) * settings.recycling_cost,
            Measure::NewMines { country, factor, hat } => {
                (hat - 1.0) * economy.factor_income()[[country, factor]] * settings.mine_cost
            }
            Measure::ResearchSubsidy { share } => {
                sum(&spending) * settings.research_intensity * share / (1.0 - share)
            }
            Measure::FriendShoring { .. } => -normal_times,
        }
    }
}
