use quote::quote;

use super::{cached, mistake, names, spec, written};
use crate::spec::Key;

#[test]
fn without_options_all_arguments_are_the_key() {
    let spec = spec(quote!());
    assert_eq!(names(&spec.key), ["id", "user"]);
    assert!(spec.ttl.is_none() && spec.prefix.is_none() && spec.tags.is_empty());
}

#[test]
fn keys_are_templates_or_values() {
    let Key::Template(template) = spec(quote!(key = "{id}:{user.name.0}")).key else {
        unreachable!("a string is a template");
    };
    assert_eq!(written(&template), "<id>:<user.name.0>");
    for value in [
        quote!((id, user.name)),
        quote!(format!("{id}")),
        quote!(match 1 {
            n => [n, id],
        }),
        quote!((|| user.clone())()),
    ] {
        assert!(matches!(spec(quote!(key = #value)).key, Key::Value(_)), "{value}");
    }
}

#[test]
fn bad_keys_are_refused() {
    let cases = [
        (quote!(key = "{uid}"), "`{uid}` is not an argument; the arguments are `id`, `user`"),
        (quote!(key = "all"), "the same for all arguments"),
        (quote!(key = "all"), "replace `key` with `skip(id, user)`"),
        (quote!(key = 5), "the same for all arguments"),
        (quote!(key = ["a", "b"]), "the same for all arguments"),
        (quote!(key = format!("{}", today())), "the same for all arguments"),
        (quote!(key = "{self.id}"), "`{self}` is not an argument"),
        (quote!(key = "{id}", skip(user)), "remove one"),
        (quote!(skip(db)), "`db` is not an argument"),
        (quote!(skip(id, id)), "`id` is skipped twice"),
        (quote!(skip()), "names no argument"),
    ];
    for (attr, part) in cases {
        let mistake = mistake(attr);
        assert!(mistake.contains(part), "{mistake}");
    }
}

#[test]
fn a_constant_key_needs_a_function_without_arguments() {
    let spec = cached(
        quote!(key = "all"),
        quote!(
            async fn f() -> u64 {
                0
            }
        ),
    );
    assert!(matches!(spec.ok().unwrap().key, Key::Template(_)));
}

#[test]
fn a_method_says_how_self_takes_part() {
    let method = quote!(
        async fn f(&self, id: u64) -> u64 {
            0
        }
    );
    let mistakes = cached(quote!(), method.clone()).err().unwrap();
    assert!(mistakes[0].starts_with("decide whether `self` is part"), "{mistakes:?}");
    let skipped = cached(quote!(skip(self)), method.clone()).ok().unwrap();
    assert_eq!(names(&skipped.key), ["id"]);
    assert!(cached(quote!(key = self.id), method.clone()).is_ok());
    assert!(cached(quote!(key = "{self.id}:{id}"), method).is_ok());
}

#[test]
fn the_key_is_made_of_what_the_patterns_bind() {
    let function = quote! {
        async fn f(
            Path(id): Path<u64>, (a, mut b): (u8, u8), User { name, age: years, .. }: User,
            [x, .., y]: [u8; 9], whole @ (_, z): (u8, u8), _: Db, r#type: u8
        ) -> u64 { 0 }
    };
    let spec = cached(quote!(skip(b)), function);
    assert_eq!(
        names(&spec.ok().unwrap().key),
        ["id", "a", "name", "years", "x", "y", "whole", "z", "r#type"]
    );
}

#[test]
fn raw_arguments_have_plain_names_in_templates() {
    let function = quote!(
        async fn r#move(r#type: u64, user: User) -> u64 {
            0
        }
    );
    let spec = cached(quote!(key = "{type}:{user.match}"), function).ok().unwrap();
    let Key::Template(template) = spec.key else {
        unreachable!("a string is a template");
    };
    assert_eq!(written(&template), "<r#type>:<user.r#match>");
}
