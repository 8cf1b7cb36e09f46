/** The style of the HTML report: system fonts, dark and light, and paper. */
export const pageStyle = `
:root { --text: #1c2024; --soft: #60646c; --page: #fcfcfd; --card: #fff; --line: #dfe1e6; --add: #e6f6eb; --del: #ffebe9;
  --idiomatic: #18794e; --bridged: #0b68cb; --manual: #915a00; --failed: #c62a2f; }
@media (prefers-color-scheme: dark) { :root { --text: #edeef0; --soft: #b0b4ba; --page: #111113; --card: #18191b; --line: #363a3f;
  --add: #113b29; --del: #4a1c1c; --idiomatic: #3dd68c; --bridged: #70b8ff; --manual: #ffca16; --failed: #ff9592; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 1500px; margin: 0 auto; padding: 24px; }
h1 { font-size: 22px; margin: 0 0 4px; } h2 { font-size: 17px; margin: 28px 0 8px; }
.soft { color: var(--soft); }
.counts { display: flex; flex-wrap: wrap; gap: 12px; margin: 16px 0; }
.count { border: 1px solid var(--line); border-radius: 8px; padding: 8px 16px; background: var(--card); font: inherit; color: inherit;
  text-align: left; cursor: pointer; min-width: 110px; }
.count b { display: block; font-size: 24px; line-height: 1.2; } .count[aria-pressed=false] { opacity: .45; }
.bar { position: sticky; top: 0; z-index: 1; display: flex; flex-wrap: wrap; gap: 8px; padding: 10px 0; background: var(--page); }
input, select { font: inherit; color: inherit; background: var(--card); border: 1px solid var(--line); border-radius: 6px; padding: 5px 8px; }
input { flex: 1 1 220px; } select { max-width: 340px; }
.finding { border: 1px solid var(--line); border-radius: 8px; background: var(--card); padding: 8px 12px; margin: 6px 0; overflow-wrap: anywhere; }
.finding:focus { outline: 2px solid var(--bridged); outline-offset: 1px; }
.finding p { margin: 2px 0 0; }
.outcome { font-weight: 600; } .idiomatic { color: var(--idiomatic); } .bridged { color: var(--bridged); }
.manual { color: var(--manual); } .failed { color: var(--failed); }
code, td { font: 12.5px/1.5 ui-monospace, monospace; }
details { border: 1px solid var(--line); border-radius: 8px; background: var(--card); margin: 8px 0; }
summary { padding: 8px 12px; cursor: pointer; overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; table-layout: fixed; }
td { padding: 0 8px; white-space: pre-wrap; overflow-wrap: anywhere; vertical-align: top; }
td.number { width: 52px; text-align: right; color: var(--soft); user-select: none; }
td.removed { background: var(--del); } td.added { background: var(--add); }
tbody + tbody { border-top: 6px solid var(--page); }
.empty { padding: 24px 0; }
.notes { margin: 8px 0; padding-left: 20px; }
@media print {
  :root { --text: #1c2024; --soft: #60646c; --page: #fff; --card: #fff; --line: #dfe1e6; --add: #e6f6eb; --del: #ffebe9;
    --idiomatic: #18794e; --bridged: #0b68cb; --manual: #915a00; --failed: #c62a2f; }
  .bar, .count[aria-pressed=false], .hint { display: none; } main { max-width: none; padding: 0; }
  .finding, tr { break-inside: avoid; } summary { break-after: avoid; } .finding { padding: 2px 8px; margin: 3px 0; }
  /* Colours of backgrounds are left out on paper, unless one insists; the lines say it without a colour, too. */
  td.removed, td.added { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  td.removed::before { content: "- "; } td.added::before { content: "+ "; }
  code, td { font-size: 9px; } td.number { width: 34px; padding: 0 4px; }
}
`;

