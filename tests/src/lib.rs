//! Compiles the snippets of the README and of the book: each is a doctest.

/// The README.
#[doc = include_str!("../../README.md")]
#[derive(Debug)]
pub struct Readme;
