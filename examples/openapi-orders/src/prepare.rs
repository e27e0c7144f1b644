//! What the server and its callers need for trying things out, made anew at each start, below `config/demo`.

use std::fs;
use std::io::Write;
use std::path::Path;

use palisade::core::{Clock as _, SystemClock};

use crate::Failure;
use crate::tokens::Issuer;

/// Makes the issuer's public keys, for the server; and for each caller a token, and the fields of a request that has it.
pub(crate) fn prepare(config: &Path) -> Result<(), Failure> {
    let demo = config.join("demo");
    fs::create_dir_all(&demo)?;
    let now = SystemClock::new().now();
    let issuer = Issuer::new(now)?;
    fs::write(demo.join("issuer.jwks"), &issuer.published)?;
    for name in ["alice", "bob"] {
        let token = issuer.token(name)?;
        // The document demands the last two of every request.
        let fields =
            format!("Authorization: Bearer {token}\nx-apideck-app-id: till-7\nx-apideck-consumer-id: acme\n");
        write_private(&demo.join(name).with_extension("token"), &token)?;
        write_private(&demo.join(name).with_extension("headers"), &fields)?;
    }
    // Nobody has told the server of this one.
    let stranger = Issuer::new(now)?.token("alice")?;
    Ok(write_private(&demo.join("stranger.token"), &stranger)?)
}

/// Writes a file that only its owner reads.
fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(text.as_bytes())
}
