//! Servers, which say their port and go on until they are ended: `peers/c/load.c` is their client.

use std::io::{Read, Write};

use gort::net::{TcpListener, TcpStream};

use crate::figures::{Figures, Given};

/// What a request ends with.
const END: &[u8] = b"\r\n\r\n";

/// What each request is answered with.
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\nHello, world!";

/// Listens, says where, and serves every connection in a goroutine.
fn serve(each: fn(TcpStream) -> std::io::Result<()>) -> Figures {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    println!("{{\"port\":{}}}", address.port());
    loop {
        let (stream, _) = listener.accept().expect("there are descriptors enough");
        // A client that hangs up is no error of ours.
        gort::go(move || drop(stream.set_nodelay(true).and_then(|()| each(stream))));
    }
}

/// Sends back what comes.
pub(crate) fn tcp_echo(_: Given) -> Figures {
    serve(|mut stream| {
        let mut buffer = [0; 512];
        loop {
            match stream.read(&mut buffer)? {
                0 => return Ok(()),
                n => stream.write_all(&buffer[..n])?,
            }
        }
    })
}

/// Answers each request with the same.
pub(crate) fn httpd(_: Given) -> Figures {
    serve(|mut stream| {
        let (mut buffer, mut filled) = ([0; 2048], 0);
        loop {
            match stream.read(&mut buffer[filled..])? {
                0 => return Ok(()),
                n => filled += n,
            }
            while let Some(at) = buffer[..filled].windows(END.len()).position(|part| part == END) {
                assert!(buffer.starts_with(b"GET / HTTP/1.1\r\n"));
                stream.write_all(ANSWER)?;
                buffer.copy_within(at + END.len()..filled, 0);
                filled -= at + END.len();
            }
        }
    })
}
