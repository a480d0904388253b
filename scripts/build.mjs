// Bundles src/main.ts into dist/: CommonJS chunks, split by what is loaded lazily, not minified, licences kept.
// esbuild splits only ES modules, and CommonJS starts faster (by a quarter of a bare node start), so there are
// two passes: bundle and split as ES modules, then turn each chunk into CommonJS, import() into a lazy require.
// What has native parts stays outside and is found in node_modules.
import { spawnSync } from 'node:child_process';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, transform } from 'esbuild';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const dist = join(root, 'dist');
const target = 'node20';
const EXTERNAL = ['libsql', '@libsql/*', 'pg', 'pg-native', 'better-sqlite3'];

/** The packages whose files are in the bundle, by name, from the metafile's paths. */
function packagesOf(metafile) {
  const names = new Set();
  for (const output of Object.values(metafile.outputs)) {
    for (const [path, { bytesInOutput }] of Object.entries(output.inputs)) {
      const inside = path.split('node_modules/').slice(1).at(-1);
      if (inside === undefined || bytesInOutput === 0) continue;
      const folder = path.slice(0, path.length - inside.length);
      const parts = inside.split('/');
      names.add(join(folder, ...parts.slice(0, parts[0].startsWith('@') ? 2 : 1)));
    }
  }
  return [...names].sort();
}

/** One text with the licence of every bundled package; a package without a licence file stops the build. */
async function licencesOf(metafile) {
  const texts = await Promise.all(
    packagesOf(metafile).map(async (folder) => {
      const manifest = JSON.parse(await readFile(join(root, folder, 'package.json'), 'utf8'));
      const file = (await readdir(join(root, folder))).find((name) => /^(licen[cs]e|copying)/i.test(name));
      if (file === undefined) throw new Error(`${folder} has no licence file: it cannot be bundled`);
      const licence = await readFile(join(root, folder, file), 'utf8');
      return `${manifest.name} ${manifest.version} (${manifest.license})\n\n${licence.trim()}\n`;
    }),
  );
  return `mailctl contains the packages below, under their licences.\n\n${texts.join(`\n${'-'.repeat(78)}\n\n`)}`;
}

/**
 * commander loads node:child_process for subcommands that are programs of their own. We have none, and loading it
 * costs a quarter of a bare node start.
 */
const withoutChildProcess = {
  name: 'commander-without-child-process',
  setup(setup) {
    setup.onResolve({ filter: /^node:child_process$/ }, ({ importer }) =>
      importer.includes('node_modules/commander/') ? { path: 'none', namespace: 'absent' } : undefined,
    );
    setup.onLoad({ filter: /^none$/, namespace: 'absent' }, () => ({ contents: 'module.exports = {};' }));
  },
};

const bundle = await build({
  absWorkingDir: root,
  entryPoints: { main: 'src/main.ts' },
  outdir: 'dist',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target,
  external: EXTERNAL,
  legalComments: 'inline',
  chunkNames: 'chunks/[name]-[hash]',
  metafile: true,
  plugins: [withoutChildProcess],
  write: false,
  logLevel: 'warning',
});

/** The chunks that main.js loads at once, by file name, main.js itself included. */
function loadedAtStart(metafile) {
  const reached = new Set();
  const next = ['dist/main.js'];
  for (let path = next.pop(); path !== undefined; path = next.pop()) {
    if (reached.has(path) || metafile.outputs[path] === undefined) continue;
    reached.add(path);
    for (const { path: other, kind } of metafile.outputs[path].imports) {
      if (kind === 'import-statement') next.push(other);
    }
  }
  return new Set([...reached].map((path) => basename(path)));
}

/** The chunks that a command loads, by running it (keep-compiled-code.mjs knows which). */
function loadedBy(command, folder) {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(root, 'scripts/keep-compiled-code.mjs'), folder, command],
    { stdio: ['ignore', 'pipe', 'pipe'], encoding: 'utf8' },
  );
  if (status !== 0) throw new Error(`what ${command} loads could not be found out: ${stderr}`);
  return new Set(stdout.split('\n').flatMap((line) => /^(?:chunks\/)?(.+\.js)$/.exec(line)?.[1] ?? []));
}

