//! counterfactuals
