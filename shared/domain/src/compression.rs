//! Bodies at rest: zstd (RFC 8878) with a dictionary of what bodies are made of, so that a delivery fits into one
//! kilobyte, the unit that DynamoDB charges writes by
//! (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html>).

use std::sync::LazyLock;

use zstd::{
    bulk::{Compressor, Decompressor},
    dict::{DecoderDictionary, EncoderDictionary},
};

/// Leading byte of a text that is stored as it is.
const PLAIN: u8 = 0;
/// Leading byte of zstd with the first dictionary. Stored bodies depend on that file: a better dictionary gets a new
/// byte beside it.
const ZSTD_1: u8 = 1;
const LEVEL: i32 = 6;

static DICTIONARY_1: &[u8] = include_bytes!("compression/dictionary-1.txt");
static ENCODER_1: LazyLock<EncoderDictionary<'static>> =
    LazyLock::new(|| EncoderDictionary::copy(DICTIONARY_1, LEVEL));
static DECODER_1: LazyLock<DecoderDictionary<'static>> =
    LazyLock::new(|| DecoderDictionary::copy(DICTIONARY_1));

/// Why stored bytes give no text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecompressError {
    /// The leading byte is missing or unknown: written by a later version, or not by us.
    #[error("stored bytes are of no known format")]
    UnknownFormat,
    /// The text would be longer than asked for.
    #[error("stored bytes hold more than {limit} bytes")]
    TooLarge {
        /// The bound that was given.
        limit: usize,
    },
    /// Not what was written.
    #[error("stored bytes are damaged")]
    Damaged,
}

/// The shorter of compressed and plain, behind a byte that tells which: never more than one byte longer than `text`.
#[must_use]
pub fn compress(text: &[u8]) -> Vec<u8> {
    let compressed =
        Compressor::with_prepared_dictionary(&ENCODER_1).and_then(|mut zstd| zstd.compress(text));
    match compressed {
        Ok(compressed) if compressed.len() < text.len() => with_format(ZSTD_1, &compressed),
        _ => with_format(PLAIN, text),
    }
}

fn with_format(format: u8, bytes: &[u8]) -> Vec<u8> {
    let mut stored = Vec::with_capacity(1 + bytes.len());
    stored.push(format);
    stored.extend_from_slice(bytes);
    stored
}

/// What [`compress`] was given, if that has at most `limit` bytes; no more memory than that is taken.
///
/// # Errors
/// [`DecompressError`] for other formats, longer texts and damaged bytes.
pub fn decompress(stored: &[u8], limit: usize) -> Result<Vec<u8>, DecompressError> {
    match stored.split_first() {
        Some((&PLAIN, text)) if text.len() > limit => Err(DecompressError::TooLarge { limit }),
        Some((&PLAIN, text)) => Ok(text.to_vec()),
        Some((&ZSTD_1, frame)) => decompress_frame(frame, limit),
        _ => Err(DecompressError::UnknownFormat),
    }
}

