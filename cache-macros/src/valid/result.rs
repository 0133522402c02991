//! Checks an invalidation or a put that needs the result of the function.

use super::literal::at;
use crate::attr::{EachIn, InvalidateAttr, Written};
use crate::error::Errors;
use crate::spec::{Invalidate, Piece, Put, Template, When};

const RESULT_OF_ALL: &str = "the result is used, which is that of all ids together: remove `each`, or use the ids in place of the result";

pub(crate) fn check(attr: &InvalidateAttr, spec: &Invalidate, errors: &mut Errors) {
    let late_prefix = spec.prefix.as_ref().filter(|prefix| prefix.before_result().is_some());
    if let (Some(prefix), Some(given)) = (late_prefix, &attr.prefix)
        && let Err(message) = check_prefix(prefix)
    {
        errors.push(at(given, message));
    }
    if late_prefix.is_none() && spec.entries.iter().all(|entry| entry.result.is_none()) {
        return;
    }
    if let (When::Before, Some(given)) = (spec.when, &attr.when) {
        let message =
            "the result is used, which is not known before the body: remove `when = \"before\"`";
        errors.push(at(given, message));
    }
    if let Some(given) = &attr.each {
        errors.at(&given.name, RESULT_OF_ALL);
    }
}

/// Checks a put whose entry needs the result of the function.
pub(crate) fn check_put(each: Option<&Written<EachIn>>, spec: &Put, errors: &mut Errors) {
    if let Some(given) = each
        && spec.entries.iter().any(|entry| entry.result.is_some())
    {
        errors.at(&given.name, RESULT_OF_ALL);
    }
}

fn check_prefix(prefix: &Template) -> Result<(), String> {
    let before = prefix.before_result().unwrap_or_default();
    let has_segment =
        before.iter().any(|piece| matches!(piece, Piece::Text(text) if text.contains(':')));
    let is_optional = |piece: &Piece| {
        matches!(piece, Piece::Place { optional: true, .. }) && !piece.is_of_result()
    };
    if !has_segment {
        return Err("if the body fails, its result is not known, and everything below the text before it is \
                    invalidated: begin with such a text, as in `\"list:{result.shelf}\"`"
            .to_owned());
    }
    if prefix.pieces.iter().any(is_optional) {
        return Err("a prefix with a value of the result cannot leave itself out for an argument: remove the `?`, or \
                    use two attributes"
            .to_owned());
    }
    Ok(())
}
