//! Tests that cross crates live in this package's `tests/` folder; the library itself is empty.
