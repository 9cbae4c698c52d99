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

use std::borrow::Cow;
use std::ops::Range;

use rayon::prelude::*;

use super::graph::Graph;
use crate::Categories;

/// Other effects that a row may have; designs with more go to the general solver.
pub(super) const MOST_OTHERS: usize = 4;

/// Rows worth a block of their own.
const BLOCK_ROWS: usize = 16_384;
const MOST_BLOCKS: usize = 16;

/// Rounds of conjugate gradients, each started from what rounding in the last one left.
const ROUNDS: usize = 4;

/// Iterations after which progress is judged.
const TRIAL: usize = 12;

/// What is below this share of a variable's own length is rounding.
const ROUNDING: f64 = 1e-13;

/// The effects laid out for passes over the rows.
pub(super) struct Layout {
    /// Which effect has its means taken.
    largest: usize,
    /// Row of each position and position of each row, when rows are not already together by group.
    order: Option<(Vec<u32>, Vec<u32>)>,
    /// Position at which each group starts, and the end.
    starts: Vec<u32>,
    /// Level of the largest effect in each group.
    levels: Vec<u32>,
    /// Which unknowns each position has: `others` in a row.
    codes: Vec<u32>,
    others: usize,
    /// First unknown of each other effect, and the end.
    offsets: Vec<u32>,
    /// Groups of each block.
    blocks: Vec<Range<usize>>,
}

/// Weights in the order of the layout, and what they add up to.
pub(super) struct Balance<'w> {
    weights: Option<Cow<'w, [f64]>>,
    /// One over the weight of each group.
    groups: Vec<f64>,
    /// One over the weight of each unknown.
    unknowns: Vec<f64>,
}

impl Balance<'_> {
    /// One over the weight of a group.
    pub(super) fn group(&self, group: usize) -> f64 {
        self.groups[group]
    }

    fn weight(&self, position: usize) -> f64 {
        self.weights.as_ref().map_or(1.0, |w| w[position])
    }
}

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

fn inverse(weight: &f64) -> f64 {
    if *weight > 0.0 { 1.0 / weight } else { 0.0 }
}

impl Layout {
    /// Lays out two effects or more; nothing for more than can be carried.
    pub(super) fn new(effects: &[Categories]) -> Option<Self> {
        let others = effects.len().checked_sub(1).filter(|m| (1..=MOST_OTHERS).contains(m))?;
        let largest = (0..effects.len()).rev().max_by_key(|&e| effects[e].count())?;
        let by = effects[largest].codes();
        let order = if together(by, effects[largest].count()) {
            None
        } else {
            let order = sorted(by, effects[largest].count());
            let mut position = vec![0_u32; by.len()];
            order.iter().enumerate().for_each(|(p, &row)| position[row as usize] = p as u32);
            Some((order, position))
        };
        let row = |position: usize| order.as_ref().map_or(position, |(rows, _)| rows[position] as usize);
        let (mut starts, mut levels) = (Vec::new(), Vec::new());
        for position in 0..by.len() {
            let level = by[row(position)];
            if levels.last() != Some(&level) {
                levels.push(level);
                starts.push(position as u32);
            }
        }
        starts.push(by.len() as u32);
        let rest: Vec<&Categories> =
            effects.iter().enumerate().filter(|(e, _)| *e != largest).map(|(_, c)| c).collect();
        let mut offsets = vec![0_u32];
        offsets.extend(rest.iter().scan(0, |sum, c| {
            *sum += c.count() as u32;
            Some(*sum)
        }));
        let mut codes = vec![0_u32; by.len() * others];
        for (e, effect) in rest.iter().enumerate() {
            for (position, slot) in codes.iter_mut().skip(e).step_by(others).enumerate() {
                *slot = offsets[e] + effect.codes()[row(position)];
            }
        }
        let unknowns = offsets[others] as usize;
        let wanted = (by.len() / BLOCK_ROWS.max(2 * unknowns)).clamp(1, MOST_BLOCKS);
        let blocks = cut(&starts, wanted);
        Some(Self { largest, order, starts, levels, codes, others, offsets, blocks })
    }

    fn unknowns(&self) -> usize {
        self.offsets[self.others] as usize
    }

    /// How many effects there are besides the largest.
    pub(super) fn others(&self) -> usize {
        self.others
    }

    /// The unknowns of one of them.
    pub(super) fn unknowns_of(&self, effect: usize) -> Range<usize> {
        self.offsets[effect] as usize..self.offsets[effect + 1] as usize
    }

    /// The number of groups.
    pub(super) fn groups(&self) -> usize {
        self.levels.len()
    }

    /// Adds the level of an effect and the weight of every row in a group to `members`.
    pub(super) fn members(
        &self,
        balance: &Balance<'_>,
        group: usize,
        effect: usize,
        members: &mut Vec<(u32, f64)>,
    ) {
        members.extend(self.rows(&(group..group + 1)).map(|position| {
            let code = self.codes[position * self.others + effect] - self.offsets[effect];
            (code, balance.weight(position))
        }));
    }

    fn rows(&self, groups: &Range<usize>) -> Range<usize> {
        self.starts[groups.start] as usize..self.starts[groups.end] as usize
    }

