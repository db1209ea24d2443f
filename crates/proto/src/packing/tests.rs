use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use proptest::{collection::vec, prelude::*};

use super::{DEPTH_MAX, NESTED, UnpackError, pack, unpack};

fn packed(plain: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    pack(plain, &mut packed);
    packed
}

fn unpacked(packed: &[u8], bytes_max: usize) -> Result<Vec<u8>, UnpackError> {
    let mut plain = Vec::new();
    unpack(packed, &mut plain, bytes_max).map(|()| plain)
}

/// The length packed; checks that nothing changed.
fn survives(plain: &[u8]) -> usize {
    let packed = packed(plain);
    assert_eq!(unpacked(&packed, plain.len()).unwrap(), plain);
    assert!(packed.len() <= plain.len() + 10, "{} of {}", packed.len(), plain.len());
    packed.len()
}

#[test]
fn base64_within_base64_is_packed_to_the_ground() {
    let reply = format!(r#"{{"hash":"{}"}}"#, STANDARD.encode([0xfb; 32]));
    let transport = format!(r#"{{"data":"{}","headers":{{}}}}"#, STANDARD.encode(&reply));
    let length = survives(transport.as_bytes());
    assert!(length <= r#"{"data":"","headers":{}}"#.len() + r#"{"hash":""}"#.len() + 32 + 11);
}

#[test]
fn the_parts_of_a_token_and_digests_are_packed() {
    let part = URL_SAFE_NO_PAD.encode([0xff; 64]);
    assert!(survives(format!(r#""{part}.{part}.{part}""#).as_bytes()) < 3 * 70);
    assert!(survives(format!(r#"\"{}\""#, "c0ffee".repeat(11)).as_bytes()) < 42);
}

#[test]
fn a_text_that_could_be_written_otherwise_is_left_alone() {
    let canonical = STANDARD.encode([7; 25]);
    for (good, bad) in [("w==", "x=="), ("==", ""), ("==", "="), ("==", "==="), ("BwcH", "=wcH")] {
        let text = canonical.replacen(good, bad, 1);
        assert_ne!(text, canonical);
        let plain = format!(r#""{text}""#);
        survives(plain.as_bytes());
    }
    assert_eq!(survives(format!(r#""{}""#, "C0FFEE?".repeat(9)).as_bytes()), 66);
}

#[test]
fn more_than_there_is_room_for_is_refused_before_it_is_there() {
    let plain = format!(r#""{}""#, STANDARD.encode([1; 999]));
    let packed = packed(plain.as_bytes());
    for bytes_max in 0..plain.len() {
        assert!(unpacked(&packed, bytes_max).is_err(), "{bytes_max}");
    }
}

#[test]
fn what_nobody_packed_is_refused() {
    assert_eq!(unpacked(&[], 9), Err(UnpackError::Truncated));
    assert_eq!(unpacked(&[1], 9), Err(UnpackError::Truncated));
    assert_eq!(unpacked(&[0, 3, 0], 9), Err(UnpackError::Kind { kind: 3 }));
    let mut deep = vec![0];
    for _ in 0..DEPTH_MAX {
        let length = u8::try_from(deep.len()).unwrap();
        deep = [vec![0, NESTED, length], deep, vec![0]].concat();
    }
    assert_eq!(unpacked(&deep, 9), Err(UnpackError::Kind { kind: NESTED }));
}

/// Bytes with texts in them that may or may not be canonical.
fn texts() -> impl Strategy<Value = Vec<u8>> {
    let text = prop_oneof![
        "[A-Za-z0-9+/]{20,60}={0,3}",
        "[A-Za-z0-9_-]{20,60}",
        "[0-9a-f]{20,60}",
        vec(any::<u8>(), 15..99).prop_map(|bytes| STANDARD.encode(bytes)),
    ];
    let nested = text.prop_recursive(3, 8, 3, |inner| {
        vec(inner, 1..3).prop_map(|texts| STANDARD.encode(format!("{{\"{}\"}}", texts.join("\""))))
    });
    let delimited = (nested, "[\".\\\\x]", "[\".\\\\x]").prop_map(|(text, open, close)| {
        let text: Vec<u8> = format!("{open}{text}{close}").into();
        text
    });
    vec(prop_oneof![delimited, vec(any::<u8>(), 0..40)], 0..6).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn packing_never_changes_bytes(plain in texts()) {
        survives(&plain);
    }

    #[test]
    fn no_bytes_are_too_odd_to_unpack(bytes in vec(any::<u8>(), 0..200), bytes_max in 0_usize..400) {
        if let Ok(plain) = unpacked(&bytes, bytes_max) {
            prop_assert!(plain.len() <= bytes_max);
        }
    }

    #[test]
    fn damaged_bytes_end_in_an_error_or_within_bounds(
        plain in texts(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut packed = packed(&plain);
        let at = at.index(packed.len());
        packed[at] = byte;
        if let Ok(read) = unpacked(&packed, plain.len()) {
            prop_assert!(read.len() <= plain.len());
        }
    }
}
