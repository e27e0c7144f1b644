use http::header::{ACCEPT, ACCEPT_CHARSET};
use http::{HeaderMap, HeaderValue};
use proptest::prelude::*;
use rstest::rstest;

use super::{AcceptFault, AcceptRule, MOST_OFFERS, MOST_RANGES};

const NO: Result<(), AcceptFault> = Err(AcceptFault::NotAcceptable);
const BAD: Result<(), AcceptFault> = Err(AcceptFault::Malformed);

fn rule(media_types: &[&str]) -> AcceptRule {
    let texts: Vec<String> = media_types.iter().map(|text| (*text).to_owned()).collect();
    AcceptRule::compile(&texts).unwrap()
}

fn fields(values: &[&str]) -> HeaderMap {
    let values = values
        .iter()
        .map(|value| (ACCEPT, HeaderValue::from_bytes(value.as_bytes()).unwrap()));
    values.collect()
}

#[rstest]
#[case::absent(&[], Ok(()))]
#[case::empty(&[""], Ok(()))]
#[case::nothing_named(&[" , ,", "\t"], Ok(()))]
#[case::anything(&["*/*"], Ok(()))]
#[case::of_that_type(&["application/*"], Ok(()))]
#[case::itself(&["application/json"], Ok(()))]
#[case::in_other_letters(&["Application/JSON"], Ok(()))]
#[case::among_others(&["text/html, application/json;q=0.001"], Ok(()))]
#[case::in_another_field(&["text/html", "application/json"], Ok(()))]
#[case::of_a_browser(&["text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"], Ok(()))]
#[case::others(&["text/html, image/*"], NO)]
#[case::one_with_that_suffix(&["application/problem+json"], NO)]
#[case::a_star_that_is_a_name(&["application/*+json"], NO)]
#[case::of_java(&["text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2"], Ok(()))]
#[case::of_java_alone(&["*; q=.2"], Ok(()))]
#[case::excluded(&["application/json;q=0"], NO)]
#[case::excluded_with_decimals(&["application/json; q=0.000"], NO)]
#[case::anything_but_it(&["*/*, application/json;q=0"], NO)]
#[case::it_and_not_the_rest(&["application/json, application/*;q=0, */*;q=0"], Ok(()))]
#[case::the_type_before_anything(&["*/*, application/*;q=0"], NO)]
#[case::the_larger_weight_of_two(&["application/json;q=0, application/json;q=0.1"], Ok(()))]
#[case::the_larger_weight_in_front(&["application/json;q=0.1, application/json;q=0"], Ok(()))]
#[case::in_utf_8(&["application/json; charset=UTF-8"], Ok(()))]
#[case::in_quotes(&[r#"application/json; charset="\u\tf-8""#], Ok(()))]
#[case::in_another_charset(&["application/json; charset=iso-8859-1"], NO)]
#[case::excluded_in_utf_8(&["application/json, application/json;charset=utf-8;q=0"], NO)]
#[case::excluded_in_another_charset(&["application/json, application/json;charset=utf-16;q=0"], Ok(()))]
#[case::of_another_profile(&["application/json; profile=x"], NO)]
#[case::a_comma_in_quotes(&[r#"text/html; x="a, application/json", image/png"#], NO)]
#[case::a_quote_in_quotes(&[r#"text/html; x="a\", b", application/json"#], Ok(()))]
#[case::empty_parameters(&["application/json;; ;q=1 ; , text/html"], Ok(()))]
#[case::a_parameter_behind_the_weight(&["application/json;q=0.5;level=1"], NO)]
#[case::spaces(&["\t application/json \t;\t q=1.000 ,text/html"], Ok(()))]
fn the_most_specific_range_says_whether_json_is_accepted(
    #[case] values: &[&str],
    #[case] expected: Result<(), AcceptFault>,
) {
    assert_eq!(rule(&["application/json"]).check(&fields(values)), expected);
}

#[rstest]
#[case("json")]
#[case("*; q=.")]
#[case("*/json")]
#[case("/json")]
#[case("application/")]
#[case("application/json/x")]
#[case("application /json")]
#[case("application/ json")]
#[case("application/json text/html")]
#[case("application/json; q")]
#[case("application/json; q=")]
#[case("application/json; q =1")]
#[case("application/json; q= 1")]
#[case("application/json; =1")]
#[case("application/json; q=2")]
#[case("application/json; q=1.1")]
#[case("application/json; q=1.001")]
#[case("application/json; q=0.0000")]
#[case("application/json; q=1.0000")]
#[case("application/json; q=.5000")]
#[case("application/json; q=00.5")]
#[case("application/json; q=01")]
#[case("application/json; q=-1")]
#[case("application/json; q=+1")]
#[case("application/json; q=0,5")]
#[case("application/json; q=0.5.5")]
#[case("application/json; q=0x1")]
#[case("application/json; q=1e0")]
#[case("application/json; q=\"1\"")]
#[case("application/json; q=1; q=1")]
#[case("application/json; q=1; Q=0")]
#[case("application/json; x=\"a")]
#[case("application/json; x=\"a\\")]
#[case("application/json; x=\"a\"b")]
#[case("application/json; x=a b")]
#[case("application/json; x=\u{e9}")]
#[case("text/html; q=1; x=\"\u{e9}\", application/json")]
#[case("application/json, <script>")]
fn what_is_no_list_of_ranges_is_refused_wherever_it_stands(#[case] value: &str) {
    let rule = rule(&["application/json"]);
    assert_eq!(rule.check(&fields(&[value])), BAD);
    assert_eq!(rule.check(&fields(&["application/json", value])), BAD);
}

