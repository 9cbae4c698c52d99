//! Newton's method on factor prices, where the accelerated fixed point stalls.
//!
//! At given factor prices the price system is a contraction in logs and expenditure solves a linear system, so both have
//! one solution; what is left is excess demand for `N F` factors. Its Jacobian follows from the two inner systems by
//! implicit differentiation. With trade elasticities of 40 or more and large shocks a full step can overshoot from one
//! corner of the world to another. The step therefore follows the price adjustment `d ln w / dt = ln(demand / supply)`,
//! which leads to the equilibrium wherever factors are gross substitutes, by implicit Euler steps that lengthen into
//! Newton's as excess demand falls (pseudo-transient continuation, Kelley and Keyes 1998).

use linalg::{LinalgError, Lu};
use ndarray::{Array1, Array2, Array3};

use super::market::Market;
use super::observer::{Phase, SolverSettings, worst};
use super::solve::{MAX_MOVE, Record};
use super::sweep::Work;
use super::system::{DeficitRule, Layout, System};

/// Rounds of the inner solves for prices and expenditure at given factor prices.
const MAX_INNER: usize = 60;

/// Relative residual of the inner solves, as far below the tolerance as rounding allows.
const INNER_TOLERANCE: f64 = 1e-13;

/// The first step of pseudo-time and what it may shrink to.
const FIRST_STEP: f64 = 0.5;
const LEAST_STEP: f64 = 1e-8;

/// Returns whether it converged from `state`, which then belongs together with `work`.
pub(super) fn newton(
    system: &System,
    state: &mut [f64],
    settings: &SolverSettings,
    record: &mut Record,
    work: &mut Work,
) -> bool {
    search(system, state, settings, record, work).unwrap_or(false)
}

fn search(
    system: &System,
    state: &mut [f64],
    settings: &SolverSettings,
    record: &mut Record,
    work: &mut Work,
) -> Result<bool, LinalgError> {
    let mut step = FIRST_STEP;
    let mut inner = settle(system, state, work)?;
    let mut excess = system.excess(work);
    for _ in 0..settings.max_newton_steps {
        let mut image = vec![0.0; state.len()];
        let residual = system.sweep(state, &mut image, work);
        record.add(Phase::Newton, state, residual);
        if residual.max() <= settings.tolerance {
            return Ok(true);
        }
        let jacobian = inner.excess_jacobian(system, work)?;
        let size = largest(&excess);
        loop {
            let direction = implicit_step(system, &jacobian, &excess, step)?;
            let shorten = (MAX_MOVE / largest(&direction)).min(1.0);
            let mut trial = state.to_vec();
            let w = system.at.split_mut(&mut trial).factor;
            w.iter_mut().zip(&direction).for_each(|(w, d)| *w += shorten * d);
            system.renumerate(&mut trial);
            let settled = settle(system, &mut trial, work);
            let trial_excess = system.excess(work);
            let trial_size = largest(&trial_excess);
            match settled {
                // A size that is no number is not smaller.
                Ok(settled) if trial_size < 1.5 * size || step <= LEAST_STEP => {
                    step *= (2.0 * size / trial_size).clamp(0.5, 100.0);
                    state.copy_from_slice(&trial);
                    (inner, excess) = (settled, trial_excess);
                    break;
                }
                Err(error) if step <= LEAST_STEP => return Err(error),
                _ => step *= 0.2,
            }
        }
    }
    Ok(false)
}

/// NaN if any is.
fn largest(values: &Array1<f64>) -> f64 {
    let mut largest = 0.0;
    values.iter().for_each(|v| worst(&mut largest, *v));
    largest
}

/// `(I/step - J) d = excess`, with the direction that only moves the numeraire taken out.
fn implicit_step(
    system: &System,
    jacobian: &Array2<f64>,
    excess: &Array1<f64>,
    step: f64,
) -> Result<Array1<f64>, LinalgError> {
    let mut matrix = -jacobian;
    let weight = 1.0 / system.endowment_value.iter().sum::<f64>();
    for ((r, c), value) in matrix.indexed_iter_mut() {
        // Homogeneity of degree zero makes the Jacobian singular along the vector of ones; moving along it is ruled out.
        *value += weight * system.endowment_value[c] + if r == c { 1.0 / step } else { 0.0 };
    }
    Lu::factor(matrix.view())?.solve(excess.view())
}