/**
 * Which chunks stand in one file, by the file's name, since to open and compile a file costs more than a small chunk itself:
 * what every start loads, with what both the help and `queue stats` do (asked for most, and in a hurry); then, in
 * this order and without what stands already, the rest of what each of these adds; `whole` is the rest of the program's help.
 */
function filesOf(metafile, folder) {
  const [help, stats] = ['help', 'stats'].map((name) => loadedBy(name, folder));
  const start = new Set([...loadedAtStart(metafile), ...[...help].filter((name) => stats.has(name))]);
  const files = { 'start.js': [...start] };
  const placed = new Set(start);
  const add = (file, names) => {
    files[file] = [...names].filter((name) => !placed.has(name));
    for (const name of names) placed.add(name);
  };
  add('stats.js', stats);
  add('whole.js', help);
  for (const name of ['listing', 'parser', 'config', 'table']) add(`${name}.js`, loadedBy(name, folder));
  return files;
}

/**
 * The text of such a file: a function that gives a table, of what others want of its chunks, by name. The chunks are
 * bundled once more, so that what one has of another is a variable and not a look into an object that was copied
 * member by member: that made up half the time that is ours of a start. Each chunk still begins when it is first wanted.
 */
async function tableOf(names, texts, wanted) {
  const members = new Set(names);
  const virtual = {
    name: 'chunks',
    setup(setup) {
      setup.onResolve({ filter: /\.js$/ }, ({ path }) => {
        const name = basename(path);
        return members.has(name) ? { path: name, namespace: 'chunk' } : { path: `./${name}`, external: true };
      });
      setup.onLoad({ filter: /./, namespace: 'chunk' }, ({ path }) => ({ contents: texts.get(path) }));
    },
  };
  const entries = names
    .filter((name) => wanted.has(name))
    .map((name) => `${JSON.stringify(name)}: () => require(${JSON.stringify(`./${name}`)})`);
  const { outputFiles } = await build({
    stdin: { contents: `module.exports = {\n${entries.join(',\n')}\n};`, resolveDir: root },
    bundle: true,
    ...toCommon,
    external: EXTERNAL,
    plugins: [virtual],
    write: false,
  });
  // esbuild hands a chunk out as a copy that is marked as an ES module; ours know what they are.
  const marked = /^var __toCommonJS = .*$/m;
  if (!marked.test(outputFiles[0].text)) throw new Error('esbuild hands chunks out in another way by now');
  const text = outputFiles[0].text.replace(
    marked,
    'var __toCommonJS = (mod) => __defProp(mod, "__esModule", { value: true });',
  );
  // In parentheses a function is compiled at once, not looked over first and compiled when it is called.
  return `(function (module, exports, require) {\n${text}})\n`;
}

/** The chunks that others than those of the same file load, and main.js. */
function wantedFrom(metafile, names) {
  const members = new Set(names);
  const wanted = new Set(['main.js']);
  for (const [path, { imports }] of Object.entries(metafile.outputs))
    if (!members.has(basename(path))) for (const { path: other } of imports) wanted.add(basename(other));
  return wanted;
}

/**
 * The loader, dist/main.js: chunks by name, from the file that each stands in. It does what node's own would, without
 * its walk over the disk for each, and with the code that V8 compiled when the program was built: compiling was more
 * than a third of a start. Code of another version of node is turned away by V8, and the source compiled again.
 */