#[rstest]
#[case("application/json", Ok(()))]
#[case("text/xml", Ok(()))]
#[case("text/xml; charset=utf-8", NO)]
#[case("text/xml; charset=ISO-8859-1", Ok(()))]
#[case("text/xml;q=0, */*", Ok(()))]
#[case("text/xml;q=0, application/json;q=0, */*", Ok(()))]
#[case("text/xml;q=0, application/json;q=0, application/vnd.x;q=0, */*", NO)]
#[case("application/vnd.x; v=1", NO)]
#[case("application/vnd.x; V=2", Ok(()))]
#[case("application/vnd.x; v=\"2\"; y=z", NO)]
fn any_of_several_media_types_will_do(#[case] value: &str, #[case] expected: Result<(), AcceptFault>) {
    let rule = rule(&[
        "application/json",
        "text/xml; charset=iso-8859-1",
        "application/vnd.x; v=2",
    ]);
    assert_eq!(rule.check(&fields(&[value])), expected);
}

#[rstest]
#[case(&[], &[("accept", "at least one media type")])]
#[case(&["application/json", "*/*", "text/*", "json", "a/b; q=1"], &[
    ("accept[1]", "a media type such as application/json"),
    ("accept[2]", "a media type such as application/json"),
    ("accept[3]", "a media type such as application/json"),
    ("accept[4]", "a media type such as application/json"),
])]
#[case(&["a/b"; MOST_OFFERS + 1], &[("accept", "at most 32 media types")])]
fn a_setting_that_names_no_media_types_is_refused(#[case] texts: &[&str], #[case] expected: &[(&str, &str)]) {
    let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
    let faults = AcceptRule::compile(&texts).unwrap_err();
    let faults: Vec<(&str, &str)> = faults
        .iter()
        .map(|(key, expected)| (key.as_str(), *expected))
        .collect();
    assert_eq!(faults, expected);
}

#[test]
fn charsets_that_are_asked_for_are_passed_by() {
    let mut headers = fields(&["application/json"]);
    headers.insert(ACCEPT_CHARSET, HeaderValue::from_static("utf-16, *;q=0"));
    assert_eq!(rule(&["application/json"]).check(&headers), Ok(()));
}

#[test]
fn a_list_has_an_end() {
    let rule = rule(&["application/json"]);
    let most = vec!["application/json"; MOST_RANGES];
    assert_eq!(rule.check(&fields(&most)), Ok(()));
    assert_eq!(rule.check(&fields(&[&most.join(",")])), Ok(()));
    assert_eq!(rule.check(&fields(&[&most.join(","), "text/html"])), BAD);
    assert_eq!(rule.check(&fields(&[&",".repeat(MOST_RANGES)])), BAD);
}

#[test]
fn nothing_is_allocated() {
    let rule = rule(&["application/json", "text/xml; charset=utf-8", "a/b; c=d"]);
    let headers = fields(&[
        r#"text/html;q=0.5, text/xml;charset="utf\-8";q=0, a/b;c=e"#,
        "*/*;q=0.1",
    ]);
    let allocations = allocation_counter::measure(|| assert_eq!(rule.check(&headers), Ok(())));
    assert_eq!(allocations.count_total, 0);
}

/// A range, as a model of the standard has it.
#[derive(Debug, Clone)]
struct Range {
    kind: String,
    subtype: String,
    parameters: Vec<(String, String)>,
    /// In thousandths, if it is given.
    weight: Option<u32>,
}

#[derive(Debug, Clone)]
struct Offered {
    kind: String,
    subtype: String,
    parameters: Vec<(String, String)>,
}

fn media_type() -> impl Strategy<Value = (String, String, Vec<(String, String)>)> {
    let parameters = prop::collection::btree_map(
        prop::sample::select(vec!["a", "b", "charset"]),
        prop::sample::select(vec!["1", "2", "utf-8", "x, y", "q\"=;\\"]),
        0..3,
    );
    let kinds = prop::sample::select(vec!["text", "image"]);
    let subtypes = prop::sample::select(vec!["x", "y"]);
    (kinds, subtypes, parameters).prop_map(|(kind, subtype, parameters)| {
        let parameters = parameters
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        (kind.to_owned(), subtype.to_owned(), parameters.collect())
    })
}

