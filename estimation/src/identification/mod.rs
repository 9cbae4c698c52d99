//! How well instruments identify: rank and weak-instrument statistics, and inference that survives weak ones.
//!
//! Everything starts from a [`FirstStage`]: endogenous variables and excluded instruments with the exogenous
//! variables partialled out. The dependence between observations is a
//! [`MomentCovariance`], spelled out in each call.
//!
//! | question | item |
//! |---|---|
//! | are the coefficients identified at all? | [`FirstStage::kleibergen_paap`] (LM), [`FirstStage::cragg_donald`] |
//! | how weak are the instruments, one endogenous variable? | [`FirstStage::effective_f`] |
//! | how weak, several endogenous variables? | [`FirstStage::kleibergen_paap`] (F) |
//! | which coefficients does the data not reject, however weak? | [`FirstStage::anderson_rubin_set`] |
//!
//! # References
//!
//! Anderson and Rubin (1949), Annals of Mathematical Statistics 20; Cragg and Donald (1993), Econometric Theory 9;
//! Kleibergen and Paap (2006), Journal of Econometrics 133; Montiel Olea and Pflueger (2013), JBES 31.

mod anderson_rubin;
mod effective_f;
mod noncentral;
mod rank;

pub use anderson_rubin::{AndersonRubinSet, Interval};
pub use effective_f::{CriticalValue, EffectiveF};
pub use rank::{CraggDonald, KleibergenPaap};

use std::ops::Range;

use linalg::{Cholesky, matmul};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, Slice};

use crate::gmm::{GmmError, MomentCovariance, invert};

/// Endogenous variables and excluded instruments, free of the exogenous variables.
#[derive(Debug, Clone)]
pub struct FirstStage {
    /// Endogenous variables `[n, k]`, partialled out.
    x: Array2<f64>,
    /// Excluded instruments `[n, l]`, partialled out.
    z: Array2<f64>,
    /// Orthonormal basis of the exogenous variables, to partial out an outcome.
    basis: Option<Array2<f64>>,
    /// Exogenous variables and absorbed effects, for degrees of freedom.
    exogenous: usize,
}

impl FirstStage {
    /// Partials `exogenous` `[n, m]` (the constant is one of them, if there is one) out of `x` `[n, k]` and `z`
    /// `[n, l]`. `absorbed` counts further coefficients partialled out beforehand, such as fixed effects. Exogenous variables that
    /// others span are left out and not counted.
    ///
    /// # Errors
    /// [`GmmError::Shape`], [`GmmError::InvalidInput`], [`GmmError::Underidentified`] when `l < k`, or
    /// [`GmmError::Collinear`].
    pub fn new(
        x: ArrayView2<'_, f64>,
        z: ArrayView2<'_, f64>,
        exogenous: Option<ArrayView2<'_, f64>>,
        absorbed: usize,
    ) -> Result<Self, GmmError> {
        crate::gmm::require("rows of the instruments", x.nrows(), z.nrows())?;
        crate::gmm::require_finite("endogenous variables", x)?;
        crate::gmm::require_finite("instruments", z)?;
        if x.ncols() == 0 || z.ncols() < x.ncols() {
            return Err(GmmError::Underidentified { moments: z.ncols(), parameters: x.ncols().max(1) });
        }
        let basis = match exogenous.filter(|w| w.ncols() > 0) {
            Some(w) => {
                crate::gmm::require("rows of the exogenous variables", x.nrows(), w.nrows())?;
                crate::gmm::require_finite("exogenous variables", w)?;
                Some(crate::solve::basis(w)?).filter(|q| q.ncols() > 0)
            }
            None => None,
        };
        let count = basis.as_ref().map_or(0, Array2::ncols) + absorbed;
        let needed = count + z.ncols() + 1;
        if x.nrows() < needed {
            return Err(GmmError::TooFew { what: "observations", needed, found: x.nrows() });
        }
        let partial = |a: ArrayView2<'_, f64>| -> Result<Array2<f64>, GmmError> {
            match &basis {
                Some(q) => Ok(&a - &matmul(q.view(), matmul(q.t(), a)?.view())?),
                None => Ok(a.to_owned()),
            }
        };
        let stage = Self { x: partial(x)?, z: partial(z)?, basis, exogenous: count };
        for (what, a) in [("instruments", &stage.z), ("endogenous variables", &stage.x)] {
            invert(&matmul(a.t(), a.view())?)?.ok_or(GmmError::Collinear { what })?;
        }
        Ok(stage)
    }

    /// Number of observations `n`.
    pub fn observations(&self) -> usize {
        self.x.nrows()
    }

    /// Number of endogenous variables `k`.
    pub fn endogenous(&self) -> usize {
        self.x.ncols()
    }

    /// Number of excluded instruments `l`.
    pub fn instruments(&self) -> usize {
        self.z.ncols()
    }

    fn partial(&self, y: ArrayView1<'_, f64>) -> Result<Array1<f64>, GmmError> {
        crate::gmm::require("rows of the outcome", self.x.nrows(), y.len())?;
        crate::gmm::require_finite("outcome", y)?;
        Ok(match &self.basis {
            Some(q) => &y - &q.dot(&q.t().dot(&y)),
            None => y.to_owned(),
        })
    }

    /// `Z L^-T` with `Z'Z/n = L L'`: instruments with unit second moments.
    fn standardised_instruments(&self) -> Result<Array2<f64>, GmmError> {
        standardise(&self.z)
    }

    /// Residuals of the first stages, `[n, k]`.
    fn residuals(&self) -> Result<Array2<f64>, GmmError> {
        let z = self.standardised_instruments()?;
        let n = z.nrows() as f64;
        Ok(&self.x - &matmul(z.view(), (matmul(z.t(), self.x.view())? / n).view())?)
    }

    /// The factor from a chi-squared per instrument to an F, as the regression's robust covariance has it:
    /// `(n - m - l)/n`, with clusters `(n - m - l)/(n - 1) (C - 1)/C`.
    fn small_sample(&self, covariance: &MomentCovariance) -> f64 {
        let n = self.observations() as f64;
        let free = n - self.exogenous as f64 - self.instruments() as f64;
        match covariance.clusters() {
            Some(clusters) => free / (n - 1.0) * (clusters as f64 - 1.0) / clusters as f64,
            None => free / n,
        }
    }
}

/// Rows and columns of a matrix by range.
fn block(a: &Array2<f64>, rows: Range<usize>, columns: Range<usize>) -> ArrayView2<'_, f64> {
    let mut view = a.slice_axis(Axis(0), Slice::from(rows));
    view.slice_axis_inplace(Axis(1), Slice::from(columns));
    view
}

/// `A L^-T` with `A'A/n = L L'`.
fn standardise(a: &Array2<f64>) -> Result<Array2<f64>, GmmError> {
    let second = matmul(a.t(), a.view())? / a.nrows() as f64;
    let lower = Cholesky::well_conditioned(second.view())?.lower().to_owned();
    // (A L^-T)' = L^-1 A': the inverse of a small triangle, then one product.
    let inverse = linalg::inverse(lower.view())?;
    Ok(matmul(a.view(), inverse.t())?)
}

/// Contributions `z_ia v_ib` in the order `a` fast, `b` slow: `vec` of the `[l, k]` mean.
fn products(z: &Array2<f64>, v: &Array2<f64>) -> Array2<f64> {
    let l = z.ncols();
    Array2::from_shape_fn((z.nrows(), l * v.ncols()), |(i, c)| z[[i, c % l]] * v[[i, c / l]])
}
