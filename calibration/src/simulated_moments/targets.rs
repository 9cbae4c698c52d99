//! The facts, and what they are in the model.

use counterfactuals::Path;
use counterfactuals::scenario::Question;
use model_core::Economy;
use ndarray::Array1;

use super::CalibrationError;
use super::path::YearTangent;
use crate::rare_earths::economy::most_intensive;
use crate::rare_earths::{EpisodeYear, RareEarthData, RareEarthError, episode};

/// A fact to be met.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    /// Its name.
    pub name: String,
    /// Its value, in the unit of the name.
    pub value: f64,
    /// Its standard error, which is its weight: `1 / std_error^2`.
    pub std_error: f64,
    /// Where value and standard error come from.
    pub source: String,
    /// What it is in the model.
    pub kind: Kind,
}

/// What a fact is in the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// Log price of rare earths outside China over 2009, in a year.
    PriceOutside(i32),
    /// Log of China's volume of rare earths over 2009, in a year.
    ChinaOutput(i32),
    /// Stock of knowledge on rare earths in the most exposed sectors over that in others, percent: mean over the years from
    /// 2011 of the difference in logs, outside China.
    PatentStock,
    /// Percentage points of productivity growth a year for a standard deviation of rare-earth intensity, in Japan.
    JapanProductivity,
    /// Percentage points of export growth a year of the intensive sectors over other goods, in the EU.
    EuExports,
    /// A parameter itself: outside information.
    Outside(usize),
}

/// Positions in the economy that the facts speak of.
pub(super) struct Places {
    r: usize,
    pub(super) china: usize,
    japan: usize,
    pub(super) eu: Vec<usize>,
    /// Sectors by intensity in the world: the most intensive five, and other goods.
    intensive: Vec<usize>,
    others: Vec<usize>,
    /// Intensity of each country's sectors in standard deviations about their mean.
    intensity: Vec<Vec<f64>>,
    /// Weights of countries: their spending on rare earths, zero for China; they sum to one.
    weight: Vec<f64>,
}

/// Economies of the shipped table that are members of the European Union.
const EU: [&str; 5] = ["DEU", "FRA", "GBR", "ITA", "EUR"];

/// Sectors of the shipped table that make goods.
const GOODS: [&str; 14] = [
    "Agriculture",
    "Mining",
    "Food",
    "Textiles",
    "Wood and paper",
    "Refining",
    "Chemicals",
    "Rubber and plastics",
    "Minerals",
    "Metals",
    "Machinery",
    "Electrical",
    "Transport equipment",
    "Other manufacturing",
];

/// Goods that are taken for intensive.
const INTENSIVE: usize = 5;

impl Places {
    pub(super) fn new(economy: &Economy) -> Result<Self, CalibrationError> {
        let labels = economy.labels();
        let missing = |what: &str| CalibrationError::Missing(format!("`{what}` in the economy"));
        let country = |name: &str| labels.country(name).ok_or_else(|| missing(name));
        let r = labels.sector("Rare earths").ok_or_else(|| missing("Rare earths"))?;
        let (china, japan) = (country("CHN")?, country("JPN")?);
        let eu = EU.iter().map(|c| country(c)).collect::<Result<_, _>>()?;
        let intensity = |n: usize, j: usize| economy.input_share()[[n, j, r]];
        let goods: Vec<usize> =
            GOODS.iter().map(|s| labels.sector(s).ok_or_else(|| missing(s))).collect::<Result<_, _>>()?;
        let order = most_intensive(economy, r, &goods, goods.len());
        let (intensive, others) = order.split_at(INTENSIVE.min(order.len()));
        let count = labels.sectors().len();
        let standardised = |n: usize| -> Vec<f64> {
            let own: Vec<f64> = (0..count).filter(|j| *j != r).map(|j| intensity(n, j)).collect();
            let mean = own.iter().sum::<f64>() / own.len() as f64;
            let square = own.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (own.len() - 1) as f64;
            let of = |j: usize| if j == r { 0.0 } else { (intensity(n, j) - mean) / square.sqrt() };
            (0..count).map(of).collect()
        };
        let spent = economy.expenditure().column(r);
        let total: f64 = spent.iter().enumerate().filter(|(n, _)| *n != china).map(|(_, v)| v).sum();
        let weight = spent.iter().enumerate().map(|(n, v)| if n == china { 0.0 } else { v / total });
        Ok(Self {
            r,
            china,
            japan,
            eu,
            intensity: (0..labels.countries().len()).map(standardised).collect(),
            weight: weight.collect(),
            intensive: intensive.to_vec(),
            others: others.to_vec(),
        })
    }
}

