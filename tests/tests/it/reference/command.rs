//! `reference/command.md`: the help of every command.

use std::fmt::Write as _;

const ABOUT: &str = "\
What `palisade --help` and the help of each command say. Results go to standard output, everything else to standard error; with
`--format json` results and errors are JSON on standard output. The exit status is 0 when all is well (findings alone are), 1 for a
refusal or a score below the one demanded, 2 for wrong use and for a configuration that is not sound.";

#[test]
fn the_page_of_the_command_is_its_help() {
    let mut command = palisade_cli::command().term_width(100);
    command.build();
    let mut page = super::opening("The command", ABOUT);
    describe(&mut page, &mut command, "palisade");
    for name in [
        "serve",
        "check",
        "explain",
        "diff",
        "init",
        "encrypt",
        "keystore list",
        "keystore show",
        "limits show",
        "limits reset",
        "message sign",
        "message encrypt",
        "message verify",
    ] {
        assert!(
            page.contains(&format!("\n## palisade {name}\n")),
            "{name} has no help"
        );
    }
    super::check_page("command.md", &page);
}

fn describe(page: &mut String, command: &mut clap::Command, path: &str) {
    let help = command.render_long_help().to_string();
    let lines: Vec<&str> = help.trim_end().lines().map(str::trim_end).collect();
    writeln!(page, "\n## {path}\n\n```text\n{}\n```", lines.join("\n")).unwrap();
    let names: Vec<String> = command
        .get_subcommands()
        .map(|sub| sub.get_name().to_owned())
        .collect();
    for name in names.iter().filter(|name| *name != "help") {
        let below = command.find_subcommand_mut(name).unwrap();
        describe(page, below, &format!("{path} {name}"));
    }
}
