//! The files of a crate as modules, without what is for tests alone.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::mem;
use std::path::Path;

use syn::{Attribute, ImplItem, Item, TraitItem, UseTree};

/// A path of modules from the crate's root.
pub(crate) type Module = Vec<String>;

/// A crate's modules.
pub(crate) struct Sources {
    pub(crate) modules: BTreeMap<Module, Source>,
    /// Modules that are declared for tests alone; their parts are such, too.
    for_tests: Vec<Module>,
}

/// A module: a file, or a part of one in braces.
pub(crate) struct Source {
    pub(crate) file: String,
    pub(crate) items: Vec<Item>,
    /// Names of the items that are defined here.
    pub(crate) defines: BTreeSet<String>,
    /// Names that `use` brings here, and the paths that they stand for; `*` for a glob.
    pub(crate) uses: Vec<(String, Vec<String>)>,
    /// Methods that are defined here.
    pub(crate) methods: BTreeSet<String>,
}

impl Sources {
    pub(crate) fn read(root: &Path) -> Sources {
        let mut files = Vec::new();
        collect(root, root, &mut files);
        let files: Vec<_> = files.iter().map(|(at, text)| (at.as_str(), text.as_str())).collect();
        Sources::of(&files)
    }

    /// Files by their path below `src`, with their texts.
    pub(crate) fn of(files: &[(&str, &str)]) -> Sources {
        let mut sources = Sources { modules: BTreeMap::new(), for_tests: Vec::new() };
        for (at, text) in files {
            let parsed = syn::parse_file(text).unwrap_or_else(|error| panic!("{at}: {error}"));
            sources.add(module_of(at), at, parsed.items);
        }
        let for_tests = mem::take(&mut sources.for_tests);
        sources.modules.retain(|module, _| !for_tests.iter().any(|part| module.starts_with(part)));
        sources
    }

    fn add(&mut self, module: Module, file: &str, items: Vec<Item>) {
        let (tests, items): (Vec<_>, Vec<_>) =
            items.into_iter().partition(|item| for_tests(attributes(item)));
        let of_tests = tests.iter().filter_map(|item| match item {
            Item::Mod(inner) => Some(inner.ident.to_string()),
            _ => None,
        });
        self.for_tests.extend(of_tests.map(|name| [module.as_slice(), &[name]].concat()));
        let (inner, items): (Vec<_>, Vec<_>) = items
            .into_iter()
            .partition(|item| matches!(item, Item::Mod(inner) if inner.content.is_some()));
        let mut source = Source {
            file: file.to_owned(),
            defines: items.iter().filter_map(name_of).collect(),
            uses: Vec::new(),
            methods: items.iter().flat_map(methods).collect(),
            items,
        };
        for item in &source.items {
            if let Item::Use(used) = item {
                leaves(&used.tree, &mut Vec::new(), &mut source.uses);
            }
        }
        for item in inner {
            if let Item::Mod(inner) = item {
                let mut path = module.clone();
                path.push(inner.ident.to_string());
                let (_, items) = inner.content.unwrap_or_default();
                self.add(path, file, items);
            }
        }
        self.modules.insert(module, source);
    }

    /// Methods that a single file defines, and that file.
    pub(crate) fn unique_methods(&self) -> HashMap<&str, &str> {
        let mut found: HashMap<&str, BTreeSet<&str>> = HashMap::new();
        for source in self.modules.values() {
            for method in &source.methods {
                found.entry(method).or_default().insert(&source.file);
            }
        }
        let single = |(method, files): (_, BTreeSet<_>)| match files.len() {
            1 => Some((method, files.into_iter().next()?)),
            _ => None,
        };
        found.into_iter().filter_map(single).collect()
    }
}

fn collect(root: &Path, folder: &Path, files: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(root, &path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let at = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
            files.push((at, fs::read_to_string(&path).unwrap()));
        }
    }
}

fn module_of(file: &str) -> Module {
    let path = file.trim_end_matches(".rs");
    let mut module: Module = path.split('/').map(str::to_owned).collect();
    if matches!(module.last().map(String::as_str), Some("mod" | "lib" | "main")) {
        module.pop();
    }
    module
}

fn for_tests(attributes: &[Attribute]) -> bool {
    let of_tests = |attribute: &Attribute| {
        let words = quote::quote!(#attribute).to_string();
        words.contains("cfg")
            && (words.contains("(test)")
                || words.contains("(doctest)")
                || words.contains("(fuzzing)"))
    };
    attributes.iter().any(of_tests)
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

fn name_of(item: &Item) -> Option<String> {
    let name = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        _ => return None,
    };
    Some(name.to_string())
}

/// Methods of types; those of a trait belong to the trait, wherever it is implemented.
fn methods(item: &Item) -> Vec<String> {
    match item {
        Item::Impl(item) if item.trait_.is_none() => {
            let of_type = item.items.iter().filter_map(|item| match item {
                ImplItem::Fn(method) if !for_tests(&method.attrs) => Some(&method.sig.ident),
                _ => None,
            });
            of_type.map(ToString::to_string).collect()
        }
        Item::Trait(item) => {
            let of_trait = item.items.iter().filter_map(|item| match item {
                TraitItem::Fn(method) => Some(&method.sig.ident),
                _ => None,
            });
            of_trait.map(ToString::to_string).collect()
        }
        _ => Vec::new(),
    }
}

/// The names that a `use` brings, with the path of each.
pub(crate) fn leaves(
    tree: &UseTree,
    path: &mut Vec<String>,
    found: &mut Vec<(String, Vec<String>)>,
) {
    let mut leaf = |name: String, last: Option<String>| {
        let path = path.iter().cloned().chain(last).collect();
        found.push((name, path));
    };
    match tree {
        UseTree::Path(part) => {
            path.push(part.ident.to_string());
            leaves(&part.tree, path, found);
            path.pop();
        }
        UseTree::Name(name) if name.ident == "self" => {
            leaf(path.last().cloned().unwrap_or_default(), None);
        }
        UseTree::Name(name) => leaf(name.ident.to_string(), Some(name.ident.to_string())),
        UseTree::Rename(name) => leaf(name.rename.to_string(), Some(name.ident.to_string())),
        UseTree::Glob(_) => leaf("*".to_owned(), None),
        UseTree::Group(group) => {
            for tree in &group.items {
                leaves(tree, path, found);
            }
        }
    }
}
