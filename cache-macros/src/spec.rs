//! Stage two: checked attributes. Every value of these types can be expanded.

use proc_macro2::Span;
use syn::{Expr, ExprClosure, FnArg, Ident, LitStr, Member, PatType, Path, Token, Type};

use crate::item::Argument;

/// `#[cached]` on a function.
pub(crate) struct Cached {
    /// The path of the runtime crate.
    pub(crate) runtime: Path,
    pub(crate) ttl: Option<Freshness>,
    pub(crate) prefix: Option<Prefix>,
    pub(crate) key: Key,
    pub(crate) tags: Vec<Tag>,
    /// A closure or a function that returns tags of a value.
    pub(crate) tags_of: Option<Expr>,
    pub(crate) version: Option<Constant<u64>>,
    pub(crate) negative_ttl: Option<Ttl>,
    pub(crate) cache_none: Option<bool>,
    pub(crate) cache_if: Option<Expr>,
    pub(crate) weight: Option<Expr>,
    pub(crate) max_memory: Option<Constant<u64>>,
    pub(crate) max_entries: Option<Constant<u64>>,
    pub(crate) reserved: Option<bool>,
    pub(crate) bypass_if: Option<Expr>,
    pub(crate) jitter: Option<Constant<f64>>,
    pub(crate) tier: Option<Tier>,
    /// The demands on the arguments.
    pub(crate) form: Form,
    /// A `&CacheManager`.
    pub(crate) manager: Option<Expr>,
    /// The transaction around the call.
    pub(crate) within: Option<Expr>,
    /// The function that returns the entry of a call, if the annotated function is not async.
    pub(crate) entry_fn: Option<EntryFn>,
    /// The ids, if it is a function of many keys. `key`, `tags` and the form of the value are then those of one of them.
    pub(crate) batch: Option<Batch>,
    pub(crate) codec: Option<Type>,
    pub(crate) cost: Option<Constant<f64>>,
    pub(crate) stale_while_revalidate: Option<Ttl>,
    pub(crate) stale_if_error: Option<Ttl>,
    pub(crate) serve_stale_if: Option<Expr>,
    /// The time past its TTL for which a value is kept for the next load.
    pub(crate) keep: Option<Ttl>,
    /// A closure over the old value, or a function, that asks the source about it.
    pub(crate) still_current: Option<Expr>,
    /// The argument that takes the old value.
    pub(crate) previous: Option<Previous>,
    pub(crate) load_timeout: Option<Ttl>,
    pub(crate) error_ttl: Option<Ttl>,
    pub(crate) early_refresh: Option<Constant<f64>>,
    pub(crate) detached: bool,
    pub(crate) verify: Option<Verify>,
    pub(crate) coalesce: Option<Coalesce>,
    pub(crate) inherit: Option<Inherit>,
    pub(crate) share_errors: Option<bool>,
    pub(crate) limits: Limits,
    /// The way to run the body in a task of its own, if an option may need one.
    pub(crate) task: Option<Task>,
    pub(crate) output: Output,
}

impl Cached {
    /// Returns true if its loads use the old value.
    pub(crate) fn uses_old(&self) -> bool {
        self.still_current.is_some() || self.previous.is_some()
    }
}

/// An argument that takes the old value. It is no parameter of the function that callers see.
pub(crate) struct Previous {
    pub(crate) name: Ident,
    pub(crate) argument: PatType,
}

/// The limits on the loads of a function.
pub(crate) struct Limits {
    pub(crate) source: Option<LitStr>,
    pub(crate) max_loads: Option<Constant<u64>>,
    /// The maximum wait for a permit, after which the function returns an error.
    pub(crate) shed: Option<Ttl>,
}

/// `#[cached]` on a function of many keys, whose entries are those of calls of another function.
pub(crate) struct Gathering {
    /// The path of the runtime crate.
    pub(crate) runtime: Path,
    pub(crate) batch: Batch,
    /// The call whose entry is that of an id.
    pub(crate) entry: Expr,
    /// The transaction around the call.
    pub(crate) within: Option<Expr>,
    pub(crate) bypass_if: Option<Expr>,
    pub(crate) serve_stale_if: Option<Expr>,
    /// The way to run the body in a task of its own, if `background` is given.
    pub(crate) task: Option<Task>,
    pub(crate) output: Output,
}

