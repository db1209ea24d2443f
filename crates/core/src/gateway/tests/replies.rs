//! Replies: taken from nodes, and given to clients.

use super::*;

#[test]
fn a_nodes_answer_finds_its_way_back_without_any_memory() {
    let mut bench = Bench::new();
    let actions = bench.frame(0, request_frame(1, broadcast(), None));
    let request = Transport::decode(published(&actions)[0].1.clone()).unwrap();
    let (_, reply) = golden("v1-ping.json", 1);
    let reply = Transport::decode(reply).unwrap();
    let answer = reply.edit().federation(request.federation()).finish();
    bench.publish(REPLY_SUBJECT, answer);
    let [frame] = bench.sent.as_slice() else { panic!("{:?}", bench.sent) };
    let Body::Reply(body) = &frame.end.body else { panic!("{frame:?}") };
    assert_eq!(
        (frame.end.to.as_str(), frame.end.prefer.as_ref()),
        ("us", Some(&"us-1".parse().unwrap()))
    );
    assert!(body.subject.starts_with("mcollective.reply."));
    assert_eq!(body.payload, *reply.payload(), "the node's bytes, federation stripped");
}

#[test]
fn replies_with_a_forged_way_back_go_nowhere() {
    let (_, reply) = golden("v1-ping.json", 1);
    let reply = Transport::decode(reply).unwrap();
    let forged = |reply_to: &str| {
        let federation =
            Federation { request: "x".to_owned(), reply_to: reply_to.to_owned(), targets: vec![] };
        reply.edit().federation(Some(&federation)).finish()
    };
    for (address, reason) in [
        ("antiphon.return.us.us-1.c.0.$SYS.>", DropReason::ReturnAddressInvalid),
        ("antiphon.return.us.us-1.c.0.a b", DropReason::ReturnAddressInvalid),
        ("antiphon.return.eu.eu-1.c.0.mcollective.reply.x.y", DropReason::ReturnAddressInvalid),
        ("antiphon.return.moon.m-1.c.0.mcollective.reply.x.y", DropReason::OriginUnknown),
    ] {
        let mut bench = Bench::new();
        assert_eq!(dropped(&bench.publish(REPLY_SUBJECT, forged(address))), [reason], "{address}");
    }
    let request = "x".repeat(900_000);
    let way = "antiphon.return.us.us-1.c.0.mcollective.reply.x.y".to_owned();
    let federation = Federation { request, reply_to: way, targets: vec![] };
    let mut bench = Bench::new();
    let long = bench.publish(REPLY_SUBJECT, reply.edit().federation(Some(&federation)).finish());
    assert_eq!(dropped(&long), [DropReason::ReturnAddressInvalid], "no request has such an id");
    let mut bench = Bench::new();
    let actions = bench.publish(REPLY_SUBJECT, forged("mcollective.reply.x.y"));
    assert!(dropped(&actions).is_empty(), "Choria's own broker may share the subject");
}

#[test]
fn a_reply_is_published_on_reply_subjects_alone() {
    let hash = "0".repeat(32);
    let refused = [
        "$SYS.REQ.x",
        "$JS.API.x",
        "_INBOX.a.b",
        "us.broadcast.agent.rpcutil",
        "mcollective.node.n1",
        "choria.federation.us.collective",
        "mcollective.reply.>",
        "mcollective.reply.a.\u{1}b",
        "dev.null",
        "antiphon.beacon.acme.eu.eu-1",
        "configured",
    ];
    let mut config = config("eu", "eu-1");
    config.reply_subjects = vec![
        "$SYS.>".to_owned(),
        "_INBOX.>".to_owned(),
        "mcollective.>".to_owned(),
        "configured.*".to_owned(),
    ];
    let mut bench = Bench::with(config);
    for (number, subject) in refused.iter().enumerate() {
        let mut frame = reply_frame("us", "eu", number as u64 + 1);
        set_reply(&mut frame, subject);
        let actions = bench.frame(number as u64, frame);
        assert_eq!(dropped(&actions), [DropReason::ReplySubjectRefused], "{subject}");
        assert!(published(&actions).is_empty(), "{subject}");
    }
    for (number, subject) in
        [format!("mcollective.reply.{hash}.{hash}"), "configured.x".to_owned()].iter().enumerate()
    {
        let mut frame = reply_frame("us", "eu", 100 + number as u64);
        set_reply(&mut frame, subject);
        let actions = bench.frame((refused.len() + number) as u64, frame);
        assert_eq!(published(&actions).len(), 1, "{subject} {actions:?}");
    }
}

fn set_reply(frame: &mut Frame, subject: &str) {
    let (_, payload) = golden("v1-ping.json", 1);
    if let Body::Reply(reply) = &mut frame.end.body {
        reply.subject = subject.to_owned();
        reply.payload = payload;
    }
}
