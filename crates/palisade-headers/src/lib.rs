//! Stage headers: which header fields are admitted, and which leave.
