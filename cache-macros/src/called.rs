//! The name of a called function.

use syn::ext::IdentExt as _;
use syn::{Expr, ExprCall};

/// Returns the name of the function or method that is called; empty if the call names none.
pub(crate) fn called(call: &Expr) -> String {
    let name = match call {
        Expr::MethodCall(call) => Some(&call.method),
        Expr::Call(ExprCall { func, .. }) => match &**func {
            Expr::Path(path) => path.path.segments.last().map(|last| &last.ident),
            _ => None,
        },
        _ => None,
    };
    name.map_or_else(String::new, |name| name.unraw().to_string())
}
