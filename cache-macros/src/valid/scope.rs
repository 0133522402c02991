//! The names that the value of an option can use.

use syn::Ident;
use syn::ext::IdentExt as _;

use crate::error::list;
use crate::item::{Argument, Item};

/// The names a template can use.
pub(crate) struct Scope {
    pub(crate) arguments: Vec<Argument>,
    pub(crate) receiver: Option<Ident>,
}

impl Scope {
    pub(crate) fn of(item: &Item) -> Self {
        let receiver = item.receiver().map(|receiver| Ident::new("self", receiver.self_token.span));
        Self { arguments: item.arguments(), receiver }
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
