//! The antiphon command.
