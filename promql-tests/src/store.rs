//! Where scripts load their samples: any store that can be filled, asked and emptied.

use narthex_model::{Labels, SampleValue, SeriesSource};
use narthex_promql::{Engine, InstantQuery, QueryOptions, QueryOutput, RangeQuery};

use crate::script::Steps;

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

    /// Does what is to be done between loading and asking.
    ///
    /// # Errors
    /// What the store says.
    fn settle(&mut self) -> Result<(), String> {
        Ok(())
    }

    /// The answer at one time.
    ///
    /// # Errors
    /// The text of the query's error.
    fn instant(&self, engine: &Engine, query: &str, time: i64) -> Result<QueryOutput, String> {
        let query = InstantQuery {
            text: query,
            time,
            options: QueryOptions::default(),
        };
        engine
            .instant(&*self.source(), &query)
            .map_err(|error| error.to_string())
    }

    /// The answer at several times.
    ///
    /// # Errors
    /// The text of the query's error.
    fn range(&self, engine: &Engine, query: &str, steps: Steps) -> Result<QueryOutput, String> {
        let query = RangeQuery {
            text: query,
            start: steps.start,
            end: steps.end,
            step: steps.step,
            options: QueryOptions::default(),
        };
        engine
            .range(&*self.source(), &query)
            .map_err(|error| error.to_string())
    }
}
