//! Where a tool reads and writes, so that a test can stand in for the terminal.

use std::io::{self, Read, Write};

/// Exit code of a tool that did what it was asked.
pub(super) const DONE: u8 = 0;
/// Exit code of a tool that failed.
pub(super) const FAILED: u8 = 1;
/// Exit code where only a linter found something.
pub(super) const LINT: u8 = 3;

/// Input and outputs of a tool.
pub struct Streams<'a> {
    /// What is read where no file is named.
    pub input: &'a mut dyn Read,
    /// Answers.
    pub out: &'a mut dyn Write,
    /// Faults.
    pub err: &'a mut dyn Write,
}

impl Streams<'_> {
    /// Writes a line to the output.
    pub(super) fn say(&mut self, line: impl AsRef<str>) -> io::Result<()> {
        self.out.write_all(line.as_ref().as_bytes())?;
        self.out.write_all(b"\n")
    }

    /// Writes a line to where faults go; nobody is left to tell when it is gone.
    pub(super) fn complain(&mut self, line: impl AsRef<str>) {
        // What was said before stands before it.
        let _ = self.out.flush();
        let _ = self.err.write_all(line.as_ref().as_bytes());
        let _ = self.err.write_all(b"\n");
    }
}
