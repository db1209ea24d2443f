use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::*;

const LONG: Duration = Duration::from_secs(30);

/// A server that sends back what it gets, and the relay before it.
async fn echo() -> Relay {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let target = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let (mut read, mut write) = stream.split();
                tokio::io::copy(&mut read, &mut write).await
            });
        }
    });
    Relay::start(target).await.unwrap()
}

async fn connect(relay: &Relay) -> TcpStream {
    TcpStream::connect(relay.address()).await.unwrap()
}

async fn exchange(stream: &mut TcpStream, text: &[u8]) -> Vec<u8> {
    stream.write_all(text).await.unwrap();
    let mut answer = vec![0; text.len()];
    timeout(LONG, stream.read_exact(&mut answer)).await.unwrap().unwrap();
    answer
}

async fn is_closed(stream: &mut TcpStream) -> bool {
    let mut rest = [0; 16];
    matches!(timeout(LONG, stream.read(&mut rest)).await.unwrap(), Ok(0) | Err(_))
}

#[tokio::test]
async fn bytes_pass_both_ways_and_are_counted() {
    let relay = echo().await;
    let mut stream = connect(&relay).await;
    assert_eq!(exchange(&mut stream, b"hello").await, b"hello");
    assert_eq!((relay.bytes(Direction::Forward), relay.bytes(Direction::Backward)), (5, 5));
}

#[tokio::test]
async fn an_end_of_file_is_passed_on() {
    let relay = echo().await;
    let mut stream = connect(&relay).await;
    stream.write_all(b"last words").await.unwrap();
    stream.shutdown().await.unwrap();
    let mut all = Vec::new();
    timeout(LONG, stream.read_to_end(&mut all)).await.unwrap().unwrap();
    assert_eq!(all, b"last words");
}

#[tokio::test]
async fn a_cut_closes_connections_and_refuses_new_ones_until_restored() {
    let relay = echo().await;
    let mut stream = connect(&relay).await;
    exchange(&mut stream, b"a").await;

    relay.cut();

    assert!(is_closed(&mut stream).await);
    assert!(is_closed(&mut connect(&relay).await).await);
    relay.restore();
    assert_eq!(exchange(&mut connect(&relay).await, b"b").await, b"b");
}

#[tokio::test]
async fn a_black_hole_keeps_connections_and_delivers_what_was_held_once_restored() {
    let relay = echo().await;
    let mut stream = connect(&relay).await;
    exchange(&mut stream, b"a").await;

    relay.black_hole();
    stream.write_all(b"b").await.unwrap();
    let mut late = connect(&relay).await;
    late.write_all(b"c").await.unwrap();
    let mut answer = [0; 1];
    assert!(timeout(Duration::from_millis(50), stream.read_exact(&mut answer)).await.is_err());
    assert_eq!(relay.bytes(Direction::Forward), 1);

    relay.restore();
    timeout(LONG, stream.read_exact(&mut answer)).await.unwrap().unwrap();
    assert_eq!(&answer, b"b");
    timeout(LONG, late.read_exact(&mut answer)).await.unwrap().unwrap();
    assert_eq!(&answer, b"c");
}

#[tokio::test]
async fn one_direction_can_be_held_alone() {
    let relay = echo().await;
    let mut stream = connect(&relay).await;
    exchange(&mut stream, b"a").await;

    relay.hold(Direction::Backward);
    stream.write_all(b"b").await.unwrap();
    let passed =
        crate::wait::until(LONG, async || (relay.bytes(Direction::Forward) == 2).then_some(()));
    assert!(passed.await.is_some());
    assert_eq!(relay.bytes(Direction::Backward), 1);
}

#[tokio::test(start_paused = true)]
async fn bytes_are_late_by_the_delay_and_in_order() {
    let relay = echo().await;
    relay.set_delay(Direction::Forward, Duration::from_secs(40));
    relay.set_delay(Direction::Backward, Duration::from_secs(20));
    let mut stream = connect(&relay).await;
    let before = tokio::time::Instant::now();

    stream.write_all(b"one").await.unwrap();
    stream.write_all(b"two").await.unwrap();
    let mut answer = [0; 6];
    stream.read_exact(&mut answer).await.unwrap();

    assert_eq!(&answer, b"onetwo");
    assert!(before.elapsed() >= Duration::from_secs(60));
}

#[tokio::test]
async fn dropping_a_relay_closes_its_connections() {
    let relay = echo().await;
    let mut stream = connect(&relay).await;
    exchange(&mut stream, b"a").await;
    drop(relay);
    assert!(is_closed(&mut stream).await);
}

#[tokio::test]
async fn a_target_may_come_later() {
    let port = crate::ports::free().unwrap();
    let relay = Relay::start(([127, 0, 0, 1], port).into()).await.unwrap();
    assert!(is_closed(&mut connect(&relay).await).await);

    let other = echo().await;
    relay.set_target(other.address());

    assert_eq!(exchange(&mut connect(&relay).await, b"a").await, b"a");
}
