//! Orders of 1 KiB and 1 MiB against a realistic schema: our check, the crate alone, and what both rest on, the
//! parser. Then what a peer can make us do at most.

#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a benchmark")]

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use palisade_validation::schema::{Compiler, Draft, Formats, Schema};
use serde_json::{Value, json};

fn rules() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "required": ["id", "placed", "customer", "currency", "lines"],
        "additionalProperties": false,
        "properties": {
            "id": {"type": "string", "pattern": "^[A-Z]{2}-[0-9]{6,12}$"},
            "placed": {"type": "string", "format": "date-time"},
            "currency": {"enum": ["EUR", "USD", "CHF", "GBP"]},
            "customer": {
                "type": "object",
                "required": ["name", "address"],
                "additionalProperties": false,
                "properties": {
                    "name": {"type": "string", "minLength": 1, "maxLength": 80},
                    "email": {"type": "string", "format": "email"},
                    "address": {"$ref": "#/$defs/address"}
                }
            },
            "ship-to": {"$ref": "#/$defs/address"},
            "lines": {"type": "array", "minItems": 1, "maxItems": 10_000, "items": {"$ref": "#/$defs/line"}}
        },
        "$defs": {
            "address": {
                "type": "object",
                "required": ["street", "city", "country"],
                "additionalProperties": false,
                "properties": {
                    "street": {"type": "string", "maxLength": 80},
                    "zip": {"type": "string", "pattern": "^[0-9A-Z -]{3,10}$"},
                    "city": {"type": "string", "maxLength": 80},
                    "country": {"type": "string", "pattern": "^[A-Z]{2}$"}
                }
            },
            "line": {
                "type": "object",
                "required": ["sku", "quantity", "price"],
                "additionalProperties": false,
                "properties": {
                    "sku": {"type": "string", "pattern": "^[A-Z0-9-]{4,20}$"},
                    "text": {"type": "string", "maxLength": 200},
                    "quantity": {"type": "integer", "minimum": 1, "maximum": 10_000},
                    "price": {"type": "number", "minimum": 0, "multipleOf": 0.01},
                    "tags": {"type": "array", "uniqueItems": true, "items": {"type": "string"}},
                    "deliver": {"oneOf": [
                        {"type": "object", "required": ["on"], "additionalProperties": false,
                         "properties": {"on": {"type": "string", "format": "date"}}},
                        {"type": "object", "required": ["within-days"], "additionalProperties": false,
                         "properties": {"within-days": {"type": "integer"}}}
                    ]}
                }
            }
        }
    })
}

/// An order of about that many bytes.
fn order(bytes: usize) -> String {
    let line = |n: usize| {
        json!({
            "sku": format!("SKU-{n:06}"), "text": "A chair, painted in the colour of the sea", "quantity": n % 90 + 1,
            "price": f64::from(u32::try_from(n % 100_000).unwrap()) / 100.0, "tags": ["new", "blue"],
            "deliver": if n.is_multiple_of(2) { json!({"on": "2026-11-29"}) } else { json!({"within-days": 3}) }
        })
    };
    let mut order = json!({
        "id": "DE-00001234", "placed": "2026-11-29T16:00:00Z", "currency": "EUR",
        "customer": {"name": "Jane Doe", "email": "jane@example.com",
            "address": {"street": "1 High Street", "zip": "12345", "city": "Springfield", "country": "DE"}},
        "lines": []
    });
    let per_line = line(1).to_string().len() + 1;
    let lines = (bytes - order.to_string().len()).div_ceil(per_line);
    order["lines"] = (0..lines).map(line).collect();
    order.to_string()
}

fn ours(rules: &Value) -> Schema {
    let compiler = Compiler::new(Draft::Draft202012, Formats::Assert, Vec::new()).unwrap();
    compiler.compile(rules, "schema:///order").unwrap()
}

fn alone(rules: &Value) -> jsonschema::Validator {
    jsonschema::options()
        .offline()
        .with_pattern_options(jsonschema::PatternOptions::regex())
        .should_validate_formats(true)
        .build(rules)
        .unwrap()
}

