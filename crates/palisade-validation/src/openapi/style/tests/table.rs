//! The table "Style Examples" of OpenAPI 3.0.4 and 3.1.1, and what is not quite in it.

use rstest::rstest;
use serde_json::{Value, json};

use super::{StyleFault, layout, read};
use crate::parameters::Place::{self, Cookie, Header, Path, Query};

fn string() -> Value {
    json!({"type": "string"})
}

fn array() -> Value {
    json!({"type": "array", "items": {"type": "string"}})
}

fn object() -> Value {
    let integer = json!({"type": "integer"});
    json!({"type": "object", "properties": {"R": integer, "G": integer, "B": integer}})
}

#[rstest]
#[case(Path, "matrix", false, [";color", ";color=blue", ";color=blue,black,brown", ";color=R,100,G,200,B,150"])]
#[case(Path, "matrix", true, [";color", ";color=blue", ";color=blue;color=black;color=brown", ";R=100;G=200;B=150"])]
#[case(Path, "label", false, [".", ".blue", ".blue,black,brown", ".R,100,G,200,B,150"])]
#[case(Path, "label", true, [".", ".blue", ".blue.black.brown", ".R=100.G=200.B=150"])]
#[case(Path, "simple", false, ["", "blue", "blue,black,brown", "R,100,G,200,B,150"])]
#[case(Path, "simple", true, ["", "blue", "blue,black,brown", "R=100,G=200,B=150"])]
#[case(Header, "simple", false, ["", "blue", "blue,black,brown", "R,100,G,200,B,150"])]
#[case(Header, "simple", true, ["", "blue", "blue,black,brown", "R=100,G=200,B=150"])]
#[case(Query, "form", false, ["color=", "color=blue", "color=blue,black,brown", "color=R,100,G,200,B,150"])]
#[case(Query, "form", true, ["color=", "color=blue", "color=blue&color=black&color=brown", "R=100&G=200&B=150"])]
#[case(Query, "spaceDelimited", false, ["", "", "color=blue%20black%20brown", "color=R%20100%20G%20200%20B%20150"])]
#[case(Query, "pipeDelimited", false, ["", "", "color=blue%7Cblack%7Cbrown", "color=R%7C100%7CG%7C200%7CB%7C150"])]
#[case(Query, "deepObject", true, ["", "", "", "color%5BR%5D=100&color%5BG%5D=200&color%5BB%5D=150"])]
#[case(Query, "deepObject", false, ["", "", "", "color[R]=100&color[G]=200&color[B]=150"])]
#[case(Query, "spaceDelimited", true, ["", "", "color=blue&color=black&color=brown", ""])]
#[case(Query, "pipeDelimited", true, ["", "", "color=blue&color=black&color=brown", ""])]
#[case(Cookie, "form", false, ["color=", "color=blue", "color=blue,black,brown", "color=R,100,G,200,B,150"])]
#[case(Cookie, "form", true, ["color=", "color=blue", "", ""])]
fn every_row_of_the_table_is_read(
    #[case] place: Place,
    #[case] style: &str,
    #[case] explode: bool,
    #[case] texts: [&str; 4],
) {
    let rows = [
        (string(), json!("")),
        (string(), json!("blue")),
        (array(), json!(["blue", "black", "brown"])),
        (object(), json!({"R": 100, "G": 200, "B": 150})),
    ];
    for (position, (text, (schema, expected))) in texts.into_iter().zip(rows).enumerate() {
        let layout = layout(place, Some(style), Some(explode), &schema);
        if text.is_empty() && !(style == "simple" && position == 0) {
            assert!(layout.is_err(), "{position}");
        } else {
            assert_eq!(read(&layout.unwrap(), place, text), Ok(expected), "{text}");
        }
    }
}

#[rstest]
#[case(Path, "matrix", false, string(), "blue")]
#[case(Path, "matrix", false, string(), "")]
#[case(Path, "matrix", false, string(), ";colour=blue")]
#[case(Path, "matrix", false, string(), ";Color=blue")]
#[case(Path, "matrix", false, string(), ";color=blue;color=black")]
#[case(Path, "matrix", false, string(), ";color=blue;role=admin")]
#[case(Path, "matrix", false, array(), ";color=blue;color=black")]
#[case(Path, "matrix", true, array(), ";color=blue;colour=black")]
#[case(Path, "matrix", true, array(), ";color=blue;")]
#[case(Path, "label", false, string(), "blue")]
#[case(Path, "label", true, object(), ".R=100.G")]
#[case(Path, "label", false, object(), ".R,100,G")]
#[case(Path, "simple", false, object(), "R,100,G")]
#[case(Path, "simple", false, object(), "")]
#[case(Path, "simple", true, object(), "R,100")]
#[case(Query, "form", false, object(), "color=R")]
#[case(Query, "form", false, object(), "color=")]
#[case(Query, "spaceDelimited", false, object(), "color=R%20100%20G")]
#[case(Query, "pipeDelimited", false, object(), "color=R,100")]
fn what_is_written_in_another_way_is_malformed(
    #[case] place: Place,
    #[case] style: &str,
    #[case] explode: bool,
    #[case] schema: Value,
    #[case] text: &str,
) {
    let layout = layout(place, Some(style), Some(explode), &schema).unwrap();
    assert_eq!(read(&layout, place, text), Err(StyleFault::Malformed));
}

