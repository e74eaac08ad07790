// One application: its machine, what was decided, what it has, why it is where it is, and what an edit would do.

import { ago, ask, between, byId, clock, facts, glance, h, health, place, say, tree, when } from './dom.js';
import { Machine, machine } from './machine.js';

/** A link that leads to the web and nowhere else. */
const link = (url, words) => (/^https?:\/\//.test(url ?? '') ? h('a', { href: url, rel: 'noreferrer', target: '_blank' }, words) : null);

const sheet = (id, title, ...children) => h('section', { class: 'sheet', 'aria-labelledby': id }, h('h2', { id }, title), children);

const bad = (message) => h('div', { class: 'told bad' }, h('p', { class: 'problem' }, message));

/** How often the same was decided, and when last. */
const repeated = ({ times, last }) => (times > 1 ? `${times} times, last ${clock(last)}` : '');

/** A button that cannot be pressed twice, and what it brings. */
function deed(words, id, act) {
  const out = h('div', { id, 'aria-live': 'polite' });
  const button = h('button', { type: 'button', class: 'first', onclick: async () => {
    if (button.getAttribute('aria-disabled')) return;
    button.setAttribute('aria-disabled', 'true');
    try {
      out.replaceChildren(...(await act()));
    } catch (problem) {
      out.replaceChildren(bad(problem.message));
    }
    button.removeAttribute('aria-disabled');
  } }, words);
  return { button, out };
}

export class Application {
  lines = new Map();

  constructor(main, named) {
    this.named = named;
    this.title = named.name;
    this.path = `applications/${place(named)}`;
    this.stands = h('span');
    this.phase = h('span');
    this.colours = h('span', { class: 'counts' });
    this.links = h('span', { class: 'end counts' });
    this.why = h('div', { class: 'told', id: 'why' });
    this.picture = h('div', { id: 'machine' });
    this.timeline = h('ol', { class: 'timeline', id: 'timeline', reversed: true });
    this.dropped = h('p', { class: 'quiet' });
    this.memory = h('div', { id: 'memory' });
    const explain = deed('Look now', 'explained', () => this.explain());
    this.manifest = h('textarea', { id: 'manifest', spellcheck: 'false', autocomplete: 'off', placeholder: 'apiVersion: flink.k8s.io/v1beta1\nkind: FlinkApplication\n…' });
    const plan = deed('Plan it', 'planned', () => this.plan());
    main.replaceChildren(
      h('nav', { 'aria-label': 'Way back' }, h('p', {}, h('a', { href: '#/' }, 'Applications'), h('span', { class: 'quiet' }, ` / ${named.namespace}`))),
      h('div', { class: 'head' }, h('h1', {}, named.name), this.stands, this.phase, this.colours, this.links),
      this.why,
      this.picture,
      h('div', { class: 'columns' },
        h('div', {}, sheet('timeline-title', 'What was decided, newest first', this.timeline, this.dropped)),
        h('div', {},
          sheet('memory-title', 'What it has', this.memory),
          sheet('explain-title', 'Why it is there',
            h('p', { class: 'quiet' }, 'A fresh look at Kubernetes and Flink, as the command explain takes one.'),
            h('div', { class: 'buttons' }, explain.button), explain.out),
          sheet('plan-title', 'What an edit would do',
            h('p', {}, h('label', { for: 'manifest' }, 'The manifest that would be applied (YAML)')), this.manifest,
            h('div', { class: 'buttons' }, plan.button, h('span', { class: 'quiet' }, 'Nothing is changed.')), plan.out))));
  }

  async look() {
    const [told, shape] = await Promise.all([ask(this.path), machine()]);
    if (!this.machine) {
      this.machine = new Machine(shape);
      this.picture.replaceChildren(this.machine.element);
    }
    this.head(told);
    this.machine.mark(told.standing?.phase ?? null, told.steps);
    this.decisions(told);
    this.facts(told);
    return told;
  }

  head({ standing, memory, now }) {
    const key = JSON.stringify([standing?.glance, standing?.clusterHealth, standing?.jobHealth, standing?.rule, standing?.why, memory?.links, memory?.failed]);
    const lasting = standing?.since ? ` for ${between(standing.since, now)}` : '';
    say(this.phase, standing ? `${standing.phase ?? 'in no phase of ours'}${lasting}` : '');
    if (standing && this.heard !== standing.phase) {
      if (this.heard !== undefined) say(byId('told'), `${this.named.name} is in ${standing.phase}`);
      this.heard = standing.phase;
    }
    if (key === this.shown) return;
    this.shown = key;
    if (!standing) {
      for (const part of [this.stands, this.colours, this.links]) part.replaceChildren();
      this.why.className = 'told';
      this.why.replaceChildren(h('p', {}, 'This process does not work on it: it is gone, or another process acts.'));
      return;
    }
    this.stands.replaceChildren(glance(standing.glance));
    const colour = (words, value) => h('span', { class: 'field' }, h('span', { class: 'quiet' }, words), health(value));
    this.colours.replaceChildren(colour('Cluster', standing.clusterHealth), colour('Job', standing.jobHealth));
    this.links.replaceChildren(...(memory?.links ?? []).map(({ words, url }) => link(url, words) ?? h('code', {}, url)));
    const failed = standing.phase === 'DeployFailed' ? memory?.failed : null;
    this.why.className = `told ${{ trouble: 'bad', impaired: 'warn' }[standing.glance] ?? ''}`;
    this.why.replaceChildren(
      h('p', {}, h('strong', {}, standing.rule), standing.when ? `: ${standing.when}` : ''),
      ...(standing.why ? [h('p', { class: 'problem' }, standing.why)] : []),
      ...(failed ? [h('p', { class: 'problem' }, failed.message)] : []));
  }

  /** Lines that are there stay as they are: somebody may read one. */
  decisions({ steps, dropped, now }) {
    const first = this.lines.size === 0;
    const there = new Set(steps.map((step) => step.id));
    for (const [id, line] of this.lines) if (!there.has(id)) { line.remove(); this.lines.delete(id); }
    for (const step of steps) {
      const known = this.lines.get(step.id);
      if (known) {
        say(known.querySelector('.times'), repeated(step));
        continue;
      }
      const line = this.line(step, first ? '' : 'fresh');
      this.lines.set(step.id, line);
      this.timeline.prepend(line);
    }
    const none = steps.length === 0 ? 'Nothing new was decided since this process began to act.' : '';
    say(this.dropped, dropped > 0 ? `${dropped} earlier decisions are not kept any more.` : none);
  }

  line(step, fresh) {
    const moves = step.movesTo !== null;
    const to = moves ? `→ ${step.movesTo}` : step.phase;
    const opened = h('div', { class: 'opened' });
    const more = step.why ?? step.tells.at(0) ?? step.does.at(0) ?? step.when;
    const details = h('details', {},
      h('summary', {},
        h('div', { class: 'line' }, when(step.time), h('span', { class: 'rule' }, step.rule),
          h('span', { class: 'times' }, repeated(step)),
          h('span', { class: moves ? 'to' : 'to quiet' }, to)),
        h('div', { class: 'below' }, more)),
      opened);
    details.addEventListener('toggle', () => this.open(step, opened), { once: true });
    return h('li', { class: `${moves ? 'moves' : step.does.length ? 'acts' : 'rests'} ${fresh}`, 'data-rule': step.rule }, details);
  }

  async open(step, into) {
    const list = (title, lines) => (lines.length ? [h('h3', {}, title), h('ul', {}, lines.map((line) => h('li', {}, line)))] : []);
    into.replaceChildren(...[
      h('p', {}, step.when),
      facts([['Phase', step.phase], ['Moves to', step.movesTo], ['Revision', step.revision], ['Generation', `${step.generation}`], ['Particulars', step.why]]),
      ...list('It does', step.does), ...list('It tells', step.tells),
    ], h('h3', {}, 'What it saw, without secrets'));
    try {
      const { snapshot, ...rest } = await ask(`${this.path}/steps/${step.id}`);
      const part = tree('snapshot', snapshot);
      into.append(part, tree('decision', rest.step ?? null));
    } catch (problem) {
      into.append(bad(problem.message));
    }
  }

  facts({ memory, standing, now }) {
    const key = JSON.stringify(memory);
    if (key === this.known) return;
    this.known = key;
    if (!memory) {
      this.memory.replaceChildren(h('p', { class: 'quiet' }, 'Nothing was recorded of it yet.'));
      return;
    }
    const revision = (it) => `${it.revision}, deploy ${it.deploy}, generation ${it.generation}${it.colour ? `, ${it.colour}` : ''}`;
    const state = (it) => h('span', {}, `${it.kind}${it.time ? `, ${clock(it.time)}` : ''} `, h('code', {}, it.path), h('div', { class: 'quiet' }, it.known));
    const parts = [];
    for (const version of memory.deployed) {
      const job = [version.stopped ? 'stopped by the operator' : version.state ?? 'not known to its JobManager',
        version.tasks && `${version.tasks[0]} of ${version.tasks[1]} tasks run`, version.restarts > 0 && `${version.restarts} restarts`];
      parts.push(h('h3', {}, 'Deployed'), facts([
        ['Revision', revision(version.revision)], ['Job', h('code', {}, version.job)], ['State', job.filter(Boolean).join(', ')],
        ['Parallelism', `${version.revision.parallelism}`], ['Jar', version.revision.jar],
        ['Began from', version.revision.startsFrom ? h('code', {}, version.revision.startsFrom) : 'no state']]));
    }
    if (memory.target) {
      const it = memory.target;
      parts.push(h('h3', {}, 'Being deployed'), facts([['Revision', revision(it)], ['Parallelism', `${it.parallelism}`], ['Jar', it.jar],
        ['Submission', it.attempt && `${it.attempt}`], ['Starts from', it.startsFrom && h('code', {}, it.startsFrom)]]));
    }
    if (memory.failed) {
      parts.push(h('h3', {}, 'Failed last'), facts([['Why', memory.failed.reason], ['What', memory.failed.message], ['When', when(memory.failed.time)]]));
    }
    if (memory.states.length) {
      parts.push(h('h3', {}, 'Savepoints and checkpoints'), h('ul', { class: 'events' }, memory.states.map((it) => h('li', {}, state(it)))));
    }
    if (!parts.length) parts.push(h('p', { class: 'quiet' }, 'Nothing is deployed yet.'));
    this.memory.replaceChildren(h('p', { class: 'quiet' }, `As of ${clock(memory.time)}.`), ...parts);
  }

  async explain() {
    const it = await ask(`${this.path}/explain`);
    const decision = it.decision;
    const does = (what) => [what.movesTo && `moves to ${what.movesTo}`, ...what.does.map((one) => `does ${one}`), ...what.tells].filter(Boolean);
    const parts = [h('h3', {}, `It is in ${it.phase}${it.since ? ` since ${clock(it.since)}` : ''}`),
      h('p', {}, h('strong', {}, decision.rule), `: ${decision.when}`), decision.why && h('p', { class: 'why' }, decision.why)];
    const blocked = it.hindrances.map(({ what, advice }) => h('div', { class: 'told warn' }, h('p', {}, what), advice.map((line) => h('p', {}, `→ ${line}`))));
    parts.push(h('h3', {}, 'What stands in the way'), ...(blocked.length ? blocked : [h('p', {}, 'Nothing that can be seen.')]));
    parts.push(h('h3', {}, 'What happens next'));
    if (does(decision).length) parts.push(h('p', {}, 'The operator does this at once:'), h('ul', {}, does(decision).map((line) => h('li', {}, line))));
    if (it.looksAgain) parts.push(h('p', {}, `It looks again at ${clock(it.looksAgain)}, or when something changes.`));
    if (it.then?.kind === 'turn') {
      parts.push(h('p', {}, `If nothing changes, at ${clock(it.then.at)}: `, h('strong', {}, it.then.decision.rule), `: ${it.then.decision.when}`));
    } else if (it.then) parts.push(h('p', {}, 'If nothing changes, it stays as it is.'));
    const events = (it.events ?? []).slice(-12).reverse();
    parts.push(h('h3', {}, 'Events'));
    if (it.eventsProblem) parts.push(bad(`The events cannot be read: ${it.eventsProblem}`));
    else if (!events.length) parts.push(h('p', { class: 'quiet' }, 'No events are kept.'));
    parts.push(h('ul', { class: 'events' }, events.map((event) => h('li', {},
      h('div', { class: 'line' }, h('time', { datetime: event.time }, ago(event.time, it.now)),
        h('strong', {}, `${event.type === 'Warning' ? '⚠ ' : ''}${event.reason}`), event.count > 1 && h('span', { class: 'times' }, `${event.count} times`)),
      h('div', { class: 'below' }, event.message)))));
    return parts.filter(Boolean);
  }

  async plan() {
    const it = await ask(`${this.path}/plan`, { method: 'POST', headers: { 'content-type': 'application/yaml' }, body: this.manifest.value });
    const words = it.refused ? `It would be refused: ${it.refused}`
      : !it.changesAnything ? 'Nothing would be done.'
        : it.jobRestarts ? 'The running job is stopped, and a new one is started.' : 'No running job is stopped.';
    return [h('div', { class: `told ${it.refused ? 'bad' : it.jobRestarts ? 'warn' : ''}` }, h('p', {}, h('strong', {}, words))),
      h('pre', { tabindex: 0, 'aria-label': 'The plan' }, it.text)];
  }
}
