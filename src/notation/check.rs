//! Checking the texts of a script: that patterns can be read, that names are known, and that what is generated
//! stays within bounds.

use super::model::{Binary, Header};
use super::piece::{Fault, Piece};

/// What the texts so far have brought.
pub(super) struct Texts {}

impl Texts {
    pub(super) fn new(_header: &Header) -> Self {
        Self {}
    }

    /// A packet, a text of a body, or a frame.
    pub(super) fn packet(
        &mut self,
        _piece: Piece<'_>,
        _expected: bool,
        _repeat: u32,
        _faults: &mut Vec<Fault>,
    ) {
    }

    /// A text in which brackets and quotes are nothing special: targets, header values, codes, raw bytes.
    pub(super) fn plain(
        &mut self,
        _piece: Piece<'_>,
        _expected: bool,
        _repeat: u32,
        _faults: &mut Vec<Fault>,
    ) {
    }

    /// A report of the driver.
    pub(super) fn report(&mut self, _piece: Piece<'_>, _repeat: u32, _faults: &mut Vec<Fault>) {}

    /// Bytes.
    pub(super) fn binary(
        &mut self,
        binary: &Binary,
        piece: Piece<'_>,
        expected: bool,
        _repeat: u32,
        faults: &mut Vec<Fault>,
    ) {
        if *binary == Binary::Any && !expected {
            faults.push(
                piece
                    .fault("any bytes cannot be sent")
                    .expected("the bytes, in hexadecimal"),
            );
        }
    }
}