/// Solves prices and expenditure at the state's factor prices, in place.
fn settle(system: &System, state: &mut [f64], work: &mut Work) -> Result<Inner, LinalgError> {
    let cells = system.at.cells();
    let mut image = vec![0.0; state.len()];
    for _ in 0..MAX_INNER {
        let residual = system.sweep(state, &mut image, work);
        if residual.prices <= INNER_TOLERANCE {
            break;
        }
        if residual.prices > 0.5 {
            // Far away a sweep of the contraction is the safe step.
            state[..cells].copy_from_slice(&work.ln_price);
            continue;
        }
        let shares = system.new_shares(state, work);
        let gap: Array1<f64> =
            work.ln_price.iter().zip(&state[..cells]).map(|(new, old)| new - old).collect();
        let correction = Lu::factor(price_matrix(system, &shares).view())?.solve(gap.view())?;
        state[..cells].iter_mut().zip(&correction).for_each(|(p, d)| *p += d);
    }
    system.sweep(state, &mut image, work);
    let inner = Inner::new(system, state, work)?;
    for _ in 0..MAX_INNER {
        let gap: Array1<f64> = work.x_new.iter().zip(&work.x).map(|(new, old)| new - old).collect();
        let correction = inner.spending.solve(gap.view())?;
        let hats = system.at.split_mut(state).expenditure;
        for (((hat, x), d), scale) in
            hats.iter_mut().zip(&work.x).zip(&correction).zip(&system.fixed.expenditure_scale)
        {
            *hat = (x + d).max(0.0) * scale;
        }
        if system.sweep(state, &mut image, work).goods <= INNER_TOLERANCE {
            break;
        }
    }
    Ok(inner)
}

/// The two inner systems at a state, factored.
struct Inner {
    /// `pi'[n,i,s]`.
    shares: Array3<f64>,
    price: Lu,
    spending: Lu,
}

/// `I - pi' gM`: prices respond to costs, costs to prices of inputs.
fn price_matrix(system: &System, shares: &Array3<f64>) -> Array2<f64> {
    let Layout { n, j, .. } = system.at;
    let mut matrix = Array2::eye(n * j);
    for ((m, i, s), &pi) in shares.indexed_iter().filter(|(_, pi)| **pi > 0.0) {
        for (k, gamma) in system.input_share(i, s).iter().enumerate() {
            matrix[[m * j + s, i * j + k]] -= pi * gamma;
        }
    }
    matrix
}

impl Inner {
    fn new(system: &System, state: &[f64], work: &Work) -> Result<Self, LinalgError> {
        let Layout { n, j, .. } = system.at;
        let shares = system.new_shares(state, work);
        let price = Lu::factor(price_matrix(system, &shares).view())?;
        // I - B: spending on `s` by `m` becomes output and so inputs, and revenue and so final demand.
        let mut matrix: Array2<f64> = Array2::eye(n * j);
        let final_share = system.all_final_shares(work);
        let spread = system.income_response(work);
        for s in 0..j {
            for m in 0..n {
                let column = m * j + s;
                let mut revenue = vec![0.0; n];
                for i in 0..n {
                    let pi = shares[[m, i, s]];
                    if pi == 0.0 {
                        continue;
                    }
                    let (border, producer) = system.kept(s, m, i);
                    revenue[m] += pi * (1.0 - border);
                    revenue[i] += pi * (border - producer);
                    for k in 0..j {
                        matrix[[i * j + k, column]] -= pi * producer * system.input_share(i, s)[k];
                    }
                }
                for c in 0..n {
                    let income: f64 = (0..n).map(|r| spread[[c, r]] * revenue[r]).sum();
                    if income != 0.0 {
                        for k in 0..j {
                            matrix[[c * j + k, column]] -= final_share[c * j + k] * income;
                        }
                    }
                }
            }
        }
        Ok(Self { shares, price, spending: Lu::factor(matrix.view())? })
    }

