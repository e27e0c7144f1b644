//! Scripts that run in Redis.

use std::borrow::Cow;
use std::fmt::Write as _;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use redis::{Cmd, ToRedisArgs};

/// A script, by which Redis knows it: the SHA-1 of its text.
#[derive(Debug)]
pub(crate) struct Script {
    text: Cow<'static, str>,
    name: String,
}

impl Script {
    pub(crate) fn new(text: impl Into<Cow<'static, str>>) -> Self {
        let text = text.into();
        let mut name = String::with_capacity(40);
        for byte in digest(&SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes()).as_ref() {
            let _ = write!(name, "{byte:02x}");
        }
        Self { text, name }
    }

    /// A call of it with those keys.
    pub(crate) fn call<K: ToRedisArgs>(&self, keys: &[K]) -> Call<'_> {
        let mut call = Call {
            script: self,
            arguments: Vec::new(),
            keys: keys.len(),
        };
        for key in keys {
            call.arg(key);
        }
        call
    }
}

/// A script with keys and arguments.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    script: &'a Script,
    arguments: Vec<Vec<u8>>,
    keys: usize,
}

impl Call<'_> {
    pub(crate) fn arg(&mut self, argument: impl ToRedisArgs) -> &mut Self {
        argument.write_redis_args(&mut self.arguments);
        self
    }

    /// Calls the script by its name.
    pub(crate) fn by_name(&self) -> Cmd {
        self.command("EVALSHA", &self.script.name)
    }

    /// Sends it along.
    pub(crate) fn with_text(&self) -> Cmd {
        self.command("EVAL", &self.script.text)
    }

    fn command(&self, command: &str, script: &str) -> Cmd {
        let mut command = redis::cmd(command);
        command.arg(script).arg(self.keys);
        for argument in &self.arguments {
            command.arg(argument.as_slice());
        }
        command
    }
}