    /// Puts a variable in the order of the layout.
    fn arrange<'v>(&self, variable: &'v [f64]) -> Cow<'v, [f64]> {
        match &self.order {
            None => Cow::Borrowed(variable),
            Some((rows, _)) => Cow::Owned(rows.par_iter().map(|&r| variable[r as usize]).collect()),
        }
    }

    pub(super) fn balance<'w>(&self, weights: Option<&'w [f64]>) -> Balance<'w> {
        let weights = weights.map(|w| self.arrange(w));
        let sums = self.scatter(|groups, unknowns: &mut [f64], sums: &mut Vec<f64>| {
            for g in groups {
                let rows = self.rows(&(g..g + 1));
                let mut sum = 0.0;
                for position in rows {
                    let w = weights.as_ref().map_or(1.0, |w| w[position]);
                    sum += w;
                    let codes = &self.codes[position * self.others..(position + 1) * self.others];
                    codes.iter().for_each(|&c| unknowns[c as usize] += w);
                }
                sums.push(inverse(&sum));
            }
        });
        let (unknowns, groups) = sums;
        Balance { groups: groups.concat(), unknowns: unknowns.iter().map(inverse).collect(), weights }
    }

    /// Runs `pass` over every block with its own unknowns to add to, and adds these up in order.
    fn scatter<T: Copy + Default + Send + std::ops::AddAssign, R: Default + Send>(
        &self,
        pass: impl Fn(Range<usize>, &mut [T], &mut R) + Sync,
    ) -> (Vec<T>, Vec<R>) {
        let run = |groups: &Range<usize>| {
            let (mut unknowns, mut result) = (vec![T::default(); self.unknowns()], R::default());
            pass(groups.clone(), &mut unknowns, &mut result);
            (unknowns, result)
        };
        let parts: Vec<(Vec<T>, R)> = match self.blocks.as_slice() {
            [one] => vec![run(one)],
            blocks => blocks.par_iter().map(run).collect(),
        };
        let mut results = Vec::with_capacity(parts.len());
        let mut total: Option<Vec<T>> = None;
        for (unknowns, result) in parts {
            results.push(result);
            match &mut total {
                None => total = Some(unknowns),
                Some(total) => total.iter_mut().zip(unknowns).for_each(|(t, u)| *t += u),
            }
        }
        (total.unwrap_or_default(), results)
    }

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

/// One number for each variable.
#[derive(Clone, Copy)]
pub(super) struct Lanes<const L: usize>(pub(super) [f64; L]);

impl<const L: usize> Default for Lanes<L> {
    fn default() -> Self {
        Self([0.0; L])
    }
}

impl<const L: usize> std::ops::AddAssign for Lanes<L> {
    #[inline]
    fn add_assign(&mut self, other: Self) {
        for l in 0..L {
            self.0[l] += other.0[l];
        }
    }
}

impl<const L: usize> Lanes<L> {
    #[inline]
    fn add_scaled(&mut self, scale: &[f64; L], other: &Self) {
        self.0.iter_mut().zip(scale.iter().zip(&other.0)).for_each(|(s, (a, b))| *s += a * b);
    }

    #[inline]
    fn add(&mut self, weight: f64, other: &Self) {
        for l in 0..L {
            self.0[l] += weight * other.0[l];
        }
    }
}

#[inline]
fn gather<const L: usize, const M: usize>(p: &[Lanes<L>], codes: &[u32; M]) -> Lanes<L> {
    let mut t = p[codes[0] as usize];
    codes[1..].iter().for_each(|&c| t += p[c as usize]);
    t
}

/// `a'b` for every lane.
fn dot<const L: usize>(a: &[Lanes<L>], b: &[Lanes<L>]) -> [f64; L] {
    let mut sum = [0.0; L];
    for (a, b) in a.iter().zip(b) {
        sum.iter_mut().zip(a.0.iter().zip(&b.0)).for_each(|(s, (a, b))| *s += a * b);
    }
    sum
}

/// Whether the rows of each level are next to each other.
fn together(codes: &[u32], count: usize) -> bool {
    let mut seen = vec![false; count];
    let mut last = u32::MAX;
    for &code in codes {
        if code != last {
            if std::mem::replace(&mut seen[code as usize], true) {
                return false;
            }
            last = code;
        }
    }
    true
}

/// Rows by level, in their order within each.
fn sorted(codes: &[u32], count: usize) -> Vec<u32> {
    let mut next = vec![0_u32; count + 1];
    codes.iter().for_each(|&c| next[c as usize + 1] += 1);
    for level in 0..count {
        next[level + 1] += next[level];
    }
    let mut order = vec![0_u32; codes.len()];
    for (row, &code) in codes.iter().enumerate() {
        order[next[code as usize] as usize] = row as u32;
        next[code as usize] += 1;
    }
    order
}

/// Cuts groups into runs of about equally many rows.
fn cut(starts: &[u32], wanted: usize) -> Vec<Range<usize>> {
    let groups = starts.len() - 1;
    let rows = starts[groups] as usize;
    let mut blocks = Vec::with_capacity(wanted);
    let mut from = 0;
    for block in 1..=wanted {
        let target = (rows * block / wanted) as u32;
        let to = if block == wanted { groups } else { starts.partition_point(|s| *s < target).min(groups) };
        if to > from {
            blocks.push(from..to);
            from = to;
        }
    }
    blocks
}
