//! A preconditioner for levels that hang together by threads.
//!
//! With the largest effect's means taken out, the normal equations of one other effect are the Laplacian of a graph:
//! two firms are joined by the workers who were at both. Where movers are few, information creeps along its edges,
//! one an iteration; a factorisation of the Laplacian carries it across at once. The `approx-chol` crate factors it
//! approximately, and thins out the cliques of large groups by sampling. Couplings between different effects are left
//! to the iteration.

use std::ops::Range;

use approx_chol::low_level::{Builder, CliqueTreeSampler};
use approx_chol::{Config, CsrRef, Factor};
use rayon::prelude::*;

use super::lanes::Lanes;
use super::layout::{Balance, Layout};

/// Groups with up to this many distinct levels are joined pair by pair.
const PAIRWISE: usize = 5;

/// Effects with up to this many levels are joined in a table of all pairs.
const FEW: usize = 64;

/// Edges that may pile up before repeated ones are added up.
const ROOM: usize = 1 << 15;

/// Blocks whose edges are held before they are added up: one number, whatever the threads, so that sums keep their order.
const BLOCKS: usize = 4;

const SEED: u64 = 0;

/// Copies of each edge in the factorisation; more are closer and cost more.
const COPIES: Option<u32> = Some(2);

/// Factored Laplacians, one for each effect but the largest.
pub(super) struct Graph {
    factors: Vec<Factor<f64>>,
}

impl Graph {
    /// Nothing when a Laplacian cannot be factored.
    pub(super) fn new(layout: &Layout, balance: &Balance<'_>) -> Option<Self> {
        let factors = (0..layout.others()).into_par_iter().map(|e| factor(layout, balance, e));
        factors.collect::<Option<_>>().map(|factors| Self { factors })
    }

    /// `P^-1 r`.
    pub(super) fn apply<const L: usize>(&self, layout: &Layout, r: &[Lanes<L>]) -> Vec<Lanes<L>> {
        let jobs: Vec<(usize, usize)> =
            (0..self.factors.len()).flat_map(|e| (0..L).map(move |l| (e, l))).collect();
        let parts: Vec<Vec<f64>> = jobs
            .par_iter()
            .map(|&(e, l)| {
                let right: Vec<f64> = r[layout.unknowns_of(e)].iter().map(|r| r.0[l]).collect();
                if right.iter().all(|r| *r == 0.0) {
                    return right;
                }
                self.factors[e].solve(&right).unwrap_or(right)
            })
            .collect();
        let mut z = vec![Lanes::default(); r.len()];
        for (&(e, l), part) in jobs.iter().zip(&parts) {
            z[layout.unknowns_of(e)].iter_mut().zip(part).for_each(|(z, v)| z.0[l] = *v);
        }
        z
    }
}

/// The Laplacian of one effect's levels, factored.
fn factor(layout: &Layout, balance: &Balance<'_>, effect: usize) -> Option<Factor<f64>> {
    let levels = layout.unknowns_of(effect).len();
    let mut all = Vec::new();
    for blocks in layout.blocks.chunks(BLOCKS) {
        let made = blocks.par_iter().map(|groups| edges(layout, balance, effect, groups.clone()));
        made.collect::<Vec<_>>().iter().for_each(|some| all.extend_from_slice(some));
        merge(&mut all);
    }
    all.shrink_to_fit();
    let (starts, columns, values) = laplacian(levels, &all);
    // The factorisation needs room of its own.
    drop(all);
    let matrix = CsrRef::new(&starts, &columns, &values, levels as u32).ok()?;
    Builder::new(Config { seed: SEED, split_merge: COPIES, ..Config::default() }).build(matrix).ok()
}

