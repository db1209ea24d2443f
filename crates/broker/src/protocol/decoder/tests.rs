use proptest::prelude::*;

use super::*;

const STREAM: &[u8] = b"INFO {\"server_id\":\"x\",\"max_payload\":10,\"odd\":[1]}\r\nPING\r\n\
    MSG a.b 7 5\r\nhello\r\nHMSG a.c 8 r.s 18 21\r\nNATS/1.0\r\nA: b\r\n\r\nc\r\n\r\nMSG e 1 0\r\n\r\n\
    +OK\r\n-ERR 'Slow Consumer'\r\npong\r\n";

fn message(sid: u64, subject: &str, reply: Option<&str>, parts: (&str, &str)) -> ServerOp {
    let (headers, payload) = parts;
    ServerOp::Message(ServerMessage {
        sid,
        subject: subject.to_owned(),
        reply: reply.map(str::to_owned),
        headers: Bytes::copy_from_slice(headers.as_bytes()),
        payload: Bytes::copy_from_slice(payload.as_bytes()),
    })
}

/// Decodes a stream that arrives in pieces.
fn decode<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<Vec<ServerOp>, ProtocolError> {
    let (mut decoder, mut buffer, mut ops) = (Decoder::default(), BytesMut::new(), Vec::new());
    for piece in pieces {
        buffer.extend_from_slice(piece);
        while let Some(op) = decoder.decode(&mut buffer)? {
            ops.push(op);
        }
    }
    Ok(ops)
}

fn error(bytes: &[u8]) -> String {
    decode([bytes]).unwrap_err().to_string()
}

#[test]
fn every_operation_is_read() {
    let ops = decode([STREAM]).unwrap();
    assert!(matches!(&ops[0], ServerOp::Info(info) if info.max_payload == 10));
    let rest = [
        ServerOp::Ping,
        message(7, "a.b", None, ("", "hello")),
        message(8, "a.c", Some("r.s"), ("NATS/1.0\r\nA: b\r\n\r\n", "c\r\n")),
        message(1, "e", None, ("", "")),
        ServerOp::Ok,
        ServerOp::Error("Slow Consumer".to_owned()),
        ServerOp::Pong,
    ];
    assert_eq!(ops[1..], rest);
}

#[test]
fn a_stream_means_the_same_wherever_it_is_cut() {
    let whole = decode([STREAM]).unwrap();
    for cut in 0..=STREAM.len() {
        let (one, two) = STREAM.split_at(cut);
        assert_eq!(decode([one, two]).unwrap(), whole, "cut at {cut}");
    }
    assert_eq!(decode(STREAM.chunks(1)).unwrap(), whole, "byte by byte");
}

#[test]
fn a_payload_is_a_slice_of_the_buffer() {
    let mut buffer = BytesMut::from(&b"MSG a 1 5\r\nhello\r\n"[..]);
    let at = buffer.as_ptr() as usize + b"MSG a 1 5\r\n".len();
    let op = Decoder::default().decode(&mut buffer).unwrap().unwrap();
    let ServerOp::Message(message) = op else { panic!("{op:?}") };
    assert_eq!(message.payload.as_ptr() as usize, at);
}

