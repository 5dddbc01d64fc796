// One application: the scan is paged, turned and enlarged without loading the page again, by mouse or key. Keys work only where
// nothing is being typed, never with Ctrl, Alt or Meta; the queue's switch turns them off here too (WCAG 2.1.4).
const scan = document.querySelector('[data-scan]');
const between = (low, value, high) => Math.min(high, Math.max(low, value));

const viewer = scan && (() => {
  const picture = scan.querySelector('img');
  const number = scan.querySelector('[data-number]');
  const state = { page: Number(scan.dataset.page), turned: Number(scan.dataset.turned), scale: scan.dataset.scale };
  const pages = Number(scan.dataset.pages);
  const scaleLinks = [...scan.querySelectorAll('[data-does="scale"]')];
  const scales = scaleLinks.map((link) => link.dataset.value);
  const another = (by) => scales[between(0, scales.indexOf(state.scale) + by, scales.length - 1)];
  const show = () => {
    const large = Number(state.scale) > 150 ? '300' : '100';
    picture.src = `${scan.dataset.pictures.replace('/0.jpg', `/${state.page}.jpg`)}?obrot=${state.turned}&skala=${large}`;
    picture.alt = picture.alt.replace(/\d+(?=:)/, state.page);
    picture.className = `ib-scale-${state.scale}`;
    number.textContent = state.page;
    for (const link of scaleLinks) link.toggleAttribute('aria-current', link.dataset.value === state.scale);
    const place = new URL(location.href);
    const file = scan.dataset.pictures.split('/plik/')[1].split('/')[0];
    for (const [name, value] of [['plik', file], ['strona', state.page], ['obrot', state.turned], ['skala', state.scale]]) place.searchParams.set(name, value);
    history.replaceState(null, '', place);
  };
  const does = {
    on: () => { state.page = between(1, state.page + 1, pages); },
    back: () => { state.page = between(1, state.page - 1, pages); },
    turn: () => { state.turned = (state.turned + 90) % 360; },
    scale: (value) => { state.scale = value; },
    larger: () => { state.scale = another(1); },
    smaller: () => { state.scale = another(-1); },
  };
  scan.addEventListener('click', (event) => {
    const link = event.target.closest('[data-does]');
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    does[link.dataset.does](link.dataset.value);
    show();
  });
  return (name) => { does[name](); show(); };
})();

const keys = { n: 'on', p: 'back', r: 'turn', '+': 'larger', '=': 'larger', '-': 'smaller' };
document.addEventListener('keydown', (event) => {
  if (localStorage.getItem('ibok-keys-off') || event.ctrlKey || event.altKey || event.metaKey) return;
  if (event.target.matches('input, textarea, select, [contenteditable]')) return;
  if (event.key === 'd') {
    const first = document.querySelector('[data-deeds] button, [data-deeds] a');
    if (first) { event.preventDefault(); first.focus(); first.scrollIntoView({ block: 'nearest' }); }
  } else if (viewer && keys[event.key]) {
    event.preventDefault();
    viewer(keys[event.key]);
  }
});
