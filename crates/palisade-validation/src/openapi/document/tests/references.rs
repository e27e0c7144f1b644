use serde_json::json;

use super::super::{Document, Version};
use super::{folder, load, told};

const INFO: &str = "info: {title: a, version: '1'}";

#[test]
fn references_are_followed_within_files_and_between_them() {
    let api = format!(
        "openapi: 3.0.3\n{INFO}\npaths:\n  /orders:\n    $ref: paths/orders.yaml\ncomponents:\n  parameters:\n    Limit: {{$ref: 'parts.json#/a~1b/0'}}\n    Again: {{$ref: '#/components/parameters/Limit'}}\n"
    );
    let orders = "get:\n  parameters: [{$ref: '../api.yaml#/components/parameters/Again'}]\n  responses:\n    200: {$ref: '../parts.json#/answers/ok%20%C3%A4'}\n";
    let parts = r#"{"a/b": [{"name": "limit", "in": "query", "schema": {"type": "integer"}}],
        "answers": {"ok ä": {"description": "fine"}}}"#;
    let files = [
        ("api.yaml", api.as_str()),
        ("paths/orders.yaml", orders),
        ("parts.json", parts),
    ];
    let folder = folder(&files);
    let document = Document::load(&folder.path().join("api.yaml")).unwrap();
    assert_eq!(document.version(), Version::V3_0);
    let mut looked_at: Vec<_> = files.iter().map(|(name, _)| folder.path().join(name)).collect();
    looked_at.sort_unstable();
    assert_eq!(document.files(), looked_at);

    let item = document.root().get("paths").unwrap().get("/orders").unwrap();
    let get = item.get("get").unwrap();
    assert!(get.file().ends_with("paths/orders.yaml"));
    assert_eq!(get.pointer(), "/get");
    let parameter = get.get("parameters").unwrap().items().next().unwrap();
    assert_eq!(parameter.get("name").unwrap().str(), Some("limit"));
    assert_eq!(parameter.pointer(), "/a~1b/0");
    let raw = get.raw("parameters").unwrap().raw_items().next().unwrap();
    assert_eq!(
        raw.value(),
        &json!({"$ref": "../api.yaml#/components/parameters/Again"})
    );
    let (status, response) = get.get("responses").unwrap().members().next().unwrap();
    assert_eq!(
        (status, response.get("description").unwrap().str()),
        ("200", Some("fine"))
    );
    let again = document
        .root()
        .get("components")
        .unwrap()
        .get("parameters")
        .unwrap()
        .get("Again")
        .unwrap();
    assert_eq!(again.identity(), parameter.identity());
    assert_eq!(document.node(again.identity()).unwrap().value(), again.value());
    let error = parameter.get("in").unwrap().error("is that");
    assert_eq!(
        (error.position.unwrap().line, error.pointer.as_str()),
        (1, "/a~1b/0/in")
    );
}

#[test]
fn a_reference_is_one_only_where_the_specification_has_it() {
    let text = format!(
        "openapi: 3.0.3\n{INFO}\npaths: {{}}\ncomponents:\n  schemas:\n    A: {{properties: {{$ref: {{type: string}}}}, example: {{$ref: '#/nowhere'}}, enum: [{{$ref: nowhere}}]}}\n    B: {{$ref: '#/components/schemas/A', nullable: 5}}\n  examples:\n    E: {{value: {{$ref: '#/nowhere'}}}}\n"
    );
    let document = load(&[("api.yaml", &text)]).unwrap();
    let schemas = document.root().get("components").unwrap().get("schemas").unwrap();
    let b = schemas.get("B").unwrap();
    assert!(
        b.raw("$ref").is_some(),
        "a Schema Object is not followed by `get`"
    );
    assert_eq!(b.schema().identity(), schemas.get("A").unwrap().identity());
    assert_eq!(b.schema().schema().identity(), b.schema().identity());
}

