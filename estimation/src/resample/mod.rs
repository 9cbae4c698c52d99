//! Inference by resampling: every draw has its own seeded stream ([`stream`]).

mod stream;

pub use stream::stream;
