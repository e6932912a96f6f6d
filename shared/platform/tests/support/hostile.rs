//! Texts that try to be more than a value.

/// What splits a header, a request or a C string where it is taken as it is.
pub(crate) const HOSTILE: &[&str] = &[
    "\r\nX-Evil: 1",
    "\nX-Evil: 1",
    "\rX-Evil: 1",
    "\r\n\r\nGET /evil HTTP/1.1\r\nHost: evil\r\n\r\n",
    "\0X-Evil: 1",
    "\u{85}X-Evil: 1",
    "\u{2028}X-Evil: 1",
    // Latin-1 code points whose low bytes are CR and LF
    "\u{10d}\u{10a}X-Evil: 1",
    "嘊嘍X-Evil: 1",
    "\u{b}\u{c}X-Evil: 1",
    "\u{1b}[2JX-Evil: 1",
    "\u{7f}",
    "\u{fc}",
    "\u{1f980}",
    " HTTP/1.1\r\nX-Evil: 1\r\nX-Rest:",
    "\tX-Evil: 1",
    "%0d%0aX-Evil:%201",
    "%00",
    "%E5%98%8A%E5%98%8DX-Evil:1",
];
