// Which instances a host has, by the site's own template of their configdirectory: its placeholders become a pattern
// that the host's shell matches against its folders, and every path that comes back is read by the template again.
// The pattern is data of a fixed script; a folder's name is only ever compared.
import type { CyrusConfig } from '../../config/config.js';
import type { FoundInstance } from '../../slot/driver.js';

/** $1 is a pattern; prints the folders that fit. A name with a newline is not one of ours. */
export const FIND_SCRIPT = String.raw`
set +f
IFS=
NL='
'
for found in $1; do
  [ -d "$found" ] || continue
  case $found in *"$NL"*) continue ;; esac
  printf '%s\n' "$found"
done
`;

const PLACEHOLDER = /\{(slot|instance|host|address)\}/g;

/** The pattern for a host. What means something to a shell stands for itself. */
export function findPattern(config: Pick<CyrusConfig, 'configDir'>, host: string): string {
  return parts(config.configDir)
    .map((part) => (part === '{host}' ? literal(host) : part.startsWith('{') ? '*' : literal(part)))
    .join('');
}

/** Reads what the script printed: folders whose path says what they are. */
export function parseFound(
  config: Pick<CyrusConfig, 'configDir'>,
  host: string,
  stdout: string,
): readonly FoundInstance[] {
  const seen = new Set<string>();
  let source = '';
  for (const part of parts(config.configDir)) {
    const name = PLACEHOLDER.test(part) ? part.slice(1, -1) : undefined;
    PLACEHOLDER.lastIndex = 0;
    if (name === undefined || name === 'host') source += escaped(name === undefined ? part : host);
    else if (seen.has(name)) source += `\\k<${name}>`;
    else source += `(?<${name}>[^/]+)`;
    if (name !== undefined) seen.add(name);
  }
  const form = new RegExp(`^${source}$`);
  return stdout.split('\n').flatMap((path) => {
    const match = form.exec(path);
    if (match === null) return [];
    const { slot, instance, address } = match.groups ?? {};
    return [{ path, slot, instance, address }];
  });
}

/** `/srv/{slot}/conf` to `/srv/`, `{slot}`, `/conf`. */
function parts(template: string): readonly string[] {
  return template.split(/(\{(?:slot|instance|host|address)\})/).filter((part) => part !== '');
}

function literal(text: string): string {
  return text.replace(/[*?[]/g, '[$&]').replaceAll('\\', '?');
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
}
