//! `reference/refusals.md` and `reference/findings.md`: every code in the source.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use syn::punctuated::Punctuated;
use syn::visit::{self, Visit};
use syn::{Expr, ExprCall, ExprTuple, ImplItemFn, ItemFn, Lit, Local, Pat, Token};

use super::source::{self, Source};

/// What a finding or a refusal says of itself, and the crates that say it.
type Codes = BTreeMap<(String, String, String), BTreeSet<String>>;

/// Looks for codes in a file.
#[derive(Default)]
struct Finder {
    /// Status, code, title.
    refusals: BTreeSet<(String, String, String)>,
    /// Severity, code, message.
    findings: BTreeSet<(String, String, String)>,
    /// Closures that fill in a status: their name, the status.
    closures: BTreeMap<String, String>,
    /// Variables that hold severities, and messages.
    severities: BTreeMap<String, BTreeSet<String>>,
    messages: BTreeMap<String, String>,
    /// Calls of constructors, and those of them whose code nobody could read.
    calls: usize,
    unread: usize,
}

impl Finder {
    fn of(source: &Source) -> Self {
        let mut finder = Self::default();
        finder.visit_file(&source.file);
        finder
    }

    fn severity(&self, value: &Expr) -> Option<BTreeSet<String>> {
        if let Some(severity) = constant(value, "Severity") {
            return Some(BTreeSet::from([source::kebab(&severity)]));
        }
        let Expr::Path(path) = value else { return None };
        self.severities.get(&path.path.get_ident()?.to_string()).cloned()
    }

    fn message(&self, value: &Expr) -> Option<String> {
        match value {
            Expr::Path(path) => self.messages.get(&path.path.get_ident()?.to_string()).cloned(),
            Expr::MethodCall(call) => self.message(&call.receiver),
            Expr::Reference(reference) => self.message(&reference.expr),
            Expr::Macro(call) if call.mac.path.is_ident("format") => {
                struct First(Option<String>);
                impl syn::parse::Parse for First {
                    fn parse(input: syn::parse::ParseStream<'_>) -> syn::Result<Self> {
                        let text = input.parse::<syn::LitStr>()?;
                        input.parse::<proc_tokens::Rest>()?;
                        Ok(Self(Some(text.value())))
                    }
                }
                let First(text) = call.mac.parse_body().ok()?;
                Some(with_gaps(&text?))
            }
            _ => text(value),
        }
    }

    /// A status, a code and a title in a row.
    fn refusal(&mut self, values: &[&Expr]) -> bool {
        let [status, code, title] = values else {
            return false;
        };
        match (constant(status, "StatusCode"), text(code), text(title)) {
            (Some(status), Some(code), Some(title)) => self.refusals.insert((number(&status), code, title)),
            _ => return false,
        };
        true
    }

    /// A severity, a code and a message in a row.
    fn finding(&mut self, values: &[&Expr]) -> bool {
        let mut found = false;
        for triple in values.windows(3) {
            let [severity, code, message] = triple else {
                continue;
            };
            if let (Some(severities), Some(code)) = (self.severity(severity), text(code)) {
                let Some(message) = self.message(message) else {
                    continue;
                };
                let severities: Vec<String> = severities.into_iter().collect();
                self.findings.insert((severities.join(" or "), code, message));
                found = true;
            }
        }
        found
    }
}

/// The rest of a macro's arguments, unread.
mod proc_tokens {
    pub(super) struct Rest;

    impl syn::parse::Parse for Rest {
        fn parse(input: syn::parse::ParseStream<'_>) -> syn::Result<Self> {
            input.step(|cursor| {
                let mut rest = *cursor;
                while let Some((_, next)) = rest.token_tree() {
                    rest = next;
                }
                Ok(((), rest))
            })?;
            Ok(Self)
        }
    }
}

impl<'a> Visit<'a> for Finder {
    fn visit_item_fn(&mut self, function: &'a ItemFn) {
        self.messages.clear();
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'a ImplItemFn) {
        self.messages.clear();
        visit::visit_impl_item_fn(self, function);
    }

