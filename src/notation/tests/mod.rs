//! Tests of the language as a whole: the manual, the laws, and each kind of error.

mod manual;
