//! Random identifiers in the shapes that AWS gives them.

/// A random version 4 UUID (RFC 9562, 5.4), as request ids look.
pub(crate) fn uuid() -> String {
    let bits = rand::random::<u128>();
    let bits = bits & !(0xf << 76) & !(0b11 << 62) | (0x4 << 76) | (0b10 << 62);
    let hex = format!("{bits:032x}");
    format!(
        "{}-{}-{}-{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..]
    )
}

/// `len` random lower-case hex digits, at most 32.
pub(crate) fn hex(len: usize) -> String {
    let mut digits = format!("{:032x}", rand::random::<u128>());
    digits.truncate(len);
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_has_version_four_and_the_rfc_variant() {
        for _ in 0..100 {
            let id = uuid();
            let groups: Vec<_> = id.split('-').map(str::len).collect();
            assert_eq!(groups, [8, 4, 4, 4, 12]);
            assert_eq!(&id[14..15], "4");
            assert!("89ab".contains(&id[19..20]), "{id}");
        }
    }

    #[test]
    fn hex_has_the_length_asked_for() {
        assert_eq!(hex(24).len(), 24);
    }
}