/// The edges between the levels of one effect that some groups make.
fn edges(
    layout: &Layout,
    balance: &Balance<'_>,
    effect: usize,
    groups: Range<usize>,
) -> Vec<(u32, u32, f64)> {
    let levels = layout.unknowns_of(effect).len();
    let mut edges: Vec<(u32, u32, f64)> = Vec::new();
    let mut crowded = ROOM;
    let mut table = vec![0.0; if levels <= FEW { levels * levels } else { 0 }];
    let mut sampler = CliqueTreeSampler::new(SEED, None);
    let mut members: Vec<(u32, f64)> = Vec::new();
    for group in groups {
        members.clear();
        layout.members(balance, group, effect, &mut members);
        let scale = balance.group(group);
        if !table.is_empty() {
            for (i, a) in members.iter().enumerate() {
                let row = &mut table[a.0 as usize * levels..][..levels];
                members[..i].iter().for_each(|b| row[b.0 as usize] += a.1 * b.1 * scale);
            }
            continue;
        }
        members.sort_unstable_by_key(|m| m.0);
        members.dedup_by(|next, kept| {
            let same = next.0 == kept.0;
            if same {
                kept.1 += next.1;
            }
            same
        });
        if members.len() <= PAIRWISE {
            for (i, a) in members.iter().enumerate() {
                edges.extend(members[i + 1..].iter().map(|b| (a.0, b.0, a.1 * b.1 * scale)));
            }
        } else {
            sampler.sample(group as u64, &members, &mut edges);
        }
        if edges.len() > crowded {
            merge(&mut edges);
            crowded = ROOM + edges.len();
        }
    }
    for (at, weight) in table.into_iter().enumerate() {
        edges.push(((at / levels) as u32, (at % levels) as u32, weight));
    }
    merge(&mut edges);
    // Those of all blocks are held together: not with the room that repeated ones took.
    edges.shrink_to_fit();
    edges
}

/// Adds up repeated edges, in their order, and sorts them; those within a level are no edges.
fn merge(edges: &mut Vec<(u32, u32, f64)>) {
    edges.retain(|e| e.0 != e.1 && e.2 > 0.0);
    edges.iter_mut().filter(|e| e.0 > e.1).for_each(|e| (e.0, e.1) = (e.1, e.0));
    edges.sort_unstable_by_key(|e| (e.0, e.1));
    edges.dedup_by(|next, kept| {
        let same = (next.0, next.1) == (kept.0, kept.1);
        if same {
            kept.2 += next.2;
        }
        same
    });
}

