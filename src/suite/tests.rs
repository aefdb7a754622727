//! Loading, expanding, selecting and covering.
