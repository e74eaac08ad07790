// One application's machine: the phases, where it is, how it got there, and where it may go.

import { ask, h, s } from './dom.js';

const WIDTH = 138;
const HEIGHT = 38;
let known = null;

/** Phases and moves; they do not change while the operator runs. */
export const machine = () => (known ??= ask('machine').catch((problem) => { known = null; throw problem; }));

/** The moves that led here, oldest first, since it last left a phase in which it may stay for ever. */
function way(steps, rests) {
  const moves = steps.filter((step) => step.movesTo);
  return moves.slice(Math.max(0, moves.findLastIndex((move) => rests.has(move.phase))));
}

/** Where the straight line between two centres leaves a box, a little outside. */
function edge(from, to, room) {
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  const scale = Math.min((WIDTH / 2 + room) / Math.abs(dx || 1e-6), (HEIGHT / 2 + room) / Math.abs(dy || 1e-6));
  return { x: from.x + dx * scale, y: from.y + dy * scale };
}

/** A line. Over a long way it bends, to the left or over the top; there and back are two lines. */
function bend(from, to, alone) {
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  const length = Math.hypot(dx, dy);
  const long = Math.abs(dx) > 350 ? Math.abs(dx) * (dy === 0 ? 0.18 : 0.2) : 0;
  const far = (long || (alone ? 0 : 12)) * (dx < 0 && dy === 0 && long ? -1 : 1);
  const control = { x: (from.x + to.x) / 2 + (dy / length) * far * 2, y: (from.y + to.y) / 2 - (dx / length) * far * 2 };
  const [begin, end] = [edge(from, control, 1), edge(to, control, 4)];
  const middle = { x: (begin.x + end.x) / 4 + control.x / 2, y: (begin.y + end.y) / 4 + control.y / 2 };
  return { path: `M${begin.x} ${begin.y}Q${control.x} ${control.y} ${end.x} ${end.y}`, middle };
}

const arrowhead = (id, kind) => s('marker', {
  id, class: kind, viewBox: '0 0 8 8', refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, markerUnits: 'userSpaceOnUse', orient: 'auto',
}, s('path', { d: 'M0 0L8 4L0 8Z' }));

const sample = (name, dash) => s('svg', { width: 26, height: 8, 'aria-hidden': 'true', class: 'machine-sample' },
  s('line', { x1: 0, y1: 4, x2: 26, y2: 4, stroke: 'currentColor', 'stroke-width': name === 'taken' ? 2.4 : 1.4, 'stroke-dasharray': dash }));

/** The picture and the list of moves beside it. */
export class Machine {
  moves = new Map();
  nodes = new Map();
  chosen = null;

