//! Stage ip-filter: which client addresses are admitted.
