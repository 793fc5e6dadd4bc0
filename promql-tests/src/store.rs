//! Where scripts load their samples: any store that can be filled, asked and emptied.

use narthex_model::{Labels, SampleValue, SeriesSource};

/// One sample of a script.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Unix milliseconds.
    pub time: i64,
    /// The value.
    pub value: SampleValue,
    /// Start time in Unix milliseconds; 0: not known.
    pub start_time: i64,
}

/// A store under test.
pub trait Store {
    /// What the store is called in reports.
    fn name(&self) -> &'static str;

    /// Forgets everything.
    ///
    /// # Errors
    /// What the store says.
    fn clear(&mut self) -> Result<(), String>;

    /// Appends samples, series by series, each ascending in time.
    ///
    /// # Errors
    /// What the store says of samples that it did not accept.
    fn append(&mut self, series: &[(Labels, Vec<Sample>)]) -> Result<(), String>;

    /// The store as the engine reads it.
    fn source(&self) -> Box<dyn SeriesSource + '_>;
}
