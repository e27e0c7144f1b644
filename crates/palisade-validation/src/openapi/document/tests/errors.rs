use rstest::rstest;

use super::told;

/// A document of 3.0 with these lines at its end.
fn yaml_3_0(lines: &str) -> String {
    format!("openapi: 3.0.3\ninfo: {{title: a, version: '1'}}\n{lines}")
}

fn yaml_3_1(lines: &str) -> String {
    yaml_3_0(lines).replacen("3.0.3", "3.1.0", 1)
}

#[rstest]
#[case(
    "swagger: '2.0'",
    "api.yaml:1:10: at `/swagger`: Swagger 2.0 is not read here; OpenAPI 3.0 or 3.1 is expected: `openapi: 3.0.x` or `openapi: 3.1.x`"
)]
#[case(
    "swagger: 2.0",
    "api.yaml:1:10: at `/swagger`: Swagger 2.0 is not read here; OpenAPI 3.0 or 3.1 is expected: `openapi: 3.0.x` or `openapi: 3.1.x`"
)]
#[case(
    "info: {}\nopenapi: 3.2.0",
    "api.yaml:2:10: at `/openapi`: OpenAPI 3.2.0 is not read here; OpenAPI 3.0 or 3.1 is expected: `openapi: 3.0.x` or `openapi: 3.1.x`"
)]
#[case(
    "openapi: 3.0",
    "api.yaml:1:10: at `/openapi`: must be text; OpenAPI 3.0 or 3.1 is expected: `openapi: 3.0.x` or `openapi: 3.1.x`"
)]
#[case(
    "openapi: 3.0.x",
    "api.yaml:1:10: at `/openapi`: OpenAPI 3.0.x is not read here; OpenAPI 3.0 or 3.1 is expected: `openapi: 3.0.x` or `openapi: 3.1.x`"
)]
#[case(
    "a: b",
    "api.yaml:1:1: must have the field `openapi`; OpenAPI 3.0 or 3.1 is expected: `openapi: 3.0.x` or `openapi: 3.1.x`"
)]
#[case(
    "- a",
    "api.yaml:1:1: must have the field `openapi`; OpenAPI 3.0 or 3.1 is expected: `openapi: 3.0.x` or `openapi: 3.1.x`"
)]
#[case(
    "a: 1\na: 2",
    "api.yaml:2:1: is not YAML as it is read here: there is a second member `a`"
)]
#[case("", "api.yaml:1:1: is not YAML as it is read here: there is nothing in it")]
fn what_is_no_such_document_is_told_with_what_is_expected(#[case] text: &str, #[case] expected: &str) {
    assert_eq!(told(&[("api.yaml", text)]), [expected]);
}

#[test]
fn what_is_no_json_is_told_with_its_place() {
    let told = told(&[("api.json", "{\"openapi\": \"3.0.3\",\n}")]);
    assert_eq!(
        told,
        ["api.json:2:1: is not JSON as it is read here: trailing comma"]
    );
}

#[rstest]
#[case("", &["api.yaml:1:1: must have the field `paths`, as an OpenAPI Object"])]
#[case("paths: []", &["api.yaml:3:8: at `/paths`: must be a Paths Object, an object"])]
#[case("paths: {orders: {}}", &["api.yaml:3:17: at `/paths/orders`: is no path: `orders` does not begin with `/`"])]
#[case("path: {}\npaths: {}", &["api.yaml:3:7: at `/path`: is no field of an OpenAPI Object; is `paths` meant?"])]
#[case("paths: {}\nwebhooks: {}", &["api.yaml:4:11: at `/webhooks`: is a field of an OpenAPI Object since OpenAPI 3.1 only"])]
#[case("paths: {}\ncomponents: {schemas: {a/b: {}}}", &["api.yaml:4:29: at `/components/schemas/a~1b`: the name of a component has letters, digits, `.`, `-` and `_` only"])]
#[case("paths: {/: {get: {responses: {}}}}", &["api.yaml:3:30: at `/paths/~1/get/responses`: must have one response at least"])]
#[case("paths: {/: {get: {}}}", &["api.yaml:3:18: at `/paths/~1/get`: must have the field `responses`, as an Operation Object"])]
#[case("paths: {/: {fetch: {}}}", &["api.yaml:3:20: at `/paths/~1/fetch`: is no field of a Path Item Object; is `patch` meant?"])]
#[case("paths: {x-any: 1, /: {x-any: [1]}}\nx-any: {}", &[])]
fn what_is_missing_or_misspelt_is_told_with_its_place(#[case] lines: &str, #[case] expected: &[&str]) {
    assert_eq!(told(&[("api.yaml", &yaml_3_0(lines))]), expected);
}

