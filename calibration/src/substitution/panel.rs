use ndarray::{Array2, Array3};

use super::SubstitutionError;

/// A panel of sectors in countries over consecutive years. Arrays are `[unit, year]` unless they say otherwise.
///
/// It need not be balanced: NaN is what was not observed. A unit is in the sample in the years in which its patents, prices and, where
/// the panel has any, spending are known, after its own first years of patents ([`super::Stocks::presample`]). Patents must be known
/// in every year between the first and the last, as stocks of knowledge are made of them. That a year is missing may depend on
/// the instruments and on effects of units, but not on the errors.
#[derive(Debug, Clone, PartialEq)]
pub struct Panel {
    /// Where it comes from; a simulated panel says that it is.
    pub provenance: String,
    /// Whether it was drawn from the model rather than observed.
    pub simulated: bool,
    /// Sectors.
    pub sectors: Vec<String>,
    /// Markets in which elements have prices of their own, such as inside and outside the country that restricts.
    pub markets: Vec<String>,
    /// Elements of the critical input.
    pub elements: Vec<String>,
    /// Years, each one more than the last.
    pub years: Vec<i32>,
    /// The units, in the order of the rows.
    pub units: Vec<Unit>,
    /// Patents on the critical input, counts.
    pub patents_critical: Array2<f64>,
    /// Patents on everything else, counts: the exposure.
    pub patents_other: Array2<f64>,
    /// Price of the sector's bundle of the critical input, any unit.
    pub price_critical: Array2<f64>,
    /// Price of its other inputs.
    pub price_other: Array2<f64>,
    /// Spending on the critical input and on everything else, where it is known.
    pub spending: Option<(Array2<f64>, Array2<f64>)>,
    /// `mu[j,e]`: predetermined share of each element in the sector's bundle, `[sector, element]`; rows sum to one.
    pub exposure: Array2<f64>,
    /// Shocks to elements.
    pub shocks: Vec<ShockSeries>,
}

/// A sector in a country.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// Country.
    pub country: String,
    /// Position of the sector.
    pub sector: usize,
    /// Position of the market.
    pub market: usize,
}

/// One kind of shock to elements by market and year.
#[derive(Debug, Clone, PartialEq)]
pub struct ShockSeries {
    /// Its name, such as `quota` or `duty`.
    pub name: String,
    /// `g[market, element, year]`.
    pub values: Array3<f64>,
}

impl Panel {
    /// Checks what every estimator relies on.
    ///
    /// # Errors
    /// [`SubstitutionError::Panel`] that names the first unit or sector where something is wrong.
    pub fn check(&self) -> Result<(), SubstitutionError> {
        let bad = |problem: String| Err(SubstitutionError::Panel { problem });
        let shape = (self.units.len(), self.years.len());
        if shape.0 == 0 || shape.1 < 2 {
            return bad(format!("it has {} units and {} years: two years are the least", shape.0, shape.1));
        }
        if let Some(pair) = self.years.windows(2).find(|pair| pair[1] != pair[0] + 1) {
            return bad(format!("{} follows {}: years must be consecutive", pair[1], pair[0]));
        }
        let mut arrays = vec![
            ("patents on the critical input", &self.patents_critical, false),
            ("patents on everything else", &self.patents_other, false),
            ("the price of the critical input", &self.price_critical, true),
            ("the price of other inputs", &self.price_other, true),
        ];
        if let Some((critical, other)) = &self.spending {
            arrays.push(("spending on the critical input", critical, true));
            arrays.push(("spending on everything else", other, true));
        }
        for (what, array, positive) in arrays {
            if array.dim() != shape {
                return bad(format!("{what} has shape {:?} where {shape:?} is needed", array.dim()));
            }
            let wrong = |v: f64| v.is_infinite() || v < 0.0 || (positive && v == 0.0);
            if let Some(((row, t), value)) = array.indexed_iter().find(|(_, v)| wrong(**v)) {
                let need = if positive { "positive" } else { "zero or more" };
                return bad(format!(
                    "{what} is {value} for {} in {}: it must be {need}",
                    self.unit_name(row),
                    self.years[t]
                ));
            }
        }
        for row in 0..shape.0 {
            let Some((first, last)) = self.patenting(row) else { continue };
            if let Some(t) = (first..=last).find(|t| !self.has_patents(row, *t)) {
                return bad(format!(
                    "{} has no patents for {}, between years that have them: stocks of knowledge need every year; fill it in, or \
                     leave out the years on one side of it",
                    self.unit_name(row),
                    self.years[t]
                ));
            }
            let exposed = |t: usize| self.patents_other[[row, t]] > 0.0 || !self.observed(row, t);
            if let Some(t) = (first..=last).find(|t| !exposed(*t)) {
                return bad(format!(
                    "{} has no patents on anything else in {}, which are the exposure: drop the unit, or leave its prices of that \
                     year empty",
                    self.unit_name(row),
                    self.years[t]
                ));
            }
        }
        if !(0..shape.0).any(|row| self.patenting(row).is_some()) {
            return bad("no unit has patents".to_owned());
        }
        let (sectors, elements, markets) = (self.sectors.len(), self.elements.len(), self.markets.len());
        if self.exposure.dim() != (sectors, elements) {
            return bad("weights of elements must be given for every sector and element".to_owned());
        }
        for (j, row) in self.exposure.rows().into_iter().enumerate() {
            let sum = row.sum();
            if !((sum - 1.0).abs() < 1e-6 && row.iter().all(|w| *w >= 0.0)) {
                return bad(format!(
                    "the weights of the elements in {} sum to {sum}: they must be zero or more and sum to one",
                    self.sectors[j]
                ));
            }
        }
        if self.shocks.is_empty() {
            return bad("it has no shocks to elements, so there are no instruments".to_owned());
        }
        for series in &self.shocks {
            if series.values.dim() != (markets, elements, shape.1) {
                return bad(format!(
                    "shock `{}` must be given for every market, element and year",
                    series.name
                ));
            }
            if series.values.iter().any(|v| !v.is_finite()) {
                return bad(format!("shock `{}` holds a number that is not finite", series.name));
            }
        }
        if self.units.iter().any(|unit| unit.sector >= sectors || unit.market >= markets) {
            return bad("a unit has a sector or market that is not listed".to_owned());
        }
        Ok(())
    }

