// Solves one ALTCHA proof of work: finds the counter for which
// SHA-256(salt || nonce || counter) starts with the published key prefix.
// SHA-256 (FIPS 180-4) is written out here because crypto.subtle is missing on plain http, and is
// slower for such short messages anyway. Messages stay below 56 bytes, hence one block each.
const STEP = 25_000; // hashes between two reports

// The constants are the first 32 bits of the fractional parts of the roots of the first primes.
const K = new Int32Array(64);
const START = new Int32Array(8);
for (let n = 2, found = 0; found < 64; n++) {
  let prime = true;
  for (let d = 2; d * d <= n; d++) prime &&= n % d !== 0;
  if (!prime) continue;
  if (found < 8) START[found] = (Math.sqrt(n) % 1) * 2 ** 32;
  K[found++] = (Math.cbrt(n) % 1) * 2 ** 32;
}

const w = new Int32Array(64);

/** Hashes the padded block in w[0..16] into `out`. */
function hash(out) {
  for (let i = 16; i < 64; i++) {
    const x = w[i - 15];
    const y = w[i - 2];
    const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
    const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
    w[i] = w[i - 16] + s0 + w[i - 7] + s1;
  }
  let [a, b, c, d, e, f, g, h] = START;
  for (let i = 0; i < 64; i++) {
    const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
    const t = (h + s1 + ((e & f) ^ (~e & g)) + K[i] + w[i]) | 0;
    const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
    const u = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    h = g;
    g = f;
    f = e;
    e = (d + t) | 0;
    d = c;
    c = b;
    b = a;
    a = (t + u) | 0;
  }
  const end = [a, b, c, d, e, f, g, h];
  for (let i = 0; i < 8; i++) out[i] = START[i] + end[i];
}

const bytes = (hex) => Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16));
const hex = (words) =>
  Array.from(words, (word) => (word >>> 0).toString(16).padStart(8, "0")).join("");

/** Lays out salt, nonce and counter as one padded block; returns the view for the counter. */
function block(salt, nonce, counterAt) {
  const view = new DataView(new ArrayBuffer(64));
  [...salt, ...nonce].forEach((byte, at) => view.setUint8(at, byte));
  view.setUint8(counterAt + 4, 0x80);
  view.setUint32(60, (counterAt + 4) * 8);
  return view;
}

function solve({ algorithm, cost, keyPrefix, nonce, salt }, report) {
  const counterAt = (salt.length + nonce.length) / 2;
  if (algorithm !== "SHA-256" || counterAt > 51) throw new Error("not a challenge of ours");
  const view = block(bytes(salt), bytes(nonce), counterAt);
  const out = new Int32Array(8);
  const first = parseInt(keyPrefix.slice(0, 8), 16) | 0;
  for (let counter = 0; counter < 2 ** 32; counter++) {
    view.setUint32(counterAt, counter);
    for (let i = 0; i < 16; i++) w[i] = view.getInt32(i * 4);
    hash(out);
    for (let round = 1; round < cost; round++) {
      w.set(out);
      w.fill(0, 8, 16);
      w[8] = 1 << 31;
      w[15] = 256;
      hash(out);
    }
    if (out[0] === first && hex(out).startsWith(keyPrefix)) {
      return { counter, derivedKey: hex(out) };
    }
    if (counter % STEP === 0) report(counter);
  }
  throw new Error("no solution");
}

onmessage = ({ data: challenge }) => {
  const start = performance.now();
  const solution = solve(challenge.parameters, (tried) => postMessage({ tried }));
  postMessage({ solution: { ...solution, time: Math.round(performance.now() - start) } });
};
