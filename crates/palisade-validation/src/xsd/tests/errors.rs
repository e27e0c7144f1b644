//! What is wrong with a schema itself.

use super::*;

const HEAD: &str = r#"<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">"#;

/// What is told, with the folder's path left out.
fn told(files: &[(&str, &str)]) -> String {
    let folder = folder(files);
    let errors = load(folder.path()).expect_err("it must be refused").to_string();
    errors.replace(&format!("{}/", folder.path().display()), "")
}

#[test]
fn an_error_is_told_with_its_line() {
    let text = format!("{HEAD}\n<xs:element name=\"r\" type=\"Nope\"/>\n</xs:schema>");
    assert_eq!(told(&[("s.xsd", &text)]), "s.xsd:2:1: there is no type `Nope`");
    let text = format!("{HEAD}\n\n<xs:elment name=\"r\"/>\n</xs:schema>");
    let errors = told(&[("s.xsd", &text)]);
    assert!(errors.starts_with("s.xsd:3:"), "{errors}");
    let errors = told(&[("s.xsd", "<xs:schema")]);
    assert!(errors.starts_with("s.xsd"), "{errors}");
}

#[test]
fn an_error_in_an_included_file_names_that_file() {
    let text = format!(
        "{HEAD}<xs:include schemaLocation=\"d/t.xsd\"/><xs:element name=\"r\" type=\"T\"/></xs:schema>"
    );
    let broken = format!(
        "{HEAD}\n<xs:simpleType name=\"T\"><xs:restriction base=\"Gone\"/></xs:simpleType></xs:schema>"
    );
    let errors = told(&[("s.xsd", &text), ("d/t.xsd", &broken)]);
    assert!(errors.contains("d/t.xsd:2:"), "{errors}");
}

#[test]
fn files_elsewhere_are_not_read_and_nothing_is_fetched() {
    let outside = tempfile::NamedTempFile::new().expect("a file");
    fs::write(
        outside.path(),
        format!(
            "{HEAD}<xs:simpleType name=\"T\"><xs:restriction base=\"xs:int\"/></xs:simpleType></xs:schema>"
        ),
    )
    .expect("it can be written");
    for location in [
        outside.path().display().to_string(),
        format!("file://{}", outside.path().display()),
        "../t.xsd".to_owned(),
        "http://127.0.0.1:1/t.xsd".to_owned(),
        "missing.xsd".to_owned(),
    ] {
        for element in [
            "<xs:element name=\"r\" type=\"xs:int\"/>",
            "<xs:element name=\"r\" type=\"T\"/>",
        ] {
            let text = format!("{HEAD}\n<xs:include schemaLocation=\"{location}\"/>{element}</xs:schema>");
            let errors = told(&[("s.xsd", &text)]);
            assert!(
                errors.contains(&location) || errors.contains("no type `T`"),
                "{location}: {errors}"
            );
        }
    }
    let text = format!("{HEAD}\n<xs:include schemaLocation=\"missing.xsd\"/></xs:schema>");
    let errors = told(&[("s.xsd", &text)]);
    assert!(
        errors.starts_with("s.xsd:2:1: `missing.xsd` cannot be read: "),
        "{errors}"
    );
    let text = format!(
        "{HEAD}\n<xs:import namespace=\"urn:o\" schemaLocation=\"http://127.0.0.1:1/t.xsd\"/></xs:schema>"
    );
    let errors = told(&[("s.xsd", &text)]);
    assert!(
        errors.starts_with("s.xsd:2:1: `http://127.0.0.1:1/t.xsd` "),
        "{errors}"
    );
}

