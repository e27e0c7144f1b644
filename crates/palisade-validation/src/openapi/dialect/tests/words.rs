use rstest::rstest;
use serde_json::{Value, json};

use super::super::{Direction, Schemas};
use super::{Api, request};
use crate::schema::Formats;

#[rstest]
#[case("{type: string, nullable: true}", json!(null), true)]
#[case("{type: string, nullable: true}", json!("a"), true)]
#[case("{type: string, nullable: true}", json!(1), false)]
#[case("{type: string, nullable: false}", json!(null), false)]
#[case("{type: string}", json!(null), false)]
#[case("{nullable: true, allOf: [{type: string}]}", json!(null), false)]
#[case("{nullable: true, enum: [a]}", json!(null), false)]
#[case("{type: string, nullable: true, enum: [a]}", json!(null), false)]
#[case("{type: string, nullable: true, enum: [a, null]}", json!(null), true)]
#[case("{type: number, minimum: 1, exclusiveMinimum: true}", json!(1), false)]
#[case("{type: number, minimum: 1, exclusiveMinimum: true}", json!(1.5), true)]
#[case("{type: number, minimum: 1, exclusiveMinimum: false}", json!(1), true)]
#[case("{type: object, properties: {$ref: {type: string}}}", json!({"$ref": 1}), false)]
#[case("{type: object, properties: {nullable: {type: string}}}", json!({"nullable": null}), false)]
#[case("{type: object, additionalProperties: false, properties: {id: {type: string}}}", json!({"id": "a"}), true)]
#[case("{type: object, additionalProperties: false, properties: {id: {type: string}}}", json!({"x": "a"}), false)]
#[case("{type: object, additionalProperties: {type: string, nullable: true}}", json!({"x": null}), true)]
#[case("{type: array, items: {type: string, nullable: true}}", json!([null, "a"]), true)]
#[case("{type: string, enum: [{$ref: nowhere}, a]}", json!("a"), true)]
#[case("{type: object, example: {id: nowhere, $ref: 1}}", json!({}), true)]
fn words_of_3_0_mean_what_they_mean(#[case] schema: &str, #[case] value: Value, #[case] is_valid: bool) {
    let told = request("3.0.3", &format!("A: {schema}"), &value);
    assert_eq!(told.is_empty(), is_valid, "{told:?}");
}

#[rstest]
#[case("int32", json!(2_147_483_647), true)]
#[case("int32", json!(2_147_483_648_i64), false)]
#[case("int32", json!(-2_147_483_649_i64), false)]
#[case("int32", json!(1e10), false)]
#[case("int64", json!(i64::MIN), true)]
#[case("int64", json!(9_223_372_036_854_775_808_u64), false)]
#[case("int64", json!(1e19), false)]
#[case("float", json!(3.4e38), true)]
#[case("float", json!(3.5e38), false)]
#[case("double", json!(1e308), true)]
#[case("byte", json!("aGk="), true)]
#[case("byte", json!("aGk"), false)]
#[case("uuid", json!("f81d4fae-7dec-11d0-a765-00a0c91e6bf6"), true)]
#[case("uuid", json!("f81d4fae"), false)]
#[case("date", json!("2024-02-30"), false)]
#[case("date-time", json!("2024-02-29T12:00:00Z"), true)]
#[case("password", json!("any"), true)]
#[case("binary", json!("any"), true)]
#[case("iban", json!("any"), true)]
#[case("int32", json!("text"), true)]
fn formats_of_openapi_are_asserted(#[case] format: &str, #[case] value: Value, #[case] is_valid: bool) {
    for version in ["3.0.3", "3.1.0"] {
        let told = request(version, &format!("A: {{format: {format}}}"), &value);
        assert_eq!(told.is_empty(), is_valid, "{told:?}");
        if !is_valid {
            assert_eq!(told, [format!(" | format | must be in the format `{format}`")]);
        }
        let api = Api::new(version, &format!("A: {{format: {format}}}"), &[]).unwrap();
        let schemas = Schemas::new(&api.document, Direction::Request, Formats::Annotate).unwrap();
        assert!(schemas.compile(api.schema("A")).unwrap().check(&value).is_ok());
    }
}

const PETS: &str = "
Cat: {type: object, properties: {kind: {type: string}, meow: {type: boolean}}}
Dog: {type: object, properties: {kind: {type: string}, bark: {type: boolean}}}
";

