// Runs while the applicant reads; without it the form can still be sent, only less often from one address.
const field = document.getElementById('altcha');
if (field && window.crypto && crypto.subtle) {
  const d = field.dataset, worker = new Worker('/static/js/altcha-worker.js');
  worker.onmessage = (event) => {
    field.value = btoa(JSON.stringify({ algorithm: d.algorithm, challenge: d.challenge, number: event.data, salt: d.salt, signature: d.signature }));
    field.dataset.solved = 'yes';
  };
  worker.postMessage({ challenge: d.challenge, salt: d.salt, max: Number(d.max) });
}
