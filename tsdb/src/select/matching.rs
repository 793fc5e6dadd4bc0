//! Which series fulfil matchers, by the lists of series that label pairs keep.
//!
//! A label that is not set counts as `""`: matchers that `""` fulfils take series away, the others name them.

use narthex_model::{MatchOp, Matcher};
use roaring::RoaringBitmap;

use crate::head::Index;

/// Ids of the series that fulfil all matchers.
pub(crate) fn find(index: &Index, matchers: &[Matcher]) -> RoaringBitmap {
    let (mut naming, mut removing) = (Vec::new(), Vec::new());
    for matcher in matchers {
        if matcher.matches_empty() {
            removing.push(matcher)
        } else {
            naming.push(matcher)
        }
    }
    // Matchers that look up a few pairs come first: what they leave makes the others cheap.
    naming.sort_by_key(|m| literals(m).is_none());
    let mut found: Option<RoaringBitmap> = None;
    for matcher in naming {
        let next = match &found {
            Some(ids) if ids.is_empty() => break,
            Some(ids) => narrow(index, ids, matcher),
            None => union(index, matcher, true),
        };
        found = Some(next);
    }
    let mut found = found.unwrap_or_else(|| index.all().clone());
    for matcher in removing {
        remove(index, &mut found, matcher);
    }
    found
}

/// The values that a matcher names one by one.
fn literals(matcher: &Matcher) -> Option<&[String]> {
    match matcher.op {
        MatchOp::Equal => Some(std::slice::from_ref(&matcher.value)),
        MatchOp::Regex => matcher.pattern().and_then(|p| p.literals()),
        MatchOp::NotEqual | MatchOp::NotRegex => None,
    }
}

/// Pairs of the matcher's label whose value fulfils it, or does not.
fn pairs<'i>(index: &'i Index, matcher: &'i Matcher, fulfilled: bool) -> Box<dyn Iterator<Item = u32> + 'i> {
    match (literals(matcher), fulfilled) {
        (Some(values), true) => Box::new(values.iter().filter_map(|v| index.pair(&matcher.name, v))),
        _ => {
            let all = index
                .name(&matcher.name)
                .into_iter()
                .flat_map(|n| n.pairs.iter().copied());
            Box::new(all.filter(move |pair| matcher.matches(index.value(*pair)) == fulfilled))
        }
    }
}

fn union(index: &Index, matcher: &Matcher, fulfilled: bool) -> RoaringBitmap {
    let mut ids = RoaringBitmap::new();
    for pair in pairs(index, matcher, fulfilled) {
        index.postings(pair).union_into(&mut ids);
    }
    ids
}

/// Those of `ids` that fulfil a matcher which a missing label does not.
fn narrow(index: &Index, ids: &RoaringBitmap, matcher: &Matcher) -> RoaringBitmap {
    let values = index.name(&matcher.name).map_or(0, |n| n.pairs.len() as u64);
    if literals(matcher).is_none() && ids.len() < values {
        let Some(name) = index.name_number(&matcher.name) else {
            return RoaringBitmap::new();
        };
        let fulfils = |id: &u32| {
            index
                .pair_named(*id, name)
                .is_some_and(|pair| matcher.matches(index.value(pair)))
        };
        return ids.iter().filter(fulfils).collect();
    }
    union(index, matcher, true) & ids
}

/// Takes away the series whose label has a value that does not fulfil the matcher.
fn remove(index: &Index, ids: &mut RoaringBitmap, matcher: &Matcher) {
    let Some(name) = index.name(&matcher.name) else {
        return;
    };
    if ids.is_empty() {
        return;
    }
    // `!=` names the one value to be taken away.
    if matcher.op == MatchOp::NotEqual {
        if let Some(pair) = index.pair(&matcher.name, &matcher.value) {
            *ids -= index.postings(pair).to_bitmap();
        }
    } else if ids.len() < name.pairs.len() as u64
        && let Some(number) = index.name_number(&matcher.name)
    {
        let stays = |id: &u32| {
            index
                .pair_named(*id, number)
                .is_none_or(|pair| matcher.matches(index.value(pair)))
        };
        *ids = ids.iter().filter(stays).collect();
    } else {
        *ids -= union(index, matcher, false);
    }
}

/// Ids of the series that fulfil one of the sets of matchers; all if there is no set.
pub(super) fn find_any(index: &Index, sets: &[Vec<Matcher>]) -> RoaringBitmap {
    match sets {
        [] => index.all().clone(),
        sets => sets
            .iter()
            .fold(RoaringBitmap::new(), |found, set| found | find(index, set)),
    }
}

#[cfg(test)]
mod tests {
    use narthex_model::Labels;
    use proptest::prelude::*;

    use super::*;

    fn matcher() -> impl Strategy<Value = Matcher> {
        let op = prop_oneof![
            Just(MatchOp::Equal),
            Just(MatchOp::NotEqual),
            Just(MatchOp::Regex),
            Just(MatchOp::NotRegex)
        ];
        let value = prop_oneof![
            Just(""),
            Just("1"),
            Just("2"),
            Just("1|3"),
            Just(".+"),
            Just(".*"),
            Just("2|"),
            Just("[1-4]")
        ];
        (op, "[a-d]", value).prop_map(|(op, name, value)| Matcher::new(op, name, value).unwrap())
    }

    proptest! {
        #[test]
        fn lists_find_what_looking_at_each_series_finds(
            series in proptest::collection::btree_set(proptest::collection::btree_map("[a-c]", "[1-5]", 0..4), 0..40),
            matchers in proptest::collection::vec(matcher(), 0..4),
        ) {
            let mut index = Index::default();
            for pairs in &series {
                index.add(&Labels::from_pairs(pairs)).unwrap();
            }
            let expected: Vec<u32> = (0..index.next_id())
                .filter(|id| matchers.iter().all(|m| m.matches_labels(&index.labels(*id))))
                .collect();
            let found: Vec<u32> = find(&index, &matchers).iter().collect();
            prop_assert_eq!(found, expected);
        }
    }
}
