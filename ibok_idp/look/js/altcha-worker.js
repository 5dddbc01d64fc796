// Solves the proof of work of the form's last page: find the number whose sha256(salt + number) is the challenge.
self.onmessage = async function (event) {
  const { challenge, salt, max } = event.data, encoder = new TextEncoder();
  for (let number = 0; number <= max; number++) {
    const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', encoder.encode(salt + number)));
    let hex = '';
    for (const byte of digest) hex += byte.toString(16).padStart(2, '0');
    if (hex === challenge) { self.postMessage(number); return; }
  }
};
