//! Kinds with several roots: what one root hides of the others when it is wrong.

use palisade_core::{BuildContext, BuildError, Phase, Stage, StageKind};
use palisade_endpoint::Registry;
use rstest::rstest;
use serde::Deserialize;

use crate::common::{Once, compile};

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Sides {
    left: Option<Side>,
    right: Option<Side>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Side {
    width: u8,
    #[serde(default)]
    height: u8,
}

impl Sides {
    /// Widths are at least 1, and there is a left side.
    fn check(&self) -> Result<(), BuildError> {
        let mut error = BuildError::default();
        if self.left.is_none() {
            error.push("left", "a left side");
        }
        for (root, side) in [("left", &self.left), ("right", &self.right)] {
            if side
                .as_ref()
                .is_some_and(|side| side.width == 0 || side.height > 9)
            {
                error.push(format!("{root}.width"), "at least 1, and a height of 9 at most");
            }
        }
        error.or_ok(())
    }
}

/// Each root is a stage of its own.
struct Apart;

impl StageKind for Apart {
    const ROOTS: &'static [&'static str] = &["left", "right"];
    type Settings = Sides;

    fn build(settings: Sides, _: &BuildContext<'_>) -> Result<Vec<(Phase, Stage)>, BuildError> {
        settings.check()?;
        Ok(vec![(Phase::Network, Stage::guard(Once))])
    }
}

/// All roots are one stage.
struct Together;

impl StageKind for Together {
    const ROOTS: &'static [&'static str] = &["left", "right"];
    const SINGLE: bool = true;
    type Settings = Sides;

    fn build(settings: Sides, _: &BuildContext<'_>) -> Result<Vec<(Phase, Stage)>, BuildError> {
        settings.check()?;
        Ok(vec![(Phase::Network, Stage::guard(Once))])
    }
}

/// The keys that are wrong, behind the interceptor's name.
fn wrong(registry: &Registry, settings: &[&str]) -> Vec<String> {
    let lines = settings
        .iter()
        .map(|setting| format!("palisade.interceptors.A.{setting}\n"));
    let text = format!(
        "palisade.endpoints[0].interceptors=A\n{}",
        lines.collect::<String>()
    );
    let errors = compile(registry, &text).map_or_else(|errors| errors, |_| palisade_config::Errors::new());
    let keys = errors
        .iter()
        .map(|error| error.key.trim_start_matches("palisade.interceptors.A."));
    let mut keys: Vec<String> = keys.map(str::to_owned).collect();
    keys.sort_unstable();
    keys
}

#[rstest]
#[case(&["left.width=1", "right.width=1"], &[])]
#[case(&["left.width=0", "right.width=0"], &["left.width", "right.width"])]
// A type that is wrong in one root, and a value that is wrong in another.
#[case(&["left.width=0", "right.width=wide"], &["left.width", "right.width"])]
#[case(&["left.width=0", "right.depth=1"], &["left.width", "right.depth", "right.width"])]
// What is only wrong because a root was not shown is not told.
#[case(&["left.width=wide", "right.width=0"], &["left.width", "right.width"])]
#[case(&["left.width=wide", "right.width=1"], &["left.width"])]
// Types that are wrong in all of them.
#[case(&["left.width=wide", "left.height=tall", "right.width=wide"], &["left.height", "left.width", "right.width"])]
fn stages_that_stand_apart_are_all_checked_in_one_run(#[case] settings: &[&str], #[case] expected: &[&str]) {
    assert_eq!(wrong(&Registry::new().with::<Apart>(), settings), expected);
}

#[rstest]
#[case(&["left.width=0", "right.width=0"], &["left.width", "right.width"])]
#[case(&["left.width=wide", "left.height=tall", "right.width=wide"], &["left.height", "left.width", "right.width"])]
// Half of it is not judged: its meaning may hang on the other half.
#[case(&["left.width=0", "right.width=wide"], &["right.width"])]
#[case(&["left.width=wide", "right.width=0"], &["left.width"])]
fn a_stage_of_several_roots_is_not_judged_by_some_of_them(
    #[case] settings: &[&str],
    #[case] expected: &[&str],
) {
    assert_eq!(wrong(&Registry::new().with::<Together>(), settings), expected);
}
