//! Functions of a time: year, month, day and clock in UTC.

/// A function of Unix seconds by its name in the language, if that is what the name stands for.
///
/// The seconds are truncated to a whole number first, as Go converts a float.
#[must_use]
pub fn date_function(name: &str) -> Option<fn(f64) -> f64> {
    Some(match name {
        "minute" => |s| (second_of_day(s) / 60 % 60) as f64,
        "hour" => |s| (second_of_day(s) / 3_600) as f64,
        // 1970-01-01 was a Thursday.
        "day_of_week" => |s| (day(s) + 4).rem_euclid(7) as f64,
        "day_of_month" => |s| Date::of(s).day as f64,
        "day_of_year" => |s| Date::of(s).day_of_year() as f64,
        "days_in_month" => |s| {
            let date = Date::of(s);
            days_in_month(date.year, date.month) as f64
        },
        "month" => |s| Date::of(s).month as f64,
        "year" => |s| Date::of(s).year as f64,
        _ => return None,
    })
}

const DAY_SECONDS: i64 = 86_400;

/// 2^63, the first float that no i64 holds.
const I64_LIMIT: f64 = 9_223_372_036_854_775_808.0;

/// Go (amd64) makes the smallest integer of what no i64 can hold.
fn whole_seconds(seconds: f64) -> i64 {
    if seconds.is_nan() || seconds.abs() >= I64_LIMIT {
        i64::MIN
    } else {
        seconds as i64
    }
}

fn day(seconds: f64) -> i64 {
    whole_seconds(seconds).div_euclid(DAY_SECONDS)
}

fn second_of_day(seconds: f64) -> i64 {
    whole_seconds(seconds).rem_euclid(DAY_SECONDS)
}

/// A day of the proleptic Gregorian calendar; month and day count from 1.
struct Date {
    year: i64,
    month: i64,
    day: i64,
}

impl Date {
    /// The day that holds these Unix seconds.
    ///
    /// Counts in eras of 400 years that begin on 1 March, so that the leap day is the last of its year
    /// (Howard Hinnant, "chrono-compatible low-level date algorithms").
    fn of(seconds: f64) -> Self {
        let days = day(seconds) + 719_468;
        let era = days.div_euclid(146_097);
        let day_of_era = days.rem_euclid(146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let month = if shifted_month < 10 {
            shifted_month + 3
        } else {
            shifted_month - 9
        };
        Self {
            year: year_of_era + era * 400 + i64::from(month <= 2),
            month,
            day: day_of_year - (153 * shifted_month + 2) / 5 + 1,
        }
    }

    fn day_of_year(&self) -> i64 {
        (1..self.month)
            .map(|month| days_in_month(self.year, month))
            .sum::<i64>()
            + self.day
    }
}

const fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_fall_apart_into_the_parts_of_their_date() {
        // Seconds; year, month, day, weekday, day of the year, days in the month, hour, minute.
        for (seconds, parts) in [
            (0.0, [1970, 1, 1, 4, 1, 31, 0, 0]),
            (1_136_239_445.9, [2006, 1, 2, 1, 2, 31, 22, 4]),
            (951_782_399.0, [2000, 2, 28, 1, 59, 29, 23, 59]),
            (951_782_400.0, [2000, 2, 29, 2, 60, 29, 0, 0]),
            (4_107_542_400.0, [2100, 3, 1, 1, 60, 31, 0, 0]),
            (-1.0, [1969, 12, 31, 3, 365, 31, 23, 59]),
            (-0.5, [1970, 1, 1, 4, 1, 31, 0, 0]),
        ] {
            let names = [
                "year",
                "month",
                "day_of_month",
                "day_of_week",
                "day_of_year",
                "days_in_month",
                "hour",
                "minute",
            ];
            for (name, part) in names.iter().zip(parts) {
                let function = date_function(name).unwrap();
                assert_eq!(function(seconds), f64::from(part), "{name} of {seconds}");
            }
        }
    }

    #[test]
    fn values_that_are_no_time_do_not_panic() {
        for seconds in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300, -1e300] {
            for name in [
                "year",
                "month",
                "day_of_month",
                "day_of_year",
                "days_in_month",
                "hour",
            ] {
                let _ = date_function(name).unwrap()(seconds);
            }
        }
    }
}
