//! Functions of one number, and of the calendar.

/// The function of one number, if it is one.
pub(super) fn math(function: &str, v: f64) -> Option<f64> {
    Some(match function {
        "abs" => v.abs(),
        "ceil" => v.ceil(),
        "floor" => v.floor(),
        "exp" => v.exp(),
        "ln" => v.ln(),
        "log2" => v.log2(),
        "log10" => v.log10(),
        "sqrt" => v.sqrt(),
        "sin" => v.sin(),
        "cos" => v.cos(),
        "tan" => v.tan(),
        "asin" => v.asin(),
        "acos" => v.acos(),
        "atan" => v.atan(),
        "sinh" => v.sinh(),
        "cosh" => v.cosh(),
        "tanh" => v.tanh(),
        "asinh" => v.asinh(),
        "acosh" => v.acosh(),
        "atanh" => v.atanh(),
        "deg" => v * 180.0 / std::f64::consts::PI,
        "rad" => v * std::f64::consts::PI / 180.0,
        "sgn" if v > 0.0 => 1.0,
        "sgn" if v < 0.0 => -1.0,
        "sgn" => v,
        _ => return None,
    })
}

/// To the nearest multiple of `to`; what lies in the middle goes up.
pub(super) fn round(v: f64, to: f64) -> f64 {
    let inverse = 1.0 / to;
    (v * inverse + 0.5).floor() / inverse
}

/// The smaller number, or with `sign` -1 the larger; NaN if one is NaN, unless the other is the last of all.
pub(super) fn smaller(a: f64, b: f64, sign: f64) -> f64 {
    let last = -sign * f64::INFINITY;
    if a == last || b == last {
        last
    } else if a.is_nan() || b.is_nan() {
        f64::NAN
    } else if sign * b < sign * a {
        b
    } else {
        a
    }
}

/// The function of a time in Unix seconds (UTC), if it is one. Counts day by day from 1970 on.
pub(super) fn calendar(function: &str, time: f64) -> Option<f64> {
    let seconds = time as i64;
    let days = seconds.div_euclid(86_400);
    let (mut year, mut left) = (1970_i64, days);
    while left < 0 {
        year -= 1;
        left += year_length(year);
    }
    while left >= year_length(year) {
        left -= year_length(year);
        year += 1;
    }
    let day_of_year = left + 1;
    let mut month = 1;
    while left >= month_length(year, month) {
        left -= month_length(year, month);
        month += 1;
    }
    let found = match function {
        "minute" => seconds.rem_euclid(3_600) / 60,
        "hour" => seconds.rem_euclid(86_400) / 3_600,
        "day_of_week" => (days + 4).rem_euclid(7),
        "day_of_month" => left + 1,
        "day_of_year" => day_of_year,
        "days_in_month" => month_length(year, month),
        "month" => month,
        "year" => year,
        _ => return None,
    };
    Some(found as f64)
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn year_length(year: i64) -> i64 {
    if is_leap(year) { 366 } else { 365 }
}

fn month_length(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}
