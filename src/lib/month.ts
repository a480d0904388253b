// The names of months as mail servers and syslog write them, in the C locale. Pure.

const NAMES = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** 0 to 11; -1: it is none. */
export function monthOf(name: string): number {
  return NAMES.indexOf(name);
}
