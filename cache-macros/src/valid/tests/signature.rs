use quote::quote;

use super::cached;

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
fn only_async_functions_are_annotated() {
    let mistakes = |function| cached(quote!(), function).err().unwrap();
    assert_eq!(
        mistakes(quote!(
            fn f() -> u64 {
                0
            }
        ))
        .len(),
        1
    );
    assert_eq!(
        mistakes(quote!(
            struct S;
        )),
        ["`#[cached]` needs an `async fn` with a body"]
    );
    assert_eq!(
        mistakes(quote!(
            async fn f() -> u64;
        ))
        .len(),
        1
    );
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