    /// `d ln(demand / supply)[n,f] / d ln w[m,g]` at a settled state.
    fn excess_jacobian(&self, system: &System, work: &Work) -> Result<Array2<f64>, LinalgError> {
        let Layout { n, j, f, .. } = system.at;
        let (cells, factors) = (n * j, n * f);
        let mut d_cost = Array2::<f64>::zeros((cells, factors));
        for i in 0..n {
            for s in 0..j {
                for g in 0..f {
                    d_cost[[i * j + s, i * f + g]] = system.factor_row(i, g)[s];
                }
            }
        }
        let mut right = Array2::<f64>::zeros((cells, factors));
        for s in 0..j {
            for m in 0..n {
                for i in 0..n {
                    for g in 0..f {
                        right[[m * j + s, i * f + g]] +=
                            self.shares[[m, i, s]] * d_cost[[i * j + s, i * f + g]];
                    }
                }
            }
        }
        let d_price = self.price.solve_many(right.view())?;
        for i in 0..n {
            for s in 0..j {
                for (k, gamma) in system.input_share(i, s).iter().enumerate() {
                    if *gamma > 0.0 {
                        let row = d_price.row(i * j + k).to_owned();
                        d_cost.row_mut(i * j + s).scaled_add(*gamma, &row);
                    }
                }
            }
        }
        // Direct effect on output and revenue at unchanged spending, from the change in trade shares.
        let mut d_output = Array2::<f64>::zeros((cells, factors));
        let mut d_revenue = Array2::<f64>::zeros((n, factors));
        for s in 0..j {
            let theta = system.parts.theta[s];
            for m in 0..n {
                for i in 0..n {
                    let value = self.shares[[m, i, s]] * work.x[m * j + s];
                    if value == 0.0 {
                        continue;
                    }
                    let (border, producer) = system.kept(s, m, i);
                    for c in 0..factors {
                        let d = -theta * value * (d_cost[[i * j + s, c]] - d_price[[m * j + s, c]]);
                        d_output[[i * j + s, c]] += producer * d;
                        d_revenue[[m, c]] += (1.0 - border) * d;
                        d_revenue[[i, c]] += (border - producer) * d;
                    }
                }
            }
        }
        for i in 0..n {
            for g in 0..f {
                d_revenue[[i, i * f + g]] += work.factor_income[i * f + g];
            }
        }
        let d_income = system.income_response(work).dot(&d_revenue);
        let final_share = system.all_final_shares(work);
        let mut d_spending = Array2::<f64>::zeros((cells, factors));
        for c in 0..factors {
            for i in 0..n {
                let mean: f64 = (0..j).map(|k| final_share[i * j + k] * d_price[[i * j + k, c]]).sum();
                for k in 0..j {
                    let tilt = (1.0 - system.parts.kappa) * (d_price[[i * j + k, c]] - mean);
                    d_spending[[i * j + k, c]] +=
                        final_share[i * j + k] * (d_income[[i, c]] + work.income[i] * tilt);
                }
                for s in 0..j {
                    let d = d_output[[i * j + s, c]];
                    for (k, gamma) in system.input_share(i, s).iter().enumerate() {
                        d_spending[[i * j + k, c]] += gamma * d;
                    }
                }
            }
        }
        let d_spending = self.spending.solve_many(d_spending.view())?;
        for s in 0..j {
            for m in 0..n {
                for i in 0..n {
                    let pi = self.shares[[m, i, s]];
                    if pi > 0.0 {
                        let kept = pi * system.kept(s, m, i).1;
                        let row = d_spending.row(m * j + s).to_owned();
                        d_output.row_mut(i * j + s).scaled_add(kept, &row);
                    }
                }
            }
        }
        let mut jacobian = Array2::<f64>::zeros((factors, factors));
        for i in 0..n {
            for g in 0..f {
                let row = i * f + g;
                if system.endowment_value[row] <= 0.0 {
                    continue;
                }
                for s in 0..j {
                    let share = system.factor_row(i, g)[s] / work.factor_demand[row];
                    if share > 0.0 {
                        let d = d_output.row(i * j + s).to_owned();
                        jacobian.row_mut(row).scaled_add(share, &d);
                    }
                }
                jacobian[[row, row]] -= 1.0;
            }
        }
        Ok(jacobian)
    }
}

