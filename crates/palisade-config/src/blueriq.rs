//! The property names of Blueriq's Service API security, translated to native ones.
//!
//! 1. Groups, `blueriq.baas.rest.endpoints[N]` and `blueriq.baas.soap.endpoints[N]`, become `palisade.endpoints`: first
//!    those for REST, then those for SOAP. Each of the two lists is replaced whole by a higher layer, apart from the other.
//! 2. Interceptors, the keystore and the encryption password become their native keys, layer by layer.
//! 3. Other keys under `blueriq.` are variables for placeholders, unless they look like a misspelt one of these.
//! 4. Errors name the key as it was written.

mod native;

pub use native::{Native, to_native};

use strsim::damerau_levenshtein;

use crate::key::{Key, Segment};
use crate::tree::{Kind, Node};
use crate::{Error, Errors};

/// The roots whose keys are settings.
pub(crate) const ROOTS: [&str; 2] = ["palisade", "blueriq"];

/// Where the groups for REST and SOAP wait until all layers are merged; no file can name these roots.
pub(crate) const REST_GROUPS: &str = "\u{0}rest";
pub(crate) const SOAP_GROUPS: &str = "\u{0}soap";

const GROUP_KEYS: [(&str, [&str; 3]); 2] = [
    (REST_GROUPS, ["webservices", "operations", "interceptors"]),
    (SOAP_GROUPS, ["webservices", "soap-actions", "interceptors"]),
];

/// The subtrees that are taken, with what they become.
const SUBTREES: [(&[&str], &[&str]); 6] = [
    (&["baas", "rest", "endpoints"], &[REST_GROUPS]),
    (&["baas", "soap", "endpoints"], &[SOAP_GROUPS]),
    (
        &["rest", "interceptor", "server", "security"],
        &["palisade", "interceptors"],
    ),
    (
        &["rest", "interceptor", "client", "security"],
        &["palisade", "client", "interceptors"],
    ),
    (&["security", "keystore"], &["palisade", "keystores", "blueriq"]),
    (
        &["properties", "encryption"],
        &["palisade", "properties", "encryption"],
    ),
];

/// What the groups written under Blueriq's names have become.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Blueriq {
    /// Indices in `palisade.endpoints` of the groups for REST.
    pub rest_groups: std::ops::Range<usize>,
    /// Indices in `palisade.endpoints` of the groups for SOAP.
    pub soap_groups: std::ops::Range<usize>,
    /// Interceptors that these groups name and that are declared nowhere: Blueriq's defaults hold for them.
    pub undeclared_interceptors: Vec<String>,
}

impl Blueriq {
    /// Whether the groups were written under Blueriq's names.
    pub fn is_used(&self) -> bool {
        !self.rest_groups.is_empty() || !self.soap_groups.is_empty()
    }
}

/// What a key under `blueriq.` is.
pub(crate) enum Translated {
    Native(Key),
    Variable,
    Misspelt { nearest: String },
}

/// Translates a key whose root is `blueriq`.
pub(crate) fn translate(key: &Key) -> Translated {
    let Some((_, behind)) = key.segments().split_first() else {
        return Translated::Variable;
    };
    for (theirs, ours) in SUBTREES {
        let (start, rest) = behind.split_at_checked(theirs.len()).unwrap_or((behind, &[]));
        if start
            .iter()
            .map(Segment::as_name)
            .eq(theirs.iter().copied().map(Some))
        {
            let names = ours.iter().map(|name| Segment::Name((*name).to_owned()));
            return Translated::Native(names.chain(rest.iter().cloned()).collect());
        }
    }
    let names: Vec<_> = key.names().skip(1).collect();
    for (theirs, _) in SUBTREES {
        let known = theirs.join(".");
        for length in theirs.len() - 1..=theirs.len() + 1 {
            let Some(start) = names.get(..length) else {
                continue;
            };
            let start = start.join(".").to_lowercase();
            // The distance is at least the difference in length, which is cheaper to know.
            if start.len().abs_diff(known.len()) <= 8 && damerau_levenshtein(&start, &known) <= 2 {
                return Translated::Misspelt {
                    nearest: format!("blueriq.{known}"),
                };
            }
        }
    }
    Translated::Variable
}

/// The root that `root` is a misspelling of.
pub(crate) fn near_root(root: &str) -> Option<&'static str> {
    let lower = root.to_lowercase();
    ROOTS
        .into_iter()
        .find(|known| *known != root && damerau_levenshtein(&lower, known) <= 2)
}

/// Checks the names inside a translated group; other translated keys are checked with the native ones.
pub(crate) fn check_group_key(key: &Key, written: &str) -> Result<(), Error> {
    let [Segment::Name(root), rest @ ..] = key.segments() else {
        return Ok(());
    };
    let Some((_, known)) = GROUP_KEYS.iter().find(|(list, _)| list == root) else {
        return Ok(());
    };
    match rest {
        [Segment::Index(_), Segment::Name(name), ..] if known.contains(&name.as_str()) => Ok(()),
        [Segment::Index(_), Segment::Name(name), ..] => {
            let message = format!("unknown key; expected one of {}", known.join(", "));
            Err(Error::new(written, message).nearest(name, known.iter().copied()))
        }
        _ => Err(Error::new(
            written,
            "expected an index and a key, as in endpoints[0].webservices",
        )),
    }
}

/// Puts the groups for REST and SOAP into `palisade.endpoints`.
pub(crate) fn join_groups(root: &mut Node, errors: &mut Errors) -> Blueriq {
    let [rest, soap] = [REST_GROUPS, SOAP_GROUPS].map(|list| take_groups(root, list));
    if rest.is_empty() && soap.is_empty() {
        return Blueriq::default();
    }
    let blueriq = Blueriq {
        rest_groups: 0..rest.len(),
        soap_groups: rest.len()..rest.len() + soap.len(),
        undeclared_interceptors: Vec::new(),
    };
    let soap = soap.into_iter().map(with_soap_actions);
    let groups: Vec<_> = rest.into_iter().chain(soap).collect();
    let origin = groups.first().map(|group| group.origin.clone());
    let Some(palisade) = root.child_mut("palisade") else {
        return blueriq;
    };
    if let Some(native) = palisade.child(&Segment::Name("endpoints".to_owned())) {
        let other = origin.as_ref().map(ToString::to_string).unwrap_or_default();
        let message =
            format!("expected endpoint groups under one kind of name; {other} has them under blueriq.baas");
        errors.push(Error::new("palisade.endpoints", message).at(native.origin.clone()));
        return Blueriq::default();
    }
    if let (Some(endpoints), Some(origin)) = (palisade.child_mut("endpoints"), origin) {
        *endpoints = Node::new(Kind::List(groups), origin);
    }
    blueriq
}

fn take_groups(root: &mut Node, list: &str) -> Vec<Node> {
    let Kind::Table(children) = &mut root.kind else {
        return Vec::new();
    };
    let Some(position) = children.iter().position(|(name, _)| name == list) else {
        return Vec::new();
    };
    match children.remove(position).1.kind {
        Kind::List(items) => items,
        _ => Vec::new(),
    }
}

/// Marks a group as one for SOAP: `soap-actions` is present, perhaps empty.
fn with_soap_actions(mut group: Node) -> Node {
    let origin = group.origin.clone();
    if let Kind::Table(children) = &mut group.kind
        && children.iter().all(|(name, _)| name != "soap-actions")
    {
        children.push((
            "soap-actions".to_owned(),
            Node::new(Kind::List(Vec::new()), origin),
        ));
    }
    group
}
