//! What is accepted, axum's `Multipart` reads as the same parts with the same names.

use axum::body::Body;
use axum::extract::{FromRequest, Multipart};
use http::{HeaderValue, Request};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;

use super::super::{MultipartFault, walk};
use super::{NAMED, TYPE};
use crate::settings::MultipartSettings;

type Parts = Vec<(Option<String>, Option<String>, Vec<u8>)>;

/// The parts as axum's extractor hands them over.
fn by_axum(content_type: &str, body: &[u8]) -> Result<Parts, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let request = Request::post("/")
            .header("content-type", content_type)
            .body(Body::from(body.to_vec()))
            .unwrap();
        let mut form = Multipart::from_request(request, &())
            .await
            .map_err(|error| error.to_string())?;
        let mut parts = Vec::new();
        while let Some(field) = form.next_field().await.map_err(|error| error.to_string())? {
            let name = field.name().map(str::to_owned);
            let file_name = field.file_name().map(str::to_owned);
            let content = field.bytes().await.map_err(|error| error.to_string())?;
            parts.push((name, file_name, content.to_vec()));
        }
        Ok(parts)
    })
}

/// The parts as they are checked here.
fn by_us(content_type: &str, body: &[u8]) -> Result<Parts, MultipartFault> {
    let mut parts = Vec::new();
    let content_type = HeaderValue::from_bytes(content_type.as_bytes()).unwrap();
    walk(&content_type, body, &MultipartSettings::default(), |part| {
        let file_name = part.file_name.map(str::to_owned);
        parts.push((Some(part.name.to_owned()), file_name, part.content.to_vec()));
    })?;
    Ok(parts)
}

fn words(words: &'static [&'static str], most: usize) -> impl Strategy<Value = String> {
    proptest::collection::vec(select(words), 0..=most).prop_map(|words| words.concat())
}

fn disposition() -> impl Strategy<Value = String> {
    const VALUES: &[&str] = &[
        "a",
        "b",
        " ",
        ";",
        "=",
        "name",
        "filename",
        "name=",
        "; name=x",
        "; filename=x",
        "\u{e9}",
        "'",
        "%22",
        ",",
        ".txt",
    ];
    let quoted = || words(VALUES, 4).prop_map(|value| format!("\"{value}\""));
    let value =
        || prop_oneof![3 => quoted(), 1 => select(&["a", "name", "x.txt"][..]).prop_map(str::to_owned)];
    let separator = || select(&["; ", ";", " ; "][..]);
    prop_oneof![
        (separator(), value()).prop_map(|(semicolon, name)| format!("form-data{semicolon}name={name}")),
        (separator(), value(), separator(), value()).prop_map(|(first, name, second, file)| {
            format!("form-data{first}name={name}{second}filename={file}")
        }),
        (separator(), value(), separator(), value()).prop_map(|(first, name, second, file)| {
            format!("Form-Data{first}filename={file}{second}name={name}")
        }),
    ]
}

fn well_made() -> impl Strategy<Value = String> {
    const CONTENT: &[&str] = &[
        "1", "\r\n", "\r", "\n", "--", "--b", "\r\n--c", "-", "\u{e9}", " ",
    ];
    let part = (disposition(), words(CONTENT, 5), any::<bool>()).prop_map(|(disposition, content, typed)| {
        let kind = if typed { "\r\nContent-Type: text/plain" } else { "" };
        format!("--b\r\nContent-Disposition: {disposition}{kind}\r\n\r\n{content}\r\n")
    });
    proptest::collection::vec(part, 0..4).prop_map(|parts| format!("{}--b--\r\n", parts.concat()))
}

fn soup() -> impl Strategy<Value = String> {
    const PIECES: &[&str] = &[
        "--b",
        "--b\r\n",
        "\r\n--b",
        "\r\n--b--",
        "\r\n--b\r\n",
        "--",
        "\r\n",
        "\r\n\r\n",
        "\r",
        "\n",
        " ",
        "1",
        "Content-Disposition: form-data; name=\"a\"",
        "Content-Disposition: form-data; name=a\r\n\r\n",
        "; filename=\"x.txt\"",
        "X: y\r\n",
        "\r\nContent-Type: text/plain",
    ];
    words(PIECES, 12).prop_map(|soup| format!("--b\r\n{soup}"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn what_is_accepted_axum_reads_as_the_same_parts(body in prop_oneof![well_made(), soup()]) {
        if let Ok(parts) = by_us(TYPE, body.as_bytes()) {
            prop_assert_eq!(by_axum(TYPE, body.as_bytes()), Ok(parts));
        }
    }

    #[test]
    fn boundaries_are_those_of_axum(boundary in "[-A-Za-z0-9'()+_,./:=? ]{1,72}", quoted in any::<bool>()) {
        let content_type = if quoted {
            format!("multipart/form-data; boundary=\"{boundary}\"")
        } else {
            format!("multipart/form-data; boundary={boundary}")
        };
        let body = format!("--{boundary}\r\n{NAMED}\r\n\r\n1\r\n--{boundary}--");
        if let Ok(parts) = by_us(&content_type, body.as_bytes()) {
            prop_assert_eq!(by_axum(&content_type, body.as_bytes()), Ok(parts));
        }
    }

    #[test]
    fn no_body_makes_it_panic(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = by_us(TYPE, &[b"--b\r\n", body.as_slice()].concat());
    }
}

#[test]
fn most_forms_that_are_made_well_are_accepted() {
    // Guards the property above against saying nothing.
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let accepted = (0..500)
        .filter(|_| {
            let body = well_made().new_tree(&mut runner).unwrap().current();
            by_us(TYPE, body.as_bytes()).is_ok_and(|parts| !parts.is_empty())
        })
        .count();
    assert!(accepted > 50, "{accepted}");
}
