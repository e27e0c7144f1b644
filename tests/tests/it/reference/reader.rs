//! From a struct of settings to the rows of a table.

use std::collections::BTreeSet;

use palisade::core::settings::{ByteSize, Period};
use syn::{Expr, Fields, GenericArgument, PathArguments, Type};

use super::source::{self, Types};

/// A row of a table.
pub(super) struct Row {
    pub(super) key: String,
    pub(super) kind: String,
    pub(super) default: String,
    pub(super) about: String,
}

impl Row {
    pub(super) fn new(key: &str, kind: &str, default: &str, about: &str) -> Self {
        Self {
            key: key.to_owned(),
            kind: kind.to_owned(),
            default: default.to_owned(),
            about: about.to_owned(),
        }
    }
}

/// A struct on its way into a table.
pub(super) struct Reader<'a> {
    pub(super) types: &'a Types,
    pub(super) rows: Vec<Row>,
    pub(super) read: BTreeSet<String>,
    pub(super) undocumented: Vec<String>,
}

impl Reader<'_> {
    /// Adds a row for each field, and those of structs within.
    pub(super) fn table(&mut self, prefix: &str, structure: &str) {
        let Some(found) = self.types.structure(structure) else {
            panic!("there is no struct {structure}");
        };
        self.read.insert(structure.to_owned());
        let (found, Fields::Named(fields)) = (found, &found.fields) else {
            panic!("{structure} has no named fields");
        };
        assert_eq!(
            source::serde(&found.attrs, "rename_all").as_deref(),
            Some("kebab-case"),
            "{structure}"
        );
        assert!(
            source::serde(&found.attrs, "deny_unknown_fields").is_some(),
            "{structure} takes unknown keys"
        );
        for field in &fields.named {
            let name = field.ident.as_ref().unwrap().to_string();
            let word = source::serde(&field.attrs, "rename").unwrap_or_else(|| source::kebab(&name));
            let key = format!("{prefix}.{word}");
            let (kind, arguments) = named(&field.ty);
            let inner = if kind == "Option" { arguments.first() } else { None };
            let (kind, _) = inner.map_or((kind, arguments.clone()), named);
            if kind == "SniHosts" {
                let about = source::doc(&field.attrs).unwrap();
                self.rows
                    .push(Row::new(&format!("{key}.<host>.key-alias"), "text", "–", &about));
                continue;
            }
            if self.types.structure(&kind).is_some() && kind.ends_with("Settings") {
                self.table(&key, &kind);
                continue;
            }
            let of_map = arguments
                .get(1)
                .filter(|_| kind == "BTreeMap")
                .map(|value| named(value).0);
            if let Some(inner) = of_map.as_deref().filter(|inner| inner.ends_with("Settings")) {
                self.table(&format!("{key}.<name>"), inner);
                continue;
            }
            let Some(about) = source::doc(&field.attrs) else {
                self.undocumented.push(key);
                continue;
            };
            let default = self.default(found, field, &name, inner.is_some(), &kind);
            // Secrets are kept by what they open, methods by themselves, all other maps by the name of a header field.
            let key = match of_map.as_deref() {
                Some("Secret") => format!("{key}.<alias>"),
                Some(_) if name == "methods" => format!("{key}.<METHOD>"),
                Some(_) => format!("{key}.<field>"),
                None => key,
            };
            let kind = self.words(of_map.as_deref().unwrap_or(&kind));
            self.rows.push(Row {
                key,
                kind,
                default,
                about,
            });
        }
    }

    fn default(
        &self,
        of: &syn::ItemStruct,
        field: &syn::Field,
        name: &str,
        optional: bool,
        kind: &str,
    ) -> String {
        let shown = |value: &Expr| {
            self.shown(value)
                .unwrap_or_else(|| panic!("the default of {}::{name} cannot be shown", of.ident))
        };
        if let Some(value) = self.types.default_of(&of.ident.to_string(), name) {
            return shown(value);
        }
        let container = source::serde(&of.attrs, "default").is_some();
        match source::serde(&field.attrs, "default") {
            Some(function) if !function.is_empty() => shown(self.types.value_of(&function).unwrap()),
            None if !optional && !container => "required".to_owned(),
            _ if optional => "–".to_owned(),
            _ => self.default_of_type(kind),
        }
    }

    fn default_of_type(&self, kind: &str) -> String {
        match kind {
            "bool" => "false".to_owned(),
            "Vec" | "BTreeMap" => "–".to_owned(),
            _ => {
                let found = self
                    .types
                    .enumeration(kind)
                    .unwrap_or_else(|| panic!("default of {kind}"));
                let default = found.variants.iter().find(|variant| {
                    variant
                        .attrs
                        .iter()
                        .any(|attribute| attribute.path().is_ident("default"))
                });
                self.variant(kind, &default.unwrap().ident.to_string())
            }
        }
    }

    /// A type in the words of whoever writes the value.
    fn words(&self, kind: &str) -> String {
        match kind {
            "bool" => "true or false",
            "usize" | "u64" | "u32" | "u16" | "u8" => "number",
            "String" | "BTreeMap" => "text",
            "Secret" => "text, secret",
            "PathBuf" => "path",
            "Vec" => "list",
            "Period" => "period",
            "ByteSize" => "size",
            "SocketAddr" => "address:port",
            "TlsVersion" => "TLS version",
            _ => {
                let found = self
                    .types
                    .enumeration(kind)
                    .unwrap_or_else(|| panic!("words for {kind}"));
                let words: Vec<String> = found
                    .variants
                    .iter()
                    .map(|variant| format!("`{}`", self.variant(kind, &variant.ident.to_string())))
                    .collect();
                return words.join(", ");
            }
        }
        .to_owned()
    }

    fn variant(&self, kind: &str, variant: &str) -> String {
        let attributes = &self.types.enumeration(kind).unwrap().attrs;
        match source::serde(attributes, "rename_all").as_deref() {
            Some("lowercase") => variant.to_lowercase(),
            Some("kebab-case") => source::kebab(variant),
            other => panic!("{kind} is written in {other:?}"),
        }
    }

    /// The value of an expression as an operator would write it.
    fn shown(&self, value: &Expr) -> Option<String> {
        match value {
            Expr::Lit(literal) => match &literal.lit {
                syn::Lit::Str(text) => Some(text.value()),
                syn::Lit::Int(number) => Some(number.base10_digits().to_owned()),
                syn::Lit::Bool(switch) => Some(switch.value.to_string()),
                _ => None,
            },
            Expr::MethodCall(call) if call.method == "to_owned" => self.shown(&call.receiver),
            Expr::Macro(list) if list.mac.path.is_ident("vec") => {
                let parser = syn::punctuated::Punctuated::<Expr, syn::Token![,]>::parse_terminated;
                let elements = list.mac.parse_body_with(parser).ok()?;
                let elements: Option<Vec<String>> =
                    elements.iter().map(|element| self.shown(element)).collect();
                Some(elements?.join(","))
            }
            Expr::Path(path) => match words_of(&path.path).as_slice() {
                [none] if none == "None" => Some("–".to_owned()),
                [kind, name] if kind == "Ipv4Addr" && name == "LOCALHOST" => Some("127.0.0.1".to_owned()),
                [kind, name] if kind == "TlsVersion" && name == "LOWEST_SERVED" => {
                    Some(palisade::TlsVersion::LOWEST_SERVED.to_string())
                }
                [kind, variant] if self.types.enumeration(kind).is_some() => {
                    Some(self.variant(kind, variant))
                }
                _ => None,
            },
            Expr::Call(call) => self.shown_call(call),
            _ => None,
        }
    }

    fn shown_call(&self, call: &syn::ExprCall) -> Option<String> {
        let Expr::Path(function) = &*call.func else {
            return None;
        };
        let arguments: Option<Vec<String>> = call.args.iter().map(|argument| self.shown(argument)).collect();
        match (
            words_of(&function.path).join("::").as_str(),
            arguments?.as_slice(),
        ) {
            ("Vec::new" | "BTreeMap::new", []) => Some("–".to_owned()),
            ("Period::seconds", [number]) => Some(Period::seconds(number.parse().ok()?).to_string()),
            ("Period::milliseconds", [number]) => Some(format!("{number}ms")),
            ("ByteSize::kib", [number]) => Some(ByteSize::kib(number.parse().ok()?).to_string()),
            ("ByteSize::mib", [number]) => Some(ByteSize::mib(number.parse().ok()?).to_string()),
            ("SocketAddr::V4", [address]) => Some(address.clone()),
            ("SocketAddrV4::new", [ip, port]) => Some(format!("{ip}:{port}")),
            _ => None,
        }
    }
}

fn words_of(path: &syn::Path) -> Vec<String> {
    path.segments
        .iter()
        .map(|segment| segment.ident.to_string())
        .collect()
}

/// A type's own name, and its arguments.
fn named(kind: &Type) -> (String, Vec<Type>) {
    let Type::Path(path) = kind else {
        panic!("a field whose type has no name");
    };
    let last = path.path.segments.last().unwrap();
    let arguments = match &last.arguments {
        PathArguments::AngleBracketed(arguments) => arguments
            .args
            .iter()
            .filter_map(|argument| match argument {
                GenericArgument::Type(kind) => Some(kind.clone()),
                _ => None,
            })
            .collect(),
        _ => Vec::new(),
    };
    (last.ident.to_string(), arguments)
}
