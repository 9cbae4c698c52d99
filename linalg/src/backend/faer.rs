//! `faer`, on the calling thread.

use std::mem::MaybeUninit;

use ::faer::dyn_stack::{MemBuffer, MemStack, StackReq};
use ::faer::linalg::lu::partial_pivoting::{factor, solve};
use ::faer::linalg::matmul::matmul as faer_matmul;
use ::faer::linalg::solvers::{Llt, Qr, SelfAdjointEigen, Svd};
use ::faer::perm::PermRef;
use ::faer::{Accum, Mat, MatMut, MatRef, Par, Side, Spec};
use ndarray::{Array1, Array2, ArrayView2};

use super::SvdParts;
use crate::LinalgError;

fn mat(a: ArrayView2<'_, f64>) -> Mat<f64> {
    Mat::from_fn(a.nrows(), a.ncols(), |i, j| a[[i, j]])
}

fn array(m: MatRef<'_, f64>) -> Array2<f64> {
    Array2::from_shape_fn((m.nrows(), m.ncols()), |(i, j)| m[(i, j)])
}

/// `P A = L U` with partial pivoting.
#[derive(Clone, Debug)]
pub(crate) struct LuFactors {
    /// `L` below the diagonal, whose own is of ones, and `U`.
    packed: Mat<f64>,
    /// `P` and its inverse.
    forward: Vec<usize>,
    backward: Vec<usize>,
    /// What the library works in.
    room: Vec<MaybeUninit<u8>>,
}

/// What a solution for so many right-hand sides is worked out in.
fn solving(order: usize, sides: usize) -> StackReq {
    solve::solve_in_place_scratch::<usize, f64>(order, sides, Par::Seq)
        .or(solve::solve_transpose_in_place_scratch::<usize, f64>(order, sides, Par::Seq))
}

impl LuFactors {
    pub(crate) fn new(a: ArrayView2<'_, f64>) -> Result<Self, LinalgError> {
        let (forward, backward, room) = (Vec::new(), Vec::new(), Vec::new());
        let mut factors = Self { packed: Mat::new(), forward, backward, room };
        factors.refactor(a)?;
        Ok(factors)
    }

    /// Factors another matrix in the same room.
    pub(crate) fn refactor(&mut self, a: ArrayView2<'_, f64>) -> Result<(), LinalgError> {
        let Self { packed, forward, backward, room } = self;
        let order = a.nrows();
        packed.resize_with(order, order, |_, _| 0.0);
        for (j, column) in packed.as_mut().col_iter_mut().enumerate() {
            column.iter_mut().zip(a.column(j)).for_each(|(to, from)| *to = *from);
        }
        forward.resize(order, 0);
        backward.resize(order, 0);
        let factoring = factor::lu_in_place_scratch::<usize, f64>(order, order, Par::Seq, Spec::default());
        room.resize(factoring.or(solving(order, 1)).unaligned_bytes_required(), MaybeUninit::uninit());
        let stack = MemStack::new(room);
        factor::lu_in_place(packed.as_mut(), forward, backward, Par::Seq, stack, Spec::default());
        match (0..order).find(|&i| packed[(i, i)] == 0.0 || !packed[(i, i)].is_finite()) {
            Some(pivot) => Err(LinalgError::Singular { pivot }),
            None => Ok(()),
        }
    }

    /// Solves in place for one right-hand side.
    pub(crate) fn solve_in_place(&self, b: &mut [f64]) {
        let n = b.len();
        self.solve(MatMut::from_column_major_slice_mut(b, n, 1));
    }

    /// The same in the room that the factorisation had.
    pub(crate) fn solve_in_own_room(&mut self, b: &mut [f64]) {
        let Self { packed, forward, backward, room } = self;
        let (n, packed) = (b.len(), packed.as_ref());
        let order = PermRef::new_checked(forward, backward, n);
        let b = MatMut::from_column_major_slice_mut(b, n, 1);
        solve::solve_in_place(packed, packed, order, b, Par::Seq, MemStack::new(room));
    }

