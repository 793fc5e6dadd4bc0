//! Times as they stand before the values of a series, kept from series to series: those of one answer mostly have the
//! same.
use super::number::write_timestamp;

/// Times that are kept.
const KEPT: usize = if cfg!(test) { 3 } else { 4_096 };
/// Bytes of the longest text: `,[-9223372036854775.807,"`.
const LENGTH: usize = 32;

/// `,[1435781430.781,"` for each time, as far as they have come in order.
#[derive(Default)]
pub(super) struct TimeTexts {
    kept: Vec<Kept>,
    /// Where the next time may be.
    next: usize,
    text: Vec<u8>,
}

struct Kept {
    time: i64,
    length: usize,
    text: [u8; LENGTH],
}

impl TimeTexts {
    /// The text of a time.
    pub(super) fn get(&mut self, time: i64) -> &[u8] {
        if self.kept.get(self.next).is_none_or(|kept| kept.time != time) {
            match self.kept.binary_search_by_key(&time, |kept| kept.time) {
                Ok(at) => self.next = at,
                Err(at) => return self.write(time, at),
            }
        }
        let at = self.next;
        self.next += 1;
        let kept = self.kept.get(at);
        kept.and_then(|kept| kept.text.get(..kept.length)).unwrap_or(&[])
    }

    /// A time that is not kept; kept from now on if it is the latest.
    fn write(&mut self, time: i64, at: usize) -> &[u8] {
        self.text.clear();
        self.text.extend_from_slice(b",[");
        write_timestamp(&mut self.text, time);
        self.text.extend_from_slice(b",\"");
        let mut text = [0; LENGTH];
        if let Some(place) = text.get_mut(..self.text.len())
            && at == self.kept.len()
            && at < KEPT
        {
            place.copy_from_slice(&self.text);
            let length = self.text.len();
            self.kept.push(Kept { time, length, text });
            self.next = at + 1;
        }
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_their_text_however_they_come() {
        let mut texts = TimeTexts::default();
        let first = [10_000, 20_500, 30_000, 40_000];
        let odd = [-1_500, 20_500, 25_000, 40_000, i64::MIN, i64::MAX, 10_000, 0];
        for time in [&first[..], &first, &odd, &first[1..], &odd].concat() {
            let mut expected = b",[".to_vec();
            write_timestamp(&mut expected, time);
            expected.extend_from_slice(b",\"");
            assert_eq!(texts.get(time), expected, "{time}");
        }
        assert_eq!(texts.kept.len(), KEPT);
    }
}