const loaderFor = (files) => `"use strict";
const { readFileSync } = require("node:fs");
const { Script } = require("node:vm");
const scripts = new Map();
function evaluate(file, before, after) {
  const path = __dirname + "/" + file;
  const source = before + readFileSync(path, "latin1") + after;
  let cachedData;
  try {
    cachedData = readFileSync(path + ".code");
  } catch {
    // Built without: it is compiled.
  }
  const script = new Script(source, { filename: path, cachedData });
  scripts.set(file, script);
  return script.runInThisContext();
}
const places = new Map(Object.entries(${JSON.stringify(files)}).flatMap(([file, names]) => names.map((name) => [name, file])));
const tables = new Map();
function functionOf(name) {
  const file = places.get(name);
  if (file === undefined) return evaluate("chunks/" + name, "(function (module, exports, require) {", "\\n})");
  return (module) => { module.exports = tableOf(file)[name](); };
}
function tableOf(file) {
  let table = tables.get(file);
  if (table === undefined) {
    const module = { exports: {} };
    evaluate(file, "", "")(module, module.exports, requireFrom);
    tables.set(file, (table = module.exports));
  }
  return table;
}
const requireFrom = (id) => (id.startsWith(".") ? chunk(id.slice(id.lastIndexOf("/") + 1)) : require(id));
const loaded = new Map();
function chunk(name) {
  const known = loaded.get(name);
  if (known !== undefined) return known.exports;
  const module = { exports: {} };
  loaded.set(name, module);
  functionOf(name)(module, module.exports, requireFrom);
  return module.exports;
}
Object.defineProperties(exports, Object.getOwnPropertyDescriptors(chunk("main.js")));
Object.defineProperty(exports, "scripts", { value: scripts, enumerable: false });
Object.defineProperty(exports, "loaded", { value: loaded, enumerable: false });
`;

/** How ES module text becomes CommonJS. */
const toCommon = {
  format: 'cjs',
  platform: 'node',
  target,
  supported: { 'dynamic-import': false },
  legalComments: 'inline',
  logLevel: 'warning',
};

/** A chunk without its comments (licences stay), which compiles faster; the next pass lays the code out again. */
async function bareText(text) {
  return (await transform(text, { minifyWhitespace: true, legalComments: 'inline', target })).code;
}

/**
 * Has the program do what it is started for most, and keeps what V8 compiled for that beside each file. Without
 * it the program runs as well.
 */
function keepCompiledCode(folder) {
  const { status, stderr } = spawnSync(
    process.execPath,
    [join(root, 'scripts/keep-compiled-code.mjs'), folder],
    { stdio: ['ignore', 'ignore', 'pipe'], encoding: 'utf8' },
  );
  if (status !== 0) throw new Error(`the compiled code could not be kept: ${stderr}`);
}

// Built beside dist and then put in its place by two renames: a build that fails leaves the old one.
const fresh = join(root, `dist.new-${process.pid}`);
try {
  await mkdir(join(fresh, 'chunks'), { recursive: true });
  const texts = new Map();
  for (const file of bundle.outputFiles) {
    const name = basename(file.path);
    texts.set(name, await bareText(file.text));
    await writeFile(join(fresh, 'chunks', name), (await transform(texts.get(name), toCommon)).code);
  }
  await writeFile(
    join(fresh, 'package.json'),
    `${JSON.stringify({ type: 'commonjs', builtWith: process.version })}\n`,
  );
  await writeFile(join(fresh, 'main.js'), loaderFor({}));
  const files = filesOf(bundle.metafile, fresh);
  for (const [file, names] of Object.entries(files)) {
    await writeFile(join(fresh, file), await tableOf(names, texts, wantedFrom(bundle.metafile, names)));
    for (const name of names) await rm(join(fresh, 'chunks', name));
  }
  await writeFile(join(fresh, 'main.js'), loaderFor(files));
  await writeFile(join(fresh, 'THIRD-PARTY-LICENSES.txt'), await licencesOf(bundle.metafile));
  await writeFile(join(fresh, 'meta.json'), JSON.stringify(bundle.metafile));
  keepCompiledCode(fresh);
  const old = join(root, `dist.old-${process.pid}`);
  await rename(dist, old).catch((error) => {
    if (error.code !== 'ENOENT') throw error;
  });
  await rename(fresh, dist);
  await rm(old, { recursive: true, force: true });
} finally {
  await rm(fresh, { recursive: true, force: true });
}
