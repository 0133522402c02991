//! What is printed: text for people, or JSON.

use std::fmt::Display;
use std::io::{self, IsTerminal as _, Write as _, stdout};

use serde::Serialize;

pub(crate) struct Output {
    json: bool,
}

impl Output {
    pub(crate) fn new(json: bool) -> Self {
        Output { json }
    }

    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// Whether somebody sees it being printed.
    pub(crate) fn is_live(&self) -> bool {
        !self.json && stdout().is_terminal()
    }

    /// One answer: the value as a line of JSON, or the text.
    pub(crate) fn answer(&mut self, value: &impl Serialize, text: impl Display) -> io::Result<()> {
        if self.json { self.line(serde_json::to_string(value)?) } else { self.line(text) }
    }

    pub(crate) fn line(&mut self, text: impl Display) -> io::Result<()> {
        writeln!(stdout().lock(), "{text}")
    }
}
