use std::hash::Hash;

use rand::RngExt;
use rand_xoshiro::Xoshiro256PlusPlus;
use rayon::prelude::*;

use super::error::require;
use super::{ResampleError, stream};
use crate::gmm::codes;

/// How treatment was assigned: what could have been.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// Units assigned as one, codes per row.
    unit: Vec<usize>,
    /// Rows of each unit's first appearance.
    first: Vec<usize>,
    /// Block of each unit: treatments are exchanged within blocks.
    block: Vec<usize>,
}

impl Assignment {
    /// Every row's treatment could have been any other row's.
    pub fn complete(rows: usize) -> Self {
        Self { unit: (0..rows).collect(), first: (0..rows).collect(), block: vec![0; rows] }
    }

    /// Treatments are exchanged only within blocks (strata).
    pub fn blocked<T: Hash + Eq>(blocks: &[T]) -> Self {
        Self { block: codes(blocks).0, ..Self::complete(blocks.len()) }
    }

    /// Clusters were assigned as one: their treatments are exchanged.
    pub fn clustered<T: Hash + Eq>(clusters: &[T]) -> Self {
        let (unit, count) = codes(clusters);
        let mut first = vec![0; count];
        for (row, id) in unit.iter().enumerate().rev() {
            first[*id] = row;
        }
        Self { unit, first, block: vec![0; count] }
    }

    fn permute(&self, treatment: &[f64], rng: &mut Xoshiro256PlusPlus) -> Vec<f64> {
        let mut values: Vec<f64> = self.first.iter().map(|row| treatment[*row]).collect();
        let blocks = self.block.iter().max().map_or(0, |m| m + 1);
        let mut members = vec![Vec::new(); blocks];
        for (unit, block) in self.block.iter().enumerate() {
            members[*block].push(unit);
        }
        for units in &members {
            // Fisher and Yates.
            for k in (1..units.len()).rev() {
                values.swap(units[k], units[rng.random_range(0..=k)]);
            }
        }
        self.unit.iter().map(|unit| values[*unit]).collect()
    }
}

/// Randomisation inference: the distribution of a statistic over the assignments that could have been.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Randomisation {
    /// Draws of the assignment.
    pub draws: usize,
    /// Seed.
    pub seed: u64,
}

/// The result of a randomisation test of the sharp null of no effect.
#[derive(Debug, Clone, PartialEq)]
pub struct RandomisationTest {
    /// The statistic of the actual assignment.
    pub statistic: f64,
    /// `(1 + #{|T*| >= |T|}) / (draws + 1)`: an exact test, whatever the number of draws (Phipson and Smyth 2010).
    pub p_value: f64,
    /// The statistic of each drawn assignment.
    pub draws: Vec<f64>,
}

impl Randomisation {
    /// Permutes `treatment` `[n]` as `assignment` allows; `statistic` receives a treatment vector.
    ///
    /// # Errors
    /// [`ResampleError::VariesWithinCluster`] and the like, [`ResampleError::Failed`] when the statistic is not
    /// finite for a drawn assignment.
    pub fn test(
        &self,
        treatment: &[f64],
        assignment: &Assignment,
        statistic: impl Fn(&[f64]) -> f64 + Sync,
    ) -> Result<RandomisationTest, ResampleError> {
        require("rows of the assignment", treatment.len(), assignment.unit.len())?;
        let differs = |(row, unit): (usize, &usize)| {
            (treatment[row] != treatment[assignment.first[*unit]]).then_some(row)
        };
        if let Some(row) = assignment.unit.iter().enumerate().find_map(differs) {
            return Err(ResampleError::VariesWithinCluster { row });
        }
        self.test_drawn(treatment, |rng| assignment.permute(treatment, rng), statistic)
    }

    /// Draws assignments from any mechanism, such as a re-run of the quota lottery.
    ///
    /// # Errors
    /// [`ResampleError::TooFew`], [`ResampleError::OriginalFailed`], [`ResampleError::Failed`].
    pub fn test_drawn(
        &self,
        treatment: &[f64],
        draw: impl Fn(&mut Xoshiro256PlusPlus) -> Vec<f64> + Sync,
        statistic: impl Fn(&[f64]) -> f64 + Sync,
    ) -> Result<RandomisationTest, ResampleError> {
        if self.draws == 0 {
            return Err(ResampleError::TooFew { what: "draws", needed: 1, found: 0 });
        }
        let observed = statistic(treatment);
        if !observed.is_finite() {
            return Err(ResampleError::OriginalFailed);
        }
        let draws: Vec<f64> = (0..self.draws as u64)
            .into_par_iter()
            .map(|k| statistic(&draw(&mut stream(self.seed, k))))
            .collect();
        let failed = draws.iter().filter(|value| !value.is_finite()).count();
        if failed > 0 {
            return Err(ResampleError::Failed { failed, draws: self.draws, allowed: 0.0 });
        }
        let edge = observed.abs() * (1.0 - 1e-12);
        let beyond = draws.iter().filter(|value| value.abs() >= edge).count();
        let p_value = (1 + beyond) as f64 / (self.draws + 1) as f64;
        Ok(RandomisationTest { statistic: observed, p_value, draws })
    }
}
