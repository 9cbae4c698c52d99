//! The textbook algorithm as a reference: the same model written down a second time, in levels, with plain loops and damped
//! iteration. It shares no code with the solver that it checks, and pays no heed to speed.

// Loops over countries, sectors and factors by their number, as in the equations.
#![allow(clippy::needless_range_loop)]

use crate::largest;
use model_core::{Buyers, Deficits, Diffusion, Economy, Limit, ResearchCost, Restriction, Shock, Technology};

/// What the reference finds.
#[derive(Debug, Clone)]
pub struct Found {
    /// `P^[n][j]`.
    pub price: Vec<Vec<f64>>,
    /// `w^[n][f]`.
    pub factor_price: Vec<Vec<f64>>,
    /// `Y'[i][j]`.
    pub output: Vec<Vec<f64>>,
    /// `W^[n]`.
    pub real_income: Vec<f64>,
    /// `mu` of each restriction.
    pub wedge: Vec<f64>,
    /// `A_R^[i][j]`.
    pub augmentation: Vec<Vec<f64>>,
    /// Rounds that it took.
    pub rounds: usize,
}

fn table(rows: usize, columns: usize, value: f64) -> Vec<Vec<f64>> {
    vec![vec![value; columns]; rows]
}

fn covers(restriction: &Restriction, n: usize) -> bool {
    match &restriction.buyers {
        Buyers::Everyone => true,
        Buyers::Abroad => n != restriction.exporter,
        Buyers::Only(list) => list.contains(&n),
    }
}

/// A constant-elasticity index of prices with weights that sum to one.
fn index(weights: &[f64], prices: &[f64], elasticity: f64) -> f64 {
    if (elasticity - 1.0).abs() < 1e-9 {
        return weights.iter().zip(prices).map(|(a, p)| p.powf(*a)).product();
    }
    let rho = 1.0 - elasticity;
    let sum: f64 = weights.iter().zip(prices).filter(|(a, _)| **a > 0.0).map(|(a, p)| a * p.powf(rho)).sum();
    sum.powf(1.0 / rho)
}

