//! Laws of layering that hold for any values.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use palisade_config::Config;
use proptest::prelude::*;

use crate::fixture::Fixture;

const KEYS: [&str; 5] = [
    "palisade.a",
    "palisade.b.c",
    "palisade.b.d-e",
    "palisade.list",
    "palisade.names.Max",
];
const ORIGINS: [&str; 5] = [
    "application.properties",
    "application-p.properties",
    "application-p.toml",
    "environment variable",
    "--set",
];

/// For each source, the elements it gives each key, if it gives it.
type Layers = [BTreeMap<usize, Vec<u16>>; ORIGINS.len()];

fn layers() -> impl Strategy<Value = Layers> {
    let values = prop::collection::vec(any::<u16>(), 1..4);
    prop::array::uniform5(prop::collection::btree_map(0..KEYS.len(), values, 0..KEYS.len()))
}

fn comma(values: &[u16]) -> String {
    values.iter().map(u16::to_string).collect::<Vec<_>>().join(",")
}

/// Lists by commas and by index in turn.
fn properties(layer: &BTreeMap<usize, Vec<u16>>) -> String {
    let mut text = String::from("# a comment\n");
    for (key, values) in layer {
        if values.len() % 2 == 0 {
            text += &[KEYS.get(*key).unwrap(), " = ", &comma(values), "\n"].concat();
            continue;
        }
        for (index, value) in values.iter().enumerate().rev() {
            text += &[
                KEYS.get(*key).unwrap(),
                "[",
                &index.to_string(),
                "]=",
                &value.to_string(),
                "\n",
            ]
            .concat();
        }
    }
    text
}

fn toml(layer: &BTreeMap<usize, Vec<u16>>) -> String {
    layer
        .iter()
        .map(|(key, values)| [KEYS.get(*key).unwrap(), " = [", &comma(values), "]\n"].concat())
        .collect()
}

fn load(layers: &Layers) -> Config {
    let mut fixture = Fixture::new(&[
        ("application.properties", &properties(&layers[0])),
        ("application-p.properties", &properties(&layers[1])),
        ("application-p.toml", &toml(&layers[2])),
    ]);
    fixture.sources.profiles = vec!["p".to_owned()];
    for (key, values) in &layers[3] {
        let name = KEYS
            .get(*key)
            .unwrap()
            .replace('.', "__")
            .replace('-', "_")
            .to_uppercase();
        fixture.sources.environment.push((name, comma(values)));
    }
    for (key, values) in &layers[4] {
        fixture
            .sources
            .overrides
            .push(((*KEYS.get(*key).unwrap()).to_owned(), comma(values)));
    }
    fixture.config()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn the_highest_source_that_names_a_key_decides_alone(layers in layers()) {
        let config = load(&layers);
        // `max` stands in no file when only a variable names it.
        let declared = [0, 1, 2, 4].iter().any(|layer: &usize| layers[*layer].contains_key(&4));
        for (index, key) in KEYS.iter().enumerate() {
            let key = if index == 4 && !declared { "palisade.names.max" } else { key };
            let highest = layers.iter().enumerate().rev().find_map(|(at, layer)| Some((at, layer.get(&index)?)));
            let read = config.get::<Vec<u16>>(key).unwrap();
            prop_assert_eq!(read.as_ref(), highest.map(|(_, values)| values));
            if let Some((at, _)) = highest {
                let origin = config.origin(key).unwrap().to_string();
                prop_assert!(origin.starts_with(ORIGINS[at]), "{} from {}", key, origin);
            }
        }
    }

    #[test]
    fn any_text_is_loaded_without_a_panic_and_shown_on_one_line(text in "(palisade|blueriq|x)?[a-z.\\[\\]0-9]{0,12}[=: ]\\PC{0,30}\\$?\\{?") {
        let (config, errors) = Fixture::properties(&text).load();
        prop_assert!(config.entries("palisade").iter().all(|entry| !entry.value.contains('\n')));
        prop_assert!(errors.iter().all(|error| !error.to_string().contains('\n')));
    }
}

#[test]
fn ten_thousand_groups_are_loaded_and_read() {
    let mut text = String::new();
    for n in 0..10_000 {
        writeln!(text, "palisade.endpoints[{n}].webservices=S{n},T{n}").unwrap();
        writeln!(text, "palisade.endpoints[{n}].interceptors=I").unwrap();
    }
    let config = Fixture::properties(&text).config();
    let groups = config
        .get::<Vec<BTreeMap<String, Vec<String>>>>("palisade.endpoints")
        .unwrap()
        .unwrap();
    assert_eq!(groups.len(), 10_000);
    assert_eq!(groups[9_999]["webservices"], ["S9999", "T9999"]);
    assert_eq!(
        config
            .origin("palisade.endpoints[9999].interceptors")
            .unwrap()
            .to_string(),
        "application.properties:20000"
    );
    let errors = config
        .get::<Vec<BTreeMap<String, u8>>>("palisade.endpoints")
        .unwrap_err();
    assert_eq!(errors.len(), 501);
}