#[rstest]
#[case("200: {description: a}", &[])]
#[case("default: {description: a}, 4XX: {description: a}, x-any: 1", &[])]
#[case("4xx: {description: a}", &["api.yaml:3:36: at `/paths/~1/get/responses/4xx`: `4xx` is neither a status such as `200`, nor a class such as `4XX`, nor `default`"])]
#[case("600: {description: a}", &["api.yaml:3:36: at `/paths/~1/get/responses/600`: `600` is neither a status such as `200`, nor a class such as `4XX`, nor `default`"])]
#[case("200: {}", &["api.yaml:3:36: at `/paths/~1/get/responses/200`: must have the field `description`, as a Response Object"])]
#[case("200: a", &["api.yaml:3:36: at `/paths/~1/get/responses/200`: must be a Response Object, an object"])]
fn responses_are_under_their_status(#[case] responses: &str, #[case] expected: &[&str]) {
    let text = yaml_3_0(&format!("paths: {{/: {{get: {{responses: {{{responses}}}}}}}}}"));
    assert_eq!(told(&[("api.yaml", &text)]), expected);
}

#[rstest]
#[case("{name: a, in: query, schema: {}}", &[])]
#[case("{in: query, schema: {}}", &[":3:26: at `/paths/~1/parameters/0`: must have the field `name`, as a Parameter Object"])]
#[case("{name: a, schema: {}}", &[":3:26: at `/paths/~1/parameters/0`: must have the field `in`, as a Parameter Object"])]
#[case("{name: a, in: body, schema: {}}", &[":3:40: at `/paths/~1/parameters/0/in`: must be one of `query`, `header`, `path`, `cookie`"])]
#[case("{name: a, in: query}", &[":3:26: at `/paths/~1/parameters/0`: must have `schema` or `content`"])]
#[case("{name: a, in: query, schema: {}, content: {a/b: {}}}", &[":3:68: at `/paths/~1/parameters/0/content`: there may be `schema` or `content`, and not both"])]
#[case("{name: a, in: query, content: {}}", &[":3:56: at `/paths/~1/parameters/0/content`: must have exactly one media type"])]
#[case("{name: a, in: path, schema: {}}", &[":3:26: at `/paths/~1/parameters/0`: a parameter `in: path` must have `required: true`"])]
#[case("{name: a, in: path, required: false, schema: {}}", &[":3:56: at `/paths/~1/parameters/0/required`: a parameter `in: path` must have `required: true`"])]
#[case("{name: a, in: path, required: yes, schema: {}}", &[":3:56: at `/paths/~1/parameters/0/required`: must be `true` or `false`"])]
#[case("{name: a, in: query, style: simple, schema: {}}", &[":3:54: at `/paths/~1/parameters/0/style`: a parameter `in: query` may have the style `form`, `spaceDelimited`, `pipeDelimited`, `deepObject`"])]
#[case("{name: a, in: header, schema: {}}, {name: A, in: header, schema: {}}", &[":3:61: at `/paths/~1/parameters/1`: there is a second parameter `A` in header"])]
#[case("{name: a, in: query, schema: {}}, {name: A, in: query, schema: {}}", &[])]
fn parameters_are_whole(#[case] parameters: &str, #[case] expected: &[&str]) {
    let text = yaml_3_0(&format!("paths: {{/: {{parameters: [{parameters}]}}}}"));
    let expected: Vec<String> = expected
        .iter()
        .map(|expected| format!("api.yaml{expected}"))
        .collect();
    assert_eq!(told(&[("api.yaml", &text)]), expected);
}

#[rstest]
#[case(
    "type: strng",
    ":7:13: at `/components/schemas/A/type`: must be one of `array`, `boolean`, `integer`, `number`, `object`, `string`"
)]
#[case(
    "type: [string]",
    ":7:13: at `/components/schemas/A/type`: must be one of `array`, `boolean`, `integer`, `number`, `object`, `string`"
)]
#[case(
    "exclusiveMinimum: 5",
    ":7:25: at `/components/schemas/A/exclusiveMinimum`: must be `true` or `false`"
)]
#[case(
    "const: 5",
    ":7:14: at `/components/schemas/A/const`: is a keyword of JSON Schema that OpenAPI 3.0 does not have"
)]
#[case(
    "maxLenght: 5",
    ":7:18: at `/components/schemas/A/maxLenght`: is no keyword of a Schema Object"
)]
#[case(
    "maxLength: -1",
    ":7:18: at `/components/schemas/A/maxLength`: must be an integer of zero or more"
)]
#[case(
    "required: true",
    ":7:17: at `/components/schemas/A/required`: must be a list of text"
)]
#[case(
    "required: []",
    ":7:17: at `/components/schemas/A/required`: must not be empty"
)]
#[case("enum: a", ":7:13: at `/components/schemas/A/enum`: must be an array")]
#[case(
    "properties: [a]",
    ":7:19: at `/components/schemas/A/properties`: must be an object, each member a Schema Object"
)]
#[case(
    "properties: {a: true}",
    ":7:23: at `/components/schemas/A/properties/a`: must be a Schema Object, an object"
)]
#[case(
    "allOf: []",
    ":7:14: at `/components/schemas/A/allOf`: must have a Schema Object at least"
)]
#[case(
    "items: {type: text}",
    ":7:21: at `/components/schemas/A/items/type`: must be one of `array`, `boolean`, `integer`, `number`, `object`, `string`"
)]
#[case(
    "discriminator: {mapping: {}}",
    ":7:22: at `/components/schemas/A/discriminator`: must have the field `propertyName`, as a Discriminator Object"
)]
fn keywords_of_3_0_are_told_with_their_place(#[case] keyword: &str, #[case] expected: &str) {
    let text = yaml_3_0(&format!(
        "paths: {{}}\ncomponents:\n  schemas:\n    A:\n      {keyword}"
    ));
    assert_eq!(told(&[("api.yaml", &text)]), [format!("api.yaml{expected}")]);
}