    /// Solves the transposed system in place for one right-hand side.
    pub(crate) fn solve_transpose_in_place(&self, b: &mut [f64]) {
        let (n, packed) = (b.len(), self.packed.as_ref());
        let order = PermRef::new_checked(&self.forward, &self.backward, n);
        let b = MatMut::from_column_major_slice_mut(b, n, 1);
        let mut room = MemBuffer::new(solving(n, 1));
        solve::solve_transpose_in_place(packed, packed, order, b, Par::Seq, MemStack::new(&mut room));
    }

    pub(crate) fn solve_many(&self, b: ArrayView2<'_, f64>) -> Array2<f64> {
        let mut x = mat(b);
        self.solve(x.as_mut());
        array(x.as_ref())
    }

    fn solve(&self, b: MatMut<'_, f64>) {
        let (n, packed) = (b.nrows(), self.packed.as_ref());
        let order = PermRef::new_checked(&self.forward, &self.backward, n);
        let mut room = MemBuffer::new(solving(n, b.ncols()));
        solve::solve_in_place(packed, packed, order, b, Par::Seq, MemStack::new(&mut room));
    }
}

/// The lower factor `L` of `A = L L'`.
pub(crate) fn cholesky(a: ArrayView2<'_, f64>) -> Result<Array2<f64>, LinalgError> {
    match Llt::new(mat(a).as_ref(), Side::Lower) {
        Ok(llt) => Ok(array(llt.L())),
        Err(::faer::linalg::solvers::LltError::NonPositivePivot { index }) => {
            Err(LinalgError::NotPositiveDefinite { minor: index + 1 })
        }
    }
}

/// Thin `Q` and `R`.
pub(crate) fn qr(a: ArrayView2<'_, f64>) -> Result<(Array2<f64>, Array2<f64>), LinalgError> {
    let qr = Qr::new(mat(a).as_ref());
    Ok((array(qr.compute_thin_Q().as_ref()), array(qr.thin_R())))
}

/// Thin `U`, singular values in decreasing order, `V'`.
pub(crate) fn svd(a: ArrayView2<'_, f64>) -> Result<SvdParts, LinalgError> {
    let svd = Svd::new_thin(mat(a).as_ref()).map_err(|_| LinalgError::NoConvergence { what: "the SVD" })?;
    let s = svd.S().column_vector();
    let values = Array1::from_shape_fn(s.nrows(), |i| s[i]);
    Ok((array(svd.U()), values, array(svd.V().transpose())))
}

/// Eigenvalues in increasing order and the eigenvectors as columns.
pub(crate) fn symmetric_eigen(a: ArrayView2<'_, f64>) -> Result<(Array1<f64>, Array2<f64>), LinalgError> {
    let evd = SelfAdjointEigen::new(mat(a).as_ref(), Side::Lower)
        .map_err(|_| LinalgError::NoConvergence { what: "the symmetric eigendecomposition" })?;
    let s = evd.S().column_vector();
    Ok((Array1::from_shape_fn(s.nrows(), |i| s[i]), array(evd.U())))
}

/// `A B`; shapes were checked.
pub(crate) fn matmul(a: ArrayView2<'_, f64>, b: ArrayView2<'_, f64>) -> Array2<f64> {
    let a = a.as_standard_layout();
    let b = b.as_standard_layout();
    let mut out = Array2::zeros((a.nrows(), b.ncols()));
    let (m, k, n) = (a.nrows(), a.ncols(), b.ncols());
    if let (Some(lhs), Some(rhs), Some(dst)) = (a.as_slice(), b.as_slice(), out.as_slice_mut()) {
        let dst = MatMut::from_row_major_slice_mut(dst, m, n);
        let lhs = MatRef::from_row_major_slice(lhs, m, k);
        let rhs = MatRef::from_row_major_slice(rhs, k, n);
        faer_matmul(dst, Accum::Replace, lhs, rhs, 1.0, Par::Seq);
    }
    out
}
