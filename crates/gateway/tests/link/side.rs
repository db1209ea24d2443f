//! One gateway's links, and what is heard from them.

use std::{sync::Arc, time::Duration};

use antiphon_core::{
    Advert, AdvertContent, AdvertDraft, Body, Control, Creator, DialFailure, DialTarget, EndToEnd,
    Endpoint, Epoch, Frame, Hello, Hop, Incarnation, Limits, LinkId, Offer, Periods, ReplyBody,
    Stamp, UnitId,
};
use antiphon_gateway::link::{
    LinkCommand, LinkConfig, LinkEvent, LinkEvents, LinkHandle, LinkTls, Links, Notary,
    TlsTransport, Transport, start,
};
use antiphon_proto::Greeting;
use bytes::Bytes;
use tokio::{net::TcpListener, sync::watch, time::timeout};
use tokio_util::sync::{CancellationToken, DropGuard};

/// How long anything may take before a test fails.
const PATIENCE: Duration = Duration::from_secs(30);

/// One gateway's links.
pub(crate) struct Side {
    pub(crate) handle: LinkHandle,
    pub(crate) events: LinkEvents,
    pub(crate) hello: Hello,
    /// Where it listens.
    pub(crate) port: u16,
    pub(crate) renew: Option<watch::Sender<LinkTls>>,
    _shutdown: DropGuard,
}

impl Side {
    /// Starts links over TLS on a free port of loopback, with a hello bent by the test.
    pub(crate) async fn over_tls(
        gateway: &str,
        tls: LinkTls,
        bend: impl FnOnce(&mut Greeting, &mut LinkConfig),
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = listener.local_addr().unwrap().to_string().parse().unwrap();
        let (renew, tls) = watch::channel(tls);
        let transport = Transport::Tls(TlsTransport { listener, tls });
        let side = Self::start(gateway, endpoint, transport, bend);
        Self { renew: Some(renew), ..side }
    }

    pub(crate) fn start(
        gateway: &str,
        endpoint: Endpoint,
        transport: Transport,
        bend: impl FnOnce(&mut Greeting, &mut LinkConfig),
    ) -> Self {
        let port = endpoint.port();
        let hello = hello(gateway, endpoint);
        let mut own = Greeting::own("acme".parse().unwrap(), hello);
        let mut config = config();
        bend(&mut own, &mut config);
        let hello = own.hello.clone();
        let shutdown = CancellationToken::new();
        let notary = Arc::new(TestNotary);
        let (handle, events) = start(Links { config, transport, own, notary }, &shutdown);
        Self { handle, events, hello, port, renew: None, _shutdown: shutdown.drop_guard() }
    }

    /// Dials `endpoint` as a seed.
    pub(crate) fn dial(&self, endpoint: &Endpoint) {
        let target = DialTarget::Seed { endpoint: endpoint.clone() };
        self.handle.submit(LinkCommand::Dial { target, endpoint: endpoint.clone() });
    }

    /// Dials `endpoint`, where only that gateway may answer.
    pub(crate) fn dial_member(&self, gateway: &str, endpoint: &Endpoint) {
        let gateway = gateway.parse().unwrap();
        let target = DialTarget::Member { gateway, endpoint: endpoint.clone() };
        self.handle.submit(LinkCommand::Dial { target, endpoint: endpoint.clone() });
    }

    pub(crate) async fn next(&mut self) -> LinkEvent {
        let event = timeout(PATIENCE, self.events.recv()).await;
        event.expect("an event in time").expect("the links run")
    }

    /// The first event that fits; others before it are skipped.
    pub(crate) async fn until<T>(&mut self, mut fits: impl FnMut(LinkEvent) -> Option<T>) -> T {
        loop {
            if let Some(found) = fits(self.next().await) {
                return found;
            }
        }
    }

    pub(crate) async fn up(&mut self) -> Up {
        self.until(|event| match event {
            LinkEvent::Up { link, peer, dialed, shown } => {
                Some(Up { link, peer, dialed, not_after: shown.not_after })
            }
            LinkEvent::DialFailed { failure, .. } => panic!("no link: {failure:?}"),
            _ => None,
        })
        .await
    }

    pub(crate) async fn down(&mut self) -> (LinkId, String) {
        self.until(|event| match event {
            LinkEvent::Down { link, reason } => Some((link, reason)),
            _ => None,
        })
        .await
    }

