//! Any bytes as a file of chunks, as its sections, and as a chunk in a group.
#![no_main]

use libfuzzer_sys::fuzz_target;
use narthex_format::segment::{Chunk, ChunkDecoder, ChunksFile, Columns, Directory, GroupCache, Groups, Plans, SEGMENT};

fuzz_target!(|data: &[u8]| {
    let mut decoder = ChunkDecoder::default();
    if let Ok(file) = ChunksFile::open(data, &SEGMENT) {
        let mut lists = Vec::new();
        let _ = file.directory().for_each(|_, list| lists.push(list));
        let mut cache = GroupCache::default();
        for place in lists.iter().filter_map(|list| file.chunks(list).ok()).flatten() {
            if let Ok(chunk) = file.chunk(place, &mut cache) {
                let _ = chunk.floats(&mut decoder, &mut Vec::new());
            }
        }
    }
    if let Ok(directory) = Directory::open(data) {
        let _ = directory.find(7);
        let _ = directory.for_each(|_, _| {});
    }
    if let Ok(columns) = Columns::open(data) {
        let _ = columns.read(0, &mut decoder.times, &mut Vec::new());
    }
    let Some((table, rest)) = data.split_at_checked(20) else { return };
    if let Ok(groups) = Groups::open(table, rest) {
        let _ = groups.group(0).and_then(|group| groups.read(&group, &mut Vec::new()));
    }
    let Ok(shapes) = Plans::open(table).and_then(|plans| plans.get(0)) else { return };
    for shape in shapes {
        let Ok(chunk) = Chunk::open(rest, shape) else { continue };
        let _ = chunk.times(&[1, 2, 3], &mut decoder, &mut Vec::new());
        let _ = chunk.starts(&mut decoder, &mut Vec::new());
        let _ = chunk.floats(&mut decoder, &mut Vec::new());
        let _ = chunk.histograms(&mut decoder, &mut Vec::new());
        let _ = chunk.float_histograms(&mut decoder, &mut Vec::new());
    }
});
