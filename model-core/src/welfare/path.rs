//! Welfare by channel, integrated along the path of the shock.
//!
//! Along any path of equilibria, with `M` flows at the border (`n` from `i`), `Q` what their producers get, `c` costs,
//! `t` and `e` the rates of tariff and export tax, `mu` the wedges of restrictions, `d` iceberg costs, `q` volumes that arrive
//! and `v` that leave, `fob = c (1 + e)`, and `T` the part of the rents that goes to buyers' countries:
//!
//! ```text
//! I dlnW = sum_f wF dlnF                                    endowments
//!        + sum_j Y dlnA                                     productivity
//!        - sum M[n,i] dln d[n,i]                            trade costs
//!        + sum s' Y dlnA_R + sum (1-s') Y dlnA_X            technology
//!        + sum M[m,n] dln fob[m,n] - sum M[n,i] dln fob[n,i]   terms of trade: critical inputs, all else
//!        + sum M[m,n] dln mu - sum M[n,i] dln mu + sum (mu-1) Q dln v + dT   rents of restrictions
//!        + sum t M dln q                                    volume of trade: tariffs
//!        + sum e Q dln v                                    volume of trade: export taxes
//!        + dD                                               transfers
//!        - I sum_k phi_k dln a_k                            tastes (only where they change)
//! ```
//!
//! This is an identity (Hulten's theorem with wedges), so its integral is exact: Caliendo and Parro's two terms are its
//! terms of trade and volumes of trade at the baseline. The path takes the logarithms of price wedges and fundamentals, and
//! deficits, in a straight line; the division among channels depends on the path, their sum does not. Restrictions go along it
//! by the wedges that they end with, and technology that moves by the productivity that it ends with, so that both are smooth on
//! it whatever their kinks.
//!
//! The integral is taken by the trapezoidal rule on 1, 2, 4, ... steps with Romberg's extrapolation, each equilibrium solved
//! from its neighbour; it ends when the parts add to the exact total.

use ndarray::{Array1, Array2, Array3, Axis, Zip};

use crate::economy::Economy;
use crate::equilibrium::{Equilibrium, SolveError, SolverSettings};
use crate::labels::Dims;
use crate::restriction::{Limit, Restriction};
use crate::shock::Shock;
use crate::technology::Technology;
use crate::trade::producer_value;

/// Log changes smaller than this are held to the accuracy of one of this size.
const LEAST_SIZE: f64 = 1e-3;

/// When an integration ends.
#[derive(Clone, Debug, PartialEq)]
pub struct DecompositionSettings {
    /// Largest gap between the sum of a country's parts and its exact change, relative to that change or 0.001, whichever
    /// is more.
    pub tolerance: f64,
    /// How many times the step may be halved.
    pub max_halvings: usize,
    /// Settings of every solve; tighter than by default, since small differences of solutions matter.
    pub solver: SolverSettings,
}

impl Default for DecompositionSettings {
    fn default() -> Self {
        let solver = SolverSettings { tolerance: 1e-12, ..SolverSettings::default() };
        Self { tolerance: 1e-7, max_halvings: 10, solver }
    }
}

/// Log change of real income by channel. All `[n]`, in logs; `[n, partner]` where a channel has partners.
#[derive(Clone, Debug, PartialEq)]
pub struct Decomposition {
    /// Prices of exports to a partner less prices of imports from it, before tariffs, of goods that are no critical inputs.
    pub terms_of_trade: Array2<f64>,
    /// Volume of imports from a partner on which a tariff is paid.
    pub tariff_volume: Array2<f64>,
    /// Volume of exports to a partner on which an export tax is paid.
    pub export_tax_volume: Array2<f64>,
    /// Terms of trade in goods that are critical inputs: where the rents of the resource show.
    pub critical_terms_of_trade: Array2<f64>,
    /// Rents of restrictions: what exports to a partner gain and imports from it cost, and what of them changes hands.
    pub quota_rents: Array2<f64>,
    /// Technology that augments the critical inputs and everything else.
    pub technology: Array1<f64>,
    /// Productivity at home.
    pub productivity: Array1<f64>,
    /// Iceberg costs of what is bought.
    pub trade_costs: Array1<f64>,
    /// Endowments at home.
    pub endowments: Array1<f64>,
    /// Deficits.
    pub transfers: Array1<f64>,
    /// Tastes.
    pub tastes: Array1<f64>,
    /// Sum of all parts.
    pub sum: Array1<f64>,
    /// The exact change, `ln W^`.
    pub total: Array1<f64>,
    /// Equilibria that were solved.
    pub solves: usize,
    /// The equilibrium at the end of the path.
    pub equilibrium: Equilibrium,
}