impl System<'_> {
    /// How income responds to income before transfers, `dI[n] / dR[m]`, at the last sweep.
    fn income_response(&self, work: &Work) -> Array2<f64> {
        let n = self.at.n;
        match &self.deficit {
            DeficitRule::Levels(_) => Array2::eye(n),
            DeficitRule::ShareOfIncome(share) => {
                let own: Vec<f64> = work.income.iter().zip(&work.deficit).map(|(i, d)| i - d).collect();
                let total: f64 = own.iter().sum();
                let missing = share.iter().zip(&own).map(|(d, r)| d * r).sum::<f64>() / total;
                Array2::from_shape_fn((n, n), |(a, b)| {
                    let own_effect = if a == b { 1.0 + share[a] - missing } else { 0.0 };
                    own_effect - own[a] * (share[b] - missing) / total
                })
            }
        }
    }

    fn input_share(&self, i: usize, s: usize) -> &[f64] {
        let Layout { j, .. } = self.at;
        &self.inputs_of(i)[s * j..(s + 1) * j]
    }

    /// What is kept at the border and by the producer of one unit that the purchaser spends.
    fn kept(&self, s: usize, m: usize, i: usize) -> (f64, f64) {
        match &self.markets[s] {
            Market::Domestic { keep_border, keep_producer, .. } => (keep_border[i], keep_producer[i]),
            Market::Traded { g, border, producer, .. } => {
                let at = m * self.at.n + i;
                let border = border.as_ref().map_or(1.0, |b| b.at(at) / g.at(at));
                (border, producer.as_ref().map_or(border, |p| p.at(at) / g.at(at)))
            }
        }
    }

    /// `ln(demand / supply)` of every factor at the last sweep.
    fn excess(&self, work: &Work) -> Array1<f64> {
        let pairs = work.factor_demand.iter().zip(&work.factor_income).zip(&self.endowment_value);
        pairs.map(|((d, s), v)| if *v > 0.0 { (d / s).ln().clamp(-50.0, 50.0) } else { 0.0 }).collect()
    }

    fn all_final_shares(&self, work: &Work) -> Vec<f64> {
        let Layout { n, j, .. } = self.at;
        let mut shares = vec![0.0; n * j];
        for i in 0..n {
            self.final_shares(i, &work.ln_price[i * j..(i + 1) * j], &mut shares[i * j..(i + 1) * j]);
        }
        shares
    }

    /// Scales factor prices so that world factor income is the numeraire.
    fn renumerate(&self, state: &mut [f64]) {
        let world = self.fixed.world_income;
        let w = self.at.split_mut(state).factor;
        let value: f64 = self.endowment_value.iter().zip(w.iter()).map(|(v, l)| v * l.exp()).sum();
        w.iter_mut()
            .zip(&self.endowment_value)
            .filter(|(_, v)| **v > 0.0)
            .for_each(|(w, _)| *w += (world / value).ln());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::equilibrium::constants::Constants;
    use crate::equilibrium::system::Plain;
    use crate::shock::{Deficits, Shock};
    use crate::synthetic::Recipe;

    #[test]
    fn the_jacobian_is_that_of_excess_demand() {
        let mut state = 1_u64;
        let mut uniform = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 11) as f64 / (1_u64 << 53) as f64
        };
        for (kappa, deficits) in
            [(1.0, Deficits::Fixed), (0.6, Deficits::ShareOfIncome), (1.7, Deficits::Zero)]
        {
            let economy = Recipe::new(3, 3, 2).draw(&mut uniform).unwrap();
            let mut parts = economy.into_parts();
            parts.kappa = kappa;
            let income = parts.income();
            let tariff = parts.tariff.mapv(|t| t + 0.05);
            let shock = Shock { tariff: Some(tariff), deficits, ..Shock::default() };
            let fixed = Constants::new(&parts, parts.proceeds().output);
            let system = System::new(&parts, &fixed, &income, &shock, &Plain).unwrap();
            let mut work = Work::new(&system);
            // Somewhere away from the baseline and from the equilibrium.
            let mut at = system.baseline();
            for (k, w) in system.at.split_mut(&mut at).factor.iter_mut().enumerate() {
                *w += 0.1 * (k as f64).sin();
            }
            // The matrix for expenditure is made before expenditure is settled, and deficits that are shares of income enter it:
            // settled twice it is the one of this state.
            settle(&system, &mut at, &mut work).unwrap();
            let inner = settle(&system, &mut at, &mut work).unwrap();
            // Walras: goods markets clear and budgets hold, so that what some factors lack others have too much of.
            if kappa != 0.6 {
                let gaps = || work.factor_demand.iter().zip(&work.factor_income).map(|(d, s)| d - s);
                let (sum, size) = (gaps().sum::<f64>(), gaps().map(f64::abs).sum::<f64>());
                assert!(
                    sum.abs() < 1e-10 * fixed.world_income && size > 1e-2 * fixed.world_income,
                    "{sum} {size}"
                );
            }
            let exact = inner.excess_jacobian(&system, &work).unwrap();
            let size = exact.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
            let h = 1e-5;
            for c in 0..exact.ncols() {
                let [high, low] = [h, -h].map(|by| {
                    let mut moved = at.clone();
                    system.at.split_mut(&mut moved).factor[c] += by;
                    settle(&system, &mut moved, &mut work).unwrap();
                    system.excess(&work)
                });
                let numeric = (high - low) / (2.0 * h);
                for (e, n) in exact.column(c).iter().zip(&numeric) {
                    assert!((e - n).abs() < 1e-8 * size, "kappa {kappa}, factor {c}: {e} {n}");
                }
            }
        }
    }
}
