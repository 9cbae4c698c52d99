//! Inference by resampling.
//!
//! | question | item |
//! |---|---|
//! | few clusters, linear model | [`WildCluster`] |
//! | few clusters, fixed effects of any kind or Poisson | [`ScoreBootstrap`] |
//! | few clusters or weak instruments, instrumental variables | [`WildInstruments`] |
//! | any statistic, independent rows or clusters | [`Bootstrap`] |
//! | the sharp null of no effect, known assignment | [`Randomisation`] |
//! | many hypotheses at once | [`romano_wolf`] |
//!
//! Every draw has its own seeded stream ([`stream()`]): the same seed gives the same bits whatever the number of
//! threads.
//!
//! ```
//! use estimation::resample::{WildCluster, WildWeights};
//! use ndarray::{Array1, Array2, array};
//!
//! let x = Array2::from_shape_fn((12, 2), |(i, k)| if k == 0 { 1.0 } else { (i % 5) as f64 });
//! let y = Array1::from_shape_fn(12, |i| 0.5 * (i % 5) as f64 + [0.3, -0.1, 0.2, -0.4][i / 3] + 0.1 * (i % 2) as f64);
//! let villages = ["a", "a", "a", "b", "b", "b", "c", "c", "c", "d", "d", "d"];
//! let wild = WildCluster { weights: WildWeights::Webb, draws: 999, seed: 1, impose_null: true };
//! let test = wild.test(y.view(), x.view(), &villages, array![0.0, 1.0].view(), 0.0)?;
//! assert!(test.p_value <= 1.0 && test.t > 0.0);
//! # Ok::<(), estimation::resample::ResampleError>(())
//! ```
//!
//! # References
//!
//! Cameron, Gelbach and Miller (2008), REStat 90; Davidson and MacKinnon (2010), JBES 28; Kline and Santos (2012),
//! Journal of Econometric Methods 1; Roodman, MacKinnon, Nielsen and Webb (2019), Stata Journal 19;
//! MacKinnon, Nielsen and Webb (2023), Journal of Econometrics 232; Romano and Wolf (2005), JASA 100, and (2016),
//! Statistics and Probability Letters 113; Phipson and Smyth (2010), SAGMB 9.

mod bootstrap;
mod error;
mod randomisation;
mod score;
mod stepdown;
mod stream;
mod wild;
mod wild_iv;

pub(crate) use bootstrap::quantile;
pub use bootstrap::{Bootstrap, BootstrapDraws, Resample};
pub use error::ResampleError;
pub use randomisation::{Assignment, Randomisation, RandomisationTest};
pub use score::{ScoreBootstrap, ScoreModel, ScoreTest};
pub use stepdown::romano_wolf;
pub use stream::stream;
pub use wild::{WildCluster, WildInterval, WildTest, WildWeights};
pub use wild_iv::{WildInstruments, WildIvTest};
