//! Patterns that need no regular expression engine: literals, and literals with gaps between them.

use regex_syntax::hir::{Class, Hir, HirKind, Look, Repetition};

/// Most texts that a pattern is expanded to.
const TEXTS_MAX: usize = 2_048;
/// Most bytes of all these texts; an alternation as it was written may have more.
const BYTES_MAX: usize = 64 << 10;
/// Most alternatives that are tried one by one.
const ALTERNATIVES_MAX: usize = 64;

/// What a pattern comes down to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shape {
    /// One of these texts, sorted.
    Texts(Vec<String>),
    /// Literals with gaps.
    Gaps(Gaps),
    /// One of several.
    Any(Vec<Shape>),
}

/// A literal at the beginning, then gaps of any characters, each with a literal behind it; the last one is the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Gaps {
    first: String,
    rest: Vec<Gap>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Gap {
    /// Fewest characters in the gap.
    min: u32,
    literal: String,
}

impl Shape {
    /// The shape of a pattern that has to match the whole text, if it has one.
    pub(super) fn of(hir: &Hir) -> Option<Self> {
        if let Some(mut texts) = texts(hir) {
            texts.sort_unstable();
            texts.dedup();
            return Some(Self::Texts(texts));
        }
        match hir.kind() {
            HirKind::Capture(capture) => Self::of(&capture.sub),
            HirKind::Alternation(arms) if arms.len() <= ALTERNATIVES_MAX => {
                arms.iter().map(Self::of).collect::<Option<_>>().map(Self::Any)
            }
            _ => match without_anchors(hir) {
                Some(bare) => Self::of(&bare),
                None => Gaps::of(hir).map(Self::Gaps),
            },
        }
    }

    /// Whether all of `text` matches.
    pub(super) fn is_match(&self, text: &str) -> bool {
        match self {
            Self::Texts(texts) => texts.binary_search_by(|t| t.as_str().cmp(text)).is_ok(),
            Self::Gaps(gaps) => gaps.is_match(text),
            Self::Any(shapes) => shapes.iter().any(|s| s.is_match(text)),
        }
    }

    /// What every matching text begins with.
    pub(super) fn prefix(&self) -> &str {
        match self {
            Self::Texts(texts) => {
                // Sorted texts share what the first and the last share.
                let (first, last) = (texts.first(), texts.last());
                first.zip(last).map_or("", |(first, last)| shared(first, last))
            }
            Self::Gaps(gaps) => &gaps.first,
            Self::Any(shapes) => shapes.iter().map(Self::prefix).reduce(shared).unwrap_or(""),
        }
    }
}

/// A pattern without anchors at its ends, if it has some: all of the text must match anyway.
fn without_anchors(hir: &Hir) -> Option<Hir> {
    let HirKind::Concat(parts) = hir.kind() else {
        return None;
    };
    let is = |look: Look| move |part: &&Hir| *part.kind() == HirKind::Look(look);
    let skipped = parts.iter().take_while(is(Look::Start)).count();
    let dropped = parts.iter().rev().take_while(is(Look::End)).count();
    let inner = parts.get(skipped..parts.len().saturating_sub(dropped))?;
    (inner.len() < parts.len()).then(|| Hir::concat(inner.to_vec()))
}

/// The longest beginning of both.
pub(super) fn shared<'a>(a: &'a str, b: &str) -> &'a str {
    let end = a
        .char_indices()
        .zip(b.chars())
        .find(|((_, x), y)| x != y)
        .map_or(a.len().min(b.len()), |((at, _), _)| at);
    a.get(..end).unwrap_or("")
}

/// All texts that match, if they are few.
fn texts(hir: &Hir) -> Option<Vec<String>> {
    match hir.kind() {
        HirKind::Empty => Some(vec![String::new()]),
        HirKind::Literal(literal) => {
            let text = std::str::from_utf8(&literal.0).ok()?;
            Some(vec![text.to_owned()])
        }
        HirKind::Class(class) => class_texts(class),
        HirKind::Capture(capture) => texts(&capture.sub),
        HirKind::Alternation(arms) => {
            let mut all = Vec::with_capacity(arms.len());
            for arm in arms {
                all.extend(texts(arm)?);
                // Alternatives that were written out may be many: they are as long as the pattern.
                if all.len() > arms.len().max(TEXTS_MAX) {
                    return None;
                }
            }
            Some(all)
        }
        HirKind::Concat(parts) => {
            let mut all = vec![String::new()];
            for part in parts {
                all = joined(all, texts(part)?)?;
            }
            Some(all)
        }
        HirKind::Repetition(repetition) => repeated_texts(repetition),
        HirKind::Look(_) => None,
    }
}