#[rstest]
#[case("{propertyName: kind}", json!({"kind": "Cat"}), "")]
#[case("{propertyName: kind}", json!({"kind": "Bird"}), " | discriminator | must name one of the alternatives in the member `kind`")]
#[case("{propertyName: kind}", json!({"meow": true}), " | discriminator | must have the member `kind`, text that names an alternative")]
#[case("{propertyName: kind}", json!({"kind": 1}), " | discriminator | must have the member `kind`, text that names an alternative")]
#[case("{propertyName: kind, mapping: {c: Cat, d: '#/components/schemas/Dog', e: '#/components/schemas/A'}}", json!({"kind": "c"}), "")]
#[case("{propertyName: kind, mapping: {c: Cat, d: '#/components/schemas/Dog', e: '#/components/schemas/A'}}", json!({"kind": "d"}), "")]
#[case("{propertyName: kind, mapping: {c: Cat, d: '#/components/schemas/Dog', e: '#/components/schemas/A'}}", json!({"kind": "e"}), " | discriminator | must name one of the alternatives in the member `kind`")]
fn a_discriminator_leads_to_an_alternative(
    #[case] discriminator: &str,
    #[case] value: Value,
    #[case] expected: &str,
) {
    for version in ["3.0.3", "3.1.0"] {
        let api = format!(
            "{PETS}A: {{anyOf: [{{$ref: '#/components/schemas/Cat'}}, {{$ref: '#/components/schemas/Dog'}}], discriminator: {discriminator}}}"
        );
        let told = request(version, &api, &value);
        assert!(
            if expected.is_empty() {
                told.is_empty()
            } else {
                told.contains(&expected.to_owned())
            },
            "{told:?}"
        );
    }
}

#[test]
fn a_discriminator_over_alternatives_without_names_asks_for_its_member_only() {
    let api = format!(
        "{PETS}A: {{oneOf: [{{$ref: '#/components/schemas/Cat'}}, {{type: array}}], discriminator: {{propertyName: kind}}}}"
    );
    assert!(request("3.0.3", &api, &json!({"kind": "anything"})).is_empty());
    assert!(request("3.0.3", &api, &json!([])).is_empty());
    assert_eq!(request("3.0.3", &api, &json!({})).len(), 1);
    let parent = "A: {type: object, discriminator: {propertyName: kind}}";
    assert!(request("3.0.3", parent, &json!({})).is_empty());
}

#[test]
fn schemas_refer_to_one_another_in_all_files() {
    let components = "A: {type: object, properties: {next: {$ref: '#/components/schemas/A'}, address: {$ref: 'common/address.json'}, part: {$ref: '#/components/schemas/A/properties/own'}, own: {type: string, nullable: true}}}";
    let files = [(
        "common/address.json",
        r##"{"type": "object", "properties": {"zip": {"$ref": "#/properties/street"}, "street": {"type": "string", "nullable": true, "maxLength": 3}, "home": {"$ref": "../api.yaml#/components/schemas/A"}}}"##,
    )];
    let api = Api::new("3.0.3", components, &files).unwrap();
    let value = json!({"next": {"next": {"next": 1}}, "address": {"zip": null, "street": "long", "home": {"next": 2, "part": null}}});
    assert_eq!(
        api.told(Direction::Request, &value),
        [
            "/next/next/next | type | must be an object",
            "/address/street | maxLength | must have at most 3 characters",
            "/address/home/next | type | must be an object",
        ]
    );
}

#[test]
fn a_schema_is_compiled_once() {
    let api = Api::new(
        "3.0.3",
        "A: {$ref: '#/components/schemas/B'}\nB: {type: string}",
        &[],
    )
    .unwrap();
    let schemas = Schemas::new(&api.document, Direction::Request, Formats::Assert).unwrap();
    let [a, b] = ["A", "B"].map(|name| schemas.compile(api.schema(name)).unwrap());
    assert!(std::sync::Arc::ptr_eq(&a, &b));
    let no_schema = api.document.root().raw("info").unwrap();
    assert_eq!(
        schemas.compile(no_schema).unwrap_err().list[0].problem,
        "is no Schema Object"
    );
}

