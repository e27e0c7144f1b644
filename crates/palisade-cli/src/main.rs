//! The `palisade` command; all of it is in the library beside it.

use std::process::ExitCode;

/// Bodies of messages are large, and are freed on other threads than those that made them: the system's allocator gives such memory
/// back and asks for it again all the time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    palisade_cli::run(std::env::args_os())
}
