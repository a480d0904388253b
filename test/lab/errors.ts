/** The one error that the lab throws on purpose: its message is meant for the person at the terminal. */
export class LabError extends Error {
  override name = 'LabError';
}
