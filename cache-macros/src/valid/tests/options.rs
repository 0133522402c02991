use quote::quote;

use super::{cached, mistake, spec};
use crate::spec::{Constant, Freshness, Inherit, Prefix, Ttl};

#[test]
fn times_are_milliseconds() {
    let millis = |attr| match spec(attr).ttl {
        Some(Freshness::Same(Ttl::Millis(millis))) => millis,
        _ => 0,
    };
    assert_eq!(millis(quote!(ttl = 90)), 90_000);
    assert_eq!(millis(quote!(ttl = 90_u32)), 90_000);
    assert_eq!(millis(quote!(ttl = "1h30m")), 5_400_000);
    assert!(matches!(spec(quote!(ttl = "forever")).ttl, Some(Freshness::Same(Ttl::Forever))));
    for expression in [
        quote!(config::TTL),
        quote!(*TTL),
        quote!(-d),
        quote!(!d),
        quote!(TTL * 2),
        quote!((TTL)),
        quote!(ttls()[0].ttl),
        quote!(if FAST { TTL } else { SLOW }),
        quote!({ TTL }),
        quote!(unsafe { TTL }),
        quote!(ttl!()),
        quote!(&TTL),
    ] {
        let spec = spec(quote!(ttl = #expression, negative_ttl = #expression,
            stale_while_revalidate = #expression, stale_if_error = #expression,
            load_timeout = #expression));
        let of_values = spec.ttl;
        assert!(matches!(of_values, Some(Freshness::Same(Ttl::Dynamic(_)))), "{expression}");
        for ttl in [spec.negative_ttl, spec.stale_while_revalidate, spec.stale_if_error] {
            assert!(matches!(ttl, Some(Ttl::Dynamic(_))), "{expression}");
        }
    }
    assert_eq!(millis(quote!(ttl = ("5s"))), 5_000);
    let closure = spec(quote!(ttl = (|value| value.expires_in)));
    assert!(matches!(closure.ttl, Some(Freshness::OfValue(_))));
}

#[test]
fn numbers_are_literals_or_constant_expressions() {
    let spec = spec(quote!(
        version = config::VERSION,
        jitter = config::JITTER / 2.0,
        cost = COSTS[0],
        early_refresh = *BETA
    ));
    assert!(matches!(spec.version, Some(Constant::Expression(_))));
    let numbers = [spec.jitter, spec.cost, spec.early_refresh];
    assert!(numbers.iter().all(|number| matches!(number, Some(Constant::Expression(_)))));
}

#[test]
fn bad_times_are_refused() {
    let cases = [
        (quote!(ttl = 0), "`ttl` is \"0\"; expected at least 1ms"),
        (quote!(ttl = "0s"), "there is no TTL of zero"),
        (quote!(ttl = " 5s"), "white space"),
        (quote!(ttl = "5 minutes"), "no space between number and unit: \"5m\""),
        (
            quote!(ttl = "Duration::from_secs(60)"),
            "write the expression without quotes: `ttl = Duration::from_secs(60)`",
        ),
        (quote!(ttl = 5m), "write the duration as a string: \"5m\""),
        (quote!(ttl = 1.5), "not a decimal number"),
        (quote!(ttl = -5), "not a negative number"),
        (quote!(ttl = true), "not a boolean"),
        (quote!(ttl = 18446744073709551615), "100 years"),
        (quote!(ttl = "5300w"), "100 years"),
        (quote!(negative_ttl = 3153600001), "100 years"),
        (quote!(ttl = Duration::from_secs(id)), "it cannot use the argument `id`"),
        (quote!(negative_ttl = ""), "`negative_ttl` is \"\": it is empty"),
    ];
    for (attr, part) in cases {
        let mistake = mistake(attr);
        assert!(mistake.contains(part), "{mistake}");
    }
}

#[test]
fn prefixes_are_text_or_constants() {
    assert!(matches!(spec(quote!(prefix = "a:b")).prefix, Some(Prefix::Literal(_))));
    assert!(matches!(spec(quote!(key_prefix = names::A)).prefix, Some(Prefix::Constant(_))));
    let cases = [
        (quote!(prefix = ""), "empty"),
        (quote!(prefix = "#a"), "reserved"),
        (quote!(prefix = ":a"), "empty segment"),
        (quote!(prefix = "a:"), "ends with `:`"),
        (quote!(prefix = "a::b"), "empty segment"),
        (quote!(prefix = "a b"), "white space"),
        (quote!(prefix = "a\0b"), "control character"),
        (quote!(prefix = "a:{id}"), "belong in `key`"),
        (quote!(prefix = "a:b:c:d:e:f:g"), "more than 6 segments"),
        (
            quote!(key_prefix = "a:*"),
            "`key_prefix`: the prefix \"a:*\" cannot be used: it contains a pattern",
        ),
        (quote!(prefix = "a?"), "use `clear` for patterns"),
        (quote!(prefix = 5), "not an integer"),
    ];
    for (attr, part) in cases {
        let mistake = mistake(attr);
        assert!(mistake.contains(part), "{mistake}");
    }
}

#[test]
fn bad_values_are_refused() {
    let cases = [
        (quote!(version = -1), "not a negative number"),
        (quote!(version = "1"), "`version` takes a whole number, not a string"),
        (
            quote!(version = id),
            "`version` is the same for all calls: it cannot use the argument `id`",
        ),
        (quote!(jitter = (0.1, 0.2)), "a number from 0.0 to 0.5, not a tuple"),
        (quote!(cost = |id| id), "not a closure"),
        (quote!(cost = user.cost), "cannot use the argument `user`"),
        (quote!(version = 99999999999999999999), "from 0 to 18446744073709551615"),
        (quote!(jitter = 0.6), "a number from 0.0 to 0.5, not 0.6"),
        (quote!(jitter = "0.1"), "not a string"),
        (quote!(cost = -1.0), "not a negative number"),
        (quote!(cache_none = 1), "not an integer"),
        (quote!(detached = 1), "`detached` takes `true` or `false`, not an integer"),
        (quote!(detached = true, background = false), "`background = false` forbids this"),
        (quote!(detached = false, background = false), "only has an effect on `early_refresh`"),
        (quote!(serve_stale_if = |error| true), "also give the time after its TTL"),
        (quote!(stale_if_error = "1h", serve_stale_if = 5), "a closure `|error| ...` that returns"),
        (quote!(stale_if_error = "1h", serve_stale_if = |error| id), "gets only the error"),
        (quote!(error_ttl = "forever"), "`error_ttl` takes a finite duration"),
        (quote!(error_ttl = "1s", share_errors = false), "`share_errors = false` forbids this"),
        (quote!(error_ttl = "1s", output = "plain"), "`error_ttl` is for errors"),
        (quote!(cache_if = 5), "a closure `|value| ...`"),
        (quote!(tags_of = ["user"]), "a closure `|value| ...` that returns a list of tags"),
        (quote!(tags_of = |value| [id]), "cannot use the argument `id`"),
        (quote!(ttl = |value| id), "cannot use the argument `id`"),
        (quote!(error_ttl = |value| 1), "not a closure"),
        (quote!(cache_if = id), "cannot use the argument `id`"),
        (quote!(weight = 5), "a closure `|value| ...` that returns a number of bytes (`usize`)"),
        (quote!(weight = |value| id), "cannot use the argument `id`"),
        (quote!(weight = |a, b| 1), "2 parameters"),
        (quote!(cache_if = async |value| true), "cannot be async"),
        (quote!(cache_if = |a, b| true), "2 parameters"),
        (quote!(cache_if = |value| value > id), "cannot use the argument `id`"),
        (quote!(tier = "radis"), "did you mean \"redis\"?"),
        (quote!(output = "value"), "takes \"result\" or \"plain\", not \"value\""),
        (quote!(tags = "a"), "a list of templates"),
        (quote!(tags = []), "names no tag"),
        (quote!(tags = [""]), "empty"),
        (quote!(tags = ["user:*"]), "but a tag is matched as a whole"),
        (quote!(tags = ["a", 5]), "not an integer"),
        (quote!(cache_none = false, negative_ttl = 5), "remove one"),
        (quote!(inherit = "all"), "takes no value, or \"tags\", which does not limit the TTL"),
        (quote!(inherit = "all"), "not \"all\""),
        (quote!(inherit = 3), "not an integer"),
        (quote!(inherit = true), "not a boolean"),
        (quote!(inherit = ), "`inherit` needs a value"),
    ];
    for (attr, part) in cases {
        let mistake = mistake(attr);
        assert!(mistake.contains(part), "{mistake}");
    }
}

#[test]
fn dependencies_are_inherited_with_or_without_the_ttl() {
    assert_eq!(spec(quote!(ttl = 5)).inherit, None);
    for all in
        [quote!(inherit), quote!(inherit,), quote!(inherit, ttl = 5), quote!(ttl = 5, inherit)]
    {
        assert_eq!(spec(all).inherit, Some(Inherit::All));
    }
    for tags in [quote!(inherit = "tags"), quote!(inherit = ("tags"), ttl = 5)] {
        assert_eq!(spec(tags).inherit, Some(Inherit::Tags));
    }
}

#[test]
fn all_mistakes_are_reported_together() {
    let attr = quote!(ttl = 0, kex = "{id}", jitter = 2, tags = ["{a}", "{b}"]);
    let mistakes = cached(
        attr,
        quote!(
            async fn f(id: u64) -> &str {
                ""
            }
        ),
    )
    .err()
    .unwrap();
    assert_eq!(mistakes.len(), 6, "{mistakes:?}");
}

#[test]
fn a_detached_body_needs_a_task() {
    let detached = spec(quote!(detached = true));
    assert!(detached.detached && detached.task.is_some());
    let attached = spec(quote!(detached = false));
    assert!(!attached.detached && attached.task.is_none());
}

#[test]
fn a_condition_is_a_function_or_a_closure() {
    spec(quote!(
        cache_if = |id| {
            let user = 5;
            *id > user
        }
    ));
}
