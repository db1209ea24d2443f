use super::*;

fn skip(text: &str) -> Result<(), Fault> {
    let mut scanner = Scanner::new(Layer::Transport, text);
    scanner.skip().and_then(|_| scanner.finish()).map_err(|error| error.fault)
}

fn keys_of(text: &str) -> Result<Vec<&'static str>, Fault> {
    let mut keys = Vec::new();
    let read = Scanner::new(Layer::Transport, text).object(
        &["seen-by", "mc_sender", "token"],
        |key, value| {
            keys.push(key);
            value.skip().map(drop)
        },
    );
    read.map(|_| keys).map_err(|error| error.fault)
}

#[test]
fn every_json_value_is_skipped_whole() {
    for good in [
        "null",
        "true",
        "false",
        "0",
        "-0",
        "1.5e-3",
        "12E+4",
        "\"\"",
        "[]",
        "{}",
        " [ ] ",
        "[1,[2,{\"a\":[]}],\"x\"]",
        "{\"a\" : {\"b\":[{}]} , \"c\":1}",
        "\"\\u00e9\\ud83d\\ude00\\/\"",
    ] {
        assert_eq!(skip(good), Ok(()), "{good}");
    }
}

#[test]
fn what_is_not_json_is_refused() {
    for bad in [
        "",
        " ",
        "nul",
        "True",
        "1.",
        ".5",
        "-",
        "1e",
        "+1",
        "\"",
        "\"\\x\"",
        "\"\\u12g4\"",
        "\"\\u12\"",
        "\"a\nb\"",
        "[",
        "[1,]",
        "[,]",
        "{",
        "{a:1}",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "[}",
        "{]",
        "[1}",
        "{\"a\":1]",
        "{\"a\" 1}",
        "\u{feff}{}",
        "{'a':1}",
        "NaN",
    ] {
        assert!(matches!(skip(bad), Err(Fault::NotJson { .. })), "{bad:?}: {:?}", skip(bad));
    }
    assert_eq!(skip("01"), Err(Fault::TrailingBytes { at: 1 }));
    assert_eq!(skip("{} x"), Err(Fault::TrailingBytes { at: 3 }));
}

#[test]
fn depth_is_bounded_without_recursion() {
    let nest = |open: &str, close: &str, depth| open.repeat(depth) + "1" + &close.repeat(depth);
    assert_eq!(skip(&nest("[", "]", 64)), Ok(()));
    assert_eq!(skip(&nest("{\"a\":", "}", 64)), Ok(()));
    assert_eq!(skip(&nest("[", "]", 65)), Err(Fault::TooDeep { at: 64 }));
    assert!(matches!(skip(&"[{\"a\":".repeat(1_000_000)), Err(Fault::TooDeep { .. })));
}

#[test]
fn known_keys_are_found_and_others_skipped() {
    let text = r#"{"a":[{"mc_sender":1}],"mc_sender":1,"\u0061":2,"a":3,"seen-by":[]}"#;
    assert_eq!(keys_of(text), Ok(vec!["mc_sender", "seen-by"]));
}

#[test]
fn any_other_spelling_of_a_known_key_is_ambiguous() {
    for (text, key) in [
        (r#"{"mc_sender":1,"mc_sender":1}"#, "mc_sender"),
        (r#"{"MC_Sender":1}"#, "mc_sender"),
        (r#"{"seen\u002dby":1}"#, "seen-by"),
        (r#"{"\u0073een-by":1}"#, "seen-by"),
        ("{\"\u{17f}een-by\":1}", "seen-by"),
        (r#"{"\u017feen-by":1}"#, "seen-by"),
        ("{\"to\u{212a}en\":1}", "token"),
        (r#"{"TO\u212aEN":1}"#, "token"),
    ] {
        let fault = keys_of(text).unwrap_err();
        assert!(matches!(fault, Fault::AmbiguousKey { key: k, .. } if k == key), "{text}: {fault}");
    }
}

#[test]
fn keys_that_only_look_alike_are_unknown() {
    for text in ["{\"seen_by\":1}", "{\"seen-b\u{443}\":1}", "{\"seen-by \":1}", r#"{"\ud83d":1}"#]
    {
        assert_eq!(keys_of(text), Ok(vec![]), "{text}");
    }
}

#[test]
fn escapes_decode_as_in_go() {
    let decode = |text: &str| RawText::scan(text, 0).unwrap().decode().into_owned();
    assert_eq!(decode(r#""\"\\\/\b\f\n\r\t""#), "\"\\/\u{8}\u{c}\n\r\t");
    assert_eq!(decode(r#""\u00e9\ud83d\ude00x""#), "\u{e9}\u{1f600}x");
    assert_eq!(decode(r#""\ud83d""#), "\u{fffd}");
    assert_eq!(decode(r#""\ude00\ud83d\ud83d\ude00""#), "\u{fffd}\u{fffd}\u{1f600}");
    assert_eq!(decode(r#""\ud83d\n\ud83dx""#), "\u{fffd}\n\u{fffd}x");
}

#[test]
fn integers_are_written_plainly_and_not_negative() {
    let read = |text: &str| {
        Scanner::new(Layer::Transport, text).integer("ttl").map_err(|error| error.fault)
    };
    assert_eq!(read("60"), Ok(Some(60)));
    assert_eq!(read("9223372036854775807"), Ok(Some(i64::MAX.unsigned_abs())));
    assert_eq!(read("null"), Ok(None));
    for bad in ["-1", "60.0", "6e1", "9223372036854775808", "\"60\"", "[]", "true"] {
        assert!(matches!(read(bad), Err(Fault::Invalid { key: "ttl", .. })), "{bad}");
    }
}

#[test]
fn strings_are_written_as_go_writes_them() {
    let mut out = Vec::new();
    string("a<b>&\"\\\n\u{1}\u{2028}\u{e9}", &mut out);
    assert_eq!(
        String::from_utf8(out).unwrap(),
        "\"a\\u003cb\\u003e\\u0026\\\"\\\\\\n\\u0001\\u2028\u{e9}\""
    );
}
