//! Bodies that are made to take long, and many at once.

use std::fmt::Write as _;

use super::*;

const RECURSIVE: &str = r#"<xs:element name="r"><xs:complexType><xs:sequence><xs:element ref="r" minOccurs="0"/></xs:sequence></xs:complexType></xs:element>"#;

#[test]
fn depth_takes_no_stack() {
    with_room(|| {
        let schema = schema(RECURSIVE);
        let depth = 5_000;
        check(
            &schema,
            &format!("{}{}", "<r>".repeat(depth), "</r>".repeat(depth)),
        )
        .expect("it matches");
        violations(
            &schema,
            &format!("{}<q/>{}", "<r>".repeat(depth), "</r>".repeat(depth)),
        );
    });
}

#[test]
fn patterns_do_not_blow_up() {
    for (pattern, text) in [
        ("(a+)+", "a".repeat(2_000) + "!"),
        ("(a|a)*b", "a".repeat(2_000)),
        ("(a|aa)+(b|bb)*(a?){30}a{30}", "a".repeat(60) + "c"),
        ("(x+x+)+y", "x".repeat(500)),
        ("([a-zA-Z0-9._-]+@)+x", "a@".repeat(500)),
    ] {
        let declaration = format!(
            r#"<xs:element name="r"><xs:simpleType><xs:restriction base="xs:string"><xs:pattern value="{pattern}"/></xs:restriction></xs:simpleType></xs:element>"#
        );
        violations(&schema(&declaration), &format!("<r>{text}</r>"));
    }
}

#[test]
fn names_of_bodies_are_not_kept() {
    let schema = schema(r#"<xs:element name="r"/>"#);
    for round in 0..3 {
        let mut body = "<r>".to_owned();
        for number in 0..6_000 {
            let _ = write!(body, "<n{round}-{number}/>");
        }
        body.push_str("</r>");
        check(&schema, &body).expect("anything matches");
        let idle = schema.idle_names();
        assert!(idle.iter().all(|names| *names < 5_000), "{idle:?}");
    }
    check(&schema, "<r/>").expect("it is compiled again");
    assert_eq!(schema.idle_names().len(), 1);
}

#[test]
fn the_schema_stays_what_it_was_when_it_was_read() {
    let text = r#"<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"><xs:include schemaLocation="t.xsd"/><xs:element name="r" type="T"/></xs:schema>"#;
    let types = |base: &str| {
        format!(
            r#"<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"><xs:simpleType name="T"><xs:restriction base="xs:{base}"/></xs:simpleType></xs:schema>"#
        )
    };
    let folder = folder(&[("s.xsd", text), ("t.xsd", &types("int"))]);
    let schema = load(folder.path()).expect("a schema");
    fs::write(folder.path().join("t.xsd"), types("string")).expect("it can be written");
    schema.forget();
    violations(&schema, "<r>text</r>");
}

#[test]
fn many_threads_check_at_once() {
    let schema = schema(RECURSIVE);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..200 {
                    check(&schema, "<r><r><r/></r></r>").expect("it matches");
                    violations(&schema, "<r><r><q/></r></r>");
                }
            });
        }
    });
}
