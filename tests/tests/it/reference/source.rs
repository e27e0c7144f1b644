//! The source of the crates, parsed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use syn::{Attribute, Expr, ExprLit, Item, ItemEnum, ItemFn, ItemStruct, Lit, Meta};

/// One file of a crate, without its tests.
pub(super) struct Source {
    pub(super) krate: String,
    pub(super) path: String,
    /// Its text up to its tests.
    pub(super) text: String,
    /// How often its text, comments and tests left out, makes a refusal or a finding.
    pub(super) constructors: usize,
    pub(super) file: syn::File,
}

/// Every file below `crates/*/src`, without tests.
pub(super) fn all() -> Vec<Source> {
    let crates = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../crates");
    let mut sources = Vec::new();
    for krate in sorted(&crates) {
        let name = krate.file_name().unwrap().to_str().unwrap().to_owned();
        let mut files = Vec::new();
        walk(&krate.join("src"), &mut files);
        for path in files {
            let text = std::fs::read_to_string(&path).unwrap();
            let mut file =
                syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            file.items = without_tests(std::mem::take(&mut file.items));
            let path = path.strip_prefix(&crates).unwrap().display().to_string();
            sources.push(Source {
                krate: name.clone(),
                path,
                constructors: constructors(&text),
                text: without_test_module(&text).to_owned(),
                file,
            });
        }
    }
    assert!(sources.len() > 50, "the crates are not where they are looked for");
    sources
}

fn without_test_module(text: &str) -> &str {
    text.split_once("#[cfg(test)]\nmod tests {")
        .map_or(text, |(code, _)| code)
}

fn constructors(text: &str) -> usize {
    let lines = without_test_module(text)
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    lines
        .map(|line| line.matches("Rejection::new(").count() + line.matches("Finding::new(").count())
        .sum()
}

fn sorted(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    paths
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    if !folder.is_dir() {
        return;
    }
    for path in sorted(folder) {
        if path.is_dir() && path.file_name().is_some_and(|name| name != "tests") {
            walk(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs")
            && path.file_stem().is_some_and(|stem| stem != "tests")
        {
            files.push(path);
        }
    }
}

fn without_tests(items: Vec<Item>) -> Vec<Item> {
    items
        .into_iter()
        .filter(|item| match item {
            Item::Mod(module) => !module.attrs.iter().any(is_for_tests),
            _ => true,
        })
        .collect()
}

fn is_for_tests(attribute: &Attribute) -> bool {
    attribute.path().is_ident("cfg")
        && matches!(&attribute.meta, Meta::List(list) if list.tokens.to_string().contains("test"))
}

/// What serde reads in all crates, by name.
pub(super) struct Types {
    structs: BTreeMap<String, Vec<ItemStruct>>,
    enums: BTreeMap<String, Vec<ItemEnum>>,
    functions: BTreeMap<String, Vec<ItemFn>>,
    /// The struct expression of `impl Default`.
    defaults: BTreeMap<String, syn::ExprStruct>,
}

impl Types {
    pub(super) fn of(sources: &[Source]) -> Self {
        let mut types = Self {
            structs: BTreeMap::new(),
            enums: BTreeMap::new(),
            functions: BTreeMap::new(),
            defaults: BTreeMap::new(),
        };
        for (source, item) in sources
            .iter()
            .flat_map(|source| source.file.items.iter().map(move |item| (source, item)))
        {
            match item {
                Item::Struct(found) if derives(&found.attrs, "Deserialize") => {
                    push(&mut types.structs, &found.ident, found);
                }
                Item::Enum(found) if derives(&found.attrs, "Deserialize") => {
                    push(&mut types.enums, &found.ident, found);
                }
                // Defaults stand beside what they are defaults of.
                Item::Fn(found) if source.reads_settings() => {
                    push(&mut types.functions, &found.sig.ident, found);
                }
                Item::Impl(found) => {
                    if let Some((name, default)) = default_of(found) {
                        types.defaults.insert(name, default);
                    }
                }
                _ => {}
            }
        }
        types
    }

    pub(super) fn structure(&self, name: &str) -> Option<&ItemStruct> {
        only(&self.structs, name)
    }

    pub(super) fn enumeration(&self, name: &str) -> Option<&ItemEnum> {
        only(&self.enums, name)
    }

    /// The expression that a function without parameters ends with.
    pub(super) fn value_of(&self, function: &str) -> Option<&Expr> {
        match only(&self.functions, function)?.block.stmts.last()? {
            syn::Stmt::Expr(value, None) => Some(value),
            _ => None,
        }
    }

    /// What `Default` gives a field.
    pub(super) fn default_of(&self, structure: &str, field: &str) -> Option<&Expr> {
        let fields = &self.defaults.get(structure)?.fields;
        fields
            .iter()
            .find(|value| matches!(&value.member, syn::Member::Named(name) if name == field))
            .map(|value| &value.expr)
    }

    pub(super) fn structs(&self) -> impl Iterator<Item = &ItemStruct> {
        self.structs.values().flatten()
    }
}

impl Source {
    fn reads_settings(&self) -> bool {
        self.file
            .items
            .iter()
            .any(|item| matches!(item, Item::Struct(found) if derives(&found.attrs, "Deserialize")))
    }
}

fn push<T: Clone>(map: &mut BTreeMap<String, Vec<T>>, name: &syn::Ident, item: &T) {
    map.entry(name.to_string()).or_default().push(item.clone());
}

/// The item of that name; two of one name would make the page say either.
fn only<'a, T>(map: &'a BTreeMap<String, Vec<T>>, name: &str) -> Option<&'a T> {
    let found = map.get(name)?;
    assert!(found.len() == 1, "{name} stands in more than one place");
    found.first()
}