/// Why there is no decomposition.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DecompositionError {
    /// An equilibrium on the path was not found.
    #[error(transparent)]
    Solve(#[from] SolveError),
    /// A change without a path in logarithms.
    #[error(
        "`{array}` holds a hat of {value}: there is no path to it in logarithms; use a large finite hat, or one close to 0"
    )]
    NoPath {
        /// The array of the shock.
        array: &'static str,
        /// What stands there.
        value: f64,
    },
    /// The parts do not add up at the finest step.
    #[error(
        "after {halvings} halvings the parts of {country} miss the exact change by {gap:e} of its size (tolerance {tolerance:e}); allow more halvings, or cut the shock in two"
    )]
    NotAdding {
        /// Halvings made.
        halvings: usize,
        /// The country that misses most.
        country: String,
        /// Its relative gap.
        gap: f64,
        /// What was asked for.
        tolerance: f64,
    },
}

/// Decomposes the exact change of every country's real income after `shock`.
///
/// # Errors
/// [`DecompositionError`].
pub fn decompose(
    economy: &Economy,
    shock: &Shock,
    settings: &DecompositionSettings,
) -> Result<Decomposition, DecompositionError> {
    Path::check(economy, shock)?;
    let end = economy.solve(shock, &settings.solver)?;
    let path = Path { economy, shock: priced(shock, &end) };
    let total = end.real_income_hat.mapv(f64::ln);
    let mut solves = 1;
    // Nodes of the finest grid so far, in order.
    let start_of_path = economy.solve(&path.at(0.0), &settings.solver)?;
    let mut nodes = vec![path.node(0.0, &start_of_path), path.node(1.0, &end)];
    let mut iterates = vec![start_of_path.iterate, end.iterate.clone()];
    let mut tableau: Vec<Parts> = Vec::new();
    let mut worst = (0, f64::INFINITY);
    for halvings in 0..=settings.max_halvings {
        if halvings > 0 {
            let intervals = nodes.len() - 1;
            let (mut finer, mut finer_iterates) = (Vec::new(), Vec::new());
            let (old_nodes, old_iterates) = (std::mem::take(&mut nodes), std::mem::take(&mut iterates));
            for (k, (node, iterate)) in old_nodes.into_iter().zip(old_iterates).enumerate() {
                if k > 0 {
                    let t = (k as f64 - 0.5) / intervals as f64;
                    let middle = economy.solve_from(&path.at(t), &settings.solver, &iterate)?;
                    solves += 1;
                    finer.push(path.node(t, &middle));
                    finer_iterates.push(middle.iterate);
                }
                finer.push(node);
                finer_iterates.push(iterate);
            }
            (nodes, iterates) = (finer, finer_iterates);
        }
        // Romberg: row `halvings` of the tableau from the row before.
        let mut row = vec![path.trapezoid(&nodes)];
        let mut factor = 1.0;
        for column in 0..tableau.len() {
            factor *= 4.0;
            let better = row[column].extrapolate(&tableau[column], factor);
            row.push(better);
        }
        tableau = row;
        // Rounding ends what extrapolation gains: of the row, the entry that adds up best.
        for parts in tableau.iter().rev() {
            let gap = parts.worst_gap(&total);
            if gap.1 <= settings.tolerance {
                return Ok(parts.clone().into_decomposition(total, solves, end));
            }
            if gap.1 < worst.1 || !worst.1.is_finite() {
                worst = gap;
            }
        }
    }
    Err(DecompositionError::NotAdding {
        halvings: settings.max_halvings,
        country: economy.labels().countries()[worst.0].clone(),
        gap: worst.1,
        tolerance: settings.tolerance,
    })
}

/// The straight line in logs from no shock to the shock.
struct Path<'a> {
    economy: &'a Economy,
    shock: Shock,
}

/// The same shock with restrictions by their wedges and technology by its productivity.
fn priced(shock: &Shock, end: &Equilibrium) -> Shock {
    let mut priced = shock.clone();
    for (restriction, outcome) in priced.restrictions.iter_mut().zip(&end.restrictions) {
        restriction.limit = Limit::Wedge(outcome.wedge);
    }
    priced.augmentation = end.critical.as_ref().map(|critical| critical.augmentation.clone());
    priced.technology = Technology::Exogenous;
    priced
}

