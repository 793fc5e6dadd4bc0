//! Upper and lower case, one character for one, as Go maps them: no context, no growing texts.

/// `text` in upper case.
pub(super) fn upper(text: &str) -> String {
    text.chars().map(upper_char).collect()
}

/// `text` in lower case.
pub(super) fn lower(text: &str) -> String {
    text.chars().map(lower_char).collect()
}

fn upper_char(c: char) -> char {
    let mut mapped = c.to_uppercase();
    match (mapped.next(), mapped.next()) {
        (Some(one), None) => one,
        // Characters that grow in upper case have no mapping of their own, but for Greek with a iota below.
        _ => match c as u32 {
            code @ (0x1f80..=0x1f87 | 0x1f90..=0x1f97 | 0x1fa0..=0x1fa7) => {
                char::from_u32(code + 8).unwrap_or(c)
            }
            code @ (0x1fb3 | 0x1fc3 | 0x1ff3) => char::from_u32(code + 9).unwrap_or(c),
            _ => c,
        },
    }
}

fn lower_char(c: char) -> char {
    let mut mapped = c.to_lowercase();
    match (mapped.next(), mapped.next()) {
        (Some(one), None) => one,
        // The only one that grows: a capital i with a dot.
        _ => 'i',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_character_becomes_one() {
        for (text, up, low) in [
            ("aBc", "ABC", "abc"),
            ("straße", "STRAßE", "straße"),
            ("ΟΔΟΣ", "ΟΔΟΣ", "οδοσ"),
            ("ᾳ", "ᾼ", "ᾳ"),
            ("İ", "İ", "i"),
            ("ŉ", "ŉ", "ŉ"),
        ] {
            assert_eq!((upper(text).as_str(), lower(text).as_str()), (up, low), "{text}");
        }
        let grows = (0..=0x10_ffff)
            .filter_map(char::from_u32)
            .filter(|c| c.to_lowercase().count() > 1);
        assert_eq!(grows.collect::<Vec<_>>(), ['İ']);
    }
}
