//! What stands for XML Schemas in builds without them.

use std::path::{Path, PathBuf};

use roxmltree::Node;

use crate::schema::{SchemaError, SchemaErrors, Violations};

/// There is none.
#[derive(Debug)]
pub(crate) enum XmlSchema {}

impl XmlSchema {
    /// Tells what is missing.
    pub(crate) fn load(path: &Path) -> Result<(Self, Vec<PathBuf>), SchemaErrors> {
        let error = SchemaError {
            document: path.display().to_string(),
            position: None,
            pointer: String::new(),
            problem: "this build reads no XML Schemas: it was made without the feature `xsd`".to_owned(),
        };
        Err(SchemaErrors {
            list: vec![error],
            files: vec![path.to_owned()],
        })
    }

    pub(crate) fn check(&self, _: Node<'_, '_>) -> Result<(), Violations> {
        match *self {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_without_the_feature_says_which_one_is_missing() {
        let errors = XmlSchema::load(Path::new("order.xsd")).expect_err("there is none");
        assert_eq!(
            errors.to_string(),
            "order.xsd: this build reads no XML Schemas: it was made without the feature `xsd`"
        );
    }
}
