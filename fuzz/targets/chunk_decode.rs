//! Any bytes as chunks of values, times and histograms; any values there and back.
#![no_main]

use libfuzzer_sys::fuzz_target;
use narthex_format::chunk::{HistogramDecoder, TimeDecoder, ValueDecoder, decode, encode};

fuzz_target!(|data: &[u8]| {
    let Some((head, rest)) = data.split_first_chunk::<2>() else { return };
    let count = usize::from(u16::from_le_bytes(*head));
    let mut values = Vec::new();
    let _ = ValueDecoder::default().decode(rest, count, &mut values);
    assert!(values.len() <= count);
    let _ = TimeDecoder::default().decode(rest, count, &mut Vec::new());
    let _ = HistogramDecoder::default().decode::<u64, i64>(rest, count, &mut Vec::new());
    let _ = HistogramDecoder::default().decode::<f64, f64>(rest, count, &mut Vec::new());

    let values: Vec<f64> =
        rest.as_chunks::<8>().0.iter().take(1_024).map(|bytes| f64::from_bits(u64::from_le_bytes(*bytes))).collect();
    if let Ok(chunk) = encode(&values) {
        let mut read = Vec::new();
        assert!(decode(&chunk, values.len(), &mut read).is_ok());
        assert!(read.iter().map(|v| v.to_bits()).eq(values.iter().map(|v| v.to_bits())));
    }
});
