//! A compiled pattern: matching, and what an index can know of it beforehand.

use regex::{Regex, RegexBuilder};
use regex_syntax::hir::{Hir, HirKind};

use super::error::PatternError;
use super::shape::{Shape, shared};
use super::syntax::{NESTING_MAX, translate};

/// Most bytes that a compiled pattern may take: so many, and so many more for each byte of its source.
const SIZE_MAX: usize = 2 << 20;
const SIZE_PER_BYTE: usize = 256;
/// Deepest nesting of the translated expression: each group may hold an alternation, a concatenation and a repetition.
const LEVELS_MAX: u32 = 4 * NESTING_MAX as u32 + 10;

/// `^(?s:...)$`: the whole text must match, and `.` matches a newline.
#[derive(Debug, Clone)]
pub struct Pattern {
    source: String,
    regex: Regex,
    shape: Option<Shape>,
    prefix: String,
}

impl Pattern {
    /// Compiles `source`, which is in Go's syntax.
    ///
    /// # Errors
    /// When it is not a valid regular expression (in Go's words), or takes more than 2 MiB, and 256 bytes
    /// for each of its own, once compiled.
    pub fn new(source: &str) -> Result<Self, PatternError> {
        let translated = translate(source)?;
        let anchored = format!("^(?s:{translated})$");
        let too_large = || PatternError::new("expression too large", source);
        let hir = regex_syntax::ParserBuilder::new()
            .nest_limit(LEVELS_MAX)
            .dot_matches_new_line(true)
            .build()
            .parse(&translated)
            .map_err(|_| too_large())?;
        let shape = Shape::of(&hir);
        let regex = RegexBuilder::new(&anchored)
            .nest_limit(LEVELS_MAX)
            .size_limit(SIZE_MAX + SIZE_PER_BYTE * source.len())
            .build()
            .map_err(|_| too_large())?;
        let prefix = match &shape {
            Some(shape) => shape.prefix().to_owned(),
            None => prefix(&hir),
        };
        Ok(Self {
            source: source.to_owned(),
            regex,
            shape,
            prefix,
        })
    }

    /// The pattern as it was written.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Whether all of `text` matches.
    #[must_use]
    pub fn is_match(&self, text: &str) -> bool {
        match &self.shape {
            Some(shape) => shape.is_match(text),
            None => text.starts_with(&self.prefix) && self.regex.is_match(text),
        }
    }

    /// The texts that match, sorted and each once, if the pattern comes down to a list of them, as `a|b(c|d)` does.
    #[must_use]
    pub fn literals(&self) -> Option<&[String]> {
        match &self.shape {
            Some(Shape::Texts(texts)) => Some(texts),
            _ => None,
        }
    }

    /// Whether matching takes a regular expression engine: the pattern is more than literals with gaps.
    #[must_use]
    pub const fn needs_engine(&self) -> bool {
        self.shape.is_none()
    }

    /// What every matching text begins with; often nothing.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The compiled expression (anchored), for capture groups.
    #[must_use]
    pub fn regex(&self) -> &Regex {
        &self.regex
    }
}

