//! Lifecycle events: which node has just started.

use crate::fault::{DecodeError, Layer};
use crate::id::Identity;
use crate::json::Scanner;

/// Longer events are not read; real ones have some 400 bytes.
const EVENT_BYTES_MAX: usize = 16 << 10;

/// The node that a lifecycle event is about: a CloudEvent, whose `data` says so, or in the older form that
/// inner object alone (go-choria `lifecycle/lifecycle.go`). `None` where it names no legal identity.
///
/// Nothing about an event is signed.
#[must_use]
pub fn lifecycle_identity(payload: &[u8]) -> Option<Identity> {
    let payload = payload.get(..).filter(|one| one.len() <= EVENT_BYTES_MAX)?;
    let text = std::str::from_utf8(payload).ok()?;
    let identity = read(&mut Scanner::new(Layer::Body, text)).ok()??;
    Identity::try_from(identity).ok()
}

fn read(scanner: &mut Scanner<'_>) -> Result<Option<String>, DecodeError> {
    let mut outer = None;
    let mut inner = None;
    scanner.object(&["data", "identity"], |key, value| {
        if key == "identity" {
            outer = value.text(key)?.map(|text| text.into_string());
        } else if value.at_object() {
            value.object(&["identity"], |key, value| {
                inner = value.text(key)?.map(|text| text.into_string());
                Ok(())
            })?;
        } else {
            value.null_or::<()>(key, "an object")?;
        }
        Ok(())
    })?;
    Ok(inner.or(outer))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(event: &str) -> Option<String> {
        lifecycle_identity(event.as_bytes()).map(|one| one.to_string())
    }

    #[test]
    fn a_recorded_startup_names_its_node() {
        let text =
            std::fs::read_to_string("tests/vectors/lifecycle-and-registration.json").unwrap();
        let file: serde_json::Value = serde_json::from_str(&text).unwrap();
        let message = &file["messages"][0];
        assert_eq!(message["subject"], "choria.lifecycle.event.startup.server");
        assert_eq!(identity(message["payload"].as_str().unwrap()).unwrap(), "n5.example.net");
    }

    #[test]
    fn the_older_form_is_the_inner_object_alone() {
        let event = r#"{"protocol":"io.choria.lifecycle.v1.startup","identity":"n1.example.net"}"#;
        assert_eq!(identity(event).unwrap(), "n1.example.net");
    }

    #[test]
    fn what_names_no_node_is_nothing() {
        let long = format!(r#"{{"identity":"n1","x":"{}"}}"#, "y".repeat(EVENT_BYTES_MAX));
        for event in
            ["", "{}", "[]", r#"{"data":7}"#, r#"{"identity":"a b"}"#, r#"{"identity":7}"#, &long]
        {
            assert_eq!(identity(event), None, "{event}");
        }
        assert_eq!(lifecycle_identity(&[0xff]), None);
    }
}
