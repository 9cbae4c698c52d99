//! A number with its derivatives in several directions.
//!
//! The directions lie beside the value, so that one evaluation of the equilibrium conditions gives all of them: what the value
//! alone needs is done once, and the derivatives are carried by vector instructions.

use std::ops::{Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Sub, SubAssign};

use linalg::elementary::{exp, ln};

use super::scalar::Scalar;
use crate::ces::Number;

/// A value, and after it its derivatives in `L - 1` directions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Jet<const L: usize>(pub(super) [f64; L]);

/// A value with one derivative: a dual number.
pub(super) type Dual = Jet<2>;

impl Dual {
    pub(super) fn new(value: f64, by: f64) -> Self {
        Self([value, by])
    }
}

impl<const L: usize> Jet<L> {
    /// `f(self)` where `f` is `value` with derivative `slope`.
    #[inline(always)]
    fn chain(self, value: f64, slope: f64) -> Self {
        let mut lanes = self.0.map(|d| d * slope);
        lanes[0] = value;
        Self(lanes)
    }

    #[inline(always)]
    fn zip(self, other: Self, f: impl Fn(f64, f64) -> f64) -> Self {
        Self(std::array::from_fn(|k| f(self.0[k], other.0[k])))
    }
}

impl<const L: usize> Default for Jet<L> {
    fn default() -> Self {
        Self([0.0; L])
    }
}

impl<const L: usize> From<f64> for Jet<L> {
    #[inline(always)]
    fn from(value: f64) -> Self {
        let mut lanes = [0.0; L];
        lanes[0] = value;
        Self(lanes)
    }
}

impl<const L: usize> Neg for Jet<L> {
    type Output = Self;
    #[inline(always)]
    fn neg(self) -> Self {
        Self(self.0.map(|d| -d))
    }
}

impl<const L: usize> Add for Jet<L> {
    type Output = Self;
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        self.zip(other, |a, b| a + b)
    }
}

impl<const L: usize> Sub for Jet<L> {
    type Output = Self;
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        self.zip(other, |a, b| a - b)
    }
}

impl<const L: usize> Mul for Jet<L> {
    type Output = Self;
    #[inline(always)]
    #[allow(clippy::suspicious_arithmetic_impl, reason = "the product rule adds")]
    fn mul(self, other: Self) -> Self {
        let (x, y) = (self.0[0], other.0[0]);
        let mut product = self.zip(other, |a, b| a * y + x * b);
        product.0[0] = x * y;
        product
    }
}

impl<const L: usize> Div for Jet<L> {
    type Output = Self;
    #[inline(always)]
    fn div(self, other: Self) -> Self {
        let (value, one) = (self.0[0] / other.0[0], 1.0 / other.0[0]);
        let mut quotient = self.zip(other, |a, b| (a - value * b) * one);
        quotient.0[0] = value;
        quotient
    }
}

impl<const L: usize> Add<f64> for Jet<L> {
    type Output = Self;
    #[inline(always)]
    fn add(mut self, other: f64) -> Self {
        self.0[0] += other;
        self
    }
}

impl<const L: usize> Sub<f64> for Jet<L> {
    type Output = Self;
    #[inline(always)]
    fn sub(mut self, other: f64) -> Self {
        self.0[0] -= other;
        self
    }
}

impl<const L: usize> Mul<f64> for Jet<L> {
    type Output = Self;
    #[inline(always)]
    fn mul(self, other: f64) -> Self {
        Self(self.0.map(|d| d * other))
    }
}

impl<const L: usize> Div<f64> for Jet<L> {
    type Output = Self;
    #[inline(always)]
    fn div(self, other: f64) -> Self {
        self.chain(self.0[0] / other, 1.0 / other)
    }
}

impl<const L: usize, A> AddAssign<A> for Jet<L>
where
    Self: Add<A, Output = Self>,
{
    #[inline(always)]
    fn add_assign(&mut self, other: A) {
        *self = *self + other;
    }
}

impl<const L: usize, A> SubAssign<A> for Jet<L>
where
    Self: Sub<A, Output = Self>,
{
    #[inline(always)]
    fn sub_assign(&mut self, other: A) {
        *self = *self - other;
    }
}

impl<const L: usize, A> MulAssign<A> for Jet<L>
where
    Self: Mul<A, Output = Self>,
{
    #[inline(always)]
    fn mul_assign(&mut self, other: A) {
        *self = *self * other;
    }
}

impl<const L: usize, A> DivAssign<A> for Jet<L>
where
    Self: Div<A, Output = Self>,
{
    #[inline(always)]
    fn div_assign(&mut self, other: A) {
        *self = *self / other;
    }
}

impl<const L: usize> Number for Jet<L> {
    const DERIVATIVES: usize = 1;

    #[inline(always)]
    fn re(&self) -> f64 {
        self.0[0]
    }