/// What the integrand needs of the equilibrium at one point of the path.
struct Node {
    income: Array1<f64>,
    factor_income: Array2<f64>,
    output: Array2<f64>,
    border: Array3<f64>,
    tariff: Array3<f64>,
    export_tax: Array3<f64>,
    ln_cost: Array2<f64>,
    ln_iceberg: Option<Array3<f64>>,
    ln_productivity: Option<Array2<f64>>,
    ln_endowment: Option<Array2<f64>>,
    deficit: Array1<f64>,
    /// Log wedges and rents abroad, `[n,i,j]`.
    restrictions: Option<(Array3<f64>, Array3<f64>)>,
    /// `s'`, `ln A_R`, `ln A_X`.
    augmentation: Option<(Array2<f64>, Array2<f64>, Array2<f64>)>,
    /// Taste shares and how far final shares move from them, over `1 - kappa`.
    ln_taste: Option<Array2<f64>>,
    tilt: Option<Array2<f64>>,
}

#[derive(Clone)]
struct Parts {
    partner: [Array2<f64>; 5],
    own: [Array1<f64>; 6],
}

impl Path<'_> {
    fn check(economy: &Economy, shock: &Shock) -> Result<(), DecompositionError> {
        let endless = shock.iceberg_hat.iter().flatten().find(|v| !v.is_finite());
        if let Some(&value) = endless {
            return Err(DecompositionError::NoPath { array: "iceberg_hat", value });
        }
        if let Some(&value) = shock.preference_hat.iter().flatten().find(|v| **v <= 0.0) {
            return Err(DecompositionError::NoPath { array: "preference_hat", value });
        }
        if shock.restrictions.iter().any(Restriction::stops) {
            return Err(DecompositionError::NoPath { array: "restrictions", value: 0.0 });
        }
        shock.validate(economy).map_err(SolveError::from)?;
        Ok(())
    }

    fn at(&self, t: f64) -> Shock {
        self.shock.part(self.economy.parts(), t)
    }

    fn node(&self, t: f64, equilibrium: &Equilibrium) -> Node {
        let ln2 = |a: &Option<Array2<f64>>| a.as_ref().map(|a| a.mapv(|v| t * v.ln()));
        let kappa = self.economy.kappa();
        let taste = self.shock.preference_hat.as_ref().map(|hat| {
            let mut taste = Zip::from(self.economy.final_share()).and(hat).map_collect(|a, h| a * h.powf(t));
            for mut row in taste.rows_mut() {
                let sum = row.sum();
                row /= sum;
            }
            taste
        });
        let tilt = taste.as_ref().map(|taste| {
            let mut tilt = taste.clone();
            for ((n, k), value) in tilt.indexed_iter_mut() {
                let gap = (equilibrium.price_hat[[n, k]] / equilibrium.consumption_price_hat[n]).ln();
                *value *= if kappa == 1.0 { gap } else { ((1.0 - kappa) * gap).exp_m1() / (1.0 - kappa) };
            }
            tilt
        });
        Node {
            income: equilibrium.income.clone(),
            factor_income: equilibrium.factor_income.clone(),
            output: equilibrium.output.clone(),
            border: equilibrium.border_flows(),
            tariff: equilibrium.tariff.clone(),
            export_tax: equilibrium.export_tax.clone(),
            ln_cost: equilibrium.cost_hat.mapv(f64::ln),
            ln_iceberg: self.shock.iceberg_hat.as_ref().map(|a| a.mapv(|v| t * v.ln())),
            ln_productivity: ln2(&self.shock.productivity_hat),
            ln_endowment: ln2(&self.shock.endowment_hat),
            deficit: equilibrium.deficit.clone(),
            restrictions: self.rents(t, equilibrium),
            augmentation: equilibrium.critical.as_ref().map(|critical| {
                let a = &critical.augmentation;
                (critical.share.clone(), a.critical.mapv(f64::ln), a.other.mapv(f64::ln))
            }),
            ln_taste: taste.map(|a| a.mapv(|v| if v > 0.0 { v.ln() } else { 0.0 })),
            tilt,
        }
    }

    /// Log wedges of restricted flows, and what of their rents goes to the buyer's country.
    fn rents(&self, t: f64, equilibrium: &Equilibrium) -> Option<(Array3<f64>, Array3<f64>)> {
        if self.shock.restrictions.is_empty() {
            return None;
        }
        let Dims { countries, sectors, .. } = self.economy.dims();
        let restrictions = self.at(t).restrictions;
        let ln_wedge = |restriction: &Restriction| match restriction.limit {
            Limit::Wedge(wedge) => wedge.ln(),
            Limit::Volume(_) => 0.0,
        };
        let mut ln_mu = Array3::<f64>::zeros((countries, countries, sectors));
        for restriction in &restrictions {
            for m in (0..countries).filter(|&m| restriction.covers(m)) {
                ln_mu[[m, restriction.exporter, restriction.sector]] += ln_wedge(restriction);
            }
        }
        let border = equilibrium.border_flows();
        let mut abroad = Array3::zeros(ln_mu.dim());
        for restriction in &restrictions {
            for m in (0..countries).filter(|&m| restriction.covers(m)) {
                let at = [m, restriction.exporter, restriction.sector];
                if ln_mu[at] > 0.0 {
                    let producer = producer_value(border[at], equilibrium.export_tax[at]);
                    let rent: f64 = producer * ln_mu[at].exp_m1();
                    abroad[at] += restriction.rent_share * rent * ln_wedge(restriction) / ln_mu[at];
                }
            }
        }
        Some((ln_mu, abroad))
    }

    /// The trapezoidal rule on consecutive nodes.
    fn trapezoid(&self, nodes: &[Node]) -> Parts {
        let Dims { countries, sectors, factors } = self.economy.dims();
        let critical = self.economy.critical().map_or(&[][..], |critical| &critical.sectors);
        let mut parts = Parts {
            partner: std::array::from_fn(|_| Array2::zeros((countries, countries))),
            own: std::array::from_fn(|_| Array1::zeros(countries)),
        };
        for (a, b) in nodes.iter().zip(nodes.iter().skip(1)) {
            let [terms, critical_terms, tariff_volume, tax_volume, rents] = &mut parts.partner;
            let [technology, productivity, trade_costs, endowments, transfers, tastes] = &mut parts.own;
            for ((n, i, j), &m_a) in a.border.indexed_iter() {
                let m_b = b.border[[n, i, j]];
                if m_a == 0.0 && m_b == 0.0 {
                    continue;
                }
                let at = [n, i, j];
                // Means of flow over the income of the importer and of the exporter.
                let for_importer = 0.5 * (m_a / a.income[n] + m_b / b.income[n]);
                let for_exporter = 0.5 * (m_a / a.income[i] + m_b / b.income[i]);
                let d_cost = b.ln_cost[[i, j]] - a.ln_cost[[i, j]];
                // The rate holds the wedges; their part of the price is the rent's.
                let ln_mu = |node: &Node| node.restrictions.as_ref().map_or(0.0, |(ln_mu, _)| ln_mu[at]);
                let d_mu = ln_mu(b) - ln_mu(a);
                let d_fob = d_cost + (b.export_tax[at].ln_1p() - a.export_tax[at].ln_1p());
                let terms = if critical.contains(&j) { &mut *critical_terms } else { &mut *terms };
                let iceberg = |node: &Node| node.ln_iceberg.as_ref().map_or(0.0, |d| d[at]);
                let d_iceberg = iceberg(b) - iceberg(a);
                terms[[n, i]] -= for_importer * (d_fob - d_mu);
                terms[[i, n]] += for_exporter * (d_fob - d_mu);
                if n != i {
                    rents[[n, i]] -= for_importer * d_mu;
                    rents[[i, n]] += for_exporter * d_mu;
                }
                trade_costs[n] -= for_importer * d_iceberg;
                // t M dln q = t (dM - M dln p).
                let (t_a, t_b) = (a.tariff[at], b.tariff[at]);
                if t_a != 0.0 || t_b != 0.0 {
                    let (w_a, w_b) = (t_a / a.income[n], t_b / b.income[n]);
                    tariff_volume[[n, i]] +=
                        0.5 * (w_a + w_b) * (m_b - m_a) - 0.5 * (w_a * m_a + w_b * m_b) * (d_fob + d_iceberg);
                }
                let (e_a, e_b) = (a.export_tax[at], b.export_tax[at]);
                if e_a != 0.0 || e_b != 0.0 {
                    let (q_a, q_b) = (m_a / (1.0 + e_a), m_b / (1.0 + e_b));
                    // (rate) Q dln v = (rate) (dQ - Q dln c), for the tax and for the wedge.
                    let volume = |r_a: f64, r_b: f64| {
                        let (w_a, w_b) = (r_a / a.income[i], r_b / b.income[i]);
                        0.5 * (w_a + w_b) * (q_b - q_a) - 0.5 * (w_a * q_a + w_b * q_b) * d_cost
                    };
                    let (mu_a, mu_b) = (ln_mu(a).exp_m1(), ln_mu(b).exp_m1());
                    tax_volume[[i, n]] += volume(e_a - mu_a, e_b - mu_b);
                    rents[[i, n]] += volume(mu_a, mu_b);
                }
            }
            if let (Some((_, t_a)), Some((_, t_b))) = (&a.restrictions, &b.restrictions) {
                for ((n, i, j), &after) in t_b.indexed_iter() {
                    let change = after - t_a[[n, i, j]];
                    rents[[n, i]] += 0.5 * change * (1.0 / a.income[n] + 1.0 / b.income[n]);
                    rents[[i, n]] -= 0.5 * change * (1.0 / a.income[i] + 1.0 / b.income[i]);
                }
            }
            for n in 0..countries {
                let mean = |x_a: f64, x_b: f64| 0.5 * (x_a / a.income[n] + x_b / b.income[n]);
                if let (Some((s_a, r_a, x_a)), Some((s_b, r_b, x_b))) = (&a.augmentation, &b.augmentation) {
                    for j in 0..sectors {
                        let at = [n, j];
                        let (y_a, y_b) = (a.output[at], b.output[at]);
                        technology[n] += mean(s_a[at] * y_a, s_b[at] * y_b) * (r_b[at] - r_a[at])
                            + mean((1.0 - s_a[at]) * y_a, (1.0 - s_b[at]) * y_b) * (x_b[at] - x_a[at]);
                    }
                }
                if let (Some(l_a), Some(l_b)) = (&a.ln_productivity, &b.ln_productivity) {
                    for j in 0..sectors {
                        productivity[n] +=
                            mean(a.output[[n, j]], b.output[[n, j]]) * (l_b[[n, j]] - l_a[[n, j]]);
                    }
                }
                if let (Some(l_a), Some(l_b)) = (&a.ln_endowment, &b.ln_endowment) {
                    for f in 0..factors {
                        endowments[n] += mean(a.factor_income[[n, f]], b.factor_income[[n, f]])
                            * (l_b[[n, f]] - l_a[[n, f]]);
                    }
                }
                transfers[n] += mean(1.0, 1.0) * (b.deficit[n] - a.deficit[n]);
                if let (Some(l_a), Some(l_b), Some(t_a), Some(t_b)) =
                    (&a.ln_taste, &b.ln_taste, &a.tilt, &b.tilt)
                {
                    for k in 0..sectors {
                        tastes[n] -= 0.5 * (t_a[[n, k]] + t_b[[n, k]]) * (l_b[[n, k]] - l_a[[n, k]]);
                    }
                }
            }
        }
        parts
    }
}

