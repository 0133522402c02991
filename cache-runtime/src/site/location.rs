//! The location of a call site.

use std::fmt;

use serde::Serialize;

use super::type_name::function_path;

/// The location of a call site in its `static`.
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

/// The location of a call site. Its `Display` is `path (file:line)`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[non_exhaustive]
pub struct SourceLocation {
    /// The module: `shop::videos`.
    pub module: &'static str,
    /// The function's name.
    pub function: &'static str,
    /// The path of the function, with the type of its impl:
    /// `shop::videos::get_video`, `shop::Videos<_>::get`, `<shop::Sql as shop::Store>::get`.
    pub path: &'static str,
    /// The file, as the compiler names it.
    pub file: &'static str,
    /// The line of the attribute.
    pub line: u32,
    /// The package, since two packages may have crates of the same name. Empty if it was not built by
    /// cargo.
    pub package: &'static str,
}

impl SourceLocation {
    pub(crate) fn of(declared: &Declared) -> Self {
        let Declared { package, module, function, file, line, path } = *declared;
        SourceLocation {
            module,
            function,
            path: function_path(path(), function),
            file,
            line,
            package,
        }
    }
}

impl fmt::Display for SourceLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}:{})", self.path, self.file, self.line)
    }
}