    fn has_patents(&self, row: usize, t: usize) -> bool {
        self.patents_critical[[row, t]].is_finite() && self.patents_other[[row, t]].is_finite()
    }

    /// Positions of the first and the last year with patents.
    pub(super) fn patenting(&self, row: usize) -> Option<(usize, usize)> {
        let mut known = (0..self.years.len()).filter(|t| self.has_patents(row, *t));
        let first = known.next()?;
        Some((first, known.next_back().unwrap_or(first)))
    }

    /// Whether all of a unit is known in a year.
    pub(super) fn observed(&self, row: usize, t: usize) -> bool {
        let known = |array: &Array2<f64>| array[[row, t]].is_finite();
        let spent = self.spending.as_ref().is_none_or(|(critical, other)| known(critical) && known(other));
        self.has_patents(row, t) && known(&self.price_critical) && known(&self.price_other) && spent
    }

    /// A unit in words.
    pub fn unit_name(&self, row: usize) -> String {
        self.units.get(row).map_or_else(String::new, |unit| {
            let sector = self.sectors.get(unit.sector).map_or("?", String::as_str);
            format!("{sector} in {}", unit.country)
        })
    }

    /// The same panel without some units, those for which `keep` is false. Sectors stay listed.
    pub fn select(&self, keep: impl Fn(&Unit) -> bool) -> Self {
        let rows: Vec<usize> = (0..self.units.len()).filter(|row| keep(&self.units[*row])).collect();
        let pick = |array: &Array2<f64>| array.select(ndarray::Axis(0), &rows);
        Self {
            units: rows.iter().map(|row| self.units[*row].clone()).collect(),
            patents_critical: pick(&self.patents_critical),
            patents_other: pick(&self.patents_other),
            price_critical: pick(&self.price_critical),
            price_other: pick(&self.price_other),
            spending: self.spending.as_ref().map(|(critical, other)| (pick(critical), pick(other))),
            ..self.clone()
        }
    }

    /// The units of this panel and of another with the same years, sectors, elements and shocks.
    pub(super) fn beside(&self, other: &Self) -> Self {
        let both = |a: &Array2<f64>, b: &Array2<f64>| {
            Array2::from_shape_fn((a.nrows() + b.nrows(), a.ncols()), |(row, t)| {
                if row < a.nrows() { a[[row, t]] } else { b[[row - a.nrows(), t]] }
            })
        };
        Self {
            units: self.units.iter().chain(&other.units).cloned().collect(),
            patents_critical: both(&self.patents_critical, &other.patents_critical),
            patents_other: both(&self.patents_other, &other.patents_other),
            price_critical: both(&self.price_critical, &other.price_critical),
            price_other: both(&self.price_other, &other.price_other),
            spending: self
                .spending
                .as_ref()
                .zip(other.spending.as_ref())
                .map(|(a, b)| (both(&a.0, &b.0), both(&a.1, &b.1))),
            ..self.clone()
        }
    }

    /// The same panel with the shocks of one element taken out of the instruments.
    pub(super) fn without_shocks_of(&self, element: usize) -> Self {
        let mut panel = self.clone();
        for series in &mut panel.shocks {
            series.values.index_axis_mut(ndarray::Axis(1), element).fill(0.0);
        }
        panel
    }
}

impl ShockSeries {
    /// The same with every shock times a number.
    pub fn scaled(&self, by: f64) -> Self {
        Self { name: self.name.clone(), values: &self.values * by }
    }
}
