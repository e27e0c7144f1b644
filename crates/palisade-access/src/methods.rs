//! Which operation each method belongs to.

use std::fmt;
use std::sync::Arc;

use http::Method;

use crate::Operation;
use crate::nearest::{did_you_mean, nearest};

/// Which operation each method belongs to: a handful, so a list is the fastest map.
#[derive(Debug, Clone)]
pub(crate) struct Methods(Box<[(Method, Operation)]>);

impl Methods {
    /// The usual ones, changed as `named` says; the last word on a method holds.
    pub(crate) fn new(named: &[(Method, Operation)]) -> Self {
        let mut table = vec![
            (Method::GET, Operation::Read),
            (Method::POST, Operation::Create),
            (Method::PUT, Operation::Update),
            (Method::PATCH, Operation::Update),
            (Method::DELETE, Operation::Delete),
        ];
        for (method, operation) in named {
            put(&mut table, method, *operation);
        }
        // HEAD is GET without the content (RFC 9110 section 9.3.2).
        if let (None, Some(operation)) = (find(&table, &Method::HEAD), find(&table, &Method::GET)) {
            put(&mut table, &Method::HEAD, operation);
        }
        Self(table.into())
    }

    /// The operation of a method; `None` where it has none.
    pub(crate) fn operation_of(&self, method: &Method) -> Option<Operation> {
        find(&self.0, method)
    }

    /// Every method that has an operation.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Method, Operation)> {
        self.0.iter().map(|(method, operation)| (method, *operation))
    }
}

fn find(table: &[(Method, Operation)], method: &Method) -> Option<Operation> {
    table
        .iter()
        .find(|(known, _)| known == method)
        .map(|(_, operation)| *operation)
}

fn put(table: &mut Vec<(Method, Operation)>, method: &Method, operation: Operation) {
    match table.iter_mut().find(|(known, _)| known == method) {
        Some((_, known)) => *known = operation,
        None => table.push((method.clone(), operation)),
    }
}

/// The methods that somebody may use, sorted by name: the value of the field `Allow` (RFC 9110 section 10.2.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedMethods(Arc<[Method]>);

impl AllowedMethods {
    /// The methods; possibly none.
    pub fn as_slice(&self) -> &[Method] {
        &self.0
    }
}

impl FromIterator<Method> for AllowedMethods {
    fn from_iter<I: IntoIterator<Item = Method>>(methods: I) -> Self {
        let mut methods: Vec<Method> = methods.into_iter().collect();
        methods.sort_unstable_by(|one, other| one.as_str().cmp(other.as_str()));
        methods.dedup();
        Self(methods.into())
    }
}

impl fmt::Display for AllowedMethods {
    /// A list as fields have it: `GET, HEAD`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, method) in self.0.iter().enumerate() {
            let separator = if position == 0 { "" } else { ", " };
            write!(f, "{separator}{method}")?;
        }
        Ok(())
    }
}

/// The methods of RFC 9110 section 9.3 and RFC 5789, for suggestions.
const STANDARD: [&str; 9] = [
    "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH",
];

/// A name in settings that is no method, or hardly the one that is meant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the name of a method in upper case such as POST or REPORT (RFC 9110 section 9.1){}",
    did_you_mean(.nearest.as_deref())
)]
pub(crate) struct MethodNameError {
    nearest: Option<String>,
}

/// Reads the name of a method as operators write it: letters, digits, `-` and `_`, a letter first. Tokens may have more in them,
/// and no method that is in use has.
///
/// A name one typing mistake away from a standard one is refused: as a method of its own it would leave the other as it was.
pub(crate) fn parse(name: &str) -> Result<Method, MethodNameError> {
    let upper = name.to_ascii_uppercase();
    let is_name = upper.starts_with(|first: char| first.is_ascii_uppercase())
        && upper
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    let meant = nearest(&upper, STANDARD, 1).or(is_name.then_some(upper.as_str()));
    match Method::from_bytes(name.as_bytes()) {
        Ok(method) if meant == Some(name) => Ok(method),
        _ => Err(MethodNameError {
            nearest: meant.map(ToOwned::to_owned),
        }),
    }
}

#[cfg(test)]
mod tests {
    use http::Method;
    use rstest::rstest;

    use super::{AllowedMethods, MethodNameError, Methods, parse};
    use crate::Operation::{self, Create, Delete, Read, Update};

    #[rstest]
    #[case(&[], "GET", Some(Read))]
    #[case(&[], "HEAD", Some(Read))]
    #[case(&[], "POST", Some(Create))]
    #[case(&[], "PUT", Some(Update))]
    #[case(&[], "PATCH", Some(Update))]
    #[case(&[], "DELETE", Some(Delete))]
    #[case(&[], "OPTIONS", None)]
    #[case(&[], "TRACE", None)]
    #[case(&[], "CONNECT", None)]
    #[case(&[], "REPORT", None)]
    #[case(&[], "get", None)]
    #[case(&[], "Get", None)]
    #[case(&[("POST", Read)], "POST", Some(Read))]
    #[case(&[("POST", Read)], "PUT", Some(Update))]
    #[case(&[("REPORT", Read)], "REPORT", Some(Read))]
    #[case(&[("GET", Update)], "HEAD", Some(Update))]
    #[case(&[("GET", Update), ("HEAD", Read)], "HEAD", Some(Read))]
    #[case(&[("HEAD", Delete)], "GET", Some(Read))]
    #[case(&[("PUT", Create), ("PUT", Delete)], "PUT", Some(Delete))]
    fn a_method_belongs_to_one_operation_or_none(
        #[case] named: &[(&str, Operation)],
        #[case] method: &str,
        #[case] operation: Option<Operation>,
    ) {
        let named: Vec<(Method, Operation)> = named
            .iter()
            .map(|(method, operation)| (method.parse().unwrap(), *operation))
            .collect();
        assert_eq!(
            Methods::new(&named).operation_of(&method.parse().unwrap()),
            operation
        );
    }

    #[rstest]
    #[case("GET")]
    #[case("PATCH")]
    #[case("TRACE")]
    #[case("REPORT")]
    #[case("VERSION-CONTROL")]
    #[case("X")]
    #[case("M-SEARCH")]
    fn names_of_methods_are_upper_case_tokens(#[case] name: &str) {
        assert_eq!(parse(name).unwrap().as_str(), name);
    }

    #[rstest]
    #[case("get", Some("GET"))]
    #[case("Post", Some("POST"))]
    #[case("report", Some("REPORT"))]
    #[case("POTS", Some("POST"))]
    #[case("GETS", Some("GET"))]
    #[case("PO ST", Some("POST"))]
    #[case("delet", Some("DELETE"))]
    #[case("POST,PUT", None)]
    #[case("GÉT", Some("GET"))]
    #[case("", None)]
    #[case("*", None)]
    #[case("(all)", None)]
    #[case("1ST", None)]
    fn other_names_are_errors_that_say_what_may_be_meant(#[case] name: &str, #[case] nearest: Option<&str>) {
        let nearest = nearest.map(ToOwned::to_owned);
        assert_eq!(parse(name), Err(MethodNameError { nearest }));
    }

    #[test]
    fn allowed_methods_are_sorted_and_written_as_a_list() {
        let of = |names: &[&str]| -> AllowedMethods {
            names.iter().map(|name| name.parse::<Method>().unwrap()).collect()
        };
        assert_eq!(
            of(&["PUT", "GET", "REPORT", "GET", "HEAD"]).to_string(),
            "GET, HEAD, PUT, REPORT"
        );
        assert_eq!(of(&[]).to_string(), "");
    }
}
