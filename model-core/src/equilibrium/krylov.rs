//! Newton's method on the whole state, where the accelerated fixed point stalls on critical inputs and restrictions.
//!
//! With `F(u)` the sweep in which every unknown answers its own condition, a step solves `(I - F'(u)) d = F(u) - u`. The matrix is
//! never formed: a sweep in dual numbers gives its product with a direction, and GMRES (Saad and Schultz 1986) needs no more. As
//! in [`super::newton`] a step is an implicit Euler step of `du / dt = F(u) - u` that lengthens into Newton's as the gap falls
//! (Kelley and Keyes 1998).

use super::jet::Dual;
use super::observer::{Phase, SolverSettings};
use super::scalar::{Scalar, add_rows, dot};
use super::solve::{Record, limit, weights};
use super::sweep::Work;
use super::system::System;

/// Products with the Jacobian in a step, and the share of the first residual at which they end.
const MAX_PRODUCTS: usize = 200;
const ENOUGH: f64 = 1e-4;

/// The first step of pseudo-time, what it may shrink to, and by how much it may lengthen at once.
const FIRST_STEP: f64 = 10.0;
const LEAST_STEP: f64 = 1e-3;
const LONGER: f64 = 100.0;

/// By how much the gap may grow in a step.
const GROWTH: f64 = 1.5;

/// Returns whether it converged from `state`, which then belongs together with `work`. `dual` is the same system in dual numbers,
/// none of its parameters moving.
pub(super) fn newton_krylov(
    system: &System,
    dual: &System<Dual>,
    state: &mut [f64],
    settings: &SolverSettings,
    record: &mut Record,
    work: &mut Work,
) -> bool {
    let weight = weights(system);
    let mut dual_work = Work::new(dual);
    let (mut image, mut there) = (vec![0.0; state.len()], vec![0.0; state.len()]);
    let mut trial = state.to_vec();
    let mut residual = system.sweep_apart(state, &mut image, work);
    let mut time = FIRST_STEP;
    for _ in 0..settings.max_newton_steps {
        record.add(Phase::Newton, state, residual);
        if residual.max() <= settings.tolerance {
            return true;
        }
        let gap = weighted(&image, state, &weight);
        let size = norm(&gap);
        loop {
            let step = gmres(&gap, |direction| {
                let mut product = moved(dual, state, direction, &weight, &mut dual_work);
                // (I / time + I - F') d
                product.iter_mut().zip(direction).for_each(|(p, d)| *p = (1.0 + 1.0 / time) * d - *p);
                product
            });
            for (((trial, u), d), w) in trial.iter_mut().zip(state.iter()).zip(&step).zip(&weight) {
                *trial = u + d / w;
            }
            limit(system, &mut trial, state, &image);
            let found = system.sweep_apart(&trial, &mut there, work);
            let now = norm(&weighted(&there, &trial, &weight));
            if now < GROWTH * size || found.max() <= settings.tolerance {
                time *= (2.0 * size / now).clamp(0.5, LONGER);
                state.copy_from_slice(&trial);
                std::mem::swap(&mut image, &mut there);
                residual = found;
                break;
            }
            time *= 0.2;
            if time < LEAST_STEP {
                return false;
            }
        }
    }
    false
}

/// `F(u) - u` in the units of the least-squares problem.
fn weighted(image: &[f64], state: &[f64], weight: &[f64]) -> Vec<f64> {
    image.iter().zip(state).zip(weight).map(|((f, u), w)| (f - u) * w).collect()
}

/// `F'(u) d`, both in the units of the least-squares problem.
fn moved(
    system: &System<Dual>,
    state: &[f64],
    direction: &[f64],
    weight: &[f64],
    work: &mut Work<Dual>,
) -> Vec<f64> {
    let each = state.iter().zip(direction).zip(weight);
    let moved: Vec<Dual> = each.map(|((u, d), w)| Dual::new(*u, d / w)).collect();
    let mut image = moved.clone();
    system.sweep_apart(&moved, &mut image, work);
    image.iter().zip(weight).map(|(f, w)| f.tangents()[0] * w).collect()
}

fn norm(v: &[f64]) -> f64 {
    dot(v, v).sqrt()
}

/// Solves `A x = b`, `A` being known by its products alone: to [`ENOUGH`], or as far as [`MAX_PRODUCTS`] lead.
fn gmres(b: &[f64], mut product: impl FnMut(&[f64]) -> Vec<f64>) -> Vec<f64> {
    let size = norm(b);
    let mut basis = vec![b.iter().map(|v| v / size).collect::<Vec<f64>>()];
    // The Hessenberg matrix made upper triangular by rotations, column by column, and the right-hand side turned with it.
    let mut triangle: Vec<Vec<f64>> = Vec::new();
    let mut rotations: Vec<(f64, f64)> = Vec::new();
    let mut right = vec![size];
    for k in 0..MAX_PRODUCTS.min(b.len()) {
        let mut next = product(&basis[k]);
        let mut column = Vec::with_capacity(k + 1);
        for known in &basis {
            let along = dot(&next, known);
            next.iter_mut().zip(known).for_each(|(n, v)| *n -= along * v);
            column.push(along);
        }
        let left = norm(&next);
        for (r, (cosine, sine)) in rotations.iter().enumerate() {
            let (above, below) = (column[r], column[r + 1]);
            column[r] = cosine * above + sine * below;
            column[r + 1] = cosine * below - sine * above;
        }
        let radius = column[k].hypot(left);
        if !(radius > 0.0 && radius.is_finite()) {
            break;
        }
        let (cosine, sine) = (column[k] / radius, left / radius);
        column[k] = radius;
        triangle.push(column);
        rotations.push((cosine, sine));
        right.push(-sine * right[k]);
        right[k] *= cosine;
        if right[k + 1].abs() <= ENOUGH * size {
            break;
        }
        next.iter_mut().for_each(|v| *v /= left);
        basis.push(next);
    }
    let mut share = right[..triangle.len()].to_vec();
    for k in (0..triangle.len()).rev() {
        share[k] /= triangle[k][k];
        for r in 0..k {
            share[r] -= triangle[k][r] * share[k];
        }
    }
    let mut x = vec![0.0; b.len()];
    basis.iter().zip(&share).for_each(|(v, share)| add_rows(&[*share], v, &mut x));
    x
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gmres_solves_what_it_knows_by_products_alone() {
        let a = [[4.0, 1.0, -2.0], [0.5, -3.0, 1.0], [2.0, 0.0, 5.0]];
        let exact = [1.0, -2.0, 0.5];
        let times = |x: &[f64]| a.iter().map(|row| dot(row, x)).collect::<Vec<f64>>();
        let found = gmres(&times(&exact), times);
        for (found, exact) in found.iter().zip(exact) {
            assert!((found - exact).abs() < 1e-12, "{found} {exact}");
        }
    }
}
