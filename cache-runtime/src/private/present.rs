//! The values behind `{name?}` in a template.

/// A value that may be absent: an `Option`, or a reference to one.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an `Option`, so `?` cannot leave out the text where it is `None`",
    label = "a placeholder with `?` in here is a `{Self}`",
    note = "remove the `?` from the placeholder"
)]
pub trait MaybePresent {
    /// The value, if there is one.
    type Present: ?Sized;

    /// Returns the value, if there is one.
    fn present(&self) -> Option<&Self::Present>;
}

impl<T> MaybePresent for Option<T> {
    type Present = T;

    fn present(&self) -> Option<&T> {
        self.as_ref()
    }
}

impl<M: MaybePresent + ?Sized> MaybePresent for &M {
    type Present = M::Present;

    fn present(&self) -> Option<&M::Present> {
        M::present(self)
    }
}

impl<M: MaybePresent + ?Sized> MaybePresent for &mut M {
    type Present = M::Present;

    fn present(&self) -> Option<&M::Present> {
        M::present(self)
    }
}

/// Returns the value of a placeholder, if there is one.
pub fn present<M: MaybePresent + ?Sized>(value: &M) -> Option<&M::Present> {
    value.present()
}
