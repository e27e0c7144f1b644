//! A configuration folder made for one test.

use palisade_config::{Config, Errors, Sources};
use tempfile::TempDir;

/// A folder with files, and the sources that read it.
pub(crate) struct Fixture {
    _folder: TempDir,
    pub(crate) sources: Sources,
}

impl Fixture {
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let sources = Sources::new(folder.path());
        Self {
            _folder: folder,
            sources,
        }
    }

    pub(crate) fn properties(text: &str) -> Self {
        Self::new(&[("application.properties", text)])
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.sources.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn set(mut self, key: &str, value: &str) -> Self {
        self.sources.overrides.push((key.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn load(&self) -> (Config, Errors) {
        Config::load(&self.sources)
    }

    pub(crate) fn config(&self) -> Config {
        let (config, errors) = self.load();
        assert_eq!(errors.to_string(), "");
        config
    }

    pub(crate) fn errors(&self) -> String {
        self.load().1.to_string()
    }
}

pub(crate) fn text(config: &Config, key: &str) -> Option<String> {
    config.get::<String>(key).unwrap()
}

pub(crate) fn list(config: &Config, key: &str) -> Vec<String> {
    config.get::<Vec<String>>(key).unwrap().unwrap()
}

#[test]
pub(crate) fn text_stays_text_until_a_type_asks() {
    let config = Fixture::properties(
        "palisade.a=0123\npalisade.b= 42 \npalisade.c=true\npalisade.d=a, b ,c\npalisade.e=",
    )
    .config();
    assert_eq!(text(&config, "palisade.a").unwrap(), "0123");
    assert_eq!(config.get::<u64>("palisade.a").unwrap(), Some(123));
    assert_eq!(config.get::<u16>("palisade.b").unwrap(), Some(42));
    assert_eq!(config.get::<bool>("palisade.c").unwrap(), Some(true));
    assert_eq!(list(&config, "palisade.d"), ["a", "b", "c"]);
    assert_eq!(list(&config, "palisade.e"), [""; 0]);
    assert_eq!(config.get::<u16>("palisade.nothing").unwrap(), None);
    assert_eq!(
        Fixture::properties("palisade.x=1")
            .env("PALISADE__X", "0123")
            .config()
            .value("palisade.x")
            .unwrap(),
        "\"0123\""
    );
}