fn decompress_frame(frame: &[u8], limit: usize) -> Result<Vec<u8>, DecompressError> {
    // We write the length into every frame; without one the bytes are not ours.
    let length = zstd::zstd_safe::get_frame_content_size(frame)
        .ok()
        .flatten()
        .ok_or(DecompressError::Damaged)?;
    let length = usize::try_from(length)
        .ok()
        .filter(|&length| length <= limit)
        .ok_or(DecompressError::TooLarge { limit })?;
    Decompressor::with_prepared_dictionary(&DECODER_1)
        .and_then(|mut zstd| zstd.decompress(frame, length))
        .map_err(|_| DecompressError::Damaged)
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};
    use sha2::{Digest, Sha256};

    use super::*;

    #[test]
    fn the_dictionary_stays_as_it_is_for_the_sake_of_stored_bodies() {
        let hash: String = Sha256::digest(DICTIONARY_1)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        assert_eq!(
            hash,
            "aa49d3299e03ea9dadfcb605ac4eabe7e5a4e2fe8772b949a0541c5b184bafa4"
        );
    }

    #[test]
    fn a_body_of_an_earlier_release_is_still_read() {
        let text = br#"{"event":"label.created","data":{"id":"lbl_1","name":"hardware"}}"#;
        let stored = [
            0x01, 0x28, 0xb5, 0x2f, 0xfd, 0x20, 0x41, 0xfd, 0x00, 0x00, 0x60, 0x31, 0x68, 0x61,
            0x72, 0x64, 0x77, 0x61, 0x72, 0x65, 0x22, 0x7d, 0x7d, 0x05, 0x80, 0xb0, 0x0f, 0x81,
            0x6b, 0x55, 0x53, 0x59, 0x47, 0xf4, 0xf8, 0xa3, 0x0a, 0x81, 0x6f, 0x14, 0x05,
        ];
        assert_eq!(decompress(&stored, 1_000).unwrap(), text);
    }

    #[test]
    fn a_text_that_does_not_shrink_is_stored_as_it_is() {
        assert_eq!(compress(b""), [PLAIN]);
        assert_eq!(compress(b"{}"), b"\0{}");
    }

    #[test]
    fn unknown_formats_are_told_from_damage() {
        assert_eq!(decompress(b"", 10), Err(DecompressError::UnknownFormat));
        assert_eq!(
            decompress(&[9, 1, 2], 10),
            Err(DecompressError::UnknownFormat)
        );
        assert_eq!(
            decompress(&[ZSTD_1, 1, 2], 10),
            Err(DecompressError::Damaged)
        );
    }

    #[test]
    fn a_bomb_is_not_unpacked() {
        let bomb = compress(&vec![b'a'; 50_000_000]);
        assert!(bomb.len() < 10_000);
        assert_eq!(
            decompress(&bomb, 300_000),
            Err(DecompressError::TooLarge { limit: 300_000 })
        );
    }

    #[test]
    fn a_frame_that_lies_about_its_length_is_damaged() {
        let mut stored = compress(&[b'a'; 200]);
        // RFC 8878, 3.1.1.1: magic number, descriptor, then (single segment) the one-byte content size.
        assert_eq!(stored[6], 200);
        stored[6] = 10;
        assert_eq!(decompress(&stored, 1_000), Err(DecompressError::Damaged));
    }

    #[test]
    fn the_limit_is_the_longest_text_that_passes() {
        for text in [vec![b'a'; 1_000], b"{}".to_vec()] {
            let stored = compress(&text);
            assert_eq!(
                decompress(&stored, text.len()).as_deref(),
                Ok(text.as_slice())
            );
            let limit = text.len() - 1;
            assert_eq!(
                decompress(&stored, limit),
                Err(DecompressError::TooLarge { limit })
            );
        }
    }

    proptest! {
        #[test]
        fn any_bytes_come_back(text in vec(any::<u8>(), 0..2_000)) {
            let stored = compress(&text);
            prop_assert!(stored.len() <= text.len() + 1);
            prop_assert_eq!(decompress(&stored, 2_000).unwrap(), text);
        }

        #[test]
        fn any_text_comes_back(text in "(\"[a-z_]{1,12}\":\"[ -~é]{0,40}\",){0,60}") {
            prop_assert_eq!(decompress(&compress(text.as_bytes()), 1 << 16).unwrap(), text.as_bytes());
        }

        #[test]
        fn damaged_bytes_give_an_error_or_a_bounded_text(mut stored in vec(any::<u8>(), 1..300), format in 0..2_u8) {
            stored[0] = format;
            prop_assert!(decompress(&stored, 500).map_or(0, |text| text.len()) <= 500);
        }

        #[test]
        fn a_flipped_bit_never_passes_the_limit(text in "[a-z ]{100,400}", place: prop::sample::Index, bit in 0..8_u8) {
            let mut stored = compress(text.as_bytes());
            let place = place.index(stored.len());
            stored[place] ^= 1_u8 << bit;
            prop_assert!(decompress(&stored, 400).map_or(0, |text| text.len()) <= 400);
        }
    }
}
