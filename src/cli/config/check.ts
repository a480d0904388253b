// `mailctl config check`: every fault of the configuration with its place and what would be right. Asks no host.

import type { CheckedFault, CheckReport } from '../../config/check.js';
import { EXIT } from '../../errors.js';
import { counted } from '../../lib/count-text.js';
import type { Column } from '../../output/columns/column.js';
import type { Line } from '../../output/line.js';
import { defineCommand } from '../command.js';

const columns: readonly Column<CheckedFault>[] = [
  { key: 'level', header: 'LEVEL', value: (fault) => fault.level },
  { key: 'line', header: 'LINE', value: (fault) => fault.line, align: 'right' },
  { key: 'column', header: 'COL', value: (fault) => fault.column, align: 'right' },
  { key: 'path', header: 'PATH', value: (fault) => fault.path },
  { key: 'what', header: 'WHAT', value: (fault) => fault.what, mayCut: true },
  { key: 'right', header: 'RIGHT', value: (fault) => fault.right ?? null, mayCut: true },
];

/** The command. */
export const configCheckCommand = defineCommand({
  name: 'config check',
  summary: 'Check the configuration file strictly',
  description:
    'Reports every fault of every section as file:line:column with what would be right, and looks at the files ' +
    'that the configuration names. Exits 2 when there is an error, 0 with warnings only. It asks no host: whether ' +
    'ssh and sudo work is what slots list tells.',
  args: {},
  options: {},
  examples: [
    ['mailctl config check', 'the file that every command uses'],
    ['mailctl config check --config ./mailctl.yaml', 'a file before it is put in place'],
  ],
  sections: [],
  json: {
    schema: 'mailctl/config-check/v1',
    empty: () => ({ file: null, ok: false, faults: [] }),
  },
  async run(_options, { output, globals, env }) {
    const { checkConfig } = await import('../../config/check.js');
    const report = await checkConfig({ file: globals.config, env });
    const ok = report.faults.every((fault) => fault.level !== 'error');
    await output.print({
      schema: 'mailctl/config-check/v1',
      document: () => ({
        file: report.file ?? null,
        ok,
        faults: report.faults.map((fault) => ({ ...fault, right: fault.right ?? null })),
        errors: [],
      }),
      rows: report.faults,
      columns,
      screen: () => checkScreen(report),
    });
    return ok ? EXIT.done : EXIT.usage;
  },
});

/** A line for each fault, then the sum. */
export function checkScreen({ file, searched, faults }: CheckReport): readonly Line[] {
  if (file === undefined) {
    return [
      'no configuration file: the built-in defaults hold, with this machine as the only host',
      `looked for ${searched.join(' and ')}`,
      'next  mailctl config init   prints a commented starting file',
    ];
  }
  const lines: Line[] = faults.map((fault) => [
    `${file}:${fault.line}:${fault.column}: `,
    { text: fault.level, tone: fault.level === 'error' ? 'bad' : 'warn' },
    `: ${fault.path === '' ? '' : `${fault.path}: `}${fault.what}${fault.right === undefined ? '' : `; ${fault.right}`}`,
  ]);
  const errors = faults.filter((fault) => fault.level === 'error').length;
  const warnings = faults.length - errors;
  lines.push(
    errors + warnings === 0
      ? [`${file}: `, { text: 'ok', tone: 'good' }]
      : `${file}: ${counted(errors, 'error')}, ${counted(warnings, 'warning')}`,
  );
  return lines;
}
