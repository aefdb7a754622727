//! siospec: the conformance suite and fuzz harness for Socket.IO.
