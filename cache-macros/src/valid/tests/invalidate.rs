use quote::quote;

use super::{invalidate, written, written_tag};
use crate::spec::{Kind, When};

#[test]
fn an_invalidation_names_what_it_invalidates() {
    let function = quote!(
        async fn f(&self, id: u64) -> Result<&u8, E> {
            x
        }
    );
    let attr = quote!(prefix = "video:{id}", tags = ["user:{self.id}"], when = "always");
    let spec = invalidate(attr, function.clone()).ok().unwrap();
    assert_eq!(written(&spec.prefix.unwrap()), "video:<id>");
    assert_eq!(written_tag(&spec.tags[0]), "user:<self.id>");
    assert!(spec.when == When::Always);
    assert_eq!(invalidate(quote!(), function).err().unwrap().len(), 1);
}

#[test]
fn bad_invalidations_are_refused() {
    let cases = [
        (quote!(prefix = "a", if = |r| r, when = "before"), "does not wait for it"),
        (
            quote!(prefix = "a", when = "after"),
            "\"success\" or \"always\" or \"before\", not \"after\"",
        ),
        (quote!(prefix = PREFIX), "a template string, not a name"),
        (quote!(prefix = "a:b:c:d:e:f:{id}"), "more than 6 segments"),
        (quote!(prefix = "a", if = |r| r > id), "cannot use the argument `id`"),
        (quote!(prefix = "a:"), "the prefix \"a:\" cannot be used: it ends with `:`"),
        (
            quote!(prefix = "a:{id}:b*"),
            "`prefix`: the prefix \"a:{id}:b*\" cannot be used: it contains a pattern",
        ),
        (quote!(tags = ["[a]"]), "but a tag is matched as a whole"),
        (quote!(prefix = "a", if = true), "a closure `|result| ...`"),
        (quote!(prefix = "a", ttl = 5), "unknown option `ttl`"),
    ];
    for (attr, part) in cases {
        let mistakes = invalidate(
            attr,
            quote!(
                async fn f(id: u64) {}
            ),
        )
        .err()
        .unwrap();
        assert!(mistakes.len() == 1 && mistakes[0].contains(part), "{mistakes:?}");
    }
}

#[test]
fn an_opaque_output_can_be_passed_on() {
    let output = |ty| {
        let function = quote!(async fn f() -> #ty { x });
        invalidate(quote!(tags = ["a"]), function).ok().unwrap().output
    };
    assert!(matches!(output(quote!(impl Display)).kind, Kind::Plain));
    let nested = output(quote!(Result<impl Display, E>)).ty;
    assert_eq!(quote!(#nested).to_string(), quote!(Result<_, E>).to_string());
}
