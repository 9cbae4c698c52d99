//! Anderson acceleration of a fixed point `u = F(u)` (Anderson 1965; Walker and Ni 2011, type II).

use super::scalar::{add_rows, dot};

/// The last differences of states and of residuals, and the accelerated step from them. Several sequences of one map, or of maps
/// that differ by constants, may share the differences.
pub(super) struct Anderson {
    depth: usize,
    dim: usize,
    /// Differences of residuals, weighted, and of `F(u)`; rings of `depth` rows.
    d_residual: Vec<f64>,
    d_image: Vec<f64>,
    gram: Vec<f64>,
    /// Inner products of the differences with each sequence's residual, `[sequence][row]`.
    along: Vec<f64>,
    held: usize,
    head: usize,
    /// The last residual, weighted, and the last `F(u)` of each sequence, one after the other.
    residual: Vec<f64>,
    image: Vec<f64>,
    primed: bool,
    normal: Normal,
    /// Right-hand sides and then solutions of the least-squares problem, one sequence after the other.
    gamma: Vec<f64>,
}

/// Cholesky factor of the scaled Gram matrix, pivots below a rounding error dropped, which is what regularises it.
#[derive(Default)]
struct Normal {
    scale: Vec<f64>,
    l: Vec<f64>,
    kept: Vec<bool>,
}

impl Anderson {
    /// With `depth` differences of states of length `dim`, for a number of sequences.
    pub(super) fn new(depth: usize, dim: usize, sequences: usize) -> Self {
        let all = vec![0.0; sequences * dim];
        Self {
            depth,
            dim,
            d_residual: vec![0.0; depth * dim],
            d_image: vec![0.0; depth * dim],
            gram: vec![0.0; depth * depth],
            along: vec![0.0; sequences * depth],
            held: 0,
            head: 0,
            residual: all.clone(),
            image: all,
            primed: false,
            normal: Normal::default(),
            gamma: Vec::new(),
        }
    }

    /// Forgets the history, as after a jump.
    pub(super) fn restart(&mut self) {
        self.held = 0;
        self.head = 0;
        self.primed = false;
    }

    /// From `image = F(u)` to the `next` `u`, of each sequence one after the other. `weight` scales a residual in the
    /// least-squares problem.
    pub(super) fn step(&mut self, u: &[f64], image: &[f64], weight: &[f64], next: &mut [f64]) {
        pulp::Arch::new().dispatch(Step { anderson: self, u, image, weight, next });
    }

    #[inline(always)]
    fn step_any_width(&mut self, u: &[f64], image: &[f64], weight: &[f64], next: &mut [f64]) {
        let dim = self.dim;
        let sequences = self.residual.len() / dim;
        let first = self.head;
        let each = u.chunks_exact(dim).zip(image.chunks_exact(dim)).zip(next.chunks_exact_mut(dim));
        for (sequence, ((u, image), next)) in each.enumerate() {
            self.remember(sequence, (u, image, weight), next);
        }
        let fresh = if self.primed { sequences.min(self.depth) } else { 0 };
        self.primed = true;
        if self.held == 0 {
            return;
        }
        let (held, depth) = (self.held, self.depth);
        let fresh = |row: usize| (row + depth - first) % depth < fresh;
        for row in 0..held {
            for new in (0..held).filter(|new| fresh(*new)) {
                let product = dot(self.row(new), self.row(row));
                self.gram[new * depth + row] = product;
                self.gram[row * depth + new] = product;
            }
        }
        // A residual has moved by its sequence's new difference, whose inner products with the others are known.
        self.gamma.resize(sequences * held, 0.0);
        for sequence in 0..sequences {
            let moved = (first + sequence) % depth;
            let residual = &self.residual[sequence * dim..(sequence + 1) * dim];
            for row in 0..held {
                let known = self.along[sequence * depth + row] + self.gram[moved * depth + row];
                let along = if fresh(row) { dot(self.row(row), residual) } else { known };
                self.along[sequence * depth + row] = along;
                self.gamma[sequence * held + row] = along;
            }
        }
        self.normal.factor(&self.gram, held, self.depth);
        for (next, gamma) in next.chunks_exact_mut(dim).zip(self.gamma.chunks_exact_mut(held)) {
            self.normal.solve(gamma);
            gamma.iter_mut().for_each(|gamma| *gamma = -*gamma);
            add_rows(gamma, &self.d_image, next);
        }
    }

    /// Moves a sequence to its image, and adds the differences from the last time to the ring if there was one. All is done in one
    /// walk.
    #[inline(always)]
    fn remember(&mut self, sequence: usize, (u, image, weight): (&[f64], &[f64], &[f64]), next: &mut [f64]) {
        let dim = self.dim;
        let (slot, own) = (self.head * dim..(self.head + 1) * dim, sequence * dim..(sequence + 1) * dim);
        let last = self.residual[own.clone()].iter_mut().zip(&mut self.image[own]);
        let differences = self.d_residual[slot.clone()].iter_mut().zip(&mut self.d_image[slot]);
        for ((((u, new), weight), next), ((residual, image), (d_residual, d_image))) in
            u.iter().zip(image).zip(weight).zip(next).zip(last.zip(differences))
        {
            let gap = (new - u) * weight;
            *d_residual = gap - *residual;
            *d_image = new - *image;
            (*residual, *image, *next) = (gap, *new, *new);
        }
        if self.primed {
            self.held = (self.held + 1).min(self.depth);
            self.head = (self.head + 1) % self.depth;
        }
    }