/** What the HTML report does, in the browser. Only text is put into the page, never markup. */
export const pageScript = `
'use strict';
const data = JSON.parse(document.getElementById('data').textContent);
const outcomes = ['idiomatic', 'bridged', 'manual', 'failed'];
const shown = new Set(outcomes);
const root = document.getElementById('report');
const make = (tag, attributes, ...children) => {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {}))
    name.startsWith('on') ? node.addEventListener(name.slice(2), value) : value !== null && node.setAttribute(name, value);
  node.append(...children.filter((child) => child !== null));
  return node;
};
const plural = (n, word) => n + ' ' + word + (n === 1 ? '' : 's');
const search = make('input', { type: 'search', placeholder: 'Filter by text  ( / )', 'aria-label': 'Filter by text', oninput: () => update() });
const choice = (label, values) => make('select', { 'aria-label': label, onchange: () => update() },
  make('option', { value: '' }, label), ...values.map((value) => make('option', { value }, value)));
const unique = (values) => [...new Set(values)].sort();
const rule = choice('All rules', unique(data.findings.map((finding) => finding.rule)));
const file = choice('All files', unique([...data.findings.map((finding) => finding.file), ...data.files.map((each) => each.name)]));
const counts = outcomes.map((outcome) => make('button', { class: 'count ' + outcome, 'aria-pressed': 'true', 'data-outcome': outcome,
  onclick: (event) => { shown.has(outcome) ? shown.delete(outcome) : shown.add(outcome);
    event.currentTarget.setAttribute('aria-pressed', String(shown.has(outcome))); update(); } },
  make('b', null, String(data.summary[outcome])), outcome));
const list = make('section', { id: 'findings', 'aria-live': 'polite' });
const diffs = make('section', { id: 'diffs' });
root.append(
  make('h1', null, 'connect-migrate ' + data.command),
  make('div', { class: 'soft' }, plural(data.summary.filesChanged, 'file') + (data.isDryRun ? ' would change, ' : ' changed, ')
    + plural(data.summary.filesScanned, 'file') + ' looked at; version ' + data.version),
  make('div', { class: 'counts' }, ...counts),
  make('ul', { class: 'notes soft' }, ...data.notes.map((note) => make('li', {}, note))),
  make('div', { class: 'bar' }, search, rule, file),
  make('div', { class: 'soft hint' }, 'j and k: next and previous finding; d: its diff; /: filter; Escape: everything'),
  list, make('h2', null, 'Changes'), diffs,
  make('p', { class: 'soft' }, data.machineMade.length === 0 ? '' : 'Made by tools, not shown: ' + data.machineMade.join(', ')));

const cards = data.findings.map((finding, index) => {
  const card = make('div', { class: 'finding', tabindex: '-1', 'data-index': String(index) },
    make('span', { class: 'outcome ' + finding.outcome }, finding.outcome), ' ', make('code', null, finding.construct), ' ',
    make('span', { class: 'soft' }, finding.rule + ' · ' + finding.file + ':' + finding.line + ':' + finding.column),
    finding.reason === null ? null : make('p', null, finding.reason));
  return { finding, card, text: Object.values(finding).join(' ').toLowerCase() };
});
const cell = (text, kind) => make('td', { class: kind }, text === null ? '' : text);
const sides = data.files.map((each) => {
  const table = make('table', null, ...each.hunks.map((hunk) => make('tbody', null, ...hunk.rows.map(([a, old, b, made]) => {
    const same = old !== null && made !== null && old === made;
    return make('tr', null, cell(a === null ? null : String(a), 'number'), cell(old, same || old === null ? '' : 'removed'),
      cell(b === null ? null : String(b), 'number'), cell(made, same || made === null ? '' : 'added'));
  }))));
  return { name: each.name, node: make('details', { open: data.files.length < 20 ? '' : null, 'data-file': each.name },
    make('summary', null, make('code', null, each.name)), table) };
});
let at = -1;
function update() {
  const wanted = search.value.trim().toLowerCase();
  at = -1;
  const visible = cards.filter(({ finding, text }) => shown.has(finding.outcome) && (rule.value === '' || finding.rule === rule.value)
    && (file.value === '' || finding.file === file.value) && text.includes(wanted));
  list.replaceChildren(make('h2', null, plural(visible.length, 'finding') + (visible.length === cards.length ? '' : ' of ' + cards.length)),
    ...visible.map(({ card }) => card), visible.length === 0 ? make('p', { class: 'soft empty' }, 'Nothing fits the filter.') : '');
  const isFiltered = wanted !== '' || rule.value !== '' || shown.size < outcomes.length;
  const files = new Set(visible.map(({ finding }) => finding.file));
  diffs.replaceChildren(...sides.filter(({ name }) => (file.value === '' || name === file.value) && (!isFiltered || files.has(name)))
    .map(({ node }) => node));
}
// On paper nothing can be opened.
addEventListener('beforeprint', () => { for (const { node } of sides) node.open = true; });
document.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === 'Escape') {
    search.value = rule.value = file.value = '';
    for (const [index, outcome] of outcomes.entries()) { shown.add(outcome); counts[index].setAttribute('aria-pressed', 'true'); }
    update();
    document.activeElement.blur();
    return;
  }
  if (/^(INPUT|SELECT)$/.test(document.activeElement.tagName)) return;
  const visible = [...list.querySelectorAll('.finding')];
  if (event.key === '/') { event.preventDefault(); search.focus(); }
  else if (event.key === 'j' || event.key === 'k') {
    at = Math.max(0, Math.min(visible.length - 1, at + (event.key === 'j' ? 1 : -1)));
    visible[at]?.focus();
  } else if (event.key === 'd' && visible[at]) {
    const { file: name } = data.findings[Number(visible[at].dataset.index)];
    const side = sides.find((each) => each.name === name);
    if (side) { side.node.open = true; side.node.scrollIntoView(); }
  }
});
update();
`;
