//! Replacement templates: `$1`, `${name}`, `$$`, with the rules of Go's regular expressions.

use regex::Captures;

/// Appends `template` to `out` with groups of `captures` put in.
///
/// A name is the longest run of letters, digits and underscores (`$1_x` is the group `1_x`); a group that
/// does not exist or did not take part is empty; `$$` is a dollar; a `$` that begins no name stands as it is.
pub(super) fn expand(template: &str, captures: &Captures<'_>, out: &mut String) {
    let mut rest = template;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(after) = rest.strip_prefix("$$") {
            out.push('$');
            rest = after;
            continue;
        }
        match group_name(rest) {
            Some((name, after)) => {
                out.push_str(group(captures, name));
                rest = after;
            }
            None => {
                out.push('$');
                rest = &rest[1..];
            }
        }
    }
    out.push_str(rest);
}

/// The name that follows the `$` at the start of `text`, and what stands behind it.
fn group_name(text: &str) -> Option<(&str, &str)> {
    let text = text.strip_prefix('$')?;
    let (braced, body) = text.strip_prefix('{').map_or((false, text), |body| (true, body));
    let end = body
        .find(|c: char| !(c == '_' || c.is_alphanumeric()))
        .unwrap_or(body.len());
    let (name, after) = body.split_at(end);
    if name.is_empty() {
        return None;
    }
    if braced {
        Some((name, after.strip_prefix('}')?))
    } else {
        Some((name, after))
    }
}

fn group<'c>(captures: &Captures<'c>, name: &str) -> &'c str {
    let found = if name.bytes().all(|b| b.is_ascii_digit()) {
        // Go reads a number with a leading zero (but for 0 itself) as a name; no group is called that.
        if name.len() > 1 && name.starts_with('0') {
            None
        } else {
            name.parse::<usize>().ok().and_then(|index| captures.get(index))
        }
    } else {
        captures.name(name)
    };
    found.map_or("", |m| m.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use regex::Regex;

    #[test]
    fn templates_expand_as_in_go() {
        let regex = Regex::new(r"^(?s:(?P<word>[a-z]+)-(\d+)(x)?)$").unwrap();
        let captures = regex.captures("abc-42").unwrap();
        for (template, want) in [
            ("$1", "abc"),
            ("${1}_x", "abc_x"),
            ("$1_x", ""),
            ("$2$1", "42abc"),
            ("$word:${2}", "abc:42"),
            ("$$1", "$1"),
            ("$3|$9", "|"),
            ("a$", "a$"),
            ("$-", "$-"),
            ("${1", "${1"),
            ("${}", "${}"),
            ("$0", "abc-42"),
            ("$01", ""),
            ("é$1é", "é"),
            ("é${1}é", "éabcé"),
            ("$1é", ""),
            ("", ""),
        ] {
            let mut out = String::new();
            expand(template, &captures, &mut out);
            assert_eq!(out, want, "{template}");
        }
    }
}
