//! The wire form of protocol buffers, read in place; every length is checked before it is believed.

/// Why a page is no sequence of metric families, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} (byte {offset} of the page)")]
pub struct ProtobufError {
    /// What is wrong.
    pub message: String,
    /// Where in the page, in bytes from its start.
    pub offset: usize,
}

/// The value of a field.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Value<'a> {
    Varint(u64),
    Fixed64(u64),
    Fixed32,
    Message(Message<'a>),
}

/// Bytes of a message (or a text, or packed numbers) and where they stand in the page.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Message<'a> {
    pub(super) bytes: &'a [u8],
    /// Where the message begins in the page.
    pub(super) offset: usize,
}

impl<'a> Message<'a> {
    pub(super) fn fields(self) -> Fields<'a> {
        Fields { message: self, at: 0 }
    }

    /// The message as text.
    pub(super) fn text(self, what: &str) -> Result<&'a str, ProtobufError> {
        std::str::from_utf8(self.bytes).map_err(|e| ProtobufError {
            message: format!("proto: {what} is not valid UTF-8"),
            offset: self.offset + e.valid_up_to(),
        })
    }
}

/// Fields of a message, one after the other.
#[derive(Debug, Clone)]
pub(super) struct Fields<'a> {
    message: Message<'a>,
    at: usize,
}

impl<'a> Fields<'a> {
    /// Bytes read so far.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    /// Whether everything has been read.
    pub(super) fn is_at_end(&self) -> bool {
        self.at >= self.message.bytes.len()
    }

    /// The next field's number and value.
    pub(super) fn next_field(&mut self) -> Result<Option<(u64, Value<'a>)>, ProtobufError> {
        if self.is_at_end() {
            return Ok(None);
        }
        let key = self.varint()?;
        let value = match key & 7 {
            0 => Value::Varint(self.varint()?),
            1 => Value::Fixed64(self.fixed64()?),
            2 => Value::Message(self.delimited()?),
            5 => {
                self.take(4)?;
                Value::Fixed32
            }
            _ => return Err(self.wrong("an unknown wire type")),
        };
        match key >> 3 {
            0 => Err(self.wrong("illegal field number 0")),
            number => Ok(Some((number, value))),
        }
    }

    /// A length and as many bytes.
    pub(super) fn delimited(&mut self) -> Result<Message<'a>, ProtobufError> {
        let length = self.varint()?;
        let length = usize::try_from(length).map_err(|_| self.wrong("a message longer than the page"))?;
        self.take(length)
    }

    pub(super) fn varint(&mut self) -> Result<u64, ProtobufError> {
        let mut value = 0_u64;
        for shift in (0..70).step_by(7) {
            let byte = *self
                .message
                .bytes
                .get(self.at)
                .ok_or_else(|| self.wrong("unexpected end"))?;
            self.at += 1;
            if shift == 63 && byte > 1 {
                break;
            }
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(self.wrong("a varint that is too long"))
    }

    pub(super) fn fixed64(&mut self) -> Result<u64, ProtobufError> {
        let bytes = self.take(8)?.bytes;
        let array = <[u8; 8]>::try_from(bytes).map_err(|_| self.wrong("unexpected end"))?;
        Ok(u64::from_le_bytes(array))
    }

    fn take(&mut self, length: usize) -> Result<Message<'a>, ProtobufError> {
        let end = self.at.checked_add(length);
        let bytes = end
            .and_then(|end| self.message.bytes.get(self.at..end))
            .ok_or_else(|| self.wrong("unexpected end"))?;
        let offset = self.message.offset + self.at;
        self.at += length;
        Ok(Message { bytes, offset })
    }

    pub(super) fn wrong(&self, what: &str) -> ProtobufError {
        ProtobufError {
            message: format!("proto: {what}"),
            offset: self.message.offset + self.at,
        }
    }
}

/// The number of a `sint` field.
pub(super) fn zigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}
