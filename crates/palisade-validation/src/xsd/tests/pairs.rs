//! Verdicts on schemas and instances that were written from the recommendation, and on which Xerces agrees.

use super::*;

/// What is looked at in the file.
#[derive(Default)]
struct Case<'a> {
    name: &'a str,
    files: Vec<(&'a str, &'a str)>,
    is_refused: bool,
    instances: Vec<(bool, &'a str)>,
}

fn cases() -> Vec<Case<'static>> {
    let mut cases: Vec<Case<'static>> = Vec::new();
    let mut lines = include_str!("pairs.txt").lines();
    while let Some(line) = lines.next() {
        if let Some(name) = line.strip_prefix("== ") {
            cases.push(Case {
                name,
                ..Case::default()
            });
            continue;
        }
        let case = cases.last_mut().expect("a case begins with its name");
        match line.split_at_checked(2) {
            Some(("# ", file)) => case.files.push((file, lines.next().expect("the file"))),
            Some(("+ ", instance)) => case.instances.push((true, instance)),
            Some(("- ", instance)) => case.instances.push((false, instance)),
            _ if line == "!" => case.is_refused = true,
            _ => assert!(line.is_empty(), "{}: {line}", case.name),
        }
    }
    cases
}

#[test]
fn verdicts_are_those_of_the_recommendation() {
    let mut wrong = Vec::new();
    let (mut schemas, mut instances) = (0, 0);
    for case in cases() {
        schemas += 1;
        let schema = match (load(folder(&case.files).path()), case.is_refused) {
            (Ok(schema), false) => schema,
            (Err(_), true) => continue,
            (Ok(_), true) => {
                wrong.push(format!("{}: the schema is accepted", case.name));
                continue;
            }
            (Err(errors), false) => {
                wrong.push(format!("{}: {errors}", case.name));
                continue;
            }
        };
        for (is_valid, instance) in case.instances {
            instances += 1;
            let verdict = check(&schema, instance);
            if verdict.is_ok() != is_valid {
                wrong.push(format!("{}: {instance}: {verdict:?}", case.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(
        schemas > 120 && instances > 380,
        "{schemas} schemas and {instances} instances"
    );
}
