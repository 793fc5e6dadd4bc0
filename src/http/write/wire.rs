//! The wire form of protocol buffers, read in place; every length is checked before it is believed.

/// Bytes that are no message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("proto: {what} at byte {offset} of the message")]
pub(super) struct WireError {
    what: &'static str,
    offset: usize,
}

/// The value of a field.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Value<'a> {
    Varint(u64),
    Fixed64(u64),
    Fixed32,
    Bytes(&'a [u8]),
}

/// Fields of a message, one after the other.
#[derive(Debug, Clone)]
pub(super) struct Fields<'a> {
    message: &'a [u8],
    at: usize,
}

impl<'a> Fields<'a> {
    pub(super) fn new(message: &'a [u8]) -> Self {
        Self { message, at: 0 }
    }

    /// Where the next field begins.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    /// The next field's number and value.
    pub(super) fn next_field(&mut self) -> Result<Option<(u64, Value<'a>)>, WireError> {
        if self.at >= self.message.len() {
            return Ok(None);
        }
        let key = self.varint()?;
        let value = match key & 7 {
            0 => Value::Varint(self.varint()?),
            1 => Value::Fixed64(u64::from_le_bytes(self.array()?)),
            2 => {
                let length = self.varint()?;
                let length =
                    usize::try_from(length).map_err(|_| self.wrong("a field longer than the message"))?;
                Value::Bytes(self.take(length)?)
            }
            5 => {
                let _: [u8; 4] = self.array()?;
                Value::Fixed32
            }
            _ => return Err(self.wrong("an unknown wire type")),
        };
        match key >> 3 {
            0 => Err(self.wrong("illegal field number 0")),
            number => Ok(Some((number, value))),
        }
    }

    /// The next number of a packed list, which has no keys.
    pub(super) fn next_packed(&mut self) -> Result<Option<u64>, WireError> {
        if self.at >= self.message.len() {
            return Ok(None);
        }
        self.varint().map(Some)
    }

    fn varint(&mut self) -> Result<u64, WireError> {
        let mut value = 0_u64;
        for shift in (0..70).step_by(7) {
            let byte = *self.message.get(self.at).ok_or(self.wrong("unexpected EOF"))?;
            self.at += 1;
            if shift == 63 && byte > 1 {
                break;
            }
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(self.wrong("integer overflow"))
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], WireError> {
        let bytes = self.take(N)?;
        bytes.try_into().map_err(|_| self.wrong("unexpected EOF"))
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], WireError> {
        let end = self.at.checked_add(length);
        let bytes = end
            .and_then(|end| self.message.get(self.at..end))
            .ok_or(self.wrong("unexpected EOF"))?;
        self.at += length;
        Ok(bytes)
    }

    fn wrong(&self, what: &'static str) -> WireError {
        WireError {
            what,
            offset: self.at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_every_type() {
        let message = [
            0x08, 0x96, 0x01, 0x11, 1, 0, 0, 0, 0, 0, 0, 0, 0x1a, 2, b'h', b'i', 0x25, 1, 2, 3, 4,
        ];
        let mut fields = Fields::new(&message);
        assert_eq!(fields.next_field(), Ok(Some((1, Value::Varint(150)))));
        assert_eq!(fields.next_field(), Ok(Some((2, Value::Fixed64(1)))));
        assert_eq!(fields.next_field(), Ok(Some((3, Value::Bytes(b"hi")))));
        assert_eq!(fields.next_field(), Ok(Some((4, Value::Fixed32))));
        assert_eq!(fields.next_field(), Ok(None));
    }

    #[test]
    fn broken_messages_are_errors() {
        for message in [
            &[0x08][..],
            &[0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02],
            &[0x11, 1, 2],
            &[0x1a, 200, b'h'],
            &[0x1a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
            &[0x0b],
            &[0x00, 0x00],
        ] {
            assert!(Fields::new(message).next_field().is_err(), "{message:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_panic_or_loop(message: Vec<u8>) {
            let mut fields = Fields::new(&message);
            let mut count = 0;
            while let Ok(Some(_)) = fields.next_field() {
                count += 1;
            }
            assert!(count <= message.len());
        }
    }
}
