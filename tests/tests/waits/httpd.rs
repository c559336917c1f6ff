//! The example `httpd`, as a process of its own and over raw sockets.

mod answers;
mod ends;

use std::fs;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// The server's limit for slow clients, in seconds: where they are the subject, and elsewhere.
const SHORT: f64 = 0.4;
const LONG: f64 = 30.0;

/// The features that give the example the platform of this test.
fn platform() -> &'static [&'static str] {
    if cfg!(feature = "os-darwin-stub") {
        &["--no-default-features", "--features", "std,os-darwin-stub,arch-amd64"]
    } else {
        &[]
    }
}

/// Builds the example, once, and returns where it is: beside this test, with the same profile.
fn example() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| {
        let this = std::env::current_exe().unwrap();
        let built = this.ancestors().nth(2).expect("tests are built into TARGET/PROFILE/deps");
        let profile = match built.file_name().and_then(|name| name.to_str()) {
            Some("debug") | None => "dev",
            Some(other) => other,
        };
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let done = Command::new(cargo)
            .args(["build", "--quiet", "--package", "gort", "--example", "httpd"])
            .args(platform())
            .args(["--profile", profile, "--target-dir"])
            .arg(built.parent().expect("a profile's directory is in the target directory"))
            .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap())
            .status()
            .unwrap();
        assert!(done.success(), "the example does not build");
        built.join("examples/httpd")
    })
}

/// A directory to serve, removed when dropped.
struct Site(PathBuf);

impl Site {
    fn new() -> Site {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let top = std::env::temp_dir().join(format!("httpd-{}-{number}", std::process::id()));
        let root = top.join("root");
        fs::create_dir_all(root.join("sub")).unwrap();
        fs::create_dir_all(root.join("empty")).unwrap();
        fs::write(top.join("secret.txt"), "secret").unwrap();
        fs::write(root.join("index.html"), "<p>index</p>").unwrap();
        fs::write(root.join("a b.txt"), "blank").unwrap();
        fs::write(root.join("sub/index.html"), "sub").unwrap();
        fs::write(root.join("big.bin"), big()).unwrap();
        std::os::unix::fs::symlink("../secret.txt", root.join("out.txt")).unwrap();
        std::os::unix::fs::symlink("..", root.join("up")).unwrap();
        std::os::unix::fs::symlink("a b.txt", root.join("in.txt")).unwrap();
        std::os::unix::fs::symlink("loop", root.join("loop")).unwrap();
        Site(top)
    }

    fn root(&self) -> PathBuf {
        self.0.join("root")
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// More than fits into the buffers of a connection.
fn big() -> &'static [u8] {
    static BYTES: OnceLock<Vec<u8>> = OnceLock::new();
    let byte = |i: u32| (i.wrapping_mul(0x9e37_79b9) >> 24) as u8;
    BYTES.get_or_init(|| (0..16 << 20).map(byte).collect())
}

/// A running server; killed when dropped.
struct Server {
    process: Child,
    address: SocketAddr,
    site: Site,
}

impl Server {
    fn start() -> Server {
        Server::with_timeout(LONG)
    }

    fn with_timeout(timeout: f64) -> Server {
        let site = Site::new();
        let timeout = timeout.to_string();
        let mut process = Command::new(example())
            .args(["--addr", "127.0.0.1:0", "--procs", "2", "--timeout", &timeout])
            .arg(site.root())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        // It says one line; the pipe stays open for as long as it lives.
        let mut line = String::new();
        let mut byte = [0];
        let output = process.stdout.as_mut().unwrap();
        while output.read(&mut byte).unwrap() == 1 && byte != *b"\n" {
            line.push(char::from(byte[0]));
        }
        assert!(line.starts_with("serving ") && line.ends_with(" with 2 processors"), "{line}");
        let (_, rest) = line.split_once("http://").unwrap();
        let address = rest.split(' ').next().unwrap().parse().unwrap();
        Server { process, address, site }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream
    }

    /// Sends this on a connection of its own and returns all that comes until its end.
    fn ask(&self, request: &str) -> String {
        let mut stream = self.connect();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// The answer to a GET of this target, as status and body.
    fn get(&self, target: &str) -> (u16, String) {
        let request = format!("GET {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        let answer = self.ask(&request);
        let (head, body) = answer.split_once("\r\n\r\n").expect("an answer has a head");
        (status(head), body.to_owned())
    }

    fn signal(&self, signal: i32) {
        // SAFETY: `kill` takes any numbers; the process is a child that was not waited for.
        assert_eq!(unsafe { libc::kill(self.process.id() as i32, signal) }, 0);
    }

    fn descriptors(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.process.id())).unwrap().count()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn status(head: &str) -> u16 {
    let code = head.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3));
    code.and_then(|code| code.parse().ok()).unwrap_or_else(|| panic!("no status: {head}"))
}

/// Reads one response whose length its head says.
fn response(stream: &mut TcpStream, head_only: bool) -> io::Result<(String, Vec<u8>)> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let field = head.lines().find_map(|line| line.strip_prefix("Content-Length: ")).unwrap();
    let mut body = vec![0; if head_only { 0 } else { field.parse().unwrap() }];
    stream.read_exact(&mut body)?;
    Ok((head, body))
}
