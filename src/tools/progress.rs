//! A bar that says how far long work has come, on a terminal only.

use std::io::{IsTerminal, Write};

/// How many steps pass between two looks at the line.
const STEPS: u64 = 4_096;
/// Characters of the bar.
const WIDTH: u64 = 40;

/// A line that is written over itself, on standard error if that is a terminal.
pub(super) struct Progress {
    what: &'static str,
    all: u64,
    done: u64,
    shown: Option<u64>,
    visible: bool,
}

impl Progress {
    /// A line for `all` steps.
    pub(super) fn new(what: &'static str, all: u64) -> Self {
        let visible = std::io::stderr().is_terminal() && all >= STEPS;
        Self {
            what,
            all: all.max(1),
            done: 0,
            shown: None,
            visible,
        }
    }

    /// Notes that so many further steps are done.
    pub(super) fn step(&mut self, steps: u64) {
        self.done = self.done.saturating_add(steps);
        let percent = self.done.saturating_mul(100) / self.all;
        if self.visible && self.shown != Some(percent) {
            self.shown = Some(percent);
            let _ = write!(std::io::stderr(), "\r{}", bar(self.what, percent));
        }
    }
}

fn bar(what: &str, percent: u64) -> String {
    let full = (percent.min(100) * WIDTH / 100) as usize;
    let (full, empty) = ("#".repeat(full), "-".repeat(WIDTH as usize - full));
    format!("{what} [{full}{empty}] {percent:>3} %")
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.shown.is_some() {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::bar;

    #[test]
    fn a_bar_fills() {
        assert_eq!(bar("series", 0), format!("series [{}]   0 %", "-".repeat(40)));
        assert_eq!(
            bar("series", 51),
            format!("series [{}{}]  51 %", "#".repeat(20), "-".repeat(20))
        );
        assert_eq!(bar("series", 100), format!("series [{}] 100 %", "#".repeat(40)));
    }
}
