//! Restrictions inside a solve: which flows they cover, their volumes and their wedges.

use super::market::Pairs;
use super::scalar::Scalar;
use super::system::Inputs;
use crate::economy::EconomyParts;
use crate::restriction::{Limit as Rule, Restriction};
use crate::sensitivity::Parameter;
use crate::shock::Shock;

/// One restriction.
pub(super) struct Limit<T> {
    pub(super) sector: usize,
    pub(super) exporter: usize,
    /// Importers whose baseline flow it covers.
    pub(super) covered: Vec<usize>,
    /// Baseline volume: producer value of the flows.
    pub(super) volume: f64,
    rule: LogRule<T>,
    pub(super) rent_share: T,
    /// Another limit on the same flows that is tighter.
    pub(super) tighter: Option<usize>,
}

/// What is set, in logs.
#[derive(Clone, Copy)]
enum LogRule<T> {
    /// A limit of zero: the flows are gone, and so is the wedge.
    Closed,
    Volume(T),
    Wedge(T),
}

pub(super) fn limits<I: Inputs>(parts: &EconomyParts, shock: &Shock, inputs: &I) -> Vec<Limit<I::Number>> {
    let numbered = shock.restrictions.iter().enumerate();
    let mut all: Vec<Limit<I::Number>> =
        numbered.map(|(number, restriction)| Limit::new(parts, number, restriction, inputs)).collect();
    // Of several limits on the same flows only the tightest can bind, and the others would share its wedge in any proportion.
    for l in 0..all.len() {
        all[l].tighter = (0..all.len())
            .filter(|&other| other != l && all[other].is_tighter(&all[l], other < l))
            .reduce(|first, next| if all[next].is_tighter(&all[first], false) { next } else { first });
    }
    all
}

impl<T: Scalar> Limit<T> {
    fn new<I: Inputs<Number = T>>(
        parts: &EconomyParts,
        number: usize,
        restriction: &Restriction,
        inputs: &I,
    ) -> Self {
        let (sector, exporter) = (restriction.sector, restriction.exporter);
        let n = parts.dims().countries;
        let value = |m: usize| {
            let at = [m, exporter, sector];
            let purchaser = parts.expenditure[[m, sector]] * parts.trade_share[at];
            crate::trade::producer_value(
                crate::trade::border_value(purchaser, parts.tariff[at]),
                parts.export_tax[at],
            )
        };
        let covered: Vec<usize> = (0..n).filter(|&m| restriction.covers(m) && value(m) > 0.0).collect();
        let volume: f64 = covered.iter().map(|&m| value(m)).sum();
        Self {
            sector,
            exporter,
            covered,
            volume,
            tighter: None,
            rule: match restriction.limit {
                Rule::Volume(0.0) => LogRule::Closed,
                Rule::Volume(limit) => {
                    LogRule::Volume(inputs.of(Parameter::LnLimit { restriction: number }, limit.ln()))
                }
                Rule::Wedge(wedge) => {
                    LogRule::Wedge(inputs.of(Parameter::LnLimit { restriction: number }, wedge.ln()))
                }
            },
            rent_share: inputs.of(Parameter::RentShare { restriction: number }, restriction.rent_share),
        }
    }

    /// Whether there is a wedge to find.
    pub(super) fn acts(&self) -> bool {
        !matches!(self.rule, LogRule::Closed) && self.volume > 0.0 && self.tighter.is_none()
    }

    /// Whether it limits the volume of the same flows more than the other does, or as much and comes first.
    fn is_tighter(&self, other: &Self, first: bool) -> bool {
        let same =
            self.sector == other.sector && self.exporter == other.exporter && self.covered == other.covered;
        match (self.rule, other.rule) {
            (LogRule::Volume(own), LogRule::Volume(its)) if same => {
                own.re() < its.re() || own.re() == its.re() && first
            }
            _ => false,
        }
    }

    /// By how much `min(ln mu, ln(limit V0 / V)) = 0` is missed.
    #[inline(always)]
    pub(super) fn missed(&self, wedge: f64, volume: f64) -> f64 {
        match self.rule {
            _ if !self.acts() => wedge.abs(),
            LogRule::Closed => wedge.abs(),
            LogRule::Wedge(ln_mu) => (wedge - ln_mu.re()).abs(),
            LogRule::Volume(ln_limit) => wedge.min(ln_limit.re() - (volume / self.volume).ln()).abs(),
        }
    }

