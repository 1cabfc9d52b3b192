//! Forms, read strictly: each field at most once, no field that the form does not have, UTF-8 or
//! nothing. A lenient reader is how a second address or an operator ends in a query.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::header;
use percent_encoding::percent_decode;
use serde::de::DeserializeOwned;
use serde::de::value::{Error, MapDeserializer};

use super::error::Failure;
use crate::app::App;

/// How long a form may take to arrive: long for 16 KiB, short for somebody who holds connections.
const PATIENCE: Duration = Duration::from_secs(30);

/// A form whose fields are those of `T`, all of them text (`#[serde(default)]` for those that may be
/// missing; `#[serde(deny_unknown_fields)]` is the caller's to add).
#[derive(Debug)]
pub struct Form<T>(pub T);

impl<T: DeserializeOwned> FromRequest<App> for Form<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, app: &App) -> Result<Self, Failure> {
        let kind = request.headers().get(header::CONTENT_TYPE).map(|kind| kind.as_bytes());
        let is_form = kind.is_some_and(|kind| {
            let kind = kind.split(|b| *b == b';').next().unwrap_or_default().trim_ascii();
            kind.eq_ignore_ascii_case(b"application/x-www-form-urlencoded")
        });
        if !is_form {
            return Err(Failure::BadRequest);
        }
        let body = tokio::time::timeout(PATIENCE, Bytes::from_request(request, app)).await;
        let body = body.map_err(|_| Failure::Slow)?.map_err(|rejection| {
            if rejection.status() == axum::http::StatusCode::PAYLOAD_TOO_LARGE {
                Failure::TooLarge
            } else {
                Failure::BadRequest
            }
        })?;
        read(&body).map(Form).ok_or(Failure::BadRequest)
    }
}

/// Reads `application/x-www-form-urlencoded` (WHATWG URL, 5.1), less its leniency.
fn read<T: DeserializeOwned>(body: &[u8]) -> Option<T> {
    let mut fields: Vec<(String, String)> = Vec::new();
    for pair in body.split(|b| *b == b'&').filter(|pair| !pair.is_empty()) {
        let (name, value) = match pair.iter().position(|b| *b == b'=') {
            Some(i) => (&pair[..i], &pair[i + 1..]),
            None => (pair, &pair[pair.len()..]),
        };
        let name = decode(name)?;
        if fields.iter().any(|(other, _)| *other == name) {
            return None;
        }
        fields.push((name, decode(value)?));
    }
    T::deserialize(MapDeserializer::<_, Error>::new(fields.into_iter())).ok()
}

fn decode(raw: &[u8]) -> Option<String> {
    let spaced: Vec<u8> = raw.iter().map(|b| if *b == b'+' { b' ' } else { *b }).collect();
    let bytes: Vec<u8> = percent_decode(&spaced).collect();
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Sample {
        email: String,
        #[serde(default)]
        return_to: String,
    }

    #[test]
    fn a_form_is_read_strictly() {
        let right = Sample { email: "a+b@x.test".into(), return_to: "/a b".into() };
        assert_eq!(read(b"email=a%2Bb%40x.test&return_to=/a+b"), Some(right));
        for wrong in [
            &b""[..],
            b"return_to=/",
            b"email=a&email=b",
            b"email=a&Email=b",
            b"email[]=a",
            b"email=a&to=b",
            b"email=%C3%28",
            b"{\"email\":\"a\"}",
            b"email=a&e%6dail=b",
        ] {
            assert_eq!(read::<Sample>(wrong), None, "{}", String::from_utf8_lossy(wrong));
        }
    }
}
