// The version, from package.json; the bundle carries it as text.
import manifest from '../../package.json' with { type: 'json' };

/** `0.1.0`. */
export const version: string = manifest.version;
