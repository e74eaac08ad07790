// Elements, words and requests. What comes from the operator only ever becomes text.

const SVG = 'http://www.w3.org/2000/svg';

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children.flat(3).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** An HTML element. */
export const h = (name, attributes = {}, ...children) => fill(document.createElement(name), attributes, children);

/** An SVG element. */
export const s = (name, attributes = {}, ...children) => fill(document.createElementNS(SVG, name), attributes, children);

export const byId = (id) => document.getElementById(id);

/** Changes a text only where it differs, so that nothing is read aloud twice. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** The operator answered, and said no. */
export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** The operator did not answer. */
export class Silence extends Error {
  constructor() {
    super('The operator does not answer.');
  }
}

/** An answer of the API. */
export async function ask(path, options = {}) {
  const silent = () => { throw new Silence(); };
  const request = { cache: 'no-store', signal: AbortSignal.timeout(30000), ...options };
  const answer = await fetch(`api/${path}`, request).catch(silent);
  if (answer.ok) return answer.json().catch(silent);
  const body = await answer.json().catch(() => null);
  throw new Refused(answer.status, body?.error ?? `${answer.status} ${answer.statusText}`);
}

/** The path of an application, in the API and behind the hash. */
export const place = ({ namespace, name }) => `${encodeURIComponent(namespace)}/${encodeURIComponent(name)}`;

const UNITS = [[86400, 'd'], [3600, 'h'], [60, 'min'], [1, 's']];

/** A span of seconds in its two largest units. */
export function span(seconds) {
  let left = Math.max(0, Math.round(seconds));
  const words = [];
  for (const [size, unit] of UNITS) {
    const count = Math.floor(left / size);
    left -= count * size;
    if (count > 0) words.push(`${count} ${unit}`);
    else if (words.length) break;
    if (words.length === 2) break;
  }
  return words.join(' ') || '0 s';
}

/** From one time to another. */
export const between = (time, now) => span((Date.parse(now) - Date.parse(time)) / 1000);

/** How long before `now` a time was. */
export const ago = (time, now) => `${between(time, now)} ago`;

/** A time of day here, with the day where it is not today. */
export function clock(time) {
  const at = new Date(time);
  const day = at.toDateString() === new Date().toDateString() ? {} : { month: 'short', day: 'numeric' };
  return at.toLocaleString(undefined, { ...day, hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false });
}

export const when = (time) => h('time', { datetime: time, title: time }, clock(time));

const SHAPES = {
  well: ['M8 1.5a6.5 6.5 0 1 1 0 13a6.5 6.5 0 0 1 0-13Z', 'M5 8.2l2.1 2.1L11 6.2'],
  underWay: ['M8 1.5a6.5 6.5 0 1 1 0 13a6.5 6.5 0 0 1 0-13Z', 'M5 8h6M8.6 5.6L11 8l-2.4 2.4'],
  impaired: ['M8 1.8L15 14H1Z', 'M8 6.2v3.6M8 11.9v.2'],
  trouble: ['M5.3 1.5h5.4l3.8 3.8v5.4l-3.8 3.8H5.3l-3.8-3.8V5.3Z', 'M5.8 5.8l4.4 4.4M10.2 5.8l-4.4 4.4'],
  unknown: ['M8 1.5a6.5 6.5 0 1 1 0 13a6.5 6.5 0 0 1 0-13Z', 'M6.2 6.4a1.9 1.9 0 1 1 2.6 1.8q-.8.4-.8 1.2M8 11.6v.2'],
};

export const GLANCES = {
  trouble: 'in trouble', impaired: 'impaired', underWay: 'under way', unknown: 'not looked at yet', well: 'well',
};

/** How an application stands at a glance: a shape, a word and a colour. */
export function glance(kind) {
  const [outline, mark] = SHAPES[kind] ?? SHAPES.unknown;
  return h('span', { class: `glance ${kind}` },
    s('svg', { viewBox: '0 0 16 16', width: 16, height: 16, 'aria-hidden': 'true' },
      s('path', { d: outline, class: 'outline' }), s('path', { d: mark, class: 'mark' })),
    h('span', {}, GLANCES[kind] ?? kind));
}

const LOOKS = { Green: 'well', Yellow: 'impaired', Red: 'trouble' };

/** A colour of Flink's, as word and shape. */
export function health(colour) {
  if (!colour) return h('span', { class: 'quiet' }, 'not seen');
  const sign = glance(LOOKS[colour] ?? 'unknown');
  sign.lastChild.textContent = colour;
  return sign;
}

/** Terms and what is said of them; a row without a value is left out. */
export function facts(rows) {
  const there = rows.filter(([, value]) => value !== null && value !== undefined && value !== '');
  return h('dl', { class: 'facts' }, there.map(([term, value]) => h('div', {}, h('dt', {}, term), h('dd', {}, value))));
}

/** A value of JSON as a tree that opens part by part. */
export function tree(name, value) {
  if (value === null || typeof value !== 'object' || Object.keys(value).length === 0) {
    return h('div', { class: 'leaf' }, h('span', { class: 'key' }, `${name}: `), JSON.stringify(value));
  }
  const entries = Object.entries(value);
  const count = Array.isArray(value) ? `${entries.length} in a list` : entries.map(([key]) => key).join(', ');
  const part = h('details', {}, h('summary', {}, h('span', { class: 'key' }, name), ' ', h('span', { class: 'quiet' }, count)));
  part.addEventListener('toggle', () => part.append(...entries.map(([key, inner]) => tree(key, inner))), { once: true });
  return part;
}
