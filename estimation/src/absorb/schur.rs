//! Conjugate gradients on every effect but the largest.
//!
//! Given the other effects, the largest one is a matter of group means. Putting those in leaves the normal
//! equations `S c = b` of the other effects alone, `S = D2' W^(1/2) (I - P1) W^(1/2) D2`, of which a pass over the
//! rows, taken group by group, is a product: the rows of a group are read together, the other effects' values are
//! few and stay in cache, and all variables are carried along as lanes of one pass. With the diagonal of `D2' W D2`
//! as preconditioner the iteration is alternating projections, accelerated.
//!
//! Rows are cut into blocks by their number, not by the number of threads, and what blocks add up is added in
//! order: the bits are the same on any machine.

use std::ops::Range;

use rayon::prelude::*;

use super::graph::Graph;
use super::lanes::{Lanes, dot};
use super::layout::{Balance, Layout};

/// Rounds of conjugate gradients, each started from what rounding in the last one left.
const ROUNDS: usize = 4;

/// Iterations after which progress is judged.
const TRIAL: usize = 12;

/// What is below this share of a variable's own length is rounding.
const ROUNDING: f64 = 1e-13;

/// What multiplies residuals in the iteration.
pub(super) enum Preconditioner<'g> {
    /// The diagonal of `D2' W D2`.
    Diagonal,
    /// Factored Laplacians.
    Graph(&'g Graph),
}

impl Preconditioner<'_> {
    fn apply<const L: usize>(&self, layout: &Layout, balance: &Balance<'_>, r: &[Lanes<L>]) -> Vec<Lanes<L>> {
        match self {
            Self::Diagonal => {
                r.iter().zip(&balance.unknowns).map(|(r, d)| Lanes(r.0.map(|r| r * d))).collect()
            }
            Self::Graph(graph) => graph.apply(layout, r),
        }
    }
}

/// How a demeaning went.
pub(super) struct Progress {
    /// The variables that have not converged.
    pub(super) stalled: Vec<bool>,
    pub(super) iterations: usize,
}

impl Layout {
    /// Takes the effects out of the variables, in place; says which have not converged after `limit` iterations.
    pub(super) fn demean(
        &self,
        balance: &Balance<'_>,
        preconditioner: &Preconditioner<'_>,
        variables: &mut [&mut [f64]],
        tolerance: f64,
        limit: usize,
    ) -> Progress {
        let mut progress = Progress { stalled: Vec::with_capacity(variables.len()), iterations: 0 };
        let mut rest = variables;
        while !rest.is_empty() {
            let lanes = match rest.len() {
                1 => 1,
                2 => 2,
                n => n.min(4),
            };
            let (now, later) = rest.split_at_mut(lanes);
            let mut solve = |columns: &mut [&mut [f64]]| {
                let stop = Stop { tolerance, limit };
                let (stalled, iterations) = match lanes {
                    1 => self.run::<1>(balance, preconditioner, columns, stop).report(),
                    2 => self.run::<2>(balance, preconditioner, columns, stop).report(),
                    _ => self.run::<4>(balance, preconditioner, columns, stop).report(),
                };
                progress.stalled.extend(stalled.into_iter().take(columns.len()));
                progress.iterations = progress.iterations.max(iterations);
            };
            match &self.order {
                None => solve(now),
                Some((_, position)) => {
                    let mut arranged: Vec<Vec<f64>> =
                        now.iter().map(|v| self.arrange(v).into_owned()).collect();
                    let mut columns: Vec<&mut [f64]> = arranged.iter_mut().map(Vec::as_mut_slice).collect();
                    solve(&mut columns);
                    for (target, source) in now.iter_mut().zip(&arranged) {
                        target.par_iter_mut().zip(position).for_each(|(t, &p)| *t = source[p as usize]);
                    }
                }
            }
            rest = later;
        }
        progress
    }