/// The ids of a cached function of many keys, and the ways in which each run of its body gets its arguments.
pub(crate) struct Batch {
    pub(crate) each: Each,
    /// The most ids of one run of the body.
    pub(crate) max: Option<Constant<u64>>,
    /// The arguments that are made again for each run, the ids not among them.
    pub(crate) renewed: Vec<Renewed>,
    /// The place where the type of one value was written.
    pub(crate) value: Span,
}

/// `each(id in ids)`.
pub(crate) struct Each {
    /// The name of one id.
    pub(crate) id: Ident,
    /// The argument that holds all of them.
    pub(crate) ids: Ident,
    /// The `mut` of the argument.
    pub(crate) mutable: Option<Token![mut]>,
    /// The borrowed type, if the type of the argument is a reference.
    pub(crate) borrowed: Option<Type>,
    /// The place where the type of the argument was written.
    pub(crate) place: Span,
}

/// An argument that is made again for each run of the body.
pub(crate) struct Renewed {
    pub(crate) argument: Argument,
    pub(crate) renewal: Renewal,
}

/// The way in which a run of the body gets an argument.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Renewal {
    /// As it is: it is a shared borrow.
    Same,
    /// By a new borrow of what it borrows mutably.
    Reborrow,
    /// By `Clone`.
    Clone,
}

/// A function that returns the entry of a call.
pub(crate) struct EntryFn {
    pub(crate) name: Ident,
    /// True if it is found in the type of the `impl`.
    pub(crate) associated: bool,
    /// The parameters, each with a name.
    pub(crate) parameters: Vec<FnArg>,
    /// The names of the parameters, `self` among them.
    pub(crate) arguments: Vec<Ident>,
}

/// `#[cache_invalidate]` on a function.
pub(crate) struct Invalidate {
    /// The path of the runtime crate.
    pub(crate) runtime: Path,
    pub(crate) prefix: Option<Template>,
    pub(crate) tags: Vec<Tag>,
    pub(crate) entries: Vec<Entry>,
    pub(crate) when: When,
    pub(crate) condition: Option<Expr>,
    /// A `&CacheManager`.
    pub(crate) manager: Option<Expr>,
    /// The transaction around the call.
    pub(crate) within: Option<Expr>,
    /// The time for which entries are stale, and not absent.
    pub(crate) soft: Option<Ttl>,
    /// The ids, if a part of it is done for each of them.
    pub(crate) each: Option<Each>,
    pub(crate) output: Output,
}

/// A call of a cached function, whose entry is invalidated.
pub(crate) struct Entry {
    pub(crate) call: Expr,
    /// The name of the function.
    pub(crate) function: String,
    /// The name of the result, if the call uses it.
    pub(crate) result: Option<Ident>,
}

/// `#[cache_put]` on a function.
pub(crate) struct Put {
    /// The path of the runtime crate.
    pub(crate) runtime: Path,
    pub(crate) entries: Vec<Entry>,
    pub(crate) when: When,
    pub(crate) condition: Option<Expr>,
    /// A `&CacheManager`.
    pub(crate) manager: Option<Expr>,
    /// The transaction around the call.
    pub(crate) within: Option<Expr>,
    /// The ids, if it is a function of many keys. The form of the value is then that of one of them.
    pub(crate) many: Option<PutMany>,
    pub(crate) output: Output,
}

/// The ids of a function of many keys that puts.
pub(crate) struct PutMany {
    pub(crate) each: Each,
    /// The place where the type of one value was written.
    pub(crate) value: Span,
}

impl Cached {
    /// Returns true if its hits may be verified, if not by its option then by the configuration.
    pub(crate) fn may_verify(&self) -> bool {
        self.batch.is_none() && self.within.is_none() && self.verify != Some(Verify::Off)
    }
}

/// The time for which values are fresh.
pub(crate) enum Freshness {
    Same(Ttl),
    /// A closure over the value.
    OfValue(ExprClosure),
}

