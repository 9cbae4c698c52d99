//! A preconditioner for levels that hang together by threads.
//!
//! With the largest effect's means taken out, the normal equations of one other effect are the Laplacian of a graph:
//! two firms are joined by the workers who were at both. Where movers are few, information creeps along its edges,
//! one an iteration; a factorisation of the Laplacian carries it across at once. The `approx-chol` crate factors it
//! approximately, and thins out the cliques of large groups by sampling. Couplings between different effects are left
//! to the iteration.

use approx_chol::low_level::{Builder, CliqueTreeSampler};
use approx_chol::{Config, CsrRef, Factor};
use rayon::prelude::*;

use super::schur::{Balance, Lanes, Layout};

/// Groups with up to this many distinct levels are joined pair by pair.
const PAIRWISE: usize = 5;

/// Effects with up to this many levels are joined in a table of all pairs.
const FEW: usize = 64;

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
    let mut edges: Vec<(u32, u32, f64)> = Vec::new();
    let mut table = vec![0.0; if levels <= FEW { levels * levels } else { 0 }];
    let mut sampler = CliqueTreeSampler::new(SEED, None);
    let mut members: Vec<(u32, f64)> = Vec::new();
    for group in 0..layout.groups() {
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
    }
    for (at, weight) in table.into_iter().enumerate() {
        let (a, b) = (at / levels, at % levels);
        if a != b {
            edges.push((a as u32, b as u32, weight));
        }
    }
    let (starts, columns, values) = laplacian(levels, edges);
    let matrix = CsrRef::new(&starts, &columns, &values, levels as u32).ok()?;
    Builder::new(Config { seed: SEED, split_merge: COPIES, ..Config::default() }).build(matrix).ok()
}

/// Edges as a symmetric matrix in compressed rows, repeated ones added up in a fixed order.
fn laplacian(n: usize, edges: Vec<(u32, u32, f64)>) -> (Vec<u32>, Vec<u32>, Vec<f64>) {
    // Two stable counting sorts: by column, then by row.
    let mut entries: Vec<(u32, u32, f64)> = Vec::with_capacity(2 * edges.len());
    for (a, b, w) in edges.into_iter().filter(|e| e.2 > 0.0) {
        entries.push((a, b, w));
        entries.push((b, a, w));
    }
    let entries = counted(&counted(&entries, n, |e| e.1), n, |e| e.0);
    let (mut starts, mut columns, mut values) = (Vec::with_capacity(n + 1), Vec::new(), Vec::new());
    starts.push(0);
    let mut rest = entries.as_slice();
    for row in 0..n as u32 {
        let (mine, later) = rest.split_at(rest.partition_point(|e| e.0 == row));
        rest = later;
        let begin = columns.len();
        columns.push(row);
        values.push(0.0);
        for &(_, column, weight) in mine {
            if columns.len() > begin + 1 && columns.last() == Some(&column) {
                if let Some(last) = values.last_mut() {
                    *last -= weight;
                }
            } else {
                columns.push(column);
                values.push(-weight);
            }
        }
        // A level joined to nothing has its value pinned at zero by the diagonal.
        let joined: f64 = values[begin + 1..].iter().sum();
        values[begin] = if joined < 0.0 { -joined } else { 1.0 };
        starts.push(columns.len() as u32);
    }
    (starts, columns, values)
}

fn counted(
    entries: &[(u32, u32, f64)],
    n: usize,
    key: impl Fn(&(u32, u32, f64)) -> u32,
) -> Vec<(u32, u32, f64)> {
    let mut next = vec![0_usize; n + 1];
    entries.iter().for_each(|e| next[key(e) as usize + 1] += 1);
    for k in 0..n {
        next[k + 1] += next[k];
    }
    let mut out = vec![(0, 0, 0.0); entries.len()];
    for entry in entries {
        let slot = &mut next[key(entry) as usize];
        out[*slot] = *entry;
        *slot += 1;
    }
    out
}
