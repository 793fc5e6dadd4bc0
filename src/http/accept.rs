//! Which form a page of metrics has: what the client likes best of what it names in `Accept`.

/// The forms of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PageForm {
    /// Text, version 0.0.4.
    Classic,
    /// OpenMetrics 1.0.
    OpenMetrics,
    /// Delimited messages.
    Protobuf,
}

impl PageForm {
    /// The form that an offer names, if its parameters allow it.
    fn of(offer: &str) -> Option<Self> {
        match offer.split(';').next()?.trim() {
            "text/plain" => Some(Self::Classic),
            "application/openmetrics-text" => Some(Self::OpenMetrics),
            "application/vnd.google.protobuf"
                if parameter(offer, "proto") == Some("io.prometheus.client.MetricFamily")
                    && parameter(offer, "encoding") == Some("delimited") =>
            {
                Some(Self::Protobuf)
            }
            _ => None,
        }
    }
}

/// The form of those in `known` that the header likes best, and whether names may hold any character. Of equal offers
/// the first one wins; classic text where nothing fits. Source: Prometheus `common/expfmt`.
pub(super) fn choose(accept: &str, known: &[PageForm]) -> (PageForm, bool) {
    let weight = |offer: &str| match parameter(offer, "q") {
        Some(q) => q.parse::<f64>().unwrap_or(1.0),
        None => 1.0,
    };
    let mut best: Option<(f64, PageForm, &str)> = None;
    for offer in accept.split(',') {
        let form = PageForm::of(offer).filter(|form| known.contains(form));
        let q = weight(offer);
        if let Some(form) = form
            && q > best.map_or(0.0, |(q, ..)| q)
        {
            best = Some((q, form, offer));
        }
    }
    best.map_or((PageForm::Classic, false), |(_, form, offer)| {
        (form, parameter(offer, "escaping") == Some("allow-utf-8"))
    })
}

fn parameter<'o>(offer: &'o str, name: &str) -> Option<&'o str> {
    let mut parameters = offer.split(';').skip(1).filter_map(|part| part.split_once('='));
    let (_, value) = parameters.find(|(key, _)| key.trim().eq_ignore_ascii_case(name))?;
    Some(value.trim().trim_matches('"'))
}

#[cfg(test)]
mod tests {
    use super::PageForm::{Classic, OpenMetrics, Protobuf};
    use super::*;

    #[test]
    fn the_offer_with_the_highest_weight_is_taken() {
        const PROTOBUF: &str =
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited";
        let default = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
        let all = [Classic, OpenMetrics, Protobuf];
        for (accept, known, form) in [
            (default, &all[..], (OpenMetrics, true)),
            (default, &[Classic], (Classic, false)),
            ("text/plain;version=0.0.4", &all, (Classic, false)),
            ("*/*", &all, (Classic, false)),
            ("", &all, (Classic, false)),
            (
                "text/plain, application/openmetrics-text;q=0.5",
                &all,
                (Classic, false),
            ),
            ("application/openmetrics-text;q=0", &all, (Classic, false)),
            (
                &format!("{PROTOBUF};q=0.5,text/plain;q=0.4"),
                &all,
                (Protobuf, false),
            ),
            (
                &format!("{PROTOBUF}; escaping=allow-utf-8"),
                &all,
                (Protobuf, true),
            ),
            (
                &format!("{PROTOBUF};q=0.5,text/plain;q=0.6"),
                &all,
                (Classic, false),
            ),
            (
                "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=text",
                &all,
                (Classic, false),
            ),
        ] {
            assert_eq!(choose(accept, known), form, "{accept}");
        }
    }
}
