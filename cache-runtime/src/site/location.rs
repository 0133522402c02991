//! The location of a call site.

use std::fmt;

use serde::Serialize;

use super::type_name::function_path;

/// The location of a call site, as its `static` has it.
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

/// The location of a call site. Prints as `path (file:line)`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[non_exhaustive]
pub struct SourceLocation {
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
    /// The package: the crates of two may have one name. Empty where it is not built by cargo.
    pub package: &'static str,
}

impl SourceLocation {
    pub(crate) fn of(declared: &Declared) -> Self {
        let Declared { package, module, function, file, line, path } = *declared;
        SourceLocation { module, function, path: function_path(path()), file, line, package }
    }
}

impl fmt::Display for SourceLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}:{})", self.path, self.file, self.line)
    }
}
