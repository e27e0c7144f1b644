//! `palisade message sign`, `encrypt` and `verify`: secured messages in files and pipes, without a server.
//!
//! 1. Messages are made and read exactly as the stages do it: by the profiles of an interceptor, or by keys under aliases.
//! 2. A refused message is told step by step, for the operator: which step failed, which key was chosen, and why.
//! 3. The clear body is given out of an accepted message only.
//! 4. The replay memory is neither asked nor told. Keys are never shown.
//!
//! What this does not protect against: whoever may run it with the keystores at hand can read and make any message.

mod bench;
mod checks;
mod make;
mod report;
mod streams;
mod verify;

use crate::cli::{Common, MessageCommand};
use crate::outcome::Outcome;
use crate::output::Output;

pub(super) fn run(common: &Common, command: &MessageCommand, output: &mut Output) -> Outcome {
    match command {
        MessageCommand::Sign(arguments) => make::sign(common, arguments, output),
        MessageCommand::Encrypt(arguments) => make::encrypt(common, arguments, output),
        MessageCommand::Verify(arguments) => verify::run(common, arguments, output),
    }
}