    #[inline(always)]
    fn recip(self) -> Self {
        let value = 1.0 / self.0[0];
        self.chain(value, -value * value)
    }

    #[inline(always)]
    fn exp(self) -> Self {
        let value = self.0[0].exp();
        self.chain(value, value)
    }

    #[inline(always)]
    fn exp_m1(self) -> Self {
        let value = self.0[0].exp_m1();
        self.chain(value, value + 1.0)
    }

    #[inline(always)]
    fn ln(self) -> Self {
        self.chain(self.0[0].ln(), 1.0 / self.0[0])
    }

    #[inline(always)]
    fn ln_1p(self) -> Self {
        self.chain(self.0[0].ln_1p(), 1.0 / (1.0 + self.0[0]))
    }
}

impl<const L: usize> Scalar for Jet<L> {
    const DIRECTIONS: usize = L - 1;

    #[inline(always)]
    fn exp_each(values: &mut [Self]) {
        values.iter_mut().for_each(|x| {
            let value = exp(x.0[0]);
            *x = x.chain(value, value);
        });
    }

    #[inline(always)]
    fn ln_each(values: &mut [Self]) {
        let normal = values.iter().all(|x| (f64::MIN_POSITIVE..f64::INFINITY).contains(&x.0[0]));
        values.iter_mut().for_each(|x| {
            let value = if normal { ln(x.0[0]) } else { f64::ln(x.0[0]) };
            *x = x.chain(value, 1.0 / x.0[0]);
        });
    }

    #[inline(always)]
    fn tangents(&self) -> &[f64] {
        &self.0[1..]
    }

    #[inline(always)]
    fn tangents_mut(&mut self) -> &mut [f64] {
        &mut self.0[1..]
    }
}

#[cfg(test)]
mod tests {
    use num_dual::Dual64;
    use proptest::prelude::*;

    use super::*;

    /// What a jet must agree with in each direction: the dual numbers of `num_dual`.
    fn agrees(found: Jet<4>, by_direction: [Dual64; 3]) -> Result<(), TestCaseError> {
        for (k, dual) in by_direction.iter().enumerate() {
            prop_assert!((found.0[0] - dual.re).abs() <= 1e-14 * dual.re.abs(), "{found:?} {dual}");
            prop_assert!(
                (found.0[k + 1] - dual.eps).abs() <= 1e-13 * (1.0 + dual.eps.abs()),
                "{found:?} {dual}"
            );
        }
        Ok(())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]

        #[test]
        fn operations_are_those_of_dual_numbers(
            a in 0.1_f64..3.0,
            b in 0.1_f64..3.0,
            da in prop::array::uniform3(-2.0_f64..2.0),
            db in prop::array::uniform3(-2.0_f64..2.0),
        ) {
            let jet = |value: f64, by: [f64; 3]| Jet([value, by[0], by[1], by[2]]);
            let (x, y) = (jet(a, da), jet(b, db));
            let both = |f: &dyn Fn(Dual64, Dual64) -> Dual64| -> [Dual64; 3] {
                std::array::from_fn(|k| f(Dual64::new(a, da[k]), Dual64::new(b, db[k])))
            };
            agrees(x + y, both(&|x, y| x + y))?;
            agrees(x - y, both(&|x, y| x - y))?;
            agrees(x * y, both(&|x, y| x * y))?;
            agrees(x / y, both(&|x, y| x / y))?;
            agrees(-x + b - a * 2.0, both(&|x, _| -x + b - a * 2.0))?;
            agrees(x * b / 3.0, both(&|x, _| x * b / 3.0))?;
            let mut sum = x;
            sum += y;
            sum *= b;
            sum -= y;
            sum /= y;
            agrees(sum, both(&|x, y| ((x + y) * b - y) / y))?;
            let mut each = [x, y];
            Jet::exp_each(&mut each);
            agrees(each[1], both(&|_, y| Number::exp(y)))?;
            Jet::ln_each(&mut each);
            agrees(each[0], both(&|x, _| x))?;
            agrees(x.exp(), both(&|x, _| Number::exp(x)))?;
            agrees(x.exp_m1(), both(&|x, _| Number::exp_m1(x)))?;
            agrees(x.ln(), both(&|x, _| Number::ln(x)))?;
            agrees(x.ln_1p(), both(&|x, _| Number::ln_1p(x)))?;
            agrees(x.recip(), both(&|x, _| Number::recip(x)))?;
        }
    }

    #[test]
    fn logarithms_of_what_has_none_are_those_of_the_library() {
        let mut odd = [Dual::from(0.0), Dual::new(2.0, 1.0)];
        Jet::ln_each(&mut odd);
        assert_eq!((odd[0].0[0], odd[1].0[1]), (f64::NEG_INFINITY, 0.5));
    }
}
