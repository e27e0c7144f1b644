//! The log of a process; alone in its file, for a process has one.

use palisade_config::{Config, Sources};
use palisade_server::logs;
use palisade_server::settings::ServerSettings;
use tracing::Level;

#[test]
fn errors_alone_are_logged_until_the_level_is_changed() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("application.properties"),
        "palisade.log.format=json\n",
    )
    .unwrap();
    let (config, _) = Config::load(&Sources::new(folder.path()));
    let (settings, _) = ServerSettings::read(&config);
    let handle = logs::init(&settings.log).unwrap();
    assert!(tracing::enabled!(Level::ERROR));
    assert!(!tracing::enabled!(Level::WARN));
    handle.change("warn,palisade::reload=info").unwrap();
    assert!(tracing::enabled!(Level::WARN));
    assert!(!tracing::enabled!(Level::INFO));
    assert!(tracing::enabled!(target: "palisade::reload", Level::INFO));
    assert!(handle.change("palisade=loud").is_err());
    assert!(
        tracing::enabled!(Level::WARN),
        "a level that cannot be read changes nothing"
    );
    assert!(logs::init(&settings.log).is_err(), "there is one log already");
}
