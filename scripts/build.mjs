// Bundles src/main.ts into dist/: CommonJS chunks, split by what is loaded lazily, not minified, licences kept.
// esbuild splits only ES modules, and CommonJS starts faster (by a quarter of a bare node start), so there are
// two passes: bundle and split as ES modules, then turn each chunk into CommonJS, import() into a lazy require.
// What has native parts stays outside and is found in node_modules.
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
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

// Built beside dist and then put in its place, so that a run of mailctl meanwhile finds one or the other.
const fresh = join(root, `dist.new-${process.pid}`);
try {
  for (const file of bundle.outputFiles) {
    const path = join(fresh, file.path.slice(dist.length));
    // Without its comments (licences stay) a chunk compiles faster; the second pass lays the code out again.
    const bare = await transform(file.text, { minifyWhitespace: true, legalComments: 'inline', target });
    const chunk = await transform(bare.code, {
      format: 'cjs',
      platform: 'node',
      target,
      supported: { 'dynamic-import': false },
      legalComments: 'inline',
      logLevel: 'warning',
    });
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, chunk.code);
  }
  await writeFile(join(fresh, 'package.json'), '{ "type": "commonjs" }\n');
  await writeFile(join(fresh, 'THIRD-PARTY-LICENSES.txt'), await licencesOf(bundle.metafile));
  await writeFile(join(fresh, 'meta.json'), JSON.stringify(bundle.metafile));
  const old = join(root, `dist.old-${process.pid}`);
  await rename(dist, old).catch((error) => {
    if (error.code !== 'ENOENT') throw error;
  });
  await rename(fresh, dist);
  await rm(old, { recursive: true, force: true });
} finally {
  await rm(fresh, { recursive: true, force: true });
}
