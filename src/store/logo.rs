//! Logos. What is uploaded is decoded and written anew as a small PNG, so that nothing of a file
//! but its picture is ever served. SVG is a document that can act, and is no picture here.

use std::io::Cursor;

use image::imageops::FilterType;
use image::io::{Limits, Reader};
use image::{DynamicImage, ImageFormat};

/// Largest file, in bytes.
pub const MAX_BYTES: usize = 512 * 1024;

/// Most pixels of a side that are decoded: a small file can unfold to a picture of gigabytes.
const MAX_SIDE: u32 = 4096;

/// Most pixels altogether: 64 MB once decoded.
const MAX_PIXELS: u64 = 4096 * 2048;

/// Pixels of the longer side of what is kept: twice what the largest page shows, for fine screens.
const KEPT_SIDE: u32 = 256;

/// Why a file is no logo. `Display` says what to do, as half a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// More than [`MAX_BYTES`].
    Heavy,
    /// More pixels than are decoded.
    Large,
    /// Of another kind.
    Kind,
    /// Of a known kind, but damaged.
    Damaged,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Heavy => "it is larger than 512 KiB: make it smaller",
            Self::Large => "it has too many pixels: 2048 by 2048 are more than enough",
            Self::Kind => "it is no PNG, JPEG or WebP image: save it as one of these",
            Self::Damaged => "it is damaged: save it again as a PNG",
        })
    }
}

/// Reads a PNG, JPEG or WebP file (its first bytes decide, not its name) and gives a PNG of at most
/// 256 pixels a side. Takes a while; not for a thread that serves pages.
///
/// # Errors
/// See [`Refusal`].
pub fn read(file: &[u8]) -> Result<Vec<u8>, Refusal> {
    if file.len() > MAX_BYTES {
        return Err(Refusal::Heavy);
    }
    let format = match file {
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => ImageFormat::Png,
        [0xff, 0xd8, 0xff, ..] => ImageFormat::Jpeg,
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => ImageFormat::WebP,
        _ => return Err(Refusal::Kind),
    };
    let reader = || Reader::with_format(Cursor::new(file), format);
    let (width, height) = reader().into_dimensions().map_err(|_| Refusal::Damaged)?;
    let pixels = u64::from(width) * u64::from(height);
    if width.max(height) > MAX_SIDE || pixels > MAX_PIXELS {
        return Err(Refusal::Large);
    }
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_PIXELS * 8);
    let mut reader = reader();
    reader.limits(limits);
    let picture = reader.decode().map_err(|_| Refusal::Damaged)?;
    let picture = if width.max(height) > KEPT_SIDE {
        picture.resize(KEPT_SIDE, KEPT_SIDE, FilterType::Lanczos3)
    } else {
        picture
    };
    let mut png = Cursor::new(Vec::new());
    DynamicImage::ImageRgba8(picture.to_rgba8())
        .write_to(&mut png, ImageFormat::Png)
        .map_err(|_| Refusal::Damaged)?;
    Ok(png.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(width: u32, height: u32, format: ImageFormat) -> Vec<u8> {
        let mut file = Cursor::new(Vec::new());
        DynamicImage::new_rgb8(width, height).write_to(&mut file, format).unwrap();
        file.into_inner()
    }

    fn size(png: &[u8]) -> (u32, u32) {
        let reader = Reader::with_format(Cursor::new(png), ImageFormat::Png);
        reader.into_dimensions().unwrap()
    }

    #[test]
    fn pictures_are_written_anew_and_made_small() {
        for format in [ImageFormat::Png, ImageFormat::Jpeg] {
            assert_eq!(size(&read(&picture(600, 300, format)).unwrap()), (256, 128));
            assert_eq!(size(&read(&picture(40, 50, format)).unwrap()), (40, 50));
        }
        let mut with_more = picture(10, 10, ImageFormat::Png);
        with_more.extend(b"<script>alert(1)</script>");
        let kept = read(&with_more).unwrap();
        assert!(!kept.windows(7).any(|part| part == b"<script"));
    }

    #[test]
    fn what_is_no_picture_is_refused() {
        let png = picture(10, 10, ImageFormat::Png);
        assert_eq!(read(&png[..png.len() / 2]), Err(Refusal::Damaged));
        assert_eq!(read(b"\x89PNG\r\n\x1a\n..."), Err(Refusal::Damaged));
        assert_eq!(read(b"RIFF....WEBPVP8 nonsense"), Err(Refusal::Damaged));
        for other in [&b"<svg onload=\"alert(1)\"/>"[..], b"GIF89a", b"", b"BM", b"<html>"] {
            assert_eq!(read(other), Err(Refusal::Kind));
        }
        assert_eq!(read(&picture(5000, 1, ImageFormat::Png)), Err(Refusal::Large));
        assert_eq!(read(&picture(3000, 3000, ImageFormat::Png)), Err(Refusal::Large));
        assert_eq!(read(&[0xff; MAX_BYTES + 1]), Err(Refusal::Heavy));
    }
}
