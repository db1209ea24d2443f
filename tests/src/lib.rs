//! Shared harness of the workspace tests.

mod cargo;

pub use cargo::{metadata, normal_tree, workspace_root};