/// What a fact is on a path.
pub(super) fn model(at: &Places, question: &Question, path: &Path, values: &Array1<f64>, kind: Kind) -> f64 {
    let economy = &question.economy;
    let year = |y: i32| path.years.iter().find(|year| year.year == y);
    match kind {
        Kind::PriceOutside(y) => year(y).map_or(f64::NAN, |year| {
            let price = |(n, w): (usize, &f64)| w * year.equilibrium.price_hat[[n, at.r]];
            at.weight.iter().enumerate().map(price).sum::<f64>().ln()
        }),
        Kind::ChinaOutput(y) => year(y).map_or(f64::NAN, |year| {
            let (n, r) = (at.china, at.r);
            (year.equilibrium.output[[n, r]] / economy.output()[[n, r]] / year.equilibrium.cost_hat[[n, r]])
                .ln()
        }),
        Kind::PatentStock => exposed(at, path, |t, n, j| path.years[t].stocks.critical[[n, j]].ln()),
        Kind::JapanProductivity => productivity_growth(at, question, path, at.japan),
        Kind::EuExports => export_growth(at, question, path, &at.eu),
        Kind::Outside(k) => values[k],
    }
}

/// Percentage points of productivity growth a year for a standard deviation of a country's intensity.
pub(super) fn productivity_growth(at: &Places, question: &Question, path: &Path, n: usize) -> f64 {
    path.years.last().map_or(f64::NAN, |last| {
        let given = last.shock.augmentation.as_ref();
        let share = question.economy.critical_share();
        let gain = |j: usize| {
            let s = share[[n, j]];
            given.map_or(0.0, |a| s * a.critical[[n, j]].ln() + (1.0 - s) * a.other[[n, j]].ln())
        };
        by_intensity(at, n, gain) / length(path)
    })
}

/// Percentage points of growth a year of some countries' exports of intensive goods over that of other goods.
pub(super) fn export_growth(at: &Places, question: &Question, path: &Path, from: &[usize]) -> f64 {
    path.years.last().map_or(f64::NAN, |last| {
        let (before, after) = (question.economy.border_flows(), last.equilibrium.border_flows());
        let growth = |sectors: &[usize]| {
            (abroad(from, sectors, at, |f| after[f]) / abroad(from, sectors, at, |f| before[f])).ln()
        };
        100.0 * (growth(&at.intensive) - growth(&at.others)) / length(path)
    })
}

/// Years from the first to the last.
fn length(path: &Path) -> f64 {
    (path.years.len() as f64 - 1.0).max(1.0)
}

/// Its derivative when parameter `k` moves by one, which `tangents` is along.
pub(super) fn derivative(
    at: &Places,
    question: &Question,
    path: &Path,
    tangents: &[YearTangent],
    k: usize,
    kind: Kind,
) -> f64 {
    let economy = &question.economy;
    let year = |y: i32| path.years.iter().zip(tangents).find(|(year, _)| year.year == y);
    let years = length(path);
    match kind {
        Kind::PriceOutside(y) => year(y).map_or(f64::NAN, |(year, d)| {
            let price = |n: usize| at.weight[n] * year.equilibrium.price_hat[[n, at.r]];
            let all = 0..at.weight.len();
            all.clone().map(|n| price(n) * d.sensitivity.ln_price[[n, at.r]]).sum::<f64>()
                / all.map(price).sum::<f64>()
        }),
        Kind::ChinaOutput(y) => year(y).map_or(f64::NAN, |(year, d)| {
            let i = [at.china, at.r];
            d.sensitivity.output[i] / year.equilibrium.output[i] - d.sensitivity.ln_cost[i]
        }),
        Kind::PatentStock => exposed(at, path, |t, n, j| tangents[t].ln_stock[[n, j]]),
        Kind::JapanProductivity => tangents.last().map_or(f64::NAN, |last| {
            let n = at.japan;
            let gain = |j: usize| {
                let s = economy.critical_share()[[n, j]];
                s * last.ln_augmentation.0[[n, j]] + (1.0 - s) * last.ln_augmentation.1[[n, j]]
            };
            by_intensity(at, n, gain) / years
        }),
        Kind::EuExports => path.years.last().zip(tangents.last()).map_or(f64::NAN, |(last, d)| {
            let e = &last.equilibrium;
            let flows = e.border_flows();
            let moved = |f: [usize; 3]| {
                let [n, i, j] = f;
                let s = &d.sensitivity;
                let spending = s.expenditure[[n, j]] / e.expenditure[[n, j]];
                flows[f] * (spending - economy.theta()[j] * (s.ln_cost[[i, j]] - s.ln_price[[n, j]]))
            };
            let growth = |sectors: &[usize]| {
                abroad(&at.eu, sectors, at, moved) / abroad(&at.eu, sectors, at, |f| flows[f])
            };
            100.0 * (growth(&at.intensive) - growth(&at.others)) / years
        }),
        Kind::Outside(parameter) => f64::from(u8::from(parameter == k)),
    }
}

