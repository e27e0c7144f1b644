use rstest::rstest;
use serde_json::{Value, json};

use super::super::Direction;
use super::Api;

const ID: &str = "Id: {type: string, readOnly: true}\nSecret: {type: string, writeOnly: true}\n";

fn told(version: &str, direction: Direction, components: &str, value: &Value) -> Vec<String> {
    let api = Api::new(version, &format!("{ID}{components}"), &[]).unwrap();
    api.told(direction, value)
}

#[rstest]
#[case("{type: string, readOnly: true}", "{type: string, writeOnly: true}")]
#[case("{$ref: '#/components/schemas/Id'}", "{$ref: '#/components/schemas/Secret'}")]
#[case(
    "{allOf: [{$ref: '#/components/schemas/Id'}]}",
    "{allOf: [{$ref: '#/components/schemas/Secret'}]}"
)]
#[case(
    "{allOf: [{type: string}, {readOnly: true}]}",
    "{allOf: [{type: string}, {writeOnly: true}]}"
)]
fn what_is_read_only_is_refused_in_requests_and_what_is_write_only_in_answers(
    #[case] id: &str,
    #[case] secret: &str,
) {
    let components = format!(
        "A: {{type: object, required: [id, secret, name], properties: {{id: {id}, secret: {secret}, name: {{type: string}}}}}}"
    );
    for version in ["3.0.3", "3.1.0"] {
        let told = |direction, value| told(version, direction, &components, &value);
        assert!(told(Direction::Request, json!({"name": "a", "secret": "s"})).is_empty());
        assert!(told(Direction::Response, json!({"name": "a", "id": "1"})).is_empty());
        assert_eq!(
            told(Direction::Request, json!({"name": "a", "secret": "s", "id": "1"})),
            [" | readOnly | must not have the member `id`, which is read-only"]
        );
        assert_eq!(
            told(
                Direction::Response,
                json!({"name": "a", "secret": "s", "id": "1"})
            ),
            [" | writeOnly | must not have the member `secret`, which is write-only"]
        );
        assert_eq!(
            told(Direction::Request, json!({"name": "a"})),
            [" | required | must have the member `secret`"]
        );
        assert_eq!(
            told(Direction::Response, json!({"name": "a"})),
            [" | required | must have the member `id`"]
        );
    }
}

#[rstest]
#[case::beside("{required: [id], properties: {id: {readOnly: true}}}")]
#[case::in_all_of("{required: [id], allOf: [{allOf: [{properties: {id: {readOnly: true}}}]}]}")]
#[case::behind_a_reference("{required: [id], allOf: [{$ref: '#/components/schemas/Base'}]}")]
#[case::around_all_of("{allOf: [{$ref: '#/components/schemas/Base'}, {required: [id]}]}")]
#[case::around_one_of("{properties: {id: {readOnly: true}}, oneOf: [{required: [id]}, {not: {}}]}")]
fn required_does_not_demand_what_is_read_only(#[case] schema: &str) {
    for version in ["3.0.3", "3.1.0"] {
        let api = format!(
            "Base: {{type: object, required: [id], properties: {{id: {{readOnly: true}}}}}}\nA: {schema}"
        );
        assert!(
            told(version, Direction::Request, &api, &json!({})).is_empty(),
            "{schema}"
        );
        assert!(
            !told(version, Direction::Response, &api, &json!({})).is_empty(),
            "{schema}"
        );
        assert!(
            told(version, Direction::Response, &api, &json!({"id": 1})).is_empty(),
            "{schema}"
        );
        let refused = told(version, Direction::Request, &api, &json!({"id": 1}));
        assert!(
            refused.iter().any(|told| told.contains("read-only")),
            "{schema} {refused:?}"
        );
    }
}

#[test]
fn additional_properties_are_what_they_were() {
    let closed = "A: {additionalProperties: false, properties: {id: {readOnly: true}, name: {}}}";
    let told = |value| told("3.0.3", Direction::Request, closed, &value);
    assert!(told(json!({"name": 1})).is_empty());
    assert_eq!(
        told(json!({"id": 1})),
        [" | readOnly | must not have the member `id`, which is read-only"]
    );
    assert_eq!(
        told(json!({"other": 1})),
        [" | additionalProperties | has 1 member that the schema does not expect: member 1"]
    );
}

#[test]
fn nothing_is_hidden_under_not_and_if() {
    let components = "A: {properties: {id: {readOnly: true}}, not: {required: [id, x], properties: {id: {readOnly: true}}}}";
    assert!(told("3.0.3", Direction::Request, components, &json!({"x": 1})).is_empty());
    let refused = told("3.0.3", Direction::Request, components, &json!({"x": 1, "id": 1}));
    assert_eq!(refused.len(), 2, "{refused:?}");
    let condition = "A: {if: {required: [id], properties: {id: {readOnly: true}}}, then: {required: [x]}}";
    assert!(told("3.1.0", Direction::Request, condition, &json!({})).is_empty());
    assert_eq!(
        told("3.1.0", Direction::Request, condition, &json!({"id": 1})).len(),
        1
    );
}

#[test]
fn only_properties_are_hidden() {
    let components = "A: {type: array, readOnly: true, items: {$ref: '#/components/schemas/Id'}}";
    assert!(told("3.0.3", Direction::Request, components, &json!(["a"])).is_empty());
    let named = "A: {properties: {readOnly: {type: boolean}}, required: [readOnly]}";
    assert!(told("3.0.3", Direction::Request, named, &json!({"readOnly": true})).is_empty());
    assert_eq!(told("3.0.3", Direction::Request, named, &json!({})).len(), 1);
}

#[test]
fn recursive_schemas_hide_at_every_depth() {
    let components = "A: {required: [id], properties: {id: {$ref: '#/components/schemas/Id'}, next: {$ref: '#/components/schemas/A'}}}";
    assert!(
        told(
            "3.0.3",
            Direction::Request,
            components,
            &json!({"next": {"next": {}}})
        )
        .is_empty()
    );
    assert_eq!(
        told(
            "3.0.3",
            Direction::Request,
            components,
            &json!({"next": {"next": {"id": "a"}}})
        ),
        ["/next/next | readOnly | must not have the member `id`, which is read-only"]
    );
}

#[test]
fn circles_through_all_of_come_to_an_end() {
    let components = "A: {required: [id], allOf: [{$ref: '#/components/schemas/B'}]}\nB: {allOf: [{$ref: '#/components/schemas/A'}], properties: {id: {allOf: [{$ref: '#/components/schemas/C'}]}}}\nC: {allOf: [{$ref: '#/components/schemas/C'}], readOnly: true}";
    assert!(told("3.0.3", Direction::Request, components, &json!({})).is_empty());
    assert!(!told("3.0.3", Direction::Request, components, &json!({"id": 1})).is_empty());
}