  constructor({ phases, moves }) {
    this.told = { phases, moves };
    this.picture = s('svg', { class: 'machine', role: 'img', viewBox: '0 -6 1120 484' },
      s('defs', {}, arrowhead('tip', ''), arrowhead('tip-dark', 'dark'), arrowhead('tip-open', 'open')));
    const at = new Map(phases.map((phase) => [phase.name, phase]));
    this.rests = new Set(phases.filter((phase) => phase.rests).map((phase) => phase.name));
    const both = new Set(moves.map((move) => `${move.to}-${move.from}`));
    for (const move of moves) this.line(move, bend(at.get(move.from), at.get(move.to), !both.has(`${move.from}-${move.to}`)));
    for (const phase of phases) this.node(phase);
    this.numbers = s('g', { class: 'numbers' });
    this.picture.append(this.numbers);
    this.choice = h('select', { id: 'from', onchange: () => { this.chosen = this.choice.value; this.show(); } },
      phases.map(({ name }) => h('option', { value: name }, name)));
    this.rows = h('tbody');
    this.sight = h('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Picture of the state machine' }, this.picture);
    this.element = h('section', { class: 'sheet', 'aria-labelledby': 'machine-title' },
      h('div', { class: 'head' }, h('h2', { id: 'machine-title' }, 'Where it is, and how it got there')),
      this.sight,
      h('ul', { class: 'legend' },
        h('li', {}, sample('taken'), 'the way it came since it last rested, numbered'),
        h('li', {}, sample('open', '5 4'), 'where it may go from the chosen phase'),
        h('li', {}, sample('move'), 'other moves')),
      h('details', { id: 'moves' }, h('summary', {}, 'The moves and their rules, as a list'),
        h('p', { class: 'field' }, h('label', { for: 'from' }, 'Moves out of'), this.choice),
        h('table', {}, h('caption', { class: 'unseen' }, 'Moves out of the chosen phase'),
          h('thead', {}, h('tr', {}, ['Rule', 'Leads to', 'When'].map((head) => h('th', { scope: 'col' }, head)))), this.rows)));
  }

  line(move, { path, middle }) {
    const words = move.rules.map((rule) => `${rule.name}: ${rule.when}`).join('\n');
    const line = s('path', { d: path, class: 'move', 'marker-end': 'url(#tip)' });
    const touch = s('path', { d: path, class: 'touch' });
    const group = s('g', { 'data-move': `${move.from}-${move.to}` }, s('title', {}, `${move.from} → ${move.to}\n${words}`), line, touch);
    this.moves.set(`${move.from}-${move.to}`, { move, line, touch, middle, group });
    this.picture.append(group);
  }

  node({ name, x, y }) {
    const group = s('g', { class: 'node', 'data-phase': name, onclick: () => { this.chosen = name; this.show(); } },
      s('title', {}, name),
      s('rect', { class: 'ring', x: x - WIDTH / 2 - 4, y: y - HEIGHT / 2 - 4, width: WIDTH + 8, height: HEIGHT + 8, rx: 12, fill: 'none' }),
      s('rect', { class: 'box', x: x - WIDTH / 2, y: y - HEIGHT / 2, width: WIDTH, height: HEIGHT, rx: 8 }),
      s('text', { x, y }, name));
    this.nodes.set(name, { group, x, y });
    this.picture.append(group);
  }

  /** Marks where it is and the way there. */
  mark(phase, steps) {
    this.phase = phase;
    this.way = way(steps, this.rests);
    this.show();
  }

  show() {
    const chosen = this.chosen ?? this.phase;
    const key = JSON.stringify([this.phase, chosen, this.way.map((move) => move.id)]);
    if (key === this.shown) return;
    this.shown = key;
    this.bringIntoSight(chosen);
    const taken = new Map(this.way.map((step, at) => [`${step.phase}-${step.movesTo}`, at + 1]));
    this.numbers.replaceChildren();
    for (const [name, { move, line, touch, middle, group }] of this.moves) {
      const [way, open] = [taken.has(name), move.from === chosen];
      const kind = way ? 'taken' : open ? 'open' : move.usual ? '' : 'rare';
      line.setAttribute('class', `move ${kind}`);
      touch.setAttribute('class', `touch ${kind === 'rare' ? 'rare' : ''}`);
      line.setAttribute('marker-end', `url(#tip${way ? '-dark' : open ? '-open' : ''})`);
      if (way) {
        this.picture.insertBefore(group, this.nodes.values().next().value.group);
        this.numbers.append(s('g', { class: 'count' }, s('circle', { cx: middle.x, cy: middle.y, r: 9 }), s('text', middle, taken.get(name))));
      }
    }
    const been = new Set(this.way.flatMap((step) => [step.phase, step.movesTo]));
    for (const [name, { group, x, y }] of this.nodes) {
      const now = name === this.phase;
      const kinds = ['node', now && 'now', !now && been.has(name) && 'been', name === chosen && 'chosen'];
      group.setAttribute('class', kinds.filter(Boolean).join(' '));
      group.querySelector('.here')?.remove();
      if (now) group.append(s('text', { class: 'here', x, y: y - HEIGHT / 2 - 13 }, 'it is here'));
    }
    const road = this.way.length ? ` It came by ${[this.way[0].phase, ...this.way.map((step) => step.movesTo)].join(', ')}.` : '';
    this.picture.setAttribute('aria-label', `The state machine. The application is in ${this.phase ?? 'no phase of ours'}.${road}`);
    this.choice.value = chosen ?? '';
    this.list(chosen);
  }

  /** The picture is wider than a small screen. */
  bringIntoSight(phase) {
    const at = this.nodes.get(phase);
    if (at) this.sight.scrollLeft = (at.x / 1120) * this.picture.clientWidth - this.sight.clientWidth / 2;
  }

  list(chosen) {
    const moves = this.told.moves.filter((move) => move.from === chosen);
    const rows = moves.flatMap(({ to, rules }) => rules.map((rule) => h('tr', {},
      h('th', { scope: 'row' }, rule.name), h('td', {}, to), h('td', {}, rule.when))));
    this.rows.replaceChildren(...rows);
  }
}
