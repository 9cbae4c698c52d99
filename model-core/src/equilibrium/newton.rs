use super::observer::SolverSettings;
use super::solve::Record;
use super::system::{System, Work};
pub(super) fn newton(_: &System, _: &mut [f64], _: &SolverSettings, _: &mut Record, _: &mut Work) -> bool {
    false
}