fn default_of(found: &syn::ItemImpl) -> Option<(String, syn::ExprStruct)> {
    let (_, of, _) = found.trait_.as_ref()?;
    let syn::Type::Path(own) = &*found.self_ty else {
        return None;
    };
    let body = found.items.iter().find_map(|item| match item {
        syn::ImplItem::Fn(function) => function.block.stmts.last(),
        _ => None,
    })?;
    match body {
        syn::Stmt::Expr(Expr::Struct(value), None) if of.is_ident("Default") => {
            Some((own.path.get_ident()?.to_string(), value.clone()))
        }
        _ => None,
    }
}

/// The first paragraph of an item's documentation.
pub(super) fn doc(attributes: &[Attribute]) -> Option<String> {
    let mut lines = Vec::new();
    for attribute in attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident("doc"))
    {
        if let Meta::NameValue(pair) = &attribute.meta
            && let Expr::Lit(ExprLit {
                lit: Lit::Str(text), ..
            }) = &pair.value
        {
            let text = text.value();
            if text.trim().is_empty() {
                break;
            }
            lines.push(text.trim().to_owned());
        }
    }
    (!lines.is_empty()).then(|| lines.join(" "))
}

/// What stands in `#[serde(name = "value")]`, or an empty text for `#[serde(name)]`.
pub(super) fn serde(attributes: &[Attribute], name: &str) -> Option<String> {
    let mut found = None;
    for attribute in attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident("serde"))
    {
        attribute
            .parse_nested_meta(|meta| {
                let value = match meta.value() {
                    Ok(value) => value.parse::<syn::LitStr>()?.value(),
                    Err(_) => String::new(),
                };
                if meta.path.is_ident(name) {
                    found = Some(value);
                }
                Ok(())
            })
            .unwrap();
    }
    found
}

/// Whether a type derives that trait.
pub(super) fn derives(attributes: &[Attribute], name: &str) -> bool {
    let mut found = false;
    for attribute in attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident("derive"))
    {
        attribute
            .parse_nested_meta(|meta| {
                found |= meta.path.is_ident(name);
                Ok(())
            })
            .unwrap();
    }
    found
}

/// The texts of a constant list.
pub(super) fn texts_of(sources: &[Source], path: &str, constant: &str) -> Vec<String> {
    struct Texts(Vec<String>);
    impl<'a> syn::visit::Visit<'a> for Texts {
        fn visit_lit_str(&mut self, text: &'a syn::LitStr) {
            self.0.push(text.value());
        }
    }
    let source = sources.iter().find(|source| source.path == path).unwrap();
    let mut texts = Texts(Vec::new());
    for item in &source.file.items {
        if let Item::Const(found) = item
            && found.ident == constant
        {
            syn::visit::visit_expr(&mut texts, &found.expr);
        }
    }
    assert!(!texts.0.is_empty(), "{path} has no {constant}");
    texts.0
}

/// The variants of an enum, with what is said of each.
pub(super) fn variants(sources: &[Source], path: &str, name: &str) -> Vec<(String, String)> {
    let source = sources.iter().find(|source| source.path == path).unwrap();
    let found = source.file.items.iter().find_map(|item| match item {
        Item::Enum(found) if found.ident == name => Some(found),
        _ => None,
    });
    let variants = found
        .unwrap_or_else(|| panic!("{path} has no {name}"))
        .variants
        .iter();
    variants
        .map(|variant| (variant.ident.to_string(), doc(&variant.attrs).unwrap()))
        .collect()
}

/// `MaxBytes` or `max_bytes` as `max-bytes`.
pub(super) fn kebab(name: &str) -> String {
    let mut kebab = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() && !kebab.is_empty() {
            kebab.push('-');
        }
        kebab.push(if c == '_' { '-' } else { c.to_ascii_lowercase() });
    }
    kebab
}
