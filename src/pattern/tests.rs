//! Patterns and templates as scripts write them.
