//! From data to model economies.
//!
//! The only crate of the workspace that reads raw data formats. Every table of flows is read into one form, the
//! multi-region input-output table [`table::WorldTable`]; from it come model economies.
//!
//! # Where to start
//!
//! | to | see |
//! |---|---|
//! | have a world economy at once, without data | [`world_2009()`] |
//! | save an economy for another language, or load one | [`store`] |
//! | read a year of the World Input-Output Database | [`wiod`] |
//! | split value added into capital and three skills, find exchange rates | [`sea`] |
//! | read a table of your own, or the OECD's | [`table_csv`], [`icio`] |
//! | read or write the flows of an economy as text | [`flows_csv`] |
//! | read the detail tables of the United States | [`bea`] |
//! | read US productivity, patents by industry | [`us_klems`], [`patents`] |
//! | classify patents by what they do to rare-earth use, from their text | [`patent_text`] |
//! | have panels of exports, patents and productivity at once | [`panels`] |
//! | turn the files that their publishers offer into what the loaders read | [`official`] |
//! | estimate elasticities from unit values or tariffs | [`trade_elasticity`] |
//! | find trade elasticities for NACE industries | [`theta`] |
//! | know how the shipped files are made | [`shipped`] |
//! | add rare earths as a sector, look up their facts | [`rare_earths`] |
//! | see who uses rare earths and who depends on whom | [`footprint`] |
//! | balance a matrix on known margins | [`balance`] |
//! | aggregate, repair or split an input-output table | [`table`] |
//! | estimate elasticities of substitution from patents and spending | [`substitution`] |
//! | fit parameters of the model to facts | [`simulated_moments`] |
//! | repeat Caliendo and Parro (2015) | [`caliendo_parro`] |
//!
//! Every error names the file, and the line, array, country or sector in it.

pub mod balance;
pub mod bea;
pub mod caliendo_parro;
pub mod flows_csv;
pub mod footprint;
pub mod icio;
pub mod official;
pub mod panels;
pub mod patent_text;
pub mod patents;
pub mod rare_earths;
pub mod replace;
pub mod sea;
pub mod shipped;
pub mod simulated_moments;
mod source;
pub mod store;
pub mod substitution;
pub mod table;
pub mod table_csv;
pub mod theta;
pub mod trade_elasticity;
pub mod us_klems;
pub mod wiod;
pub mod world_2009;

pub use source::LoadError;
pub use world_2009::world_2009;
