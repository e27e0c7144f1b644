use jsonschema_regex::to_rust_regex;
use proptest::prelude::*;
use regex::Regex;
use regex_automata::util::syntax;
use rstest::rstest;

use super::{Budget, ECMA_SIZE, Engine, Pattern, PatternError, TooMuchWork, states};

const STEPS: u64 = 1_000_000;

/// The verdict, and how many steps it took.
fn search(pattern: &Pattern, text: &str) -> (Result<bool, TooMuchWork>, u64) {
    let budget = Budget::new(STEPS);
    let verdict = pattern.is_match(text, |steps| budget.spend(steps));
    (verdict, STEPS - budget.0.get())
}

fn engine(pattern: &Pattern) -> &'static str {
    match &pattern.0 {
        Engine::Count(_) => "count",
        Engine::Automaton(_) => "automaton",
        Engine::States(_) => "states",
    }
}

/// A pattern of the crate `regex`, state by state.
fn walked(pattern: &str) -> Pattern {
    let states = states(pattern, syntax::Config::new(), ECMA_SIZE).unwrap();
    Pattern(Engine::States(states))
}

#[rstest]
#[case(r"^.{1,4000}$", "count", "é".repeat(4_000), true)]
#[case(r"^.{1,4000}$", "count", "é".repeat(4_001), false)]
#[case(r"^[\w+=,.@-]{1,1024}$", "count", "a".repeat(1_024), true)]
#[case(r"[a-z]{5,4000}", "automaton", "abcd ".repeat(1_600), false)]
#[case(r"^[^\s@]+@([a-z0-9-]+\.)+[a-z]{2,63}$", "automaton", format!("{}@example.com", "a".repeat(8_000)), true)]
#[case(r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", "automaton", "0".repeat(8_000), false)]
#[case(r"^arn:aws:[a-z0-9]+:[a-z0-9-]*:\d{12}:[\w+=/,.@:-]{1,2048}$", "automaton", format!("arn:aws:iam::123456789012:{}", "a".repeat(2_048)), true)]
#[case(r"^[\p{L}\p{M}\p{N} .,'-]+$", "automaton", "é".repeat(4_000), true)]
#[case(r"^\S.{0,3998}\S$", "states", "é".repeat(4_000), true)]
#[case(r"^(\p{L}+ ?){1,10}$", "states", "é".repeat(1_000), true)]
#[case(r"^([A-Z0-9]{1,10},?){1,50}$", "states", "ABC,".repeat(50), true)]
#[case(r"foo.{0,100}bar", "states", "foo ".repeat(1_000), false)]
#[case(r"\bfoo\b", "states", "foot ".repeat(1_600), false)]
fn what_schemas_have_is_searched_for_in_texts_of_some_kilobytes(
    #[case] text: &str,
    #[case] expected: &str,
    #[case] instance: String,
    #[case] accepted: bool,
) {
    let pattern = Pattern::ecma(text).unwrap();
    assert_eq!(engine(&pattern), expected);
    let (verdict, steps) = search(&pattern, &instance);
    assert_eq!(verdict, Ok(accepted));
    if pattern.is_linear() {
        assert_eq!(steps, 1 + instance.len() as u64 / 8);
    } else {
        assert!(steps < STEPS / 2, "{steps}");
    }
}

#[rstest]
#[case::nested(r"^(\s*[0-9A-F]{1,16}\s*,?){1,1000}$")]
#[case::searched(r"(\s*[0-9A-F]{1,16}\s*,?){200}$")]
#[case::without_counts_above(r"^(([0-9A-F]{1,100},?){1,100})*$")]
fn a_search_that_takes_too_much_work_is_given_up_after_as_much_as_it_may_take(#[case] text: &str) {
    let pattern = Pattern::ecma(text).unwrap();
    let instance = format!("{}!", "0".repeat(8_000));
    assert_eq!(search(&pattern, &instance), (Err(TooMuchWork), STEPS));
    // It does not depend on what was searched before.
    assert_eq!(search(&pattern, "AB, CD"), search(&pattern, "AB, CD"));
    assert_eq!(search(&pattern, &instance), (Err(TooMuchWork), STEPS));
}

