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

use crate::economy::{Economy, SHARE_TOLERANCE};
use crate::equilibrium::{Equilibrium, SolveError};
use crate::labels::Dims;
use crate::shock::{Shock, ShockError};

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
    /// critical inputs, where a sector does not use them, makes nothing or does not any more, and with [`Technology::Exogenous`].
    ///
    /// # Errors
    /// [`SolveError::Economy`] for an equilibrium of another economy, [`SolveError::Shock`] for a shock or a technology that does
    /// not fit it.
    pub fn innovations(
        &self,
        economy: &Economy,
        shock: &Shock,
        equilibrium: &Equilibrium,
    ) -> Result<Augmentation, SolveError> {
        equilibrium.is_of(economy)?;
        shock.validate(economy)?;
        let (old, output) = (economy.critical_share(), economy.output());
        let mut flows = Augmentation::none(output.nrows(), output.ncols());
        let (Some(innovation), Some(outcome)) = (self.innovation(), &equilibrium.critical) else {
            return Ok(flows);
        };
        innovation.check(economy.dims(), economy.labels().countries())?;
        let made = |at: &(usize, usize)| output[*at] > 0.0 && equilibrium.output[*at] > 0.0;
        for (at, &share) in old.indexed_iter().filter(|(at, share)| **share > 0.0 && made(at)) {
            let (new, n) = (outcome.share[at], at.0);
            let cost_hat = shock.research_cost_hat.as_ref().map_or(1.0, |hat| hat[n]);
            let (critical, other) = match self {
                Technology::FixedResearchers(_) if share < 1.0 => {
                    let odds = (new / (1.0 - new)) / (share / (1.0 - share)) / cost_hat;
                    let total = 1.0 + share * (odds - 1.0);
                    (odds / total, 1.0 / total)
                }
                Technology::FreeEntry(_) => {
                    let paid = match innovation.paid_in {
                        ResearchCost::FinalGood => equilibrium.consumption_price_hat[n],
                        ResearchCost::Factor(f) => equilibrium.factor_price_hat[[n, f]],
                    };
                    (new * equilibrium.output[at] / (share * output[at]) / (paid * cost_hat), 1.0)
                }
                _ => (1.0, 1.0),
            };
            flows.critical[at] = critical.powf(innovation.lambda);
            flows.other[at] = other.powf(innovation.lambda);
        }
        Ok(flows)
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
    /// `omega[n,i]`: not negative, the same in every sector; rows sum to one, and are divided by their sum where that is off by
    /// rounding.
    Matrix(Array2<f64>),
}

impl Diffusion {
    /// That it is for so many countries.
    fn fits(&self, countries: usize) -> Result<(), ShockError> {
        let sizes = match self {
            Diffusion::National | Diffusion::Global => return Ok(()),
            Diffusion::Blocs(bloc) => vec![bloc.len()],
            Diffusion::Matrix(omega) => omega.shape().to_vec(),
        };
        match sizes.into_iter().find(|size| *size != countries) {
            None => Ok(()),
            Some(found) => Err(ShockError::Diffusion { found, expected: countries }),
        }
    }

    /// `omega[n,.]` in a sector, given each country's baseline spending on the critical input there. Rows of countries
    /// without anything to weigh by fall back on their own knowledge.
    pub(crate) fn weights(&self, n: usize, spending: &[f64]) -> Array1<f64> {
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
            Diffusion::Matrix(omega) => &omega.row(n) / omega.row(n).sum(),
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
    /// That parameters are in their range and name what the economy has.
    pub(crate) fn check(&self, dims: Dims, countries: &[String]) -> Result<(), ShockError> {
        for (parameter, value) in [("lambda", self.lambda), ("phi", self.phi), ("xi", self.xi)] {
            if !(value >= 0.0 && value.is_finite()) {
                return Err(ShockError::Technology {
                    parameter,
                    value,
                    remedy: "an elasticity here is finite and not negative; 0 switches it off",
                });
            }
        }
        if let ResearchCost::Factor(f) = self.paid_in
            && f >= dims.factors
        {
            return Err(ShockError::Technology {
                parameter: "paid_in",
                value: f as f64,
                remedy: "name a factor of the economy by its position in the labels",
            });
        }
        self.diffusion.fits(dims.countries)?;
        let Diffusion::Matrix(omega) = &self.diffusion else { return Ok(()) };
        for (country, row) in countries.iter().zip(omega.rows()) {
            let sum = row.sum();
            if !((sum - 1.0).abs() <= SHARE_TOLERANCE && row.iter().all(|w| *w >= 0.0)) {
                return Err(ShockError::DiffusionRow { country: country.clone(), sum });
            }
        }
        Ok(())
    }

    /// Accessible stocks `Kbar[n,j]` of the stocks `K[i,j]`; `spending[i,j]` is baseline spending on the critical input.
    fn accessible(&self, stock: &Array2<f64>, spending: &Array2<f64>) -> Array2<f64> {
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

    /// Productivity that stocks of knowledge on the critical input and on everything else give, hats `[i,j]`; `spending[i,j]` is
    /// baseline spending on the critical input, by which knowledge from elsewhere is weighed.
    ///
    /// # Errors
    /// [`ShockError::Shape`] if the three have different shapes, [`ShockError::Diffusion`] if countries are not those of
    /// [`diffusion`](Self::diffusion).
    pub fn augmentation(
        &self,
        critical: &Array2<f64>,
        other: &Array2<f64>,
        spending: &Array2<f64>,
    ) -> Result<Augmentation, ShockError> {
        for (array, values) in [("stock of other knowledge", other), ("spending", spending)] {
            if values.dim() != critical.dim() {
                let (expected, found) = (critical.shape().into(), values.shape().into());
                return Err(ShockError::Shape { array, expected, found });
            }
        }
        self.diffusion.fits(critical.nrows())?;
        let (critical, other) = (self.accessible(critical, spending), self.accessible(other, spending));
        Ok(Augmentation {
            critical: critical.mapv(|k| k.powf(self.phi)),
            other: ndarray::Zip::from(&other)
                .and(&critical)
                .map_collect(|x, r| x.powf(self.phi) * r.powf(self.xi)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knowledge_is_weighed_by_spending_and_where_nobody_spends_it_is_ones_own() {
        let spending = [3.0, 1.0, 0.0, 0.0];
        assert_eq!(Diffusion::Global.weights(2, &spending).to_vec(), [0.75, 0.25, 0.0, 0.0]);
        let blocs = Diffusion::Blocs(vec![5, 5, 8, 8]);
        assert_eq!(blocs.weights(0, &spending).to_vec(), [0.75, 0.25, 0.0, 0.0]);
        assert_eq!(blocs.weights(3, &spending).to_vec(), [0.0, 0.0, 0.0, 1.0]);
        assert_eq!(Diffusion::National.weights(1, &spending).to_vec(), [0.0, 1.0, 0.0, 0.0]);
    }
}