    /// The effects' values for a variable, effect by effect, or nothing when it did not converge.
    pub(super) fn effects_of(
        &self,
        balance: &Balance<'_>,
        preconditioner: &Preconditioner<'_>,
        variable: &[f64],
        tolerance: f64,
        limit: usize,
    ) -> Option<Vec<Vec<f64>>> {
        let source = self.arrange(variable);
        let mut net = source.clone().into_owned();
        let outcome = self.run::<1>(balance, preconditioner, &mut [&mut net], Stop { tolerance, limit });
        if outcome.stalled[0] {
            return None;
        }
        let mut values: Vec<Vec<f64>> = self
            .offsets
            .windows(2)
            .map(|w| outcome.unknowns[w[0] as usize..w[1] as usize].iter().map(|c| c.0[0]).collect())
            .collect();
        let mut means = vec![0.0; self.levels.len()];
        for (g, &level) in self.levels.iter().enumerate() {
            let mut sum = 0.0;
            for position in self.rows(&(g..g + 1)) {
                let w = balance.weight(position);
                let codes = &self.codes[position * self.others..(position + 1) * self.others];
                sum += w
                    * (source[position]
                        - codes.iter().map(|&c| outcome.unknowns[c as usize].0[0]).sum::<f64>());
            }
            means[level as usize] = sum * balance.groups[g];
        }
        values.insert(self.largest, means);
        Some(values)
    }

    fn run<const L: usize>(
        &self,
        balance: &Balance<'_>,
        preconditioner: &Preconditioner<'_>,
        columns: &mut [&mut [f64]],
        stop: Stop,
    ) -> Outcome<L> {
        match self.others {
            1 => self.solve::<L, 1>(balance, preconditioner, columns, stop),
            2 => self.solve::<L, 2>(balance, preconditioner, columns, stop),
            3 => self.solve::<L, 3>(balance, preconditioner, columns, stop),
            _ => self.solve::<L, 4>(balance, preconditioner, columns, stop),
        }
    }

    fn solve<const L: usize, const M: usize>(
        &self,
        balance: &Balance<'_>,
        preconditioner: &Preconditioner<'_>,
        columns: &mut [&mut [f64]],
        stop: Stop,
    ) -> Outcome<L> {
        let mut total = vec![Lanes([0.0; L]); self.unknowns()];
        let mut iterations = 0;
        let mut start = self.project::<L, M>(balance, columns, None);
        let floor = start.length.map(|l| l * ROUNDING * ROUNDING);
        let mut stalled = [false; L];
        for round in 0..=ROUNDS {
            let z = preconditioner.apply(self, balance, &start.right);
            let size = dot(&start.right, &z);
            // Rounding may keep a last round from its goal; a factor of ten is not worth an error.
            let slack = if round == ROUNDS { 100.0 } else { 2.0 };
            let goal = |l: usize| stop.tolerance * stop.tolerance * start.net[l] + floor[l];
            stalled = std::array::from_fn(|l| l < columns.len() && size[l] > slack * goal(l));
            if round == ROUNDS || iterations >= stop.limit || !stalled.contains(&true) {
                break;
            }
            let step = Stop { limit: stop.limit - iterations, ..stop };
            let search = Search { size, direction: z, open: stalled, floor };
            let (solution, used) =
                self.conjugate_gradients::<L, M>(balance, preconditioner, &start, search, step);
            iterations += used;
            total.iter_mut().zip(&solution).for_each(|(t, s)| *t += *s);
            start = self.project::<L, M>(balance, columns, Some(&solution));
        }
        Outcome { unknowns: total, stalled, iterations }
    }

