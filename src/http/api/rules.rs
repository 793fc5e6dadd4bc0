//! `/api/v1/rules`, `/api/v1/alerts`, `/api/v1/alertmanagers`: what is loaded; no rules run yet, so the lists are empty.

use serde::Serialize;

use super::super::body::Reply;
use super::super::call::Call;
use super::super::params::{boolean, matcher_sets, parse_int, well_formed};
use super::super::problem::Problem;
use super::data::value;

#[derive(Serialize)]
struct Groups {
    groups: [(); 0],
}

#[derive(Serialize)]
struct Alerts {
    alerts: [(); 0],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Alertmanagers {
    active_alertmanagers: [(); 0],
    dropped_alertmanagers: [(); 0],
}

/// Rule groups.
pub(crate) async fn rules(call: Call) -> Result<Reply, Problem> {
    let form = call.url_form();
    well_formed(&form)?;
    matcher_sets(&form).map_err(Problem::bad_data)?;
    let kind = form.get("type");
    if !["", "alert", "record"].contains(&kind.to_lowercase().as_str()) {
        return Err(Problem::invalid(
            "type",
            format!("not supported value \"{kind}\""),
        ));
    }
    boolean(&form, "exclude_alerts", false)?;
    let token = form.get("group_next_token");
    match form.get("group_limit") {
        "" if !token.is_empty() => {
            return Err(Problem::invalid(
                "group_limit",
                "group_limit needs to be present in order to paginate over the groups",
            ));
        }
        "" => {}
        text => {
            let limit = parse_int(text).map_err(|reason| Problem::invalid("group_limit", reason))?;
            if limit <= 0 {
                return Err(Problem::invalid(
                    "group_limit",
                    "group_limit needs to be greater than 0",
                ));
            }
        }
    }
    if !token.is_empty() {
        return Err(Problem::bad_data(format!(
            "invalid group_next_token '{token}'. were rule groups changed?"
        )));
    }
    Ok(value(&Groups { groups: [] }))
}

/// Alerts that are pending or firing.
pub(crate) async fn alerts(_: Call) -> Result<Reply, Problem> {
    Ok(value(&Alerts { alerts: [] }))
}

/// Alertmanagers that alerts are sent to.
pub(crate) async fn alertmanagers(_: Call) -> Result<Reply, Problem> {
    Ok(value(&Alertmanagers {
        active_alertmanagers: [],
        dropped_alertmanagers: [],
    }))
}
