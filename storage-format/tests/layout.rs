//! Sizes and offsets that the spec pages state.

use narthex_format::wal::SegmentHeader;
use narthex_format::{catalog, cursor, frame, header, index, sections, segment, tombstones};

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
    let kinds = [
        narthex_format::wal::segment::KIND,
        catalog::LOG,
        catalog::SNAPSHOT,
        segment::SEGMENT,
        segment::CHUNKS,
        index::KIND,
        tombstones::KIND,
        cursor::KIND,
    ];
    let magics = kinds.map(|kind| kind.magic);
    for (i, magic) in magics.iter().enumerate() {
        assert!(!magics[..i].contains(magic));
    }
}

#[test]
fn a_footer_has_its_fields_where_the_page_says() {
    let mut file = Vec::new();
    let header = header::FileHeader { number: 1, id: 2 };
    let mut writer = sections::SectionWriter::new(&index::KIND, header, &mut file);
    writer.section(5, b"123456789", &mut file).unwrap();
    writer.finish(&mut file);
    assert_eq!(
        file.len(),
        header::LENGTH + 9 + sections::ENTRY_LENGTH + sections::TRAILER_LENGTH
    );
    let entry = &file[header::LENGTH + 9..];
    assert_eq!(&entry[0..4], [5, 0, 0, 0]);
    assert_eq!(&entry[4..8], 0xe306_9283_u32.to_le_bytes());
    assert_eq!(&entry[8..24], [32, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(&entry[24..28], [1, 0, 0, 0]);
    assert_eq!(&entry[32..40], (file.len() as u64).to_le_bytes());
    assert_eq!(&entry[40..48], sections::END_MAGIC);
}
