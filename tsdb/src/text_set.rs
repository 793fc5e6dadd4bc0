//! Texts in order, each once, gathered from lists that mostly are sorted and mostly say the same.

use std::cmp::Ordering;

/// A set of texts.
#[derive(Debug, Default)]
pub(crate) struct TextSet {
    sorted: Vec<String>,
    /// Place of the text added last, or behind it.
    at: usize,
    /// Texts that are not in `sorted` yet.
    new: Vec<String>,
}

impl TextSet {
    /// Adds a text; cheap if it follows the one before it.
    pub(crate) fn add(&mut self, text: &str) {
        let before = self.at.checked_sub(1).and_then(|at| self.sorted.get(at));
        if before.is_some_and(|before| before.as_str() >= text) {
            self.at = self.sorted.partition_point(|known| known.as_str() < text);
        }
        while let Some(known) = self.sorted.get(self.at) {
            match known.as_str().cmp(text) {
                Ordering::Less => self.at += 1,
                Ordering::Equal => return,
                Ordering::Greater => break,
            }
        }
        self.new.push(text.to_owned());
    }

    /// Adds the texts of one list.
    pub(crate) fn add_all<'t>(&mut self, texts: impl IntoIterator<Item = &'t str>) {
        texts.into_iter().for_each(|text| self.add(text));
        self.end_list();
    }

    /// Ends a list: the next one begins anew.
    pub(crate) fn end_list(&mut self) {
        self.at = 0;
        if !self.new.is_empty() {
            self.sorted.append(&mut self.new);
            // Two sorted runs are merged.
            self.sorted.sort();
            self.sorted.dedup();
        }
    }

    /// All texts, ascending.
    pub(crate) fn into_sorted(mut self) -> Vec<String> {
        self.end_list();
        self.sorted
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn texts_are_a_set(lists in prop::collection::vec(
            (prop::collection::vec("[a-c]{0,2}", 0..12), any::<bool>()), 0..5,
        )) {
            let (mut set, mut expected) = (TextSet::default(), BTreeSet::new());
            for (mut list, sorted) in lists {
                if sorted {
                    list.sort();
                }
                expected.extend(list.iter().cloned());
                set.add_all(list.iter().map(String::as_str));
            }
            prop_assert_eq!(set.into_sorted(), expected.into_iter().collect::<Vec<_>>());
        }
    }
}
