//! Sizes and offsets that the spec pages state.

use narthex_format::wal::SegmentHeader;
use narthex_format::{catalog, frame, header};

#[test]
fn a_file_header_has_its_fields_where_the_page_says() {
    let bytes = SegmentHeader {
        number: 0x0102_0304_0506_0708,
        id: 0x1112_1314_1516_1718,
    }
    .encode();
    assert_eq!(bytes.len(), header::LENGTH);
    assert_eq!(&bytes[0..8], b"NXWAL\r\n\0");
    assert_eq!(&bytes[8..12], [1, 0, 0, 0]);
    assert_eq!(&bytes[12..20], [8, 7, 6, 5, 4, 3, 2, 1]);
    assert_eq!(&bytes[20..28], [0x18, 0x17, 0x16, 0x15, 0x14, 0x13, 0x12, 0x11]);
}

#[test]
fn a_frame_has_its_fields_where_the_page_says() {
    let mut bytes = Vec::new();
    frame::write_frame(&mut bytes, 1, 32, b"123456789").unwrap();
    assert_eq!(bytes.len(), frame::FRAME_HEADER_LENGTH + 9);
    assert_eq!(&bytes[0..4], frame::MARKER);
    assert_eq!(&bytes[4..8], [9, 0, 0, 0]);
    assert_eq!(&bytes[8..12], 0xe306_9283_u32.to_le_bytes());
    assert_eq!(&bytes[16..], b"123456789");
}

#[test]
fn no_two_kinds_of_file_share_a_magic() {
    let magics = [
        narthex_format::wal::segment::KIND.magic,
        catalog::LOG.magic,
        catalog::SNAPSHOT.magic,
    ];
    for (i, magic) in magics.iter().enumerate() {
        assert!(!magics[..i].contains(magic));
    }
}
