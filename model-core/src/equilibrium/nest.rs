//! The critical-input nest inside a solve: costs, shares and technology of the sectors that use it.

use super::scalar::Scalar;
use super::system::Inputs;
use crate::ces;
use crate::economy::EconomyParts;
use crate::labels::Dims;
use crate::sensitivity::Parameter;
use crate::shock::Shock;
use crate::technology::{Diffusion, ResearchCost, Technology};
use ndarray::Array2;

/// The nest of [`crate::CriticalInputs`], by cell `[i][j]`.
pub(super) struct Nest<T> {
    pub(super) sectors: Vec<usize>,
    /// `s` and `1 / (1 - s)`; the latter zero where the sector uses nothing else.
    pub(super) share: Vec<f64>,
    pub(super) other: Vec<f64>,
    /// `mu[i,j,e]`.
    element_share: Vec<T>,
    pub(super) sigma: Vec<T>,
    pub(super) element_sigma: T,
    /// Given `ln A_R` and `ln A_X`, `[i][j]`.
    given: Option<(Vec<T>, Vec<T>)>,
    pub(super) innovation: Option<Innovations<T>>,
}

/// Technology that moves.
pub(super) struct Innovations<T> {
    fixed_researchers: bool,
    pub(super) lambda: T,
    pub(super) phi: T,
    xi: T,
    /// `omega[j][n][i]`; none where knowledge stays at home.
    omega: Option<Vec<f64>>,
    pub(super) paid_in: ResearchCost,
    /// `ln(s Y)` at the baseline, `[i][j]`; not finite where there is nothing.
    ln_spending: Vec<f64>,
    /// Log hat of the price of research, `[i][j]`.
    ln_research_cost: Vec<f64>,
    /// Step of the research effort of each sector.
    step: Vec<f64>,
}

/// What the nest comes to in a sweep, `[i][j]`.
pub(super) struct NestWork<T> {
    /// `s'`.
    pub(super) share: Vec<T>,
    /// `(1-s')/(1-s)`, what the shares of other inputs and factors are multiplied by.
    pub(super) keep: Vec<T>,
    /// `mu'[i,j,e]`.
    pub(super) element_share: Vec<T>,
    /// `ln(pR / A_R) - ln(x / A_X)`.
    pub(super) gap: Vec<T>,
    /// `ln c - ln(x / A_X)`.
    pub(super) ln_relative_cost: Vec<T>,
    /// `ln pR`.
    pub(super) ln_bundle: Vec<T>,
    pub(super) ln_a_critical: Vec<T>,
    pub(super) ln_a_other: Vec<T>,
    /// `ln nu_R`, `ln nu_X`.
    pub(super) ln_critical: Vec<T>,
    pub(super) ln_other: Vec<T>,
    accessible: Vec<T>,
}

impl<T: Scalar> NestWork<T> {
    pub(super) fn new(cells: usize, elements: usize) -> Self {
        let zeros = |len| vec![T::from(0.0); len];
        Self {
            share: zeros(cells),
            keep: vec![T::from(1.0); cells],
            element_share: zeros(cells * elements),
            gap: zeros(cells),
            ln_relative_cost: zeros(cells),
            ln_bundle: zeros(cells),
            ln_a_critical: zeros(cells),
            ln_a_other: zeros(cells),
            ln_critical: zeros(cells),
            ln_other: zeros(cells),
            accessible: zeros(cells),
        }
    }
}

impl<T: Scalar> Nest<T> {
    pub(super) fn new<I: Inputs<Number = T>>(
        parts: &EconomyParts,
        output: &Array2<f64>,
        shock: &Shock,
        inputs: &I,
    ) -> Option<Self> {
        let critical = parts.critical.as_ref()?;
        let Dims { countries: n, sectors: j, .. } = parts.dims();
        let share: Vec<f64> = parts.critical_share().into_iter().collect();
        let mut element_share = Vec::with_capacity(n * j * critical.sectors.len());
        for (cell, share) in share.iter().enumerate() {
            for &e in &critical.sectors {
                let value = parts.input_share[[cell / j, cell % j, e]];
                element_share.push(T::from(if *share > 0.0 { value / share } else { 0.0 }));
            }
        }
        let cells =
            |value: &dyn Fn([usize; 2]) -> T| (0..n * j).map(|cell| value([cell / j, cell % j])).collect();
        let moves = inputs.moves(Parameter::LnCriticalAugmentation { country: 0, sector: 0 })
            || inputs.moves(Parameter::LnOtherAugmentation { country: 0, sector: 0 });
        let given = (shock.augmentation.is_some() || moves).then(|| {
            let ln = |pick: &dyn Fn(&crate::technology::Augmentation) -> f64| {
                shock.augmentation.as_ref().map_or(0.0, |a| pick(a).ln())
            };
            (
                cells(&|at| {
                    let parameter = Parameter::LnCriticalAugmentation { country: at[0], sector: at[1] };
                    inputs.of(parameter, ln(&|a| a.critical[at]))
                }),
                cells(&|at| {
                    let parameter = Parameter::LnOtherAugmentation { country: at[0], sector: at[1] };
                    inputs.of(parameter, ln(&|a| a.other[at]))
                }),
            )
        });
        Some(Self {
            sectors: critical.sectors.clone(),
            other: share.iter().map(|s| if 1.0 - s > f64::EPSILON { 1.0 / (1.0 - s) } else { 0.0 }).collect(),
            element_share,
            sigma: (0..j).map(|s| inputs.of(Parameter::Sigma { sector: s }, critical.sigma[s])).collect(),
            element_sigma: inputs.of(Parameter::ElementSigma, critical.element_sigma),
            given,
            innovation: Innovations::new(parts, output, &share, shock, inputs),
            share,
        })
    }

