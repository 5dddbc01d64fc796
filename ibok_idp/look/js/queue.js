// Keys of the queue: j and k walk the rows, "/" searches, "?" opens the help. Only where nothing is being typed,
// never with Ctrl, Alt or Meta, and they can be switched off (WCAG 2.1.4); the choice is kept in this browser.
const KEPT = 'ibok-keys-off';
const help = document.getElementById('skroty');
const box = document.getElementById('skroty-on');
const rows = [...document.querySelectorAll('[data-queue] [data-row]')];
const typing = (element) => element.matches('input, textarea, select, [contenteditable]');
const step = (by) => {
  const at = rows.indexOf(document.activeElement);
  const next = rows[at < 0 ? (by > 0 ? 0 : rows.length - 1) : Math.min(rows.length - 1, Math.max(0, at + by))];
  if (next) { next.focus(); next.scrollIntoView({ block: 'nearest' }); }
};
const keys = {
  j: () => step(1),
  k: () => step(-1),
  '/': () => document.getElementById('q').focus(),
  '?': () => { help.open = !help.open; help.querySelector('summary').focus(); },
};
box.checked = !localStorage.getItem(KEPT);
box.addEventListener('change', () => (box.checked ? localStorage.removeItem(KEPT) : localStorage.setItem(KEPT, '1')));
document.addEventListener('keydown', (event) => {
  if (!box.checked || event.ctrlKey || event.altKey || event.metaKey || typing(event.target)) return;
  const act = keys[event.key];
  if (act) { event.preventDefault(); act(); }
});