/// The equilibrium, if damped iteration gets there within `most` rounds: every condition holds to `tolerance`, relative.
///
/// # Panics
/// For what it does not know: tastes other than Cobb-Douglas, diffusion between some countries only.
pub fn solve(economy: &Economy, shock: &Shock, tolerance: f64, most: usize) -> Option<Found> {
    assert!(economy.kappa() == 1.0, "the reference has Cobb-Douglas tastes");
    let dims = economy.dims();
    let (n, j, f) = (dims.countries, dims.sectors, dims.factors);
    let theta = economy.theta();
    let tariff = shock.tariff.as_ref().unwrap_or(economy.tariff());
    let export_tax = shock.export_tax.as_ref().unwrap_or(economy.export_tax());
    let output0 = economy.output();
    let (income0, deficit0) = (economy.income(), economy.deficit());
    let critical = economy.critical();
    let elements: Vec<usize> = critical.map_or_else(Vec::new, |c| c.sectors.clone());
    let joint = critical.is_some_and(|c| c.joint_products) && elements.len() > 1;
    let share0 = economy.critical_share();
    let world: f64 = economy.factor_income().sum();
    let slow = 0.25 / (1.0 + theta.iter().copied().fold(0.0, f64::max));

    let mut alpha = table(n, j, 0.0);
    for m in 0..n {
        for k in 0..j {
            let taste = shock.preference_hat.as_ref().map_or(1.0, |hat| hat[[m, k]]);
            alpha[m][k] = economy.final_share()[[m, k]] * taste;
        }
        let total: f64 = alpha[m].iter().sum();
        alpha[m].iter_mut().for_each(|a| *a /= total);
    }
    let mut volume0 = vec![0.0; shock.restrictions.len()];
    for (restriction, volume) in shock.restrictions.iter().zip(&mut volume0) {
        let (i, k) = (restriction.exporter, restriction.sector);
        for m in (0..n).filter(|m| covers(restriction, *m)) {
            *volume += economy.expenditure()[[m, k]] * economy.trade_share()[[m, i, k]]
                / (1.0 + economy.tariff()[[m, i, k]])
                / (1.0 + economy.export_tax()[[m, i, k]]);
        }
    }

    let mut price = table(n, j, 1.0);
    let mut wage = table(n, f, 1.0);
    let mut spending: Vec<Vec<f64>> =
        (0..n).map(|m| (0..j).map(|k| economy.expenditure()[[m, k]]).collect()).collect();
    let mut wedge = vec![1.0_f64; shock.restrictions.len()];
    let mut lambda = table(n, j, 1.0);
    // Research on the critical input and on everything else.
    let (mut effort, mut other_effort) = (table(n, j, 1.0), table(n, j, 1.0));

    for round in 1..=most {
        let mut worst = 0.0_f64;
        // Technology.
        let (mut a_critical, mut a_other) = (table(n, j, 1.0), table(n, j, 1.0));
        if let Some(given) = &shock.augmentation {
            for i in 0..n {
                for s in 0..j {
                    (a_critical[i][s], a_other[i][s]) = (given.critical[[i, s]], given.other[[i, s]]);
                }
            }
        }
        if let Some(innovation) = shock.technology.innovation() {
            for i in 0..n {
                for s in 0..j {
                    let accessible = |stock: &dyn Fn(usize) -> f64| match &innovation.diffusion {
                        Diffusion::National => stock(i),
                        Diffusion::Global => {
                            let weight = |m: usize| share0[[m, s]] * output0[[m, s]];
                            let total: f64 = (0..n).map(weight).sum();
                            if total > 0.0 {
                                (0..n).map(|m| weight(m) * stock(m)).sum::<f64>() / total
                            } else {
                                stock(i)
                            }
                        }
                        _ => panic!("the reference does not know this diffusion"),
                    };
                    let own = accessible(&|m| effort[m][s].powf(innovation.lambda));
                    let rest = accessible(&|m| other_effort[m][s].powf(innovation.lambda));
                    a_critical[i][s] *= own.powf(innovation.phi);
                    a_other[i][s] *= rest.powf(innovation.phi) * own.powf(innovation.xi);
                }
            }
        }
        // Costs and the shares of the critical inputs in them.
        let mut cost = table(n, j, 1.0);
        let mut share = table(n, j, 0.0);
        let mut within = vec![table(j, elements.len(), 0.0); n];
        for i in 0..n {
            for s in 0..j {
                let s0 = share0[[i, s]];
                let mut rest = 1.0;
                for k in (0..j).filter(|k| !elements.contains(k)) {
                    rest *= price[i][k].powf(economy.input_share()[[i, s, k]]);
                }
                for g in 0..f {
                    rest *= wage[i][g].powf(economy.factor_share()[[i, s, g]]);
                }
                cost[i][s] = rest;
                if let Some(critical) = critical.filter(|_| s0 > 0.0) {
                    let mu: Vec<f64> =
                        elements.iter().map(|e| economy.input_share()[[i, s, *e]] / s0).collect();
                    let p: Vec<f64> = elements.iter().map(|e| price[i][*e]).collect();
                    let bundle = index(&mu, &p, critical.element_sigma);
                    for (e, part) in within[i][s].iter_mut().enumerate() {
                        *part = mu[e] * (p[e] / bundle).powf(1.0 - critical.element_sigma);
                    }
                    let pair = [
                        bundle / a_critical[i][s],
                        if s0 < 1.0 { rest.powf(1.0 / (1.0 - s0)) / a_other[i][s] } else { 1.0 },
                    ];
                    cost[i][s] = index(&[s0, 1.0 - s0], &pair, critical.sigma[s]);
                    share[i][s] = s0 * (pair[0] / cost[i][s]).powf(1.0 - critical.sigma[s]);
                }
                cost[i][s] /= shock.productivity_hat.as_ref().map_or(1.0, |hat| hat[[i, s]]);
                cost[i][s] *= lambda[i][s];
            }
        }
        // Trade.
        let mu = |m: usize, i: usize, k: usize| -> f64 {
            let pairs = shock.restrictions.iter().zip(&wedge);
            pairs
                .filter(|(r, _)| r.sector == k && r.exporter == i && covers(r, m))
                .map(|(_, wedge)| *wedge)
                .product()
        };
        let mut new_price = price.clone();
        let mut output = table(n, j, 0.0);
        let (mut revenue, mut volume) = (vec![0.0; n], vec![0.0; wedge.len()]);
        for m in 0..n {
            for k in 0..j {
                let delivered: Vec<f64> = (0..n)
                    .map(|i| {
                        let change = (1.0 + tariff[[m, i, k]]) / (1.0 + economy.tariff()[[m, i, k]])
                            * (1.0 + export_tax[[m, i, k]])
                            / (1.0 + economy.export_tax()[[m, i, k]]);
                        let iceberg = shock.iceberg_hat.as_ref().map_or(1.0, |hat| hat[[m, i, k]]);
                        cost[i][k] * change * iceberg * mu(m, i, k)
                    })
                    .collect();
                let weight: Vec<f64> = (0..n)
                    .map(|i| match economy.trade_share()[[m, i, k]] {
                        0.0 => 0.0,
                        share => share * delivered[i].powf(-theta[k]),
                    })
                    .collect();
                let sum: f64 = weight.iter().sum();
                if sum == 0.0 {
                    continue;
                }
                new_price[m][k] = sum.powf(-1.0 / theta[k]);
                for i in (0..n).filter(|i| weight[*i] > 0.0) {
                    let paid = spending[m][k] * weight[i] / sum;
                    let border = paid / (1.0 + tariff[[m, i, k]]);
                    let producer = border / (1.0 + export_tax[[m, i, k]]) / mu(m, i, k);
                    output[i][k] += producer;
                    revenue[m] += paid - border;
                    revenue[i] += border - producer;
                    for (l, restriction) in shock.restrictions.iter().enumerate() {
                        if restriction.sector == k && restriction.exporter == i && covers(restriction, m) {
                            volume[l] += producer / cost[i][k];
                            let all = mu(m, i, k);
                            if all > 1.0 {
                                let rent = producer * (all - 1.0) * wedge[l].ln() / all.ln();
                                revenue[i] -= restriction.rent_share * rent;
                                revenue[m] += restriction.rent_share * rent;
                            }
                        }
                    }
                }
            }
        }
        // Income.
        let mut endowment = table(n, f, 0.0);
        let mut total = 0.0;
        for i in 0..n {
            for g in 0..f {
                let hat = shock.endowment_hat.as_ref().map_or(1.0, |hat| hat[[i, g]]);
                endowment[i][g] = economy.factor_income()[[i, g]] * hat;
                total += endowment[i][g] * wage[i][g];
            }
        }
        let mut income: Vec<f64> =
            (0..n).map(|i| revenue[i] + (0..f).map(|g| endowment[i][g] * wage[i][g]).sum::<f64>()).collect();
        let deficit: Vec<f64> = match &shock.deficits {
            Deficits::Fixed => deficit0.to_vec(),
            Deficits::Zero => vec![0.0; n],
            Deficits::Levels(levels) => levels.to_vec(),
            Deficits::ShareOfIncome => {
                let d: Vec<f64> = (0..n).map(|m| deficit0[m] / (income0[m] - deficit0[m])).collect();
                let missing: f64 =
                    d.iter().zip(&income).map(|(d, r)| d * r).sum::<f64>() / income.iter().sum::<f64>();
                (0..n).map(|m| income[m] * (d[m] - missing)).collect()
            }
            _ => panic!("the reference does not know this deficit rule"),
        };
        income.iter_mut().zip(&deficit).for_each(|(i, d)| *i += d);
        // What is bought, and what is paid to factors.
        let mut bought = table(n, j, 0.0);
        let mut paid = table(n, f, 0.0);
        for i in 0..n {
            for k in 0..j {
                bought[i][k] += alpha[i][k] * income[i];
            }
            for s in 0..j {
                let s0 = share0[[i, s]];
                let keep = if s0 < 1.0 { (1.0 - share[i][s]) / (1.0 - s0) } else { 0.0 };
                for k in (0..j).filter(|k| !elements.contains(k)) {
                    bought[i][k] += economy.input_share()[[i, s, k]] * keep * output[i][s];
                }
                for (e, k) in elements.iter().enumerate() {
                    bought[i][*k] += share[i][s] * within[i][s][e] * output[i][s];
                }
                for g in 0..f {
                    paid[i][g] += economy.factor_share()[[i, s, g]] * keep * output[i][s];
                }
            }
        }
        // How far everything is from where it should be, and a step there.
        let mut miss = |gap: f64| worst = largest([worst, gap]);
        for i in 0..n {
            for k in 0..j {
                miss((new_price[i][k] / price[i][k]).ln());
                if bought[i][k] > 0.0 || spending[i][k] > 0.0 {
                    miss((bought[i][k] - spending[i][k]) / spending[i][k].max(1e-300));
                }
            }
            for g in 0..f {
                if endowment[i][g] > 0.0 {
                    let excess = (paid[i][g] / (endowment[i][g] * wage[i][g])).ln();
                    miss(excess);
                    wage[i][g] *= (slow * excess).exp() * world / total;
                }
            }
            for s in (0..j).filter(|s| share0[[i, *s]] > 0.0 && output0[[i, *s]] > 0.0) {
                let Some(innovation) = shock.technology.innovation() else { continue };
                let cheaper = shock.research_cost_hat.as_ref().map_or(1.0, |hat| hat[i]);
                let (s0, s1) = (share0[[i, s]], share[i][s]);
                let (target, other) = match &shock.technology {
                    Technology::FixedResearchers(_) => {
                        let odds = s1 / (1.0 - s1) / (s0 / (1.0 - s0)) / cheaper;
                        (odds / (1.0 + s0 * (odds - 1.0)), 1.0 / (1.0 + s0 * (odds - 1.0)))
                    }
                    _ => {
                        let cost = match innovation.paid_in {
                            ResearchCost::FinalGood => {
                                (0..j).map(|k| price[i][k].powf(alpha[i][k])).product()
                            }
                            ResearchCost::Factor(g) => wage[i][g],
                        };
                        (s1 * output[i][s] / (s0 * output0[[i, s]]) / cost / cheaper, 1.0)
                    }
                };
                miss((target / effort[i][s]).ln());
                effort[i][s] *= (target / effort[i][s]).powf(0.2);
                other_effort[i][s] *= (other / other_effort[i][s]).powf(0.2);
            }
            let made: f64 = elements.iter().map(|e| output0[[i, *e]]).sum();
            if joint && made > 0.0 {
                let process = elements.iter().map(|e| output[i][*e]).sum::<f64>() / made;
                for &e in elements.iter().filter(|e| output0[[i, **e]] > 0.0) {
                    let target = (output[i][e] / output0[[i, e]] / process).max(0.01);
                    miss((target / lambda[i][e]).ln());
                    lambda[i][e] *= (target / lambda[i][e]).powf(slow);
                }
            }
        }
        miss((total / world).ln());
        for (l, restriction) in shock.restrictions.iter().enumerate() {
            match restriction.limit {
                Limit::Wedge(value) => {
                    miss((value / wedge[l]).ln());
                    wedge[l] = value;
                }
                Limit::Volume(limit) => {
                    let excess = (volume[l] / (limit * volume0[l])).ln();
                    miss(wedge[l].ln().min(-excess));
                    wedge[l] = (wedge[l] * (slow * excess).exp()).max(1.0);
                }
            }
        }
        if worst <= tolerance {
            let real_income = (0..n)
                .map(|m| {
                    let index: f64 = (0..j).map(|k| price[m][k].powf(alpha[m][k])).product();
                    income[m] / income0[m] / index
                })
                .collect();
            return Some(Found {
                price,
                factor_price: wage,
                output,
                real_income,
                wedge,
                augmentation: a_critical,
                rounds: round,
            });
        }
        if !worst.is_finite() {
            return None;
        }
        price = new_price;
        for (x, new) in spending.iter_mut().flatten().zip(bought.iter().flatten()) {
            *x += 0.7 * (new - *x);
        }
    }
    None
}
