use quote::quote;

use super::cached;
use crate::spec::{Form, Tier};

#[test]
fn returned_values_are_owned_and_named() {
    let mistakes = |output| cached(quote!(), quote!(async fn f() -> #output { x })).err();
    let refused = [
        quote!(&str),
        quote!(Option<&'a str>),
        quote!(Result<Cow<'a, str>, E>),
        quote!(User<'_>),
        quote!(impl Display),
        quote!(Result<impl Display, E>),
        quote!(&'static str),
        quote!(Result<&'static str, E>),
        quote!(Vec<Option<(u8, [&'static str; 2])>>),
        quote!(std::collections::HashMap<String, &'static [u8]>),
    ];
    for output in refused {
        assert_eq!(mistakes(output.clone()).unwrap_or_default().len(), 1, "{output}");
    }
    let accepted = [
        quote!(Cow<'static, str>),
        quote!(PhantomData<&'static str>),
        quote!(Result<String, &str>),
        quote!(Result<String, &'static str>),
        quote!(fn(&str) -> u8),
        quote!(Box<dyn Fn(&str) -> u8>),
    ];
    for output in accepted {
        assert_eq!(mistakes(output.clone()), None, "{output}");
    }
}

#[test]
fn errors_that_may_borrow_are_known() {
    let borrows = |output| {
        let spec = cached(quote!(), quote!(async fn f() -> #output { x })).ok().unwrap();
        spec.output.borrows
    };
    assert!(borrows(quote!(Result<u8, &str>)));
    assert!(borrows(quote!(Result<u8, E<'_>>)));
    assert!(!borrows(quote!(Result<u8, &'static str>)));
    assert!(!borrows(quote!(Result<u8, E>)));
}

#[test]
fn functions_with_a_body_are_annotated_unless_they_return_a_future_in_another_form() {
    let mistakes = |function| cached(quote!(), function).err().unwrap();
    assert_eq!(
        mistakes(quote!(
            struct S;
        )),
        ["`#[cached]` needs a function with a body"]
    );
    assert_eq!(
        mistakes(quote!(
            async fn f() -> u64;
        ))
        .len(),
        1
    );
    for future in [
        quote!(impl Future<Output = u64>),
        quote!(impl std::future::Future + Send),
        quote!(BoxFuture<'static, u64>),
        quote!(Pin<Box<dyn Future<Output = u64>>>),
    ] {
        let mistakes = mistakes(quote!(fn f() -> #future { load() }));
        assert!(mistakes[0].contains("cannot be annotated"), "{mistakes:?}");
    }
}

#[test]
fn the_values_of_a_function_that_is_not_async_are_in_memory() {
    let spec = |attr, function| cached(attr, function).unwrap();
    let function = quote!(
        fn f(id: u64) -> u64 {
            id
        }
    );
    let form = spec(quote!(), function.clone());
    assert!(form.form == Form::Memory && form.tier == Some(Tier::Memory));
    let form = spec(quote!(tier = "memory"), function);
    assert!(form.form == Form::Memory && form.tier == Some(Tier::Memory));
}

#[test]
fn a_boxed_async_block_is_an_async_function() {
    let function = quote! {
        fn f<'a>(&'a self, id: u64) -> Pin<Box<dyn Future<Output = Result<u8, E>> + Send + 'a>> {
            Box::pin(async move { Ok(1) })
        }
    };
    let spec = cached(quote!(key = "{self.id}:{id}"), function).ok().unwrap();
    let ty = spec.output.ty;
    assert_eq!(quote!(#ty).to_string(), quote!(Result<u8, E>).to_string());
}
