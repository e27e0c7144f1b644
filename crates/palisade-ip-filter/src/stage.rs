//! The filter as a stage.

use std::fs;
use std::path::Path;

use http::request;
use palisade_core::{
    BuildContext, BuildError, Context, FactKind, Finding, Guard, Phase, Pipeline, Rejection, Severity, Stage,
    StageKind, facts,
};

use crate::element::AddressRange;
use crate::list;
use crate::{IpFilter, IpFilterBuilder, IpFilterSettings};

impl IpFilter {
    /// The filter as a layer of its own.
    pub fn layer(self) -> Pipeline {
        Stage::guard(self).into()
    }
}

impl Guard for IpFilter {
    fn name(&self) -> &'static str {
        "ip-filter"
    }

    fn reads(&self) -> &'static [FactKind] {
        &[FactKind::ClientAddress]
    }

    fn request(&self, _: &mut Context, head: &mut request::Parts) -> Result<(), Rejection> {
        Ok(self.admits(facts::client_address(&head.extensions))?)
    }
}

impl StageKind for IpFilter {
    const ROOTS: &'static [&'static str] = &["ip-filter"];

    type Settings = IpFilterSettings;

    fn build(settings: IpFilterSettings, cx: &BuildContext<'_>) -> Result<Vec<(Phase, Stage)>, BuildError> {
        let filter = compile(&settings, cx)?;
        // Files may be long: what is found in them is found while they are read, once.
        if filter.allows_a_whole_family() {
            cx.report(
                Finding::new(
                    Severity::Severe,
                    "ip-filter-allows-everyone",
                    "the allow list admits every address of a family; name the partners' networks",
                )
                .at(if settings.allow.is_some() {
                    "allow"
                } else {
                    "allow-file"
                }),
            );
        }
        Ok(vec![(Phase::Network, Stage::guard(filter))])
    }
}

/// Adds ranges to one of the lists.
type Add = fn(IpFilterBuilder, Vec<AddressRange>) -> IpFilterBuilder;

/// Reads lists and files, and gathers all that is wrong in them.
fn compile(settings: &IpFilterSettings, cx: &BuildContext<'_>) -> Result<IpFilter, BuildError> {
    let mut errors = BuildError::default();
    let mut builder = IpFilter::builder();
    let lists: [(&str, &Option<Vec<String>>, Add); 2] = [
        ("allow", &settings.allow, IpFilterBuilder::allow_ranges),
        ("deny", &settings.deny, IpFilterBuilder::deny_ranges),
    ];
    for (key, elements, add) in lists {
        if let Some(elements) = elements {
            builder = add(builder, from_list(key, elements, &mut errors));
        }
    }
    let files: [(&str, &Option<_>, Add); 2] = [
        ("allow-file", &settings.allow_file, IpFilterBuilder::allow_ranges),
        ("deny-file", &settings.deny_file, IpFilterBuilder::deny_ranges),
    ];
    for (key, path, add) in files {
        if let Some(path) = path {
            builder = add(builder, from_file(key, &cx.file(path), &mut errors));
        }
    }
    match builder.build() {
        Ok(filter) => errors.or_ok(filter),
        Err(nothing) => Err(BuildError::at("", nothing)),
    }
}

fn from_list(key: &str, elements: &[String], errors: &mut BuildError) -> Vec<AddressRange> {
    list::parse(elements).unwrap_or_else(|bad| {
        for element in bad.elements() {
            errors.push(format!("{key}[{}]", element.place), element.error);
        }
        if bad.left_out() > 0 {
            errors.push(
                key,
                format_args!("elements as above; {} more are wrong", bad.left_out()),
            );
        }
        Vec::new()
    })
}

fn from_file(key: &str, path: &Path, errors: &mut BuildError) -> Vec<AddressRange> {
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(error) => {
            errors.push(key, format_args!("a readable file; {}: {error}", path.display()));
            return Vec::new();
        }
    };
    list::parse_lines(&text).unwrap_or_else(|bad| {
        for line in bad.elements() {
            errors.push(
                key,
                format_args!("{} ({}:{})", line.error, path.display(), line.place),
            );
        }
        if bad.left_out() > 0 {
            errors.push(
                key,
                format_args!("elements as above; {} more lines are wrong", bad.left_out()),
            );
        }
        Vec::new()
    })
}
