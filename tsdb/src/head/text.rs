//! Label texts behind each other in large blocks, so that a text costs its bytes and no allocation of its own.

/// Bytes of a block; a longer text gets a block for itself.
const BLOCK: usize = 1 << 16;

/// Where a text lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    /// Block number in the upper half, position inside it in the lower.
    place: u32,
    len: u32,
}

impl Span {
    /// The place of no text.
    pub(crate) const EMPTY: Self = Self { place: 0, len: 0 };

    pub(crate) const fn len(self) -> usize {
        self.len as usize
    }
}

/// Texts that are only ever added; whoever holds the places can make another arena of those that are still needed.
#[derive(Debug, Default)]
pub(crate) struct TextArena {
    blocks: Vec<String>,
    bytes: usize,
    /// Bytes of texts that nobody needs.
    unused: usize,
}

impl TextArena {
    /// Keeps a text; `None` when 65,536 blocks are full.
    pub(crate) fn push(&mut self, text: &str) -> Option<Span> {
        let fits = self.blocks.last().is_some_and(|b| b.len() + text.len() <= BLOCK);
        if !fits {
            if self.blocks.len() == BLOCK {
                return None;
            }
            self.blocks.push(String::with_capacity(text.len().max(BLOCK)));
        }
        let number = self.blocks.len() - 1;
        let block = self.blocks.last_mut()?;
        let span = Span {
            place: ((number as u32) << 16) | block.len() as u32,
            len: u32::try_from(text.len()).ok()?,
        };
        block.push_str(text);
        self.bytes += text.len();
        // The next text would otherwise begin at a position that 16 bits cannot name.
        if block.len() >= BLOCK && self.blocks.len() < BLOCK {
            self.blocks.push(String::with_capacity(BLOCK));
        }
        Some(span)
    }

    /// The text at a place that [`push`](Self::push) gave out.
    pub(crate) fn get(&self, span: Span) -> &str {
        let start = (span.place & 0xffff) as usize;
        self.blocks
            .get((span.place >> 16) as usize)
            .and_then(|b| b.get(start..start + span.len as usize))
            .unwrap_or("")
    }

    /// Says that a text is not needed any more.
    pub(crate) fn release(&mut self, span: Span) {
        self.unused += span.len();
    }

    /// Whether more than a quarter of the texts is not needed.
    pub(crate) const fn wants_compaction(&self) -> bool {
        self.unused * 4 > self.bytes
    }

    /// Bytes of all texts.
    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_any_length_are_found_again() {
        let mut arena = TextArena::default();
        let texts: Vec<String> = (0..200).map(|i| "é".repeat((i * 997) % 40_000)).collect();
        let spans: Vec<Span> = texts.iter().map(|t| arena.push(t).unwrap()).collect();
        for (text, span) in texts.iter().zip(spans) {
            assert_eq!(arena.get(span), text);
        }
        assert_eq!(arena.bytes(), texts.iter().map(String::len).sum::<usize>());
    }
}