#[rstest]
#[case(
    "3.0.3",
    "A: {items: {pattern: '(?=a)b'}}",
    "6:26: at `/components/schemas/A/items/pattern`: must be a regular expression"
)]
#[case(
    "3.1.0",
    "A: {$ref: '#/components/schemas/B'}\nB: {properties: {a: {pattern: '(a)\\1'}}}",
    "7:35: at `/components/schemas/B/properties/a/pattern`: must be a regular expression"
)]
#[case(
    "3.1.0",
    "A: {$dynamicRef: '#nothing'}",
    "6:22: at `/components/schemas/A/$dynamicRef`: there is no anchor `nothing`"
)]
#[case(
    "3.1.0",
    "A: {$schema: 'http://json-schema.org/draft-07/schema#', maxLength: -1}",
    "6:72: at `/components/schemas/A/maxLength`: "
)]
#[case(
    "3.1.0",
    "A: {$schema: 'http://json-schema.org/draft-04/schema#', properties: {a: {exclusiveMinimum: 5}}}",
    "6:96: at `/components/schemas/A/properties/a/exclusiveMinimum`: "
)]
#[case(
    "3.1.0",
    "A: {required: [a, a]}",
    "6:19: at `/components/schemas/A/required`: "
)]
fn errors_of_schemas_are_told_with_their_place(
    #[case] version: &str,
    #[case] components: &str,
    #[case] expected: &str,
) {
    let told = Api::new(version, components, &[]).unwrap().errors();
    assert!(told[0].starts_with(&format!("api.yaml:{expected}")), "{told:?}");
}

#[test]
fn dialects_of_3_1_are_those_that_schemas_and_documents_say() {
    let own = "A: {$schema: 'http://json-schema.org/draft-04/schema#', properties: {a: {minimum: 1, exclusiveMinimum: true}, b: {$ref: '#/components/schemas/B'}}}\nB: {type: [integer, 'null'], exclusiveMinimum: 5}";
    let value = json!({"a": 1, "b": 5});
    assert_eq!(request("3.1.0", own, &value).len(), 2);
    assert!(request("3.1.0", own, &json!({"a": 2, "b": null})).is_empty());
    let whole = "A: {items: [{type: string}]}";
    let dialect = format!("{whole}\njsonSchemaDialect: https://json-schema.org/draft/2019-09/schema");
    // The member stands outside of the components.
    let dialect = dialect.replace("\njson", "\n\njson");
    let text = format!(
        "openapi: 3.1.0\ninfo: {{title: a, version: '1'}}\ncomponents: {{schemas: {{{whole}}}}}\n{}",
        dialect.split("\n\n").nth(1).unwrap()
    );
    let folder = super::folder(&[("api.yaml", &text)]);
    let document = crate::openapi::document::Document::load(&folder.path().join("api.yaml")).unwrap();
    let schemas = Schemas::new(&document, Direction::Request, Formats::Assert).unwrap();
    let a = document
        .root()
        .get("components")
        .unwrap()
        .get("schemas")
        .unwrap()
        .get("A")
        .unwrap();
    assert!(schemas.compile(a).unwrap().check(&json!([1])).is_err());
    assert!(schemas.compile(a).unwrap().check(&json!(["a", 1])).is_ok());
}

#[test]
fn identifiers_anchors_and_dynamic_references_work_in_components() {
    let tree = "
Tree:
  $id: https://example.com/tree
  $dynamicAnchor: node
  type: object
  properties: {data: true, children: {type: array, items: {$dynamicRef: '#node'}}}
A:
  $id: https://example.com/strict-tree
  $dynamicAnchor: node
  $ref: tree
  unevaluatedProperties: false
";
    assert!(request("3.1.0", tree, &json!({"children": [{"data": 1}]})).is_empty());
    assert_eq!(
        request("3.1.0", tree, &json!({"children": [{"daat": 1}]})),
        ["/children/0 | unevaluatedProperties | has 1 member that the schema does not expect: member 1"]
    );
    let anchor = "A: {$ref: '#b'}\nB: {$anchor: b, type: string}";
    assert_eq!(
        request("3.1.0", anchor, &json!(1)),
        [" | type | must be a string"]
    );
}

#[test]
fn nullable_is_a_note_in_3_1() {
    let told = |schema: &str| request("3.1.0", &format!("A: {schema}"), &json!(null));
    assert_eq!(
        told("{type: string, nullable: true}"),
        [" | type | must be a string"]
    );
    assert!(told("{type: [string, 'null']}").is_empty());
}

#[test]
fn siblings_of_a_reference_count_in_3_1_and_not_in_3_0() {
    let components = "A: {$ref: '#/components/schemas/B', maxLength: 1}\nB: {type: string}";
    assert!(request("3.0.3", components, &json!("long")).is_empty());
    assert_eq!(request("3.1.0", components, &json!("long")).len(), 1);
}

#[test]
fn a_document_cannot_use_the_words_that_schemas_are_put_into() {
    let components = "A: {x-palisade-readOnly: [a], x-palisade-discriminator: {propertyName: b}}";
    for version in ["3.0.3", "3.1.0"] {
        assert!(request(version, components, &json!({"a": 1})).is_empty());
    }
}
