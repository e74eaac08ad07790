// The shell: where one is, whether the operator answers, and the list of applications.

import { GLANCES, Refused, Silence, ago, ask, byId, glance, h, health, place, say } from './dom.js';
import { Application } from './application.js';

const PERIOD = 1500;
const main = byId('main');
let view = null;
let answered = null;
let timer = 0;
let round = 0;

/** All applications. */
class List {
  title = 'Applications';
  rows = new Map();

  constructor() {
    this.counts = h('ul', { class: 'counts' });
    this.filter = h('input', { id: 'filter', type: 'search', autocomplete: 'off', oninput: () => this.sift() });
    this.body = h('tbody');
    this.empty = h('p', { class: 'empty quiet', hidden: true });
    this.table = h('table', { class: 'list' },
      h('caption', { class: 'unseen' }, 'Applications, those in trouble first'),
      h('thead', {}, h('tr', {}, ['Application', 'Stands', 'Phase', 'Since', 'Cluster', 'Job', 'Last decision']
        .map((head) => h('th', { scope: 'col' }, head)))),
      this.body);
    main.replaceChildren(
      h('div', { class: 'head' }, h('h1', {}, 'Applications'), this.counts,
        h('div', { class: 'field end' }, h('label', { for: 'filter' }, 'Filter'), this.filter)),
      h('div', { class: 'sheet' }, this.table, this.empty));
  }

  async look() {
    const told = await ask('applications');
    const order = Object.keys(GLANCES);
    const all = told.applications.sort((a, b) => order.indexOf(a.glance) - order.indexOf(b.glance));
    const counted = order.map((kind) => [kind, all.filter((app) => app.glance === kind).length]).filter(([, n]) => n > 0);
    const words = counted.map(([kind, n]) => `${n} ${GLANCES[kind]}`).join(', ');
    if (this.words !== words) {
      this.words = words;
      this.counts.replaceChildren(...counted.map(([kind, n]) => {
        const sign = glance(kind);
        sign.lastChild.textContent = `${n} ${GLANCES[kind]}`;
        return h('li', {}, sign);
      }));
    }
    const there = new Map(all.map((app) => [place(app), app]));
    for (const [key, row] of this.rows) if (!there.has(key)) { row.line.remove(); this.rows.delete(key); }
    let before = null;
    for (const [key, app] of there) {
      const row = this.rows.get(key) ?? this.row(key, app);
      row.show(app, told.now);
      const expected = before ? before.nextSibling : this.body.firstChild;
      if (expected !== row.line) this.body.insertBefore(row.line, expected);
      before = row.line;
    }
    this.sift();
    return told;
  }

  row(key, app) {
    const cell = (attributes = {}) => h('td', attributes);
    const cells = {
      stands: cell(), phase: cell(), since: cell({ class: 'num' }), cluster: cell({ 'data-label': 'Cluster' }),
      job: cell({ 'data-label': 'Job' }), last: cell({ class: 'wide' }),
    };
    const name = h('a', { href: `#/${key}` }, app.name);
    const line = h('tr', {}, h('th', { scope: 'row' }, name, h('div', { class: 'quiet' }, app.namespace)), Object.values(cells));
    let shown = '';
    const show = (now, at) => {
      say(cells.since, now.since ? ago(now.since, at) : '');
      const { lastStep, nextWake, ...rest } = now;
      if (JSON.stringify(rest) === shown) return;
      shown = JSON.stringify(rest);
      cells.stands.replaceChildren(glance(now.glance));
      cells.phase.textContent = now.phase ?? 'none of ours';
      cells.cluster.replaceChildren(health(now.clusterHealth));
      cells.job.replaceChildren(health(now.jobHealth));
      cells.last.replaceChildren(h('div', {}, now.rule), h('div', { class: 'why' }, now.why ?? now.when ?? ''));
    };
    const row = { line, show, words: `${app.namespace}/${app.name}`.toLowerCase() };
    this.rows.set(key, row);
    return row;
  }

  sift() {
    const wanted = this.filter.value.trim().toLowerCase();
    let shown = 0;
    for (const row of this.rows.values()) {
      row.line.hidden = !row.words.includes(wanted);
      shown += row.line.hidden ? 0 : 1;
    }
    this.table.hidden = shown === 0;
    this.empty.hidden = shown > 0;
    say(this.empty, this.rows.size === 0 ? 'The operator knows of no application.' : 'No application is called so.');
  }
}

/** Which process this is, and whether it acts. */
function operator(told) {
  answered = Date.now();
  say(byId('version'), told.version ?? '');
  const words = [];
  if (told.role === 'standsBy') {
    const who = told.leader ? `, ${told.leader},` : '';
    words.push(`This process stands by: another one${who} holds the Lease and acts. Its console shows the applications.`);
  }
  if (told.role === 'blind') words.push('This process does not act: it has not got the Lease.');
  if (told.role === 'leads' && !told.complete) words.push('The first lists of objects have not arrived yet.');
  words.push(...(told.hindrances ?? []).map((hindrance) => `Not acting: ${hindrance}`));
  byId('notice').hidden = words.length === 0;
  say(byId('notice'), words.join('\n'));
}

function connection(state, words) {
  byId('link').className = `link ${state}`;
  say(byId('link'), words);
}

/** A second look soon after one that was not answered. */
async function again(problem) {
  if (!(problem instanceof Silence)) throw problem;
  await new Promise((done) => { setTimeout(done, 300); });
  return view.look();
}

/** One look after the other, as long as somebody sees the page. One that fails is tried once more before it is told. */
async function turn(mine) {
  clearTimeout(timer);
  try {
    const told = await view.look().catch(again);
    if (mine !== round) return;
    operator(told);
    connection('live', told.role === 'leads' ? 'live' : 'live, not acting');
  } catch (problem) {
    if (mine !== round) return;
    const since = answered ? `, last heard ${ago(new Date(answered).toISOString(), new Date().toISOString())}` : '';
    const silent = problem instanceof Silence;
    connection('lost', silent ? `the operator does not answer${since}` : `something is wrong: ${problem.message}`);
    // A bug of the page belongs into the browser's console.
    if (!silent && !(problem instanceof Refused)) throw problem;
  } finally {
    if (mine === round && !document.hidden) timer = setTimeout(() => turn(mine), PERIOD);
  }
}

/** A part of the hash; nothing where somebody wrote nonsense there. */
function plain(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return '';
  }
}

function enter() {
  const parts = location.hash.replace(/^#\/?/, '').split('/').map(plain);
  const named = parts.length === 2 && parts.every(Boolean);
  view = named ? new Application(main, { namespace: parts[0], name: parts[1] }) : new List();
  document.title = `${view.title} · Flink operator`;
  main.setAttribute('aria-label', view.title);
  round += 1;
  turn(round);
}

byId('skip').addEventListener('click', (event) => { event.preventDefault(); main.focus(); });
addEventListener('hashchange', () => { enter(); main.focus({ preventScroll: true }); scrollTo(0, 0); });
document.addEventListener('visibilitychange', () => { if (!document.hidden) { round += 1; turn(round); } });
enter();
