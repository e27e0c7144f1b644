//! What became of the cases, in the XML of `JUnit`, which servers that build software read.

use std::fmt::Write as _;

use super::Tested;

/// The whole document.
pub(super) fn document(tested: &Tested<'_>) -> String {
    let (count, failed) = (tested.cases.len(), tested.failed);
    let file = escaped(&tested.file);
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites tests=\"{count}\" failures=\"{failed}\">\n  \
         <testsuite name=\"{file}\" tests=\"{count}\" failures=\"{failed}\" errors=\"0\" skipped=\"0\">\n"
    );
    for case in &tested.cases {
        let name = escaped(case.name);
        let head = format!(
            "    <testcase name=\"{name}\" classname=\"{file}\" file=\"{file}\" line=\"{}\"",
            case.line
        );
        // Writing to a text does not fail.
        _ = match case.differences.as_slice() {
            [] => writeln!(text, "{head}/>"),
            [first, ..] => {
                let (first, all) = (escaped(first), escaped(&case.differences.join("\n")));
                writeln!(
                    text,
                    "{head}>\n      <failure message=\"{first}\">{all}</failure>\n    </testcase>"
                )
            }
        };
    }
    text.push_str("  </testsuite>\n</testsuites>\n");
    text
}

/// A text within an attribute or an element. XML 1.0 has no room for other characters of control.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '"' => escaped.push_str("&quot;"),
            '\n' => escaped.push_str("&#10;"),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}
