//! Directed technology: what research on the critical input and on everything else does to productivity.
//!
//! ```text
//! nu_f^  = R_f^^lambda                           innovations from research effort R_f, f in {R, X}
//! A_R^   = Kbar_R^^phi                           augments the critical input
//! A_X^   = Kbar_X^^phi Kbar_R^^xi                augments everything else
//! Kbar_f[n,j] = sum_i omega[n,i,j] K_f[i,j]      accessible stocks
//! ```
//!
//! In the static long run stocks equal flows, `K^ = nu^`, as part of the equilibrium. Along a path the stocks are given to each
//! year's equilibrium as an [`Augmentation`] and move between years ([`Innovation::augmentation`]). Our specification, after
//! Acemoglu (2002): machine makers earn a constant share of what the sector spends on an input, so research follows
//! expenditure `E_f`.

use ndarray::{Array1, Array2};
use serde::{Deserialize, Serialize};

use crate::economy::Economy;
use crate::equilibrium::Equilibrium;
use crate::shock::Shock;

/// What technology does in an equilibrium.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub enum Technology {
    /// It stays, but for a given [`Augmentation`].
    #[default]
    Exogenous,
    /// Research on the critical input follows its market size, `R_R^ = E_R^ / P_Z^`; that on everything else does not move.
    /// `P_Z^` holds the shock's `research_cost_hat`.
    FreeEntry(Innovation),
    /// A sector's researchers are fixed in number and divided in proportion to expenditure, `R_R^ = s'/s`,
    /// `R_X^ = (1-s')/(1-s)`; with a `research_cost_hat` of `z`, `R_R^/R_X^` is that over `z`.
    FixedResearchers(Innovation),
}

impl Technology {
    /// The parameters, where technology moves.
    pub fn innovation(&self) -> Option<&Innovation> {
        match self {
            Technology::Exogenous => None,
            Technology::FreeEntry(innovation) | Technology::FixedResearchers(innovation) => Some(innovation),
        }
    }

    /// `nu_R^` and `nu_X^`, the innovations that this technology would make in an equilibrium, whatever technology that was
    /// solved with: the flow into the stocks along a path. `shock` is what led to the equilibrium. One everywhere without
    /// critical inputs, where a sector does not use them, and with [`Technology::Exogenous`].
    pub fn innovations(&self, economy: &Economy, shock: &Shock, equilibrium: &Equilibrium) -> Augmentation {
        let (old, output) = (economy.critical_share(), economy.output());
        let mut flows = Augmentation::none(output.nrows(), output.ncols());
        let (Some(innovation), Some(outcome)) = (self.innovation(), &equilibrium.critical) else {
            return flows;
        };
        for (at, &share) in old.indexed_iter().filter(|(at, share)| **share > 0.0 && output[*at] > 0.0) {
            let (new, n) = (outcome.share[at], at.0);
            let subsidy = shock.research_cost_hat.as_ref().map_or(1.0, |hat| hat[n]);
            let (critical, other) = match self {
                Technology::FixedResearchers(_) if share < 1.0 => {
                    let odds = (new / (1.0 - new)) / (share / (1.0 - share)) / subsidy;
                    let total = 1.0 + share * (odds - 1.0);
                    (odds / total, 1.0 / total)
                }
                Technology::FreeEntry(_) => {
                    let paid = match innovation.paid_in {
                        ResearchCost::FinalGood => equilibrium.consumption_price_hat[n],
                        ResearchCost::Factor(f) => equilibrium.factor_price_hat[[n, f]],
                    };
                    (new * equilibrium.output[at] / (share * output[at]) / (paid * subsidy), 1.0)
                }
                _ => (1.0, 1.0),
            };
            flows.critical[at] = critical.powf(innovation.lambda);
            flows.other[at] = other.powf(innovation.lambda);
        }
        flows
    }
}

/// Parameters of innovation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Innovation {
    /// `lambda`: elasticity of innovations to research effort.
    pub lambda: f64,
    /// `phi`: elasticity of an input's productivity to its stock of knowledge.
    pub phi: f64,
    /// `xi`: elasticity of the productivity of everything else to the stock of knowledge on the critical input.
    pub xi: f64,
    /// Who can use whose knowledge.
    pub diffusion: Diffusion,
    /// What research is paid in, whose price is `P_Z`.
    pub paid_in: ResearchCost,
}

/// The price `P_Z` of research.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ResearchCost {
    /// The country's final good: its consumption price index.
    #[default]
    FinalGood,
    /// A factor, by its position in the labels.
    Factor(usize),
}

/// Whose knowledge a country can use.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub enum Diffusion {
    /// Its own.
    #[default]
    National,
    /// The world's: stocks weighted by each country's baseline spending on the critical input in the sector.
    Global,
    /// Its bloc's, weighted in the same way: the bloc of each country, by any number.
    Blocs(Vec<usize>),
    /// `omega[n,i]`: not negative, rows sum to one, the same in every sector.
    Matrix(Array2<f64>),
}

impl Diffusion {
    /// `omega[n,.]` in a sector, given each country's baseline spending on the critical input there. Rows of countries
    /// without anything to weigh by fall back on their own knowledge.
    pub fn weights(&self, n: usize, spending: &[f64]) -> Array1<f64> {
        let among = |in_bloc: &dyn Fn(usize) -> bool| {
            let total: f64 = (0..spending.len()).filter(|&i| in_bloc(i)).map(|i| spending[i]).sum();
            Array1::from_shape_fn(spending.len(), |i| match (in_bloc(i), total > 0.0) {
                (true, true) => spending[i] / total,
                (_, false) if i == n => 1.0,
                _ => 0.0,
            })
        };
        match self {
            Diffusion::National => among(&|i| i == n),
            Diffusion::Global => among(&|_| true),
            Diffusion::Blocs(bloc) => among(&|i| bloc[i] == bloc[n]),
            Diffusion::Matrix(omega) => omega.row(n).to_owned(),
        }
    }
}

/// Productivity of the two inputs of the nest, hats `[country, using sector]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Augmentation {
    /// `A_R^`.
    pub critical: Array2<f64>,
    /// `A_X^`.
    pub other: Array2<f64>,
}

impl Augmentation {
    /// No change.
    pub fn none(countries: usize, sectors: usize) -> Self {
        Self { critical: Array2::ones((countries, sectors)), other: Array2::ones((countries, sectors)) }
    }
}

impl Innovation {
    /// Accessible stocks `Kbar[n,j]` of the stocks `K[i,j]`; `spending[i,j]` is baseline spending on the critical input.
    pub fn accessible(&self, stock: &Array2<f64>, spending: &Array2<f64>) -> Array2<f64> {
        let (countries, sectors) = stock.dim();
        let mut all = Array2::zeros((countries, sectors));
        for j in 0..sectors {
            let weight: Vec<f64> = spending.column(j).to_vec();
            for n in 0..countries {
                all[[n, j]] = self.diffusion.weights(n, &weight).dot(&stock.column(j));
            }
        }
        all
    }

    /// Productivity that stocks of knowledge on the critical input and on everything else give, hats `[i,j]`.
    pub fn augmentation(
        &self,
        critical: &Array2<f64>,
        other: &Array2<f64>,
        spending: &Array2<f64>,
    ) -> Augmentation {
        let (critical, other) = (self.accessible(critical, spending), self.accessible(other, spending));
        Augmentation {
            critical: critical.mapv(|k| k.powf(self.phi)),
            other: ndarray::Zip::from(&other)
                .and(&critical)
                .map_collect(|x, r| x.powf(self.phi) * r.powf(self.xi)),
        }
    }
}
