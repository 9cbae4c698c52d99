use estimation::identification::FirstStage;
use ndarray::{Array1, Array2};

use super::sample::Sample;
use super::{Panel, Specification, SubstitutionError};

/// How strong the instruments are, sector by sector or for all together.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct FirstStageStrength {
    /// The sector; `all` for all together.
    pub group: String,
    /// Unit-years.
    pub observations: usize,
    /// Effective F statistic of Montiel Olea and Pflueger (2013) for the price net of `phi` times the stock.
    pub effective_f: f64,
    /// Its critical value: at 5 percent, bias above a tenth of the benchmark.
    pub critical_value: f64,
    /// Kleibergen and Paap's (2006) F for price and stock as two endogenous variables.
    pub kleibergen_paap_f: f64,
    /// p-value of their test that the two are not identified apart.
    pub underidentification_p: f64,
}

impl Specification {
    /// First stages: of each sector, then of all, with unit effects and the weights of the spending equation.
    ///
    /// `phi` is where the two variables are put together for the effective F, which is defined for one.
    ///
    /// # Errors
    /// As [`Specification::estimate`].
    pub fn first_stage(&self, panel: &Panel, phi: f64) -> Result<Vec<FirstStageStrength>, SubstitutionError> {
        let sample = Sample::new(panel, &self.stocks)?;
        let mut all = Vec::new();
        for group in (0..panel.sectors.len()).map(Some).chain([None]) {
            let inside = |row: usize| group.is_none_or(|j| panel.units[row].sector == j);
            let chosen: Vec<_> = sample.series.iter().filter(|series| inside(series.row)).collect();
            if chosen.is_empty() {
                continue;
            }
            let count = sample.instruments.len();
            let rows = chosen.iter().map(|series| series.years.len()).sum();
            let mut x = Array2::zeros((rows, 2));
            let mut z = Array2::zeros((rows, count));
            let mut first = 0;
            for series in &chosen {
                for (column, values) in [&series.price, &series.stock].into_iter().enumerate() {
                    let mean = values.mean().unwrap_or(0.0);
                    values.iter().enumerate().for_each(|(t, v)| x[[first + t, column]] = v - mean);
                }
                for ((t, l), v) in series.instruments.indexed_iter() {
                    z[[first + t, l]] = *v;
                }
                first += series.years.len();
            }
            let name = group.map_or("all", |j| panel.sectors[j].as_str()).to_owned();
            let what = format!("the first stage of {name}");
            let failed = |source| SubstitutionError::Gmm { what: what.clone(), source };
            let covariance = self.covariance_of(panel, &chosen);
            let one: Array1<f64> = &x.column(0) - &(&x.column(1) * phi);
            let single =
                FirstStage::new(one.insert_axis(ndarray::Axis(1)).view(), z.view(), None, chosen.len())
                    .map_err(failed)?;
            let effective = single.effective_f(&covariance, None).map_err(failed)?;
            let both = FirstStage::new(x.view(), z.view(), None, chosen.len()).map_err(failed)?;
            let rank = both.kleibergen_paap(&covariance).map_err(failed)?;
            all.push(FirstStageStrength {
                group: name,
                observations: rows,
                effective_f: effective.f,
                critical_value: effective.critical_value(0.1, 0.05).map_err(failed)?.value,
                kleibergen_paap_f: rank.f,
                underidentification_p: rank.lm.p_value,
            });
        }
        Ok(all)
    }
}