fn range() -> impl Strategy<Value = Range> {
    (
        media_type(),
        0..4_u8,
        prop::option::of(prop_oneof![Just(0), Just(1000), 0..=1000_u32]),
    )
        .prop_map(|((kind, subtype, parameters), stars, weight)| {
            let (kind, subtype) = match stars {
                0 => ("*".to_owned(), "*".to_owned()),
                1 => (kind, "*".to_owned()),
                _ => (kind, subtype),
            };
            Range {
                kind,
                subtype,
                parameters,
                weight,
            }
        })
}

/// A value as a quoted string, or as a token where it is one.
fn value(text: &str, quote: bool) -> String {
    if !quote
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    {
        text.to_owned()
    } else {
        format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
    }
}

impl Range {
    /// As a client writes it: with the weight at that place among the parameters, and in one of many ways.
    fn written(&self, place: usize, quote: bool, space: &str, upper: bool) -> String {
        let mut parts: Vec<String> = self
            .parameters
            .iter()
            .map(|(name, text)| format!("{name}={}", value(text, quote)))
            .collect();
        if let Some(weight) = self.weight {
            let weight = match (weight, quote) {
                (1000, true) => "1.0".to_owned(),
                (1000, false) => "1".to_owned(),
                (weight, _) => format!("0.{weight:03}"),
            };
            parts.insert(place.min(parts.len()), format!("q={weight}"));
        }
        let essence = format!("{}/{}", self.kind, self.subtype);
        let essence = if upper { essence.to_uppercase() } else { essence };
        [&[essence], &parts[..]]
            .concat()
            .join(&format!("{space};{space}"))
    }

    fn holds(&self, offered: &Offered) -> bool {
        let fits = |own: &str, other: &str| own == "*" || own == other;
        fits(&self.kind, &offered.kind)
            && fits(&self.subtype, &offered.subtype)
            && self.parameters.iter().all(|parameter| {
                let names_no_charset = offered.parameters.iter().all(|(name, _)| name != "charset");
                offered.parameters.contains(parameter)
                    || names_no_charset && *parameter == ("charset".to_owned(), "utf-8".to_owned())
            })
    }

    fn stars(&self) -> usize {
        [&self.kind, &self.subtype]
            .into_iter()
            .filter(|part| *part == "*")
            .count()
    }
}

/// RFC 9110 section 12.5.1, without any care for costs.
fn model(offers: &[Offered], ranges: &[Range]) -> Result<(), AcceptFault> {
    let is_accepted = |offered: &Offered| {
        let holding: Vec<&Range> = ranges.iter().filter(|range| range.holds(offered)).collect();
        let fewest_stars = holding.iter().map(|range| range.stars()).min();
        let specific = holding
            .into_iter()
            .filter(|range| Some(range.stars()) == fewest_stars);
        let specific: Vec<&Range> = specific.collect();
        let most_parameters = specific.iter().map(|range| range.parameters.len()).max();
        specific
            .iter()
            .filter(|range| Some(range.parameters.len()) == most_parameters)
            .any(|range| range.weight.unwrap_or(1000) > 0)
    };
    if ranges.is_empty() || offers.iter().any(is_accepted) {
        Ok(())
    } else {
        NO
    }
}

proptest! {
    #[test]
    fn it_agrees_with_a_model_however_the_field_is_written(
        offers in prop::collection::vec(media_type(), 1..4),
        ranges in prop::collection::vec((range(), 0..3_usize, any::<bool>(), "[ \t]{0,2}", any::<bool>(), any::<bool>()), 0..6),
    ) {
        let offers = offers.into_iter().map(|(kind, subtype, parameters)| Offered { kind, subtype, parameters });
        let offers: Vec<Offered> = offers.collect();
        let texts: Vec<String> = offers
            .iter()
            .map(|offered| {
                let range = Range {
                    kind: offered.kind.clone(),
                    subtype: offered.subtype.clone(),
                    parameters: offered.parameters.clone(),
                    weight: None,
                };
                range.written(0, false, "", false)
            })
            .collect();
        let mut lines = vec![String::new()];
        for (range, place, quote, space, upper, ends_line) in &ranges {
            let line = lines.last_mut().unwrap();
            line.push_str(&range.written(*place, *quote, space, *upper));
            line.push(',');
            line.push_str(space);
            if *ends_line {
                lines.push(String::new());
            }
        }
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let ranges: Vec<Range> = ranges.into_iter().map(|(range, ..)| range).collect();
        let rule = AcceptRule::compile(&texts).unwrap();
        prop_assert_eq!(rule.check(&fields(&lines)), model(&offers, &ranges), "{:?} against {:?}", texts, lines);
    }

    #[test]
    fn no_text_makes_it_panic(text in "[a-z*/;=, \"\\\\q0-9.\t]{0,60}", any in "[ -~]{0,60}") {
        let rule = rule(&["application/json", "a/b; c=\"d, e\""]);
        let _ = rule.check(&fields(&[&text, &any]));
    }
}
