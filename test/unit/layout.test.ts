// The rules of the house, kept by the source tree; and the checker itself, against a tree that breaks each.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { layoutViolations } from '../support/layout.js';

const made: string[] = [];

afterEach(() => {
  for (const folder of made.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** A source tree of these files; each opens with a comment unless it says otherwise. */
function tree(files: Readonly<Record<string, string>>): string {
  const root = mkdtempSync(join(tmpdir(), 'mailctl-layout-'));
  made.push(root);
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), text.startsWith('//') || text === '' ? text : `// A file.\n${text}`);
  }
  return root;
}

test('the source tree keeps the rules of the house', () => {
  expect(layoutViolations(join(import.meta.dirname, '../../src'))).toEqual([]);
});

test('a small tree that keeps the rules has no violation', () => {
  const src = tree({
    'main.ts': "import { a } from './cli/a.js';\na();\nprocess.exit(0);\n",
    'cli/a.ts':
      "import type { B } from '../slot/b.js';\nexport const a = async (b?: B) => (await import('../output/t.js')).t(b);\n",
    'slot/b.ts': 'export interface B {}\n',
    'output/t.ts': "import Table from 'cli-table3';\nexport const t = (_: unknown) => new Table();\n",
  });
  expect(layoutViolations(src)).toEqual([]);
});

const breaches: readonly (readonly [
  title: string,
  files: Readonly<Record<string, string>>,
  violation: string,
])[] = [
  [
    'a library that reaches up',
    { 'lib/a.ts': "import { b } from '../slot/b.js';\nb();\n", 'slot/b.ts': 'export const b = () => {};\n' },
    'lib/a imports slot/b',
  ],
  [
    'a domain that imports a driver',
    {
      'slot/a.ts': "import { b } from '../drivers/cyrus/b.js';\nb();\n",
      'drivers/cyrus/b.ts': 'export const b = () => {};\n',
    },
    'slot/a imports drivers/cyrus/b',
  ],
  [
    'a driver that imports another',
    {
      'drivers/a/a.ts': "import { b } from '../b/b.js';\nb();\n",
      'drivers/b/b.ts': 'export const b = () => {};\n',
    },
    'drivers/a/a imports drivers/b/b: drivers do not know each other',
  ],
  [
    'transport taking more than a type of the fleet',
    {
      'transport/a.ts': "import { b } from '../fleet/host.js';\nb();\n",
      'fleet/host.ts': 'export const b = () => {};\n',
    },
    'transport/a imports fleet/host',
  ],
  [
    'a process started outside transport',
    { 'slot/a.ts': "import { spawn } from 'node:child_process';\nspawn('true');\n" },
    'slot/a imports node:child_process, only transport may',
  ],
  [
    'commander outside the command line',
    { 'output/a.ts': "import { Command } from 'commander';\nnew Command();\n" },
    'output/a imports commander, only cli may',
  ],
  [
    'a package that nobody has allowed',
    { 'cli/a.ts': "import left from 'left-pad';\nleft();\n" },
    'cli/a imports left-pad, which no rule knows',
  ],
  [
    'a clock read outside its file',
    { 'slot/a.ts': 'export const now = Date.now();\n' },
    'slot/a has a clock or a timer',
  ],
  [
    'a timer set outside its file',
    { 'cli/a.ts': 'setTimeout(() => {}, 1);\n' },
    'cli/a has a clock or a timer',
  ],
  ['an exit outside main', { 'cli/a.ts': 'process.exit(1);\n' }, 'cli/a has process.exit'],
  ['console outside main', { 'cli/a.ts': "console.log('x');\n" }, 'cli/a has console'],
  ['process in the domain', { 'slot/a.ts': 'export const a = process.env;\n' }, 'slot/a has process'],
  ['a default export', { 'cli/a.ts': 'export default 1;\n' }, 'cli/a has a default export'],
  ['an enum', { 'cli/a.ts': 'export enum A { b }\n' }, 'cli/a has an enum'],
  [
    'a package imported lazily',
    { 'config/a.ts': "export const a = () => import('yaml');\n" },
    'config/a has a package imported lazily',
  ],
  ['an index file', { 'cli/index.ts': 'export const a = 1;\n' }, 'cli/index is an index file'],
  [
    'a file that does not say what it promises',
    { 'cli/a.ts': '' },
    'cli/a does not open with what it promises',
  ],
  ['a file name in camel case', { 'cli/aB.ts': 'export const a = 1;\n' }, 'cli/aB is not kebab-case'],
  [
    'a folder that no rule knows',
    { 'utils/a.ts': 'export const a = 1;\n' },
    'utils/a: no rule knows the folder utils',
  ],
];

test.each(breaches)('%s is found', (_title, files, violation) => {
  const uses = Object.keys(files).map((file) => `import './${file.replace(/\.ts$/, '.js')}';\n`);
  const found = layoutViolations(tree({ 'main.ts': uses.join(''), ...files }));
  expect(found).toContain(violation);
  // Folders that main may not know apart, the one breach is all there is.
  const others = found.filter((one) => one !== violation && !/^main imports |at every start$/.test(one));
  expect(others).toEqual([]);
});

test('a module that nothing uses is found', () => {
  expect(
    layoutViolations(tree({ 'main.ts': 'export const a = 1;\n', 'lib/b.ts': 'export const b = 1;\n' })),
  ).toEqual(['lib/b is not used by the program']);
});

test('a heavy package in what every start loads is found, behind any number of modules', () => {
  const files = {
    'main.ts': "import { a } from './cli/a.js';\na();\n",
    'cli/a.ts': "import { b } from '../output/b.js';\nexport const a = b;\n",
    'output/b.ts': "import Table from 'cli-table3';\nexport const b = () => new Table();\n",
  };
  expect(layoutViolations(tree(files))).toEqual(['output/b loads cli-table3 at every start']);
});

test('a circle of imports is found once', () => {
  const files = {
    'main.ts': "import { a } from './cli/a.js';\na();\n",
    'cli/a.ts': "import { b } from './b.js';\nexport const a = () => b;\n",
    'cli/b.ts': "import { a } from './a.js';\nexport const b = () => a;\n",
  };
  expect(layoutViolations(tree(files))).toEqual(['a circle of imports: cli/a -> cli/b -> cli/a']);
});

test('what a comment says breaks no rule', () => {
  const files = {
    'main.ts':
      '// process.exit is for others; so is Date.now.\n/* setTimeout( */\nexport const url = "http://example";\n',
  };
  expect(layoutViolations(tree(files))).toEqual([]);
});