    /// Also stops when progress so far says that the limit would not be enough.
    fn conjugate_gradients<const L: usize, const M: usize>(
        &self,
        balance: &Balance<'_>,
        preconditioner: &Preconditioner<'_>,
        start: &Projected<L>,
        search: Search<L>,
        stop: Stop,
    ) -> (Vec<Lanes<L>>, usize) {
        let Search { mut size, mut direction, mut open, floor } = search;
        let mut residual = start.right.clone();
        let mut length = start.net;
        let mut solution = vec![Lanes([0.0; L]); residual.len()];
        let first = size;
        for iteration in 1..=stop.limit {
            let image = self.product::<L, M>(balance, &direction);
            let curvature = dot(&direction, &image);
            let step: [f64; L] =
                std::array::from_fn(
                    |l| {
                        if open[l] && curvature[l] > 0.0 { size[l] / curvature[l] } else { 0.0 }
                    },
                );
            for (((s, r), p), q) in solution.iter_mut().zip(&mut residual).zip(&direction).zip(&image) {
                s.add_scaled(&step, p);
                r.add_scaled(&step.map(|step| -step), q);
            }
            let z = preconditioner.apply(self, balance, &residual);
            let next = dot(&residual, &z);
            let mut turn = [0.0; L];
            let mut hopeless = false;
            for l in 0..L {
                length[l] = (length[l] - step[l] * size[l]).max(0.0);
                turn[l] = if step[l] > 0.0 { next[l] / size[l] } else { 0.0 };
                let goal = stop.tolerance * stop.tolerance * length[l] + floor[l];
                open[l] = step[l] > 0.0 && next[l] > goal;
                if open[l] && iteration >= TRIAL {
                    let pace = (first[l] / next[l]).ln().max(f64::MIN_POSITIVE) / iteration as f64;
                    hopeless |= (next[l] / goal).ln() / pace > (stop.limit - iteration) as f64;
                }
            }
            if hopeless || !open.contains(&true) {
                return (solution, if hopeless { stop.limit } else { iteration });
            }
            size = next;
            for (p, z) in direction.iter_mut().zip(&z) {
                *p = Lanes(std::array::from_fn(|l| z.0[l] + turn[l] * p.0[l]));
            }
        }
        (solution, stop.limit)
    }

    /// `S p`.
    fn product<const L: usize, const M: usize>(
        &self,
        balance: &Balance<'_>,
        p: &[Lanes<L>],
    ) -> Vec<Lanes<L>> {
        let weights = balance.weights.as_deref();
        let pass = |groups: Range<usize>, q: &mut [Lanes<L>], (): &mut ()| {
            for g in groups {
                let rows = self.rows(&(g..g + 1));
                let codes = self.codes[rows.start * M..rows.end * M].as_chunks::<M>().0;
                let weights = weights.map(|w| &w[rows]);
                let mut mean = Lanes([0.0; L]);
                for (i, codes) in codes.iter().enumerate() {
                    mean.add(weights.map_or(1.0, |w| w[i]), &gather(p, codes));
                }
                let scale = balance.groups[g];
                mean.0.iter_mut().for_each(|m| *m *= scale);
                for (i, codes) in codes.iter().enumerate() {
                    let w = weights.map_or(1.0, |w| w[i]);
                    let t = gather(p, codes);
                    let score = Lanes(std::array::from_fn(|l| w * (t.0[l] - mean.0[l])));
                    codes.iter().for_each(|&c| q[c as usize] += score);
                }
            }
        };
        self.scatter(pass).0
    }

