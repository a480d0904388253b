// The configuration for one command: faults in the sections that it needs stop it, faults in any other are
// warnings and that section has its defaults, so that a typo under `destinations` does not stop a failover.
import { ConfigError } from '../errors.js';
import type { Config, Section } from './config.js';
import { type Fault, formatFault } from './faults.js';
import { normalizeConfig } from './normalize.js';
import { type ConfigRequest, openConfig } from './open.js';

/** What a command asks for. */
export interface LoadRequest extends ConfigRequest {
  /** The sections that it needs. */
  readonly sections: readonly Section[];
}

/** A configuration, and what is wrong in the parts that were not asked for: one line per section. */
export interface LoadedConfig {
  readonly config: Config;
  readonly warnings: readonly string[];
}

/**
 * Loads the configuration; without any file the built-in defaults, with this machine as the only host.
 * @throws ConfigError with file:line:col of the first fault in the message and the others in the detail.
 */
export async function loadConfig(request: LoadRequest): Promise<LoadedConfig> {
  const { around, text, flag } = await openConfig(request);
  if (text === undefined || around.file === undefined) {
    return { config: normalizeConfig({}, around), warnings: [] };
  }
  const { file } = around;
  const { parseConfigText } = await import('./parse.js');
  const parsed = await parseConfigText(text, around.thisHost);
  const isNeeded = (fault: Fault) =>
    fault.section === 'file' || (request.sections as readonly string[]).includes(fault.section);
  const [first, ...rest] = parsed.faults.filter(isNeeded);
  if (first !== undefined) {
    throw new ConfigError(formatFault(file, first), {
      code: parsed.isBroken ? 'config.syntax' : 'config.invalid',
      detail: rest.length === 0 ? undefined : listed(rest.map((fault) => formatFault(file, fault))),
      hint: `mailctl config check${flag}`,
    });
  }
  return { config: normalizeConfig(parsed.raw, around), warnings: warningsOf(file, parsed.faults, flag) };
}

function warningsOf(file: string, faults: readonly Fault[], flag: string): readonly string[] {
  const bySection = new Map<string, Fault[]>();
  for (const fault of faults) {
    bySection.set(fault.section, [...(bySection.get(fault.section) ?? []), fault]);
  }
  return [...bySection].map(([section, [first, ...rest]]) => {
    const more =
      rest.length === 0 ? '' : `, and ${rest.length} more fault${rest.length === 1 ? '' : 's'} there`;
    const effect = section === 'unknown' ? 'it means nothing' : `this command goes on without ${section}`;
    return `${first === undefined ? file : formatFault(file, first)}${more} (${effect}; mailctl config check${flag})`;
  });
}

/** A broken file can have a fault on every line. */
function listed(lines: readonly string[]): string {
  const shown = lines.slice(0, 20);
  if (lines.length > shown.length) shown.push(`and ${lines.length - shown.length} more`);
  return shown.join('\n');
}
