// Runs state-child.ts in processes of its own: bundled once, so that twenty of them start in a moment.
import { type SpawnOptions, spawn } from 'node:child_process';
import { mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';

/** Bundles the child beside node_modules, where the native library is found; gives the file. */
export async function buildStateChild(): Promise<string> {
  const root = new URL('../../', import.meta.url).pathname;
  const folder = join(root, 'node_modules/.cache');
  mkdirSync(folder, { recursive: true });
  const outfile = join(folder, `mailctl-state-child-${process.pid}.mjs`);
  await build({
    entryPoints: [join(root, 'test/support/state-child.ts')],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    external: ['libsql', 'pg'],
    logLevel: 'error',
  });
  // One file for all: whoever runs the one before keeps it, and nothing piles up.
  const child = join(folder, 'mailctl-state-child.mjs');
  renameSync(outfile, child);
  return child;
}

/**
 * Runs a program and gives the JSON that it printed last; its stderr is part of the error when there is none. When
 * it prints `?`, `onQuestion` is called and the answer is a newline.
 */
export function runForJson(
  argv: readonly string[],
  options: SpawnOptions = {},
  onQuestion?: () => Promise<void>,
): Promise<unknown> {
  const [program = '', ...args] = argv;
  const child = spawn(program, args, { ...options, stdio: ['pipe', 'pipe', 'pipe'] });
  child.stdin?.on('error', () => undefined);
  let stdout = '';
  let stderr = '';
  child.stdout?.on('data', (chunk) => {
    stdout += chunk;
    if (String(chunk).includes('?')) void onQuestion?.().finally(() => child.stdin?.end('\n'));
  });
  child.stderr?.on('data', (chunk) => {
    stderr += chunk;
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status, signal) => {
      const last = stdout.trim().split('\n').at(-1);
      if (last) resolve(JSON.parse(last));
      else reject(new Error(`${argv.join(' ')} printed nothing (${status ?? signal}): ${stderr}`));
    });
  });
}
