//! Signatures, verified by somebody else: Debian's dkimpy, which shares no code with what signs.

use std::io::Write;
use std::process::{Command, Stdio};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as B64;
use doorkey::mail::dkim::DomainKey;

/// Reads a message and DNS records; writes for each signature whether it holds.
const SCRIPT: &str = r#"
import base64, json, sys
import dkim
asked = json.load(sys.stdin)
message = base64.b64decode(asked["message"])
def dns(name, timeout=5):
    found = asked["records"].get(name.decode().rstrip("."))
    return found.encode() if found is not None else None
head = message.split(b"\r\n\r\n")[0]
count = sum(line.lower().startswith(b"dkim-signature:") for line in head.split(b"\r\n"))
def holds(n):
    try:
        return bool(dkim.DKIM(message, minkey=2048).verify(idx=n, dnsfunc=dns))
    except dkim.DKIMException as error:
        print(error, file=sys.stderr)
        return False
print(json.dumps([holds(n) for n in range(count)]))
"#;

/// Whether each signature of a message holds, with these keys' records in DNS, in the order in which
/// they stand. Each is looked at alone.
pub fn verify(message: &[u8], keys: &[DomainKey]) -> Vec<bool> {
    let published = |key: &DomainKey| {
        let record = key.record();
        // As a resolver gives it: the strings of the record, joined.
        (record.name.clone(), record.strings().concat())
    };
    let records: std::collections::HashMap<_, _> = keys.iter().map(published).collect();
    let asked = serde_json::json!({ "message": B64.encode(message), "records": records });
    // The system's own Python, for which `./test` installs the packages.
    let mut child = Command::new("/usr/bin/python3")
        .args(["-c", SCRIPT])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("python3; run ./test");
    child.stdin.take().unwrap().write_all(asked.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "python3-dkim and python3-nacl; run ./test: {said}");
    serde_json::from_slice(&output.stdout).unwrap()
}