/// Sorted edges as a symmetric matrix in compressed rows: columns ascend within each.
fn laplacian(n: usize, edges: &[(u32, u32, f64)]) -> (Vec<u32>, Vec<u32>, Vec<f64>) {
    let mut length = vec![1_u32; n];
    for &(a, b, _) in edges {
        length[a as usize] += 1;
        length[b as usize] += 1;
    }
    let mut starts = vec![0_u32; n + 1];
    for row in 0..n {
        starts[row + 1] = starts[row] + length[row];
    }
    let mut next = starts.clone();
    let mut columns = vec![0_u32; starts[n] as usize];
    let mut values = vec![0.0; starts[n] as usize];
    let mut put = |row: u32, column: u32, value: f64| {
        let slot = &mut next[row as usize];
        columns[*slot as usize] = column;
        values[*slot as usize] = value;
        *slot += 1;
    };
    // The lower triangle arrives sorted by column within rows, then the diagonal, then the upper one.
    edges.iter().for_each(|&(a, b, w)| put(b, a, -w));
    (0..n as u32).for_each(|row| put(row, row, 0.0));
    edges.iter().for_each(|&(a, b, w)| put(a, b, -w));
    for row in 0..n {
        let (from, to) = (starts[row] as usize, starts[row + 1] as usize);
        let joined: f64 = values[from..to].iter().sum();
        // A level joined to nothing has its value pinned at zero by the diagonal.
        let diagonal = if joined < 0.0 { -joined } else { 1.0 };
        let at = from + columns[from..to].partition_point(|c| (*c as usize) < row);
        values[at] = diagonal;
    }
    (starts, columns, values)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Categories;

    /// Ninety groups of four rows, whose means are taken, with an effect of few levels and one of many.
    fn design() -> ([Categories; 3], Vec<f64>) {
        let n = 360;
        let of = |name: &str, code: &dyn Fn(usize) -> usize| Categories::new(name, (0..n).map(code));
        let effects = [
            of("few", &|i| i * i % 9),
            of("group", &|i| i * 7 % 90),
            of("many", &|i| (i % 90 + i / 180 * 13 + i % 90 / 7) % 80),
        ];
        (effects, (0..n).map(|i| 0.5 + (i % 5) as f64).collect())
    }

    /// What joins two levels, `sum w_i w_j / w_g` over pairs of rows of a group.
    fn joined(of: &Categories, by: &Categories, w: &[f64]) -> Vec<(u32, u32, f64)> {
        let mut table = vec![vec![0.0; of.count()]; of.count()];
        for g in 0..by.count() as u32 {
            let rows: Vec<usize> = (0..w.len()).filter(|&i| by.codes()[i] == g).collect();
            let total: f64 = rows.iter().map(|&i| w[i]).sum();
            for &i in &rows {
                rows.iter().for_each(|&j| {
                    table[of.codes()[i] as usize][of.codes()[j] as usize] += w[i] * w[j] / total
                });
            }
        }
        let above = |a: usize| (a + 1..of.count()).map(move |b| (a, b));
        let pairs = (0..of.count()).flat_map(above).filter(|&(a, b)| table[a][b] > 0.0);
        pairs.map(|(a, b)| (a as u32, b as u32, table[a][b])).collect()
    }

    #[test]
    fn levels_are_joined_by_the_products_of_their_weights_in_a_group() {
        let (effects, w) = design();
        let ones = vec![1.0; w.len()];
        let wide = [
            Categories::new("group", (0..w.len()).map(|i| i % 12)),
            Categories::new("few", (0..w.len()).map(|i| i * i % 11)),
        ];
        for (effects, largest) in [(&effects[..], 1), (&wide[..], 0)] {
            let layout = Layout::new(effects).unwrap();
            assert_eq!(layout.largest, largest);
            for (weights, w) in [(None, &ones), (Some(&w[..]), &w)] {
                let balance = layout.balance(weights);
                for (e, of) in
                    effects.iter().enumerate().filter(|(e, _)| *e != largest).map(|p| p.1).enumerate()
                {
                    let found = edges(&layout, &balance, e, 0..effects[largest].count());
                    let expected = joined(of, &effects[largest], w);
                    assert_eq!(found.len(), expected.len());
                    for (f, x) in found.iter().zip(&expected) {
                        assert!((f.0, f.1) == (x.0, x.1) && (f.2 - x.2).abs() < 1e-12, "{f:?} {x:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_laplacian_has_the_edges_off_its_diagonal_and_rows_that_add_up_to_zero() {
        let mut all = vec![(2, 0, 1.0), (1, 1, 5.0), (3, 0, 0.0), (0, 2, 2.0), (3, 2, 4.0), (0, 1, 0.5)];
        merge(&mut all);
        assert_eq!(all, [(0, 1, 0.5), (0, 2, 3.0), (2, 3, 4.0)]);
        // The last level is joined to none.
        let (starts, columns, values) = laplacian(5, &all);
        assert_eq!(starts, [0, 3, 5, 8, 10, 11]);
        assert_eq!(columns, [0, 1, 2, 0, 1, 0, 2, 3, 2, 3, 4]);
        assert_eq!(values, [3.5, -0.5, -3.0, -0.5, 0.5, -3.0, 7.0, -4.0, -4.0, 4.0, 1.0]);
    }

    #[test]
    fn chains_of_levels_are_solved_exactly() {
        let (workers, lengths) = (40, [31, 21]);
        let at = |e: usize, i: usize| (i / 2) * [1, 7][e] % (lengths[e] - 1) + i % 2;
        let effects = [
            Categories::new("firm", (0..2 * workers).map(|i| at(0, i))),
            Categories::new("plant", (0..2 * workers).map(|i| at(1, i))),
            Categories::new("worker", (0..2 * workers).map(|i| i / 2)),
        ];
        let w: Vec<f64> = (0..2 * workers).map(|i| 1.0 + (i % 3) as f64).collect();
        let layout = Layout::new(&effects).unwrap();
        let graph = Graph::new(&layout, &layout.balance(Some(&w))).unwrap();
        let value = |code: usize| ((code * code) as f64).sin();
        let mut right = vec![Lanes([0.0; 2]); layout.unknowns()];
        for (e, of) in effects[..2].iter().enumerate() {
            let first = layout.unknowns_of(e).start;
            for (a, b, weight) in joined(of, &effects[2], &w) {
                let flow = weight * (value(a as usize) - value(b as usize));
                right[first + a as usize].0[1] += flow;
                right[first + b as usize].0[1] -= flow;
            }
        }
        let found = graph.apply(&layout, &right);
        assert!(found.iter().all(|lanes| lanes.0[0] == 0.0));
        for e in 0..2 {
            let gap: Vec<f64> =
                found[layout.unknowns_of(e)].iter().enumerate().map(|(k, v)| v.0[1] - value(k)).collect();
            assert_eq!(gap.len(), lengths[e]);
            assert!(gap.iter().all(|g| (g - gap[0]).abs() < 1e-10), "{gap:?}");
        }
    }
}