fn class_texts(class: &Class) -> Option<Vec<String>> {
    let Class::Unicode(class) = class else {
        return None;
    };
    let size: usize = class.ranges().iter().map(|r| r.len()).sum();
    if size > TEXTS_MAX {
        return None;
    }
    let chars = class.ranges().iter().flat_map(|r| r.start()..=r.end());
    Some(chars.map(String::from).collect())
}

fn repeated_texts(repetition: &Repetition) -> Option<Vec<String>> {
    let max = repetition.max.filter(|max| *max <= 16)?;
    let once = texts(&repetition.sub)?;
    let mut power = vec![String::new()];
    let mut all = Vec::new();
    for times in 0..=max {
        if times > 0 {
            power = joined(power, once.clone())?;
        }
        if times >= repetition.min {
            all.extend_from_slice(&power);
        }
    }
    (all.len() <= TEXTS_MAX).then_some(all)
}

/// Each of `heads` with each of `tails`, if they are few.
fn joined(mut heads: Vec<String>, tails: Vec<String>) -> Option<Vec<String>> {
    let bytes = |texts: &[String]| texts.iter().map(String::len).sum::<usize>();
    match (heads.as_slice(), tails.as_slice()) {
        // What was written out once may be long, and a long list that was written out stays one.
        (_, [tail]) if heads.len() == 1 || tail.is_empty() => {
            heads.iter_mut().for_each(|head| head.push_str(tail));
            return Some(heads);
        }
        ([head], _) if head.is_empty() => return Some(tails),
        _ => {}
    }
    let size = bytes(&heads).saturating_mul(tails.len()) + bytes(&tails).saturating_mul(heads.len());
    if heads.len().saturating_mul(tails.len()) > TEXTS_MAX || size > BYTES_MAX {
        return None;
    }
    let pairs = heads
        .iter()
        .flat_map(|head| tails.iter().map(move |tail| head.clone() + tail));
    Some(pairs.collect())
}

/// Fewest characters of a gap `.*`, `.+` or `.{n,}`.
fn gap(hir: &Hir) -> Option<u32> {
    match hir.kind() {
        HirKind::Repetition(Repetition {
            min, max: None, sub, ..
        }) => match sub.kind() {
            HirKind::Class(Class::Unicode(class)) => {
                // All characters, newlines included.
                let all = [('\0', char::MAX)];
                let ranges = class.ranges().iter().map(|r| (r.start(), r.end()));
                ranges.eq(all).then_some(*min)
            }
            _ => None,
        },
        HirKind::Capture(capture) => gap(&capture.sub),
        _ => None,
    }
}

impl Gaps {
    fn of(hir: &Hir) -> Option<Self> {
        let parts = match hir.kind() {
            HirKind::Concat(parts) => parts.as_slice(),
            _ => std::slice::from_ref(hir),
        };
        let mut gaps = Self {
            first: String::new(),
            rest: Vec::new(),
        };
        let mut after_gap = false;
        for part in parts {
            if let Some(min) = gap(part) {
                match gaps.rest.last_mut() {
                    Some(last) if after_gap => last.min = last.min.saturating_add(min),
                    _ => gaps.rest.push(Gap {
                        min,
                        literal: String::new(),
                    }),
                }
                after_gap = true;
                continue;
            }
            let [text] = texts(part)?.try_into().ok()?;
            after_gap &= text.is_empty();
            match gaps.rest.last_mut() {
                Some(last) => last.literal.push_str(&text),
                None => gaps.first.push_str(&text),
            }
        }
        (!gaps.rest.is_empty()).then_some(gaps)
    }

    fn is_match(&self, text: &str) -> bool {
        let Some(mut rest) = text.strip_prefix(self.first.as_str()) else {
            return false;
        };
        let Some((last, inner)) = self.rest.split_last() else {
            return rest.is_empty();
        };
        for gap in inner {
            // The first place that fits leaves most for what follows.
            match skip(rest, gap.min).and_then(|r| r.split_once(gap.literal.as_str())) {
                Some((_, after)) => rest = after,
                None => return false,
            }
        }
        rest.strip_suffix(last.literal.as_str())
            .is_some_and(|gap| skip(gap, last.min).is_some())
    }
}

/// The text behind its first `count` characters, if it has so many.
fn skip(text: &str, count: u32) -> Option<&str> {
    let mut chars = text.chars();
    for _ in 0..count {
        chars.next()?;
    }
    Some(chars.as_str())
}
