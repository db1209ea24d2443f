//! Takes the place of the `antiphon` binary in the lab's own tests, which are about starting and
//! ending processes: listens where a gateway would, writes what a node would, does nothing else.

#![expect(clippy::indexing_slicing, reason = "a stand-in that panics fails its test")]

use std::error::Error;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::{env, fs, thread};

use toml::Table;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().collect();
    let configs = arguments.windows(2).filter(|pair| pair[0] == "--config");
    let mut last = None;
    for pair in configs {
        let config: Table = fs::read_to_string(&pair[1])?.parse()?;
        match arguments[1].as_str() {
            "gateway" => last = Some(gateway(&config)?),
            _ => node(&config)?,
        }
    }
    match last {
        Some((http, _link)) => serve(&http),
        None => loop {
            thread::park();
        },
    }
}

/// Listens for HTTP and for links.
fn gateway(config: &Table) -> Result<(TcpListener, TcpListener), Box<dyn Error>> {
    if config.contains_key("fail") {
        return Err("told to fail".into());
    }
    let address = |section: &str| config[section]["listen"].as_str().unwrap_or_default();
    Ok((TcpListener::bind(address("http"))?, TcpListener::bind(address("link"))?))
}

/// Says that it is connected.
fn node(config: &Table) -> Result<(), Box<dyn Error>> {
    let file = config["status_file"].as_str().unwrap_or_default();
    fs::write(file, "{}")?;
    Ok(())
}

/// Answers every request with 200.
fn serve(listener: &TcpListener) -> Result<(), Box<dyn Error>> {
    loop {
        let (mut stream, _) = listener.accept()?;
        let read = stream.read(&mut [0; 1024])?;
        if read > 0 {
            stream.write_all(b"HTTP/1.0 200 OK\r\n\r\nready")?;
        }
    }
}