#[rstest]
#[case("form", false, "color=a%2Cb,c", json!(["a,b", "c"]))]
#[case("form", false, "color=a%252Cb", json!(["a%2Cb"]))]
#[case("form", false, "color=a+b,%2B", json!(["a b", "+"]))]
#[case("form", false, "color=,", json!(["", ""]))]
#[case("form", false, "color=a;b", json!(["a;b"]))]
#[case("form", true, "color=a,b&color=c", json!(["a,b", "c"]))]
#[case("form", true, "color", json!([""]))]
#[case("form", true, "color=a%26color=b", json!(["a&color=b"]))]
#[case("form", true, "color=a=b", json!(["a=b"]))]
#[case("form", true, "c%6Flor=%00&color=%2F", json!(["\0", "/"]))]
#[case("spaceDelimited", false, "color=a+b%20c", json!(["a", "b", "c"]))]
#[case("spaceDelimited", false, "color=a%2Bb", json!(["a+b"]))]
#[case("spaceDelimited", false, "color=a%2520b", json!(["a%20b"]))]
#[case("pipeDelimited", false, "color=a|b%7Cc%7cd", json!(["a", "b", "c", "d"]))]
#[case("pipeDelimited", false, "color=a+b%257C", json!(["a b%7C"]))]
fn delimiters_are_looked_for_before_anything_is_decoded(
    #[case] style: &str,
    #[case] explode: bool,
    #[case] text: &str,
    #[case] expected: Value,
) {
    let layout = layout(Query, Some(style), Some(explode), &array()).unwrap();
    assert_eq!(read(&layout, Query, text), Ok(expected));
}

#[rstest]
#[case(Path, "simple", "a+b%2Fc,d", json!(["a+b/c", "d"]))]
#[case(Path, "label", ".a%2Cb,c.d", json!(["a,b", "c.d"]))]
#[case(Path, "matrix", ";c%6Flor=a%3Bb", json!(["a;b"]))]
#[case(Header, "simple", "a, b\t ,c%2Cd", json!(["a", "b", "c%2Cd"]))]
#[case(Cookie, "form", "color=a%2Cb,c+d", json!(["a,b", "c+d"]))]
fn each_place_is_decoded_in_its_way(
    #[case] place: Place,
    #[case] style: &str,
    #[case] text: &str,
    #[case] expected: Value,
) {
    let layout = layout(place, Some(style), Some(false), &array()).unwrap();
    assert_eq!(read(&layout, place, text), Ok(expected));
}

#[rstest]
#[case(Path, "simple", "a,%")]
#[case(Path, "simple", "a,%2")]
#[case(Path, "simple", "%zz")]
#[case(Path, "matrix", ";%zz=a")]
#[case(Path, "label", ".%FF")]
#[case(Query, "form", "color=%C3,%A9")]
#[case(Query, "spaceDelimited", "color=a%2")]
#[case(Query, "pipeDelimited", "color=%7")]
#[case(Cookie, "form", "color=%u0041")]
fn what_cannot_be_decoded_is_refused(#[case] place: Place, #[case] style: &str, #[case] text: &str) {
    let layout = layout(place, Some(style), Some(false), &array()).unwrap();
    assert_eq!(read(&layout, place, text), Err(StyleFault::NotText));
}

#[rstest]
#[case("form", false, string(), "color=a&color=b")]
#[case("form", true, string(), "color=a&color=a")]
#[case("form", false, array(), "color=a&color=b")]
#[case("form", true, object(), "R=1&R=1")]
#[case("form", true, object(), "R=1&%52=1")]
#[case("form", false, object(), "color=R,1,R,1")]
#[case("form", false, object(), "color=R,1,%52,1")]
#[case("pipeDelimited", false, array(), "color=a&color=b")]
#[case("deepObject", true, object(), "color[R]=1&color%5BR%5D=1")]
fn what_is_there_twice_is_refused(
    #[case] style: &str,
    #[case] explode: bool,
    #[case] schema: Value,
    #[case] text: &str,
) {
    let layout = layout(Query, Some(style), Some(explode), &schema).unwrap();
    assert_eq!(read(&layout, Query, text), Err(StyleFault::Repeated));
}

#[rstest]
#[case("form", false, array(), "color=", ",", "a")]
#[case("form", true, array(), "", "&", "color=a")]
#[case("spaceDelimited", false, array(), "color=", "+", "a")]
fn items_are_counted(
    #[case] style: &str,
    #[case] explode: bool,
    #[case] schema: Value,
    #[case] start: &str,
    #[case] delimiter: &str,
    #[case] item: &str,
) {
    let layout = layout(Query, Some(style), Some(explode), &schema).unwrap();
    let text = |count: usize| format!("{start}{}", vec![item; count].join(delimiter));
    assert!(read(&layout, Query, &text(super::MAX_ITEMS)).is_ok());
    assert_eq!(
        read(&layout, Query, &text(super::MAX_ITEMS + 1)),
        Err(StyleFault::TooMany)
    );
}

#[test]
fn members_are_counted() {
    let schema = json!({"type": "object", "additionalProperties": {"type": "string"}});
    let text = |count: usize| {
        (0..count)
            .map(|n| format!("k{n},v"))
            .collect::<Vec<_>>()
            .join(",")
    };
    let layout = layout(Path, None, None, &schema).unwrap();
    assert!(read(&layout, Path, &text(super::MAX_ITEMS)).is_ok());
    assert_eq!(
        read(&layout, Path, &text(super::MAX_ITEMS + 1)),
        Err(StyleFault::TooMany)
    );
}
