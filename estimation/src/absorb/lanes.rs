//! Several variables carried along in one pass.

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
    pub(super) fn add_scaled(&mut self, scale: &[f64; L], other: &Self) {
        self.0.iter_mut().zip(scale.iter().zip(&other.0)).for_each(|(s, (a, b))| *s += a * b);
    }

    #[inline]
    pub(super) fn add(&mut self, weight: f64, other: &Self) {
        for l in 0..L {
            self.0[l] += weight * other.0[l];
        }
    }
}

/// `a'b` for every lane.
pub(super) fn dot<const L: usize>(a: &[Lanes<L>], b: &[Lanes<L>]) -> [f64; L] {
    let mut sum = [0.0; L];
    for (a, b) in a.iter().zip(b) {
        sum.iter_mut().zip(a.0.iter().zip(&b.0)).for_each(|(s, (a, b))| *s += a * b);
    }
    sum
}
