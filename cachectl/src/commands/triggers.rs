//! The command that prints triggers.

use cache_runtime::CacheConfig;

use crate::args::TriggerOptions;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::triggers::{Kind, Place, Rows, Template, Triggers};

pub(crate) fn triggers(
    out: &mut Output,
    options: &TriggerOptions,
    namespace: Option<&str>,
) -> Result<Exit, Failure> {
    if let Some(namespace) = namespace {
        CacheConfig::default().namespace(namespace).validate()?;
    }
    let TriggerOptions { table, templates, schema, outbox_schema, function_prefix, .. } = options;
    let given = [
        (Kind::Prefix, &templates.prefix),
        (Kind::Tag, &templates.tag),
        (Kind::Name, &templates.name),
    ];
    let given = given.iter().flat_map(|(kind, texts)| texts.iter().map(|text| (*kind, text)));
    let templates = given.map(|(kind, text)| Template::parse(kind, text));
    let templates = templates.collect::<Result<Vec<_>, _>>()?;
    let place = Place { table, schema, outbox_schema, function_prefix };
    let rows = Rows {
        namespace: namespace.unwrap_or_default().to_owned(),
        templates,
        notify: !options.no_notify,
    };
    let triggers = Triggers::new(place, rows)?;
    out.verbatim("sql", &triggers.to_string())?;
    Ok(Exit::Done)
}
