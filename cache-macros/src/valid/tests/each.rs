use proc_macro2::TokenStream;
use quote::quote;

use super::{cached, gathering, invalidate, names, written, written_tag};
use crate::spec::{Constant, Form, Key, Renewal};

fn many() -> TokenStream {
    quote!(
        async fn f(ids: Vec<u64>, lang: &str) -> Result<HashMap<u64, Video>, E> {
            0
        }
    )
}

/// Returns the only mistake in this attribute, on a function of many keys.
fn mistake(attr: TokenStream) -> String {
    mistake_of(attr, many())
}

fn mistake_of(attr: TokenStream, function: TokenStream) -> String {
    let mut mistakes = cached(attr, function).err().unwrap();
    assert_eq!(mistakes.len(), 1, "{mistakes:?}");
    mistakes.remove(0)
}

fn mistake_beside_entry(attr: TokenStream) -> String {
    let mut mistakes = gathering(attr, many()).err().unwrap();
    assert_eq!(mistakes.len(), 1, "{mistakes:?}");
    mistakes.remove(0)
}

#[test]
fn one_id_stands_in_the_place_of_all_of_them_in_the_key() {
    let spec = cached(quote!(each(id in ids)), many()).ok().unwrap();
    assert_eq!(names(&spec.key), ["id", "lang"]);
    let spec = cached(quote!(skip(lang), each(id in ids)), many()).ok().unwrap();
    assert_eq!(names(&spec.key), ["id"]);
    let spec = cached(quote!(key = "{lang}:{id}", tags = ["v:{id}"], each(id in ids)), many())
        .ok()
        .unwrap();
    let Key::Template(key) = &spec.key else { unreachable!("a string is a template") };
    assert_eq!((written(key), written_tag(&spec.tags[0])), ("<lang>:<id>".into(), "v:<id>".into()));
    for value in [quote!((id, lang)), quote!(format!("{id}"))] {
        let spec = cached(quote!(key = #value, each(id in ids)), many()).ok().unwrap();
        assert!(matches!(spec.key, Key::Value(_)));
    }
}

#[test]
fn each_takes_a_new_name_and_an_argument() {
    let cases = [
        (quote!(each), "`each` takes a new name"),
        (quote!(each()), "`each` takes a new name"),
        (quote!(each = id), "`each(id in ids)`"),
        (quote!(each(id)), "`each(id in ids)`"),
        (quote!(each(id of ids)), "`each(id in ids)`"),
        (quote!(each(id in)), "`each(id in ids)`"),
        (quote!(each(id in ids, lang)), "`each(id in ids)`"),
        (quote!(each(self in ids)), "`each(id in ids)`"),
        (quote!(each(id in idz)), "`idz` is not an argument; the arguments are `ids`, `lang`"),
        (quote!(each(lang in ids)), "`lang` is an argument already"),
        (quote!(each(ids in ids)), "`ids` is an argument already"),
        (quote!(each(id in ids), each(id in ids)), "`each` is given twice"),
    ];
    for (attr, part) in cases {
        let mistake = mistake(attr);
        assert!(mistake.contains(part), "{mistake}");
    }
}

/// Tests that a mistake in `each` does not make the name of an id unknown in the templates.
#[test]
fn a_mistake_in_each_is_reported_once() {
    for each in [quote!(each(id)), quote!(each = id in ids), quote!(each(id in idz))] {
        mistake(quote!(key = "{id}", tags = ["{id}"], #each));
    }
}

#[test]
fn the_argument_of_the_ids_is_a_name_with_a_type() {
    let cases = [
        (quote!(Json(ids): Json<Vec<u64>>), "bound by a pattern"),
        (quote!(ref ids: Vec<u64>), "bound by a pattern"),
        (quote!(ids: &mut Vec<u64>), "a `&mut` borrow"),
        (quote!(ids: &[impl Id]), "a type without a name"),
        (quote!(#[cfg(all())] ids: &[u64]), "cannot have a `#[cfg]`"),
    ];
    for (argument, part) in cases {
        let function = quote!(async fn f(#argument) -> Vec<u64> { 0 });
        let mistake = mistake_of(quote!(each(id in ids)), function);
        assert!(mistake.contains(part), "{mistake}");
    }
}

#[test]
fn the_key_of_an_id_is_not_that_of_the_others() {
    let cases = [
        (quote!(key = "{lang}"), "the same for all ids"),
        (quote!(key = "all"), "the same for all ids"),
        (quote!(key = (lang, 1)), "the same for all ids"),
        (quote!(key = "{ids}"), "use `{id}`"),
        (quote!(key = "{id}", tags = ["{ids}"]), "use `{id}`"),
        (quote!(key = (id, ids.len())), "use `id`"),
        (quote!(skip(ids)), "do not skip it"),
        (quote!(skip(id)), "do not skip it"),
        (quote!(ttl = id), "cannot use the argument `id`"),
        (quote!(ttl = f(ids)), "cannot use the argument `ids`"),
    ];
    for (attr, part) in cases {
        let mistake = mistake(quote!(#attr, each(id in ids)));
        assert!(mistake.contains(part), "{mistake}");
    }
}

#[test]
fn options_of_one_load_are_refused() {
    let cases = [
        (quote!(detached = true), "`detached` lets the load of one entry"),
        (quote!(load_timeout = "1s", stale_if_error = 9), "`load_timeout` limits the wait"),
        (quote!(error_ttl = "1s"), "`error_ttl` remembers the error of one entry"),
        (quote!(max_batch = 0), "at least 1, not 0"),
        (quote!(max_batch = "9"), "a whole number, not a string"),
        (quote!(background = true), "give `stale_while_revalidate`"),
    ];
    for (attr, part) in cases {
        let mistake = mistake(quote!(#attr, each(id in ids)));
        assert!(mistake.contains(part), "{mistake}");
    }
    let mistake = mistake(quote!(max_batch = 5));
    assert!(mistake.contains("needs `each(id in ids)`"), "{mistake}");
}

#[test]
fn a_function_of_many_keys_is_async() {
    let function = quote!(
        fn f(ids: &[u64]) -> Vec<u64> {
            0
        }
    );
    let mistake = mistake_of(quote!(each(id in ids)), function);
    assert!(mistake.contains("put `async` before `fn`"), "{mistake}");
}

#[test]
fn statements_before_a_box_are_refused() {
    let function = quote! {
        fn f(ids: Vec<u64>) -> Pin<Box<dyn Future<Output = Vec<u64>>>> {
            let x = 1;
            Box::pin(async move { x })
        }
    };
    let mistake = mistake_of(quote!(each(id in ids)), function);
    assert!(mistake.contains("move them into the `async move` block"), "{mistake}");
}

#[test]
fn a_part_of_the_ids_is_a_number_or_a_constant() {
    let max =
        |attr| cached(quote!(each(id in ids), #attr), many()).ok().unwrap().batch.unwrap().max;
    assert!(matches!(max(quote!(max_batch = 100)), Some(Constant::Literal(100))));
    assert!(matches!(max(quote!(max_batch = LIMIT)), Some(Constant::Expression(_))));
}

#[test]
fn each_run_of_the_body_gets_its_arguments_anew() {
    let function = quote!(
        async fn f(
            &mut self,
            ids: &[u64],
            a: &str,
            b: &mut u64,
            mut c: String,
            (d, mut e): (u8, u8),
            _: u8,
        ) -> Vec<u64> {
            0
        }
    );
    let spec = cached(quote!(skip(self), each(id in ids)), function).ok().unwrap();
    let renewed = spec.batch.unwrap().renewed;
    let found: Vec<_> = renewed
        .iter()
        .map(|renewed| {
            let argument = &renewed.argument;
            (argument.name.to_string(), argument.mutable.is_some(), renewed.renewal)
        })
        .collect();
    let expected = [
        ("self", false, Renewal::Reborrow),
        ("a", false, Renewal::Same),
        ("b", false, Renewal::Reborrow),
        ("c", true, Renewal::Clone),
        ("d", false, Renewal::Clone),
        ("e", true, Renewal::Clone),
    ];
    assert!(
        found
            .iter()
            .map(|(name, mutable, renewal)| (name.as_str(), *mutable, *renewal))
            .eq(expected)
    );
}

#[test]
fn the_form_of_a_value_is_that_of_one() {
    let form = |output| {
        let function = quote!(async fn f(ids: &[u64]) -> #output { 0 });
        cached(quote!(tier = "memory", each(id in ids)), function).map(|spec| spec.output.form)
    };
    assert!(form(quote!(Vec<Option<&'static str>>)) == Ok(Form::Static));
    assert!(form(quote!(HashMap<&'static str, u64>)) == Ok(Form::Memory));
    assert!(form(quote!(Result<HashMap<&str, u64>, E>)) == Ok(Form::Memory));
    assert!(form(quote!(Result<Vec<&str>, E>)).is_err());
}

#[test]
fn the_entries_are_those_of_a_call() {
    let attr = quote!(
        entry = video(id),
        each(id in ids),
        max_batch = 9,
        bypass_if = id == 0,
        serve_stale_if = |e| e.is_some(),
        output = "result",
        crate = c
    );
    let spec = gathering(attr, many()).ok().unwrap();
    assert!(spec.task.is_none() && spec.bypass_if.is_some() && spec.serve_stale_if.is_some());
    let task = |given| {
        let attr = quote!(entry = video(id), each(id in ids), background = #given);
        gathering(attr, many()).ok().unwrap().task.is_some()
    };
    assert!(task(quote!(true)) && !task(quote!(false)));
}

#[test]
fn bad_entries_are_refused() {
    let cases = [
        (quote!(entry = video(id)), "needs `each(id in ids)`"),
        (quote!(entry = video(id)), "it belongs to `#[cache_invalidate]`"),
        (quote!(entry = video(lang), each(id in ids)), "the same for all ids"),
        (quote!(entry = video, each(id in ids)), "write the arguments too"),
        (quote!(entry = video(id).await, each(id in ids)), "remove `.await`"),
        (quote!(entry = video(id), each(id in ids), ttl = 5), "`ttl` is that of the function"),
        (quote!(entry = video(id), each(id in ids), prefix = "a"), "`prefix` is that of"),
        (quote!(entry = video(id), each(id in ids), key = "{id}"), "`key` is that of"),
        (quote!(entry = video(id), each(id in ids), manager = &x), "`manager` is that of"),
        (quote!(entry = video(id), each(id in ids), detached = true), "`detached` lets"),
        (quote!(entry = video(id), entry = video(id), each(id in ids)), "given twice"),
    ];
    for (attr, part) in cases {
        let mistake = mistake_beside_entry(attr);
        assert!(mistake.contains(part), "{mistake}");
    }
}

#[test]
fn an_invalidation_of_each_uses_it() {
    let function = quote!(
        async fn f(ids: &[u64], user: u64) {}
    );
    for attr in [
        quote!(prefix = "v:{id}"),
        quote!(tags = ["all", "v:{id}", "u:{user}"]),
        quote!(entry = video(id), prefix = "a"),
    ] {
        let spec = invalidate(quote!(#attr, each(id in ids)), function.clone()).ok().unwrap();
        assert_eq!(spec.each.unwrap().id, "id");
    }
    for (attr, part) in [
        (quote!(prefix = "v:{user}"), "nothing is invalidated for each `id`"),
        (quote!(entry = video(user)), "nothing is invalidated for each `id`"),
        (quote!(prefix = "v:{ids}"), "use `{id}`"),
        (quote!(prefix = "v:{id}", if = |r| ids.is_empty()), "cannot use the argument `ids`"),
    ] {
        let mistakes = invalidate(quote!(#attr, each(id in ids)), function.clone()).err().unwrap();
        assert!(mistakes.len() == 1 && mistakes[0].contains(part), "{mistakes:?}");
    }
}
