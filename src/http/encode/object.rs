//! JSON objects written key by key, for shapes that mix texts, labels and numbers.

use narthex_model::Labels;

use super::answer::write_labels;
use super::json::write_value;
use super::text::write_text;

/// An object in the making.
pub(crate) struct Object<'o> {
    out: &'o mut Vec<u8>,
    separator: &'static [u8],
}

impl<'o> Object<'o> {
    /// Begins an object.
    pub(crate) fn new(out: &'o mut Vec<u8>) -> Self {
        Self { out, separator: b"{" }
    }

    /// A member whose value is written by `write`.
    pub(crate) fn member(&mut self, key: &str, write: impl FnOnce(&mut Vec<u8>)) -> &mut Self {
        self.out.extend_from_slice(self.separator);
        self.separator = b",";
        write_text(self.out, key);
        self.out.push(b':');
        write(self.out);
        self
    }

    /// A text.
    pub(crate) fn text(&mut self, key: &str, value: &str) -> &mut Self {
        self.member(key, |out| write_text(out, value))
    }

    /// Labels.
    pub(crate) fn labels(&mut self, key: &str, labels: &Labels) -> &mut Self {
        self.member(key, |out| write_labels(out, labels))
    }

    /// A plain value.
    pub(crate) fn value(&mut self, key: &str, value: &impl serde::Serialize) -> &mut Self {
        self.member(key, |out| write_value(out, value))
    }

    /// A list, each item written by `write`.
    pub(crate) fn list<T>(
        &mut self,
        key: &str,
        items: impl IntoIterator<Item = T>,
        write: impl FnMut(&mut Vec<u8>, T),
    ) -> &mut Self {
        self.member(key, |out| write_list(out, items, write))
    }

    /// Ends the object.
    pub(crate) fn end(&mut self) {
        if self.separator == b"{" {
            self.out.push(b'{');
        }
        self.out.push(b'}');
    }
}

/// Writes a list, each item by `write`.
pub(crate) fn write_list<T>(
    out: &mut Vec<u8>,
    items: impl IntoIterator<Item = T>,
    mut write: impl FnMut(&mut Vec<u8>, T),
) {
    out.push(b'[');
    for (i, item) in items.into_iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        write(out, item);
    }
    out.push(b']');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_stand_in_the_order_they_are_written() {
        let mut out = Vec::new();
        Object::new(&mut out)
            .text("b", "<")
            .labels("a", &Labels::from_pairs([("x", "<")]))
            .value("n", &1.5)
            .list("l", [1, 2], |out, n: i32| write_value(out, &n))
            .end();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            r#"{"b":"\u003c","a":{"x":"<"},"n":1.5,"l":[1,2]}"#
        );
        let mut out = Vec::new();
        Object::new(&mut out).end();
        assert_eq!(out, b"{}");
    }
}