    fn visit_local(&mut self, local: &'a Local) {
        if let Some(init) = &local.init {
            match &local.pat {
                Pat::Ident(name) => {
                    let name = name.ident.to_string();
                    if let Some(message) = self.message(&init.expr) {
                        self.messages.insert(name.clone(), message);
                    }
                    if let Some(status) = status_of_closure(&init.expr) {
                        self.closures.insert(name, status);
                    }
                }
                Pat::Tuple(names) => {
                    let mut tuples = Tuples(Vec::new());
                    tuples.visit_expr(&init.expr);
                    for tuple in tuples.0 {
                        for (name, value) in names.elems.iter().zip(&tuple.elems) {
                            if let (Pat::Ident(name), Some(severity)) = (name, constant(value, "Severity")) {
                                let known = self.severities.entry(name.ident.to_string()).or_default();
                                known.insert(source::kebab(&severity));
                            }
                        }
                    }
                }
                _ => {}
            }
        }
        visit::visit_local(self, local);
    }

    fn visit_expr_call(&mut self, call: &'a ExprCall) {
        let values: Vec<&Expr> = call.args.iter().collect();
        let is_read = self.refusal(&values) | self.finding(&values);
        if let Expr::Path(function) = &*call.func {
            let names: Vec<String> = function
                .path
                .segments
                .iter()
                .map(|segment| segment.ident.to_string())
                .collect();
            if let ([name], [code, title]) = (names.as_slice(), values.as_slice())
                && let (Some(status), Some(code), Some(title)) =
                    (self.closures.get(name), text(code), text(title))
            {
                self.refusals.insert((number(status), code, title));
            }
            let constructs = matches!(names.as_slice(), [kind, new] if new == "new" && (kind == "Rejection" || kind == "Finding"));
            self.calls += usize::from(constructs);
            self.unread += usize::from(constructs && !is_read);
        }
        visit::visit_expr_call(self, call);
    }

    /// Looks into `vec![…]` and its like.
    fn visit_macro(&mut self, call: &'a syn::Macro) {
        let parser = Punctuated::<Expr, Token![,]>::parse_terminated;
        for value in call.parse_body_with(parser).into_iter().flatten() {
            self.visit_expr(&value);
        }
    }

    fn visit_expr_tuple(&mut self, tuple: &'a ExprTuple) {
        let values: Vec<&Expr> = tuple.elems.iter().collect();
        self.refusal(&values);
        visit::visit_expr_tuple(self, tuple);
    }
}

/// Collects tuples.
struct Tuples<'a>(Vec<&'a ExprTuple>);

impl<'a> Visit<'a> for Tuples<'a> {
    fn visit_expr_tuple(&mut self, tuple: &'a ExprTuple) {
        self.0.push(tuple);
    }
}

/// The status that a closure of code and title fills in.
fn status_of_closure(value: &Expr) -> Option<String> {
    let Expr::Closure(closure) = value else {
        return None;
    };
    let Expr::Call(call) = &*closure.body else {
        return None;
    };
    constant(call.args.first()?, "StatusCode")
}

/// `NAME` of `Kind::NAME`.
fn constant(value: &Expr, kind: &str) -> Option<String> {
    let Expr::Path(path) = value else { return None };
    let mut segments = path.path.segments.iter().rev();
    let name = segments.next()?.ident.to_string();
    segments
        .next()
        .is_some_and(|segment| segment.ident == kind)
        .then_some(name)
}

fn text(value: &Expr) -> Option<String> {
    match value {
        Expr::Lit(literal) => match &literal.lit {
            Lit::Str(text) => Some(text.value()),
            _ => None,
        },
        _ => None,
    }
}

/// A format string with its arguments as gaps.
fn with_gaps(format: &str) -> String {
    let (mut text, mut rest) = (String::new(), format);
    while let Some((before, behind)) = rest.split_once('{') {
        text.push_str(before);
        text.push('…');
        rest = behind.split_once('}').map_or("", |(_, behind)| behind);
    }
    text + rest
}

/// The status by its number.
fn number(constant: &str) -> String {
    let name = constant.replace('_', " ").to_lowercase();
    let found = (100..600)
        .filter_map(|code| http::StatusCode::from_u16(code).ok())
        .find(|status| {
            status
                .canonical_reason()
                .is_some_and(|reason| reason.replace(['-', '\''], " ").to_lowercase() == name)
        });
    found
        .unwrap_or_else(|| panic!("no status is called {constant}"))
        .as_u16()
        .to_string()
}

fn collect(sources: &[Source], of: impl Fn(&Finder) -> &BTreeSet<(String, String, String)>) -> Codes {
    let mut codes = Codes::new();
    for source in sources.iter().filter(|source| source.krate != "palisade-test") {
        for found in of(&Finder::of(source)) {
            codes
                .entry(found.clone())
                .or_default()
                .insert(source.krate.clone());
        }
    }
    codes
}