/// Mean over the years from 2011 and countries of the difference between intensive sectors and others, percent.
fn exposed(at: &Places, path: &Path, of: impl Fn(usize, usize, usize) -> f64) -> f64 {
    let late: Vec<usize> = (0..path.years.len()).filter(|t| path.years[*t].year > 2010).collect();
    let mean = |sectors: &[usize], t: usize, n: usize| {
        sectors.iter().map(|&j| of(t, n, j)).sum::<f64>() / sectors.len() as f64
    };
    let gap = |t: usize| -> f64 {
        let countries = at.weight.iter().enumerate().filter(|(_, w)| **w > 0.0);
        countries.map(|(n, w)| w * (mean(&at.intensive, t, n) - mean(&at.others, t, n))).sum()
    };
    100.0 * late.iter().map(|t| gap(*t)).sum::<f64>() / late.len() as f64
}

/// Slope on standardised intensity across a country's sectors, percent.
fn by_intensity(at: &Places, n: usize, gain: impl Fn(usize) -> f64) -> f64 {
    let own = &at.intensity[n];
    let sectors = || (0..own.len()).filter(|j| *j != at.r);
    let square: f64 = sectors().map(|j| own[j].powi(2)).sum();
    100.0 * sectors().map(|j| own[j] * gain(j)).sum::<f64>() / square
}

/// Sum of some countries' exports of sectors to everyone else.
fn abroad(from: &[usize], sectors: &[usize], at: &Places, of: impl Fn([usize; 3]) -> f64) -> f64 {
    let outside: Vec<usize> = (0..at.weight.len()).filter(|n| !from.contains(n)).collect();
    let mut sum = 0.0;
    for &n in &outside {
        for &i in from {
            sum += sectors.iter().map(|&j| of([n, i, j])).sum::<f64>();
        }
    }
    sum
}

impl Target {
    /// Three printed moments, prices outside China in 2011-2015 and China's mine output in 2012-2015 as
    /// observed, and outside information on every parameter but `sigma`: without it the search runs `phi` to the end of its range.
    ///
    /// # Errors
    /// [`RareEarthError`] if the shipped facts do not load.
    pub fn defaults() -> Result<Vec<Self>, RareEarthError> {
        const OBSERVED: &str = "observed (table B1); standard error assumed";
        let new = |name: String, value: f64, std_error: f64, source: &str, kind| Self {
            name,
            value,
            std_error,
            source: source.to_owned(),
            kind,
        };
        let printed = [
            (
                "patent stock, exposed over less exposed, %",
                7.4,
                "press release and Harvard Business School summary, 2025",
                Kind::PatentStock,
            ),
            (
                "TFP growth per s.d. of intensity, Japan, pp",
                0.5,
                "secondary summary of the authors' VoxEU column, 2025",
                Kind::JapanProductivity,
            ),
            ("export growth, intensive over others, EU, pp", 0.3, "press release, 2025", Kind::EuExports),
        ];
        let mut all: Vec<Self> = printed
            .into_iter()
            .map(|(name, value, source, kind)| {
                let source = format!("{source}; standard error assumed, a third of the value");
                new(name.to_owned(), value, value / 3.0, &source, kind)
            })
            .collect();
        let data = RareEarthData::embedded()?;
        let years = episode(&data, 2009..=2015)?;
        let base = &years[0];
        let mined = |year: &EpisodeYear| year.china_mine.map(|d| d.value);
        for year in years.iter().filter(|year| year.year >= 2011) {
            let price = (year.fob.value / base.fob.value).ln();
            let name = format!("ln price outside China, {}", year.year);
            all.push(new(name, price, 0.3, OBSERVED, Kind::PriceOutside(year.year)));
        }
        for year in years.iter().filter(|year| year.year >= 2012) {
            if let (Some(now), Some(then)) = (mined(year), mined(base)) {
                let name = format!("ln mine output of China, {}", year.year);
                all.push(new(name, (now / then).ln(), 0.2, OBSERVED, Kind::ChinaOutput(year.year)));
            }
        }
        let outside = [
            ("lambda", 1, 0.5, 0.1, "R&D literature: 0.3 to 0.7"),
            ("phi", 2, 0.5, 0.25, "assumption: 0.2 to 1"),
            ("xi", 3, 0.01, 0.01, "assumption: 0 to 0.03"),
            ("delta", 4, 0.15, 0.04, "usual values: 0.1 to 0.25"),
            ("beta_r", 5, 0.75, 0.08, "assumption: 0.5 to 0.9"),
        ];
        for (name, k, value, error, source) in outside {
            all.push(new(format!("{name}, outside information"), value, error, source, Kind::Outside(k)));
        }
        Ok(all)
    }
}