/// The literal that a pattern without a simple shape begins with.
fn prefix(hir: &Hir) -> String {
    match hir.kind() {
        HirKind::Literal(literal) => String::from_utf8(literal.0.to_vec()).unwrap_or_default(),
        HirKind::Capture(capture) => prefix(&capture.sub),
        HirKind::Concat(parts) => {
            let mut all = String::new();
            for part in parts {
                match part.kind() {
                    HirKind::Literal(literal) => match std::str::from_utf8(&literal.0) {
                        Ok(text) => all.push_str(text),
                        Err(_) => break,
                    },
                    _ => {
                        all.push_str(&prefix(part));
                        break;
                    }
                }
            }
            all
        }
        HirKind::Alternation(arms) => arms
            .iter()
            .map(prefix)
            .reduce(|a, b| shared(&a, &b).to_owned())
            .unwrap_or_default(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn plain(source: &str) -> Regex {
        Regex::new(&format!("^(?s:{source})$")).unwrap()
    }

    #[test]
    fn refused_patterns_are_refused_in_gos_words() {
        for (source, reason) in [
            ("(", "missing closing ): `(`"),
            ("a(b", "missing closing ): `a(b`"),
            (")", "unexpected ): `)`"),
            ("a)(b", "unexpected ): `a)(b`"),
            ("*", "missing argument to repetition operator: `*`"),
            ("a|*?", "missing argument to repetition operator: `*?`"),
            ("(+)", "missing argument to repetition operator: `+`"),
            ("(?i)*", "missing argument to repetition operator: `*`"),
            ("a**", "invalid nested repetition operator: `**`"),
            ("a*?+", "invalid nested repetition operator: `*?+`"),
            ("a{2}{3}", "invalid nested repetition operator: `{2}{3}`"),
            ("a{1001}", "invalid repeat count: `{1001}`"),
            ("a{2,1}", "invalid repeat count: `{2,1}`"),
            ("a{99999999999}", "invalid repeat count: `{99999999999}`"),
            ("(a{100}){11}", "invalid repeat count: `{11}`"),
            ("((a{10}b*){10}){11}", "invalid repeat count: `{11}`"),
            ("[a", "missing closing ]: `[a`"),
            ("x[]", "missing closing ]: `[]`"),
            ("[z-a]", "invalid character class range: `z-a`"),
            ("[[:foo:]]", "invalid character class range: `[:foo:]`"),
            ("\\pX", "invalid character class range: `\\pX`"),
            ("\\p{Foo}", "invalid character class range: `\\p{Foo}`"),
            ("\\p{Greek", "invalid character class range: `\\p{Greek`"),
            ("[a-\\d]", "invalid escape sequence: `\\d`"),
            ("\\y", "invalid escape sequence: `\\y`"),
            ("\\Z", "invalid escape sequence: `\\Z`"),
            ("\\C", "invalid escape sequence: `\\C`"),
            ("\\E", "invalid escape sequence: `\\E`"),
            ("(a)\\1", "invalid escape sequence: `\\1`"),
            ("\\8", "invalid escape sequence: `\\8`"),
            ("\\x{110000}", "invalid escape sequence: `\\x{110000`"),
            ("\\xg1", "invalid escape sequence: `\\xg1`"),
            ("a\\", "trailing backslash at end of expression: ``"),
            ("(?=a)", "invalid or unsupported Perl syntax: `(?=`"),
            ("(?x)a", "invalid or unsupported Perl syntax: `(?x`"),
            ("(?i-)a", "invalid or unsupported Perl syntax: `(?i-)`"),
            ("(?P=n)", "invalid or unsupported Perl syntax: `(?P`"),
            ("(?<!a)", "invalid named capture: `(?<!a)`"),
            ("(?P<a-b>x)", "invalid named capture: `(?P<a-b>`"),
        ] {
            let error = Pattern::new(source).map(|p| p.regex).unwrap_err();
            assert_eq!(error.reason, reason, "{source}");
        }
    }

    #[test]
    fn patterns_mean_what_they_mean_in_go() {
        for (source, matching, others) in [
            ("", &[""][..], &["a"][..]),
            ("\\d", &["7"], &["٣"]),
            ("\\w+", &["a_1"], &["é", ""]),
            ("\\s", &[" ", "\u{c}"], &["\u{b}", "\u{a0}"]),
            ("[\\D]", &["x", "٣"], &["1"]),
            ("a\\bé", &["aé"], &["a"]),
            ("a\\B.", &["ab"], &["aé", "a-"]),
            ("a.c", &["a\nc", "aéc"], &["ac"]),
            ("(?-s)a.c", &["abc"], &["a\nc"]),
            ("(?i)straße", &["STRAßE", "STRAẞE"], &["STRASSE"]),
            ("(?ii)a(?-i)b", &["Ab", "ab"], &["aB"]),
            ("a(?i)*b", &["aaB", "b"], &["Ab"]),
            ("(?)a", &["a"], &[""]),
            ("a{,2}", &["a{,2}"], &["aa"]),
            ("a{01}", &["a{01}"], &["a"]),
            ("x{", &["x{"], &["x"]),
            ("a{0,0}b", &["b"], &["ab"]),
            ("\\Qa.b*\\E+", &["a.b*", "a.b**"], &["axb"]),
            ("\\Qa.b", &["a.b"], &["axb"]),
            ("\\101\\x42\\x{43}\\0", &["ABC\0"], &["ABC"]),
            ("\\_\\-\\#\\ \\\"", &["_-# \""], &[""]),
            ("[a&&b]", &["&", "a"], &["c"]),
            ("[[a]", &["[", "a"], &["]"]),
            ("[]a]", &["]", "a"], &["["]),
            ("[^]a]", &["b", "\n"], &["]"]),
            ("[a-]", &["-", "a"], &["b"]),
            ("[a-c-e]", &["-", "b", "e"], &["d"]),
            ("[[:^digit:][:space:]]", &["x", " "], &["1"]),
            ("[[:word]", &[":", "[", "w"], &["x"]),
            ("[\\]~~\\-\\\\]", &["]", "~"], &["x"]),
            ("\\pL\\p{Greek}\\P{^Greek}", &["xαβ"], &["xxβ"]),
            ("\\p{^L}", &["1"], &["a"]),
            ("a$", &["a"], &["a\n"]),
            ("(?m)a$\nb", &["a\nb"], &["ab"]),
            ("\\Aa\\z", &["a"], &["ab"]),
            ("a|b)(c".get(..3).unwrap(), &["a", "b"], &["c"]),
            (
                "foo|bar.*|.+baz",
                &["foo", "bar", "barn", "xbaz"],
                &["fool", "baz"],
            ),
        ] {
            let pattern = Pattern::new(source).unwrap();
            for text in matching {
                assert!(pattern.is_match(text), "{source:?} {text:?}");
                assert!(text.starts_with(pattern.prefix()), "{source:?} {text:?}");
            }
            for text in others {
                assert!(!pattern.is_match(text), "{source:?} {text:?}");
            }
        }
    }

    #[test]
    fn lists_of_texts_and_prefixes_are_found() {
        for (source, literals, prefix) in [
            ("", Some(&[""][..]), ""),
            ("abc", Some(&["abc"]), "abc"),
            ("b|a|b", Some(&["a", "b"]), ""),
            ("(x|y)z?", Some(&["x", "xz", "y", "yz"]), ""),
            ("a(b|c)d|ae", Some(&["abd", "acd", "ae"]), "a"),
            (
                "(?:foo)[ab]{2}",
                Some(&["fooaa", "fooab", "fooba", "foobb"]),
                "foo",
            ),
            ("(?i)ab", Some(&["AB", "Ab", "aB", "ab"]), ""),
            ("api\\.v1", Some(&["api.v1"]), "api.v1"),
            ("5..", None, "5"),
            ("api/.*", None, "api/"),
            ("foo.*|fob.+", None, "fo"),
            (".*", None, ""),
            ("a(bc[0-9]+|bd.*e)", None, "ab"),
            ("pod-(a|b)-[0-9]+", None, "pod-"),
            ("[0-9]{1,9}", None, ""),
        ] {
            let pattern = Pattern::new(source).unwrap();
            let found = pattern
                .literals()
                .map(|l| l.iter().map(String::as_str).collect::<Vec<_>>());
            assert_eq!(found.as_deref(), literals, "{source}");
            assert_eq!(pattern.prefix(), prefix, "{source}");
        }
    }

    #[test]
    fn most_patterns_need_no_engine() {
        for source in [
            "",
            "a",
            "a|b",
            ".*",
            ".+",
            "a.*",
            ".+a",
            ".*a.*",
            "a.*b.+c",
            "b|c.*|.+d",
            "(a.*)",
            "(?:.{2,})x",
            "(?i)ab",
            "^a$",
            "^(a|b.*)$",
            "^a.*|b$",
        ] {
            assert!(!Pattern::new(source).unwrap().needs_engine(), "{source}");
        }
        for source in [
            "a[0-9]+",
            "a.",
            ".{2}",
            "(?-s).*",
            "(?i)abcdefghijkl",
            "a*",
            "a^b",
        ] {
            assert!(Pattern::new(source).unwrap().needs_engine(), "{source}");
        }
    }

    #[test]
    fn long_lists_stay_lists_and_huge_patterns_are_refused() {
        let list: Vec<String> = (0..20_000).map(|n| format!("pod-{n:05}")).collect();
        let pattern = Pattern::new(&format!("({})", list.join("|"))).unwrap();
        assert_eq!(pattern.literals().unwrap(), list);
        assert!(
            Pattern::new("(?:\\pL{100}){10}")
                .unwrap_err()
                .reason
                .starts_with("expression too large")
        );
        assert!(Pattern::new(&"(".repeat(100_000)).is_err());
        let nested = |levels: usize| "(a.|b".repeat(levels) + &"){2}".repeat(2) + &")*".repeat(levels - 2);
        let error = Pattern::new(&nested(1_000)).unwrap_err();
        assert!(error.reason.starts_with("expression nests too deeply"), "{error}");
        Pattern::new(&nested(250)).unwrap();
        assert!(
            Pattern::new(&("a".to_owned() + &"|a".repeat(100_000)))
                .unwrap()
                .is_match("a")
        );
    }

    /// Patterns made of few letters, so that texts often match.
    fn source() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            "[abé.]",
            Just(".*".to_owned()),
            Just(".+".to_owned()),
            Just("[ab]".to_owned()),
            Just("\\.".to_owned()),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                inner.clone().prop_map(|p| format!("^{p}$")),
                prop::collection::vec(inner.clone(), 1..4).prop_map(|p| p.concat()),
                prop::collection::vec(inner.clone(), 1..4).prop_map(|p| format!("({})", p.join("|"))),
                inner.clone().prop_map(|p| format!("(?:{p})?")),
                inner.prop_map(|p| format!("(?i:{p})")),
            ]
        })
    }

    proptest! {
        #[test]
        fn shortcuts_match_as_the_plain_expression(
            source in source(),
            texts in prop::collection::vec("[abABé\n.]{0,6}", 24),
        ) {
            let pattern = Pattern::new(&source).unwrap();
            let plain = plain(&source);
            for text in texts.iter().map(String::as_str).chain(pattern.literals().iter().flat_map(|l| l.iter().map(String::as_str))) {
                prop_assert_eq!(pattern.is_match(text), plain.is_match(text), "{} {:?}", source, text);
                if plain.is_match(text) {
                    prop_assert!(text.starts_with(pattern.prefix()));
                }
            }
        }

        #[test]
        fn any_text_is_compiled_or_refused(source in "[ab(){}\\[\\]|*+?.^$\\\\QEpdxPzLi<>:0-9=!,-]{0,16}") {
            let _ = Pattern::new(&source);
        }
    }
}