#[rstest]
#[case(
    "type: [string, nul]",
    ":7:22: at `/components/schemas/A/type/1`: must be one of `array`, `boolean`, `integer`, `null`, `number`, `object`, `string`"
)]
#[case(
    "exclusiveMinimum: true",
    ":7:25: at `/components/schemas/A/exclusiveMinimum`: must be a number"
)]
#[case(
    "$schema: https://example.com/own",
    ":7:16: at `/components/schemas/A/$schema`: is none of the drafts 4, 6, 7, 2019-09 and 2020-12"
)]
#[case("$ref: 5", ":7:13: at `/components/schemas/A/$ref`: must be text")]
#[case(
    "then: {type: text}",
    ":7:20: at `/components/schemas/A/then/type`: must be one of `array`, `boolean`, `integer`, `null`, `number`, `object`, `string`, or a list of them"
)]
fn keywords_of_3_1_are_told_with_their_place(#[case] keyword: &str, #[case] expected: &str) {
    let text = yaml_3_1(&format!(
        "paths: {{}}\ncomponents:\n  schemas:\n    A:\n      {keyword}"
    ));
    assert_eq!(told(&[("api.yaml", &text)])[0], format!("api.yaml{expected}"));
}

#[test]
fn a_dialect_of_ones_own_is_an_error() {
    let text = yaml_3_1("paths: {}\njsonSchemaDialect: https://example.com/own");
    let expected = "api.yaml:4:20: at `/jsonSchemaDialect`: is none of the dialects known here: \
                    `https://spec.openapis.org/oas/3.1/dialect/base`, and the drafts 4, 6, 7, 2019-09 and 2020-12";
    assert_eq!(told(&[("api.yaml", &text)]), [expected]);
}

#[test]
fn a_document_of_3_1_has_something_in_it() {
    assert_eq!(
        told(&[("api.yaml", &yaml_3_1(""))]),
        ["api.yaml:1:1: must have one of `paths`, `components` and `webhooks`"]
    );
    assert!(told(&[("api.yaml", &yaml_3_1("webhooks: {a: {post: {}}}"))]).is_empty());
}

#[test]
fn operations_and_security_schemes_are_whole() {
    let lines = "paths:\n  /a: {get: {operationId: x, responses: {200: {description: a}}}}\n  /b: {get: {operationId: x, responses: {200: {description: a}}}}\ncomponents:\n  securitySchemes:\n    a: {type: apiKey, in: header}\n    b: {type: oauth2, flows: {password: {scopes: {}}}}\n    c: {type: mutualTLS}\n";
    assert_eq!(
        told(&[("api.yaml", &yaml_3_0(lines))]),
        [
            "api.yaml:5:27: at `/paths/~1b/get/operationId`: there is a second operation `x`",
            "api.yaml:8:8: at `/components/securitySchemes/a`: must have the field `name`, as its type is `apiKey`",
            "api.yaml:9:41: at `/components/securitySchemes/b/flows/password`: must have the field `tokenUrl`, as the flow `password`",
            "api.yaml:10:8: at `/components/securitySchemes/c`: `mutualTLS` is a type since OpenAPI 3.1 only",
        ]
    );
}

#[test]
fn places_in_json_are_told_as_well() {
    let text = "{\n  \"openapi\": \"3.0.3\",\n  \"info\": {\"title\": \"ä\", \"version\": 1},\n  \"paths\": {\"/\": 1}\n}";
    assert_eq!(
        told(&[("api.json", text)]),
        [
            "api.json:3:38: at `/info/version`: must be text",
            "api.json:4:18: at `/paths/~1`: must be a Path Item Object, an object",
        ]
    );
}

#[test]
fn columns_count_bytes_in_yaml_as_in_json() {
    let text = yaml_3_0("paths: {/ä: {get: 1}}");
    assert_eq!(
        told(&[("api.yaml", &text)]),
        ["api.yaml:3:20: at `/paths/~1ä/get`: must be an Operation Object, an object"]
    );
}

#[test]
fn of_many_errors_the_first_are_told() {
    let paths: Vec<String> = (0..100).map(|n| format!("  /{n}: 1")).collect();
    assert_eq!(
        told(&[("api.yaml", &yaml_3_0(&format!("paths:\n{}", paths.join("\n"))))]).len(),
        32
    );
}