#[test]
fn references_that_lead_nowhere_are_told_where_they_stand() {
    let text = format!(
        "openapi: 3.1.0\n{INFO}\npaths:\n  /a: {{$ref: '#/components/pathItems/B'}}\n  /b: {{$ref: b.yaml}}\n  /c: {{$ref: 'https://example.com/c.yaml'}}\n  /d: {{$ref: ../d.yaml}}\n  /e: {{$ref: '#e'}}\n  /f: {{$ref: '#/%ff'}}\n  /g: {{$ref: [g]}}\n  /h: {{$ref: bad.json}}\n  /i: {{$ref: bad.json}}\n  /j: {{$ref: /etc/passwd}}\ncomponents:\n  schemas:\n    A: {{$ref: 'https://example.com/a'}}\n    B: {{items: {{$ref: '#/components/schemas/C'}}}}\n    D: {{$ref: '#anchor'}}\n    E: {{$ref: '#/components/schemas/B/items/0'}}\n"
    );
    let elsewhere = "is neither in this document nor a file below its folder; documents elsewhere are never fetched, but a copy may lie beside the schema";
    assert_eq!(
        told(&[("api.yaml", &text), ("bad.json", "{")]),
        [
            "api.yaml:4:14: at `/paths/~1a/$ref`: `#/components/pathItems/B` leads to nothing".to_owned(),
            "api.yaml:5:14: at `/paths/~1b/$ref`: `b.yaml` cannot be read: No such file or directory (os error 2)".to_owned(),
            format!("api.yaml:6:14: at `/paths/~1c/$ref`: `https://example.com/c.yaml` {elsewhere}"),
            format!("api.yaml:7:14: at `/paths/~1d/$ref`: `d.yaml` {elsewhere}"),
            "api.yaml:8:14: at `/paths/~1e/$ref`: `#e` leads to nothing".to_owned(),
            "api.yaml:9:14: at `/paths/~1f/$ref`: is no reference: its fragment is no text".to_owned(),
            "api.yaml:10:14: at `/paths/~1g/$ref`: must be text".to_owned(),
            format!("api.yaml:13:14: at `/paths/~1j/$ref`: `etc/passwd` {elsewhere}"),
            format!("api.yaml:16:15: at `/components/schemas/A/$ref`: `https://example.com/a` {elsewhere}"),
            "api.yaml:17:23: at `/components/schemas/B/items/$ref`: `#/components/schemas/C` leads to nothing".to_owned(),
            "api.yaml:18:15: at `/components/schemas/D/$ref`: `#anchor` leads to nothing".to_owned(),
            "api.yaml:19:15: at `/components/schemas/E/$ref`: `#/components/schemas/B/items/0` leads to nothing".to_owned(),
            "bad.json:1:1: is not JSON as it is read here: EOF while parsing an object".to_owned(),
        ]
    );
}

#[test]
fn circles_of_references_are_errors_and_recursive_schemas_are_not() {
    let text = format!(
        "openapi: 3.1.0\n{INFO}\npaths: {{}}\ncomponents:\n  parameters:\n    A: {{$ref: '#/components/parameters/B'}}\n    B: {{$ref: '#/components/parameters/A'}}\n    C: {{$ref: '#/components/parameters/C'}}\n  schemas:\n    S: {{$ref: '#/components/schemas/T'}}\n    T: {{$ref: '#/components/schemas/S', minLength: 1}}\n    Tree: {{properties: {{left: {{$ref: '#/components/schemas/Tree'}}}}}}\n"
    );
    let problem = "leads in a circle, from reference to reference";
    assert_eq!(
        told(&[("api.yaml", &text)]),
        [
            format!("api.yaml:6:15: at `/components/parameters/A/$ref`: {problem}"),
            format!("api.yaml:7:15: at `/components/parameters/B/$ref`: {problem}"),
            format!("api.yaml:8:15: at `/components/parameters/C/$ref`: {problem}"),
            format!("api.yaml:10:15: at `/components/schemas/S/$ref`: {problem}"),
            format!("api.yaml:11:15: at `/components/schemas/T/$ref`: {problem}"),
        ]
    );
}