impl Parts {
    /// `(factor * self - coarser) / (factor - 1)`.
    fn extrapolate(&self, coarser: &Parts, factor: f64) -> Parts {
        let keep = factor / (factor - 1.0);
        let drop = 1.0 / (factor - 1.0);
        Parts {
            partner: std::array::from_fn(|k| &self.partner[k] * keep - &coarser.partner[k] * drop),
            own: std::array::from_fn(|k| &self.own[k] * keep - &coarser.own[k] * drop),
        }
    }

    /// The sum of all parts of each country.
    fn sum(&self) -> Array1<f64> {
        let partners = self.partner.iter().map(|part| part.sum_axis(Axis(1)));
        partners
            .chain(self.own.iter().cloned())
            .fold(Array1::zeros(self.own[0].len()), |sum, part| sum + part)
    }

    /// The country whose parts miss the total by most, and by how much relative to it.
    fn worst_gap(&self, total: &Array1<f64>) -> (usize, f64) {
        let mut worst = (0, 0.0);
        for (n, (sum, total)) in self.sum().iter().zip(total).enumerate() {
            let gap = (sum - total).abs() / total.abs().max(LEAST_SIZE);
            if gap > worst.1 || gap.is_nan() {
                worst = (n, gap);
            }
        }
        worst
    }

    fn into_decomposition(
        self,
        total: Array1<f64>,
        solves: usize,
        equilibrium: Equilibrium,
    ) -> Decomposition {
        let sum = self.sum();
        let [terms_of_trade, critical_terms_of_trade, tariff_volume, export_tax_volume, quota_rents] =
            self.partner;
        let [technology, productivity, trade_costs, endowments, transfers, tastes] = self.own;
        Decomposition {
            terms_of_trade,
            critical_terms_of_trade,
            quota_rents,
            technology,
            tariff_volume,
            export_tax_volume,
            productivity,
            trade_costs,
            endowments,
            transfers,
            tastes,
            sum,
            total,
            solves,
            equilibrium,
        }
    }
}