/// The verification of hits against their source.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Verify {
    Off,
    /// At most one hit in this number of milliseconds.
    Every(u64),
}

pub(crate) enum Ttl {
    Millis(u64),
    Forever,
    /// A `Duration` expression.
    Dynamic(Expr),
}

/// A number that is known when the program is compiled.
pub(crate) enum Constant<T> {
    Literal(T),
    /// A constant expression.
    Expression(Expr),
}

pub(crate) enum Prefix {
    Literal(LitStr),
    /// A `const &str`.
    Constant(Path),
}

pub(crate) enum Key {
    /// These arguments, `self` not among them.
    Arguments(Vec<Argument>),
    Template(Template),
    Value(Expr),
}

/// The demands on a type that is stored, or is a part of a key.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Form {
    /// It has serde.
    Serde,
    /// It is kept in memory. Serde is used if the type has it.
    Memory,
    /// It is kept in memory, and has a borrow of static data. Serde is not asked for, because the compiler would
    /// assume that such a type can be deserialised, and would then refuse it.
    Static,
}

impl Default for Key {
    fn default() -> Self {
        Self::Arguments(Vec::new())
    }
}

/// A tag of the arguments.
pub(crate) enum Tag {
    Template(Template),
    /// An expression whose value is displayed.
    Value(Expr),
}

/// A name made of text and arguments, and the place where it was written.
pub(crate) struct Template {
    pub(crate) pieces: Vec<Piece>,
    pub(crate) span: Span,
}

#[derive(Clone)]
pub(crate) enum Piece {
    Text(String),
    /// `root.field.0`
    Place {
        root: Ident,
        fields: Vec<Member>,
        /// True for `root.field.0?`, whose `None` leaves out the whole name.
        optional: bool,
    },
}

/// The name that a template has for the result of the function.
pub(crate) const RESULT: &str = "__result";

impl Piece {
    /// Returns true for a value that is known after the body.
    pub(crate) fn is_of_result(&self) -> bool {
        matches!(self, Piece::Place { root, .. } if root == RESULT)
    }
}

impl Template {
    /// Returns the pieces before the first one that is known after the body, if there is one.
    pub(crate) fn before_result(&self) -> Option<&[Piece]> {
        let first = self.pieces.iter().position(Piece::is_of_result)?;
        Some(&self.pieces[..first])
    }
}

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Tier {
    Memory,
    Redis,
    Tiered,
}

/// The dependencies that a value takes over from the cached functions that its body calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Inherit {
    Tags,
    All,
}

#[derive(Clone, Copy)]
pub(crate) enum Coalesce {
    Off,
    Process,
    Fleet,
}

/// A body that may be run in a task, with copies of the arguments.
pub(crate) struct Task {
    pub(crate) arguments: Vec<Kept>,
}

/// An argument that the body takes.
pub(crate) struct Kept {
    pub(crate) name: Ident,
    pub(crate) mutable: Option<Token![mut]>,
    /// The type in a form that can be written at the parameter of a closure.
    pub(crate) ty: Type,
    pub(crate) keeping: Keeping,
}

/// The way in which a copy of an argument is made.
#[derive(Clone, Copy)]
pub(crate) enum Keeping {
    /// By `Clone`.
    Value,
    /// By `ToOwned`.
    Borrow,
}

#[derive(Clone, Copy, Default, PartialEq)]
pub(crate) enum When {
    Before,
    #[default]
    Success,
    Always,
}

/// The value that the function returns.
pub(crate) struct Output {
    /// The type in a form that can be named in an expression: `_` stands for `impl Trait`.
    pub(crate) ty: Type,
    pub(crate) kind: Kind,
    /// The demands on the stored value.
    pub(crate) form: Form,
    /// The place where the type of the stored value was written, for errors of the compiler.
    pub(crate) value: Span,
    /// True if a part of it may be borrowed.
    pub(crate) borrows: bool,
}

#[derive(Clone, Copy, Default)]
pub(crate) enum Kind {
    /// The compiler distinguishes a `Result` from other types.
    #[default]
    Recognised,
    Result,
    Plain,
}