    pub(crate) async fn dial_failure(&mut self) -> DialFailure {
        self.until(|event| match event {
            LinkEvent::DialFailed { failure, .. } => Some(failure),
            _ => None,
        })
        .await
    }

    /// The word for why somebody was turned away.
    pub(crate) async fn refusal(&mut self) -> String {
        self.until(|event| match event {
            LinkEvent::Refused { kind, .. } => Some(kind),
            LinkEvent::Up { .. } => panic!("nobody was turned away"),
            _ => None,
        })
        .await
    }

    /// The next control message.
    pub(crate) async fn control(&mut self) -> Control {
        self.until(|event| match event {
            LinkEvent::Control { message, .. } => Some(message),
            LinkEvent::Down { reason, .. } => panic!("no more messages: {reason}"),
            _ => None,
        })
        .await
    }

    /// The next frame's number and payload.
    pub(crate) async fn frame(&mut self) -> (u64, Bytes) {
        self.until(|event| match event {
            LinkEvent::Frame { number, frame, .. } => match frame.unwrap().end.body {
                Body::Reply(reply) => Some((number, reply.payload)),
                Body::Request(_) => None,
            },
            _ => None,
        })
        .await
    }

    pub(crate) fn send(&self, link: LinkId, number: u64, payload: impl Into<Bytes>) {
        let frame = Arc::new(frame(payload.into()));
        let weight = frame.weight();
        self.handle.submit(LinkCommand::Send { link, epoch: Epoch(7), number, weight, frame });
    }
}

/// What [`LinkEvent::Up`] says.
pub(crate) struct Up {
    pub(crate) link: LinkId,
    pub(crate) peer: Hello,
    pub(crate) dialed: Option<DialTarget>,
    pub(crate) not_after: Duration,
}

/// A link between two sides: its number on each.
pub(crate) async fn linked(dialler: &mut Side, answerer: &mut Side) -> (LinkId, LinkId) {
    dialler.dial(&answerer.hello.endpoint);
    let (here, there) = (dialler.up().await, answerer.up().await);
    (here.link, there.link)
}

pub(crate) fn config() -> LinkConfig {
    LinkConfig::new(&Limits::default(), &Periods::default())
}

fn hello(gateway: &str, endpoint: Endpoint) -> Hello {
    Hello {
        region: gateway.rsplit_once('-').unwrap().0.parse().unwrap(),
        gateway: gateway.parse().unwrap(),
        incarnation: Incarnation(1),
        version: "0.1.0".into(),
        endpoint,
    }
}

/// A reply on its way to region `us`.
fn frame(payload: Bytes) -> Frame {
    let creator = Creator {
        region: "eu".parse().unwrap(),
        gateway: "eu-1".parse().unwrap(),
        incarnation: Incarnation(1),
    };
    let body = Body::Reply(ReplyBody {
        request: "r".into(),
        subject: "mcollective.reply.x".into(),
        federated: None,
        payload,
    });
    let end = EndToEnd {
        creator,
        unit: UnitId(1),
        to: "us".parse().unwrap(),
        prefer: None,
        flow: 3,
        lifetime: Duration::from_secs(60),
        body,
    };
    let visited = vec!["eu-1".parse().unwrap()];
    Frame { hop: Hop { limit: 8, visited, age: Duration::ZERO }, end, verbatim: None }
}

/// Believes adverts whose sealed bytes are `good`, does not know `newer` ones, and has a defect.
struct TestNotary;

impl Notary for TestNotary {
    fn verify_advert(&self, sealed: Bytes) -> Result<Option<Advert>, String> {
        assert_ne!(sealed, "defect", "a defect of the notary");
        match sealed.as_ref() {
            b"good" => Ok(Some(advert(sealed))),
            b"newer" => Ok(None),
            _ => Err("untrusted".into()),
        }
    }

    fn known_advert(&self, _: &Bytes) -> Option<Advert> {
        None
    }
}

pub(crate) fn advert(sealed: impl Into<Bytes>) -> Advert {
    let draft = AdvertDraft {
        gateway: "eu-1".parse().unwrap(),
        region: "eu".parse().unwrap(),
        stamp: Stamp::default(),
        content: AdvertContent::Offer(Offer::default()),
    };
    Advert { draft, sealed: sealed.into() }
}