fn orders(c: &mut Criterion) {
    let (ours, alone) = (ours(&rules()), alone(&rules()));
    for (name, bytes) in [("1 KiB", 1 << 10), ("1 MiB", 1 << 20)] {
        let text = order(bytes);
        let valid: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(ours.check(&valid), Ok(()));
        let mut invalid = valid.clone();
        invalid["lines"][0]["price"] = json!(0.001);
        assert!(!alone.is_valid(&invalid));
        let mut group = c.benchmark_group(name);
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function("parse", |b| {
            b.iter(|| serde_json::from_str::<Value>(black_box(&text)).unwrap());
        });
        group.bench_function("valid, the crate alone", |b| {
            b.iter(|| alone.is_valid(black_box(&valid)));
        });
        group.bench_function("valid, ours", |b| {
            b.iter(|| ours.check(black_box(&valid)).is_ok());
        });
        group.bench_function("one error, the crate alone", |b| {
            b.iter(|| {
                alone
                    .iter_errors(black_box(&invalid))
                    .map(|error| error.masked().to_string().len())
                    .sum::<usize>()
            });
        });
        group.bench_function("one error, ours", |b| {
            b.iter(|| ours.check(black_box(&invalid)).is_err());
        });
        group.finish();
    }
    c.bench_function("compile, the crate alone", |b| b.iter(|| self::alone(&rules())));
    c.bench_function("compile, ours", |b| b.iter(|| self::ours(&rules())));
}

/// What a peer may send to cost us time.
fn hostile(c: &mut Criterion) {
    let mut group = c.benchmark_group("hostile");
    group.sample_size(10);

    let numbers: Value = (0..10_000).collect();
    let objects: Value = (0..10_000).map(|n| json!({"n": n, "of": [n, "x"]})).collect();
    let unique = json!({"uniqueItems": true});
    for (name, items) in [("numbers", &numbers), ("objects", &objects)] {
        let (ours, alone) = (ours(&unique), alone(&unique));
        let id = format!("10,000 unique {name}");
        group.bench_function(BenchmarkId::new(&id, "the crate alone"), |b| {
            b.iter(|| alone.is_valid(items));
        });
        group.bench_function(BenchmarkId::new(&id, "ours"), |b| {
            b.iter(|| ours.check(items).is_ok());
        });
    }

    let operator = |name: &str| {
        json!({
            "type": "object", "required": ["op", "of"],
            "properties": {"op": {"const": name}, "of": {"type": "array", "items": {"$ref": "#"}}}
        })
    };
    let expressions = json!({"oneOf": [operator("and"), operator("or"), {"type": "string"}]});
    let expression = |depth| (0..depth).fold(json!(1), |inner, _| json!({"op": "or", "of": [inner]}));
    let (check, crates) = (ours(&expressions), alone(&expressions));
    for depth in [8, 12, 16] {
        let body = expression(depth);
        group.bench_function(
            BenchmarkId::new("errors of nested alternatives, the crate alone", depth),
            |b| {
                b.iter(|| crates.iter_errors(&body).count());
            },
        );
    }
    for depth in [8, 12, 16, 31] {
        let body = expression(depth);
        group.bench_function(
            BenchmarkId::new("errors of nested alternatives, ours", depth),
            |b| {
                b.iter(|| check.check(&body).is_err());
            },
        );
    }

    let every = ours(&json!({"items": {"type": "string", "minLength": 3, "enum": ["a"]}}));
    group.bench_function("10,000 items that are all wrong", |b| {
        b.iter(|| every.check(&numbers).is_err());
    });

    let many: Vec<Value> = (0..4_000)
        .map(|n| json!({"items": {"not": {"const": n}, "minLength": 1}}))
        .collect();
    let many = ours(&json!({"allOf": many}));
    let large: Value = (10_000..20_000).collect();
    group.bench_function("all the work that 10,000 items may take", |b| {
        b.iter(|| many.check(&large).is_err());
    });
    group.finish();
}

criterion_group!(benches, orders, hostile);
criterion_main!(benches);