#[test]
fn nothing_is_searched_without_steps() {
    for text in ["^a{1,2}$", "a", r"\ba"] {
        let verdict = Pattern::ecma(text).unwrap().is_match("a", |_| false);
        assert_eq!(verdict, Err(TooMuchWork), "{text}");
    }
}

#[rstest]
#[case("a|b", "b", true)]
#[case("a|b", "ab", false)]
#[case("a*?", "aaa", true)]
#[case("^a$", "a", true)]
#[case("a", "a\n", false)]
#[case("(?i)straße", "STRASSE", false)]
#[case("(?i)é+", "Éé", true)]
#[case(".{2,3}", "éé", true)]
#[case(".{2,3}", "é", false)]
#[case(r"\w{5000}", "a", false)]
fn a_whole_text_matches(#[case] text: &str, #[case] value: &str, #[case] accepted: bool) {
    let pattern = Pattern::whole(text).unwrap();
    assert_eq!(search(&pattern, value).0, Ok(accepted));
}

#[rstest]
#[case("(", PatternError::Syntax)]
#[case("a)|(b", PatternError::Syntax)]
#[case("(?=a)", PatternError::Syntax)]
#[case("(?x)a # b", PatternError::Syntax)]
#[case(r"(?:\w-){5000}", PatternError::TooLarge)]
fn what_is_no_pattern_is_refused(#[case] text: &str, #[case] error: PatternError) {
    assert_eq!(Pattern::whole(text).err(), Some(error));
}

#[rstest]
#[case(r"\B", "é")]
#[case(r"(?-u:\b)é", "aé")]
#[case("", "é")]
#[case(r"(?m)^b$", "a\nb\nc")]
#[case(r"(?mR)^$", "a\r\n\r\nb")]
#[case(r"(?:)|é", "")]
#[case(r"\b{start-half}é\b{end}", "-é")]
#[case(r"[^a]", "é")]
#[case(r"a\z|^b", "ab")]
fn the_walk_agrees_with_the_crate_regex_at_boundaries(#[case] pattern: &str, #[case] text: &str) {
    let expected = Regex::new(pattern).unwrap().is_match(text);
    assert_eq!(search(&walked(pattern), text).0, Ok(expected));
}

fn patterns() -> impl Strategy<Value = String> {
    let atom = prop::sample::select(vec![
        "a", "b", "é", ".", r"\w", r"\d", r"\s", "[^a]", "[a-c]", "^", "$", r"\b", r"\B", r"\p{L}",
    ]);
    atom.prop_map(str::to_owned).prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4).prop_map(|parts| parts.concat()),
            prop::collection::vec(inner.clone(), 1..3).prop_map(|ways| format!("(?:{})", ways.join("|"))),
            (inner.clone(), 0_u32..3, 0_u32..3)
                .prop_map(|(part, least, more)| format!("(?:{part}){{{least},{}}}", least + more)),
            (inner, prop::sample::select(vec!["*", "+", "?", "*?"]))
                .prop_map(|(part, how)| format!("(?:{part}){how}")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn every_engine_agrees_with_the_crate_regex(
        pattern in patterns(),
        texts in prop::collection::vec("[abcé1 \n\u{2028}-]{0,8}", 8),
    ) {
        let translated = to_rust_regex(&pattern).unwrap();
        let (searched, walk) = (Regex::new(&translated).unwrap(), walked(&translated));
        let whole = Regex::new(&format!(r"\A(?:{pattern})\z")).unwrap();
        let (ecma, wholly) = (Pattern::ecma(&pattern).unwrap(), Pattern::whole(&pattern).unwrap());
        for text in texts {
            let expected = Ok(searched.is_match(&text));
            prop_assert_eq!(search(&ecma, &text).0, expected, "{:?} in {:?}", ecma, text);
            prop_assert_eq!(search(&walk, &text).0, expected, "{}", text);
            prop_assert_eq!(search(&wholly, &text).0, Ok(whole.is_match(&text)), "{:?} of {:?}", wholly, text);
        }
    }
}
