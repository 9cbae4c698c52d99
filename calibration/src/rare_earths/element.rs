//! The elements, where a number comes from, and the two markets.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A rare-earth element, or the sum of those without a row of their own (Ho to Lu and unspecified).
#[allow(missing_docs, reason = "the variants are the elements' symbols")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Element {
    La,
    Ce,
    Pr,
    Nd,
    Sm,
    Eu,
    Gd,
    Tb,
    Dy,
    Y,
    Other,
}

impl Element {
    /// How many there are.
    pub const COUNT: usize = 11;
    /// All, in the order of every element axis.
    pub const ALL: [Self; Self::COUNT] = [
        Self::La,
        Self::Ce,
        Self::Pr,
        Self::Nd,
        Self::Sm,
        Self::Eu,
        Self::Gd,
        Self::Tb,
        Self::Dy,
        Self::Y,
        Self::Other,
    ];

    /// Position on an element axis.
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The symbol.
    #[must_use]
    pub const fn symbol(self) -> &'static str {
        match self {
            Self::La => "La",
            Self::Ce => "Ce",
            Self::Pr => "Pr",
            Self::Nd => "Nd",
            Self::Sm => "Sm",
            Self::Eu => "Eu",
            Self::Gd => "Gd",
            Self::Tb => "Tb",
            Self::Dy => "Dy",
            Self::Y => "Y",
            Self::Other => "other",
        }
    }

    /// Heavy in the trade's sense: from europium on, with yttrium (the group of the higher export duty, plus gadolinium).
    #[must_use]
    pub const fn is_heavy(self) -> bool {
        matches!(self, Self::Eu | Self::Gd | Self::Tb | Self::Dy | Self::Y)
    }
}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.symbol())
    }
}

/// Not one of a fixed set of words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not one of the known words")]
pub struct UnknownWord;

impl FromStr for Element {
    type Err = UnknownWord;
    fn from_str(s: &str) -> Result<Self, UnknownWord> {
        Self::ALL.into_iter().find(|e| e.symbol() == s).ok_or(UnknownWord)
    }
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$vdoc])* $variant),+ }

        impl $name {
            /// All of them, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word used in the fact files.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::rare_earths::UnknownWord;
            fn from_str(s: &str) -> Result<Self, $crate::rare_earths::UnknownWord> {
                match s { $($word => Ok(Self::$variant),)+ _ => Err($crate::rare_earths::UnknownWord) }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.word())
            }
        }
    };
}
pub(super) use words;

words! {
    /// Where a number comes from; the order is from firmest to weakest, so the status of a result is the maximum over its inputs.
    Status {
        /// Seen in the named source or a copy of it.
        Read = "read",
        /// Computed from such.
        Derived = "derived",
        /// Attributed to the source, not re-read.
        Recalled = "recalled",
        /// Chosen by the project.
        Assumption = "assumption",
    }
}

words! {
    /// Where a price holds.
    Market {
        /// Free on board a Chinese port: what buyers outside China pay before freight.
        Fob = "fob",
        /// Inside China, without value-added tax.
        Domestic = "domestic",
    }
}

words! {
    /// Regions for which consumption is known.
    Region {
        /// China.
        China = "china",
        /// Japan.
        Japan = "japan",
        /// United States.
        UnitedStates = "united_states",
        /// The European Union.
        Europe = "europe",
        /// Everyone else.
        Other = "other",
    }
}

impl Region {
    /// Position on a region axis.
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }
}