    pub(super) fn elements(&self) -> usize {
        self.sectors.len()
    }

    /// How the log price of the bundle and an element's share `within` it answer a move of that element's log price. `grown`
    /// is [`Nest::grown`] of the move, which is the same for all who use the element.
    #[inline(always)]
    pub(super) fn element(&self, within: T, step: T, grown: Option<T>) -> (T, T) {
        if let Some(grown) = grown {
            let sum = grown * within;
            let rho = T::from(1.0) - self.element_sigma;
            return (sum.ln_1p() / rho, (grown + 1.0) * within / (sum + 1.0));
        }
        let mut shares = [T::from(0.0); 2];
        let prices = [step, T::from(0.0)];
        let bundle = ces::shares(&[within, T::from(1.0) - within], &prices, self.element_sigma, &mut shares);
        (bundle, shares[0])
    }

    /// `e^((1 - eta) step) - 1`; nothing in the limits where that is of no use.
    pub(super) fn grown(&self, step: T) -> Option<T> {
        const LARGE: f64 = 500.0;
        let rho = T::from(1.0) - self.element_sigma;
        let tilt = rho * step;
        (rho.re() != 0.0 && tilt.re() < LARGE).then(|| tilt.exp_m1())
    }

    /// Productivity from research effort, into `work`.
    #[inline(always)]
    pub(super) fn technology(&self, n: usize, j: usize, research: &[T], work: &mut NestWork<T>) {
        if let Some(innovation) = &self.innovation {
            innovation.productivity(n, j, research, &self.share, work);
            if let Some((critical, other)) = &self.given {
                work.ln_a_critical.iter_mut().zip(critical).for_each(|(a, given)| *a += *given);
                work.ln_a_other.iter_mut().zip(other).for_each(|(a, given)| *a += *given);
            }
        } else if let Some((critical, other)) = &self.given {
            work.ln_a_critical.copy_from_slice(critical);
            work.ln_a_other.copy_from_slice(other);
        }
    }

    /// `ln c` of one cell from the weighted logs of its other inputs and factors, `(1-s) ln x`; shares into `work`.
    #[inline(always)]
    pub(super) fn cost(&self, cell: usize, s: usize, others: T, ln_p: &[T], work: &mut NestWork<T>) -> T {
        let share = self.share[cell];
        let elements = cell * self.elements()..(cell + 1) * self.elements();
        let bundle = match self.sectors.as_slice() {
            [only] => {
                work.element_share[cell] = T::from(1.0);
                ln_p[*only]
            }
            several => {
                let mut prices = [T::from(0.0); 32];
                let mut long = Vec::new();
                let prices = if several.len() <= prices.len() {
                    &mut prices[..several.len()]
                } else {
                    long.resize(several.len(), T::from(0.0));
                    &mut long[..]
                };
                prices.iter_mut().zip(several).for_each(|(p, e)| *p = ln_p[*e]);
                let baseline = &self.element_share[elements.clone()];
                ces::shares(baseline, prices, self.element_sigma, &mut work.element_share[elements])
            }
        };
        work.ln_bundle[cell] = bundle;
        let critical = bundle - work.ln_a_critical[cell];
        if self.other[cell] == 0.0 {
            work.share[cell] = T::from(1.0);
            work.keep[cell] = T::from(0.0);
            work.gap[cell] = critical;
            work.ln_relative_cost[cell] = critical;
            return critical;
        }
        let rest = others * self.other[cell] - work.ln_a_other[cell];
        work.gap[cell] = critical - rest;
        let (ln_cost, new) = ces::two_inputs(share, critical - rest, self.sigma[s]);
        work.ln_relative_cost[cell] = ln_cost;
        work.share[cell] = new;
        work.keep[cell] = (T::from(1.0) - new) * self.other[cell];
        rest + ln_cost
    }
}

