/** The product as tests of the lab run it: the built bin/mailctl, as a process of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { productEnv } from './product.js';
import type { Lab } from './spec.js';

const bin = fileURLToPath(new URL('../../bin/mailctl.js', import.meta.url));

/** What a run of the product looked like from outside. */
export interface Ran {
  /** Exit code; null: killed. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly tookMs: number;
}

/** A run that has been started. */
export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ran>;
}

/** How the product is run; `env` over the lab's own. */
export interface MailctlOptions {
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts it. */
export function startMailctl(lab: Lab, words: readonly string[], options: MailctlOptions = {}): Running {
  const startedAt = performance.now();
  const child = spawn(process.execPath, [bin, ...words], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...productEnv(lab), ...options.env },
  });
  const text = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk) => {
    text.stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    text.stderr += chunk;
  });
  const ended = new Promise<Ran>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, ...text, tookMs: performance.now() - startedAt }));
  });
  return { child, ended };
}

/** Runs it to its end. */
export function mailctl(lab: Lab, words: readonly string[], options?: MailctlOptions): Promise<Ran> {
  return startMailctl(lab, words, options).ended;
}

/** The JSON document that it printed. */
export async function mailctlJson<T = Record<string, unknown>>(
  lab: Lab,
  words: readonly string[],
  options?: MailctlOptions,
): Promise<Ran & { readonly json: T }> {
  const ran = await mailctl(lab, [...words, '-o', 'json'], options);
  try {
    return { ...ran, json: JSON.parse(ran.stdout) as T };
  } catch {
    throw new Error(`no JSON from mailctl ${words.join(' ')}: ${ran.stdout.slice(0, 300)}\n${ran.stderr}`);
  }
}

/** The journals of a state directory (XDG_STATE_HOME), newest last: their lines. */
export function journals(stateHome: string): readonly (readonly string[])[] {
  const dir = path.join(stateHome, 'mailctl', 'runs');
  if (!fs.existsSync(dir)) return [];
  const files = fs.readdirSync(dir).filter((file) => file.endsWith('.ndjson'));
  return files.map((file) => fs.readFileSync(path.join(dir, file), 'utf8').split('\n').filter(Boolean));
}
