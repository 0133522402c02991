//! Where a call site is.

use std::fmt;

use serde::Serialize;

use crate::site::without_closures;

/// Where a call site is, as its `static` says it.
#[derive(Clone, Copy, Debug)]
pub struct Declared {
    /// `CARGO_PKG_NAME`; empty where it is not built by cargo.
    pub package: &'static str,
    /// `module_path!()`.
    pub module: &'static str,
    /// The function's name.
    pub function: &'static str,
    /// `file!()`.
    pub file: &'static str,
    /// `line!()`.
    pub line: u32,
    /// The type name of a closure in the initialiser of the `static`.
    pub path: fn() -> &'static str,
}

/// Where a call site is. Prints as `path (file:line)`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[non_exhaustive]
pub struct Place {
    /// The module: `shop::videos`.
    pub module: &'static str,
    /// The function's name.
    pub function: &'static str,
    /// The function as the compiler prints it, with the type of its impl:
    /// `shop::videos::get_video`, `shop::Videos<_>::get`, `<shop::Sql as shop::Store>::get`.
    pub path: &'static str,
    /// The file, as the compiler was given it.
    pub file: &'static str,
    /// The line of the attribute.
    pub line: u32,
}

impl Place {
    pub(crate) fn of(declared: &Declared) -> Self {
        let Declared { module, function, file, line, path, .. } = *declared;
        Place { module, function, path: function_path(path()), file, line }
    }
}

/// `f::{{closure}}::SITE::{{closure}}` is inside of `f`: an `async` body counts as a closure.
fn function_path(type_name: &'static str) -> &'static str {
    let item = without_closures(type_name);
    without_closures(item.rsplit_once("::").map_or(item, |(function, _)| function))
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}:{})", self.path, self.file, self.line)
    }
}

#[cfg(test)]
mod tests {
    use super::function_path;

    #[test]
    fn a_path_ends_with_the_function() {
        let cases = [
            ("shop::get::{{closure}}::SITE::{{closure}}::{{closure}}", "shop::get"),
            ("shop::get::SITE::{{closure}}", "shop::get"),
            ("<A as shop::B>::get::{{closure}}::SITE::{{closure}}", "<A as shop::B>::get"),
            ("shop::f::{{closure}}::get::SITE::{{closure}}", "shop::f::{{closure}}::get"),
        ];
        for (type_name, path) in cases {
            assert_eq!(function_path(type_name), path);
        }
    }
}
