//! Printed facts that the calibration does not aim at: signs and size classes, which say whether the model is right where it
//! was not told.

use counterfactuals::scenario::{Closure, Question};
use counterfactuals::{Outcome, Path};
use ndarray::Array1;

use super::targets::{export_growth, productivity_growth};
use super::{Calibration, CalibrationError, Solved};

/// A printed fact without a number, and the model's number.
#[derive(Debug, Clone, PartialEq)]
pub struct Untargeted {
    /// What it is, with its unit.
    pub name: &'static str,
    /// What is printed of it, in words.
    pub printed: &'static str,
    /// The model's number.
    pub value: f64,
    /// Whether the number has the sign that is printed; `None` for a size class, which a reader must judge.
    pub agrees: Option<bool>,
}

impl Calibration {
    /// The facts at values of the parameters, in the order of [`super::PARAMETERS`]. Losses are discounted over the path, the
    /// EU's by its members' incomes; "without technology" is the same path with productivity as it was.
    ///
    /// # Errors
    /// [`CalibrationError::Values`] for another number of values; [`CalibrationError::Path`] where there is no equilibrium.
    pub fn untargeted(&self, values: &Array1<f64>) -> Result<Vec<Untargeted>, CalibrationError> {
        let solved = self.solve(values)?;
        let Solved { question, path, .. } = &*solved;
        let still = self.scenario.clone().with_closure(Closure::Exogenous);
        let economy = self.economy_at(values).map_err(CalibrationError::Path)?;
        let failed = |e: &dyn std::fmt::Display| CalibrationError::Path(e.to_string());
        let asked = still.resolve(&economy, &self.parameters(values)).map_err(|e| failed(&e))?;
        let Outcome::Path(without) = asked.answer(&self.settings).map_err(|e| failed(&e))? else {
            return Err(CalibrationError::Missing("a scenario that is a path".to_owned()));
        };
        let at = &self.places;
        let all: Vec<usize> = (0..question.economy.dims().countries).collect();
        let eu = [loss(question, path, &at.eu), loss(question, &without, &at.eu)];
        let world = loss(question, path, &all);
        let exports =
            [export_growth(at, question, path, &[at.china]), export_growth(at, question, path, &at.eu)];
        let china = productivity_growth(at, question, path, at.china);
        let fact = |name, printed, value, agrees| Untargeted { name, printed, value, agrees };
        Ok(vec![
            fact(
                "EU, loss of real income without the technological response, % (discounted mean)",
                "much more substantial",
                eu[1],
                Some(eu[1] > 0.0 && eu[1] > eu[0]),
            ),
            fact("EU, the same with it, % (negative: a gain)", "offset almost entirely", eu[0], None),
            fact(
                "world, loss of real income with it, % (negative: a gain)",
                "raised in some cases",
                world,
                Some(world < 0.0),
            ),
            fact(
                "China, export growth of intensive over other goods, pp a year",
                "no comparable rise",
                exports[0],
                Some(exports[0] < exports[1]),
            ),
            fact(
                "China, TFP growth per s.d. of intensity, pp a year",
                "declines or stagnates",
                china,
                Some(china <= 0.0),
            ),
            fact(
                "elasticity of substitution sigma",
                "below one (gross complements)",
                values[0],
                Some(values[0] < 1.0),
            ),
        ])
    }
}

/// Loss of real income of some countries together, percent: the discounted mean of logs.
fn loss(question: &Question, path: &Path, countries: &[usize]) -> f64 {
    let hats = path.discounted_real_income_hat();
    let income = question.economy.income();
    let total: f64 = countries.iter().map(|n| income[*n]).sum();
    -100.0 * countries.iter().map(|n| income[*n] * hats[*n].ln()).sum::<f64>() / total
}