    /// What is to become zero as the wedge moves, and whether that is `ln(V / (limit V0))`: it is unless a step of the steepest
    /// slope that volume can have, `steepest = 1 + theta`, would take the wedge below one. Then it is the wedge.
    #[inline(always)]
    pub(super) fn gap(&self, wedge: T, volume: T, steepest: f64) -> (T, bool) {
        match self.rule {
            _ if !self.acts() => (wedge, false),
            LogRule::Closed => (wedge, false),
            LogRule::Wedge(ln_mu) => (wedge - ln_mu, false),
            LogRule::Volume(ln_limit) => {
                let excess = (volume / self.volume).ln() - ln_limit;
                if wedge.re() * steepest + excess.re() > 0.0 { (excess, true) } else { (wedge, false) }
            }
        }
    }
}

/// The restricted flows of a sector: where they stand in `g[n,i]` and which limits cover them.
pub(super) struct Controls {
    pub(super) flows: Vec<(usize, Vec<usize>)>,
    pub(super) limits: Vec<usize>,
}

/// The controls of each sector, if it has any.
pub(super) fn controls<T: Scalar>(sectors: usize, n: usize, limits: &[Limit<T>]) -> Vec<Option<Controls>> {
    (0..sectors)
        .map(|s| {
            let own: Vec<usize> =
                (0..limits.len()).filter(|&l| limits[l].sector == s && limits[l].acts()).collect();
            let mut flows: Vec<(usize, Vec<usize>)> = Vec::new();
            for &l in &own {
                for &m in &limits[l].covered {
                    let at = m * n + limits[l].exporter;
                    match flows.iter_mut().find(|(flow, _)| *flow == at) {
                        Some((_, covering)) => covering.push(l),
                        None => flows.push((at, vec![l])),
                    }
                }
            }
            (!own.is_empty()).then_some(Controls { flows, limits: own })
        })
        .collect()
}

/// A sector's market with its wedges in place.
pub(super) struct Overlay<T> {
    pub(super) g: Pairs<'static, T>,
    pub(super) border: Pairs<'static, T>,
    pub(super) producer: Pairs<'static, T>,
    /// `mu - 1` of each flow of the controls, and the sum of the log wedges on it.
    pub(super) rate: Vec<T>,
    pub(super) ln_wedge: Vec<T>,
}

impl<T> Default for Overlay<T> {
    fn default() -> Self {
        Self {
            g: Pairs::Moving(Vec::new()),
            border: Pairs::Moving(Vec::new()),
            producer: Pairs::Moving(Vec::new()),
            rate: Vec::new(),
            ln_wedge: Vec::new(),
        }
    }
}

/// The log of the wedges on a flow together, and what they leave of its share, `mu^(-theta)`.
fn wedged<T: Scalar>(covering: &[usize], theta: T, wedge: &[T]) -> (T, T) {
    let ln_mu = covering.iter().fold(T::from(0.0), |sum, &l| sum + wedge[l]);
    (ln_mu, (-theta * ln_mu).exp())
}

impl Controls {
    /// What the wedges leave of a flow's share; all of it where none covers the flow.
    pub(super) fn keep<T: Scalar>(&self, flow: usize, theta: T, wedge: &[T]) -> T {
        let own = self.flows.iter().find(|(covered, _)| *covered == flow);
        own.map_or(T::from(1.0), |(_, covering)| wedged(covering, theta, wedge).1)
    }

    /// Puts the wedges on the flows: shares fall by `mu^(-theta)`, and what the producer keeps by another `mu`.
    pub(super) fn overlay<T: Scalar>(
        &self,
        (g, border, producer): (&Pairs<'_, T>, Option<&Pairs<'_, T>>, Option<&Pairs<'_, T>>),
        theta: T,
        wedge: &[T],
        over: &mut Overlay<T>,
    ) {
        let at_border = border.unwrap_or(g);
        let g = over.g.copy_from(g);
        let border = over.border.copy_from(at_border);
        let producer = over.producer.copy_from(producer.unwrap_or(at_border));
        over.rate.clear();
        over.ln_wedge.clear();
        for (flow, covering) in &self.flows {
            let (ln_mu, fewer) = wedged(covering, theta, wedge);
            g[*flow] *= fewer;
            border[*flow] *= fewer;
            producer[*flow] *= fewer * (-ln_mu).exp();
            over.rate.push(ln_mu.exp_m1());
            over.ln_wedge.push(ln_mu);
        }
    }
}