#[test]
fn what_is_not_the_protocol_is_an_error() {
    for line in [
        "HELLO",
        "MSG",
        "MSG a",
        "MSG a 1",
        "MSG a 1 -5",
        "MSG a 1 +5",
        "MSG a x 5",
        "MSG a 1 r s 5",
    ] {
        assert!(decode([format!("{line}\r\n").as_bytes()]).is_err(), "{line}");
    }
    for line in ["HMSG a 1 5", "HMSG a 1 9 5", "HMSG a 1 5 99999999999999999999", "INFO", "INFO {"]
    {
        assert!(decode([format!("{line}\r\n").as_bytes()]).is_err(), "{line}");
    }
    assert_eq!(error(b"PING\n"), r#"a line that is no operation of NATS: "PING\n""#);
    assert_eq!(
        error(b"MSG a.b 1 1\r\nabc\r\n"),
        "a message on a.b that does not end where it should"
    );
    assert_eq!(error(b"\xff\r\n"), r#"a line that is no operation of NATS: "�""#);
}

#[test]
fn lines_and_payloads_are_bounded() {
    assert_eq!(error(&vec![b'a'; LINE_BYTES_MAX + 1]), "a line of more than 65536 bytes");
    let mut line = vec![b'a'; LINE_BYTES_MAX + 1];
    line.extend_from_slice(CRLF);
    assert_eq!(error(&line), "a line of more than 65536 bytes");
    let large = format!("MSG a 1 {}\r\n", PAYLOAD_BYTES_MAX + 1);
    assert_eq!(error(large.as_bytes()), "a message of 67108865 bytes on a");
    let mut decoder = Decoder::default();
    let mut buffer = BytesMut::from(format!("MSG a 1 {PAYLOAD_BYTES_MAX}\r\nab").as_bytes());
    assert_eq!(decoder.decode(&mut buffer).unwrap(), None);
    assert_eq!(decoder.missing(buffer.len()), PAYLOAD_BYTES_MAX);
}

/// One operation in its bytes, with what it should be read as.
fn operation() -> impl Strategy<Value = (Vec<u8>, ServerOp)> {
    let subject = "[a-z]{1,8}(\\.[a-z]{1,8}){0,3}";
    let reply = prop::option::of("[a-z]{1,8}");
    let bytes = prop::collection::vec(any::<u8>(), 0..200);
    let message = (any::<u64>(), subject, reply, any::<bool>(), bytes.clone(), bytes).prop_map(
        |(sid, subject, reply, has_headers, headers, payload)| {
            let headers = if has_headers { headers } else { Vec::new() };
            let total = headers.len() + payload.len();
            let word = if has_headers { "HMSG" } else { "MSG" };
            let mut line = format!("{word} {subject} {sid} ");
            line.extend(reply.iter().flat_map(|reply| [reply.as_str(), " "]));
            line.extend(has_headers.then(|| format!("{} ", headers.len())));
            line.push_str(&total.to_string());
            let bytes = [line.as_bytes(), CRLF, &headers, &payload, CRLF];
            let (bytes, headers, payload) = (bytes.concat(), headers.into(), payload.into());
            (bytes, ServerOp::Message(ServerMessage { sid, subject, reply, headers, payload }))
        },
    );
    prop_oneof![
        4 => message,
        1 => Just((b"PING\r\n".to_vec(), ServerOp::Ping)),
        1 => Just((b"PONG\r\n".to_vec(), ServerOp::Pong)),
        1 => Just((b"-ERR 'no'\r\n".to_vec(), ServerOp::Error("no".to_owned()))),
    ]
}

proptest! {
    #[test]
    fn any_operations_come_out_of_any_pieces(
        operations in prop::collection::vec(operation(), 0..10),
        sizes in prop::collection::vec(1_usize..100, 1..20),
    ) {
        let (bytes, ops): (Vec<_>, Vec<_>) = operations.into_iter().unzip();
        let (bytes, mut sizes, mut pieces) = (bytes.concat(), sizes.iter().cycle(), Vec::new());
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(rest.len().min(*sizes.next().unwrap()));
            pieces.push(piece);
            rest = after;
        }
        prop_assert_eq!(decode(pieces).unwrap(), ops);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(decode([&bytes[..]]).is_ok() || decode(bytes.chunks(1)).is_err());
    }

    #[test]
    fn damaged_streams_do_not_make_it_panic(
        damage in prop::collection::vec((0..STREAM.len(), any::<u8>()), 1..8),
        size in 1_usize..50,
    ) {
        let mut bytes = STREAM.to_vec();
        for (at, byte) in damage {
            bytes[at] = byte;
        }
        let whole = decode([&bytes[..]]).map_err(|error| error.to_string());
        prop_assert_eq!(decode(bytes.chunks(size)).map_err(|error| error.to_string()), whole);
    }
}

/// What a fuzzer would do, on stable and the same each time: streams out of the protocol's own words, with
/// numbers that do and do not fit.
#[test]
fn streams_of_the_protocols_own_words_do_not_make_it_panic() {
    const WORDS: [&[u8]; 20] = [
        b"MSG ",
        b"HMSG ",
        b"INFO ",
        b"PING",
        b"PONG",
        b"+OK",
        b"-ERR ",
        b"'",
        b"a.b ",
        b"1 ",
        b"0",
        b"5",
        b"4294967296 ",
        b"18446744073709551616",
        b"\r\n",
        b"\n",
        b"\r",
        b"{}",
        b"NATS/1.0\r\n",
        b"\0\xff",
    ];
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut draw = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % 20).unwrap()
    };
    for _ in 0..20_000 {
        let stream: Vec<u8> = (0..1 + draw()).flat_map(|_| WORDS[draw()]).copied().collect();
        let whole = decode([&stream[..]]).map_err(|error| error.to_string());
        let single = decode(stream.chunks(1)).map_err(|error| error.to_string());
        assert_eq!(whole, single, "{}", String::from_utf8_lossy(&stream));
    }
}
