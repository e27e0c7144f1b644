//! Schemas, and what they refuse.

mod bounds;
mod check;
mod load;
mod suite;

use serde_json::Value;

use super::{Compiler, Draft, Formats, Schema, Violation, Violations};

/// Compiles a schema that refers to nothing else.
fn schema(schema: &Value) -> Schema {
    Compiler::new(Draft::Draft202012, Formats::Assert, Vec::new())
        .unwrap()
        .compile(schema, "schema:///test")
        .unwrap()
}

/// Pointer, keyword and message of each violation.
fn told(result: Result<(), Violations>) -> Vec<String> {
    let violations = result.expect_err("it does not match");
    let told = |told: Violation| format!("{} | {} | {}", told.pointer, told.keyword, told.message);
    violations.list.into_iter().map(told).collect()
}