#[test]
#[cfg(unix)]
fn links_that_leave_the_folder_are_refused() {
    let outside = tempfile::NamedTempFile::new().expect("a file");
    fs::write(outside.path(), format!("{HEAD}</xs:schema>")).expect("it can be written");
    let text = format!("{HEAD}\n<xs:include schemaLocation=\"t.xsd\"/></xs:schema>");
    let folder = folder(&[("s.xsd", &text)]);
    std::os::unix::fs::symlink(outside.path(), folder.path().join("t.xsd")).expect("a link");
    let errors = load(folder.path()).expect_err("it must be refused").to_string();
    assert!(
        errors.contains("`t.xsd` is no file below the folder of the schema"),
        "{errors}"
    );
}

#[test]
fn every_file_of_a_schema_is_told_even_those_that_are_missing() {
    let text = format!("{HEAD}<xs:include schemaLocation=\"a/b.xsd\"/></xs:schema>");
    let other = format!("{HEAD}<xs:include schemaLocation=\"c.xsd\"/></xs:schema>");
    let folder = folder(&[("s.xsd", &text), ("a/b.xsd", &other)]);
    let errors = load(folder.path()).expect_err("c.xsd is missing");
    let files: Vec<_> = ["s.xsd", "a/b.xsd", "a/c.xsd"]
        .iter()
        .map(|name| folder.path().join(name))
        .collect();
    assert_eq!(errors.files, files);
    fs::write(folder.path().join("a/c.xsd"), format!("{HEAD}</xs:schema>")).expect("it can be written");
    let (_, read) = XmlSchema::load(&folder.path().join("s.xsd")).expect("it is whole");
    assert_eq!(read, files);
}

#[test]
fn the_namespace_of_xml_lang_needs_no_file() {
    let schema = schema(
        r#"<xs:import namespace="http://www.w3.org/XML/1998/namespace"/>
        <xs:element name="r"><xs:complexType><xs:attribute ref="xml:lang" use="required"/></xs:complexType></xs:element>"#,
    );
    check(&schema, r#"<r xml:lang="nl"/>"#).expect("it matches");
    violations(&schema, "<r/>");
}

#[test]
fn xsd_1_1_is_refused_and_not_read_as_if_it_were_less() {
    let assertion = r#"<xs:element name="r"><xs:complexType><xs:attribute name="a"/><xs:assert test="@a"/></xs:complexType></xs:element>"#;
    try_schema(assertion).expect_err("an assertion");
    let alternative = r#"<xs:element name="r"><xs:alternative test="@a" type="xs:int"/></xs:element>"#;
    try_schema(alternative).expect_err("an alternative");
}

#[test]
fn content_models_that_a_small_body_could_keep_busy_are_refused() {
    let repeat = |inner: &str, hi: &str| {
        format!(r#"<xs:sequence minOccurs="0" maxOccurs="{hi}">{inner}</xs:sequence>"#)
    };
    let element = |model: &str| {
        format!(r#"<xs:element name="r"><xs:complexType>{model}</xs:complexType></xs:element>"#)
    };
    let a = r#"<xs:element name="a"/>"#;
    let errors = try_schema(&element(&repeat(&repeat(a, "50"), "50"))).expect_err("counted in 2,500 ways");
    assert!(
        errors.to_string().contains("a repetition of repetitions"),
        "{errors}"
    );
    let group = r#"<xs:group name="G"><xs:sequence><xs:element name="a" minOccurs="0" maxOccurs="50"/></xs:sequence></xs:group>"#;
    let by_group = element(r#"<xs:group ref="G" maxOccurs="50"/>"#);
    try_schema(&format!("{group}{by_group}")).expect_err("the same by a group");
    // Where something else must stand between, each element is counted in one way.
    let lines = r#"<xs:sequence maxOccurs="9999"><xs:element name="l"/><xs:element name="a" minOccurs="0" maxOccurs="99"/></xs:sequence>"#;
    schema(&element(lines));
    schema(&element(
        r#"<xs:sequence><xs:element name="a" maxOccurs="9999"/><xs:element name="b" maxOccurs="9999"/></xs:sequence>"#,
    ));
    schema(&element(
        r#"<xs:choice maxOccurs="unbounded"><xs:element name="a"/><xs:element name="b"/></xs:choice>"#,
    ));
}
