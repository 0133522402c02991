//! The dependencies between files.

use std::collections::{BTreeMap, HashMap};

use syn::visit::{self, Visit};
use syn::{ExprMethodCall, Item, ItemUse, Macro, Path, Visibility};

use super::sources::{Module, Source, Sources};

/// For each file those that it needs, with one name that shows it.
#[derive(Default)]
pub(crate) struct Needs(BTreeMap<String, BTreeMap<String, String>>);

impl Needs {
    pub(crate) fn of(sources: &Sources) -> Needs {
        let mut needs = Needs::default();
        let methods = sources.unique_methods();
        for (module, source) in &sources.modules {
            let mut reader =
                Reader { sources, module, source, methods: &methods, needs: &mut needs };
            for item in &source.items {
                reader.visit_item(item);
            }
        }
        needs
    }

    pub(crate) fn files(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    pub(crate) fn of_file(&self, file: &str) -> impl Iterator<Item = (&str, &str)> {
        self.0.get(file).into_iter().flatten().map(|(other, why)| (other.as_str(), why.as_str()))
    }
}

struct Reader<'a> {
    sources: &'a Sources,
    module: &'a Module,
    source: &'a Source,
    methods: &'a HashMap<&'a str, &'a str>,
    needs: &'a mut Needs,
}

impl<'a> Reader<'a> {
    fn need(&mut self, file: &str, why: &str) {
        if file != self.source.file {
            let needed = self.needs.0.entry(self.source.file.clone()).or_default();
            needed.entry(file.to_owned()).or_insert_with(|| why.to_owned());
        }
    }

    fn path(&mut self, path: &[String]) {
        if let Some(file) = self.sources.definition(self.module, path, 0) {
            self.need(&file, path.last().map_or("", String::as_str));
        }
    }
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        match item {
            Item::Use(item) => self.visit_item_use(item),
            _ => visit::visit_item(self, item),
        }
    }

    /// A re-export gives a name to what others need.
    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        if matches!(item.vis, Visibility::Inherited) {
            let mut names = Vec::new();
            super::sources::leaves(&item.tree, &mut Vec::new(), &mut names);
            for (_, path) in names {
                self.path(&path);
            }
        }
    }

    fn visit_path(&mut self, path: &'ast Path) {
        let names: Vec<_> = path.segments.iter().map(|part| part.ident.to_string()).collect();
        // Of a path into a type, such as `Entry::decode`, the type says the file, and the method which of
        // the files that add to the type.
        let known = |end: &usize| self.sources.definition(self.module, &names[..*end], 0).is_some();
        if let Some(end) = (1..=names.len()).rev().find(known) {
            self.path(&names[..end]);
            if let Some(method) = names.get(end)
                && let Some(file) = self.methods.get(method.as_str())
            {
                self.need(file, method);
            }
        }
        visit::visit_path(self, path);
    }

    fn visit_expr_method_call(&mut self, call: &'ast ExprMethodCall) {
        let method = call.method.to_string();
        if let Some(file) = self.methods.get(method.as_str())
            && !of_std(&method)
        {
            self.need(file, &method);
        }
        visit::visit_expr_method_call(self, call);
    }

    /// The arguments of a macro are read as expressions where they are such.
    fn visit_macro(&mut self, call: &'ast Macro) {
        use syn::{Expr, Token, punctuated::Punctuated};
        let arguments = call.parse_body_with(Punctuated::<Expr, Token![,]>::parse_terminated);
        for argument in arguments.iter().flatten() {
            self.visit_expr(argument);
        }
        visit::visit_macro(self, call);
    }
}

impl Sources {
    /// The file that defines what a path means in a module, if the crate does.
    fn definition(&self, from: &[String], path: &[String], depth: usize) -> Option<String> {
        let (first, rest) = path.split_first()?;
        if depth > 20 {
            return None;
        }
        match first.as_str() {
            "crate" => self.item(&[], rest, depth),
            "self" => self.item(from, rest, depth),
            "super" => self.item(from.split_last()?.1, rest, depth),
            _ => self.item(from, path, depth),
        }
    }

    /// The file of an item of a module, through its parts and its re-exports.
    fn item(&self, module: &[String], path: &[String], depth: usize) -> Option<String> {
        let (first, rest) = path.split_first()?;
        if first == "super" {
            return self.item(module.split_last()?.1, rest, depth);
        }
        let source = self.modules.get(module)?;
        if rest.is_empty() && source.defines.contains(first) {
            return Some(source.file.clone());
        }
        let inner: Module = module.iter().chain([first]).cloned().collect();
        if !rest.is_empty() && self.modules.contains_key(&inner) {
            return self.item(&inner, rest, depth);
        }
        let further = |used: &[String], rest: &[String]| {
            // `use name::Item` beside `mod name`, and names that mean themselves.
            let path: Vec<_> = used.iter().chain(rest).cloned().collect();
            self.definition(module, &path, depth + 1)
        };
        for (name, used) in &source.uses {
            if name == first && (used.len() > 1 || used.first() != Some(first)) {
                return further(used, rest);
            }
        }
        let globs = source.uses.iter().filter(|(name, _)| name == "*");
        globs.map(|(_, used)| further(used, path)).find_map(|found| found)
    }
}

/// Returns true if types of the standard library have a method of that name, too.
fn of_std(method: &str) -> bool {
    const NAMES: &str = " abs all and field and_then any append as_bytes as_deref as_mut as_ref as_str borrow chain \
        chars clear clone cloned collect contains copied count drain duration entry eq err expect extend fields fill filter find \
        finish first flush fold get get_mut get_or_init hash id insert into is_empty is_none is_some iter \
        join keys kind last len load lock map max min new next now ok or_insert peek pop position pop_front \
        push push_back range read recv remove replace reserve retain rev scan send set shift source split start \
        starts_with store strip_prefix sub_assign sum swap take then to_owned to_string to_vec trim \
        unwrap_or update values wait write zip build path number number_of elapsed abort enter url \
        name text reset upgrade downgrade or_else capacity bind status error subscribe send finish named downcast_ref ";
    NAMES.contains(&format!(" {method} "))
}
