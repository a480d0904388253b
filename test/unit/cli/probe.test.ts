// `mailctl probe` at the command line: mistakes are told before anything is looked at, with what would be right, and a
// script that wants JSON has its document all the same.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runCli } from '../../support/run-cli.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mailctl-cli-probe-'));
  writeFileSync(
    join(folder, 'mailctl.yaml'),
    'hosts: { mx1: { transport: local } }\n' +
      'destinations: { gmail: { domains: [gmail.example] } }\n' +
      'uplinks: { level3: { host: mx1, source: 198.51.100.10 } }\n',
  );
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const run = (...words: string[]) =>
  runCli([...words, '--config', join(folder, 'mailctl.yaml')], { env: { HOME: folder } });

describe('mailctl probe', () => {
  it.each([
    [['probe', 'gmial'], 'no destination is called "gmial"', 'did you mean gmail?'],
    [['probe', 'smpt'], 'no destination is called "smpt"', 'did you mean mailctl probe smtp?'],
    [['probe', '--uplink', 'level2'], 'no uplink is called "level2"', 'did you mean level3?'],
    [['probe', '--uplink', 'nope'], 'no uplink is called "nope"', 'there are level3'],
    [['probe', 'smtp', 'x.example', '--uplink', 'nope'], 'no uplink is called "nope"', 'there is level3'],
    [
      ['probe', 'route', 'x.example', '--uplink', 'level2'],
      'no uplink is called "level2"',
      'did you mean level3?',
    ],
    [['probe', '--from', 'mx2'], 'no host is called "mx2"', 'did you mean mx1?'],
    [['probe', 'user@example.net'], 'is no destination', '192.0.2.25'],
    [['probe', '\u001b[2Jx'], 'is no destination', '192.0.2.25'],
    [['probe', '--watch', '-o', 'json'], '--watch has no end', '-o ndjson'],
    [['probe', 'gmial', '--watch'], 'no destination is called "gmial"', 'did you mean gmail?'],
    [['probe', 'dns'], 'there is no domain to ask about', 'probe.domains'],
    [['probe', 'dns', 'a b'], 'is no domain', 'example.net'],
  ])('%j is a mistake, and the hint helps', async (words, message, hint) => {
    const { code, stdout, stderr } = await run(...words);
    const said = stdout + stderr;
    expect(code).toBe(2);
    expect(said).toContain(message);
    expect(said).toContain(hint);
    expect(said).not.toContain('\u001b');
  });

  it('prints its document for a mistake, too', async () => {
    const { code, stdout } = await run('probe', '--uplink', 'level2', '-o', 'json');
    expect(code).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject({
      schema: 'mailctl/probe/v1',
      verdicts: [],
      cells: [],
      destinations: [],
      errors: [{ code: 'usage' }],
    });
  });
});
