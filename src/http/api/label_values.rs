//! `/api/v1/label/<name>/values`: values of one label.

use narthex_model::labels::quoted;
use narthex_tsdb::Snapshot;

use super::super::body::Reply;
use super::super::call::Call;
use super::super::form::unescape_segment;
use super::super::params::{limit, lookup_range, matcher_sets, well_formed};
use super::super::problem::Problem;
use super::data::{look_up, texts};

/// Answers.
pub(crate) async fn label_values(call: Call) -> Result<Reply, Problem> {
    let raw = unescape_segment(call.capture()).unwrap_or_default();
    let name = unescape_name(&raw);
    if name.is_empty() || name.contains('\u{fffd}') {
        return Err(Problem::bad_data(format!(
            "invalid label name: {}",
            quoted(&name)
        )));
    }
    let form = call.url_form();
    well_formed(&form)?;
    let most = limit(&form)?;
    let range = lookup_range(&form)?;
    let sets = matcher_sets(&form).map_err(Problem::bad_data)?;
    let listed = name.clone();
    let few = move |store: &Snapshot, sets: &[Vec<_>]| match sets {
        [] => store.lists_few(&listed, range),
        sets => store.finds_few(sets, range),
    };
    let read = move |store: &Snapshot, sets: &[_]| store.label_values(&name, sets, range, most);
    let found = look_up(&call.app, sets, few, read).await?;
    Ok(texts(found.items, found.truncated))
}

/// Undoes the escaping of names in paths: after `U__`, `__` is `_` and `_<hex>_` is that character.
/// A text that is not escaped in this way stands for itself. Source: Prometheus `common/model/metric.go`.
fn unescape_name(name: &str) -> String {
    let Some(escaped) = name.strip_prefix("U__") else {
        return name.to_owned();
    };
    let mut out = String::new();
    let mut rest = escaped;
    while let Some(at) = rest.find('_') {
        let (before, after) = rest.split_at(at);
        out.push_str(before);
        let after = after.get(1..).unwrap_or_default();
        let Some(end) = after.find('_') else {
            return name.to_owned();
        };
        let (code, behind) = after.split_at(end);
        rest = behind.get(1..).unwrap_or_default();
        if code.is_empty() {
            out.push('_');
            continue;
        }
        match u32::from_str_radix(code, 16).ok().and_then(char::from_u32) {
            Some(c) if code.len() <= 6 => out.push(c),
            _ => return name.to_owned(),
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escaped_names() {
        let table = [
            ("job", "job"),
            ("U__foo_2e_bar", "foo.bar"),
            ("U__a__b", "a_b"),
            ("U___2e_", "."),
            ("U___1f600_x", "😀x"),
            ("U__", ""),
            ("U__a_", "U__a_"),
            ("U__a_zz_", "U__a_zz_"),
            ("U__a_d800_", "U__a_d800_"),
            ("foo.bar", "foo.bar"),
        ];
        for (escaped, name) in table {
            assert_eq!(unescape_name(escaped), name, "{escaped}");
        }
    }
}
