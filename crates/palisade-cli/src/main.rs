//! The `palisade` command; all of it is in the library beside it.

use std::process::ExitCode;

fn main() -> ExitCode {
    palisade_cli::run(std::env::args_os())
}
