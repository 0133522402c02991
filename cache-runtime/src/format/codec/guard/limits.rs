//! The limits of one decoding.

use std::cell::Cell;

use serde::de::Error;

/// The number of elements of sequences and maps that are allowed beyond one for each byte of input.
const FREE_ELEMENTS: usize = 4096;

/// The maximum depth of nested values. A deeper value could overflow a stack of 2 MiB in a build without
/// optimisation.
const MAX_DEPTH: u16 = 256;

/// The number of elements that one decoding may still read.
#[derive(Debug)]
pub(in crate::format::codec) struct Limits {
    pub(super) elements: Cell<usize>,
}

impl Limits {
    pub(in crate::format::codec) fn for_input(bytes: &[u8]) -> Self {
        Self { elements: Cell::new(bytes.len() + FREE_ELEMENTS) }
    }

    pub(super) fn claim_element<E: Error>(&self) -> Result<(), E> {
        match self.elements.get().checked_sub(1) {
            Some(left) => {
                self.elements.set(left);
                Ok(())
            }
            None => Err(E::custom("more elements than the input can hold")),
        }
    }
}

/// The place in the input: the limits of the whole and the depth here.
#[derive(Clone, Copy)]
pub(super) struct Nesting<'l> {
    pub(super) limits: &'l Limits,
    pub(super) depth: u16,
}

impl Nesting<'_> {
    pub(super) fn inside<E: Error>(self) -> Result<Self, E> {
        if self.depth == MAX_DEPTH {
            return Err(E::custom("values are nested too deeply"));
        }
        Ok(Self { depth: self.depth + 1, ..self })
    }
}
