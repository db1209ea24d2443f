//! What policy wants to know of the RPC body inside a request.

use crate::fault::{Layer, RequestError, missing, utf8};
use crate::json::Scanner;

/// The `action` of the RPC body in `payload`.
pub(super) fn action(payload: &[u8]) -> Result<String, RequestError> {
    let mut action = None;
    let mut scanner = Scanner::new(Layer::Body, utf8(Layer::Body, payload)?);
    scanner.object(&["agent", "action", "data"], |key, value| {
        match key {
            "action" => action = value.text(key)?,
            _ => drop(value.skip()?),
        }
        Ok(())
    })?;
    scanner.finish()?;
    action.map(|text| text.into_string()).ok_or_else(|| missing(Layer::Body, "action"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::FaultKind;

    #[test]
    fn the_action_is_read_if_there_is_exactly_one() {
        assert_eq!(
            action(br#"{"agent":"a","action":"ping","data":{"action":1}}"#).unwrap(),
            "ping"
        );
        for (body, kind) in [
            (r#"{"action":"status","Action":"stop"}"#, FaultKind::AmbiguousKey),
            (r#"{"action":"status","\u0061ction":"stop"}"#, FaultKind::AmbiguousKey),
            (r#"{"agent":"a"}"#, FaultKind::BadField),
            (r#"{"action":1}"#, FaultKind::BadField),
            ("ping", FaultKind::NotJson),
        ] {
            assert_eq!(action(body.as_bytes()).unwrap_err().kind(), kind, "{body}");
        }
    }
}
