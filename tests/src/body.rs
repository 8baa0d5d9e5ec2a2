//! The bodies of answers, however their length is told (RFC 9112 6.3).

use crate::{Raw, Response};

impl Raw {
    /// Reads the body that follows this head.
    ///
    /// # Panics
    /// When it does not come, or breaks off.
    pub(crate) async fn body(&mut self, head: &Response) -> Vec<u8> {
        if matches!(head.status, 101 | 204 | 304) {
            return Vec::new();
        }
        if head.is_chunked() {
            let mut body = Vec::new();
            while let Some(chunk) = self.chunk().await {
                body.extend(chunk);
            }
            return body;
        }
        match head.header("Content-Length").map(str::parse) {
            Some(Ok(length)) => self.exactly(length).await,
            Some(Err(_)) => panic!("{:?} is no length", head.header("Content-Length")),
            None => {
                while self.receive("the end of the body").await.is_none() {}
                std::mem::take(&mut self.received)
            }
        }
    }

    /// The next chunk of a chunked body (RFC 9112 7.1); `None` for the one that ends it.
    ///
    /// # Panics
    /// When none comes, the connection ends before the body does, or there are trailers.
    pub async fn chunk(&mut self) -> Option<Vec<u8>> {
        let line_end = loop {
            let found = self.received.windows(2).position(|two| two == b"\r\n");
            match found {
                Some(at) => break at,
                None => self.more("a chunk").await,
            }
        };
        let line = self.exactly(line_end + 2).await;
        let size = std::str::from_utf8(&line[..line_end]).ok();
        let size = size.and_then(|digits| usize::from_str_radix(digits, 16).ok());
        let size = size.unwrap_or_else(|| panic!("no size of a chunk: {line:?}"));
        let mut chunk = self.exactly(size + 2).await;
        assert_eq!(chunk.split_off(size), b"\r\n", "a chunk's end");
        (size > 0).then_some(chunk)
    }

    /// The next `count` bytes.
    ///
    /// # Panics
    /// When the connection ends before.
    pub async fn exactly(&mut self, count: usize) -> Vec<u8> {
        while self.received.len() < count {
            self.more("the body").await;
        }
        self.received.drain(..count).collect()
    }

    async fn more(&mut self, what: &str) {
        let ended = self.receive(what).await;
        let received = String::from_utf8_lossy(&self.received);
        assert_eq!(
            ended, None,
            "the connection ended within {what}: {received:?}"
        );
    }
}

impl Response {
    /// Whether the body comes in chunks.
    fn is_chunked(&self) -> bool {
        self.header("Transfer-Encoding")
            .is_some_and(|coding| coding.eq_ignore_ascii_case("chunked"))
    }
}