    /// Takes the values `c` and then the group means out of the columns, in place; returns what the other effects
    /// still have to explain.
    fn project<const L: usize, const M: usize>(
        &self,
        balance: &Balance<'_>,
        columns: &mut [&mut [f64]],
        c: Option<&[Lanes<L>]>,
    ) -> Projected<L> {
        let weights = balance.weights.as_deref();
        let mut pieces: Vec<(Range<usize>, Vec<&mut [f64]>)> =
            self.blocks.iter().map(|b| (b.clone(), Vec::with_capacity(L))).collect();
        for column in columns.iter_mut() {
            let mut rest: &mut [f64] = column;
            for (groups, piece) in &mut pieces {
                let (head, tail) = rest.split_at_mut(self.rows(groups).len());
                piece.push(head);
                rest = tail;
            }
        }
        let run = |(groups, mut columns): (Range<usize>, Vec<&mut [f64]>)| {
            let mut right = vec![Lanes([0.0; L]); self.unknowns()];
            let (mut length, mut net) = ([0.0; L], [0.0; L]);
            let offset = self.starts[groups.start] as usize;
            for g in groups {
                let rows = self.rows(&(g..g + 1));
                let codes = self.codes[rows.start * M..rows.end * M].as_chunks::<M>().0;
                let weights = weights.map(|w| &w[rows.clone()]);
                for (l, column) in columns.iter_mut().enumerate() {
                    let values = &mut column[rows.start - offset..rows.end - offset];
                    let mut sum = 0.0;
                    for (i, (v, codes)) in values.iter_mut().zip(codes).enumerate() {
                        let w = weights.map_or(1.0, |w| w[i]);
                        if let Some(c) = c {
                            codes.iter().for_each(|&code| *v -= c[code as usize].0[l]);
                        }
                        length[l] += w * *v * *v;
                        sum += w * *v;
                    }
                    let mean = sum * balance.groups[g];
                    for (i, (v, codes)) in values.iter_mut().zip(codes).enumerate() {
                        *v -= mean;
                        let score = weights.map_or(1.0, |w| w[i]) * *v;
                        net[l] += score * *v;
                        codes.iter().for_each(|&code| right[code as usize].0[l] += score);
                    }
                }
            }
            Projected { right, length, net }
        };
        let parts: Vec<Projected<L>> = match pieces.len() {
            1 => pieces.into_iter().map(run).collect(),
            _ => pieces.into_par_iter().map(run).collect(),
        };
        let mut parts = parts.into_iter();
        let mut total =
            parts.next().unwrap_or(Projected { right: Vec::new(), length: [0.0; L], net: [0.0; L] });
        for part in parts {
            total.right.iter_mut().zip(part.right).for_each(|(t, p)| *t += p);
            for l in 0..L {
                total.length[l] += part.length[l];
                total.net[l] += part.net[l];
            }
        }
        total
    }
}

/// When to stop.
#[derive(Clone, Copy)]
struct Stop {
    tolerance: f64,
    limit: usize,
}

/// Where conjugate gradients start.
struct Search<const L: usize> {
    /// `r' P^-1 r`.
    size: [f64; L],
    /// `P^-1 r`.
    direction: Vec<Lanes<L>>,
    /// Which lanes have not converged.
    open: [bool; L],
    /// What of `size` is rounding.
    floor: [f64; L],
}

struct Outcome<const L: usize> {
    /// Values of the other effects.
    unknowns: Vec<Lanes<L>>,
    stalled: [bool; L],
    iterations: usize,
}

impl<const L: usize> Outcome<L> {
    fn report(self) -> (Vec<bool>, usize) {
        (self.stalled.to_vec(), self.iterations)
    }
}

struct Projected<const L: usize> {
    /// `D2' W v` for the variables net of group means.
    right: Vec<Lanes<L>>,
    /// Weighted squares before the means were taken out.
    length: [f64; L],
    /// And after.
    net: [f64; L],
}

