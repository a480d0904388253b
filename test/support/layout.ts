// The rules of the house as data and one function that reads a source tree against them. Text only: imports are
// found by their form, which the formatter keeps, so nothing has to be compiled. Violations come back as
// sentences that name the file.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

/** Where a folder's modules may import from. `values` may be used, of `types` only types. */
interface FolderRule {
  readonly values: readonly string[];
  readonly types: readonly string[];
}

const ALL = [
  'lib',
  'errors',
  'fleet',
  'journal',
  'config',
  'transport',
  'plan',
  'queue',
  'drain',
  'slot',
  'probe',
  'drivers',
  'state',
  'output',
];
const DOMAIN: readonly string[] = ['plan', 'queue', 'drain', 'slot', 'probe'];

/** Pure files of the domain whose functions a driver or the database may use: words and their rules, no judging. */
const SLOT_WORDS = [
  'slot/slot',
  'slot/slot-name',
  'slot/slot-map',
  'slot/slot-map-file',
  'slot/lane-record',
  'slot/users',
  'slot/moves',
  'slot/content',
  'slot/quarantine',
  'slot/driver',
];

/** What probes look at, and its words. */
const PROBE_WORDS = ['probe/observation', 'probe/vantage'];

/** Pure judgements of the domain whose words a screen needs. */
const JUDGEMENTS = [
  'slot/analysis',
  'slot/content',
  'slot/decide',
  'slot/outcome',
  'slot/replication',
  'slot/waiting',
  'drain/guards',
  'drain/headroom',
  'drain/status',
  'queue/message',
  'queue/status-code',
  'queue/stats',
  'queue/reasons',
  'plan/describe',
  'plan/progress',
  'probe/observation',
  'probe/judge',
  'probe/verdict',
];

/** Who may import whom: folders, or single files without their ending. Its own folder is always allowed. */
export const FOLDER_RULES: Readonly<Record<string, FolderRule>> = {
  lib: { values: [], types: [] },
  errors: { values: [], types: [] },
  fleet: { values: ['lib', 'errors'], types: [] },
  // A record holds a plan as JSON.
  journal: { values: ['lib', 'errors'], types: ['plan'] },
  config: { values: ['lib', 'errors'], types: ['fleet'] },
  transport: { values: ['lib', 'errors'], types: ['fleet/host'] },
  plan: { values: ['lib', 'errors', 'fleet', 'journal'], types: ['transport/transport'] },
  queue: { values: ['lib', 'errors', 'fleet', 'journal', 'plan'], types: ['transport/transport'] },
  drain: {
    values: ['lib', 'errors', 'fleet', 'journal', 'plan', 'queue'],
    types: ['transport/transport'],
  },
  slot: {
    values: ['lib', 'errors', 'fleet', 'journal', 'plan', 'queue'],
    types: ['transport/transport', 'config/config'],
  },
  probe: {
    values: ['lib', 'errors', 'fleet', 'journal'],
    types: ['transport/transport', 'transport/dns-message'],
  },
  drivers: {
    values: [
      'lib',
      'errors',
      'transport',
      'queue/message',
      'queue/act-perl',
      'queue/act-words',
      'queue/saved-folder',
      'queue/pump-words',
      ...PROBE_WORDS,
      ...SLOT_WORDS,
    ],
    types: ['queue', 'slot', 'probe', 'fleet', 'config/config'],
  },
  state: { values: ['lib', 'errors', ...SLOT_WORDS], types: ['slot', 'queue'] },
  output: { values: ['lib', 'errors', ...JUDGEMENTS], types: DOMAIN },
  cli: { values: ALL, types: [] },
  main: { values: ['cli', ...ALL], types: [] },
};

/** A package, or a module of node, and the only ones that may import it. */
export const OWNERS: Readonly<Record<string, readonly string[]>> = {
  execa: ['transport'],
  'node:child_process': ['transport'],
  'node:net': ['transport', 'journal/lock'],
  'node:tls': ['transport', 'state/postgres'],
  'node:dgram': ['transport'],
  'node:dns': ['transport'],
  'node:dns/promises': ['transport'],
  'node:http': ['transport'],
  'node:https': ['transport'],
  commander: ['cli'],
  'cli-table3': ['output'],
  'cli-table3/src/utils.js': ['output'],
  libsql: ['state'],
  kysely: ['state'],
  pg: ['state'],
  zod: ['config'],
  'zod/mini': ['config'],
  'dns-packet': ['transport'],
  yaml: ['config', 'slot/slot-map-file'],
  picomatch: ['fleet'],
};

