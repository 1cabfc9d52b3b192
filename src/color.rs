//! A store's one colour, made into the colours that pages and mails use, so that any accent leaves
//! them readable.

/// Red, green, blue, each 0 to 1.
type Rgb = [f64; 3];

const WHITE: Rgb = [1.0; 3];
const DARK_CARD: Rgb = [0.129, 0.114, 0.098];
const LIGHT_CARD: Rgb = [1.0, 0.996, 0.984];

/// The custom properties that store.css builds on. The accent is nudged until a button can be told
/// from the card (3:1, WCAG 2.2 SC 1.4.11) and its label read (4.5:1, SC 1.4.3); soft tints stay
/// close to the card, so that body text on them needs no looking at.
pub fn stylesheet(accent: &str) -> String {
    let given = read(accent).unwrap_or([0.12, 0.36, 0.34]);
    let light = nudge(given, LIGHT_CARD, [0.0; 3]);
    let dark = nudge(given, DARK_CARD, WHITE);
    let block = |accent: Rgb, card: Rgb, soft: f64| {
        format!(
            "--accent:{};--accent-ink:{};--accent-soft:{}",
            hex(accent),
            hex(ink(accent)),
            hex(mix(card, accent, soft))
        )
    };
    format!(
        ":root{{{}}}\n@media (prefers-color-scheme:dark){{:root{{{}}}}}\n",
        block(light, LIGHT_CARD, 0.10),
        block(dark, DARK_CARD, 0.14),
    )
}

/// Moves a colour towards `end` until it stands out against `card` and carries a label.
fn nudge(color: Rgb, card: Rgb, end: Rgb) -> Rgb {
    (0..=20)
        .map(|step| mix(color, end, f64::from(step) / 20.0))
        .find(|c| contrast(*c, card) >= 3.0 && contrast(*c, ink(*c)) >= 4.5)
        .unwrap_or(end)
}

/// The colour for text on `color`: near-black or white, whichever reads better.
fn ink(color: Rgb) -> Rgb {
    let dark = [0.07, 0.06, 0.05];
    if contrast(color, WHITE) >= contrast(color, dark) { WHITE } else { dark }
}

/// The colours of a mail's button: the accent, made dark enough or light enough for its label, and
/// the label's colour.
pub fn button(accent: &str) -> (String, String) {
    let color = nudge(read(accent).unwrap_or([0.12, 0.36, 0.34]), WHITE, [0.0; 3]);
    (hex(color), hex(ink(color)))
}

fn read(text: &str) -> Option<Rgb> {
    let number = u32::from_str_radix(text.strip_prefix('#')?, 16).ok()?;
    let part = |shift: u32| f64::from((number >> shift) & 0xff) / 255.0;
    Some([part(16), part(8), part(0)])
}

fn hex(color: Rgb) -> String {
    let [r, g, b] = color.map(|part| (part.clamp(0.0, 1.0) * 255.0).round() as u8);
    format!("#{r:02x}{g:02x}{b:02x}")
}

fn mix(from: Rgb, to: Rgb, share: f64) -> Rgb {
    std::array::from_fn(|i| from[i] + (to[i] - from[i]) * share)
}

/// Contrast ratio (WCAG 2.2, relative luminance of sRGB).
fn contrast(a: Rgb, b: Rgb) -> f64 {
    let luminance = |color: Rgb| {
        let linear =
            color.map(|c| if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) });
        0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    };
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_accent_makes_a_readable_button() {
        for accent in ["#000000", "#ffffff", "#ffff00", "#808080", "#1f5c57", "#ff0000", "#7f7f7f"]
        {
            let given = read(accent).unwrap();
            for (card, end) in [(LIGHT_CARD, [0.0; 3]), (DARK_CARD, WHITE), (WHITE, [0.0; 3])] {
                let color = nudge(given, card, end);
                assert!(contrast(color, card) >= 3.0, "{accent}");
                assert!(contrast(color, ink(color)) >= 4.5, "{accent}");
            }
            assert!(stylesheet(accent).starts_with(":root{--accent:#"));
        }
    }
}