impl<T: Scalar> Innovations<T> {
    fn new<I: Inputs<Number = T>>(
        parts: &EconomyParts,
        output: &Array2<f64>,
        share: &[f64],
        shock: &Shock,
        inputs: &I,
    ) -> Option<Self> {
        let technology = &shock.technology;
        let innovation = technology.innovation()?;
        let Dims { countries: n, sectors: j, .. } = parts.dims();
        let spending: Vec<f64> = output.iter().zip(share).map(|(y, s)| y * s).collect();
        let omega = (innovation.diffusion != Diffusion::National).then(|| {
            let mut omega = Vec::with_capacity(j * n * n);
            for s in 0..j {
                let column: Vec<f64> = (0..n).map(|i| spending[i * j + s]).collect();
                for m in 0..n {
                    omega.extend(innovation.diffusion.weights(m, &column));
                }
            }
            omega
        });
        let sigma = parts.critical.iter().flat_map(|critical| critical.sigma.iter().copied());
        Some(Self {
            fixed_researchers: matches!(technology, Technology::FixedResearchers(_)),
            lambda: inputs.of(Parameter::Lambda, innovation.lambda),
            phi: inputs.of(Parameter::Phi, innovation.phi),
            xi: inputs.of(Parameter::Xi, innovation.xi),
            omega,
            paid_in: innovation.paid_in,
            ln_spending: spending.iter().map(|v| v.ln()).collect(),
            ln_research_cost: (0..n * j)
                .map(|cell| shock.research_cost_hat.as_ref().map_or(0.0, |hat| hat[cell / j].ln()))
                .collect(),
            step: sigma
                .map(|sigma| 1.0 / (1.0 + innovation.lambda * innovation.phi * (1.0 - sigma)))
                .collect(),
        })
    }

    /// `ln A_R`, `ln A_X` and the innovations behind them.
    ///
    /// The state is `ln R_R`, with fixed researchers `ln(R_R / R_X)`.
    #[inline(always)]
    fn productivity(&self, n: usize, j: usize, research: &[T], share: &[f64], work: &mut NestWork<T>) {
        for (cell, &effort) in research.iter().enumerate() {
            let (critical, other) = if self.fixed_researchers {
                // R_R + R_X = 1 in shares s, 1 - s.
                let total = (effort.exp_m1() * share[cell]).ln_1p();
                (effort - total, -total)
            } else {
                (effort, T::from(0.0))
            };
            work.ln_critical[cell] = critical * self.lambda;
            work.ln_other[cell] = other * self.lambda;
        }
        let Some(omega) = &self.omega else {
            for cell in 0..n * j {
                work.ln_a_critical[cell] = work.ln_critical[cell] * self.phi;
                work.ln_a_other[cell] = work.ln_other[cell] * self.phi + work.ln_critical[cell] * self.xi;
            }
            return;
        };
        self.spread(n, j, omega, &work.ln_critical, &mut work.accessible);
        for cell in 0..n * j {
            work.ln_a_critical[cell] = work.accessible[cell] * self.phi;
            work.ln_a_other[cell] = work.accessible[cell] * self.xi;
        }
        if self.fixed_researchers {
            self.spread(n, j, omega, &work.ln_other, &mut work.accessible);
            for cell in 0..n * j {
                work.ln_a_other[cell] += work.accessible[cell] * self.phi;
            }
        }
    }

    /// `ln Kbar[n,j] = ln sum_i omega[n,i] K[i,j]`.
    fn spread(&self, n: usize, j: usize, omega: &[f64], ln_stock: &[T], accessible: &mut [T]) {
        for s in 0..j {
            for m in 0..n {
                let row = &omega[(s * n + m) * n..(s * n + m + 1) * n];
                let mut sum = T::from(0.0);
                for (i, weight) in row.iter().enumerate().filter(|(_, w)| **w > 0.0) {
                    sum += ln_stock[i * j + s].exp() * *weight;
                }
                accessible[m * j + s] = sum.ln();
            }
        }
    }

    /// The research effort that a new share and output call for; `ln_cost` is `ln P_Z`. Nothing where nothing is spent.
    #[inline(always)]
    pub(super) fn effort(&self, cell: usize, share: f64, new_share: T, output: T, ln_cost: T) -> Option<T> {
        if !self.ln_spending[cell].is_finite() || new_share.re() <= 0.0 || output.re() <= 0.0 {
            return None;
        }
        if self.fixed_researchers {
            if share >= 1.0 {
                return None;
            }
            let odds = new_share / (T::from(1.0) - new_share);
            return Some(odds.ln() - (share / (1.0 - share)).ln() - self.ln_research_cost[cell]);
        }
        Some((new_share * output).ln() - self.ln_spending[cell] - self.ln_research_cost[cell] - ln_cost)
    }

    /// How that effort moves with the log price of the bundle relative to everything else: `of_share` is the elasticity of the
    /// share, `lost` how sales fall with cost.
    pub(super) fn effort_slope(&self, of_share: f64, lost: f64, share: f64) -> f64 {
        if self.fixed_researchers {
            of_share / (1.0 - share).max(f64::EPSILON)
        } else {
            of_share - lost * share
        }
    }

    pub(super) fn step(&self, sector: usize) -> f64 {
        self.step[sector]
    }
}
