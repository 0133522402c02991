//! The findings of an audit.

use std::fmt;

use serde::Serialize;

use crate::registry::Mutation;
use crate::site::SourceLocation;

/// A probable mistake in an attribute. Its `Display` is a sentence or two, with the location of each
/// attribute and a remedy.
///
/// Its `Debug` is the same, so that a failed `assert_eq!(audit(), [])` is readable. `Serialize` writes
/// the fields.
#[derive(Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Finding {
    /// There is no annotated function. Usually this is a test in `tests/` that does not use the library
    /// with the functions, so that the linker drops it.
    #[non_exhaustive]
    NoSites {},
    /// A literal segment of a template has the name of an argument that the template does not use: `user:id`
    /// instead of `user:{id}`.
    #[non_exhaustive]
    WithoutBraces {
        /// The location of the function.
        site: SourceLocation,
        /// `key`, `prefix` or `tags`.
        option: &'static str,
        /// The template, as it is written.
        text: &'static str,
        /// The argument.
        argument: &'static str,
    },
    /// A tag that no function of the program invalidates, neither as a tag nor as a prefix.
    #[non_exhaustive]
    NeverInvalidated {
        /// The location of the cached function.
        site: SourceLocation,
        /// The tag, as it is written.
        tag: &'static str,
    },
    /// Cached functions with the same type name, as in sibling blocks. Of those that are called in one
    /// process, all but the first are cached in memory only.
    #[non_exhaustive]
    Twins {
        /// Their locations.
        sites: Vec<SourceLocation>,
    },
    /// Cached functions whose `key` templates give the same names. Each keeps its own values, and an
    /// invalidation of a name invalidates the values of all of them.
    #[non_exhaustive]
    SameNames {
        /// Their names, with `{}` for each value.
        names: String,
        /// Their locations.
        sites: Vec<SourceLocation>,
    },
    /// A prefix or tag that is invalidated, and that no entry of a cached function has.
    #[non_exhaustive]
    NothingToInvalidate {
        /// The location of the function that invalidates.
        site: SourceLocation,
        /// `prefix` or `tags`.
        option: &'static str,
        /// The prefix or tag, as it is written.
        name: &'static str,
        /// The prefix or tag that was probably meant, as it is written.
        nearest: Option<String>,
        /// The cached function whose names end with a hash below `nearest`, if `name` would be correct
        /// with a `key` template for that function.
        hashed: Option<&'static str>,
    },
    /// The call in an `entry` is not that of a `#[cached]` function, so nothing is invalidated or
    /// put. A function that was imported under another name is not found.
    #[non_exhaustive]
    NotCached {
        /// The location of the function that invalidates or puts.
        site: SourceLocation,
        /// The intended change of the entry.
        action: Mutation,
        /// The call, as it is written.
        call: &'static str,
        /// The name of the called function, which no cached function has.
        function: &'static str,
        /// The cached function that was probably meant.
        nearest: Option<&'static str>,
    },
    /// A prefix that comes from a function's name, and that covers the written `key_prefix` of
    /// another function: an invalidation of the one also invalidates the other.
    #[non_exhaustive]
    AccidentalParent {
        /// The prefix from the function's name.
        prefix: String,
        /// The location of that function.
        parent: SourceLocation,
        /// The `key_prefix` below it, or equal to it.
        covered: &'static str,
        /// The location of that function.
        child: SourceLocation,
    },
    /// A function is invalidated, and another one is not whose body has called it in this process. The
    /// values of that one stay, although they were computed from values that are invalid now.
    #[non_exhaustive]
    NotPassedOn {
        /// The location of the function that invalidates.
        site: SourceLocation,
        /// `prefix`, `tags` or `entry`.
        option: &'static str,
        /// The prefix, tag or call, as it is written.
        name: &'static str,
        /// The location of the cached function that it invalidates.
        inner: SourceLocation,
        /// The location of the cached function whose body has called that one.
        outer: SourceLocation,
    },
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Finding::NoSites {} => f.write_str(
                "no annotated function is in this program, so nothing was looked at: a test in `tests/` sees those of the \
                 library only if it uses that, by `use name_of_the_library as _;`",
            ),
            Finding::WithoutBraces { site, option, text, argument } => write!(
                f,
                "`{text}` in `{option}` of {site} has the text `{argument}` in it, and not the value of the \
                 argument of that name: write `{{{argument}}}`, or call one of the two something else"
            ),
            Finding::NeverInvalidated { site, tag } => write!(
                f,
                "the tag `{tag}` of {site} is invalidated by no function of the program: add \
                 `#[cache_invalidate(tags = [\"{tag}\"])]` to the function that changes the data, or remove the tag"
            ),
            Finding::Twins { sites } => write!(
                f,
                "the cached functions {} cannot be told apart, so all but the first to be called \
                 are kept in memory only: give them different names or versions",
                List(sites)
            ),
            Finding::SameNames { names, sites } => write!(
                f,
                "the cached functions {} all call their entries `{names}`: each keeps its own \
                 values, and an invalidation by name reaches all of them; if that is not intended, \
                 give them different prefixes",
                List(sites)
            ),
            Finding::NothingToInvalidate { site, option, name, nearest, hashed } => {
                let what = said(option);
                let nothing = "invalidates nothing: no cached function has it";
                write!(f, "the {what} `{name}` of {site} {nothing}")?;
                match (nearest, hashed) {
                    (None, _) => Ok(()),
                    (Some(nearest), None) => write!(f, ", the nearest is `{nearest}`"),
                    (Some(nearest), Some(function)) => write!(
                        f,
                        ". `{function}` has no `key` template, so no name has a value in it: \
                         invalidate `{nearest}`, or use `entry = {function}(..)`"
                    ),
                }
            }
            Finding::NotCached { site, action, call, function, nearest } => {
                let nothing = action.nothing();
                write!(
                    f,
                    "the `entry` of {site} is `{call}`, and no `#[cached]` function is called \
                     `{function}`: {nothing}"
                )?;
                nearest.map_or(Ok(()), |nearest| write!(f, ", did you mean `{nearest}`?"))
            }
            Finding::AccidentalParent { prefix, parent, covered, child } => write!(
                f,
                "the prefix `{prefix}` of {parent}, which comes from the function's name, covers \
                 `key_prefix = \"{covered}\"` of {child}, so that both are invalidated by it: \
                 give one of them another `key_prefix`"
            ),
            Finding::NotPassedOn { site, option, name, inner, outer } => write!(
                f,
                "the {} `{name}` of {site} invalidates values of {inner}, and none of {outer}, whose body calls that \
                 function: its values stay as they are; let `{}` inherit, or give it a tag that `{}` invalidates too",
                said(option),
                outer.function,
                site.function
            ),
        }
    }
}

impl fmt::Debug for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

/// Returns the word for one of the values of an option.
fn said(option: &'static str) -> &'static str {
    if option == "tags" { "tag" } else { option }
}

struct List<'a>(&'a [SourceLocation]);

impl fmt::Display for List<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, location) in self.0.iter().enumerate() {
            match i {
                0 => write!(f, "{location}")?,
                _ if i + 1 == self.0.len() => write!(f, " and {location}")?,
                _ => write!(f, ", {location}")?,
            }
        }
        Ok(())
    }
}