    #[inline(always)]
    fn row(&self, row: usize) -> &[f64] {
        &self.d_residual[row * self.dim..(row + 1) * self.dim]
    }
}

impl Normal {
    /// Of the first `m` rows and columns of a Gram matrix with rows of length `depth`.
    fn factor(&mut self, gram: &[f64], m: usize, depth: usize) {
        let Self { scale, l, kept } = self;
        scale.clear();
        scale.extend((0..m).map(|k| {
            let size = gram[k * depth + k].sqrt();
            if size > 0.0 { 1.0 / size } else { 0.0 }
        }));
        kept.resize(m, true);
        l.resize(m * m, 0.0);
        for r in 0..m {
            for c in 0..=r {
                let mut sum = gram[r * depth + c] * scale[r] * scale[c];
                for k in 0..c {
                    sum -= l[r * m + k] * l[c * m + k];
                }
                if r == c {
                    kept[r] = sum > 1e-12;
                    l[r * m + r] = if kept[r] { sum.sqrt() } else { 1.0 };
                } else {
                    l[r * m + c] = if kept[c] { sum / l[c * m + c] } else { 0.0 };
                }
            }
            if !kept[r] {
                (0..r).for_each(|c| l[r * m + c] = 0.0);
            }
        }
    }

    /// From the right-hand side to the solution, in place.
    fn solve(&self, x: &mut [f64]) {
        let Self { scale, l, kept } = self;
        let m = x.len();
        x.iter_mut().zip(scale).for_each(|(x, s)| *x *= s);
        for r in 0..m {
            let sum: f64 = (0..r).map(|k| l[r * m + k] * x[k]).sum();
            x[r] = if kept[r] { (x[r] - sum) / l[r * m + r] } else { 0.0 };
        }
        for r in (0..m).rev() {
            let sum: f64 = (r + 1..m).map(|k| l[k * m + r] * x[k]).sum();
            x[r] = if kept[r] { (x[r] - sum) / l[r * m + r] } else { 0.0 };
        }
        x.iter_mut().zip(scale).for_each(|(x, s)| *x *= s);
    }
}

/// A step to be compiled for a vector width.
struct Step<'s> {
    anderson: &'s mut Anderson,
    u: &'s [f64],
    image: &'s [f64],
    weight: &'s [f64],
    next: &'s mut [f64],
}

impl pulp::WithSimd for Step<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) {
        self.anderson.step_any_width(self.u, self.image, self.weight, self.next);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn linear_fixed_point_in_as_many_steps_as_dimensions() {
        // u = A u + b, rows of |A| summing to less than one: finite termination up to rounding after dim + 1 steps.
        let a = [[0.5, 0.3, 0.0], [0.1, 0.6, 0.2], [0.0, 0.2, 0.6]];
        let b = [1.0, -2.0, 0.5];
        let map = |u: &[f64]| -> Vec<f64> { (0..3).map(|r| dot(&a[r], u) + b[r]).collect() };
        let mut u = vec![0.0; 3];
        let mut anderson = Anderson::new(5, 3, 1);
        for _ in 0..4 {
            let image = map(&u);
            anderson.step(&u.clone(), &image, &[1.0; 3], &mut u);
        }
        let gap = map(&u).iter().zip(&u).map(|(x, y)| (x - y).abs()).fold(0.0, f64::max);
        assert!(gap < 1e-10, "{gap}");
    }

    #[test]
    fn sequences_of_one_matrix_help_each_other() {
        // Six unknowns, three right-hand sides: together they know the matrix after three rounds, alone each takes seven.
        const DIM: usize = 6;
        let a =
            |r: usize, c: usize| 0.12 * ((r * 5 + c * 3) % 7) as f64 / 7.0 + if r == c { 0.3 } else { 0.0 };
        let image = |u: &[f64], shift: f64| -> Vec<f64> {
            let of = |r: usize| (0..DIM).map(|c| a(r, c) * u[c]).sum::<f64>() + (r as f64 * shift).sin();
            (0..DIM).map(of).collect()
        };
        let gap = |sequences: &[f64], rounds: usize| -> f64 {
            let mut anderson = Anderson::new(24, DIM, sequences.len());
            let mut u = vec![0.0; DIM * sequences.len()];
            let images = |u: &[f64]| -> Vec<f64> {
                u.chunks_exact(DIM).zip(sequences).flat_map(|(u, shift)| image(u, *shift)).collect()
            };
            for _ in 0..rounds {
                let next = images(&u);
                anderson.step(&u.clone(), &next, &[1.0; DIM], &mut u);
            }
            images(&u).iter().zip(&u).map(|(x, y)| (x - y).abs()).fold(0.0, f64::max)
        };
        assert!(gap(&[1.0, 2.0, 3.0], 3) < 1e-8, "{}", gap(&[1.0, 2.0, 3.0], 3));
        assert!([1.0, 2.0, 3.0].iter().any(|shift| gap(&[*shift], 3) > 1e-4));
    }
}
