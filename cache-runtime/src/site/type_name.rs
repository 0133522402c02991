//! Type names, as the compiler prints them. This is the only place that reads them.
//!
//! The text of `std::any::type_name` may change. It distinguishes the functions of a program, so it is a part
//! of their identity. If a new compiler prints a function differently, its hashed keys are new, and its
//! entries are misses once. If a compiler prints two functions alike, the second one to be called is cached
//! in memory only (`site/instance.rs`). So no value is mistaken for that of another function. A text of an
//! unknown form is used unchanged.

use crate::support::lock::Mutex;

/// Returns the function of a type name, without its lifetimes: `feed<'_, u8>` is `feed<u8>`. The code of `function` may
/// be in another function beside it.
pub(super) fn label(type_name: &str, function: &str) -> String {
    let name = without_closures(type_name);
    let Some((path, arguments)) = last_arguments(name) else {
        return named(name, function).unwrap_or_else(|| name.to_owned());
    };
    let function = named(path, function).unwrap_or_else(|| path.to_owned());
    match arguments.trim_start_matches("'_, ") {
        "'_" => function,
        types => format!("{function}<{types}>"),
    }
}

/// Returns `f` and `T, U` of `f<T, U>`.
fn last_arguments(name: &str) -> Option<(&str, &str)> {
    let inside = name.strip_suffix('>')?;
    let mut depth = 0_u32;
    for (i, letter) in inside.char_indices().rev() {
        match letter {
            '>' if !inside[..i].ends_with('-') => depth += 1,
            '<' if depth == 0 => return Some((&inside[..i], &inside[i + 1..])),
            '<' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// Returns the type name of the function around a closure: the name of the closure without its
/// `::{{closure}}`s.
pub(crate) fn without_closures(type_name: &str) -> &str {
    let mut name = type_name;
    while let Some(shorter) = name.strip_suffix("::{{closure}}") {
        name = shorter;
    }
    name
}

/// Returns `f` for `f::{{closure}}::SITE::{{closure}}`: an `async` body counts as a closure. The code of `function` may
/// be in another function beside it.
pub(super) fn function_path(type_name: &'static str, function: &'static str) -> &'static str {
    /// The paths that are not a part of a type name. There are as many as functions in the program.
    static NAMED: Mutex<Vec<(&str, &str)>> = Mutex::new(Vec::new());
    let item = without_closures(type_name);
    let path = without_closures(item.rsplit_once("::").map_or(item, |(function, _)| function));
    let Some(named) = named(path, function) else { return path };
    let mut known = NAMED.lock();
    if let Some((_, named)) = known.iter().find(|(of, known)| *of == path && *known == named) {
        return named;
    }
    let named = Box::leak(named.into_boxed_str());
    known.push((path, named));
    named
}

/// Returns the path with this function as its last part; `None` if it is that already, or of an unknown form.
fn named(path: &str, function: &str) -> Option<String> {
    let (module, last) = path.rsplit_once("::")?;
    let is_name = last.chars().all(|letter| letter.is_alphanumeric() || letter == '_');
    (is_name && last != function).then(|| format!("{module}::{function}"))
}

#[cfg(test)]
mod tests {
    use super::{function_path, label, without_closures};

    #[test]
    fn a_label_has_types_and_no_lifetimes() {
        for (type_name, expected) in [
            ("shop::get::{{closure}}", "shop::get"),
            ("<Sql as Feed>::feed<'_, '_>::{{closure}}", "<Sql as Feed>::feed"),
            ("Foo<'_>::get<'_, '_, Bar<'_>, fn() -> u8>", "Foo<'_>::get<Bar<'_>, fn() -> u8>"),
            ("Foo<'_>::get", "Foo<'_>::get"),
            ("get<Foo<'_>, 3>", "get<Foo<'_>, 3>"),
        ] {
            let function = if expected.contains("feed") { "feed" } else { "get" };
            assert_eq!(label(type_name, function), expected);
        }
        assert_eq!(label("shop::get_entry<u8>::{{closure}}", "get"), "shop::get<u8>");
    }

    #[test]
    fn a_path_ends_with_the_function() {
        let cases = [
            ("shop::get::{{closure}}::SITE::{{closure}}::{{closure}}", "shop::get"),
            ("shop::get::SITE::{{closure}}", "shop::get"),
            ("<A as shop::B>::get::{{closure}}::SITE::{{closure}}", "<A as shop::B>::get"),
            ("shop::f::{{closure}}::get::SITE::{{closure}}", "shop::f::{{closure}}::get"),
        ];
        for (type_name, path) in cases {
            assert_eq!(function_path(type_name, "get"), path);
        }
        let beside = function_path("<A>::get_entry::{{closure}}::SITE::{{closure}}", "get");
        assert_eq!(beside, "<A>::get");
        let again = function_path("<A>::get_entry::{{closure}}::SITE::{{closure}}", "get");
        assert!(std::ptr::eq(beside, again));
    }

    #[test]
    fn a_text_of_another_form_stays_as_it_is() {
        for type_name in
            ["shop::get::{closure#0}", "_RNvC4shop3get", "shop::get::{{impl}}<", ">", "<", ""]
        {
            assert_eq!(label(type_name, "get"), type_name);
            assert_eq!(without_closures(type_name), type_name);
        }
        assert_eq!(function_path("no path", "get"), "no path");
    }
}