#[test]
fn what_looks_like_a_rule_beside_a_reference_is_an_error() {
    let text = format!(
        "openapi: 3.0.3\n{INFO}\npaths:\n  /a: {{$ref: '#/paths/~1b', get: {{}}}}\n  /b:\n    parameters:\n    - $ref: '#/components/parameters/A'\n      required: true\n    - $ref: '#/components/parameters/B'\n      description: may be\ncomponents:\n  parameters:\n    A: {{name: a, in: query, schema: {{}}}}\n    B: {{name: b, in: query, schema: {{}}}}\n"
    );
    assert_eq!(
        told(&[("api.yaml", &text)]),
        [
            "api.yaml:4:34: at `/paths/~1a/get`: stands beside `$ref`, and OpenAPI does not say which of both counts",
            "api.yaml:8:17: at `/paths/~1b/parameters/0/required`: stands beside `$ref`, where OpenAPI ignores everything",
        ]
    );
}

#[test]
fn errors_in_other_files_are_told_with_theirs() {
    let api = format!(
        "openapi: 3.0.3\n{INFO}\npaths: {{}}\ncomponents: {{schemas: {{A: {{$ref: 'more/a.yaml#/A'}}}}}}\n"
    );
    let more = "A:\n  properties:\n    b: {type: text}\n    c: {$ref: b.yaml}\nunused: {type: text}\n";
    assert_eq!(
        told(&[
            ("api.yaml", &api),
            ("more/a.yaml", more),
            ("more/b.yaml", "type: string\nmaxlength: 5")
        ]),
        [
            "more/a.yaml:3:15: at `/A/properties/b/type`: must be one of `array`, `boolean`, `integer`, `number`, `object`, `string`",
            "more/b.yaml:2:12: at `/maxlength`: is no keyword of a Schema Object",
        ]
    );
}

#[cfg(unix)]
#[test]
fn a_link_that_leaves_the_folder_is_refused() {
    let elsewhere = folder(&[("secret.yaml", "type: string")]);
    let api =
        format!("openapi: 3.0.3\n{INFO}\npaths: {{}}\ncomponents: {{schemas: {{A: {{$ref: link.yaml}}}}}}\n");
    let here = folder(&[("api.yaml", &api)]);
    std::os::unix::fs::symlink(
        elsewhere.path().join("secret.yaml"),
        here.path().join("link.yaml"),
    )
    .unwrap();
    let errors = Document::load(&here.path().join("api.yaml")).unwrap_err();
    assert_eq!(
        errors.list[0].problem,
        "`link.yaml` is a link that leaves the folder of the schema"
    );
}

#[test]
fn schemas_are_found_by_what_they_call_themselves() {
    let text = format!(
        "openapi: 3.1.0\n{INFO}\npaths: {{}}\ncomponents:\n  schemas:\n    A: {{$ref: 'https://example.com/b.json#tail'}}\n    B:\n      $id: https://example.com/b.json\n      $defs: {{tail: {{$anchor: tail, type: string}}, other: {{$ref: '#/$defs/tail'}}, more: {{$ref: 'c.json'}}}}\n    C: {{$id: 'https://example.com/c.json', type: integer}}\n    D: {{$anchor: d, type: boolean}}\n    E: {{$ref: '#d'}}\n"
    );
    let document = load(&[("api.yaml", &text)]).unwrap();
    let schemas = document.root().get("components").unwrap().get("schemas").unwrap();
    let leads = |node: super::super::Node<'_>| node.schema().pointer();
    assert_eq!(
        leads(schemas.get("A").unwrap()),
        "/components/schemas/B/$defs/tail"
    );
    let defs = schemas.get("B").unwrap().get("$defs").unwrap();
    assert_eq!(
        leads(defs.get("other").unwrap()),
        "/components/schemas/B/$defs/tail"
    );
    assert_eq!(leads(defs.get("more").unwrap()), "/components/schemas/C");
    assert_eq!(leads(schemas.get("E").unwrap()), "/components/schemas/D");
}

#[test]
fn a_document_without_extension_is_what_it_begins_as() {
    let json = r#"{"openapi": "3.1.1", "info": {"title": "a", "version": "1"}, "paths": {}}"#;
    assert_eq!(load(&[("api", json)]).unwrap().version(), Version::V3_1);
    let yaml = format!("# {{\nopenapi: 3.0.0-rc1\n{INFO}\npaths: {{}}\n");
    assert_eq!(load(&[("api", &yaml)]).unwrap().version(), Version::V3_0);
}
