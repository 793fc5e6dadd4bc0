//! What stands around every answer: status, data, error, warnings and infos, in this order.
use narthex_model::{Annotations, Severity};

use super::chunks::{Chunks, Framed};
use super::text::write_text;

/// How many warnings, and how many infos, an answer carries; more are counted in one further line.
const MOST_ANNOTATIONS: usize = 10;

/// A success with `data` and what was noticed on the way.
pub(crate) fn success(data: Box<dyn Chunks>, annotations: &Annotations) -> Framed {
    let mut after = Vec::new();
    write_annotations(&mut after, annotations);
    after.push(b'}');
    Framed::new(br#"{"status":"success","data":"#.to_vec(), data, after)
}

/// An error, with what was noticed on the way.
pub(crate) fn error(kind: &str, text: &str, annotations: &Annotations) -> Vec<u8> {
    let mut out = br#"{"status":"error","errorType":"#.to_vec();
    write_text(&mut out, kind);
    out.extend_from_slice(br#","error":"#);
    write_text(&mut out, text);
    write_annotations(&mut out, annotations);
    out.push(b'}');
    out
}

fn write_annotations(out: &mut Vec<u8>, annotations: &Annotations) {
    for (severity, key, word) in [
        (Severity::Warning, &br#","warnings":["#[..], "warning"),
        (Severity::Info, &br#","infos":["#[..], "info"),
    ] {
        let count = annotations.texts(severity).count();
        if count == 0 {
            continue;
        }
        out.extend_from_slice(key);
        for (i, text) in annotations.texts(severity).take(MOST_ANNOTATIONS).enumerate() {
            if i > 0 {
                out.push(b',');
            }
            write_text(out, text);
        }
        if count > MOST_ANNOTATIONS {
            out.push(b',');
            let left = count - MOST_ANNOTATIONS;
            write_text(out, &format!("{left} more {word} annotations omitted"));
        }
        out.push(b']');
    }
}

#[cfg(test)]
mod tests {
    use super::super::chunks::{Whole, collect};
    use super::*;

    #[test]
    fn keys_stand_in_order_and_annotations_are_capped() {
        let mut annotations = Annotations::default();
        annotations.add(Severity::Info, "i");
        for i in 0..13 {
            annotations.add(Severity::Warning, format!("w{i:02}"));
        }
        let (text, _) = collect(success(Box::new(Whole(b"[]".to_vec())), &annotations));
        assert_eq!(
            text,
            r#"{"status":"success","data":[],"warnings":["w00","w01","w02","w03","w04","w05","w06","w07","w08","w09","3 more warning annotations omitted"],"infos":["i"]}"#
        );
        assert_eq!(
            String::from_utf8(error("bad_data", "a<b", &Annotations::default())).unwrap(),
            r#"{"status":"error","errorType":"bad_data","error":"a\u003cb"}"#
        );
    }
}
