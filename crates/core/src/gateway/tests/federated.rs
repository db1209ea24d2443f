//! Clients of Choria's federated mode.

use super::*;

#[test]
fn a_federated_client_is_served_as_by_choria_and_sees_one_more_hop_each_way() {
    let mut settings = config("eu", "eu-1");
    settings.federation = [("london".to_owned(), "us".parse().unwrap())].into();
    let mut bench = Bench::with(settings);
    let (_, request) = golden("v1-federated-ping.json", 0);
    bench.publish("choria.federation.london.federation", request);
    let frame = bench.sent.pop().unwrap();
    let Body::Request(body) = &frame.end.body else { panic!("{frame:?}") };
    assert_eq!(body.federated.as_deref(), Some("nats://localhost:4222"));
    let mut here = frame.clone();
    here.end.to = "eu".parse().unwrap();
    here.end.creator = reply_frame("us", "eu", 1).end.creator;
    here.hop.visited = vec!["us-1".parse().unwrap()];
    let actions = bench.frame(0, here);
    let published = Transport::decode(published(&actions)[0].1.clone()).unwrap();
    assert_eq!(published.seen_by().len(), 2);
    assert_eq!(published.seen_by()[1], ["nats://localhost:4222", "eu-1", "nats://localhost:4222"]);
    assert!(published.federation().unwrap().targets.is_empty());
    assert!(published.federation().unwrap().reply_to.starts_with("antiphon.return.us.us-1.f.0."));
}

#[test]
fn targets_outside_the_exported_collectives_are_refused_one_by_one() {
    let mut settings = config("eu", "eu-1");
    settings.federation = [("us".to_owned(), "us".parse().unwrap())].into();
    let mut bench = Bench::with(settings);
    let (_, request) = golden("v1-federated-directed.json", 0);
    let request = Transport::decode(request).unwrap();
    let mut federation = request.federation().unwrap().clone();
    federation
        .targets
        .extend(["$SYS.x", "secret.node.n1", "mcollective.reply.a.b"].map(str::to_owned));
    let payload = request.edit().federation(Some(&federation)).finish();
    let actions = bench.publish("choria.federation.us.federation", payload);
    assert_eq!(dropped(&actions), [DropReason::TargetRefused; 3]);
    assert_eq!(bench.sent[0].units(), 2, "both identities in one frame");
    assert_eq!(bench.created().created, 2);
}
