//! Keys in the order they came, each stored as what differs from the one before it: a page's lines are much alike.
//!
//! A record is the number of bytes shared with the key before, the number of bytes that follow, and those bytes.
//! Every `RESTART`th key shares nothing, so that a key is found without reading all before it.

use super::cache::NONE;

/// Keys from one that is stored whole to the next.
const RESTART: usize = 16;

/// A list of keys.
#[derive(Debug, Default)]
pub(super) struct Keys {
    records: Vec<u8>,
    /// Where every `RESTART`th record begins.
    restarts: Vec<usize>,
    length: usize,
}

/// A key of the list, and where the next one is.
#[derive(Debug)]
pub(super) struct Cursor {
    /// Its position in the list, or `NONE`.
    pub(super) at: u32,
    pub(super) key: Vec<u8>,
    /// The end of its record.
    end: usize,
}

impl Default for Cursor {
    fn default() -> Self {
        Self {
            at: NONE,
            key: Vec::new(),
            end: 0,
        }
    }
}

/// A state of the list that it can go back to.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Mark {
    length: usize,
    records: usize,
}

impl Keys {
    pub(super) fn len(&self) -> usize {
        self.length
    }

    pub(super) fn mark(&self) -> Mark {
        Mark {
            length: self.length,
            records: self.records.len(),
        }
    }

    /// Forgets what came after the mark.
    pub(super) fn truncate(&mut self, mark: Mark) {
        self.records.truncate(mark.records);
        self.restarts.truncate(mark.length.div_ceil(RESTART));
        self.length = mark.length;
    }

    /// Adds a key; `cursor` stands at the last one, or anywhere, and stands at the new one afterwards.
    pub(super) fn push(&mut self, key: &[u8], cursor: &mut Cursor) {
        let at = self.length;
        let shared = if at.is_multiple_of(RESTART) {
            self.restarts.push(self.records.len());
            0
        } else {
            self.seek(cursor, at as u32 - 1);
            let pairs = cursor.key.iter().zip(key);
            pairs.take_while(|(a, b)| a == b).count()
        };
        let rest = key.get(shared..).unwrap_or_default();
        write_number(&mut self.records, shared);
        write_number(&mut self.records, rest.len());
        self.records.extend_from_slice(rest);
        self.length += 1;
        cursor.key.truncate(shared);
        cursor.key.extend_from_slice(rest);
        cursor.at = at as u32;
        cursor.end = self.records.len();
    }

    /// Moves the cursor to the key at `at`; to none if there is none.
    pub(super) fn seek(&self, cursor: &mut Cursor, at: u32) {
        if cursor.at == at {
            return;
        }
        let wanted = at as usize;
        if at == NONE || wanted >= self.length {
            cursor.at = NONE;
            cursor.key.clear();
            return;
        }
        let follows = cursor.at != NONE && cursor.at < at && cursor.at as usize / RESTART == wanted / RESTART;
        // The one just behind may be in the next run: its record is the next one all the same.
        if !follows && (cursor.at == NONE || cursor.at.wrapping_add(1) != at) {
            let run = wanted / RESTART;
            cursor.end = self.restarts.get(run).copied().unwrap_or_default();
            cursor.key.clear();
            cursor.at = (run * RESTART) as u32;
            self.read(cursor);
        }
        while cursor.at < at {
            cursor.at += 1;
            self.read(cursor);
        }
    }

    /// Reads the record at the cursor's end over its key.
    fn read(&self, cursor: &mut Cursor) {
        let mut at = cursor.end;
        let shared = read_number(&self.records, &mut at);
        let length = read_number(&self.records, &mut at);
        let end = at + length;
        cursor.key.truncate(shared);
        cursor
            .key
            .extend_from_slice(self.records.get(at..end).unwrap_or_default());
        cursor.end = end;
    }

    /// Gives back memory that was kept for more keys.
    pub(super) fn shrink(&mut self) {
        self.records.shrink_to_fit();
        self.restarts.shrink_to_fit();
    }
}

/// Seven bits a byte, lowest first; the highest bit says that more follow.
fn write_number(out: &mut Vec<u8>, mut number: usize) {
    while number >= 0x80 {
        out.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn read_number(bytes: &[u8], at: &mut usize) -> usize {
    let (mut number, mut shift) = (0, 0);
    while let Some(byte) = bytes.get(*at) {
        *at += 1;
        number |= usize::from(byte & 0x7f) << shift;
        shift += 7;
        if byte & 0x80 == 0 || shift >= usize::BITS {
            break;
        }
    }
    number
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key(keys: &Keys, cursor: &mut Cursor, at: usize) -> Vec<u8> {
        keys.seek(cursor, at as u32);
        cursor.key.clone()
    }

    #[test]
    fn like_keys_take_little() {
        let (mut keys, mut cursor) = (Keys::default(), Cursor::default());
        let mut bytes = 0;
        for cpu in 0..100 {
            let key = format!("node_cpu_seconds_total{{cpu=\"{cpu}\",mode=\"idle\"}}");
            bytes += key.len();
            keys.push(key.as_bytes(), &mut cursor);
        }
        assert!(
            keys.records.len() * 2 < bytes,
            "{} of {bytes}",
            keys.records.len()
        );
    }

    proptest! {
        #[test]
        fn keys_come_back_wherever_one_asks(
            list in prop::collection::vec("a{0,200}[ab]{0,6}", 1..80),
            asked in prop::collection::vec(any::<prop::sample::Index>(), 1..40),
            cut in any::<prop::sample::Index>(),
        ) {
            let (mut keys, mut cursor) = (Keys::default(), Cursor::default());
            let cut = cut.index(list.len());
            let mut mark = keys.mark();
            for (i, key) in list.iter().enumerate() {
                if i == cut {
                    mark = keys.mark();
                }
                keys.push(key.as_bytes(), &mut cursor);
            }
            for index in &asked {
                let at = index.index(list.len());
                prop_assert_eq!(key(&keys, &mut cursor, at), list[at].as_bytes());
            }
            // Cut off and added again in another order.
            keys.truncate(mark);
            cursor = Cursor::default();
            prop_assert_eq!(keys.len(), cut);
            let mut again = list[..cut].to_vec();
            for key in list[cut..].iter().rev() {
                keys.push(key.as_bytes(), &mut cursor);
                again.push(key.clone());
            }
            for (at, want) in again.iter().enumerate() {
                prop_assert_eq!(key(&keys, &mut cursor, at), want.as_bytes());
            }
        }
    }
}