/** Too dear for every start: nothing that main.ts imports without `await import` may reach them. */
const HEAVY = new Set([...Object.keys(OWNERS), 'ink', 'react', 'dns-packet', 'pg']);

/** Words that belong to some files only. */
const WORDS: readonly {
  readonly what: string;
  readonly pattern: RegExp;
  allowed(module: string): boolean;
}[] = [
  { what: 'process.exit', pattern: /\bprocess\.exit(?:Code)?\b/, allowed: (module) => module === 'main' },
  { what: 'console', pattern: /\bconsole\./, allowed: (module) => module === 'main' },
  {
    what: 'a clock or a timer',
    pattern:
      /\bDate\.now\b|\bnew Date\(\)|\bperformance\.now\b|\bprocess\.hrtime\b|\bset(?:Timeout|Interval|Immediate)\(|node:timers/,
    allowed: (module) => module === 'lib/clock',
  },
  {
    what: 'process',
    // process.hrtime is a clock.
    pattern: /\bprocess\.(?!hrtime\b)|node:process/,
    allowed: (module) =>
      ['main', 'cli', 'config', 'journal', 'state', 'transport'].includes(folderOf(module)),
  },
  { what: 'a default export', pattern: /^export default\b/m, allowed: () => false },
  { what: 'an enum', pattern: /^(?:export )?(?:declare )?(?:const )?enum\b/m, allowed: () => false },
  { what: 'a package imported lazily', pattern: /\bimport\('(?!\.)/, allowed: () => false },
  { what: 'an unfinished note', pattern: /\b(?:FIXME|XXX)\b|\/\/ TODO(?!\()/, allowed: () => false },
];

/** Tables of drivers: they know them all. */
const DRIVER_TABLES: ReadonlySet<string> = new Set(['drivers/index', 'drivers/queues']);

const INDEX_FILES: ReadonlySet<string> = new Set([
  'drivers/index',
  'slot/actions/index',
  'queue/actions/index',
]);

interface Import {
  readonly kind: 'value' | 'type' | 'lazy';
  /** A module of ours without its ending, or a package as it is written. */
  readonly target: string;
  readonly isOurs: boolean;
}

interface Module {
  /** Path below src without its ending: `cli/slots/list`. */
  readonly name: string;
  readonly imports: readonly Import[];
  readonly code: string;
  readonly text: string;
}

/** Everything in `src` (a folder) that breaks a rule. `entry` is the module that the program starts with. */
export function layoutViolations(src: string, entry = 'main'): readonly string[] {
  const modules = readModules(src);
  return [
    ...modules.flatMap(brokenImports),
    ...modules.flatMap(brokenWords),
    ...unusedModules(modules, entry),
    ...heavyStart(modules, entry),
    ...cycles(modules),
  ];
}

function folderOf(module: string): string {
  return module.split('/')[0] ?? module;
}

function isWithin(module: string, places: readonly string[]): boolean {
  return places.some((place) => module === place || module.startsWith(`${place}/`));
}

function brokenImports(module: Module): readonly string[] {
  const folder = folderOf(module.name);
  const rule = FOLDER_RULES[folder];
  if (rule === undefined) return [`${module.name}: no rule knows the folder ${folder}`];
  return module.imports.flatMap(({ kind, target, isOurs }) => {
    if (!isOurs) {
      const owners = OWNERS[target];
      if (owners !== undefined) {
        return isWithin(module.name, owners)
          ? []
          : [`${module.name} imports ${target}, only ${owners.join(', ')} may`];
      }
      return target.startsWith('node:') ? [] : [`${module.name} imports ${target}, which no rule knows`];
    }
    if (folder === 'drivers' && target.startsWith('drivers/') && !DRIVER_TABLES.has(module.name)) {
      const own = module.name.split('/').slice(0, 2).join('/');
      return isWithin(target, [own])
        ? []
        : [`${module.name} imports ${target}: drivers do not know each other`];
    }
    if (isWithin(target, [folder, ...rule.values])) return [];
    if (kind === 'type' && isWithin(target, rule.types)) return [];
    if (module.name === 'lib/version' && target === '../package.json') return [];
    return [`${module.name} imports ${kind === 'type' ? 'a type of ' : ''}${target}`];
  });
}

function brokenWords(module: Module): readonly string[] {
  const found = WORDS.filter(({ pattern, allowed }) => pattern.test(module.code) && !allowed(module.name));
  const isIndex = module.name.endsWith('/index') && !INDEX_FILES.has(module.name);
  const isBare = !/^(?:\/\/|\/\*)/.test(module.text);
  return [
    ...found.map(({ what }) => `${module.name} has ${what}`),
    ...(isIndex ? [`${module.name} is an index file`] : []),
    ...(isBare ? [`${module.name} does not open with what it promises`] : []),
    ...(/^[a-z0-9]+(?:-[a-z0-9]+)*$/.test(module.name.split('/').at(-1) ?? '')
      ? []
      : [`${module.name} is not kebab-case`]),
  ];
}

function unusedModules(modules: readonly Module[], entry: string): readonly string[] {
  const reached = reach(modules, entry, () => true);
  return modules
    .filter(({ name }) => !reached.has(name))
    .map(({ name }) => `${name} is not used by the program`);
}

/** Follows only what is loaded at once. */
function heavyStart(modules: readonly Module[], entry: string): readonly string[] {
  const reached = reach(modules, entry, ({ kind }) => kind === 'value');
  return modules
    .filter(({ name }) => reached.has(name))
    .flatMap(({ name, imports }) =>
      imports
        .filter(({ kind, target, isOurs }) => kind === 'value' && !isOurs && HEAVY.has(target))
        .map(({ target }) => `${name} loads ${target} at every start`),
    );
}

function reach(
  modules: readonly Module[],
  entry: string,
  follows: (one: Import) => boolean,
): ReadonlySet<string> {
  const byName = new Map(modules.map((module) => [module.name, module]));
  const reached = new Set<string>();
  const next = [entry];
  for (let name = next.pop(); name !== undefined; name = next.pop()) {
    const module = byName.get(name);
    if (module === undefined || reached.has(name)) continue;
    reached.add(name);
    next.push(...module.imports.filter((one) => one.isOurs && follows(one)).map(({ target }) => target));
  }
  return reached;
}

/** Modules that need each other while they are loaded. Each circle is named once, by its first module. */
function cycles(modules: readonly Module[]): readonly string[] {
  const byName = new Map(modules.map((module) => [module.name, module]));
  const done = new Set<string>();
  const found: string[] = [];
  const visit = (name: string, path: readonly string[]) => {
    const at = path.indexOf(name);
    if (at >= 0) {
      found.push(`a circle of imports: ${[...path.slice(at), name].join(' -> ')}`);
      return;
    }
    if (done.has(name)) return;
    for (const { kind, target, isOurs } of byName.get(name)?.imports ?? []) {
      if (kind === 'value' && isOurs) visit(target, [...path, name]);
    }
    done.add(name);
  };
  for (const { name } of modules) visit(name, []);
  return found;
}

function readModules(src: string): readonly Module[] {
  return readdirSync(src, { recursive: true, encoding: 'utf8' })
    .filter((file) => /\.tsx?$/.test(file) && !file.endsWith('.d.ts'))
    .sort()
    .map((file) => {
      const text = readFileSync(join(src, file), 'utf8');
      const name = file.replace(/\.tsx?$/, '');
      return {
        name,
        text,
        code: withoutComments(text),
        imports: importsOf(src, name, withoutComments(text)),
      };
    });
}

/** Comments are blanked; `//` inside a string is left alone, since only comments stand after blanks or a line's start. */
function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|[ \t])\/\/.*$/gm, '$1');
}

function importsOf(src: string, name: string, code: string): readonly Import[] {
  const statements = [...code.matchAll(/^(?:import|export)\s(?:([^;'"]*?)\sfrom\s)?'([^']+)'/gm)].map(
    (match) => ({
      kind: isTypeOnly(match[1]) ? ('type' as const) : ('value' as const),
      specifier: match[2] ?? '',
    }),
  );
  const lazy = [...code.matchAll(/\bimport\('([^']+)'\)/g)].map((match) => ({
    // `typeof import('...')` and `import('...').Type` in types are lazy too, and allowed like values.
    kind: 'lazy' as const,
    specifier: match[1] ?? '',
  }));
  return [...statements, ...lazy].map(({ kind, specifier }) => {
    if (!specifier.startsWith('.')) return { kind, target: specifier, isOurs: false };
    const path = join(src, dirname(name), specifier);
    const target = relative(src, path).replace(/\.jsx?$/, '');
    const exists =
      existsSync(path) || ['.ts', '.tsx', '.d.ts'].some((end) => existsSync(path.replace(/\.jsx?$/, end)));
    return { kind, target: exists ? target : `${target} (missing)`, isOurs: true };
  });
}

function isTypeOnly(clause: string | undefined): boolean {
  if (clause === undefined) return false;
  if (clause.startsWith('type ')) return true;
  const names = /^\{([\s\S]*)\}$/.exec(clause.trim())?.[1];
  if (names === undefined) return false;
  const parts = names
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
  return parts.length > 0 && parts.every((part) => part.startsWith('type '));
}
