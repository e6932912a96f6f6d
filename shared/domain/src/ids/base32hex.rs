//! Base 32 with the "extended hex" alphabet of RFC 4648 §7, in lower case and without padding: the one base-32
//! alphabet whose texts sort as the numbers do.

const ALPHABET: &[u8; 32] = b"0123456789abcdefghijklmnopqrstuv";

/// All digits, in their order.
pub(super) fn digits() -> impl Iterator<Item = char> {
    ALPHABET.iter().copied().map(char::from)
}

/// Whether `c` belongs to the alphabet.
pub(super) fn is_digit(c: u8) -> bool {
    matches!(c, b'0'..=b'9' | b'a'..=b'v')
}

/// The lowest `5 × digits` bits of `number`, most significant first.
pub(super) fn encode(number: u128, digits: u32) -> String {
    (0..digits)
        .rev()
        .map(|place| char::from(ALPHABET[(number >> (5 * place)) as usize & 31]))
        .collect()
}

/// The number that up to 25 digits write; `None` for a character outside the alphabet or more digits.
pub(super) fn decode(text: &str) -> Option<u128> {
    if text.len() > 25 {
        return None;
    }
    text.bytes()
        .try_fold(0, |number, c| Some(number << 5 | u128::from(digit(c)?)))
}

fn digit(c: u8) -> Option<u8> {
    match c {
        b'0'..=b'9' => Some(c - b'0'),
        b'a'..=b'v' => Some(c - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_alphabet_is_that_of_rfc_4648_section_7() {
        // "fooba" is CPNMUOJ1 there (§10).
        let number = u128::from_be_bytes(*b"\0\0\0\0\0\0\0\0\0\0\0fooba");
        assert_eq!(encode(number, 8), "cpnmuoj1");
    }

    #[test]
    fn other_characters_and_too_many_digits_are_refused() {
        for text in ["w", "A", "-", "é", "00000000000000000000000000"] {
            assert_eq!(decode(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn numbers_come_back(number in 0..1_u128 << 125) {
            prop_assert_eq!(decode(&encode(number, 25)), Some(number));
        }

        #[test]
        fn texts_sort_as_the_numbers_do(a in 0..1_u128 << 50, b in 0..1_u128 << 50) {
            prop_assert_eq!(encode(a, 10).cmp(&encode(b, 10)), a.cmp(&b));
        }
    }
}