#[inline]
fn gather<const L: usize, const M: usize>(p: &[Lanes<L>], codes: &[u32; M]) -> Lanes<L> {
    let mut t = p[codes[0] as usize];
    codes[1..].iter().for_each(|&c| t += p[c as usize]);
    t
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Categories;

    fn wave(i: usize, a: f64) -> f64 {
        ((i * i + 3 * i) as f64 * a).sin()
    }

    fn of(name: &str, n: usize, code: impl Fn(usize) -> usize) -> Categories {
        Categories::new(name, (0..n).map(code))
    }

    /// Five effects without a pattern, the second one the largest.
    fn effects(n: usize) -> [Categories; 5] {
        [
            of("a", n, |i| i * i % 7),
            of("largest", n, |i| i * 11 % 40),
            of("b", n, |i| i * i / 5 % 9),
            of("c", n, |i| (i + i * i / 3) % 6),
            of("d", n, |i| i / 3 % 5),
        ]
    }

    /// Sums by level of `w v`.
    fn sums(effect: &Categories, w: &[f64], v: &[f64]) -> Vec<f64> {
        let mut sums = vec![0.0; effect.count()];
        effect.codes().iter().enumerate().for_each(|(i, &code)| sums[code as usize] += w[i] * v[i]);
        sums
    }

    fn alike(a: &[f64], b: &[f64]) {
        let size = b.iter().fold(1.0, |m: f64, v| m.max(v.abs()));
        assert_eq!(a.len(), b.len());
        assert!(a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-8 * size), "{a:?} {b:?}");
    }

    #[test]
    fn what_is_left_is_orthogonal_to_the_effects_and_what_was_taken_is_a_sum_of_them() {
        let n = 300;
        let all = effects(n);
        let w: Vec<f64> = (0..n).map(|i| 0.5 + (i % 4) as f64).collect();
        let ones = vec![1.0; n];
        for (effects, variables) in
            [(&all[..2], 1), (&all[..3], 2), (&all[..4], 3), (&all[..], 5), (&all[1..3], 9)]
        {
            let layout = Layout::new(effects).unwrap();
            for (weights, w) in [(None, &ones), (Some(&w[..]), &w)] {
                let balance = layout.balance(weights);
                let before: Vec<Vec<f64>> =
                    (0..variables).map(|k| (0..n).map(|i| 2.0 + wave(i, 0.3 + k as f64)).collect()).collect();
                let mut after = before.clone();
                let mut open: Vec<&mut [f64]> = after.iter_mut().map(Vec::as_mut_slice).collect();
                let progress = layout.demean(&balance, &Preconditioner::Diagonal, &mut open, 1e-10, 100);
                assert_eq!(progress.stalled, vec![false; variables]);
                assert!((1..40).contains(&progress.iterations), "{}", progress.iterations);
                for (before, after) in before.iter().zip(&after) {
                    effects.iter().for_each(|e| alike(&sums(e, w, after), &vec![0.0; e.count()]));
                    let values = layout.effects_of(&balance, &Preconditioner::Diagonal, before, 1e-10, 100);
                    let values = values.unwrap();
                    let taken: Vec<f64> = (0..n)
                        .map(|i| effects.iter().zip(&values).map(|(e, v)| v[e.codes()[i] as usize]).sum())
                        .collect();
                    alike(&taken, &before.iter().zip(after).map(|(b, a)| b - a).collect::<Vec<_>>());
                }
            }
        }
    }

    /// With enough rows for several blocks.
    #[test]
    fn passes_over_the_rows_are_sums_over_them() {
        let n = 40_000;
        let all = effects(n);
        let layout = Layout::new(&all[..3]).unwrap();
        assert!(layout.blocks.len() > 1);
        let w: Vec<f64> = (0..n).map(|i| 0.5 + (i % 4) as f64).collect();
        let means = |v: &[f64]| -> Vec<f64> {
            let (s, t) = (sums(&all[1], &w, v), sums(&all[1], &w, &vec![1.0; n]));
            all[1].codes().iter().map(|&g| s[g as usize] / t[g as usize]).collect()
        };
        let net = |v: &[f64]| -> Vec<f64> { v.iter().zip(means(v)).map(|(v, m)| v - m).collect() };
        let square = |v: &[f64]| v.iter().zip(&w).map(|(v, w)| w * v * v).sum::<f64>();
        let right = |v: &[f64]| [sums(&all[0], &w, v), sums(&all[2], &w, v)].concat();
        let balance = layout.balance(Some(&w));
        let c: Vec<Lanes<2>> = (0..layout.unknowns()).map(|k| Lanes([wave(k, 0.9), wave(k, 1.7)])).collect();
        let spread = |lane: usize| -> Vec<f64> {
            let second = all[0].count();
            let at = |i: usize| {
                c[all[0].codes()[i] as usize].0[lane] + c[second + all[2].codes()[i] as usize].0[lane]
            };
            (0..n).map(at).collect()
        };
        let image = layout.product::<2, 2>(&balance, &c);
        let before: Vec<Vec<f64>> =
            (0..2).map(|l| (0..n).map(|i| wave(i, 0.1 + l as f64)).collect()).collect();
        let mut columns: Vec<Vec<f64>> = before.iter().map(|v| layout.arrange(v).into_owned()).collect();
        let mut open: Vec<&mut [f64]> = columns.iter_mut().map(Vec::as_mut_slice).collect();
        let projected = layout.project::<2, 2>(&balance, &mut open, Some(&c));
        for lane in 0..2 {
            alike(&image.iter().map(|q| q.0[lane]).collect::<Vec<_>>(), &right(&net(&spread(lane))));
            let less: Vec<f64> = before[lane].iter().zip(spread(lane)).map(|(v, s)| v - s).collect();
            alike(&columns[lane], &layout.arrange(&net(&less)));
            alike(&projected.right.iter().map(|r| r.0[lane]).collect::<Vec<_>>(), &right(&net(&less)));
            alike(&[projected.length[lane], projected.net[lane]], &[square(&less), square(&net(&less))]);
        }
    }

    /// Where weights are products of one factor for each effect, group means are as good as all means.
    #[test]
    fn a_balanced_panel_takes_one_step_and_nothing_takes_none() {
        let n = 20 * 15;
        let effects = [of("row", n, |i| i / 15), of("column", n, |i| i % 15)];
        let layout = Layout::new(&effects).unwrap();
        let w: Vec<f64> = (0..n).map(|i| (1 + i / 15) as f64 * 2.0_f64.powi((i % 15) as i32)).collect();
        for weights in [None, Some(&w[..])] {
            let balance = layout.balance(weights);
            let (mut v, mut zero): (Vec<f64>, Vec<f64>) =
                ((0..n).map(|i| wave(i, 0.7)).collect(), vec![0.0; n]);
            let run =
                |v: &mut Vec<f64>| layout.demean(&balance, &Preconditioner::Diagonal, &mut [v], 1e-8, 60);
            let progress = run(&mut v);
            assert_eq!((progress.stalled, progress.iterations), (vec![false], 1));
            let progress = run(&mut zero);
            assert_eq!((progress.stalled, progress.iterations), (vec![false], 0));
        }
    }

    #[test]
    fn conjugate_gradients_take_no_more_steps_than_there_are_levels_to_tell_apart() {
        // A chain: each group has two rows, in neighbouring levels.
        let (levels, n) = (12, 22);
        let effects = [of("level", n, |i| i / 2 + i % 2), of("group", n, |i| i / 2)];
        let layout = Layout::new(&effects).unwrap();
        let balance = layout.balance(None);
        let start: Vec<f64> = (0..n).map(|i| wave(i, 0.7)).collect();
        let run = |limit: usize| {
            let mut v = start.clone();
            layout.demean(&balance, &Preconditioner::Diagonal, &mut [&mut v], 1e-8, limit)
        };
        let progress = run(60);
        assert_eq!(progress.stalled, [false]);
        assert!((levels / 2..levels).contains(&progress.iterations), "{}", progress.iterations);
        let short = run(4);
        assert_eq!((short.stalled, short.iterations), (vec![true], 4));
        assert!(layout.effects_of(&balance, &Preconditioner::Diagonal, &start, 1e-8, 4).is_none());
    }

    #[test]
    fn slow_progress_is_not_given_up_while_the_limit_will_do() {
        let n = 700;
        let scattered = |i: usize| (i as u32).wrapping_mul(2_654_435_761) as usize / 512 % 100;
        let effects = [of("group", n, |i| i % 300), of("level", n, scattered)];
        let layout = Layout::new(&effects).unwrap();
        let mut v: Vec<f64> = (0..n).map(|i| wave(i, 0.7)).collect();
        let progress =
            layout.demean(&layout.balance(None), &Preconditioner::Diagonal, &mut [&mut v], 1e-8, 60);
        assert_eq!(progress.stalled, [false]);
        assert!((TRIAL + 2..60).contains(&progress.iterations), "{}", progress.iterations);
    }
}
