//! How well a name fits a text that one types.

use std::borrow::Cow;

/// How names that do not hold the text are compared with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Algorithm {
    /// The text's letters stand in the name, in order; the closer together, the better.
    Subsequence,
    /// Jaro and Winkler's measure: many letters in common, at about the same places, the first ones above all.
    JaroWinkler,
}

/// Texts to fit, any of them.
#[derive(Debug)]
pub(crate) struct Fit {
    texts: Vec<String>,
    algorithm: Algorithm,
    /// Lowest score of a name that does not hold the text; 0: such names do not fit at all.
    threshold: f64,
    case_sensitive: bool,
}

impl Fit {
    pub(crate) fn new(
        texts: Vec<String>,
        algorithm: Algorithm,
        threshold: f64,
        case_sensitive: bool,
    ) -> Self {
        let fold = |text: String| if case_sensitive { text } else { text.to_lowercase() };
        let texts = texts.into_iter().filter(|text| !text.is_empty()).map(fold);
        Self {
            texts: texts.collect(),
            algorithm,
            threshold,
            case_sensitive,
        }
    }

    /// From 0 to 1; None if the name does not fit. Without a text every name fits.
    pub(crate) fn score(&self, name: &str) -> Option<f64> {
        if self.texts.is_empty() {
            return Some(1.0);
        }
        let name = if self.case_sensitive {
            Cow::Borrowed(name)
        } else {
            Cow::Owned(name.to_lowercase())
        };
        let scores = self.texts.iter().filter_map(|text| self.score_of(text, &name));
        scores.max_by(f64::total_cmp)
    }

    fn score_of(&self, text: &str, name: &str) -> Option<f64> {
        if name.contains(text) {
            return Some(1.0);
        }
        if self.threshold <= 0.0 {
            return None;
        }
        let score = match self.algorithm {
            Algorithm::Subsequence => subsequence(text, name),
            Algorithm::JaroWinkler => jaro_winkler(text, name),
        };
        (score >= self.threshold).then_some(score)
    }
}

/// The share of the text in the shortest stretch found that holds its letters in order.
fn subsequence(text: &str, name: &str) -> f64 {
    let mut wanted = text.chars().peekable();
    let (mut first, mut last, mut matched) = (None, 0, 0_usize);
    for (at, letter) in name.chars().enumerate() {
        if wanted.next_if_eq(&letter).is_some() {
            first.get_or_insert(at);
            last = at;
            matched += 1;
        }
    }
    match (wanted.peek(), first) {
        (None, Some(first)) => matched as f64 / (last - first + 1) as f64,
        _ => 0.0,
    }
}

/// Winkler, "String comparator metrics and enhanced decision rules" (1990).
fn jaro_winkler(a: &str, b: &str) -> f64 {
    const PREFIX_MAX: usize = 4;
    const PREFIX_WEIGHT: f64 = 0.1;
    let jaro = jaro(a, b);
    let prefix = a
        .chars()
        .zip(b.chars())
        .take(PREFIX_MAX)
        .take_while(|(x, y)| x == y)
        .count();
    jaro + prefix as f64 * PREFIX_WEIGHT * (1.0 - jaro)
}

fn jaro(a: &str, b: &str) -> f64 {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    if a.is_empty() || b.is_empty() {
        return if a.len() == b.len() { 1.0 } else { 0.0 };
    }
    let reach = (a.len().max(b.len()) / 2).saturating_sub(1);
    let mut taken = vec![false; b.len()];
    let mut matched_a = Vec::new();
    for (i, letter) in a.iter().enumerate() {
        let (from, to) = (i.saturating_sub(reach), (i + reach + 1).min(b.len()));
        let hit = (from..to).find(|j| b.get(*j) == Some(letter) && taken.get(*j) == Some(&false));
        if let Some(place) = hit.and_then(|j| taken.get_mut(j)) {
            *place = true;
            matched_a.push(letter);
        }
    }
    if matched_a.is_empty() {
        return 0.0;
    }
    let matched_b = b
        .iter()
        .zip(&taken)
        .filter(|(_, taken)| **taken)
        .map(|(letter, _)| letter);
    let swapped = matched_a.iter().zip(matched_b).filter(|(x, y)| **x != *y).count() as f64 / 2.0;
    let m = matched_a.len() as f64;
    (m / a.len() as f64 + m / b.len() as f64 + (m - swapped) / m) / 3.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values_of_jaro_and_winkler() {
        for (a, b, want) in [
            ("martha", "marhta", 0.961),
            ("dixon", "dicksonx", 0.813),
            ("dwayne", "duane", 0.84),
            ("a", "b", 0.0),
            ("same", "same", 1.0),
        ] {
            assert!(
                (jaro_winkler(a, b) - want).abs() < 0.001,
                "{a} {b}: {}",
                jaro_winkler(a, b)
            );
        }
    }

    #[test]
    fn what_fits_and_how_well() {
        let fit = |text: &str, algorithm, threshold, case| {
            Fit::new(vec![text.to_owned()], algorithm, threshold, case)
        };
        let near = Algorithm::Subsequence;
        assert_eq!(fit("", near, 0.0, true).score("up"), Some(1.0));
        assert_eq!(fit("req", near, 0.0, true).score("http_requests"), Some(1.0));
        assert_eq!(fit("REQ", near, 0.0, true).score("http_requests"), None);
        assert_eq!(fit("REQ", near, 0.0, false).score("http_requests"), Some(1.0));
        assert_eq!(
            fit("hrq", near, 0.0, true).score("http_requests"),
            None,
            "no fuzz is allowed"
        );
        assert_eq!(fit("hq", near, 0.2, true).score("http_requests"), Some(0.25));
        assert_eq!(fit("hq", near, 0.3, true).score("http_requests"), None);
        assert!(
            fit("memroy", Algorithm::JaroWinkler, 0.8, true)
                .score("memory")
                .is_some()
        );
        let several = Fit::new(vec!["x".into(), "up".into()], near, 0.0, true);
        assert_eq!((several.score("up"), several.score("down")), (Some(1.0), None));
    }
}
