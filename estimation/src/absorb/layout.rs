//! The effects laid out for passes over the rows, group by group.

use std::borrow::Cow;
use std::ops::Range;

use rayon::prelude::*;

use crate::Categories;

/// Other effects that a row may have; designs with more go to the general solver.
pub(super) const MOST_OTHERS: usize = 4;

/// Rows worth a block of their own.
const BLOCK_ROWS: usize = 16_384;
const MOST_BLOCKS: usize = 16;

/// The effects laid out for passes over the rows.
pub(super) struct Layout {
    /// Which effect has its means taken.
    pub(super) largest: usize,
    /// Row of each position and position of each row, when rows are not already together by group.
    pub(super) order: Option<(Vec<u32>, Vec<u32>)>,
    /// Position at which each group starts, and the end.
    pub(super) starts: Vec<u32>,
    /// Level of the largest effect in each group.
    pub(super) levels: Vec<u32>,
    /// Which unknowns each position has: `others` in a row.
    pub(super) codes: Vec<u32>,
    pub(super) others: usize,
    /// First unknown of each other effect, and the end.
    pub(super) offsets: Vec<u32>,
    /// Groups of each block.
    pub(super) blocks: Vec<Range<usize>>,
}

/// Weights in the order of the layout, and what they add up to.
pub(super) struct Balance<'w> {
    pub(super) weights: Option<Cow<'w, [f64]>>,
    /// One over the weight of each group.
    pub(super) groups: Vec<f64>,
    /// One over the weight of each unknown.
    pub(super) unknowns: Vec<f64>,
}

impl Balance<'_> {
    /// One over the weight of a group.
    pub(super) fn group(&self, group: usize) -> f64 {
        self.groups[group]
    }

    pub(super) fn weight(&self, position: usize) -> f64 {
        self.weights.as_ref().map_or(1.0, |w| w[position])
    }
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

    pub(super) fn unknowns(&self) -> usize {
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

    pub(super) fn rows(&self, groups: &Range<usize>) -> Range<usize> {
        self.starts[groups.start] as usize..self.starts[groups.end] as usize
    }

    /// Puts a variable in the order of the layout.
    pub(super) fn arrange<'v>(&self, variable: &'v [f64]) -> Cow<'v, [f64]> {
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
    pub(super) fn scatter<T: Copy + Default + Send + std::ops::AddAssign, R: Default + Send>(
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_hold_all_groups_once_and_equally_many_rows() {
        let starts: Vec<u32> = (0..=12).collect();
        assert_eq!(cut(&starts, 4), [0..3, 3..6, 6..9, 9..12]);
        // A group is not cut, however large.
        assert_eq!(cut(&[0, 1, 9, 10, 12], 3), [0..2, 2..4]);
        assert_eq!(cut(&[0, 5], 3), [Range { start: 0, end: 1 }]);
    }
}
