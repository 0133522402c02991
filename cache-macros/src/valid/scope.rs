//! The names that the value of an option can use.

use syn::Ident;
use syn::ext::IdentExt as _;

use crate::error::list;
use crate::item::{Argument, Item};

/// The names a template can use.
pub(crate) struct Scope {
    /// The arguments. In a function of many keys, one id stands in the place of all of them.
    pub(crate) arguments: Vec<Argument>,
    pub(crate) receiver: Option<Ident>,
    /// The name of one id, and of the argument that holds all of them.
    pub(crate) each: Option<(Ident, Option<Ident>)>,
    /// True if the result of the function has the name `result`.
    pub(crate) has_result: bool,
}

impl Scope {
    pub(crate) fn of(item: &Item) -> Self {
        let receiver = item.receiver().map(|receiver| Ident::new("self", receiver.self_token.span));
        Self { arguments: item.arguments(), receiver, each: None, has_result: false }
    }

    /// Returns the scope of one argument.
    pub(crate) fn only(name: &Ident) -> Self {
        let argument = Argument { name: name.clone(), cfg: Vec::new(), mutable: None };
        Self { arguments: vec![argument], receiver: None, each: None, has_result: false }
    }

    /// Returns the same names, and that of the result, unless an argument has that name.
    pub(crate) fn with_result(self) -> Self {
        let is_free = self.names().all(|name| name.unraw() != "result");
        Self { has_result: is_free, ..self }
    }

    /// Returns the names for one id of a function of many keys.
    pub(crate) fn of_each(item: &Item, id: &Ident, ids: Option<&Ident>) -> Self {
        let mut scope = Self::of(item);
        let one = Argument { name: id.clone(), cfg: Vec::new(), mutable: None };
        let is_ids =
            |argument: &Argument| ids.is_some_and(|ids| ids.unraw() == argument.name.unraw());
        match scope.arguments.iter().position(is_ids) {
            Some(place) => scope.arguments[place] = one,
            None => scope.arguments.push(one),
        }
        scope.each = Some((id.clone(), ids.cloned()));
        scope
    }

    /// Returns the name of one id, if this is the name of the argument that holds all of them.
    pub(crate) fn one_of(&self, name: &Ident) -> Option<&Ident> {
        let (id, ids) = self.each.as_ref()?;
        ids.as_ref().filter(|ids| ids.unraw() == name.unraw()).map(|_| id)
    }

    pub(crate) fn find(&self, name: &Ident) -> Option<&Ident> {
        let name = name.unraw();
        self.names().find(|argument| argument.unraw() == name)
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &Ident> {
        self.receiver.iter().chain(self.arguments.iter().map(|argument| &argument.name))
    }

    /// Returns "; the arguments are `a`, `b`".
    pub(crate) fn described(&self) -> String {
        match self.names().next() {
            None => "; the function has no arguments".to_owned(),
            Some(_) => {
                format!("; the arguments are {}", list(self.names().map(|name| name.unraw())))
            }
        }
    }
}
