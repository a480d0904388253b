// How much computing something is. What a test says of a parser's time must not depend on what else the machine does.

/** ms of processor time since the process began. */
export function cpuTime(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
