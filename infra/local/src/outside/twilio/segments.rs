//! The parts that a text is sent in, counted without the product's own code: the simulator is the other side.
//!
//! Source: 3GPP TS 23.038, 6.2.1 (the alphabet and its extension), and
//! [Twilio's limits](https://www.twilio.com/docs/glossary/what-sms-character-limit).

/// The GSM 7-bit alphabet, one septet each.
const BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?\
    ¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
/// Its extension, two septets each.
const EXTENSION: &str = "\u{c}^{}\\[~]|€";

/// How many parts this text takes, at least one.
pub(super) fn count(text: &str) -> usize {
    let septets: Option<Vec<usize>> = text.chars().map(septets).collect();
    match septets {
        Some(septets) => parts(&septets, 160, 153),
        None => {
            let units: Vec<_> = text.chars().map(char::len_utf16).collect();
            parts(&units, 70, 67)
        }
    }
}

fn septets(character: char) -> Option<usize> {
    if BASIC.contains(character) {
        Some(1)
    } else {
        EXTENSION.contains(character).then_some(2)
    }
}

/// One part of `single` units, or several of `each`; what one character takes stays together.
fn parts(sizes: &[usize], single: usize, each: usize) -> usize {
    if sizes.iter().sum::<usize>() <= single {
        return 1;
    }
    let (mut parts, mut filled) = (1, 0);
    for size in sizes {
        if filled + size > each {
            parts += 1;
            filled = 0;
        }
        filled += size;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_counted_at_their_edges() {
        for (text, expected) in [
            (String::new(), 1),
            ("a".repeat(160), 1),
            ("a".repeat(161), 2),
            ("a".repeat(306), 2),
            ("a".repeat(307), 3),
            ("€".repeat(80), 1),
            ("€".repeat(81), 2),
            // 152 + 2 septets do not fit into the first part, so the second begins with the pair.
            (format!("{}€{}", "a".repeat(152), "a".repeat(151)), 2),
            (format!("{}€{}", "a".repeat(152), "a".repeat(152)), 3),
            ("я".repeat(70), 1),
            ("я".repeat(71), 2),
            // 33 pairs of surrogates a part.
            ("😀".repeat(35), 1),
            ("😀".repeat(66), 2),
            ("😀".repeat(67), 3),
        ] {
            assert_eq!(count(&text), expected, "{text}");
        }
    }
}
