//! What a flag is: its name, the values it takes, its default and what it does here.

/// The values that a flag takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `--x` or `--no-x`.
    Switch,
    /// Any text.
    Text,
    /// Any text, any number of times.
    Texts,
    /// A duration in Prometheus's notation.
    Duration,
    /// A size with its unit.
    Size,
    /// A whole number.
    Whole,
    /// A number.
    Number,
    /// One of these words.
    OneOf(&'static [&'static str]),
}

/// What a flag does here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// What its help says.
    Acts,
    /// Nothing; the reason is logged once when it is given.
    Ignored(&'static str),
    /// Nothing: Prometheus has it no longer. The reason is logged once when it is given.
    Removed(&'static str),
    /// The process does not start; the reason says why.
    Refused(&'static str),
    /// Only in Prometheus's agent mode, which does not exist here.
    AgentOnly,
}

/// A flag.
#[derive(Debug, Clone, Copy)]
pub struct Flag {
    /// Its name without dashes.
    pub name: &'static str,
    /// Its values.
    pub kind: Kind,
    /// Its default, as text; empty for none.
    pub default: &'static str,
    /// What it is for.
    pub help: &'static str,
    /// Whether only `--help-long` shows it.
    pub hidden: bool,
    /// Whether Prometheus does not know it.
    pub ours: bool,
    /// What it does here.
    pub effect: Effect,
}

impl Flag {
    /// A flag that acts.
    #[must_use]
    pub const fn new(name: &'static str, kind: Kind, default: &'static str, help: &'static str) -> Self {
        Self {
            name,
            kind,
            default,
            help,
            hidden: false,
            ours: false,
            effect: Effect::Acts,
        }
    }

    /// A switch that is off and acts.
    #[must_use]
    pub const fn switch(name: &'static str, help: &'static str) -> Self {
        Self::new(name, Kind::Switch, "false", help)
    }

    /// The same, shown by `--help-long` only.
    #[must_use]
    pub const fn hidden(mut self) -> Self {
        self.hidden = true;
        self
    }

    /// The same, unknown to Prometheus.
    #[must_use]
    pub const fn ours(mut self) -> Self {
        self.ours = true;
        self
    }

    /// The same, with another effect.
    #[must_use]
    pub const fn effect(mut self, effect: Effect) -> Self {
        self.effect = effect;
        self
    }

    /// The same, without effect for this reason.
    #[must_use]
    pub const fn ignored(self, reason: &'static str) -> Self {
        self.effect(Effect::Ignored(reason))
    }
}