fn joined(crates: &BTreeSet<String>) -> String {
    let names: Vec<String> = crates.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

/// What is said of one code.
#[derive(Default)]
struct Row<'a> {
    titles: BTreeSet<&'a str>,
    crates: BTreeSet<String>,
}

const REFUSALS: &str = "\
Every code with which a request is refused. The answer is a problem document (RFC 9457), its `type` is
`urn:palisade:problem:<code>`; below `palisade.soap-base-path` it is a SOAP Fault that says the same. The same code is in the log,
under the target `palisade::refusal`, and in the metric `palisade_refusals_total`.

A SOAP 1.1 Fault has status 500 in place of any but 401, 403, 413, 415, 429 and 503.";

#[test]
fn the_page_of_refusals_has_every_code() {
    let sources = source::all();
    let codes = collect(&sources, |finder| &finder.refusals);
    let mut rows: BTreeMap<(&str, &str), Row<'_>> = BTreeMap::new();
    for ((status, code, title), crates) in &codes {
        let row = rows.entry((code, status)).or_default();
        row.titles.insert(title);
        row.crates.extend(crates.iter().cloned());
    }
    let mut page = super::opening("Refusals", REFUSALS);
    page.push_str("\n| code | status | title | from |\n|---|---|---|---|\n");
    for ((code, status), Row { titles, crates }) in &rows {
        let titles: Vec<&str> = titles.iter().copied().collect();
        writeln!(
            page,
            "| `{code}` | {status} | {} | {} |",
            titles.join("; "),
            joined(crates)
        )
        .unwrap();
    }
    for code in [
        "ip-not-allowed",
        "header-blocked",
        "upstream-timeout",
        "path-not-canonical",
        "message-security-failed",
        "message-expired",
        "message-replayed",
        "store-unavailable",
    ] {
        assert!(page.contains(&format!("| `{code}` |")), "the scan misses {code}");
    }
    super::check_page("refusals.md", &page);
}

const FINDINGS: &str = "\
What `palisade check` reports beside errors: settings that are allowed and that a careful operator would not choose. Findings never
stop a start. A severe one costs 25 points of 100, a moderate one 10, a caution 3; `palisade check --fail-below SCORE` ends with
status 1 below that score.

`palisade.justify.<code>=reason, owner, until=YYYY-MM-DD` silences the findings of a code until that day has passed. In the messages,
`…` stands for what differs from one finding to the next.";

#[test]
fn the_page_of_findings_has_every_code() {
    let sources = source::all();
    let codes = collect(&sources, |finder| &finder.findings);
    let mut rows: Vec<_> = codes.iter().collect();
    rows.sort_by_key(|((severity, code, message), _)| (code, severity, message));
    let mut page = super::opening("Findings", FINDINGS);
    page.push_str("\n| code | severity | message | from |\n|---|---|---|---|\n");
    for ((severity, code, message), crates) in rows {
        let message = super::cell(message);
        writeln!(page, "| `{code}` | {severity} | {message} | {} |", joined(crates)).unwrap();
    }
    for code in [
        "group-unguarded",
        "keystore-stale",
        "certificate-expired",
        "crl-expired",
        "plain-http",
        "message-not-signed",
        "unsecured-responses-accepted",
    ] {
        assert!(page.contains(&format!("| `{code}` |")), "the scan misses {code}");
    }
    super::check_page("findings.md", &page);
}

#[test]
fn every_constructor_in_the_source_is_one_that_the_scan_can_read() {
    // Helpers that pass a code on: what they are called with is scanned instead.
    let helpers = [
        "palisade-endpoint/src/compile.rs",
        "palisade-jose/src/client/kind.rs",
        "palisade-jose/src/client/mod.rs",
        "palisade-jose/src/server/kind.rs",
        "palisade-server/src/settings.rs",
    ];
    for source in source::all()
        .iter()
        .filter(|source| source.krate != "palisade-test")
    {
        let finder = Finder::of(source);
        let allowed = usize::from(helpers.contains(&source.path.as_str()));
        assert!(
            finder.unread <= allowed,
            "{} has a refusal or a finding whose code is not written where it is made",
            source.path
        );
        assert_eq!(
            finder.calls, source.constructors,
            "the scan of {} passes over a refusal or a finding",
            source.path
        );
    }
}
